/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread pool's queue, replayed: is told by timeline_merge.c what all workers do, in the order
 * of time, and keeps which requests are outstanding and which pool workers are awake.
 *
 * How: a request is outstanding from its submission until its work ends, it is cancelled, or (work
 * that went to io_uring, an end that was lost) its callback runs. A pool worker that is awake works
 * on one. So queued = outstanding - awake, never below 0, and running = the smaller of both. The
 * work of an item began at the last of: its worker's waking, the end of that worker's item before,
 * the worker's start; off by some µs, as docs say.
 *
 * Rules: any order is taken. Where events are missing the queue begins anew, and pool_uncertain
 * says so.
 */
#include <errno.h>
#include <stdlib.h>

#include "timeline_pool.h"

/* ---- Depth over time ------------------------------------------------------------------------- */

static void level_pass(struct level *level, uint64_t ticks)
{
	level->area += (double)level->now * (double)ticks;
	if (ticks > 0 && level->now > level->max)
		level->max = level->now;
}

void pool_pass(struct pool *pool, uint64_t tick)
{
	if (tick <= pool->now)
		return;
	uint64_t ticks = timeline_clip(pool->timeline, pool->now, tick);
	level_pass(&pool->queued, ticks);
	level_pass(&pool->running, ticks);
	pool->now = tick;
}

bool pool_counts_worker(const struct pool *pool, size_t position)
{
	const struct timeline *timeline = pool->timeline;

	return timeline->options.worker == 0 ||
	       timeline->options.worker == timeline->process->workers[position].worker;
}

/* Reckons the levels anew after a change. */
static int pool_level(struct pool *pool)
{
	uint64_t outstanding = pool->requests.count;
	uint64_t queued = outstanding > pool->awake ? outstanding - pool->awake : 0;
	uint64_t before = pool->queued.now;
	int error = 0;

	if (before > 0 && queued == 0)
		error = pool_idle_end_all(pool);
	if (before == 0 && queued > 0)
		pool->filled_tick = pool->now;
	if (queued > before)
		pool_idle_deepen(pool, queued, before == 0);
	pool->queued.changes += queued != before;
	pool->queued.now = queued;
	pool->running.changes += pool->running.now != outstanding - queued;
	pool->running.now = outstanding - queued;
	if (pool->timeline->options.watch && pool->timeline->options.watch->level)
		pool->timeline->options.watch->level(pool->timeline->options.watch->arg, pool->now,
						     queued, pool->running.now);
	return error;
}

/* ---- Pool workers ---------------------------------------------------------------------------- */

static void worker_present(struct pool *pool, size_t position)
{
	if (pool->workers[position].state != POOL_WORKER_ABSENT)
		return;
	if (pool->present_count < PRESENT_MAX)
		pool->present[pool->present_count++] = position;
	else
		pool->timeline->pool_uncertain = true;
}

static void worker_absent(struct pool *pool, size_t position)
{
	for (size_t i = 0; i < pool->present_count; i++) {
		if (pool->present[i] == position)
			pool->present[i--] = pool->present[--pool->present_count];
	}
}

int pool_worker(struct pool *pool, size_t position, enum pool_worker_state state)
{
	struct pool_worker *worker = &pool->workers[position];
	int error = 0;

	bool woken = worker->state == POOL_WORKER_PARKED && state == POOL_WORKER_AWAKE;

	if (worker->state == POOL_WORKER_PARKED && pool->queued.now > 0)
		error = pool_idle_end(pool, position);
	pool_moves(pool, true);
	if (state == POOL_WORKER_PARKED)
		pool_vain_end(pool, worker);
	pool->timeline->pool_wakes.count += woken;
	if (state == POOL_WORKER_ABSENT)
		pool->left_tick = pool->now;
	pool->awake -= worker->state == POOL_WORKER_AWAKE;
	pool->awake += state == POOL_WORKER_AWAKE;
	if (state != POOL_WORKER_ABSENT)
		worker_present(pool, position);
	else
		worker_absent(pool, position);
	*worker = (struct pool_worker){.state = state,
				       .since = pool->now,
				       .in_vain = woken,
				       .depth_max = pool->queued.now,
				       .sure_max = pool_sure_queued(pool)};
	if (pool->present_count > pool->timeline->pool_threads)
		pool->timeline->pool_threads = pool->present_count;
	return error < 0 ? error : pool_level(pool);
}

/* ---- Items ----------------------------------------------------------------------------------- */

/* The work of an item that was no callback is a poll of the request's site. */
static int item_count(struct pool *pool, const struct timeline_span *span)
{
	struct timeline *timeline = pool->timeline;
	struct timeline_worker *facts = &timeline->workers[span->worker];

	if (!pool_counts_worker(pool, span->worker) ||
	    !timeline_overlaps(timeline, span->tick, pool->now))
		return 0;
	histogram_add(&timeline->sites[span->site].pool, span->duration);
	histogram_add(&facts->polls, span->duration);
	facts->callback_ticks += timeline_clip(timeline, span->tick, pool->now);
	return timeline_note_poll(timeline, facts, &timeline->long_polls, span);
}

static bool outstanding_take(struct pool *pool, uint64_t key, struct request *taken)
{
	if (!request_table_take(&pool->requests, key, taken))
		return false;
	pool->lookups -= pool_is_lookup(pool, taken->site);
	return true;
}

int pool_arrival_add(struct pool *pool, const struct timeline_arrival *arrival)
{
	struct timeline_site *facts = &pool->timeline->sites[arrival->site];

	histogram_add(&pool->timeline->pool_wait, arrival->wait_ticks);
	histogram_add(&facts->pool_wait, arrival->wait_ticks);
	if (!arrival->unended)
		histogram_add(&facts->pool_run, arrival->run_ticks);
	return arrivals_add(pool->timeline, &pool->arrivals, arrival);
}

