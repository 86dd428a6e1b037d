/* SPDX-License-Identifier: Apache-2.0
 *
 * Polls that begin and end: which cause each had, and whose step it is.
 *
 * Rules: a callback that must have had a cause, which was not recorded, is of no transaction, and
 * counted as cut. Where a poll has no cause and runs inside another, that one is its cause.
 */
#include "transactions_internal.h"

static const enum cause_class classes[] = {
    [ROLE_REQUEST] = CLASS_REQUEST, [ROLE_POOL] = CLASS_REQUEST, [ROLE_WORK] = CLASS_REQUEST,
    [ROLE_ASYNC] = CLASS_ASYNC,	    [ROLE_CLOSE] = CLASS_CLOSE,	 [ROLE_EXIT] = CLASS_CHILD,
};

static bool role_waits(uint8_t role)
{
	return role != ROLE_WAITLESS && role != ROLE_ALLOC && role != ROLE_HOUSEKEEPING &&
	       role != ROLE_CLOSE;
}

/* The open poll below this place of the stack; NONE: there is none. */
static uint32_t poll_below(const struct worker *worker, uint32_t at)
{
	while (at > 0) {
		if (trace_word_is_poll(worker->open.list[--at].word))
			return at;
	}
	return NONE;
}

/* ---- Where causes come from ------------------------------------------------------------------ */

static void root_make(engine *e, size_t position, uint32_t at)
{
	struct worker *worker = &e->workers[position];
	struct run *run = &worker->runs[at];
	uint64_t tick = worker->open.list[at].tick;
	uint32_t index = live_make(e, run->site, position, run->begin_tick);

	run->epoch = e->epoch;
	if (index == NONE) {
		run->live = GONE;
		cut_count(e, CUT_GIVEN_UP, run->site, position, tick);
		return;
	}
	struct step *step = live_add_step(e, index, NONE, CAUSE_ROOT, run->begin_tick);
	e->lives[index].root_tick = tick;
	e->lives[index].started_tick = run->started_tick;
	e->lives[index].started_worker = run->started_worker;
	run->live = index;
	run->step = step ? 0 : NONE;
	if (!step)
		return;
	step->object = run->object;
	step->site = run->site;
	step->worker = (uint32_t)position;
	step->running = true;
	step->tick = step->end_tick = tick;
	step_measure(e, index, 0, run->begin_tick);
}

static void nested_make(engine *e, size_t position, uint32_t at, uint32_t around)
{
	struct worker *worker = &e->workers[position];
	struct run *run = &worker->runs[at];
	uint32_t live = worker->runs[around].live, parent = worker->runs[around].step;
	uint64_t tick = worker->open.list[at].tick;

	live_settle(e, &live, &parent, worker->runs[around].epoch);
	run->epoch = e->epoch;
	run->live = live;
	if (live == GONE)
		return;
	struct step *step = live_add_step(e, live, parent, CAUSE_NESTED, tick);
	run->step = step ? live_place(e, live, step) : NONE;
	if (!step)
		return;
	step->object = run->object;
	step->site = run->site;
	step->worker = (uint32_t)position;
	step->running = step->nested = true;
	step->ready_tick = step->tick = step->end_tick = tick;
}

/* The poll at this place of the stack gets a live transaction, if it can have one. */
static void run_enliven(engine *e, size_t position, uint32_t at)
{
	struct worker *worker = &e->workers[position];
	struct run *run = &worker->runs[at];

	if (run->live != NONE || !run->lazy)
		return;
	uint32_t around = poll_below(worker, at);
	if (around != NONE)
		run_enliven(e, position, around);
	if (around != NONE && worker->runs[around].live != NONE)
		nested_make(e, position, at, around);
	else
		root_make(e, position, at);
}

struct source source_find(engine *e, size_t position)
{
	const struct worker *worker = &e->workers[position];
	uint32_t at = poll_below(worker, worker->open.count);

	if (at == NONE)
		return (struct source){NONE, NONE};
	run_enliven(e, position, at);
	struct source source = {worker->runs[at].live, worker->runs[at].step};
	live_settle(e, &source.live, &source.step, worker->runs[at].epoch);
	return source;
}

