/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool's replay, for the files that make it: timeline_pool.c follows requests and workers,
 * timeline_pool_sleeps.c tells who slept or was stuck while requests waited, timeline_pool_ends.c
 * what had not ended. Nobody else includes this.
 */
#ifndef TIMELINE_POOL_H
#define TIMELINE_POOL_H

#include "timeline/timeline_internal.h"

#define OFFSETS_MAX 16 /* different places of struct uv__work in requests */
#define PRESENT_MAX                                                                                \
	1024 /* libuv makes no more threads; what a change costs must not grow with a damaged      \
		trace */

struct pool_worker {
	enum pool_worker_state state;
	uint64_t since;	    /* of the state; AWAKE: also since the end of the item before */
	uint64_t work_tick; /* AWAKE: when a work function began since then, 0 where none did */
	uint32_t work_site; /* of that work function */
	bool in_vain;	    /* AWAKE: it was woken, and found nothing to do yet */
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
	uint64_t moved_tick;	   /* when a worker last woke, parked or ended an item */
	uint64_t left_tick;	   /* when the last worker ended */
	uint16_t offsets[OFFSETS_MAX];
	size_t offset_count;
};

static inline bool pool_is_lookup(const struct pool *pool, uint32_t site)
{
	return (pool->timeline->hidden->traits[site] & TRAIT_LOOKUP) != 0;
}

bool pool_counts_worker(const struct pool *pool, size_t position);
/* A request whose submission was seen has been worked on. */
int pool_arrival_add(struct pool *pool, const struct timeline_arrival *arrival);

/* ---- timeline_pool_sleeps.c ---- */

/* A parked worker saw a queue that was not empty, until now. */
int pool_idle_end(struct pool *pool, size_t position);
int pool_idle_end_all(struct pool *pool);
/* Queued requests that any worker may take. */
uint64_t pool_sure_queued(const struct pool *pool);
/* The parked workers' deepest queue; `afresh` where it has just filled. */
void pool_idle_deepen(struct pool *pool, uint64_t queued, bool afresh);
/* A worker wakes, parks, or ends an item: before that none did for a while. */
void pool_moves(struct pool *pool, bool ended);
/* A worker parks that was awake: it may have been woken for nothing. */
void pool_vain_end(struct pool *pool, const struct pool_worker *worker);

/* ---- timeline_pool_ends.c ---- */

/* Work that goes on where the trace ends, and requests that wait there. */
int pool_ends(struct pool *pool);
/* What is outstanding, the oldest first, as many as there are; the caller frees. NULL: no memory.
 */
struct request *pool_oldest(const struct pool *pool);

#endif
