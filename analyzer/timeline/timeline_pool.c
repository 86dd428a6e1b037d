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

#include "base/request_table.h"
#include "timeline_internal.h"

#define OFFSETS_MAX 16 /* different places of struct uv__work in requests */
#define PRESENT_MAX                                                                                \
	1024 /* libuv makes no more threads; what a change costs must not grow with a damaged      \
		trace */

struct pool_worker {
	enum pool_worker_state state;
	uint64_t since;	    /* of the state; AWAKE: also since the end of the item before */
	uint64_t work_tick; /* AWAKE: when a work function began since then, 0 where none did */
	uint64_t
	    depth_max; /* PARKED: the deepest queue since `since`, or since the queue last filled */
	uint64_t sure_max; /* the same of requests that are no lookups */
};

/* One level of depth over time. */
struct level {
	uint64_t now, max, changes;
	double area; /* level x ticks */
};

struct pool {
	struct timeline *timeline;
	struct request_table requests;
	struct pool_worker *workers; /* as process->workers */
	size_t *present; /* positions of those that are not ABSENT, PRESENT_MAX at most */
	size_t present_count, awake;
	uint64_t lookups; /* outstanding */
	struct arrivals arrivals;
	struct level queued, running;
	uint64_t now, filled_tick; /* filled: since when queued > 0 */
	uint16_t offsets[OFFSETS_MAX];
	size_t offset_count;
};

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

static bool worker_is_counted(const struct timeline *timeline, size_t position)
{
	return timeline->options.worker == 0 ||
	       timeline->options.worker == timeline->process->workers[position].worker;
}

/* A parked worker saw a queue that was not empty, until now. */
static int idle_end(struct pool *pool, size_t position)
{
	struct timeline *timeline = pool->timeline;
	const struct pool_worker *worker = &pool->workers[position];
	uint64_t from = worker->since > pool->filled_tick ? worker->since : pool->filled_tick;
	struct timeline_span span = {
	    .tick = from,
	    .duration = pool->now - from,
	    .worker = position,
	    .site = (uint32_t)timeline->process->site_count,
	    .depth = worker->depth_max,
	    .sure = worker->sure_max,
	};

	/* What waits only for its callback cannot be told from what waits for a thread. */
	if (timeline->process->pool_items_unseen)
		return 0;
	if (span.duration < timeline->hidden->idle_ticks ||
	    !timeline_overlaps(timeline, from, pool->now) || !worker_is_counted(timeline, position))
		return 0;
	return timeline_top_add(&timeline->idle, &span);
}

