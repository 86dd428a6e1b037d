/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile by function: whose own time it was, in callbacks of which kind.
 */
#ifndef PROFILE_ROWS_H
#define PROFILE_ROWS_H

#include "report.h"

struct profile_row {
	const char *function; /* the program's innermost one, with file and first line */
	const char *kind;     /* of the callback */
	enum work_reason reason;
	uint64_t samples, ticks;
};

/* By time, the most first. NULL only when memory is out; the caller frees. */
struct profile_row *profile_rows(const struct report *report, size_t *count);

/* The time that all samples stand for. */
uint64_t profile_ticks(const struct stalls *profile);

/* The name of a frame by which flame graphs and tables count: a script's function by where it
 * begins, as a function that computes is seen at many lines. */
const char *profile_frame_name(const struct report *report, const struct stack_frame *frame);

#endif