static int item_measure(struct pool *pool, const struct request *request, uint64_t start)
{
	struct timeline_arrival arrival = {
	    .submit_tick = request->submit_tick,
	    .run_ticks = pool->now - start,
	    .wait_ticks = start - request->submit_tick,
	    .site = request->site,
	    .lookup = pool_is_lookup(pool, request->site),
	};

	return pool_arrival_add(pool, &arrival);
}

int pool_item_end(struct pool *pool, size_t position, uint64_t work)
{
	struct timeline *timeline = pool->timeline;
	struct pool_worker *worker = &pool->workers[position];
	struct request request = {.site = (uint32_t)timeline->process->site_count};
	bool known = outstanding_take(pool, work, &request);
	bool awake = worker->state == POOL_WORKER_AWAKE;
	bool was_callback = worker->work_tick != 0;
	uint64_t start = was_callback ? worker->work_tick : worker->since;
	int error = 0;

	if (awake && start < request.submit_tick)
		start = request.submit_tick; /* the worker was looking for work when it came */
	struct timeline_span span = {
	    .tick = start,
	    .duration = pool->now - start,
	    .worker = position,
	    .site = request.site,
	    .in_pool = !was_callback,
	    .object = work,
	};
	if (awake && timeline_overlaps(timeline, start, pool->now)) {
		timeline->workers[position].items++;
		if (known)
			error = item_measure(pool, &request, start);
	}
	if (awake && timeline->options.watch && timeline->options.watch->item)
		timeline->options.watch->item(timeline->options.watch->arg, &span,
					      request.submit_tick);
	if (error == 0 && awake && !was_callback)
		error = item_count(pool, &span);
	pool_moves(pool, true);
	worker->since = pool->now;
	worker->work_tick = 0;
	worker->in_vain = false;
	return error < 0 ? error : pool_level(pool);
}

int pool_submit(struct pool *pool, uint32_t site, uint64_t object)
{
	const struct trace_process *process = pool->timeline->process;
	uint8_t kind = process->sites[site].kind;
	uint64_t key = (object + process->kinds[kind].work_req_offset) & TRACE_OBJECT_MASK;
	struct request before, *request;

	if (key == 0)
		return 0;
	outstanding_take(pool, key, &before); /* its end was lost */
	pool->lookups += pool_is_lookup(pool, site);
	request = request_table_add(&pool->requests, key);
	if (!request)
		return -ENOMEM;
	*request = (struct request){.key = key, .submit_tick = pool->now, .site = site};
	return pool_level(pool);
}

int pool_drop(struct pool *pool, uint64_t request)
{
	struct request dropped;

	for (size_t i = 0; i < pool->offset_count; i++) {
		if (outstanding_take(pool, (request + pool->offsets[i]) & TRACE_OBJECT_MASK,
				     &dropped))
			return pool_level(pool);
	}
	return 0;
}

int pool_begin_anew(struct pool *pool)
{
	pool->timeline->pool_uncertain |= pool->requests.count > 0 || pool->present_count > 0;
	request_table_empty(&pool->requests);
	pool->lookups = 0;
	pool->moved_tick = pool->now;
	return pool_level(pool);
}

void pool_work(struct pool *pool, size_t position, uint32_t site)
{
	struct pool_worker *worker = &pool->workers[position];

	if (worker->work_tick != 0)
		return;
	worker->work_tick = pool->now;
	worker->work_site = site;
	worker->in_vain = false;
}

/* ---- The interface --------------------------------------------------------------------------- */

static void offset_add(struct pool *pool, uint16_t offset)
{
	for (size_t i = 0; i < pool->offset_count; i++) {
		if (pool->offsets[i] == offset)
			return;
	}
	if (pool->offset_count < OFFSETS_MAX)
		pool->offsets[pool->offset_count++] = offset;
}

struct pool *pool_make(struct timeline *timeline)
{
	const struct trace_process *process = timeline->process;
	struct pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->timeline = timeline;
	pool->workers = calloc(process->worker_count + 1, sizeof(*pool->workers));
	pool->present = calloc(PRESENT_MAX, sizeof(*pool->present));
	for (size_t i = 0; i < process->kind_count; i++) {
		if (process->kinds[i].class == KIND_CLASS_POOL)
			offset_add(pool, process->kinds[i].work_req_offset);
	}
	if (!pool->workers || !pool->present) {
		pool_free(pool);
		return NULL;
	}
	return pool;
}

static struct timeline_level level_read(const struct level *level, uint64_t ticks)
{
	return (struct timeline_level){
	    .max = level->max,
	    .mean = ticks > 0 ? level->area / (double)ticks : 0,
	    .count = level->changes,
	};
}

int pool_finish(struct pool *pool, uint64_t tick)
{
	struct timeline *timeline = pool->timeline;

	pool_pass(pool, tick);
	if (pool_ends(pool) < 0)
		return -ENOMEM;
	arrivals_finish(timeline, &pool->arrivals);
	if (pool->queued.now > 0 && pool_idle_end_all(pool) < 0)
		return -ENOMEM;
	timeline->pool_queued = level_read(&pool->queued, timeline->range_ticks);
	timeline->pool_running = level_read(&pool->running, timeline->range_ticks);
	return 0;
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	request_table_free(&pool->requests);
	free(pool->arrivals.chunk);
	free(pool->workers);
	free(pool->present);
	free(pool);
}
