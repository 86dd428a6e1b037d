/* SPDX-License-Identifier: Apache-2.0
 *
 * One worker's items, or a part of them, from where data begins to where it ends. What each item
 * says is in timeline_events.c.
 */
#include <errno.h>

#include "timeline_internal.h"

/* ---- Where data begins ----------------------------------------------------------------------- */

/* Since when it is known what the worker did: a poll or a park that was open says it back to its
 * own start. */
static uint64_t known_since(const struct stream *stream, const struct trace_context *context,
			    size_t count, bool after_gap, uint64_t first_tick)
{
	uint64_t since = first_tick;

	if (stream->later && !stream->begun && !after_gap)
		return stream->last_tick;
	if (count > 0 && trace_word_code(context[count - 1].word) != TRACE_LOOP_ENTER &&
	    context[count - 1].tick < since)
		since = context[count - 1].tick;
	if (count == 0 && !stream->begun && !after_gap)
		since = stream->timeline->process->workers[stream->position].start_tick;
	if (since > first_tick)
		since = first_tick;
	return since < stream->last_tick ? stream->last_tick : since;
}

static void stream_resume(struct stream *stream, const struct trace_context *context, size_t count,
			  bool after_gap, uint64_t first_tick)
{
	uint64_t since = known_since(stream, context, count, after_gap, first_tick);
	bool goes_on = stream->later && !stream->begun && !after_gap;

	if (stream->begun) {
		park_leave(stream, stream->last_tick);
		inside_leave(stream, stream->last_tick);
	}
	if (after_gap) {
		events_lost(stream, since);
		iteration_end(stream);
	}
	open_take(&stream->open, context, count);
	nested_resume(stream, since);
	if (stream->open.parked && stream->open.park_tick < since)
		stream->open.park_tick = since;
	if (always_inside(stream) || open_has_loop(&stream->open) || stream->open.parked)
		inside_enter(stream, since);
	else if (goes_on)
		outside_leave(stream, since);
	/* uv_run was the last event of the part before. */
	if (goes_on && count > 0 && trace_word_code(context[count - 1].word) == TRACE_LOOP_ENTER &&
	    context[count - 1].tick == stream->before_tick)
		iteration_enter(stream, stream->before_tick);
	if (!goes_on) {
		watched_resume(stream, since, context, count, after_gap);
		xevent_add_begin(stream, since);
	}
	stream->begun = true;
}

/* ---- The interface --------------------------------------------------------------------------- */

void stream_begin(struct stream *stream, struct timeline *timeline, size_t position)
{
	const struct trace_worker *worker = &timeline->process->workers[position];

	*stream = (struct stream){
	    .timeline = timeline,
	    .facts = &timeline->workers[position],
	    .partial = &timeline->hidden->partial,
	    .xevents = &timeline->hidden->xevents[position],
	    .watched = timeline->hidden->watched ? &timeline->hidden->watched[position] : NULL,
	    .requests = timeline->hidden->request_partials
			    ? &timeline->hidden->request_partials[position]
			    : NULL,
	    .facts_windows = timeline->workers[position].windows,
	    .window_count = timeline->workers[position].window_count,
	    .position = position,
	    .pool = worker->role == TRACE_ROLE_POOL,
	    .whole = timeline->hidden->whole,
	    .site_count = (uint32_t)timeline->process->site_count,
	    .submit_site = (uint32_t)timeline->process->site_count,
	    .traits = timeline->hidden->traits,
	    .blocking_ticks = timeline->hidden->blocking_ticks,
	    .counted = timeline->options.worker == 0 || timeline->options.worker == worker->worker,
	};
}

int stream_feed(struct stream *stream, const struct trace_item *items, size_t count,
		const struct trace_context *context, size_t context_count, bool after_gap)
{
	if (count == 0)
		return stream->error;
	if (!stream->begun || context || after_gap)
		stream_resume(stream, context, context ? context_count : 0, after_gap,
			      items[0].tick);
	if (stream->watched && !watched_reserve(stream, count))
		return stream->error;
	events_take(stream, items, count);
	/* The last may be an event inside the poll before it. */
	for (size_t i = count > 1 ? count - 2 : 0; i < count; i++) {
		uint64_t end =
		    items[i].tick + (items[i].shape == TRACE_SHAPE_INSTANT ? 0 : items[i].duration);
		stream->last_tick = end > stream->last_tick ? end : stream->last_tick;
	}
	return stream->error;
}

static int polls_still_open(struct stream *stream, uint64_t tick)
{
	struct timeline *timeline = stream->timeline;
	uint32_t around = 0;

	for (uint32_t i = 0; i < stream->open.count; i++) {
		const struct trace_context *open = &stream->open.list[i];
		if (!trace_word_is_poll(open->word))
			continue;
		struct timeline_span span = {
		    .tick = open->tick,
		    .duration = tick > open->tick ? tick - open->tick : 0,
		    .worker = stream->position,
		    .site = site_of(stream, open->word),
		    .nested = around++ > 0,
		    .object = trace_word_object(open->word),
		};
		if (!span.nested)
			nested_tell(stream, tick, &span);
		if (!stream->counted || !timeline_overlaps(timeline, span.tick, tick))
			continue;
		if (timeline_top_add(&stream->partial->open, &span) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Where callbacks cannot be seen, what a program was in that died or lives: the iteration that its
 * loop began. */
static int iteration_still_open(struct stream *stream, uint64_t tick)
{
	const struct trace_process *process = stream->timeline->process;
	struct timeline_span span = {
	    .tick = stream->iteration.wake_tick,
	    .duration = tick - stream->iteration.wake_tick,
	    .worker = stream->position,
	    .site = (uint32_t)process->site_count,
	};

	if (!iteration_stands_for_polls(stream) || span.tick > tick ||
	    !(process->running || timeline_died(process)) || !stream->counted ||
	    !timeline_overlaps(stream->timeline, span.tick, tick))
		return 0;
	return timeline_top_add(&stream->partial->open, &span);
}

int stream_end(struct stream *stream, uint64_t tick)
{
	if (!stream->begun || stream->ended)
		return stream->error;
	if (tick < stream->last_tick)
		tick = stream->last_tick;
	int error = polls_still_open(stream, tick);
	if (error == 0)
		error = iteration_still_open(stream, tick);
	stream_suspend(stream, tick);
	return error < 0 ? error : stream->error;
}

int stream_suspend(struct stream *stream, uint64_t tick)
{
	watched_end_poll(stream);
	park_leave(stream, tick);
	inside_leave(stream, tick);
	spinning_row_end(stream);
	iteration_end(stream);
	windows_flush(stream);
	stream->ended = true;
	return stream->error;
}