static int idle_end_all(struct pool *pool)
{
	if (pool->now - pool->filled_tick < pool->timeline->hidden->idle_ticks)
		return 0;
	for (size_t i = 0; i < pool->present_count; i++) {
		size_t position = pool->present[i];
		if (pool->workers[position].state == POOL_WORKER_PARKED &&
		    idle_end(pool, position) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Queued requests that any worker may take: lookups may only use half of the pool, and wait for
 * that. */
static uint64_t sure_queued(const struct pool *pool)
{
	uint64_t others = pool->requests.count - pool->lookups;

	return others > pool->awake ? others - pool->awake : 0;
}

/* The parked workers' deepest queue; `afresh` where it has just filled. */
static void idle_deepen(struct pool *pool, uint64_t queued, bool afresh)
{
	uint64_t sure = sure_queued(pool);

	for (size_t i = 0; i < pool->present_count; i++) {
		struct pool_worker *worker = &pool->workers[pool->present[i]];
		if (afresh || queued > worker->depth_max)
			worker->depth_max = queued;
		if (afresh || sure > worker->sure_max)
			worker->sure_max = sure;
	}
}

/* Reckons the levels anew after a change. */
static int pool_level(struct pool *pool)
{
	uint64_t outstanding = pool->requests.count;
	uint64_t queued = outstanding > pool->awake ? outstanding - pool->awake : 0;
	uint64_t before = pool->queued.now;
	int error = 0;

	if (before > 0 && queued == 0)
		error = idle_end_all(pool);
	if (before == 0 && queued > 0)
		pool->filled_tick = pool->now;
	if (queued > before)
		idle_deepen(pool, queued, before == 0);
	pool->queued.changes += queued != before;
	pool->queued.now = queued;
	pool->running.changes += pool->running.now != outstanding - queued;
	pool->running.now = outstanding - queued;
	if (pool->timeline->options.watch)
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

	if (worker->state == POOL_WORKER_PARKED && pool->queued.now > 0)
		error = idle_end(pool, position);
	pool->awake -= worker->state == POOL_WORKER_AWAKE;
	pool->awake += state == POOL_WORKER_AWAKE;
	if (state != POOL_WORKER_ABSENT)
		worker_present(pool, position);
	else
		worker_absent(pool, position);
	*worker = (struct pool_worker){.state = state,
				       .since = pool->now,
				       .depth_max = pool->queued.now,
				       .sure_max = sure_queued(pool)};
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

	if (!worker_is_counted(timeline, span->worker) ||
	    !timeline_overlaps(timeline, span->tick, pool->now))
		return 0;
	histogram_add(&timeline->sites[span->site].pool, span->duration);
	histogram_add(&facts->polls, span->duration);
	facts->callback_ticks += timeline_clip(timeline, span->tick, pool->now);
	return timeline_note_poll(timeline, facts, &timeline->long_polls, span);
}

static bool is_lookup(const struct pool *pool, uint32_t site)
{
	return (pool->timeline->hidden->traits[site] & TRAIT_LOOKUP) != 0;
}

static bool outstanding_take(struct pool *pool, uint64_t key, struct request *taken)
{
	if (!request_table_take(&pool->requests, key, taken))
		return false;
	pool->lookups -= is_lookup(pool, taken->site);
	return true;
}

/* A request whose submission was seen has been worked on. */
static int item_measure(struct pool *pool, const struct request *request, uint64_t start)
{
	struct timeline_site *facts = &pool->timeline->sites[request->site];
	uint64_t wait = start - request->submit_tick;

	histogram_add(&pool->timeline->pool_wait, wait);
	histogram_add(&facts->pool_wait, wait);
	histogram_add(&facts->pool_run, pool->now - start);
	struct timeline_arrival arrival = {
	    .submit_tick = request->submit_tick,
	    .run_ticks = pool->now - start,
	    .wait_ticks = wait,
	    .lookup = is_lookup(pool, request->site),
	};
	return arrivals_add(pool->timeline, &pool->arrivals, &arrival);
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
	if (awake && timeline->options.watch)
		timeline->options.watch->item(timeline->options.watch->arg, &span,
					      request.submit_tick);
	if (error == 0 && awake && !was_callback)
		error = item_count(pool, &span);
	worker->since = pool->now;
	worker->work_tick = 0;
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
	pool->lookups += is_lookup(pool, site);
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
	return pool_level(pool);
}

void pool_work(struct pool *pool, size_t position)
{
	struct pool_worker *worker = &pool->workers[position];

	if (worker->work_tick == 0)
		worker->work_tick = pool->now;
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

/* Work that goes on where the trace ends. Which request it is can be told only where one is
 * outstanding. */
static int items_still_open(struct pool *pool)
{
	struct timeline *timeline = pool->timeline;
	uint32_t site = (uint32_t)timeline->process->site_count;

	for (size_t i = 0; pool->requests.count == 1 && i < pool->requests.capacity; i++) {
		if (pool->requests.slots[i].key != 0)
			site = pool->requests.slots[i].site;
	}
	for (size_t i = 0; i < pool->present_count; i++) {
		const struct pool_worker *worker = &pool->workers[pool->present[i]];
		struct timeline_span span = {
		    .tick = worker->since,
		    .duration = pool->now - worker->since,
		    .worker = pool->present[i],
		    .site = site,
		    .in_pool = true,
		};
		if (worker->state != POOL_WORKER_AWAKE || worker->work_tick != 0 ||
		    pool->requests.count == 0 || !worker_is_counted(timeline, span.worker))
			continue;
		if (timeline_top_add(&timeline->open, &span) < 0)
			return -ENOMEM;
	}
	return 0;
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
	arrivals_finish(timeline, &pool->arrivals);
	if (items_still_open(pool) < 0)
		return -ENOMEM;
	if (pool->queued.now > 0 && idle_end_all(pool) < 0)
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
