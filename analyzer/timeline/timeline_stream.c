/* SPDX-License-Identifier: Apache-2.0
 *
 * One worker's items, in stream order: keeps what is open on the worker, adds up its polls, parks and time inside,
 * and hands on what the pool must know.
 *
 * Rules: any order of items is taken, since events may be lost anywhere. A wait shows that no poll is open in the
 * innermost loop, leaving a loop that none is open in it: polls that are open nevertheless have lost their end, and
 * are counted as such, without a duration.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timeline_internal.h"

static bool code_is_submit(uint32_t code)
{
	return code >= TRACE_CODE_SUBMIT && code < TRACE_CODE_END;
}

/* ---- Crossings ------------------------------------------------------------------------------------------------ */

static int queue_grow(struct crossing_queue *queue)
{
	size_t waiting = queue->end - queue->first;

	if (queue->first > queue->room / 2) {
		memmove(queue->entries, queue->entries + queue->first, waiting * sizeof(*queue->entries));
	} else {
		size_t room = queue->room ? queue->room * 2 : 64;
		struct crossing *entries = malloc(room * sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		if (waiting)
			memcpy(entries, queue->entries + queue->first, waiting * sizeof(*entries));
		free(queue->entries);
		queue->entries = entries;
		queue->room = room;
	}
	queue->first = 0;
	queue->end = waiting;
	return 0;
}

int crossing_queue_move(struct crossing_queue *to, struct crossing_queue *from)
{
	struct crossing_queue empty = {0};

	if (to->first == to->end) {
		free(to->entries);
		*to = *from;
		*from = empty;
		return 0;
	}
	while (to->room - to->end < from->end - from->first) {
		if (queue_grow(to) < 0)
			return -ENOMEM;
	}
	memcpy(to->entries + to->end, from->entries + from->first, (from->end - from->first) * sizeof(*to->entries));
	to->end += from->end - from->first;
	free(from->entries);
	*from = empty;
	return 0;
}

static void crossing_add(struct stream *stream, uint64_t tick, uint64_t word)
{
	struct crossing_queue *queue = stream->crossings;

	if (queue->end == queue->room && queue_grow(queue) < 0) {
		stream->error = -ENOMEM;
		return;
	}
	queue->entries[queue->end++] = (struct crossing){tick, word};
}

/* A wake-up's callback: with it goes how long ago the wait ended, and how long that was. */
static void crossing_add_wakeup(struct stream *stream, uint64_t tick, uint64_t word)
{
	uint64_t wake = stream->turn.wake_tick;
	uint64_t queue = wake != 0 && tick > wake ? tick - wake : 0;

	crossing_add(stream, tick,
		     trace_word(wakeups_pack(queue, wake != 0 ? stream->turn.wait_ticks : 0), CROSSING_WAKE));
	crossing_add(stream, tick, word);
}

/* What others must know of a poll is when it began: of requests, work on the pool, and wake-ups. */
static void poll_special(struct stream *stream, uint64_t tick, uint64_t word, uint32_t site, uint8_t traits)
{
	if ((traits & TRAIT_POOL) || ((traits & TRAIT_WORK) && stream->pool))
		crossing_add(stream, tick, word);
	if ((traits & TRAIT_REQUEST) && requests_end(stream, trace_word_object(word), tick, site) < 0)
		stream->error = -ENOMEM;
	if (traits & TRAIT_ASYNC)
		crossing_add_wakeup(stream, tick, word);
}

static inline void poll_cross(struct stream *stream, uint64_t tick, uint64_t word, uint32_t site)
{
	uint8_t traits = stream->traits[site];

	if (__builtin_expect(traits & (TRAIT_POOL | TRAIT_WORK | TRAIT_REQUEST | TRAIT_ASYNC), 0))
		poll_special(stream, tick, word, site, traits);
}

static inline uint32_t site_of(const struct stream *stream, uint64_t word)
{
	return timeline_site_of(stream->site_count, trace_word_code(word));
}

/* ---- Time ----------------------------------------------------------------------------------------------------- */

static void inside_enter(struct stream *stream, uint64_t tick)
{
	if (stream->inside)
		return;
	stream->inside = true;
	stream->inside_tick = tick;
}

static void inside_leave(struct stream *stream, uint64_t tick)
{
	if (stream->inside) {
		stream->facts->inside_ticks += timeline_clip(stream->timeline, stream->inside_tick, tick);
		away_leave(stream, tick);
	}
	stream->inside = false;
}

static void park_leave(struct stream *stream, uint64_t tick)
{
	if (stream->open.parked) {
		stream->facts->parked_ticks += timeline_clip(stream->timeline, stream->open.park_tick, tick);
		windows_park(stream, stream->open.park_tick, tick);
	}
	stream->open.parked = false;
}

/* Pool workers work as long as they live; where uv_run cannot be seen, the same is taken of loop workers. */
static bool always_inside(const struct stream *stream)
{
	return stream->pool || (stream->timeline->process->tier == TRACE_TIER_LIBC &&
				stream->timeline->process->workers[stream->position].role == TRACE_ROLE_LOOP);
}

/* Callbacks run and loops wait in uv_run only: where it was entered before recording began, this shows it. */
static inline void inside_imply(struct stream *stream, uint64_t tick)
{
	if (__builtin_expect(!stream->inside, 0))
		inside_enter(stream, tick);
}

/* ---- Polls ---------------------------------------------------------------------------------------------------- */

/* A poll that is long enough to be listed, or longer than all before it on this worker. */
static void poll_note(struct stream *stream, uint64_t tick, uint64_t duration, uint64_t word, uint32_t site)
{
	struct timeline *timeline = stream->timeline;
	struct timeline_span span = {
	    .tick = tick,
	    .duration = duration,
	    .worker = stream->position,
	    .site = site,
	    .nested = stream->open.polls > 0,
	    .object = trace_word_object(word),
	};

	if (timeline_note_poll(timeline, stream->facts, &stream->share->long_polls, &span) < 0)
		stream->error = -ENOMEM;
	stream->notable_ticks = stream->facts->slowest.duration + 1;
	if (stream->notable_ticks > timeline->hidden->long_poll_ticks)
		stream->notable_ticks = timeline->hidden->long_poll_ticks;
}

/* A poll is over: stream->open.polls are those around it. */
static inline void poll_count(struct stream *stream, uint64_t tick, uint64_t duration, uint64_t word, uint32_t site)
{
	struct site_share *of_site = &stream->share->sites[site];

	if (!stream->counted || (!stream->whole && !timeline_overlaps(stream->timeline, tick, tick + duration)))
		return;
	histogram_add(&of_site->callback, duration);
	histogram_add(&stream->facts->polls, duration);
	if (stream->open.polls > 0) {
		stream->facts->nested++;
	} else {
		stream->facts->callback_ticks +=
		    stream->whole ? duration : timeline_clip(stream->timeline, tick, tick + duration);
		if (!stream->pool)
			turn_poll(stream, tick, duration, word, site, &of_site->turns);
	}
	if (__builtin_expect(duration >= stream->notable_ticks, 0))
		poll_note(stream, tick, duration, word, site);
}

static bool loop_is_open(const struct stream *stream)
{
	return stream->open.count > stream->open.polls;
}

/* Polls above the innermost loop have lost their end. */
static void open_drop_polls(struct stream *stream)
{
	while (open_top_is_poll(&stream->open)) {
		open_pop(&stream->open);
		stream->facts->unended++;
	}
}

static void poll_start(struct stream *stream, uint64_t tick, uint64_t word)
{
	uint32_t site = site_of(stream, word);

	inside_imply(stream, tick);
	if (stream->due_ms != 0)
		timer_fired(stream, tick, trace_word_object(word), site);
	poll_cross(stream, tick, word, site);
	open_push(&stream->open, word, tick);
}

static void loop_pop(struct stream *stream, uint64_t tick)
{
	open_pop(&stream->open);
	if (!loop_is_open(stream) && !always_inside(stream))
		inside_leave(stream, tick);
	turn_leave(stream, tick);
}

static void poll_end(struct stream *stream, uint64_t tick, bool unwound)
{
	if (stream->open.polls == 0)
		return; /* its start was lost */
	while (!open_top_is_poll(&stream->open))
		loop_pop(stream, tick); /* left without a word, by the way that the poll was left */
	struct trace_context poll = open_pop(&stream->open);
	stream->facts->unwound += unwound;
	poll_count(stream, poll.tick, tick > poll.tick ? tick - poll.tick : 0, poll.word, site_of(stream, poll.word));
}

/* ---- Waits and loops ------------------------------------------------------------------------------------------ */

/* A wait of the pool's own; a work function may run a loop, whose waits are not. */
static bool wait_is_pools(const struct stream *stream)
{
	return stream->pool && !loop_is_open(stream);
}

static bool turn_stands_for_polls(const struct stream *stream)
{
	return stream->timeline->process->tier == TRACE_TIER_LIBC && !stream->pool && !stream->open.parked &&
	       stream->turn.wake_tick != 0;
}

/* Where callbacks cannot be seen, a turn of the loop stands for those that it ran: a poll of no site. */
static void turn_as_poll(struct stream *stream, uint64_t tick)
{
	uint64_t since = stream->turn.wake_tick;

	if (turn_stands_for_polls(stream) && tick >= since)
		poll_count(stream, since, tick - since, 0, (uint32_t)stream->timeline->process->site_count);
}

static void ready_count(struct stream *stream, uint64_t tick, uint64_t word)
{
	if (stream->counted && !stream->pool && timeline_overlaps(stream->timeline, tick, tick))
		histogram_add(&stream->facts->ready, trace_word_object(word));
}

static void park(struct stream *stream, uint64_t tick)
{
	inside_imply(stream, tick);
	open_drop_polls(stream);
	turn_as_poll(stream, tick);
	/* A park inside a park: the end of the first was lost. If recording was switched off, it lasted until then. */
	if (stream->open.parked)
		park_leave(stream, timeline_off_between(stream->timeline, stream->open.park_tick, tick));
	stream->open.parked = true;
	stream->open.park_tick = tick;
	if (wait_is_pools(stream))
		crossing_add(stream, tick, TRACE_PARK);
}

static void unpark(struct stream *stream, uint64_t tick, uint64_t word)
{
	if (!stream->open.parked)
		return;
	if (timeline_overlaps(stream->timeline, stream->open.park_tick, tick))
		stream->facts->parks++;
	uint64_t wait_ticks = tick > stream->open.park_tick ? tick - stream->open.park_tick : 0;
	park_leave(stream, tick);
	ready_count(stream, tick, word);
	if (!stream->pool)
		turn_begin(stream, tick, wait_ticks, trace_word_object(word));
	if (wait_is_pools(stream))
		crossing_add(stream, tick, TRACE_UNPARK);
}

static void loop_enter(struct stream *stream, uint64_t tick, uint64_t word)
{
	open_push(&stream->open, word, tick);
	if (!stream->inside)
		away_enter(stream, tick);
	inside_enter(stream, tick);
	if (stream->pool)
		return;
	turn_enter(stream, tick);
	stream->facts->runs += stream->counted && timeline_overlaps(stream->timeline, tick, tick);
}

static void loop_leave(struct stream *stream, uint64_t tick)
{
	if (stream->open.parked || open_top_is_poll(&stream->open))
		turn_end(stream); /* an end was lost: nobody knows what it did then */
	park_leave(stream, tick);
	open_drop_polls(stream);
	if (loop_is_open(stream)) {
		loop_pop(stream, tick);
		return;
	}
	if (!always_inside(stream))
		inside_leave(stream, tick);
	turn_leave(stream, tick);
}

/* A wait with timeout 0. */
static void turn(struct stream *stream, uint64_t tick, uint64_t word)
{
	ready_count(stream, tick, word);
	if (stream->pool)
		return;
	turn_as_poll(stream, tick);
	turn_begin(stream, tick, 0, trace_word_object(word));
	if (trace_word_object(word) == 0)
		turn_is_empty(stream, tick);
}

static void lost(struct stream *stream, uint64_t tick)
{
	requests_forget(stream->requests, tick);
	stream->due_ms = stream->loop_ms = 0;
	stream->away = (struct away){0};
	crossing_add(stream, tick, CROSSING_GAP);
}

/* LOST events that the stream has. */
static void lost_told(struct stream *stream, uint64_t tick, uint64_t count)
{
	stream->facts->lost_told += count;
	stream->facts->lost_tick = tick;
	lost(stream, tick);
}

static void submit(struct stream *stream, uint64_t tick, uint64_t word)
{
	uint32_t site = site_of(stream, word);
	uint8_t traits = stream->traits[site];

	if (traits & TRAIT_POOL)
		crossing_add(stream, tick, word);
	if ((traits & TRAIT_REQUEST) && requests_begin(stream, trace_word_object(word), tick, site) < 0)
		stream->error = -ENOMEM;
}

static void worker_end(struct stream *stream, uint64_t tick)
{
	park_leave(stream, tick);
	inside_leave(stream, tick);
	while (stream->open.count > 0)
		stream->facts->unended += trace_code_is_poll(trace_word_code(open_pop(&stream->open).word));
	stream->ended = true;
	if (stream->pool)
		crossing_add(stream, tick, TRACE_WORKER_END);
}

/* What a timer's run is held against. */
static void timer_told(struct stream *stream, uint64_t tick, uint32_t code, uint64_t object)
{
	if (code == TRACE_TIMER_DUE)
		stream->due_ms = object;
	else if (code == TRACE_LOOP_TIME)
		stream->loop_ms = object;
	else
		timer_set(stream, tick, object);
}

static void instant(struct stream *stream, uint64_t tick, uint64_t word)
{
	uint32_t code = trace_word_code(word);

	if (trace_code_is_poll(code)) {
		poll_start(stream, tick, word);
		return;
	}
	if (code_is_submit(code)) {
		submit(stream, tick, word);
		return;
	}
	switch (code) {
	case TRACE_POLL_END:
	case TRACE_POLL_UNWOUND:
		poll_end(stream, tick, code == TRACE_POLL_UNWOUND);
		break;
	case TRACE_PARK:
		park(stream, tick);
		break;
	case TRACE_UNPARK:
		unpark(stream, tick, word);
		break;
	case TRACE_TURN:
		turn(stream, tick, word);
		break;
	case TRACE_LOOP_ENTER:
		loop_enter(stream, tick, word);
		break;
	case TRACE_LOOP_LEAVE:
		loop_leave(stream, tick);
		break;
	case TRACE_WORKER_END:
		worker_end(stream, tick);
		break;
	case TRACE_REQUEST_CANCELLED:
		requests_cancel(stream, trace_word_object(word), tick);
		crossing_add(stream, tick, word);
		break;
	case TRACE_ITEM_END:
	case TRACE_IO_URING:
	case TRACE_ASYNC_SEND:
	case TRACE_MARK:
	case TRACE_SPAN_BEGIN:
	case TRACE_SPAN_END:
	case TRACE_MARK_HIGH:
	case TRACE_MARK_FIELD:
		crossing_add(stream, tick, word);
		break;
	case TRACE_TIMER_DUE:
	case TRACE_LOOP_TIME:
	case TRACE_TIMER_START:
		timer_told(stream, tick, code, trace_word_object(word));
		break;
	case TRACE_LOST_FULL:
	case TRACE_LOST_REENTRANT:
	case TRACE_LOST_DEPTH:
		lost_told(stream, tick, trace_word_object(word));
		break;
	}
}

/* ---- Where data begins ---------------------------------------------------------------------------------------- */

/* Since when it is known what the worker did: a poll or a park that was open says it back to its own start. */
static uint64_t known_since(const struct stream *stream, const struct trace_context *context, size_t count,
			    bool after_gap, uint64_t first_tick)
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

/* What the pool must know of a pool worker that was not followed until now. */
static void crossing_add_begin(struct stream *stream, uint64_t since)
{
	if (!stream->pool)
		return;
	crossing_add(stream, since, CROSSING_BEGIN);
	if (stream->open.parked && wait_is_pools(stream))
		crossing_add(stream, since, TRACE_PARK);
	if (stream->open.polls > 0)
		poll_cross(stream, since, stream->open.list[0].word, site_of(stream, stream->open.list[0].word));
}

static void stream_resume(struct stream *stream, const struct trace_context *context, size_t count, bool after_gap,
			  uint64_t first_tick)
{
	uint64_t since = known_since(stream, context, count, after_gap, first_tick);
	bool goes_on = stream->later && !stream->begun && !after_gap;

	if (stream->begun) {
		park_leave(stream, stream->last_tick);
		inside_leave(stream, stream->last_tick);
	}
	if (after_gap) {
		lost(stream, since);
		turn_end(stream);
	}
	open_take(&stream->open, context, count);
	if (stream->open.parked && stream->open.park_tick < since)
		stream->open.park_tick = since;
	if (always_inside(stream) || loop_is_open(stream) || stream->open.parked)
		inside_enter(stream, since);
	else if (goes_on)
		away_leave(stream, since);
	/* uv_run was the last event of the part before. */
	if (goes_on && count > 0 && trace_word_code(context[count - 1].word) == TRACE_LOOP_ENTER &&
	    context[count - 1].tick == stream->before_tick)
		turn_enter(stream, stream->before_tick);
	if (!goes_on)
		crossing_add_begin(stream, since);
	stream->begun = true;
}

/* ---- The interface -------------------------------------------------------------------------------------------- */

void stream_begin(struct stream *stream, struct timeline *timeline, size_t position)
{
	const struct trace_worker *worker = &timeline->process->workers[position];

	*stream = (struct stream){
	    .timeline = timeline,
	    .facts = &timeline->workers[position],
	    .share = &timeline->hidden->share,
	    .crossings = &timeline->hidden->crossings[position],
	    .requests = timeline->hidden->request_shares ? &timeline->hidden->request_shares[position] : NULL,
	    .facts_windows = timeline->workers[position].windows,
	    .window_count = timeline->workers[position].window_count,
	    .position = position,
	    .pool = worker->role == TRACE_ROLE_POOL,
	    .whole = timeline->hidden->whole,
	    .site_count = (uint32_t)timeline->process->site_count,
	    .traits = timeline->hidden->traits,
	    .hold_ticks = timeline->hidden->hold_ticks,
	    .counted = timeline->options.worker == 0 || timeline->options.worker == worker->worker,
	};
}

static inline void whole_poll(struct stream *stream, const struct trace_item *item)
{
	uint32_t site = site_of(stream, item->word);

	inside_imply(stream, item->tick);
	if (__builtin_expect(stream->due_ms != 0, 0))
		timer_fired(stream, item->tick, trace_word_object(item->word), site);
	poll_cross(stream, item->tick, item->word, site);
	poll_count(stream, item->tick, item->duration, item->word, site);
}

int stream_feed(struct stream *stream, const struct trace_item *items, size_t count,
		const struct trace_context *context, size_t context_count, bool after_gap)
{
	if (count == 0)
		return stream->error;
	if (!stream->begun || context || after_gap)
		stream_resume(stream, context, context ? context_count : 0, after_gap, items[0].tick);
	for (size_t i = 0; i < count; i++) {
		const struct trace_item *item = &items[i];
		if (item->shape == TRACE_SHAPE_POLL) {
			whole_poll(stream, item);
		} else if (item->shape == TRACE_SHAPE_WAIT) {
			park(stream, item->tick);
			unpark(stream, item->tick + item->duration, item->word);
		} else {
			instant(stream, item->tick, item->word);
		}
	}
	/* The last may be an event inside the poll before it. */
	for (size_t i = count > 1 ? count - 2 : 0; i < count; i++) {
		uint64_t end = items[i].tick + (items[i].shape == TRACE_SHAPE_INSTANT ? 0 : items[i].duration);
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
		if (!trace_code_is_poll(trace_word_code(open->word)))
			continue;
		struct timeline_span span = {
		    .tick = open->tick,
		    .duration = tick > open->tick ? tick - open->tick : 0,
		    .worker = stream->position,
		    .site = site_of(stream, open->word),
		    .nested = around++ > 0,
		    .object = trace_word_object(open->word),
		};
		if (!stream->counted || !timeline_overlaps(timeline, span.tick, tick))
			continue;
		if (timeline_top_add(&stream->share->open, &span) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Where callbacks cannot be seen, what a program was in that died or lives: the turn that its loop began. */
static int turn_still_open(struct stream *stream, uint64_t tick)
{
	const struct trace_process *process = stream->timeline->process;
	struct timeline_span span = {
	    .tick = stream->turn.wake_tick,
	    .duration = tick - stream->turn.wake_tick,
	    .worker = stream->position,
	    .site = (uint32_t)process->site_count,
	};

	if (!turn_stands_for_polls(stream) || span.tick > tick || !(process->running || timeline_died(process)) ||
	    !stream->counted || !timeline_overlaps(stream->timeline, span.tick, tick))
		return 0;
	return timeline_top_add(&stream->share->open, &span);
}

int stream_end(struct stream *stream, uint64_t tick)
{
	if (!stream->begun || stream->ended)
		return stream->error;
	if (tick < stream->last_tick)
		tick = stream->last_tick;
	int error = polls_still_open(stream, tick);
	if (error == 0)
		error = turn_still_open(stream, tick);
	stream_suspend(stream, tick);
	return error < 0 ? error : stream->error;
}

int stream_suspend(struct stream *stream, uint64_t tick)
{
	park_leave(stream, tick);
	inside_leave(stream, tick);
	turn_end(stream);
	windows_flush(stream);
	stream->ended = true;
	return stream->error;
}
