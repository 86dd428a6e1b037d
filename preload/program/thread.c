/* SPDX-License-Identifier: Apache-2.0
 *
 * See thread.h: the slow half. Here a thread gets its ring, finds room in it, and gives it back.
 */
#include "thread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process.h"
#include "hotpath.h"

#define POPULATE_STEP 4096 /* records: 64 KiB, some tens of microseconds */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define OTHERS_TRIES 1000 /* to see the others' ring made: it takes some tens of microseconds */

struct thread thread_none;
__thread struct thread *thread_current = &thread_none;
__thread void *thread_loop;

/* A thread that has none and will get none: it ended already, or no ring was free. */
static struct thread thread_untraced;
static pthread_key_t thread_key;
static _Atomic uint32_t thread_key_made;

static uint64_t thread_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void thread_tell_lost(struct thread *thread)
{
	uint64_t lost = atomic_load_explicit(&thread->ring->lost[RING_LOST_FULL], memory_order_relaxed);

	thread->lost_open = false;
	thread_put(thread, thread->lost_counter, trace_word(lost - thread->lost_told, TRACE_LOST_FULL));
	thread->lost_told = lost;
}

/* Runs when a worker thread ends. What comes later on it (other destructors) is not recorded. */
static void thread_end(void *arg)
{
	struct thread *thread = arg;
	struct shared_ring *ring = thread->ring;
	const struct shared *shared = thread->shared;

	thread_current = &thread_untraced;
	if (!ring) /* a forked child's copy */
		return;
	thread_unwind(thread, 0);
	if (thread->lost_open)
		thread_tell_lost(thread);
	thread_put(thread, clock_read(thread->clock), trace_word(0, TRACE_WORKER_END));
	atomic_store(&ring->end_counter, thread->last_counter);
	atomic_store(&ring->end_cpu_ns, thread_cpu_ns());
	thread->limit = 0;
	/* Release: pairs with the drain's acquire, which then reads the last records. */
	atomic_store_explicit(&ring->state, RING_ENDED, memory_order_release);
	/* Where threads come and go by the hundred, rings are wanted back sooner than at the drain's next tick. */
	if (ring - shared->rings >= shared->ring_count / 2)
		process_wake_drain();
}

static void thread_key_make(void)
{
	uint32_t expected = 0;

	if (atomic_compare_exchange_strong(&thread_key_made, &expected, 1))
		atomic_store(&thread_key_made, pthread_key_create(&thread_key, thread_end) == 0 ? 2 : 3);
}

/* Makes sure of the memory of the next STEP records: a store to a page that a full tmpfs cannot give would be a
 * SIGBUS. Kernels before 5.14 cannot do it, and a seccomp filter may forbid it; there a full tmpfs is not survived. */
static int thread_populate(struct thread *thread)
{
	uint64_t step = POPULATE_STEP <= thread->mask ? POPULATE_STEP : thread->mask + 1;
	uint64_t from = thread->populated;
	int rc = from > thread->mask
		     ? 0
		     : madvise(&thread->records[from], step * sizeof(struct record), MADV_POPULATE_WRITE);

	if (rc && (errno == EFAULT || errno == ENOMEM))
		return -errno;
	__atomic_store_n(&thread->populated, from + step, __ATOMIC_RELEASE);
	return 0;
}

static struct shared_ring *ring_claim(struct shared *shared, uint32_t *index)
{
	for (uint32_t i = 0; i < shared->ring_count; i++) {
		uint32_t expected = RING_FREE;

		/* Acquire: pairs with the drain's release of a ring that it has emptied. */
		if (atomic_compare_exchange_strong(&shared->rings[i].state, &expected, RING_CLAIMED)) {
			*index = i;
			return &shared->rings[i];
		}
	}
	return NULL;
}

