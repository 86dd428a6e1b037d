/* SPDX-License-Identifier: Apache-2.0
 *
 * What a poll causes: requests, asynchronous sends, closes, child processes, timers and readings
 * that it starts, and spans of the program with an id.
 *
 * Rules: an address that is used again while it was outstanding cuts the transaction before. What
 * there is no room for cuts its own.
 */
#include "transactions_internal.h"

/* A place for a cause; NULL: there is none, and whoever caused it is cut. */
static struct cause *cause_add(engine *e, size_t position, enum cause_class class, uint64_t object)
{
	struct cause *cause = causes_add(&e->causes, cause_key(class, object));

	if (!cause && e->purged_epoch != e->epoch) {
		e->purged_epoch = e->epoch;
		causes_purge(&e->causes, e->epoch);
		cause = causes_add(&e->causes, cause_key(class, object));
	}
	if (cause)
		return cause;
	struct source source = source_find(e, position);
	if (source.live != NONE && source.live != GONE)
		live_cut(e, source.live, CUT_GIVEN_UP);
	return NULL;
}

static void cause_drop(engine *e, struct cause *cause)
{
	uint32_t live = cause->live, epoch = cause->epoch;
	bool weak = (cause->key & 7) == CLASS_CLOSE;

	causes_remove(&e->causes, cause);
	live_release(e, live, epoch, weak);
}

void cause_drop_key(engine *e, enum cause_class class, uint64_t object)
{
	struct cause *cause = causes_find(&e->causes, cause_key(class, object));

	if (cause)
		cause_drop(e, cause);
}

/* It was outstanding, and the address is used again. */
static void cause_cut(engine *e, struct cause *cause)
{
	uint32_t live = cause->live, step = cause->step;

	live_settle(e, &live, &step, cause->epoch);
	if (live != NONE && live != GONE)
		live_cut(e, live, CUT_UNSURE);
	live_release(e, cause->live, cause->epoch, false);
}

/* Fills in a cause that comes from the source: a step that is to run. */
static void cause_fill(engine *e, struct cause *cause, const struct source *source,
		       enum transaction_cause why, size_t position, uint64_t tick, uint32_t site)
{
	cause->tick = tick;
	cause->live = source->live;
	cause->step = NONE;
	cause->epoch = e->epoch;
	if (source->live == NONE || source->live == GONE)
		return;
	struct step *step = live_add_step(e, source->live, source->step, why, tick);
	if (!step)
		return;
	cause->step = live_place(e, source->live, step);
	step->object = cause->key >> CAUSE_CLASS_BITS;
	step->site = site;
	step->worker = (uint32_t)position;
}

void cause_submit(engine *e, size_t position, uint64_t tick, uint64_t word)
{
	uint32_t site = engine_site(e, word);
	uint64_t object = trace_word_object(word);

	if (object == 0 || site == e->site_count ||
	    (e->roles[site] != ROLE_REQUEST && e->roles[site] != ROLE_POOL))
		return;
	struct cause *cause = cause_add(e, position, CLASS_REQUEST, object);
	if (!cause)
		return;
	if (cause->tick != 0)
		cause_cut(e, cause);
	struct source source = source_find(e, position);
	enum transaction_cause why = source.live == NONE ? CAUSE_ROOT : CAUSE_REQUEST;
	if (source.live == NONE) {
		source.live = live_make(e, site, position, tick);
		if (source.live == NONE) {
			source.live = GONE;
			cut_count(e, CUT_GIVEN_UP, site, position, tick);
		}
	}
	cause_fill(e, cause, &source, why, position, tick, site);
}

void cause_pass(engine *e, uint64_t object)
{
	struct cause *cause = causes_find(&e->causes, cause_key(CLASS_REQUEST, object));

	if (!cause)
		return;
	cause_cut(e, cause);
	causes_remove(&e->causes, cause);
}

/* One more send to a callback that is already on its way. */
static void send_coalesced(engine *e, size_t position, const struct cause *cause)
{
	uint32_t live = cause->live, index = cause->step, worker;
	uint64_t tick;

	live_settle(e, &live, &index, cause->epoch);
	if (live == NONE || live == GONE || index == NONE)
		return;
	struct step *step = &e->lives[live].steps[index];
	step->coalesced++;
	if (step->linked_tick == 0 && source_root(e, position, &tick, &worker) &&
	    (tick != e->lives[live].root_tick || worker != e->lives[live].worker)) {
		step->linked_tick = tick;
		step->linked_worker = worker;
	}
}

void cause_send(engine *e, size_t position, uint64_t tick, uint64_t object)
{
	struct cause *cause = object != 0 ? cause_add(e, position, CLASS_ASYNC, object) : NULL;

	if (!cause)
		return;
	if (cause->tick != 0) {
		send_coalesced(e, position, cause);
		return;
	}
	struct source source = source_find(e, position);
	cause_fill(e, cause, &source, CAUSE_ASYNC, position, tick, e->site_count);
}

/* ---- Closes ---------------------------------------------------------------------------------- */

static void close_drop_first(engine *e, struct history *history)
{
	const struct closing *closing = &history->closes[history->close_first % CLOSES_MAX];

	history->close_first++;
	history->close_count--;
	cause_drop_key(e, CLASS_CLOSE, closing->handle);
}

