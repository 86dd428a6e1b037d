/* SPDX-License-Identifier: Apache-2.0
 *
 * What each event says of its worker: polls, waits, time inside, requests and timers. `handlers` is
 * the table.
 *
 * Rules: any order of items is taken, since events may be lost anywhere; open_stack.h says what an
 * event shows to be over. Polls that are over without an end of their own are counted as such,
 * without a duration.
 */
#include <errno.h>

#include "timeline_internal.h"

/* ---- Polls ----------------------------------------------------------------------------------- */

/* Callbacks run and loops wait in uv_run only: where it was entered before recording began, this
 * shows it. */
static inline void inside_imply(struct stream *stream, uint64_t tick)
{
	if (__builtin_expect(!stream->inside, 0))
		inside_enter(stream, tick);
}

static inline void poll_cross(struct stream *stream, uint64_t tick, uint64_t word, uint32_t site)
{
	if (__builtin_expect(
		stream->traits[site] & (TRAIT_POOL | TRAIT_WORK | TRAIT_REQUEST | TRAIT_ASYNC), 0))
		xevent_add_poll(stream, tick, word, site);
}

/* What a poll that begins has waited for. */
static inline void poll_wait(struct stream *stream, uint64_t tick, uint32_t site)
{
	if (__builtin_expect(stream->open.polls > 0, 0))
		nested_poll(stream, site);
	else if (__builtin_expect(delays_some(stream), 0))
		delays_poll(stream, tick, site);
}

/* A poll that is long enough to be listed, or longer than all before it on this worker. */
static void poll_note(struct stream *stream, uint64_t tick, uint64_t duration, uint64_t word,
		      uint32_t site)
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

	if (timeline_note_poll(timeline, stream->facts, &stream->partial->long_polls, &span) < 0)
		stream->error = -ENOMEM;
	if (timeline->options.watch && timeline->options.watch->poll)
		return; /* every one is notable */
	stream->notable_ticks = stream->facts->slowest.duration + 1;
	if (stream->notable_ticks > timeline->hidden->long_poll_ticks)
		stream->notable_ticks = timeline->hidden->long_poll_ticks;
}

/* A poll is over: stream->open.polls are those around it. */
static inline void poll_count(struct stream *stream, uint64_t tick, uint64_t duration,
			      uint64_t word, uint32_t site)
{
	struct site_partial *of_site = &stream->partial->sites[site];

	if (!stream->counted ||
	    (!stream->whole && !timeline_overlaps(stream->timeline, tick, tick + duration)))
		return;
	histogram_add(&of_site->callback, duration);
	histogram_add(&stream->facts->polls, duration);
	if (stream->open.polls > 0) {
		stream->facts->nested++;
	} else {
		stream->facts->callback_ticks +=
		    stream->whole ? duration
				  : timeline_clip(stream->timeline, tick, tick + duration);
		if (!stream->pool)
			iteration_poll(stream, tick, duration, word, site, &of_site->iterations);
	}
	if (__builtin_expect(duration >= stream->notable_ticks, 0))
		poll_note(stream, tick, duration, word, site);
}

static void poll_start(struct stream *stream, uint64_t tick, uint64_t word)
{
	uint32_t site = site_of(stream, word);

	inside_imply(stream, tick);
	park_lose_end(stream, tick);
	stream->delays.since_tick = 0;
	if (stream->due_ms != 0)
		timer_fired(stream, tick, trace_word_object(word), site);
	poll_cross(stream, tick, word, site);
	poll_wait(stream, tick, site);
	if (stream->open.polls == 0)
		nested_clear(stream);
	open_push(&stream->open, word, tick);
}

static void loop_pop(struct stream *stream, uint64_t tick)
{
	open_pop(&stream->open);
	if (stream->open.polls > 0)
		nested_leave(stream, tick);
	if (!open_has_loop(&stream->open) && !always_inside(stream))
		inside_leave(stream, tick);
	iteration_leave(stream, tick);
}

