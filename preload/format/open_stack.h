/* SPDX-License-Identifier: Apache-2.0
 *
 * What is open on a worker: the callbacks (polls) and loops that it is in, outermost first, and
 * whether it waits. The drain, the readers and the page follow workers with it;
 * tests/unit/trace/test_open_stack.c holds the rule.
 *
 * The rule. Events may be lost anywhere, so each event says more than its own effect:
 *   the end of a callback ends the innermost one, and the loops that were entered inside it;
 *   a wait that begins shows that no callback is open in the innermost loop;
 *   a loop that is left has no callback open in it, and is itself over;
 *   a callback or loop that begins shows that the wait is over;
 *   the end of a worker ends everything.
 * open_closing() is this rule. Whoever must see what is closed takes it off one by one, then calls
 * open_begin(); for the others there is open_apply(). open_search() answers for records from the
 * newest back, where the oldest are gone.
 *
 * Rules: any order of events is taken. What is deeper than the tracer records is counted only.
 */
#ifndef OPEN_STACK_H
#define OPEN_STACK_H

#include <stdbool.h>
#include <stddef.h>

#include "trace_tables.h"

#define OPEN_STACK_MAX (TRACE_DEPTH_MAX + 8) /* room for what a damaged stream may nest */

struct open_stack {
	uint32_t count, polls; /* of the count */
	uint32_t beyond;       /* opened when `list` was full */
	bool parked;
	uint64_t park_tick;
	struct trace_context list[OPEN_STACK_MAX];
};

static inline void open_push(struct open_stack *open, uint64_t word, uint64_t tick)
{
	if (open->count == OPEN_STACK_MAX) {
		open->beyond++;
		return;
	}
	open->list[open->count++] = (struct trace_context){word, tick};
	open->polls += trace_word_is_poll(word);
}

/* Takes off the innermost; there is one. */
static inline struct trace_context open_pop(struct open_stack *open)
{
	struct trace_context top = open->list[--open->count];

	open->polls -= trace_word_is_poll(top.word);
	return top;
}

static inline bool open_top_is_poll(const struct open_stack *open)
{
	return open->count > 0 && trace_word_is_poll(open->list[open->count - 1].word);
}

static inline bool open_has_loop(const struct open_stack *open)
{
	return open->count > open->polls;
}

/* How many of the innermost are callbacks, or loops. */
static inline uint32_t open_run(const struct open_stack *open, bool polls)
{
	uint32_t run = 0;

	while (run < open->count &&
	       trace_word_is_poll(open->list[open->count - 1 - run].word) == polls)
		run++;
	return run;
}

/* How many of the innermost an event closes. What was opened beyond the list's end goes first, and
 * is not counted. */
static inline uint32_t open_closing(struct open_stack *open, enum trace_effect effect)
{
	uint32_t polls;

	if ((effect == TRACE_EFFECT_CLOSES_POLL || effect == TRACE_EFFECT_CLOSES_LOOP) &&
	    open->beyond > 0) {
		open->beyond--;
		return 0;
	}
	switch (effect) {
	case TRACE_EFFECT_CLOSES_POLL:
		return open->polls > 0 ? open_run(open, false) + 1 : 0;
	case TRACE_EFFECT_OPENS_WAIT:
		return open->beyond > 0 ? 0 : open_run(open, true);
	case TRACE_EFFECT_CLOSES_LOOP:
		polls = open_run(open, true);
		return polls + (open->count > polls);
	case TRACE_EFFECT_CLOSES_ALL:
		open->beyond = 0;
		return open->count;
	default:
		return 0;
	}
}

/* What this event is the end of, the callback or the wait, as it began. False: its begin is not
 * known. */
static inline bool open_ended_by(const struct open_stack *open, enum trace_effect effect,
				 struct trace_context *begun)
{
	if (effect == TRACE_EFFECT_CLOSES_WAIT && open->parked)
		*begun = (struct trace_context){TRACE_PARK, open->park_tick};
	else if (effect == TRACE_EFFECT_CLOSES_POLL && open->polls > 0 && open->beyond == 0)
		*begun = open->list[open->count - 1 - open_run(open, false)];
	else
		return false;
	return true;
}

