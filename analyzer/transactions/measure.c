/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step waited for, from its cause to its poll: [caused, ready) and [ready, tick).
 *
 * Rules: what its own transaction ran comes first, then sleep of the loop; the rest of [ready,
 * tick) is behind others, named as far as the loop's history goes. The parts add up exactly.
 */
#include <errno.h>
#include <stdlib.h>

#include "transactions_internal.h"

#define OWN_STEPS   64 /* the newest that are looked at for what the transaction ran meanwhile */
#define NAMED_SHARE 16 /* less than this part of a step's wait is not named */

static uint64_t between(uint64_t tick, uint64_t from, uint64_t to)
{
	if (tick < from)
		return from;
	return tick < to ? tick : to;
}

/* ---- Before it was ready --------------------------------------------------------------------- */

/* Until when the poll that caused it went on. */
static uint64_t own_until(const struct live *live, const struct step *step)
{
	if (step->parent == NONE)
		return step->caused_tick;
	const struct step *parent = &live->steps[step->parent];
	if (parent->tick == 0 || parent->worker != step->worker || step->caused_tick < parent->tick)
		return step->caused_tick;
	return between(parent->running ? step->tick : parent->end_tick, step->caused_tick,
		       step->tick);
}

static bool was_submitted(const engine *e, const struct step *step)
{
	return step->cause == CAUSE_REQUEST || e->roles[step->site] == ROLE_REQUEST ||
	       e->roles[step->site] == ROLE_POOL;
}

/* Work on the pool is told as it was, also what was done while the submitting poll went on. */
static uint64_t ready_since(const engine *e, struct step *step, uint64_t from, uint64_t wake_tick)
{
	bool external =
	    was_submitted(e, step) || step->cause == CAUSE_SPAWN || step->cause == CAUSE_SPAN;

	if (step->run_end_tick == 0)
		step->run_tick = 0;
	if (step->run_tick != 0) {
		step->run_tick = between(step->run_tick, step->caused_tick, step->tick);
		step->run_end_tick = between(step->run_end_tick, step->run_tick, step->tick);
		return between(step->run_end_tick, from, step->tick);
	}
	return external ? between(wake_tick, from, step->tick) : from;
}

/* ---- Since it was ready ---------------------------------------------------------------------- */

/* Takes away from the names what the transaction itself ran. */
static void names_take(struct transaction_behind *names, uint32_t count, uint32_t site,
		       uint64_t ticks)
{
	for (uint32_t i = 0; i < count; i++) {
		if (names[i].site == site)
			names[i].ticks -= ticks < names[i].ticks ? ticks : names[i].ticks;
	}
}

/* What the transaction itself ran on this loop since then. */
static uint64_t own_since(const struct live *live, uint32_t at, uint64_t since,
			  struct transaction_behind *names, uint32_t count)
{
	const struct step *step = &live->steps[at];
	uint64_t own = 0;

	for (uint32_t i = live->count; i > 0 && i + OWN_STEPS > live->count; i--) {
		const struct step *other = &live->steps[i - 1];
		if (i - 1 == at || other->tick == 0 || other->nested ||
		    other->worker != step->worker)
			continue;
		uint64_t from = between(other->tick, since, step->tick);
		uint64_t to =
		    other->running ? step->tick : between(other->end_tick, from, step->tick);
		names_take(names, count, other->site, to - from);
		own += to - from;
	}
	return own;
}

/* A read's memory was asked for just before. */
static uint64_t own_alloc(const struct worker *worker, const struct step *step)
{
	return step->parent == NONE && worker->alloc_object != 0 &&
		       worker->alloc_object == step->object &&
		       worker->alloc_tick >= step->ready_tick && worker->alloc_end <= step->tick
		   ? worker->alloc_end - worker->alloc_tick
		   : 0;
}

