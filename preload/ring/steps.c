/* SPDX-License-Identifier: Apache-2.0
 *
 * See steps.h.
 */
#include "steps.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>

_Static_assert(TRACE_SITES_MAX % STEPS_SITES == 0, "no memory behind the last site");

#define LOCK_TRIES 100 /* the drain is in one system call meanwhile */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

bool steps_lock(struct shared_ring *ring, enum steps_owner owner)
{
	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		uint32_t found = STEPS_NOBODY;

		/* Acquire: pairs with the release in steps_unlock(). */
		if (atomic_compare_exchange_strong_explicit(&ring->memory_lock, &found, owner,
							    memory_order_acquire,
							    memory_order_relaxed))
			return true;
		if (owner == STEPS_DRAIN || found != STEPS_DRAIN)
			return false;
		sched_yield();
	}
	return false;
}

void steps_unlock(struct shared_ring *ring)
{
	atomic_store_explicit(&ring->memory_lock, STEPS_NOBODY,
			      memory_order_release); /* pairs with steps_lock() */
}

int steps_populate(void *memory, uint64_t bytes)
{
	if (madvise(memory, bytes, MADV_POPULATE_WRITE) == 0)
		return 0;
	if (errno == EFAULT) /* what a store would find: SIGBUS */
		return -ENOSPC;
	return errno == ENOMEM ? -ENOMEM : 0;
}

int steps_back_site(struct shared *shared, uint32_t site)
{
	uint32_t backed = atomic_load_explicit(&shared->sites_backed, memory_order_relaxed);
	uint32_t wanted = (site / STEPS_SITES + 1) * STEPS_SITES;
	char *from = (char *)&shared->sites[backed], *to = (char *)&shared->sites[wanted];
	int error;

	if (site < backed)
		return 0;
	from -= (uintptr_t)from % STEPS_PAGE_BYTES;
	error = steps_populate(from, (uint64_t)(to - from));
	while (!error && backed < wanted &&
	       !atomic_compare_exchange_weak(&shared->sites_backed, &backed, wanted))
		;
	return error;
}

bool steps_reserve(struct shared *shared, uint64_t bytes)
{
	uint64_t most = atomic_load_explicit(&shared->grow_bytes, memory_order_relaxed);
	uint64_t taken =
	    atomic_fetch_add_explicit(&shared->grown_bytes, bytes, memory_order_relaxed);

	if (taken <= most && bytes <= most - taken)
		return true;
	atomic_fetch_sub_explicit(&shared->grown_bytes, bytes, memory_order_relaxed);
	return false;
}

int steps_take(struct shared *shared, struct shared_ring *ring, char *records, uint32_t step,
	       uint64_t step_bytes)
{
	int error;

	if (step > 0 && !steps_reserve(shared, step_bytes))
		return -ENOBUFS;
	error = steps_populate(records + step * step_bytes, step_bytes);
	if (!error)
		atomic_fetch_or_explicit(&ring->backed, 1ull << step, memory_order_relaxed);
	else if (step > 0)
		atomic_fetch_sub_explicit(&shared->grown_bytes, step_bytes, memory_order_relaxed);
	return error;
}

int steps_give(struct shared *shared, struct shared_ring *ring, char *records, uint64_t kept,
	       uint64_t step_bytes)
{
	uint64_t given = atomic_load_explicit(&ring->backed, memory_order_relaxed) & ~kept;

	atomic_fetch_and_explicit(&ring->backed, ~given, memory_order_relaxed);
	for (uint32_t step = 0; step < SHARED_STEPS_MAX; step++) {
		uint64_t bit = 1ull << step;

		if (!(given & bit))
			continue;
		if (madvise(records + step * step_bytes, step_bytes, MADV_REMOVE) != 0) {
			atomic_fetch_or_explicit(&ring->backed, given & UINT64_MAX << step,
						 memory_order_relaxed);
			return -errno;
		}
		if (step > 0)
			atomic_fetch_sub_explicit(&shared->grown_bytes, step_bytes,
						  memory_order_relaxed);
	}
	return 0;
}
