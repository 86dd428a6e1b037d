/* SPDX-License-Identifier: Apache-2.0
 *
 * What is open on a worker, outermost first: polls, and the loops that it runs; a wait is kept apart. Both the timeline
 * and the page follow workers with it.
 *
 * Rules: any order of events is taken. What is deeper than the tracer records is damage, and left out.
 */
#ifndef OPEN_STACK_H
#define OPEN_STACK_H

#include <stdbool.h>
#include <stddef.h>

#include "format/trace_format.h"

#define OPEN_STACK_MAX (2 * TRACE_DEPTH_MAX + 2)

struct open_stack {
	uint32_t count, polls; /* of the count */
	bool parked;
	uint64_t park_tick;
	struct trace_context list[OPEN_STACK_MAX];
};

static inline bool code_is_poll(uint32_t code)
{
	return code >= TRACE_CODE_POLL && code < TRACE_CODE_SUBMIT;
}

static inline void open_push(struct open_stack *open, uint64_t word, uint64_t tick)
{
	if (open->count == OPEN_STACK_MAX)
		return;
	open->list[open->count++] = (struct trace_context){word, tick};
	open->polls += code_is_poll(trace_word_code(word));
}

/* Takes off the innermost; there is one. */
static inline struct trace_context open_pop(struct open_stack *open)
{
	struct trace_context top = open->list[--open->count];

	open->polls -= code_is_poll(trace_word_code(top.word));
	return top;
}

static inline bool open_top_is_poll(const struct open_stack *open)
{
	return open->count > 0 && code_is_poll(trace_word_code(open->list[open->count - 1].word));
}

/* What the reader says was open, in place of what was thought to be. */
static inline void open_take(struct open_stack *open, const struct trace_context *context, size_t count)
{
	open->count = open->polls = 0;
	open->parked = false;
	for (size_t i = 0; i < count; i++) {
		if (trace_word_code(context[i].word) != TRACE_PARK) {
			open_push(open, context[i].word, context[i].tick);
			continue;
		}
		open->parked = true;
		open->park_tick = context[i].tick;
	}
}

#endif