static int names_keep(engine *e, struct live *live, struct step *step,
		      const struct transaction_behind *names, uint32_t count, uint8_t *kept)
{
	uint32_t first = step->names + step->behind_count + step->busy_count;

	for (uint32_t i = 0; i < count && i < TRANSACTION_STEP_NAMES && names[i].ticks > 0; i++) {
		if (live->name_count == live->name_capacity) {
			uint32_t room = live->name_capacity ? live->name_capacity * 2 : 8;
			struct transaction_behind *more =
			    realloc(live->names, room * sizeof(*more));
			if (!more)
				return e->error = -ENOMEM;
			live->names = more;
			live->name_capacity = room;
		}
		live->names[first + i] = names[i];
		live->name_count = first + i + 1;
		++*kept;
	}
	return 0;
}

/* Outer polls that run while it is called inside them. */
static void names_add_open(const struct worker *worker, const struct step *step,
			   struct transaction_behind *names, uint32_t *count)
{
	for (uint32_t i = 0; i < worker->open.count; i++) {
		const struct trace_context *open = &worker->open.list[i];
		if (!trace_word_is_poll(open->word) || open->tick >= step->tick)
			continue;
		uint64_t from = between(open->tick, step->ready_tick, step->tick);
		names_add(names, count, HISTORY_SITES + 1, worker->runs[i].site, step->tick - from);
		return;
	}
}

static void behind_name(engine *e, struct live *live, uint32_t at)
{
	struct step *step = &live->steps[at];
	const struct worker *worker = &e->workers[step->worker];
	struct transaction_behind names[HISTORY_SITES + 1];
	uint32_t count = history_names(worker, step->ready_tick, step->tick, names);

	if (step->nested)
		names_add_open(worker, step, names, &count);
	own_since(live, at, step->ready_tick, names, count);
	names_sort(names, count);
	names_keep(e, live, step, names, count, &step->behind_count);
}

static void busy_name(engine *e, struct live *live, struct step *step, uint64_t from)
{
	struct transaction_behind names[HISTORY_SITES];
	uint32_t count = pool_names(e, from, step->run_tick, names);

	names_keep(e, live, step, names, count, &step->busy_count);
}

void step_measure(engine *e, uint32_t index, uint32_t at, uint64_t wake_tick)
{
	struct live *live = &e->lives[index];
	struct step *step = &live->steps[at];
	const struct worker *worker = &e->workers[step->worker];
	uint64_t from = own_until(live, step);
	uint64_t ready = ready_since(e, step, from, wake_tick), wait = step->tick - ready;

	step->ready_tick = ready;
	step->own_first = from - step->caused_tick;
	step->kernel = history_parked(worker, ready, step->tick);
	if (step->kernel > wait)
		step->kernel = wait;
	step->own_later = own_since(live, at, ready, NULL, 0) + own_alloc(worker, step);
	if (step->own_later > wait - step->kernel)
		step->own_later = wait - step->kernel;
	step->behind_count = step->busy_count = 0;
	step->names = live->name_count;
	uint64_t behind = wait - step->kernel - step->own_later;
	uint64_t named = (step->tick - step->caused_tick) / NAMED_SHARE;
	if (behind > named)
		behind_name(e, live, at);
	if (step->run_tick > from && step->run_tick - from > named)
		busy_name(e, live, step, from);
}

/* ---- Parts ----------------------------------------------------------------------------------- */

void step_parts_add(const struct step *step, uint64_t to, uint64_t parts[TRANSACTION_PARTS])
{
	uint64_t caused = step->caused_tick < to ? step->caused_tick : to;
	uint64_t from = between(caused + step->own_first, caused, to);
	uint64_t ready = step->tick == 0 ? to : between(step->ready_tick, from, to);

	if (step->run_tick != 0) {
		uint64_t run = between(step->run_tick, from, ready);
		parts[PART_POOL_WAIT] += run - from;
		parts[PART_POOL_RUN] += ready - run;
	} else {
		parts[PART_EXTERNAL] += ready - from;
	}
	uint64_t left = to - ready;
	uint64_t kernel = step->kernel < left ? step->kernel : left;
	left -= kernel;
	uint64_t own = step->own_later < left ? step->own_later : left;
	parts[PART_KERNEL] += kernel;
	parts[PART_OWN] += from - caused + own;
	parts[PART_BEHIND] += left - own;
}
