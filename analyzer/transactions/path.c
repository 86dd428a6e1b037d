/* SPDX-License-Identifier: Apache-2.0
 *
 * A transaction that is over: its critical path, what that is made of, and its form for others.
 *
 * Rules: the path goes from the end of the poll that ends last back over the causes to the begin of
 * the root's iteration, without a gap, so its parts add up to the duration exactly.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transactions_internal.h"

uint64_t transaction_id(const engine *e, uint64_t root_tick, size_t position)
{
	uint64_t ns = trace_ns(e->process, root_tick), start = e->process->start_mono_ns;

	ns = ns > start ? ns - start : 0;
	return ns << TRANSACTION_ID_WORKER_BITS |
	       (e->process->workers[position].worker & ((1u << TRANSACTION_ID_WORKER_BITS) - 1));
}

/* ---- The critical path ----------------------------------------------------------------------- */

static void names_collect(struct path_names *names, const struct live *live,
			  const struct step *step)
{
	const struct transaction_behind *of_step;

	if (step->behind_count + step->busy_count == 0)
		return;
	of_step = live->names + step->names;
	for (uint32_t i = 0; i < step->behind_count; i++)
		names_add(names->behind, &names->behind_count, HISTORY_SITES, of_step[i].site,
			  of_step[i].ticks);
	of_step += step->behind_count;
	for (uint32_t i = 0; i < step->busy_count; i++)
		names_add(names->busy, &names->busy_count, HISTORY_SITES, of_step[i].site,
			  of_step[i].ticks);
}

static uint32_t step_last(const struct live *live)
{
	uint32_t last = 0;

	for (uint32_t i = 1; i < live->count; i++) {
		if (live->steps[i].tick != 0 &&
		    live->steps[i].end_tick > live->steps[last].end_tick)
			last = i;
	}
	return last;
}

/* Adds to `parts`; marks it in `on_path`, one for each step. */
static void path_walk(const struct live *live, uint64_t parts[TRANSACTION_PARTS],
		      struct path_names *names, bool *on_path)
{
	uint32_t at = step_last(live);
	uint64_t tick = live->steps[at].end_tick;

	while (at != NONE) {
		const struct step *step = &live->steps[at];
		if (step->tick != 0 && step->tick < tick) {
			parts[PART_OWN] += tick - step->tick;
			tick = step->tick;
		}
		step_parts_add(step, tick, parts);
		if (tick == step->tick)
			names_collect(names, live, step);
		on_path[at] = true;
		tick = step->caused_tick < tick ? step->caused_tick : tick;
		at = step->parent;
	}
}

/* ---- The form for others --------------------------------------------------------------------- */

static int scratch_reserve(engine *e, uint32_t count)
{
	if (count <= e->scratch_room)
		return 0;
	struct transaction_step *scratch = realloc(e->scratch, count * sizeof(*scratch));
	if (!scratch)
		return e->error = -ENOMEM;
	e->scratch = scratch;
	bool *on_path = realloc(e->on_path, count);
	if (!on_path)
		return e->error = -ENOMEM;
	e->on_path = on_path;
	uint32_t *order = realloc(e->order, count * 2 * sizeof(*order));
	if (!order)
		return e->error = -ENOMEM;
	e->order = order;
	e->scratch_room = count;
	return 0;
}

static void step_tell(const engine *e, const struct live *live, const struct step *step,
		      struct transaction_step *told)
{
	*told = (struct transaction_step){
	    .cause = (enum transaction_cause)step->cause,
	    .site = step->site,
	    .worker = step->worker,
	    .object = step->object,
	    .caused_tick = step->caused_tick,
	    .run_tick = step->run_tick,
	    .run_end_tick = step->run_end_tick,
	    .ready_tick = step->ready_tick,
	    .tick = step->tick,
	    .end_tick = step->end_tick > step->tick ? step->end_tick : step->tick,
	    .coalesced = step->coalesced,
	    .linked_id = step->linked_tick != 0
			     ? transaction_id(e, step->linked_tick, step->linked_worker)
			     : 0,
	};
	step_parts_add(step, step->tick, told->parts);
	if (step->behind_count + step->busy_count == 0)
		return;
	const struct transaction_behind *names = live->names + step->names;
	memcpy(told->behind, names, step->behind_count * sizeof(*names));
	memcpy(told->busy, names + step->behind_count, step->busy_count * sizeof(*names));
}

