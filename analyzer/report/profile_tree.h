/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile as a tree: callbacks, below each the functions that its samples saw, outermost first,
 * equal ones merged. What flame graphs are drawn from.
 */
#ifndef PROFILE_TREE_H
#define PROFILE_TREE_H

#include "report.h"

struct profile_node {
	const char *kind; /* of a callback; NULL: a function */
	const char *name; /* NULL: branches that are too small to be told */
	bool scanned, is_script;
	uint32_t depth;	   /* 0: a callback */
	uint32_t branches; /* that it stands for, where it has no name */
	uint64_t samples, ticks;
};

/* Each node is followed by its children, by name. Of more than `most` (at least 1) the smallest
 * ones are merged, in each node by themselves. NULL only when memory is out; the caller frees. */
struct profile_node *profile_tree(const struct report *report, size_t most, size_t *count);

#endif