/* The innermost are over, as an event shows: polls have lost their end, loops were left without a
 * word. */
static void innermost_drop(struct stream *stream, uint64_t tick, uint32_t count)
{
	for (; count > 0; count--) {
		if (open_top_is_poll(&stream->open)) {
			open_pop(&stream->open);
			stream->facts->unended++;
			if (stream->open.polls == 0)
				nested_clear(stream);
		} else {
			loop_pop(stream, tick);
		}
	}
}

static void poll_end(struct stream *stream, uint64_t tick, uint64_t word)
{
	uint32_t closing = open_closing(&stream->open, TRACE_EFFECT_CLOSES_POLL);

	if (closing == 0)
		return; /* its start was lost */
	innermost_drop(stream, tick, closing - 1);
	struct trace_context poll = open_pop(&stream->open);
	stream->facts->unwound += trace_word_code(word) == TRACE_POLL_UNWOUND;
	poll_count(stream, poll.tick, tick > poll.tick ? tick - poll.tick : 0, poll.word,
		   site_of(stream, poll.word));
	if (stream->open.polls == 0)
		nested_clear(stream);
}

/* ---- Waits and loops ------------------------------------------------------------------------- */

bool iteration_stands_for_polls(const struct stream *stream)
{
	return stream->timeline->process->tier == TRACE_TIER_LIBC && !stream->pool &&
	       !stream->open.parked && stream->iteration.wake_tick != 0;
}

/* Where callbacks cannot be seen, an iteration of the loop stands for those that it ran: a poll of
 * no site. */
static void iteration_as_poll(struct stream *stream, uint64_t tick)
{
	uint64_t since = stream->iteration.wake_tick;

	if (iteration_stands_for_polls(stream) && tick >= since)
		poll_count(stream, since, tick - since, 0,
			   (uint32_t)stream->timeline->process->site_count);
}

static void ready_count(struct stream *stream, uint64_t tick, uint64_t word)
{
	if (stream->counted && !stream->pool && timeline_overlaps(stream->timeline, tick, tick))
		histogram_add(&stream->facts->ready, trace_word_object(word));
}

static void park(struct stream *stream, uint64_t tick, uint64_t word)
{
	inside_imply(stream, tick);
	innermost_drop(stream, tick, open_closing(&stream->open, TRACE_EFFECT_OPENS_WAIT));
	iteration_as_poll(stream, tick);
	park_lose_end(stream, tick);
	stream->open.parked = true;
	stream->open.park_tick = tick;
	if (wait_is_pools(stream))
		xevent_add(stream, tick, word);
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
		iteration_begin(stream, tick, wait_ticks, trace_word_object(word));
	if (wait_is_pools(stream))
		xevent_add(stream, tick, TRACE_UNPARK);
}

static void loop_enter(struct stream *stream, uint64_t tick, uint64_t word)
{
	park_lose_end(stream, tick);
	if (stream->open.polls > 0)
		nested_enter(stream, tick, trace_word_object(word));
	open_push(&stream->open, word, tick);
	if (!stream->inside)
		outside_enter(stream, tick, trace_word_object(word));
	inside_enter(stream, tick);
	if (stream->pool)
		return;
	if (!stream->ran && !stream->later)
		xevent_add(stream, tick, XEVENT_RUN);
	stream->ran = true;
	iteration_enter(stream, tick);
	stream->facts->runs += stream->counted && timeline_overlaps(stream->timeline, tick, tick);
}

static void loop_leave(struct stream *stream, uint64_t tick, uint64_t word)
{
	bool entered = open_has_loop(&stream->open);

	(void)word;
	if (stream->open.parked || open_top_is_poll(&stream->open))
		iteration_end(stream); /* an end was lost: nobody knows what it did then */
	park_leave(stream, tick);
	innermost_drop(stream, tick, open_closing(&stream->open, TRACE_EFFECT_CLOSES_LOOP));
	if (entered)
		return;
	if (!always_inside(stream))
		inside_leave(stream, tick);
	iteration_leave(stream, tick);
}

