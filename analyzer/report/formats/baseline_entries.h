/* SPDX-License-Identifier: Apache-2.0
 *
 * What of a process is compared with an older trace: its callbacks, its transactions by signature,
 * and all transactions that begin in one callback together, as a signature changes with the
 * program.
 *
 * Rules: names alone tell whether two are the same, never addresses or lines.
 */
#ifndef BASELINE_ENTRIES_H
#define BASELINE_ENTRIES_H

#include "report/report.h"

struct baseline_entry {
	const struct timeline *timeline;
	const char *kind, *name, *module; /* what it goes by */
	const char *root_kind, *text;	  /* what is told: of the callback, or of the root */
	const char *signature;		  /* of transactions; NULL: a callback */
	bool in_pool;
	const struct histogram *durations;
	const struct baseline_entry *only; /* of all of a root: its only signature, if it has one */
};

struct baseline_entries {
	struct baseline_entry *list;
	size_t count;
	char **texts; /* private, as are: */
	size_t text_count;
	struct histogram *merged;
	size_t merged_count;
};

/* `transactions` may be NULL. 0 or -ENOMEM; baseline_entries_free() frees either way. */
int baseline_entries_make(const struct timeline *timeline, const struct transactions *transactions,
			  struct symbols *symbols, struct baseline_entries *entries);
void baseline_entries_free(struct baseline_entries *entries);

#endif
