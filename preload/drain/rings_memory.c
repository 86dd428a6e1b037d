/* SPDX-License-Identifier: Apache-2.0
 *
 * See rings.h: the memory of the rings. The drain gives back what is not needed, and tells the
 * workers how much each may have.
 *
 * Rules: a ring's memory changes only under its lock (steps.h), and its thread writes below the
 * `reach` that it has published. A worker keeps its first step. It also keeps the steps of what is
 * not drained, of its newest record, and of what it may write without a check. A free ring is
 * claimed (RING_EMPTYING) before it is emptied.
 */
#include "rings.h"

#include <errno.h>

#include "ring/steps.h"

#define FEW_RECORDS 4096 /* in a second: such a worker needs no memory that is ready */

static char *records_of(const struct drain *drain, uint32_t i)
{
	return (char *)rings_records(drain, i);
}

static void give(struct drain *drain, uint32_t i, uint64_t kept)
{
	struct shared_ring *ring = &drain->shared->rings[i];

	if (steps_give(drain->shared, ring, records_of(drain, i), kept, drain->step_bytes) != 0)
		drain->keeps_memory = true;
}

/* The steps that a worker needs, under the ring's lock. */
static uint64_t steps_needed(const struct drain *drain, uint32_t i)
{
	const struct shared_ring *ring = &drain->shared->rings[i];
	uint64_t step = drain->step_bytes / sizeof(struct record);
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	uint64_t tail = drain->workers[i].encoder.index;
	uint64_t reach = atomic_load_explicit(&ring->reach, memory_order_relaxed);
	struct laps laps = laps_read(ring, drain->ring_records);
	uint64_t first = tail > laps.start ? tail : laps.start, needed = 1;

	if (head < first || first - laps.start > laps.capacity || reach > laps.capacity)
		return UINT64_MAX; /* makes no sense */
	first -=
	    first == head && first > laps.start; /* the newest record says what the worker does */
	needed |= steps_bits(first - laps.start, reach, step);
	if (tail < laps.start)
		needed |= steps_bits(tail - laps.before, laps.start - laps.before, step);
	return needed;
}

/* False: its thread holds the lock. */
static bool worker_trim(struct drain *drain, uint32_t i, uint64_t share)
{
	struct shared_ring *ring = &drain->shared->rings[i];
	uint64_t backed = atomic_load_explicit(&ring->backed, memory_order_relaxed);

	if (!(backed & ~share & ~1ull))
		return true;
	if (!steps_lock(ring, STEPS_DRAIN))
		return false;
	give(drain, i, steps_needed(drain, i) | share);
	steps_unlock(ring);
	return true;
}

/* False: it is being taken. */
static bool ring_empty(struct drain *drain, uint32_t i)
{
	struct shared_ring *ring = &drain->shared->rings[i];
	uint32_t state = RING_FREE;

	if (atomic_load_explicit(&ring->backed, memory_order_relaxed) == 0)
		return true;
	if (!atomic_compare_exchange_strong(&ring->state, &state, RING_EMPTYING))
		return false;
	give(drain, i, 0);
	/* Release: pairs with the acquire of the thread that claims the ring next. */
	atomic_store_explicit(&ring->state, RING_FREE, memory_order_release);
	return true;
}

/* Workers that record much share the budget evenly. */
static uint32_t share_count(const struct drain *drain)
{
	uint64_t busy = 0, steps;

	for (uint32_t i = 0; i < drain->ring_count; i++)
		busy += drain->workers[i].worker != 0 && drain->workers[i].grown > 0;
	steps = drain->grow_bytes / (busy > 0 ? busy : 1) / drain->step_bytes + 1;
	return steps < SHARED_STEPS_MAX ? (uint32_t)steps : SHARED_STEPS_MAX;
}

static bool budget_is_short(const struct drain *drain)
{
	return atomic_load_explicit(&drain->shared->grown_bytes, memory_order_relaxed) >
	       drain->grow_bytes / 4 * 3;
}

/* A ring that was freed rests for a while first: another thread may be about to take it. */
static void ring_tidy(struct drain *drain, uint32_t i)
{
	struct drain_worker *worker = &drain->workers[i];

	if (worker->worker == 0) {
		if (worker->tidied++ > 0)
			worker->untidy = !ring_empty(drain, i);
		return;
	}
	if (worker->role != TRACE_ROLE_OTHER && worker->head - worker->tidied < FEW_RECORDS)
		worker->untidy = !worker_trim(drain, i, 0);
	worker->tidied = worker->head;
}

bool rings_are_tidy(const struct drain *drain)
{
	for (uint32_t i = 0; i < drain->ring_count && !drain->keeps_memory; i++)
		if (drain->workers[i].untidy)
			return false;
	return true;
}

/* Finishes what a killed drain left half done. */
void rings_take_over(struct drain *drain)
{
	rings_count(drain);
	for (uint32_t i = 0; i < drain->ring_count; i++) {
		struct shared_ring *ring = &drain->shared->rings[i];
		uint32_t state = RING_EMPTYING, owner = STEPS_DRAIN;

		if (atomic_load(&ring->state) == state)
			atomic_compare_exchange_strong(&ring->state, &state, RING_FREE);
		if (atomic_load(&ring->memory_lock) == owner)
			atomic_compare_exchange_strong(&ring->memory_lock, &owner, STEPS_NOBODY);
	}
}

void rings_tidy(struct drain *drain, bool all)
{
	struct shared *shared = drain->shared;
	uint32_t share;
	uint64_t kept;

	drain->grow_bytes = atomic_load_explicit(&shared->grow_bytes, memory_order_relaxed);
	share = share_count(drain);
	if (share != atomic_load_explicit(&shared->share_steps, memory_order_relaxed))
		atomic_store_explicit(&shared->share_steps, share, memory_order_relaxed);
	kept = UINT64_MAX >> (SHARED_STEPS_MAX - share);
	for (uint32_t i = 0; i < drain->ring_count && !drain->keeps_memory && all; i++)
		ring_tidy(drain, i);
	if (!budget_is_short(drain))
		return;
	for (uint32_t i = 0; i < drain->ring_count && !drain->keeps_memory; i++)
		if (drain->workers[i].worker != 0 && drain->workers[i].role != TRACE_ROLE_OTHER)
			worker_trim(drain, i, kept);
}