/* A wait with timeout 0. */
static void iteration(struct stream *stream, uint64_t tick, uint64_t word)
{
	ready_count(stream, tick, word);
	if (stream->pool)
		return;
	iteration_as_poll(stream, tick);
	iteration_begin(stream, tick, 0, trace_word_object(word));
	if (trace_word_object(word) == 0)
		iteration_is_empty(stream, tick);
}

void events_lost(struct stream *stream, uint64_t tick)
{
	requests_forget(stream->requests, tick);
	stream->due_ms = stream->loop_ms = 0;
	if (stream->timeline->process->tier == TRACE_TIER_LIBC)
		stream->iteration.wake_tick = 0; /* its end may be among them */
	stream->outside = (struct outside){0};
	xevent_add(stream, tick, XEVENT_GAP);
}

/* LOST events that the stream has. */
static void lost_told(struct stream *stream, uint64_t tick, uint64_t word)
{
	stream->facts->lost_told += trace_word_object(word);
	stream->facts->lost_tick = tick;
	events_lost(stream, tick);
}

static void submit(struct stream *stream, uint64_t tick, uint64_t word)
{
	uint32_t site = site_of(stream, word);
	uint16_t traits = stream->traits[site];

	stream->submit_site = site;
	if (traits & TRAIT_POOL)
		xevent_add(stream, tick, word);
	if ((traits & TRAIT_REQUEST) &&
	    requests_begin(stream, trace_word_object(word), tick, site) < 0)
		stream->error = -ENOMEM;
}

static void worker_end(struct stream *stream, uint64_t tick, uint64_t word)
{
	park_leave(stream, tick);
	inside_leave(stream, tick);
	for (uint32_t closing = open_closing(&stream->open, TRACE_EFFECT_CLOSES_ALL); closing > 0;
	     closing--)
		stream->facts->unended += trace_word_is_poll(open_pop(&stream->open).word);
	stream->ended = true;
	if (stream->pool)
		xevent_add(stream, tick, word);
}

static void request_cancelled(struct stream *stream, uint64_t tick, uint64_t word)
{
	requests_cancel(stream, trace_word_object(word), tick);
}

/* What a timer's run is held against. */
static void timer_due(struct stream *stream, uint64_t tick, uint64_t word)
{
	(void)tick;
	stream->due_ms = trace_word_object(word);
}

static void loop_time(struct stream *stream, uint64_t tick, uint64_t word)
{
	(void)tick;
	stream->loop_ms = trace_word_object(word);
}

static void timer_start(struct stream *stream, uint64_t tick, uint64_t word)
{
	timer_set(stream, tick, trace_word_object(word));
}

static void accept_failed(struct stream *stream, uint64_t tick, uint64_t word)
{
	struct timeline_accept_failures failure = {
	    .count = 1, .first_tick = tick, .last_tick = tick, .limit = trace_word_object(word)};

	if (!stream->counted || !timeline_overlaps(stream->timeline, tick, tick))
		return;
	if (open_top_is_poll(&stream->open)) {
		failure.in_callbacks = 1;
		majority_add(&failure.site,
			     site_of(stream, stream->open.list[stream->open.count - 1].word), 1);
	}
	accept_failures_add(&stream->facts->accept_failures, &failure);
}

static void handle_begins(struct stream *stream, uint64_t tick, uint64_t word)
{
	stream->facts->handles_made +=
	    timeline_overlaps(stream->timeline, tick, tick) &&
	    trace_site_makes(stream->timeline->process, site_of(stream, word));
}

/* Of a poll that has an item of its own events_take() tells. */
static void handle_end(struct stream *stream, uint64_t tick, uint64_t word)
{
	uint64_t around =
	    open_top_is_poll(&stream->open) ? stream->open.list[stream->open.count - 1].word : 0;

	(void)tick;
	if (stream->open.polls == 1 && trace_word_object(around) == trace_word_object(word))
		spinning_failed(stream, 0, around, site_of(stream, around));
}