/* Those that ran; one that never did gives its children to its parent. e->on_path says which are on
 * the path. */
static size_t steps_tell(engine *e, const struct live *live)
{
	uint32_t *place = e->order;
	uint32_t count = 0;

	for (uint32_t i = 0; i < live->count; i++) {
		const struct step *step = &live->steps[i];
		uint32_t parent = step->parent != NONE ? place[step->parent] : NONE;
		place[i] = step->tick != 0 ? count : parent;
		if (step->tick == 0)
			continue;
		step_tell(e, live, step, &e->scratch[count]);
		e->scratch[count].parent = parent;
		e->scratch[count++].in_path = e->on_path[i];
	}
	return count;
}

/* ---- Over ------------------------------------------------------------------------------------ */

static bool is_wanted(const engine *e, uint64_t begin_tick, uint64_t end_tick, size_t position)
{
	return end_tick >= e->from_tick && begin_tick < e->to_tick &&
	       (e->worker_asked == 0 || e->worker_asked == e->process->workers[position].worker);
}

static bool is_asked(const engine *e, uint64_t root_tick, size_t position)
{
	return e->options.id != 0 && transaction_id(e, root_tick, position) == e->options.id;
}

static bool tells_all(const engine *e)
{
	return e->options.over && !e->options.wants;
}

/* Is this whole one to be told, with its steps? `names_ticks`: of all that they waited for. */
static bool is_told(const engine *e, const struct transaction *transaction, size_t position,
		    uint64_t names_ticks)
{
	struct transaction_glance glance = {
	    .signature = transaction->signature,
	    .ticks = transaction->end_tick - transaction->begin_tick,
	    .behind_ticks = names_ticks,
	    .pool_wait_ticks = transaction->parts[PART_POOL_WAIT],
	    .before = before_may(&e->workers[position], transaction->begin_tick),
	};

	return tells_all(e) || kept_wants(e, glance.ticks) ||
	       (e->options.over && e->options.wants(e->options.arg, &glance));
}

/* Tells and keeps it, with its steps in e->scratch. */
static void transaction_tell(engine *e, struct transaction *transaction, bool asked)
{
	transaction->steps = e->scratch;
	if (transaction->cut == CUT_NONE && transaction->step_count > 0)
		before_find(e, transaction);
	if (transaction->cut == CUT_NONE &&
	    kept_wants(e, transaction->end_tick - transaction->begin_tick))
		kept_add(e, transaction);
	if (asked)
		asked_keep(e, transaction);
	if (e->options.over)
		e->options.over(e->options.arg, transaction);
}

static void cut_tell(engine *e, const struct live *live)
{
	bool asked = is_asked(e, live->root_tick, live->worker);

	if (live->root_tick == 0 || live->count == 0 || (!asked && !tells_all(e)) ||
	    scratch_reserve(e, live->count) < 0)
		return;
	memset(e->on_path, 0, live->count);
	struct transaction transaction = {
	    .id = transaction_id(e, live->root_tick, live->worker),
	    .begin_tick = live->begin_tick,
	    .end_tick = live->last_tick > live->root_tick ? live->last_tick : live->root_tick,
	    .cut = (enum transaction_cut)live->cut,
	    .step_count = steps_tell(e, live),
	};
	transaction_tell(e, &transaction, asked);
}

/* One by one, as step_clear(). */
static void transaction_clear(struct transaction *transaction, uint64_t begin_tick,
			      uint64_t end_tick)
{
	transaction->id = transaction->started_by = transaction->signature = 0;
	transaction->begin_tick = begin_tick;
	transaction->end_tick = end_tick;
	transaction->before_ticks = 0;
	transaction->before_site = 0;
	transaction->cut = CUT_NONE;
	transaction->steps = NULL;
	transaction->step_count = 0;
	for (int i = 0; i < TRANSACTION_PARTS; i++)
		transaction->parts[i] = 0;
}

static uint64_t names_sum(const struct transaction_behind *names, uint32_t count)
{
	uint64_t ticks = 0;

	for (uint32_t i = 0; i < count; i++)
		ticks += names[i].ticks;
	return ticks;
}

