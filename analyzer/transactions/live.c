/* SPDX-License-Identifier: Apache-2.0
 *
 * Live transactions: those of which something runs or is outstanding.
 *
 * Rules: a bounded number of them, with a bounded number of steps; what is too much is cut. One
 * that is cut keeps its place until nothing of it is outstanding, so that what it still causes is
 * not taken for something new. When all are cut at once (events were lost) they go at once, and the
 * epoch tells what was recorded before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transactions_internal.h"

#define STEPS_FIRST 4

void live_settle_far(const engine *e, uint32_t *live, uint32_t *step, uint32_t epoch)
{
	if (epoch != e->epoch || *live == GONE) {
		*live = GONE;
		*step = NONE;
		return;
	}
	while (e->lives[*live].joined != NONE) {
		if (*step != NONE)
			*step += e->lives[*live].joined_step;
		*live = e->lives[*live].joined;
	}
	if (e->lives[*live].cut)
		*step = NONE;
}

/* ---- The list of those that are not cut ------------------------------------------------------ */

static void list_add(engine *e, uint32_t index)
{
	struct live *live = &e->lives[index];

	live->before = NONE;
	live->next = e->live_first;
	if (live->next != NONE)
		e->lives[live->next].before = index;
	e->live_first = index;
}

static void list_remove(engine *e, uint32_t index)
{
	const struct live *live = &e->lives[index];

	if (live->before != NONE)
		e->lives[live->before].next = live->next;
	else
		e->live_first = live->next;
	if (live->next != NONE)
		e->lives[live->next].before = live->before;
}

/* ---- Making and freeing ---------------------------------------------------------------------- */

static int room_make(engine *e)
{
	uint32_t room = e->live_room ? e->live_room * 2 : 64;
	struct live *lives = realloc(e->lives, room * sizeof(*lives));

	if (!lives)
		return e->error = -ENOMEM;
	memset(lives + e->live_room, 0, (room - e->live_room) * sizeof(*lives));
	e->lives = lives;
	e->live_room = room;
	return 0;
}

uint32_t live_make(engine *e, uint32_t site, size_t worker, uint64_t begin_tick)
{
	uint32_t index = e->live_free;

	if (index != NONE) {
		e->live_free = e->lives[index].next;
	} else {
		if (e->live_count == LIVE_MAX ||
		    (e->live_count == e->live_room && room_make(e) < 0))
			return NONE;
		index = e->live_count++;
	}
	struct live *live = &e->lives[index];
	/* The memory of its steps is used again. */
	live->count = live->name_count = live->pending = live->weak = 0;
	live->joined = NONE;
	live->joined_step = 0;
	live->cut = CUT_NONE;
	live->worker = (uint32_t)worker;
	live->root_site = site;
	live->root_tick = live->last_tick = live->started_tick = 0;
	live->begin_tick = begin_tick;
	live->started_worker = 0;
	list_add(e, index);
	return index;
}

#define STEPS_KEPT 16 /* room that a free place keeps */

static void steps_free(engine *e, struct live *live)
{
	e->steps_at_once -= live->count;
	live->count = live->name_count = 0;
	if (live->capacity > STEPS_KEPT) {
		free(live->steps);
		live->steps = NULL;
		live->capacity = 0;
	}
	if (live->name_capacity > STEPS_KEPT * 2) {
		free(live->names);
		live->names = NULL;
		live->name_capacity = 0;
	}
}

static void live_free(engine *e, uint32_t index)
{
	struct live *live = &e->lives[index];

	steps_free(e, live);
	live->next = e->live_free;
	e->live_free = index;
}

static int steps_reserve(engine *e, struct live *live)
{
	uint32_t capacity = live->capacity ? live->capacity * 2 : STEPS_FIRST;
	struct step *steps = realloc(live->steps, capacity * sizeof(*steps));

	if (!steps)
		return e->error = -ENOMEM;
	live->steps = steps;
	live->capacity = capacity;
	return 0;
}

/* One by one: the compiler's own clearing of so many bytes takes longer than all else here. */
static void step_clear(struct step *step)
{
	step->object = 0;
	step->parent = step->site = step->worker = step->names = 0;
	step->cause = step->behind_count = step->busy_count = 0;
	step->nested = step->running = false;
	step->coalesced = step->linked_worker = 0;
	step->caused_tick = step->run_tick = step->run_end_tick = 0;
	step->ready_tick = step->tick = step->end_tick = 0;
	step->own_first = step->own_later = step->kernel = step->linked_tick = 0;
}

