/* SPDX-License-Identifier: Apache-2.0
 *
 * Each event of each worker, in the order of time: what it opens and closes there, and which cause
 * it is. open_stack.h says what an event shows to be over.
 *
 * Rules: where events are missing, all transactions that are live are cut: one of the missing may
 * have been theirs. Any order of events is taken.
 */
#include "engine_events.h"

#include "turns.h"

/* ---- Where data begins, is missing or off ---------------------------------------------------- */

static void events_missing(engine *e)
{
	live_cut_all(e, CUT_LOST);
	e->lost_before = true;
}

/* What was open before is of no transaction: nobody knows of which. */
static void worker_resumes(engine *e, struct worker *worker, uint64_t object)
{
	if ((object & 1) || worker->open.count > 0)
		events_missing(e);
	worker->open.count = worker->open.polls = worker->open.beyond = 0;
	worker->open.parked = false;
	worker->wake_tick = 0;
	worker->alloc_object = 0;
	marks_forget(&worker->marks);
	worker->resuming = (uint32_t)(object >> 1);
}

static void open_again(engine *e, struct worker *worker, uint64_t tick, uint64_t word)
{
	worker->resuming--;
	if (trace_word_is_poll(word)) {
		if (worker->open.count < OPEN_STACK_MAX)
			worker->runs[worker->open.count] =
			    (struct run){.live = GONE,
					 .step = NONE,
					 .epoch = e->epoch,
					 .role = e->roles[engine_site(e, word)],
					 .site = engine_site(e, word),
					 .object = trace_word_object(word),
					 .begin_tick = tick};
		if (worker->open.polls == 0 && !worker->pool)
			cut_count(e, e->lost_before ? CUT_LOST : CUT_BEGINS_EARLIER,
				  engine_site(e, word), (size_t)(worker - e->workers), tick);
	} else if (worker->open.count < OPEN_STACK_MAX) {
		worker->runs[worker->open.count].saved_wake = 0;
	}
	open_begin(&worker->open, word, tick);
}

void engine_off_find(engine *e)
{
	e->off_tick = UINT64_MAX;
	for (; e->off_at < e->process->sample_count && e->off_tick == UINT64_MAX; e->off_at++) {
		const struct trace_sample *sample = &e->process->samples[e->off_at];
		if (sample->type == TRACE_SAMPLE_RECORDING && sample->a == 0)
			e->off_tick = sample->tick;
	}
}

static void switched_off(engine *e, uint64_t tick)
{
	while (e->off_tick <= tick) {
		live_cut_all(e, CUT_SWITCHED_OFF);
		e->lost_before = true;
		engine_off_find(e);
	}
}

/* ---- What is open ---------------------------------------------------------------------------- */

static void park_ends(engine *e, struct worker *worker, uint64_t tick)
{
	if (worker->open.parked && !worker->pool)
		history_park(e, worker, worker->open.park_tick, tick);
	worker->open.parked = false;
}

static void iteration_begins(engine *e, struct worker *worker, uint64_t tick)
{
	if (worker->pool && !open_has_loop(&worker->open))
		return;
	before_note(e, worker, tick);
	worker->wake_tick = tick;
	worker->waits++;
	history_iteration_begin(e, worker, tick);
	closes_expire(e, worker);
}

static void innermost_drop(engine *e, size_t position, uint64_t tick, uint32_t count)
{
	struct worker *worker = &e->workers[position];

	for (; count > 0; count--) {
		if (open_top_is_poll(&worker->open))
			poll_ends(e, position, tick, true);
		else
			worker->wake_tick = worker->runs[worker->open.count - 1].saved_wake;
		open_pop(&worker->open);
	}
}

/* Ends what the event shows to be over; the last of it is the event's own to end. */
static void poll_end(engine *e, size_t position, uint64_t tick)
{
	struct worker *worker = &e->workers[position];
	uint32_t closing = open_closing(&worker->open, TRACE_EFFECT_CLOSES_POLL);

	if (closing == 0)
		return;
	innermost_drop(e, position, tick, closing - 1);
	poll_ends(e, position, tick, false);
	open_pop(&worker->open);
}

static void loop_enters(engine *e, struct worker *worker, uint64_t tick, uint64_t word)
{
	park_ends(e, worker, tick);
	if (worker->open.count < OPEN_STACK_MAX)
		worker->runs[worker->open.count] =
		    (struct run){.live = NONE, .saved_wake = worker->wake_tick};
	open_push(&worker->open, word, tick);
	iteration_begins(e, worker, tick);
}

static void nesting_event(engine *e, size_t position, uint64_t tick, uint64_t word)
{
	struct worker *worker = &e->workers[position];
	enum trace_effect effect = trace_code_effect(trace_word_code(word));

	switch (effect) {
	case TRACE_EFFECT_CLOSES_POLL:
		poll_end(e, position, tick);
		break;
	case TRACE_EFFECT_OPENS_WAIT:
		innermost_drop(e, position, tick, open_closing(&worker->open, effect));
		park_ends(e, worker, tick);
		worker->open.parked = true;
		worker->open.park_tick = tick;
		before_wait(worker, tick);
		break;
	case TRACE_EFFECT_CLOSES_WAIT:
		park_ends(e, worker, tick);
		iteration_begins(e, worker, tick);
		break;
	case TRACE_EFFECT_PASSES_WAIT:
		before_wait(worker, tick);
		iteration_begins(e, worker, tick);
		break;
	case TRACE_EFFECT_OPENS_LOOP:
		loop_enters(e, worker, tick, word);
		break;
	case TRACE_EFFECT_CLOSES_LOOP:
	case TRACE_EFFECT_CLOSES_ALL:
		park_ends(e, worker, tick);
		innermost_drop(e, position, tick, open_closing(&worker->open, effect));
		break;
	default:
		break;
	}
}

