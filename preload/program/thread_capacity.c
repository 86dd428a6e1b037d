/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a worker continues when it has reached its limit. It goes on in this lap, in memory that is
 * there or that it takes now, or starts another lap at the ring's beginning (laps.h).
 *
 * A lap continues while there is memory, up to the ring's share of the budget. If the budget or the
 * kernel has no more, the ring is as long as its memory: the next lap begins as soon as the drain
 * is far enough. Another lap may begin only while the tail is in this one, more than two headrooms
 * after its start. So there is room to begin something, and records of at most two laps are alive.
 *
 * Rules: the kernel is asked for memory again only after the tail has moved. Between two checks the
 * worker stays below `reach`, which is published. What is beyond it, and what is drained, the drain
 * may give back. `tail` comes from shared memory, so it is used only if it is between the last one
 * and the head. A signal handler may interrupt all this and emit, so the fields it uses change
 * under `busy`.
 */
#include "thread.h"

#include <errno.h>
#include <string.h>

#include "log.h"
#include "process.h"
#include "ring/steps.h"
#include "hotpath.h"

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The others' ring: a power of two that leaves most of the budget to the workers. */
static int others_begin(struct thread *thread, struct shared_ring *ring)
{
	struct shared *shared = thread->shared;
	uint64_t most = thread->step * sizeof(struct record) + atomic_load(&shared->grow_bytes) / 8;
	uint64_t bytes = thread->capacity * sizeof(struct record),
		 first = thread->step * sizeof(struct record);

	while (bytes > first && (bytes > most || !steps_reserve(shared, bytes - first)))
		bytes /= 2;
	thread->mask = bytes / sizeof(struct record) - 1;
	thread->populated = thread->step;
	atomic_store(&ring->size, thread->mask + 1);
	/* A worker that had this ring left its records, and here a counter says that a place is
	 * filled in. */
	memset(thread->records, 0, first);
	return 0;
}

int thread_capacity_begin(struct thread *thread, uint32_t index)
{
	struct shared *shared = thread->shared;
	struct shared_ring *ring = &shared->rings[index];
	char *records = (char *)thread->records;
	uint64_t step_bytes = shared->step_bytes;
	int error = 0;

	thread->capacity = shared->ring_bytes / sizeof(struct record);
	thread->step = step_bytes / sizeof(struct record);
	thread->base = (uintptr_t)thread->records;
	thread->refused_tail = thread->full_tail = UINT64_MAX;
	atomic_store(&ring->size, 0);
	atomic_store(&ring->reach, 0);
	if (thread->role == TRACE_ROLE_OTHER)
		error = steps_give(shared, ring, records, 1, step_bytes);
	if (!error && !(atomic_load(&ring->backed) & 1))
		error = steps_take(shared, ring, records, 0, step_bytes);
	return error || thread->role != TRACE_ROLE_OTHER ? error : others_begin(thread, ring);
}

/* As far as the ring should grow. */
static uint64_t share_of(const struct thread *thread)
{
	uint64_t steps = atomic_load_explicit(&thread->shared->share_steps, memory_order_relaxed);

	return least(thread->capacity, (steps > 0 ? steps : 1) * thread->step);
}

/* Where the memory ends that begins at `at`, a position in the lap. */
static uint64_t memory_end(const struct thread *thread, uint64_t at)
{
	uint64_t step = at / thread->step, backed, end;

	if (at >= thread->capacity)
		return thread->capacity;
	backed = atomic_load_explicit(&thread->ring->backed, memory_order_relaxed) >> step;
	end = step + (~backed ? (uint64_t)__builtin_ctzll(~backed) : SHARED_STEPS_MAX);
	return least(end * thread->step, thread->capacity);
}

/* Positions from here on hold records of the lap before that are not drained. */
static uint64_t undrained_at(const struct thread *thread)
{
	return thread->tail < thread->start ? thread->tail - thread->before : thread->capacity;
}

static bool may_lap(const struct thread *thread)
{
	return thread->tail >= thread->start &&
	       (thread->tail == thread->head || thread->tail - thread->start > 2 * THREAD_HEADROOM);
}