struct step *live_add_step(engine *e, uint32_t index, uint32_t parent, enum transaction_cause cause,
			   uint64_t caused_tick)
{
	struct live *live = &e->lives[index];

	live->pending++;
	if (live->cut)
		return NULL;
	if (live->count == STEPS_MAX) {
		live_cut(e, index, CUT_TOO_LONG);
		return NULL;
	}
	if (e->steps_at_once == STEPS_AT_ONCE ||
	    (live->count == live->capacity && steps_reserve(e, live) < 0)) {
		live_cut(e, index, CUT_GIVEN_UP);
		return NULL;
	}
	struct step *step = &live->steps[live->count++];
	e->steps_at_once++;
	step_clear(step);
	step->parent = parent;
	step->cause = (uint8_t)cause;
	step->caused_tick = caused_tick;
	return step;
}

/* ---- Cuts ------------------------------------------------------------------------------------ */

void cut_count(engine *e, enum transaction_cut cut, uint32_t root_site, size_t worker,
	       uint64_t tick)
{
	if (tick >= e->to_tick ||
	    (e->worker_asked != 0 && e->process->workers[worker].worker != e->worker_asked))
		return;
	e->cut[cut]++;
	e->statistics.cut_by_root[root_site]++;
}

void live_cut(engine *e, uint32_t index, enum transaction_cut cut)
{
	struct live *live = &e->lives[index];

	if (live->cut)
		return;
	live->cut = (uint8_t)cut;
	list_remove(e, index);
	cut_count(e, cut, live->root_site, live->worker, live->begin_tick);
	transaction_over(e, live);
	steps_free(e, live);
}

void live_cut_all(engine *e, enum transaction_cut cut)
{
	while (e->live_first != NONE)
		live_cut(e, e->live_first, cut);
	for (uint32_t i = 0; i < e->live_count; i++) {
		e->lives[i].next = i + 1 < e->live_count ? i + 1 : NONE;
	}
	e->live_free = e->live_count > 0 ? 0 : NONE;
	e->epoch++;
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static void live_over(engine *e, uint32_t index)
{
	struct live *live = &e->lives[index];

	if (!live->cut && live->joined == NONE) {
		list_remove(e, index);
		transaction_over(e, live);
	}
	live_free(e, index);
}

void live_release(engine *e, uint32_t index, uint32_t epoch, bool weak)
{
	if (index == NONE || index == GONE || epoch != e->epoch)
		return;
	while (index != NONE) {
		struct live *live = &e->lives[index];
		uint32_t joined = live->joined;
		live->weak -= weak;
		if (--live->pending == 0)
			live_over(e, index);
		index = joined;
	}
}

void live_hold(engine *e, uint32_t index, uint32_t epoch)
{
	if (index == NONE || index == GONE || epoch != e->epoch)
		return;
	for (; index != NONE; index = e->lives[index].joined)
		e->lives[index].pending++;
}

void live_weaken(engine *e, uint32_t index)
{
	e->lives[index].weak++;
}

void live_firm(engine *e, uint32_t index, uint32_t epoch)
{
	if (index == GONE || epoch != e->epoch)
		return;
	for (; index != NONE; index = e->lives[index].joined)
		e->lives[index].weak--;
}

void live_join(engine *e, uint32_t index, uint32_t into, uint32_t parent, uint64_t caused_tick)
{
	struct live *live = &e->lives[index];
	uint32_t first = e->lives[into].count;

	for (uint32_t i = 0; i < live->count; i++) {
		const struct step *from = &live->steps[i];
		struct step *step = live_add_step(e, into, i == 0 ? parent : from->parent + first,
						  (enum transaction_cause)from->cause,
						  i == 0 ? caused_tick : from->caused_tick);
		if (!step)
			continue;
		uint64_t caused = step->caused_tick;
		uint32_t of = step->parent;
		*step = *from;
		step->parent = of;
		step->caused_tick = caused;
		step->names = step->behind_count = step->busy_count = 0;
		if (i == 0)
			step->cause = CAUSE_SPAN;
	}
	/* It counted each step as outstanding. */
	e->lives[into].pending += live->pending - live->count;
	e->lives[into].weak += live->weak;
	live->joined = into;
	live->joined_step = first;
	list_remove(e, index);
	steps_free(e, live);
}

/* Closes that are outstanding may have no callback: they keep none open. */
void live_end_all(engine *e)
{
	while (e->live_first != NONE) {
		struct live *live = &e->lives[e->live_first];
		if (live->pending > live->weak) {
			live_cut(e, e->live_first, CUT_UNENDED);
			continue;
		}
		list_remove(e, e->live_first);
		transaction_over(e, live);
	}
}

void live_close(engine *e)
{
	for (uint32_t i = 0; i < e->live_room; i++) {
		free(e->lives[i].steps);
		free(e->lives[i].names);
	}
	free(e->lives);
}
