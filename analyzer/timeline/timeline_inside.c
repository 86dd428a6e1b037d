/* SPDX-License-Identifier: Apache-2.0
 *
 * When a worker is inside (in uv_run; a pool worker while it lives), and when it waits there.
 */
#include "timeline_internal.h"

void inside_enter(struct stream *stream, uint64_t tick)
{
	if (stream->inside)
		return;
	stream->inside = true;
	stream->inside_tick = tick;
}

void inside_leave(struct stream *stream, uint64_t tick)
{
	if (stream->inside) {
		stream->facts->inside_ticks +=
		    timeline_clip(stream->timeline, stream->inside_tick, tick);
		outside_leave(stream, tick);
	}
	stream->inside = false;
}

/* A loop's wait that was over at once did not sleep: that is busy time. */
static bool park_slept(const struct stream *stream, uint64_t tick)
{
	return stream->pool || tick < stream->open.park_tick ||
	       tick - stream->open.park_tick > stream->timeline->hidden->at_once_ticks;
}

void park_leave(struct stream *stream, uint64_t tick)
{
	if (stream->open.parked && park_slept(stream, tick)) {
		stream->facts->parked_ticks +=
		    timeline_clip(stream->timeline, stream->open.park_tick, tick);
		windows_park(stream, stream->open.park_tick, tick);
	}
	stream->open.parked = false;
}

bool always_inside(const struct stream *stream)
{
	return stream->pool ||
	       (stream->timeline->process->tier == TRACE_TIER_LIBC &&
		stream->timeline->process->workers[stream->position].role == TRACE_ROLE_LOOP);
}

void park_lose_end(struct stream *stream, uint64_t tick)
{
	if (stream->open.parked)
		park_leave(stream,
			   timeline_off_between(stream->timeline, stream->open.park_tick, tick));
}
