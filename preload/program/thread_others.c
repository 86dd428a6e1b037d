/* SPDX-License-Identifier: Apache-2.0
 *
 * The ring that all non-worker threads share. It has many producers, and none of them may wait,
 * since one may be a signal handler that interrupted another. A producer reserves places by adding
 * to `head`, then fills them in, `counter` last. The drain reads up to the first place whose
 * counter is still 0. It resets the counter to 0 before it releases the place. This ring has no
 * laps: its size is a power of two, chosen once.
 */
#include "thread.h"

#include <errno.h>
#include <sched.h>

#include "process.h"
#include "supervisor.h"
#include "ring/steps.h"
#include "hotpath.h"

#define POPULATE_STEP 4096 /* records: 64 KiB, some tens of microseconds */
#define OTHERS_TRIES  1000 /* to see the others' ring made: it takes some tens of microseconds */

static struct thread *others_make(void)
{
	uint32_t state = 0;
	int saved_errno = errno;

	if (atomic_compare_exchange_strong(&process->others_state, &state, 1)) {
		atomic_store(&process->others,
			     thread_attach_ring(process_shared(), TRACE_ROLE_OTHER));
		atomic_store(&process->others_state, 2);
	}
	for (int tries = 0; atomic_load(&process->others_state) == 1 && tries < OTHERS_TRIES;
	     tries++)
		sched_yield();
	errno = saved_errno;
	return atomic_load(&process->others);
}

/* Several may do the same step at once, which does no harm. */
static bool others_populate(struct thread *others, uint64_t index)
{
	uint64_t step = POPULATE_STEP <= others->mask ? POPULATE_STEP : others->mask + 1, from;

	while (index <= others->mask &&
	       index >= (from = __atomic_load_n(&others->populated, __ATOMIC_ACQUIRE))) {
		if (steps_populate(&others->records[from], step * sizeof(struct record)) != 0)
			return false;
		__atomic_store_n(&others->populated, from + step, __ATOMIC_RELEASE);
	}
	return true;
}

static void others_fill(struct thread *others, uint64_t index, uint64_t counter, uint64_t word)
{
	struct record *record = &others->records[index & others->mask];

	__atomic_store_n(&record->word, word, __ATOMIC_RELAXED);
	/* Release: pairs with the acquire in others_head(), which then reads the word. */
	__atomic_store_n(&record->counter, counter, __ATOMIC_RELEASE);
}

/* So many places of the ring, one behind the other. False: it is full. */
static bool others_take(struct thread *others, uint32_t count, uint64_t *index)
{
	uint64_t tail = atomic_load_explicit(
	    &others->ring->tail, memory_order_acquire); /* pairs with the drain's release */

	*index = atomic_load_explicit(&others->ring->head, memory_order_relaxed);
	do
		if (*index - tail > others->mask + 1 - THREAD_HEADROOM ||
		    !others_populate(others, *index + THREAD_HEADROOM))
			return false;
	while (!atomic_compare_exchange_weak(&others->ring->head, index, *index + count));
	return true;
}

void thread_foreign_emit(const uint64_t *words, uint32_t count)
{
	struct thread *others = process_shared() ? atomic_load(&process->others) : NULL;
	uint64_t index, counter, half;

	if (!others && (!process_shared() || !(others = others_make()))) {
		process_count_untraced_events(count);
		return;
	}
	if (!thread_enabled(others))
		return;
	if (!others_take(others, count, &index)) {
		atomic_fetch_add(&others->ring->lost[RING_LOST_FULL], count);
		return;
	}
	counter = clock_read(others->clock);
	half = (others->mask + 1) / 2;
	for (uint32_t i = 0; i < count; i++)
		others_fill(others, index + i, counter, words[i]);
	if (index / half != (index + count) / half ||
	    atomic_load_explicit(&others->shared->asleep, memory_order_relaxed))
		supervisor_wake();
}
