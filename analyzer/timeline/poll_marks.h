/* SPDX-License-Identifier: Apache-2.0
 *
 * What the program said of itself inside a poll: the spans that it began or ended there and its
 * marks. So a long poll is tied to the request that it served.
 */
#ifndef POLL_MARKS_H
#define POLL_MARKS_H

#include "trace/marks.h"
#include "timeline.h"

#define POLL_MARKS_MAX 4 /* different ones that are kept, the first */

struct poll_mark {
	uint64_t value; /* of a span: its id */
	uint32_t name;
	bool span;
};

struct poll_marks {
	struct poll_mark list[POLL_MARKS_MAX];
	size_t count;
	uint64_t more; /* that are not kept; the same one may be counted again */
};

/* Reads the worker's events once more, from the poll's start to its end. Nothing where memory is
 * out. */
struct poll_marks poll_marks_read(struct trace *trace, const struct timeline *timeline,
				  const struct timeline_span *poll);
/* "request 0x2a, ticks 5 and 3 more"; the caller frees. NULL: there are none, or no memory. */
char *poll_marks_text(const struct trace_process *process, const struct poll_marks *marks);

#endif
