/* SPDX-License-Identifier: Apache-2.0
 *
 * What a loop did lately: the outermost polls of this iteration, summaries of those before, and
 * its sleeps. It answers who had the loop while a poll that was ready waited.
 *
 * Rules: rings of fixed size. What they do not reach back to is not named; how long it was does
 * not depend on them.
 */
#include <stdlib.h>

#include "transactions_internal.h"

bool names_add(struct transaction_behind *names, uint32_t *count, uint32_t max, uint32_t site,
	       uint64_t ticks)
{
	for (uint32_t i = 0; i < *count; i++) {
		if (names[i].site == site) {
			names[i].ticks += ticks;
			return true;
		}
	}
	if (*count == max)
		return false;
	names[(*count)++] = (struct transaction_behind){site, ticks};
	return true;
}

/* Of two that are even the one with the lower site comes first. */
static bool is_longer(const struct transaction_behind *a, const struct transaction_behind *b)
{
	return a->ticks != b->ticks ? a->ticks > b->ticks : a->site < b->site;
}

void names_sort(struct transaction_behind *names, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		struct transaction_behind name = names[i];
		uint32_t at = i;
		for (; at > 0 && is_longer(&name, &names[at - 1]); at--)
			names[at] = names[at - 1];
		names[at] = name;
	}
}

/* Of more sites than there is room for the longest stay; the others have no name. */
static void names_add_longest(struct transaction_behind *names, uint32_t *count, uint32_t max,
			      uint32_t site, uint64_t ticks)
{
	uint32_t least = 0;

	if (names_add(names, count, max, site, ticks))
		return;
	for (uint32_t i = 1; i < *count; i++)
		least = names[i].ticks < names[least].ticks ? i : least;
	if (names[least].ticks < ticks)
		names[least] = (struct transaction_behind){site, ticks};
}

/* ---- Writing --------------------------------------------------------------------------------- */

struct history *history_of(engine *e, struct worker *worker)
{
	if (!worker->history && !(worker->history = calloc(1, sizeof(*worker->history))))
		e->error = -1;
	return worker->history;
}

void history_iteration_begin(engine *e, struct worker *worker, uint64_t tick)
{
	struct history *history = history_of(e, worker);

	if (!history)
		return;
	struct history_iteration *now =
	    &history->iterations[history->iteration_count % HISTORY_ITERATIONS];
	history->iteration_count++;
	now->tick = now->end_tick = tick;
	now->site_count = 0;
}

void history_poll(engine *e, struct worker *worker, uint64_t tick, uint64_t end_tick, uint32_t site)
{
	struct history *history = history_of(e, worker);

	if (!history)
		return;
	if (history->iteration_count == 0)
		history_iteration_begin(e, worker, tick);
	struct history_iteration *now =
	    &history->iterations[(history->iteration_count - 1) % HISTORY_ITERATIONS];
	now->end_tick = end_tick;
	names_add_longest(now->sites, &now->site_count, HISTORY_SITES, site, end_tick - tick);
	history->polls[history->poll_count++ % HISTORY_POLLS] =
	    (struct history_poll){tick, end_tick, site};
}

void history_park(engine *e, struct worker *worker, uint64_t tick, uint64_t end_tick)
{
	struct history *history = history_of(e, worker);

	if (history && end_tick > tick)
		history->parks[history->park_count++ % HISTORY_PARKS] =
		    (struct history_park){tick, end_tick};
}

/* ---- Reading --------------------------------------------------------------------------------- */

static uint64_t overlap(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
	uint64_t from = a > b ? a : b, to = a_end < b_end ? a_end : b_end;

	return to > from ? to - from : 0;
}

uint64_t history_parked(const struct worker *worker, uint64_t from, uint64_t to)
{
	const struct history *history = worker->history;
	uint64_t ticks = 0;

	for (uint64_t i = 0; history && i < HISTORY_PARKS && i < history->park_count; i++) {
		const struct history_park *park =
		    &history->parks[(history->park_count - 1 - i) % HISTORY_PARKS];
		if (park->end_tick <= from)
			break;
		ticks += overlap(park->tick, park->end_tick, from, to);
	}
	return ticks;
}

/* Poll by poll, for what began inside an iteration. */
static void names_of_polls(const struct history *history, uint64_t from, uint64_t to,
			   struct transaction_behind *names, uint32_t *count)
{
	for (uint64_t i = 0; i < HISTORY_POLLS && i < history->poll_count; i++) {
		const struct history_poll *poll =
		    &history->polls[(history->poll_count - 1 - i) % HISTORY_POLLS];
		if (poll->end_tick <= from)
			break;
		uint64_t ticks = overlap(poll->tick, poll->end_tick, from, to);
		if (ticks > 0)
			names_add_longest(names, count, HISTORY_SITES, poll->site, ticks);
	}
}

uint32_t history_names(const struct worker *worker, uint64_t from, uint64_t to,
		       struct transaction_behind names[HISTORY_SITES])
{
	const struct history *history = worker->history;
	uint32_t count = 0;

	for (uint64_t i = 0; history && i < HISTORY_ITERATIONS && i < history->iteration_count;
	     i++) {
		const struct history_iteration *iteration =
		    &history->iterations[(history->iteration_count - 1 - i) % HISTORY_ITERATIONS];
		if (iteration->end_tick <= from && i > 0)
			break;
		if (iteration->tick < from) {
			names_of_polls(history, from,
				       iteration->end_tick < to ? iteration->end_tick : to, names,
				       &count);
			break;
		}
		for (uint32_t j = 0; j < iteration->site_count; j++)
			names_add_longest(names, &count, HISTORY_SITES, iteration->sites[j].site,
					  iteration->sites[j].ticks);
	}
	names_sort(names, count);
	return count;
}
