/* SPDX-License-Identifier: Apache-2.0
 *
 * See second_look.h.
 */
#include "second_look.h"

#include <stdlib.h>

#include "format/trace_tables.h"
#include "trace/reader.h"

#define BATCH 1024

struct walk {
	const struct second_look *look;
	uint32_t site_count;
	uint32_t open[TRACE_DEPTH_MAX]; /* sites of polls that were begun, the innermost last */
	uint32_t depth;
	uint64_t whole_tick; /* the start of the item before, where that was a whole poll */
	uint32_t whole_site; /* ... and its site; site_count: it was none */
};

static void poll_push(struct walk *walk, uint32_t site)
{
	if (walk->depth < TRACE_DEPTH_MAX)
		walk->open[walk->depth++] = site;
}

/* What an event of the worker itself ends; a wait shows that no poll is open. */
static void poll_pop(struct walk *walk, uint32_t code)
{
	enum trace_effect effect = trace_code_effect(code);

	if (effect == TRACE_EFFECT_CLOSES_POLL && walk->depth > 0)
		walk->depth--;
	else if (effect == TRACE_EFFECT_OPENS_WAIT || effect == TRACE_EFFECT_CLOSES_ALL)
		walk->depth = 0;
}

static uint32_t inside_of(const struct walk *walk, uint64_t tick)
{
	if (walk->whole_site != walk->site_count && tick == walk->whole_tick)
		return walk->whole_site;
	return walk->depth > 0 ? walk->open[walk->depth - 1] : walk->site_count;
}

static void item_take(struct walk *walk, const struct trace_item *item)
{
	uint32_t code = trace_word_code(item->word), site = code - TRACE_CODE_POLL;
	bool is_poll = trace_code_is_poll(code) && item->shape != TRACE_SHAPE_WAIT;
	uint32_t by = is_poll ? site : inside_of(walk, item->tick);

	if (item->shape == TRACE_SHAPE_WAIT)
		walk->depth = 0;
	else if (trace_set_has(trace_lost_set, code))
		walk->look->forget(walk->look->arg, item->tick);
	else
		walk->look->take(walk->look->arg, item->tick, item->word, by);
	if (item->shape != TRACE_SHAPE_INSTANT) {
		walk->whole_tick = item->tick;
		walk->whole_site = is_poll ? site : walk->site_count;
	} else if (is_poll) {
		walk->whole_site = walk->site_count;
		poll_push(walk, site);
	} else {
		poll_pop(walk, code);
	}
}

bool second_look(const struct findings_input *input, size_t worker, const struct second_look *look)
{
	struct walk walk = {.look = look};
	struct trace_cursor *cursor =
	    input->trace ? trace_cursor_open(input->trace, input->process, worker) : NULL;
	struct trace_item *items = calloc(BATCH, sizeof(*items));
	bool is_there = cursor && items, after_gap;
	size_t count, contexts;

	walk.site_count = walk.whole_site = (uint32_t)input->timeline->process->site_count;
	while (is_there && (count = trace_cursor_read(cursor, UINT64_MAX, items, BATCH)) > 0) {
		if (trace_cursor_context(cursor, &contexts, &after_gap) && after_gap) {
			walk.depth = 0;
			look->forget(look->arg, items[0].tick);
		}
		for (size_t i = 0; i < count; i++)
			item_take(&walk, &items[i]);
	}
	free(items);
	if (cursor)
		trace_cursor_close(cursor);
	return is_there;
}

size_t quarter_of(const struct timeline *timeline, uint64_t tick)
{
	uint64_t length = timeline->end_tick - timeline->from_tick + 1;
	uint64_t at = tick > timeline->from_tick ? tick - timeline->from_tick : 0;
	size_t quarter = (size_t)((double)at / (double)length * TIMELINE_QUARTERS);

	return quarter < TIMELINE_QUARTERS ? quarter : TIMELINE_QUARTERS - 1;
}