static void handle_close(struct stream *stream, uint64_t tick, uint64_t word)
{
	(void)word;
	stream->facts->handles_closed += timeline_overlaps(stream->timeline, tick, tick);
}

/* Of the write that was submitted just before. */
static void write_queue(struct stream *stream, uint64_t tick, uint64_t word)
{
	uint64_t *most = &stream->partial->sites[stream->submit_site].queue_bytes;
	uint64_t bytes = trace_queue_of(word).bytes;

	if (bytes > *most && timeline_overlaps(stream->timeline, tick, tick))
		*most = bytes;
	stream->submit_site = stream->site_count;
}

/* ---- Items ----------------------------------------------------------------------------------- */

/* What an event says of its own worker; those that are not here say nothing of it. */
static void (*const handlers[TRACE_EVENT_CODES])(struct stream *stream, uint64_t tick,
						 uint64_t word) = {
    [TRACE_POLL_END] = poll_end,
    [TRACE_POLL_UNWOUND] = poll_end,
    [TRACE_PARK] = park,
    [TRACE_UNPARK] = unpark,
    [TRACE_TURN] = iteration,
    [TRACE_LOOP_ENTER] = loop_enter,
    [TRACE_LOOP_LEAVE] = loop_leave,
    [TRACE_WORKER_END] = worker_end,
    [TRACE_REQUEST_CANCELLED] = request_cancelled,
    [TRACE_TIMER_DUE] = timer_due,
    [TRACE_ACCEPT_FAILED] = accept_failed,
    [TRACE_LOOP_TIME] = loop_time,
    [TRACE_TIMER_START] = timer_start,
    [TRACE_HANDLE_END] = handle_end,
    [TRACE_HANDLE_CLOSE] = handle_close,
    [TRACE_WRITE_QUEUE] = write_queue,
    [TRACE_LOST_FULL] = lost_told,
    [TRACE_LOST_REENTRANT] = lost_told,
    [TRACE_LOST_DEPTH] = lost_told,
};

static void instant(struct stream *stream, uint64_t tick, uint64_t word)
{
	uint32_t code = trace_word_code(word);

	if (trace_code_is_poll(code))
		poll_start(stream, tick, word);
	else if (trace_code_is_submit(code))
		submit(stream, tick, word);
	else if (trace_code_is_handle(code))
		handle_begins(stream, tick, word);
	else if (code < TRACE_EVENT_CODES && handlers[code])
		handlers[code](stream, tick, word);
	if (trace_set_has(trace_crosses_set, code))
		xevent_add(stream, tick, word);
}

static inline void whole_poll(struct stream *stream, const struct trace_item *item)
{
	uint32_t site = site_of(stream, item->word);

	inside_imply(stream, item->tick);
	stream->delays.since_tick = 0;
	if (__builtin_expect(stream->due_ms != 0, 0))
		timer_fired(stream, item->tick, trace_word_object(item->word), site);
	poll_cross(stream, item->tick, item->word, site);
	poll_wait(stream, item->tick, site);
	poll_count(stream, item->tick, item->duration, item->word, site);
}

void events_take(struct stream *stream, const struct trace_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct trace_item *item = &items[i];
		if (stream->watched)
			watched_take(stream, item);
		if (item->shape == TRACE_SHAPE_POLL) {
			whole_poll(stream, item);
		} else if (item->shape == TRACE_SHAPE_WAIT) {
			park(stream, item->tick, TRACE_PARK);
			unpark(stream, item->tick + item->duration, item->word);
		} else {
			if (item->inside && stream->open.polls == 0 &&
			    trace_word_code(item->word) == TRACE_HANDLE_END)
				spinning_failed(stream, item[-1].duration, item[-1].word,
						site_of(stream, item[-1].word));
			instant(stream, item->tick, item->word);
		}
	}
}