static void whole_over(engine *e, const struct live *live)
{
	struct transaction transaction;
	struct path_names *names = &e->path_names;

	transaction_clear(&transaction, live->begin_tick, live->last_tick);
	memset(e->on_path, 0, live->count);
	names->behind_count = names->busy_count = 0;
	path_walk(live, transaction.parts, names, e->on_path);
	struct signature *signature = signature_of(e, live);
	uint64_t ticks = live->last_tick - live->begin_tick;
	transaction.signature = signature ? signature->facts.hash : 0;
	bool asked = is_asked(e, live->root_tick, live->worker);
	bool told = asked || is_told(e, &transaction, live->worker,
				     names_sum(live->names, live->name_count));
	if (told || slowest_wants(signature, ticks))
		transaction.id = transaction_id(e, live->root_tick, live->worker);
	if (told && live->started_tick != 0)
		transaction.started_by =
		    transaction_id(e, live->started_tick, live->started_worker);
	struct added_names added = {names->behind, names->behind_count, names->busy,
				    names->busy_count};
	statistics_add(e, signature, &transaction, &added);
	if (!told)
		return;
	transaction.step_count = steps_tell(e, live);
	transaction_tell(e, &transaction, asked);
}

void transaction_over(engine *e, const struct live *live)
{
	if (!is_wanted(e, live->begin_tick, live->last_tick, live->worker))
		return;
	if (live->cut) {
		cut_tell(e, live);
		return;
	}
	if (live->root_tick == 0 || scratch_reserve(e, live->count) < 0)
		return;
	whole_over(e, live);
}

/* ---- Of one step ----------------------------------------------------------------------------- */

#define SINGLE_NAMED 16 /* less than this part of its time is not named */

static void single_tell(engine *e, size_t position, const struct run *run, uint64_t tick,
			struct transaction *transaction, const struct transaction_behind *names,
			uint32_t count, bool asked)
{
	if (scratch_reserve(e, 1) < 0)
		return;
	e->scratch[0] = (struct transaction_step){
	    .parent = NONE,
	    .cause = CAUSE_ROOT,
	    .site = run->site,
	    .worker = (uint32_t)position,
	    .object = run->object,
	    .caused_tick = transaction->begin_tick,
	    .ready_tick = transaction->begin_tick,
	    .tick = tick,
	    .end_tick = transaction->end_tick,
	    .in_path = true,
	    .parts = {[PART_BEHIND] = transaction->parts[PART_BEHIND],
		      [PART_OWN] = transaction->parts[PART_OWN] - (transaction->end_tick - tick)},
	};
	for (uint32_t i = 0; i < count && i < TRANSACTION_STEP_NAMES; i++)
		e->scratch[0].behind[i] = names[i];
	transaction->step_count = 1;
	if (run->started_tick != 0)
		transaction->started_by = transaction_id(e, run->started_tick, run->started_worker);
	transaction_tell(e, transaction, asked);
}

void transaction_single(engine *e, size_t position, uint64_t tick, uint64_t end_tick,
			const struct run *run)
{
	const struct worker *worker = &e->workers[position];
	struct transaction transaction;
	struct transaction_behind names[HISTORY_SITES];
	uint32_t count = 0;
	uint64_t ticks = end_tick - run->begin_tick, alloc = 0;

	if (!is_wanted(e, run->begin_tick, end_tick, position))
		return;
	if (worker->alloc_object != 0 && worker->alloc_object == run->object &&
	    worker->alloc_tick >= run->begin_tick && worker->alloc_end <= tick)
		alloc = worker->alloc_end - worker->alloc_tick;
	transaction_clear(&transaction, run->begin_tick, end_tick);
	transaction.parts[PART_OWN] = end_tick - tick + alloc;
	transaction.parts[PART_BEHIND] = tick - run->begin_tick - alloc;
	if (transaction.parts[PART_BEHIND] > ticks / SINGLE_NAMED)
		count = history_names(worker, run->begin_tick, tick, names);
	struct signature *signature = statistics_single(e, run->site);
	transaction.signature = signature ? signature->facts.hash : 0;
	bool asked = is_asked(e, tick, position);
	bool told = asked || is_told(e, &transaction, position, names_sum(names, count));
	if (told || slowest_wants(signature, ticks))
		transaction.id = transaction_id(e, tick, position);
	struct added_names added = {.behind = names, .behind_count = count};
	statistics_add(e, signature, &transaction, &added);
	if (told)
		single_tell(e, position, run, tick, &transaction, names, count, asked);
}