static void ring_describe(struct shared *shared, struct shared_ring *ring, enum trace_role role)
{
	atomic_store(&ring->head, 0);
	atomic_store(&ring->tail, 0);
	for (int i = 0; i < RING_LOST_CAUSES; i++)
		atomic_store(&ring->lost[i], 0);
	atomic_store(&ring->pool_submitted, 0);
	atomic_store(&ring->pool_cancelled, 0);
	atomic_store(&ring->pool_finished, 0);
	atomic_store(&ring->pool_parked, 0);
	atomic_store(&ring->end_counter, 0);
	shared_ring_enable(shared, ring);
	ring->worker = atomic_fetch_add(&shared->next_worker, 1) + 1;
	ring->role = role;
	ring->start_counter = clock_read(shared->clock);
	ring->tid = role == TRACE_ROLE_OTHER ? 0 : syscall(SYS_gettid);
	ring->start_cpu_ns = role == TRACE_ROLE_OTHER ? 0 : thread_cpu_ns();
	if (role == TRACE_ROLE_OTHER)
		memcpy(ring->name, "other threads", sizeof("other threads"));
	else
		prctl(PR_GET_NAME, ring->name, 0, 0, 0);
}

/* The next place at which to look again: the half that wakes the drain, then every sixteenth, then the end
 * of the ring or of the memory that is there. */
static void thread_set_limit(struct thread *thread, uint64_t tail)
{
	uint64_t capacity = thread->mask + 1;
	uint64_t end = tail + capacity - THREAD_HEADROOM;
	uint64_t next = tail + capacity / 2;

	if (thread->head >= next)
		next = thread->head + capacity / 16;
	if (thread->populated < capacity && end > thread->populated - THREAD_HEADROOM)
		end = thread->populated - THREAD_HEADROOM;
	thread->limit = next < end ? next : end;
}

/* NULL: no ring is free, or no memory for it. */
static struct thread *thread_attach_ring(struct shared *shared, enum trace_role role)
{
	uint32_t index;
	struct shared_ring *ring = ring_claim(shared, &index);
	struct thread *thread;

	if (!ring)
		return NULL;
	thread = &process->threads[index];
	memset(thread, 0, sizeof(*thread));
	thread->mask = shared->ring_bytes / sizeof(struct record) - 1;
	thread->records = shared_ring_records(shared, index);
	/* A worker that had this ring left its records, and in the shared ring a counter says that a place is filled
	 * in: give their memory back, so that they read as 0. */
	if ((role == TRACE_ROLE_OTHER && ring->worker && madvise(thread->records, shared->ring_bytes, MADV_REMOVE)) ||
	    thread_populate(thread)) {
		atomic_store(&ring->state, RING_FREE);
		return NULL;
	}
	ring_describe(shared, ring, role);
	thread->ring = ring;
	thread->shared = shared;
	thread->clock = shared->clock;
	thread->role = role;
	thread->last_counter = ring->start_counter;
	thread_set_limit(thread, 0);
	thread->woken_tail = UINT64_MAX;
	atomic_store_explicit(&ring->state, RING_LIVE, memory_order_release); /* pairs with the drain's acquire */
	return thread;
}

static struct thread *thread_attach(struct shared *shared, enum trace_role role)
{
	struct thread *thread = thread_attach_ring(shared, role);

	if (!thread) {
		atomic_fetch_add(&shared->untraced_threads, 1);
		return &thread_untraced;
	}
	thread_key_make();
	if (atomic_load(&thread_key_made) == 2)
		pthread_setspecific(thread_key, thread);
	return thread;
}

struct thread *thread_register(enum trace_role role)
{
	int saved_errno = errno;

	/* ring == NULL beside a thread that was attached: we are in a forked child. */
	if (thread_current != &thread_untraced && !thread_current->ring && process_start()) {
		thread_current = thread_attach(process_shared(), role);
		process_wake_if_asleep(process_shared());
	}
	errno = saved_errno;
	return thread_current->ring ? thread_current : &thread_none;
}

static void thread_wake_drain(struct thread *thread, uint64_t tail)
{
	if (thread->woken_tail == tail && !process_drain_died(thread->shared))
		return;
	thread->woken_tail = tail;
	process_start_drain();
	process_wake_drain();
}

struct thread *thread_make_room(struct thread *thread, uint32_t events, enum trace_role role)
{
	int saved_errno = errno;
	uint64_t tail;