/* ---- The table of events --------------------------------------------------------------------- */

static inline void event_take(engine *e, size_t position, uint64_t tick, uint64_t word)
{
	struct worker *worker = &e->workers[position];
	uint32_t code = trace_word_code(word);

	if (trace_code_is_poll(code)) {
		if (worker->open.parked)
			park_ends(e, worker, tick);
		poll_begins(e, position, tick, word);
	} else if (code == TRACE_POLL_END) {
		poll_end(e, position, tick);
	} else if (trace_code_is_submit(code)) {
		cause_submit(e, position, tick, word);
	} else if (trace_code_is_handle(code)) {
		cause_start(e, position, tick, word);
	} else if (code == TIMELINE_RESUME) {
		worker_resumes(e, worker, trace_word_object(word));
	} else if (code == TRACE_ASYNC_SEND) {
		cause_send(e, position, tick, trace_word_object(word));
	} else if (code == TRACE_HANDLE_CLOSE) {
		cause_close(e, position, tick, trace_word_object(word));
	} else if (trace_set_has(trace_nesting_set, code)) {
		nesting_event(e, position, tick, word);
	} else if (trace_set_has(trace_mark_set, code)) {
		cause_mark(e, position, tick, word);
	} else if (trace_set_has(trace_lost_set, code)) {
		events_missing(e);
	}
}

/* A poll of a loop, with nothing inside, that no other poll is around? */
static inline bool is_plain(const engine *e, const struct worker *worker,
			    const struct timeline_event *event)
{
	return trace_word_is_poll(event[0].word) && event[1].word == TRACE_POLL_END &&
	       worker->open.polls == 0 && worker->open.count < OPEN_STACK_MAX && !worker->pool &&
	       event[1].tick < e->off_tick;
}

/* What was done with before (turns.h); returns how many of these words were. */
static size_t briefs_take(engine *e, struct worker *worker, const struct timeline_event *list,
			  size_t count)
{
	size_t at = 0;

	worker->alloc_object = 0;
	for (; at < count; at++) {
		uint64_t object = trace_word_object(list[at].word);
		uint32_t code = trace_word_code(list[at].word);
		if (code == TURN_BRIEF)
			history_poll(e, worker, list[at].tick,
				     list[at].tick + (object >> TURN_SITE_BITS),
				     object & ((1u << TURN_SITE_BITS) - 1));
		else if (code == TURN_PASS)
			cause_pass(e, object);
		else
			break;
	}
	return at;
}

static inline bool is_brief(uint64_t word)
{
	uint32_t code = trace_word_code(word);

	return code == TURN_BRIEF || code == TURN_PASS;
}

void engine_events(engine *e, size_t position, const struct timeline_event *list, size_t count)
{
	struct worker *worker = &e->workers[position];

	for (size_t i = 0; i < count; i++) {
		if (__builtin_expect(list[i].tick >= e->off_tick, 0))
			switched_off(e, list[i].tick);
		if (__builtin_expect(worker->resuming > 0, 0)) {
			open_again(e, worker, list[i].tick, list[i].word);
		} else if (is_brief(list[i].word)) {
			i += briefs_take(e, worker, &list[i], count - i) - 1;
		} else if (i + 1 < count && is_plain(e, worker, &list[i])) {
			if (worker->open.parked)
				park_ends(e, worker, list[i].tick);
			poll_passes(e, position, list[i].tick, list[i + 1].tick, list[i].word);
			i++;
		} else {
			event_take(e, position, list[i].tick, list[i].word);
		}
	}
}

void engine_item(engine *e, const struct timeline_span *span, uint64_t submit_tick)
{
	uint64_t end_tick = span->tick + span->duration;

	(void)submit_tick;
	pool_ran(e, span->tick, end_tick, span->site);
	for (size_t i = 0; i < e->offset_count; i++) {
		uint64_t request = (span->object - e->offsets[i]) & TRACE_OBJECT_MASK;
		const struct cause *cause =
		    causes_find(&e->causes, cause_key(CLASS_REQUEST, request));
		if (!cause)
			continue;
		uint32_t live = cause->live, at = cause->step;
		live_settle(e, &live, &at, cause->epoch);
		if (live == GONE || live == NONE || at == NONE)
			continue;
		struct step *step = &e->lives[live].steps[at];
		if (e->process->kinds[e->process->sites[step->site].kind].work_req_offset !=
		    e->offsets[i])
			continue;
		if (step->run_tick == 0)
			step->run_tick =
			    span->tick > step->caused_tick ? span->tick : step->caused_tick;
		step->run_end_tick = end_tick;
		return;
	}
}