/* Does a wait that is under way last until this event at most? */
static inline bool open_ends_wait(enum trace_effect effect)
{
	return effect != TRACE_EFFECT_NONE && effect != TRACE_EFFECT_CLOSES_POLL &&
	       effect != TRACE_EFFECT_PASSES_WAIT;
}

/* What begins or ends with an event, once what it closes was taken off. */
static inline void open_begin(struct open_stack *open, uint64_t word, uint64_t tick)
{
	enum trace_effect effect = trace_code_effect(trace_word_code(word));

	if (open_ends_wait(effect))
		open->parked = effect == TRACE_EFFECT_OPENS_WAIT;
	if (effect == TRACE_EFFECT_OPENS_WAIT)
		open->park_tick = tick;
	if (effect == TRACE_EFFECT_OPENS_POLL || effect == TRACE_EFFECT_OPENS_LOOP)
		open_push(open, word, tick);
}

static inline void open_apply(struct open_stack *open, uint64_t word, uint64_t tick)
{
	uint32_t closing = open_closing(open, trace_code_effect(trace_word_code(word)));

	for (; closing > 0; closing--)
		open_pop(open);
	open_begin(open, word, tick);
}

/* ---- As a list: the context of a block, the state that a drain leaves to the next ------------ */

#define OPEN_LIST_MAX (OPEN_STACK_MAX + 1)

/* The outermost, `max` at most, then the wait. Returns how many. */
static inline uint32_t open_give(const struct open_stack *open, struct trace_context *list,
				 uint32_t max)
{
	uint32_t count = open->count + open->parked < max ? open->count : max - open->parked;

	for (uint32_t i = 0; i < count; i++)
		list[i] = open->list[i];
	if (open->parked)
		list[count] = (struct trace_context){TRACE_PARK, open->park_tick};
	return count + open->parked;
}

/* What the list says was open, in place of what was thought to be. */
static inline void open_take(struct open_stack *open, const struct trace_context *list,
			     size_t count)
{
	open->count = open->polls = open->beyond = 0;
	open->parked = false;
	for (size_t i = 0; i < count; i++) {
		switch (trace_code_effect(trace_word_code(list[i].word))) {
		case TRACE_EFFECT_OPENS_POLL:
		case TRACE_EFFECT_OPENS_LOOP:
			open_push(open, list[i].word, list[i].tick);
			break;
		case TRACE_EFFECT_OPENS_WAIT:
			open->parked = true;
			open->park_tick = list[i].tick;
			break;
		default:
			break;
		}
	}
}

/* ---- From the newest event back -------------------------------------------------------------- */

/* Takes the next older event. True: it says what the worker is in, as the innermost callback that
 * is open, or as a wait or a loop that began or ended since (a callback in which a loop was run and
 * left is not found again). *ended: callbacks that ended, and whose begin is still to come. */
static inline bool open_search(enum trace_effect effect, uint32_t *ended)
{
	switch (effect) {
	case TRACE_EFFECT_CLOSES_POLL:
		++*ended;
		return false;
	case TRACE_EFFECT_OPENS_POLL:
		if (*ended == 0)
			return true;
		--*ended;
		return false;
	case TRACE_EFFECT_NONE:
	case TRACE_EFFECT_CLOSES_ALL:
		return false;
	default:
		return true;
	}
}

/* What was innermost before the newest events, when `ended` callbacks of these have ended since.
 * False: nothing. */
static inline bool open_before(const struct open_stack *open, uint32_t ended,
			       struct trace_context *found)
{
	if (open->parked && ended == 0) {
		*found = (struct trace_context){TRACE_PARK, open->park_tick};
		return true;
	}
	if (ended >= open->count || open->beyond > 0)
		return false;
	*found = open->list[open->count - 1 - ended];
	return true;
}

#endif
