/* SPDX-License-Identifier: Apache-2.0
 *
 * Pool workers while requests wait: those that sleep, those that are all stuck in one item each,
 * and those that were woken and found nothing to do.
 */
#include <errno.h>
#include <stdlib.h>

#include "timeline_pool.h"

/* ---- Asleep ---------------------------------------------------------------------------------- */

/* One that any worker might have ended: the list is cut to the longest, these are not. */
static void sleeps_add(const struct pool *pool, const struct timeline_span *span)
{
	struct timeline_sleeps *sleeps = &pool->timeline->sleeps;

	if (span->sure == 0 || span->duration < pool->timeline->hidden->sleep_ticks)
		return;
	sleeps->count++;
	sleeps->ticks += span->duration;
	if (timeline_span_compare(span, &sleeps->worst) > 0)
		sleeps->worst = *span;
}

int pool_idle_end(struct pool *pool, size_t position)
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
	    !timeline_overlaps(timeline, from, pool->now) || !pool_counts_worker(pool, position))
		return 0;
	sleeps_add(pool, &span);
	return timeline_top_add(&timeline->idle, &span);
}

int pool_idle_end_all(struct pool *pool)
{
	if (pool->now - pool->filled_tick < pool->timeline->hidden->idle_ticks)
		return 0;
	for (size_t i = 0; i < pool->present_count; i++) {
		size_t position = pool->present[i];
		if (pool->workers[position].state == POOL_WORKER_PARKED &&
		    pool_idle_end(pool, position) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Queued requests that any worker may take: lookups may only use half of the pool, and wait for
 * that. */
uint64_t pool_sure_queued(const struct pool *pool)
{
	uint64_t others = pool->requests.count - pool->lookups;

	return others > pool->awake ? others - pool->awake : 0;
}

/* The parked workers' deepest queue; `afresh` where it has just filled. */
void pool_idle_deepen(struct pool *pool, uint64_t queued, bool afresh)
{
	uint64_t sure = pool_sure_queued(pool);

	for (size_t i = 0; i < pool->present_count; i++) {
		struct pool_worker *worker = &pool->workers[pool->present[i]];
		if (afresh || queued > worker->depth_max)
			worker->depth_max = queued;
		if (afresh || sure > worker->sure_max)
			worker->sure_max = sure;
	}
}

/* ---- Stuck ----------------------------------------------------------------------------------- */

/* The work function that all of them are in; site_count: they are in different ones, or in no
 * callback. */
static uint32_t work_of_all(const struct pool *pool)
{
	uint32_t unknown = (uint32_t)pool->timeline->process->site_count, site = unknown;

	for (size_t i = 0; i < pool->present_count; i++) {
		const struct pool_worker *worker = &pool->workers[pool->present[i]];
		if (worker->work_tick == 0 || (i > 0 && worker->work_site != site))
			return unknown;
		site = worker->work_site;
	}
	return site;
}

/* The same of whose requests they are in, where these are no work functions: libuv takes the oldest
 * first. */
static uint32_t requests_of_all(const struct pool *pool)
{
	struct request *requests = pool_oldest(pool);
	uint32_t unknown = (uint32_t)pool->timeline->process->site_count, site = unknown;

	for (size_t i = 0; requests && i < pool->awake && i < pool->requests.count; i++) {
		if (i > 0 && requests[i].site != site) {
			site = unknown;
			break;
		}
		site = requests[i].site;
	}
	free(requests);
	return site;
}

static void stuck_keep(struct pool *pool, bool ended)
{
	uint32_t unknown = (uint32_t)pool->timeline->process->site_count, site = work_of_all(pool);

	pool->timeline->stuck = (struct timeline_stuck){
	    .tick = pool->moved_tick,
	    .ticks = pool->now - pool->moved_tick,
	    .queued = pool->queued.now,
	    .workers = pool->awake,
	    .site = site,
	    .request_site = site == unknown ? requests_of_all(pool) : unknown,
	    .worker = pool->present[0],
	    .ended = ended,
	};
}

void pool_moves(struct pool *pool, bool ended)
{
	const struct timeline *timeline = pool->timeline;
	uint64_t ticks = pool->now - pool->moved_tick;

	if (pool->queued.now > 0 && pool->awake > 0 && pool->awake == pool->present_count &&
	    ticks >= timeline->hidden->stuck_ticks && ticks > timeline->stuck.ticks &&
	    timeline_overlaps(timeline, pool->moved_tick, pool->now) &&
	    !timeline->process->pool_items_unseen)
		stuck_keep(pool, ended);
	pool->moved_tick = pool->now;
}

/* ---- Woken for nothing ----------------------------------------------------------------------- */

void pool_vain_end(struct pool *pool, const struct pool_worker *worker)
{
	struct timeline_wakes *wakes = &pool->timeline->pool_wakes;

	if (!worker->in_vain || pool->timeline->process->pool_items_unseen ||
	    !timeline_overlaps(pool->timeline, worker->since, pool->now))
		return;
	wakes->in_vain++;
	wakes->vain_ticks += timeline_clip(pool->timeline, worker->since, pool->now);
}