bool source_root(const engine *e, size_t position, uint64_t *tick, uint32_t *root_worker)
{
	const struct worker *worker = &e->workers[position];
	uint32_t at = poll_below(worker, worker->open.count);

	for (; at != NONE; at = poll_below(worker, at)) {
		uint32_t live = worker->runs[at].live, step = worker->runs[at].step;
		live_settle(e, &live, &step, worker->runs[at].epoch);
		if (live == GONE)
			return false;
		*tick = live != NONE ? e->lives[live].root_tick : worker->open.list[at].tick;
		*root_worker = live != NONE ? e->lives[live].worker : (uint32_t)position;
		if (live != NONE || !worker->runs[at].lazy)
			break;
	}
	return worker->open.polls > 0 && *tick != 0;
}

void source_join(engine *e, size_t position, const struct cause *cause)
{
	struct worker *worker = &e->workers[position];
	uint32_t at = poll_below(worker, worker->open.count);
	uint32_t into = cause->live, parent = cause->step;

	/* A poll that began before the span did is not caused by it. */
	if (at == NONE || poll_below(worker, at) != NONE ||
	    worker->open.list[at].tick < cause->tick)
		return;
	struct source source = source_find(e, position);
	live_settle(e, &into, &parent, cause->epoch);
	if (source.live == NONE || source.live == GONE || into == GONE || source.live == into ||
	    source.step != 0 || parent == NONE ||
	    e->lives[source.live].steps[0].cause != CAUSE_ROOT)
		return;
	live_join(e, source.live, into, parent, cause->tick);
	live_settle(e, &source.live, &source.step, e->epoch);
	if (source.step != NONE)
		step_measure(e, source.live, source.step, worker->runs[at].begin_tick);
}

/* ---- Begin ----------------------------------------------------------------------------------- */

/* A step that was outstanding runs. */
static void step_begins(engine *e, size_t position, uint64_t tick, const struct run *run)
{
	uint32_t live = run->live, index = run->step;

	live_settle(e, &live, &index, run->epoch);
	if (live == GONE || live == NONE || index == NONE)
		return;
	struct step *step = &e->lives[live].steps[index];
	step->tick = step->end_tick = tick;
	step->running = true;
	step->worker = (uint32_t)position;
	step->site = run->site;
	step->nested = e->workers[position].open.polls > 0;
	if (step->caused_tick > tick)
		step->caused_tick = tick;
	if (index == 0) {
		e->lives[live].root_tick = tick;
		e->lives[live].worker = (uint32_t)position;
	}
	step_measure(e, live, index, run->begin_tick);
}

/* Its work begins on the pool, and may cause something until it ends. */
static void work_begins(engine *e, uint64_t tick, struct run *run)
{
	uint32_t live = run->live, index = run->step;

	run->work = true;
	live_hold(e, run->live, run->epoch);
	live_settle(e, &live, &index, run->epoch);
	if (live != NONE && live != GONE && index != NONE)
		e->lives[live].steps[index].run_tick = tick;
}

static void cause_take(engine *e, size_t position, uint64_t tick, struct run *run)
{
	enum cause_class class = classes[run->role];
	struct cause *cause = causes_find(&e->causes, cause_key(class, run->object));

	if (!cause) {
		if (class != CLASS_REQUEST)
			return;
		run->live = GONE;
		if (run->role != ROLE_WORK)
			cut_count(e, e->lost_before ? CUT_LOST : CUT_BEGINS_EARLIER, run->site,
				  position, tick);
		return;
	}
	run->live = cause->live;
	run->step = cause->step;
	run->epoch = cause->epoch;
	if (run->role == ROLE_WORK) {
		work_begins(e, tick, run);
		return;
	}
	causes_remove(&e->causes, cause);
	if (class == CLASS_CLOSE)
		live_firm(e, run->live, run->epoch);
	step_begins(e, position, tick, run);
}

static void started_find(engine *e, struct run *run)
{
	const struct cause *cause = causes_find(&e->causes, cause_key(CLASS_STARTED, run->object));

	if (!cause || cause->epoch != e->epoch)
		return;
	run->started_tick = cause->tick;
	run->started_worker = cause->worker;
}

