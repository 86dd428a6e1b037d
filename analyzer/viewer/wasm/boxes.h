/* SPDX-License-Identifier: Apache-2.0
 *
 * From items to what is drawn: boxes, one for each poll, wait and hole of a worker, in the order of
 * their ends. Where callbacks cannot be seen (tier "libc"), an iteration of the loop stands for
 * those that it ran: a poll of no site, as in the timeline.
 *
 * Rules: the same part of a worker's stream always gives the same boxes, so levels of detail can be
 * made of them once and a part be decoded again when it is looked at closely.
 */
#ifndef VIEWER_BOXES_H
#define VIEWER_BOXES_H

#include <stdbool.h>
#include <stddef.h>

#include "format/open_stack.h"
#include "trace/reader.h"

enum box_type {
	BOX_POLL,  /* a callback, or a work function */
	BOX_WORK,  /* a request's work on the pool that is no callback */
	BOX_PARK,  /* object: ready fds */
	BOX_TURN,  /* a wait of no length; object: ready fds */
	BOX_ENTER, /* uv_run begins, and with it an iteration */
	BOX_HOLE,  /* object: events lost or missing */
	BOX_TYPES
};

#define BOX_UNWOUND 1 /* left by an exception, longjmp or the thread's end */
#define BOX_UNENDED 2 /* its end was not recorded */
#define BOX_OPEN    4 /* still open where the trace ends */
#define BOX_MISSING 8 /* hole: recorded once, but not in these files */

struct box {
	uint64_t tick, duration, object;
	uint32_t site; /* polls and work */
	uint8_t type, depth;
	uint16_t flags;
};

#define BOX_OPEN_MAX	(OPEN_STACK_MAX + 1)	     /* an iteration */
#define BOX_ROOM(items) (2 * (items) + BOX_OPEN_MAX) /* an iteration, and the wait behind it */

struct box_stream {
	uint32_t site_count;
	bool iterations_are_polls;
	bool ends_inside; /* the end of what is read shows that an iteration goes on or was fatal */
	uint64_t iteration_tick; /* 0: none is known */
	uint64_t last_tick;
	struct open_stack open;
};

/* Where a block begins: what is open there (NULL: as before). `after_gap`: events are missing. */
void box_stream_begin(struct box_stream *stream, const struct trace_context *context, size_t count,
		      bool after_gap);
/* Appends boxes to `out`, which has room for BOX_ROOM(count); returns how many. */
size_t box_stream_feed(struct box_stream *stream, const struct trace_item *items, size_t count,
		       struct box *out);
/* What is open where everything ends. At most BOX_OPEN_MAX. */
size_t box_stream_end(struct box_stream *stream, uint64_t tick, struct box *out);

#endif