	if (!thread->ring) {
		thread = thread_register(role);
		if (thread == &thread_none && process_shared())
			atomic_fetch_add(&process_shared()->untraced_events, events);
		if (thread == &thread_none)
			return NULL;
		if (role == TRACE_ROLE_LOOP) { /* in a callback of a loop that ran before the fork */
			thread->loop = thread_loop;
			process_start_drain();
		}
		return thread;
	}
	if (!thread_enabled(thread))
		return NULL;
	/* Acquire: pairs with the drain's release, after which these records may be written again. */
	tail = atomic_load_explicit(&thread->ring->tail, memory_order_acquire);
	while (thread->populated <= thread->mask && thread->head + THREAD_HEADROOM >= thread->populated)
		if (thread_populate(thread))
			break; /* full: what does not fit is lost, and the next event asks again */
	thread_set_limit(thread, tail);
	if (thread->head - tail >= (thread->mask + 1) / 2)
		thread_wake_drain(thread, tail);
	errno = saved_errno;
	if (thread->head < thread->limit) {
		if (thread->lost_open)
			thread_tell_lost(thread);
		return thread;
	}
	if (!thread->lost_open) {
		thread->lost_open = true;
		thread->lost_counter = thread->last_counter;
	}
	thread_add(&thread->ring->lost[RING_LOST_FULL], events);
	return NULL;
}

void thread_count_lost(struct thread *thread, enum ring_lost cause, uint32_t events)
{
	thread_add(&thread->ring->lost[cause], events);
}

static void *enclosing_loop(const struct thread *thread)
{
	for (uint32_t i = thread->depth; i-- > 0;)
		if (trace_word_code(thread->frames[i].word) == TRACE_LOOP_ENTER)
			return (void *)(uintptr_t)trace_word_object(thread->frames[i].word);
	return NULL;
}

void thread_unwind(struct thread *thread, uint32_t depth)
{
	while (thread->depth > depth) {
		uint64_t word = thread->frames[--thread->depth].word;
		bool is_loop = trace_word_code(word) == TRACE_LOOP_ENTER;

		thread_put(thread, clock_read(thread->clock),
			   is_loop ? trace_word(trace_word_object(word), TRACE_LOOP_LEAVE) : TRACE_POLL_UNWOUND);
		if (is_loop)
			thread->loop = thread_loop = enclosing_loop(thread);
	}
}

/* The others' ring: many producers, none of which may wait, since one may be a signal handler that interrupted another.
 * A producer takes places by adding to `head`, then fills them in, `counter` last; the drain reads up to the first
 * place whose counter is still 0, and sets it back to 0 before it gives the place away. */
static struct thread *others_make(void)
{
	uint32_t state = 0;
	int saved_errno = errno;

	if (atomic_compare_exchange_strong(&process->others_state, &state, 1)) {
		atomic_store(&process->others, thread_attach_ring(process_shared(), TRACE_ROLE_OTHER));
		atomic_store(&process->others_state, 2);
	}
	for (int tries = 0; atomic_load(&process->others_state) == 1 && tries < OTHERS_TRIES; tries++)
		sched_yield();
	errno = saved_errno;
	return atomic_load(&process->others);
}

static bool others_populate(struct thread *others, uint64_t index)
{
	/* Several may do the same step at once, which does no harm. */
	while (index <= others->mask && index >= __atomic_load_n(&others->populated, __ATOMIC_ACQUIRE))
		if (thread_populate(others))
			return false;
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
	uint64_t tail =
	    atomic_load_explicit(&others->ring->tail, memory_order_acquire); /* pairs with the drain's release */

	*index = atomic_load_explicit(&others->ring->head, memory_order_relaxed);
	do
		if (*index - tail > others->mask + 1 - THREAD_HEADROOM ||
		    !others_populate(others, *index + THREAD_HEADROOM))
			return false;
	while (!atomic_compare_exchange_weak(&others->ring->head, index, *index + count));
	return true;
}

void thread_others_emit(const uint64_t *words, uint32_t count)
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
		process_wake_drain();
}