static struct run *run_begin(engine *e, size_t position, uint64_t tick, uint64_t word)
{
	struct worker *worker = &e->workers[position];
	struct run *run = &worker->runs[worker->open.count];

	run->live = run->step = NONE;
	run->epoch = e->epoch;
	run->work = false;
	run->site = engine_site(e, word);
	run->role = e->roles[run->site];
	run->object = trace_word_object(word);
	run->begin_tick =
	    worker->wake_tick != 0 && worker->wake_tick < tick ? worker->wake_tick : tick;
	run->started_tick = 0;
	if (run->role >= ROLE_REQUEST)
		cause_take(e, position, tick, run);
	else if (run->role == ROLE_HOUSEKEEPING)
		cause_drop_key(e, CLASS_ASYNC, run->object);
	else if (run->role == ROLE_ROOT && e->started_count > 0)
		started_find(e, run);
	run->lazy = run->live == NONE;
	return run;
}

void poll_begins(engine *e, size_t position, uint64_t tick, uint64_t word)
{
	run_begin(e, position, tick, word);
	open_push(&e->workers[position].open, word, tick);
}

/* ---- End ------------------------------------------------------------------------------------- */

static void step_ends(engine *e, uint64_t tick, const struct run *run, bool lost)
{
	uint32_t live = run->live, index = run->step;

	live_settle(e, &live, &index, run->epoch);
	if (live != GONE && lost)
		live_cut(e, live, CUT_LOST);
	if (live != GONE && index != NONE && !lost) {
		struct step *step = &e->lives[live].steps[index];
		step->end_tick = tick > step->tick ? tick : step->tick;
		step->running = false;
		if (step->end_tick > e->lives[live].last_tick)
			e->lives[live].last_tick = step->end_tick;
	}
	live_release(e, run->live, run->epoch, false);
}

static void outermost_over(engine *e, struct worker *worker, uint64_t tick, uint64_t end_tick,
			   const struct run *run)
{
	history_poll(e, worker, tick, end_tick, run->site);
	worker->alloc_object = run->role == ROLE_ALLOC && run->live == NONE ? run->object : 0;
	worker->alloc_tick = tick;
	worker->alloc_end = end_tick;
}

void poll_ends(engine *e, size_t position, uint64_t tick, bool lost)
{
	struct worker *worker = &e->workers[position];
	uint32_t at = worker->open.count - 1;
	struct run *run = &worker->runs[at];
	uint64_t begin_tick = worker->open.list[at].tick;
	bool outermost = worker->open.polls == 1;

	if (run->work) {
		live_release(e, run->live, run->epoch, false);
		return;
	}
	if (run->live == NONE && run->lazy && !outermost && role_waits(run->role))
		run_enliven(e, position, at);
	if (run->live != NONE)
		step_ends(e, tick, run, lost);
	else if (lost && role_waits(run->role))
		cut_count(e, CUT_LOST, run->site, position, begin_tick);
	else if (outermost && role_waits(run->role))
		transaction_single(e, position, begin_tick, tick, run);
	if (!outermost || worker->pool)
		return;
	outermost_over(e, worker, begin_tick, tick, run);
}

void poll_passes(engine *e, size_t position, uint64_t tick, uint64_t end_tick, uint64_t word)
{
	struct worker *worker = &e->workers[position];
	const struct run *run = run_begin(e, position, tick, word);

	if (run->work) {
		live_release(e, run->live, run->epoch, false);
		return;
	}
	if (run->live != NONE)
		step_ends(e, end_tick, run, false);
	else if (role_waits(run->role))
		transaction_single(e, position, tick, end_tick, run);
	outermost_over(e, worker, tick, end_tick, run);
}

void polls_end_all(engine *e)
{
	for (size_t i = 0; i < e->process->worker_count; i++) {
		const struct worker *worker = &e->workers[i];
		uint32_t at = worker->open.count;
		while ((at = poll_below(worker, at)) != NONE) {
			const struct run *run = &worker->runs[at];
			if (run->live == NONE && run->lazy && role_waits(run->role))
				cut_count(e, CUT_UNENDED, run->site, i, worker->open.list[at].tick);
		}
	}
}
