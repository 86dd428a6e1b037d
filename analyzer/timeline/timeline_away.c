/* SPDX-License-Identifier: Apache-2.0
 *
 * Between two calls of uv_run: programs that run their loop now and then (editors, games, other libraries' loops) do
 * their own work there, and the loop's timers and descriptors wait for it as they would for a callback. That it waits
 * there for something itself, which is as it should be, must not be taken for that: so a stay counts when a timer was
 * late by hold_ns, or descriptors were ready at once when the loop was back. Whether the thread computed meanwhile, say
 * samples (findings_away.c).
 */
#include "timeline_internal.h"

#include <errno.h>

void away_leave(struct stream *stream, uint64_t tick)
{
	if (stream->away.span.duration > 0)
		away_end(stream, 0);
	stream->away.left_tick = tick;
}

void away_enter(struct stream *stream, uint64_t tick)
{
	struct away *away = &stream->away;
	uint64_t left = away->left_tick;

	if (stream->pool || !stream->counted || left == 0 || tick < left + stream->hold_ticks ||
	    timeline_clip(stream->timeline, left, tick) < tick - left) /* the rest was not asked for, or switched off */
		return;
	away->span = (struct timeline_span){
	    .tick = left, .duration = tick - left, .worker = stream->position, .site = stream->site_count};
}

void away_timer(struct stream *stream, uint64_t late)
{
	struct timeline_span *span = &stream->away.span;

	if (late < stream->hold_ticks)
		return;
	span->depth++;
	stream->facts->away_late_ticks += late < span->duration ? late : span->duration;
}

void away_end(struct stream *stream, uint64_t ready_at_once)
{
	struct timeline_span *span = &stream->away.span;

	span->sure = ready_at_once;
	if ((span->depth > 0 || span->sure > 0) && timeline_top_add(&stream->share->away, span) < 0)
		stream->error = -ENOMEM;
	*span = (struct timeline_span){0};
}
