/* SPDX-License-Identifier: Apache-2.0
 *
 * What the pool had not ended when the trace ended: work that goes on, and requests that wait. They
 * count as far as they came, so that a pool whose longest waits never end is not taken for a quick
 * one.
 *
 * Which requests run is not recorded; libuv takes the oldest first, lookups on half of the pool.
 */
#include <errno.h>
#include <stdlib.h>

#include "timeline_pool.h"

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
		    pool->requests.count == 0 || !pool_counts_worker(pool, span.worker))
			continue;
		if (timeline_top_add(&timeline->open, &span) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int compare_older_first(const void *a, const void *b)
{
	const struct request *x = a, *y = b;

	if (x->submit_tick != y->submit_tick)
		return x->submit_tick < y->submit_tick ? -1 : 1;
	return x->key < y->key ? -1 : x->key > y->key;
}

static int compare_ticks(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Since when each worker that is awake is at its item, the longest first. */
static size_t items_since(const struct pool *pool, uint64_t *since)
{
	size_t count = 0;

	for (size_t i = 0; i < pool->present_count; i++) {
		const struct pool_worker *worker = &pool->workers[pool->present[i]];
		if (worker->state == POOL_WORKER_AWAKE)
			since[count++] = worker->work_tick ? worker->work_tick : worker->since;
	}
	qsort(since, count, sizeof(*since), compare_ticks);
	return count;
}

/* One request that waits since its submission, or runs since `start`. */
static int unended_add(struct pool *pool, const struct request *request, uint64_t start,
		       uint64_t end, bool runs)
{
	struct timeline *timeline = pool->timeline;
	struct timeline_arrival arrival = {
	    .submit_tick = request->submit_tick,
	    .wait_ticks = start - request->submit_tick,
	    .run_ticks = end - start,
	    .site = request->site,
	    .lookup = pool_is_lookup(pool, request->site),
	    .unended = true,
	    .unstarted = !runs,
	};

	if (!timeline_overlaps(timeline, request->submit_tick, end))
		return 0;
	timeline->pool_unended++;
	timeline->pool_unstarted += !runs;
	return pool_arrival_add(pool, &arrival);
}

static int unended_settle(struct pool *pool, const struct request *requests, size_t count)
{
	uint64_t since[PRESENT_MAX];
	uint64_t end = pool->present_count > 0 ? pool->now : pool->left_tick;
	size_t awake = items_since(pool, since), running = 0, lookups = 0;

	for (size_t i = 0; i < count; i++) {
		const struct request *request = &requests[i];
		bool lookup = pool_is_lookup(pool, request->site);
		bool runs = running < awake && (!lookup || lookups < (pool->present_count + 1) / 2);
		uint64_t submit = request->submit_tick;
		uint64_t start = !runs ? end : since[running] > submit ? since[running] : submit;
		if (submit > end)
			continue;
		running += runs;
		lookups += runs && lookup;
		if (unended_add(pool, request, start, end, runs) < 0)
			return -ENOMEM;
	}
	return 0;
}

struct request *pool_oldest(const struct pool *pool)
{
	struct request *requests = calloc(pool->requests.count + 1, sizeof(*requests));
	size_t count = 0;

	for (size_t i = 0; requests && i < pool->requests.capacity; i++) {
		if (pool->requests.slots[i].key != 0)
			requests[count++] = pool->requests.slots[i];
	}
	if (requests)
		qsort(requests, count, sizeof(*requests), compare_older_first);
	return requests;
}

static int requests_unended(struct pool *pool)
{
	if (pool->requests.count == 0 || pool->timeline->pool_threads == 0 ||
	    pool->timeline->process->pool_items_unseen)
		return 0;
	struct request *requests = pool_oldest(pool);
	int error = requests ? unended_settle(pool, requests, pool->requests.count) : -ENOMEM;
	free(requests);
	return error;
}

int pool_ends(struct pool *pool)
{
	int error = items_still_open(pool);

	pool_moves(pool, false);
	return error < 0 ? error : requests_unended(pool);
}