/* libuv runs the callback at the end of the iteration or, closed there, of the next. */
void closes_expire(engine *e, struct worker *worker)
{
	struct history *history = worker->history;

	while (history && history->close_count > 0 &&
	       history->closes[history->close_first % CLOSES_MAX].wait + 2 <= worker->waits)
		close_drop_first(e, history);
}

void cause_close(engine *e, size_t position, uint64_t tick, uint64_t object)
{
	struct worker *worker = &e->workers[position];

	cause_drop_key(e, CLASS_ASYNC, object);
	cause_drop_key(e, CLASS_CHILD, object);
	cause_drop_key(e, CLASS_CLOSE, object);
	started_drop(e, object);
	struct source source = source_find(e, position);
	if (object == 0 || source.live == NONE || source.live == GONE || !history_of(e, worker))
		return;
	struct cause *cause = cause_add(e, position, CLASS_CLOSE, object);
	if (!cause)
		return;
	cause_fill(e, cause, &source, CAUSE_CLOSE, position, tick, e->site_count);
	live_weaken(e, source.live);
	if (worker->history->close_count == CLOSES_MAX)
		close_drop_first(e, worker->history);
	worker->history
	    ->closes[(worker->history->close_first + worker->history->close_count++) % CLOSES_MAX] =
	    (struct closing){object, worker->waits};
}

/* ---- Starts ---------------------------------------------------------------------------------- */

void started_drop(engine *e, uint64_t object)
{
	struct cause *cause = causes_find(&e->causes, cause_key(CLASS_STARTED, object));

	if (!cause)
		return;
	causes_remove(&e->causes, cause);
	e->started_count--;
}

static void started_add(engine *e, size_t position, uint64_t object)
{
	uint64_t tick;
	uint32_t worker;

	if (!source_root(e, position, &tick, &worker)) {
		started_drop(e, object);
		return;
	}
	struct cause *cause = causes_add(&e->causes, cause_key(CLASS_STARTED, object));
	if (!cause)
		return; /* nobody misses a link */
	e->started_count += cause->tick == 0;
	cause->tick = tick;
	cause->worker = worker;
	cause->live = GONE;
	cause->epoch = e->epoch;
}

static void child_spawned(engine *e, size_t position, uint64_t tick, uint32_t site, uint64_t object)
{
	struct source source = source_find(e, position);

	cause_drop_key(e, CLASS_CHILD, object);
	if (source.live == NONE)
		return;
	struct cause *cause = cause_add(e, position, CLASS_CHILD, object);
	if (cause)
		cause_fill(e, cause, &source, CAUSE_SPAWN, position, tick, site);
}

void cause_start(engine *e, size_t position, uint64_t tick, uint64_t word)
{
	uint32_t site = engine_site(e, word);
	uint64_t object = trace_word_object(word);

	if (object == 0 || site == e->site_count)
		return;
	if (e->roles[site] == ROLE_EXIT)
		child_spawned(e, position, tick, site, object);
	else if (e->roles[site] == ROLE_ROOT && !e->makes[site])
		started_add(e, position, object);
}

/* ---- Spans ----------------------------------------------------------------------------------- */

static uint64_t span_object(const struct mark *mark)
{
	uint64_t mixed =
	    (mark->value ^ (uint64_t)mark->name * 0xff51afd7ed558ccdull) * 0x9e3779b97f4a7c15ull;

	return (mixed ^ mixed >> 29) >> 4 | 1;
}

static void span_begins(engine *e, size_t position, uint64_t tick, uint64_t object)
{
	struct cause *cause = cause_add(e, position, CLASS_SPAN, object);

	if (!cause)
		return;
	if (cause->tick != 0) {
		source_join(e, position, cause);
		return;
	}
	struct source source = source_find(e, position);
	if (source.live == NONE) {
		causes_remove(&e->causes, cause);
		return;
	}
	cause->tick = tick;
	cause->live = source.live;
	cause->step = source.step;
	cause->epoch = e->epoch;
	live_hold(e, source.live, e->epoch);
}

/* It was begun where events are missing, or in a transaction that was cut: the poll that ends it is
 * not the root of something new. */
static void span_goes_on(engine *e, size_t position)
{
	struct source source = source_find(e, position);

	if (source.live != NONE && source.live != GONE && source.step == 0 &&
	    e->lives[source.live].steps[0].cause == CAUSE_ROOT)
		live_cut(e, source.live, CUT_LOST);
}

static bool is_gone(const engine *e, const struct cause *cause)
{
	uint32_t live = cause->live, step = cause->step;

	live_settle(e, &live, &step, cause->epoch);
	return live == GONE;
}

void cause_mark(engine *e, size_t position, uint64_t tick, uint64_t word)
{
	struct worker *worker = &e->workers[position];

	if (!mark_take(&worker->marks, tick, word) || worker->marks.mark.value == 0)
		return;
	const struct mark *mark = &worker->marks.mark;
	uint64_t object = span_object(mark);
	if (mark->code == TRACE_SPAN_BEGIN)
		span_begins(e, position, tick, object);
	if (mark->code != TRACE_SPAN_END)
		return;
	struct cause *cause = causes_find(&e->causes, cause_key(CLASS_SPAN, object));
	if (cause ? is_gone(e, cause) : e->lost_before)
		span_goes_on(e, position);
	if (!cause)
		return;
	source_join(e, position, cause);
	cause_drop(e, cause);
}
