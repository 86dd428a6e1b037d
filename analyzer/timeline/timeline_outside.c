/* SPDX-License-Identifier: Apache-2.0
 *
 * Between two calls of uv_run: programs that run their loop now and then (editors, games, other
 * libraries' loops) do their own work there, and the loop's timers and descriptors wait for it as
 * they would for a callback. That it waits there for something itself, which is as it should be,
 * must not be taken for that: so a stay counts when a timer was late by blocking_ns, or descriptors
 * were ready at once when the loop was back. Another loop that the thread ran before does not
 * count. Whether the thread computed meanwhile, say samples (detect_outside.c).
 */
#include "timeline_internal.h"

#include <errno.h>

void outside_leave(struct stream *stream, uint64_t tick)
{
	if (stream->outside.span.duration > 0)
		outside_end(stream, 0);
	stream->outside.left_tick = tick;
}

void outside_enter(struct stream *stream, uint64_t tick, uint64_t loop)
{
	struct outside *outside = &stream->outside;
	uint64_t left = outside->left_tick, before = outside->loop;

	outside->loop = loop;
	if (stream->pool || loop != before || !stream->counted || left == 0 ||
	    tick < left + stream->blocking_ticks ||
	    timeline_clip(stream->timeline, left, tick) <
		tick - left) /* the rest was not asked for, or switched off */
		return;
	outside->span = (struct timeline_span){.tick = left,
					       .duration = tick - left,
					       .worker = stream->position,
					       .site = stream->site_count};
}

void outside_timer(struct stream *stream, uint64_t late)
{
	struct timeline_span *span = &stream->outside.span;

	if (late < stream->blocking_ticks)
		return;
	span->depth++;
	stream->facts->outside_late_ticks += late < span->duration ? late : span->duration;
}

void outside_end(struct stream *stream, uint64_t ready_at_once)
{
	struct timeline_span *span = &stream->outside.span;

	span->sure = ready_at_once;
	if ((span->depth > 0 || span->sure > 0) &&
	    timeline_top_add(&stream->partial->outside, span) < 0)
		stream->error = -ENOMEM;
	*span = (struct timeline_span){0};
}
