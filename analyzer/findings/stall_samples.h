/* SPDX-License-Identifier: Apache-2.0
 *
 * What each run of a callback was in, by the stall samples of that run: the kind of cause that most
 * of it was spent in. Runs of one callback are told apart by it.
 */
#ifndef STALL_SAMPLES_H
#define STALL_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>

#include "stall.h"

/* The samples of callbacks, and for each of them the one that stands for what its run was in for
 * longest; NULL: samples of that run did not tell. */
struct stall_samples {
	const struct stall *list;
	const struct stall **seen;
	size_t count;
};

/* Computing is one kind, so is each system call, and waiting for locks. */
bool stall_same_kind(const struct stall *a, const struct stall *b);
/* Of two samples of the same kind, the one to be told: it knows functions, then stands for more. */
bool stall_tells_more(const struct stall *a, const struct stall *b);
/* The thread was in exit(): the end of the program, which no callback does. */
bool stall_is_exit(const struct stall *stall);
/* Fills in `seen`, which the caller frees; false: no memory. */
bool stall_samples_judge(struct stall_samples *stall_samples);
/* What that run was in; NULL: nobody saw. */
const struct stall *stall_samples_seen(const struct stall_samples *stall_samples,
				       const struct timeline_span *span);

#endif