/* The start is stored before any head of the lap is released: see laps.h. */
static void lap_begin(struct thread *thread)
{
	thread->busy = 1;
	atomic_signal_fence(memory_order_seq_cst);
	thread->before = thread->start;
	thread->start = thread->head;
	thread->lap ^= 1;
	thread->base = (uintptr_t)thread->records - thread->start * sizeof(struct record);
	atomic_store_explicit(&thread->ring->lap_start[thread->lap], thread->start,
			      memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	thread->busy = 0;
}

static void say_refused(struct thread *thread, int error)
{
	static _Atomic uint32_t said;

	if (error != -ENOBUFS && atomic_exchange(&said, 1) == 0)
		log_warn("no more memory for rings in %s: %s; rings stay small, events may be lost",
			 thread->shared->self_path, strerror(-error));
}

/* Another step, at position `at`. */
static bool grow(struct thread *thread, uint64_t at)
{
	int error = -ENOBUFS;

	if (thread->refused_tail == thread->tail || at >= thread->capacity)
		return false;
	if (at < share_of(thread))
		error =
		    steps_take(thread->shared, thread->ring, (char *)thread->records,
			       (uint32_t)(at / thread->step), thread->step * sizeof(struct record));
	if (!error) {
		thread->refused_tail = UINT64_MAX;
		return true;
	}
	thread->refused_tail = thread->tail;
	say_refused(thread, error);
	return false;
}

/* How many records the ring may hold as things are. */
static uint64_t size_of(const struct thread *thread)
{
	uint64_t backed = atomic_load_explicit(&thread->ring->backed, memory_order_relaxed);

	if (thread->tail < thread->start)
		return thread->start - thread->before;
	if (thread->refused_tail != UINT64_MAX)
		return (uint64_t)__builtin_popcountll(backed) * thread->step;
	return share_of(thread);
}

/* Finds the end of what may be written now, making it further away where that can be done. The lock
 * is held. */
static uint64_t end_find(struct thread *thread)
{
	for (;;) {
		uint64_t at = thread->head - thread->start, undrained = undrained_at(thread);
		uint64_t memory = memory_end(thread, at), end = least(memory, undrained);

		if (at + THREAD_HEADROOM >= share_of(thread) && may_lap(thread))
			lap_begin(thread);
		else if (end > at + THREAD_HEADROOM || memory >= undrained)
			return end;
		else if (!grow(thread, memory)) {
			if (!may_lap(thread))
				return end;
			lap_begin(thread);
		}
	}
}

uint64_t thread_wake_at(const struct thread *thread)
{
	return thread->tail + atomic_load_explicit(&thread->ring->size, memory_order_relaxed) / 2;
}

/* The next place at which to look again: the half that wakes the drain, then every sixteenth, then
 * `reach`. */
static void limit_set(struct thread *thread)
{
	uint64_t wake = thread_wake_at(thread);
	uint64_t end = thread->start + thread->reach;

	if (thread->head >= wake)
		wake = thread->head + (wake - thread->tail) / 8 + 1;
	end = end > THREAD_HEADROOM ? end - THREAD_HEADROOM : 0;
	thread->limit = least(wake, end);
}

/* Not much is claimed ahead: the drain may give the rest back while the worker is quiet. Not little
 * either: each look takes cache lines from the drain. */
static void reach_set(struct thread *thread, uint64_t end)
{
	uint64_t size = size_of(thread),
		 some = size / 16 > thread->step / 2 ? size / 16 : thread->step / 2;
	uint64_t ahead = thread->head - thread->start + THREAD_HEADROOM + some;

	thread->reach = least(end, (ahead / thread->step + 1) * thread->step);
	atomic_store_explicit(&thread->ring->reach, thread->reach, memory_order_relaxed);
	atomic_store_explicit(&thread->ring->size, size, memory_order_relaxed);
}

bool thread_capacity_find(struct thread *thread, uint64_t tail)
{
	if (tail - thread->tail <= thread->head - thread->tail)
		thread->tail = tail;
	if (thread->full_tail == thread->tail && thread->full_head == thread->head)
		return false;
	if (steps_lock(thread->ring, STEPS_THREAD)) {
		reach_set(thread, end_find(thread));
		steps_unlock(thread->ring);
		thread->full_tail = thread->tail;
		thread->full_head = thread->head;
	}
	limit_set(thread);
	if (thread->head >= thread->limit)
		return false;
	thread->full_tail = UINT64_MAX;
	return true;
}
