/* SPDX-License-Identifier: Apache-2.0
 *
 * See thread.h: the slow half. Here a thread gets its ring, finds room in it, and gives it back.
 */
#include "thread.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ring/futex.h"
#include "log.h"
#include "process.h"
#include "supervisor.h"
#include "hotpath.h"

#define CLAIM_TRIES   2
#define CLAIM_WAIT_MS 1 /* a thread's start is not put off longer */

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
	uint64_t lost =
	    atomic_load_explicit(&thread->ring->lost[RING_LOST_FULL], memory_order_relaxed);

	thread->lost_open = false;
	thread_put(thread, thread->lost_counter,
		   trace_word(lost - thread->lost_told, TRACE_LOST_FULL));
	thread->lost_told = lost;
}

/* Runs when a worker thread ends. What comes later on it (other destructors) is not recorded. */
static void thread_end(void *arg)
{
	struct thread *thread = arg;
	struct shared_ring *ring = thread->ring;
	struct shared *shared = thread->shared;

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
	/* Where threads come and go by the thousand, rings are wanted back sooner than at the
	 * drain's next tick. */
	if ((atomic_fetch_add(&shared->ended_rings, 1) + 1) % SHARED_ENDED_RINGS == 0)
		supervisor_wake();
}

static void thread_key_make(void)
{
	uint32_t expected = 0;

	if (atomic_compare_exchange_strong(&thread_key_made, &expected, 1))
		atomic_store(&thread_key_made,
			     pthread_key_create(&thread_key, thread_end) == 0 ? 2 : 3);
}

static struct shared_ring *ring_claim_free(struct shared *shared, uint32_t *index)
{
	for (uint32_t i = 0; i < shared->ring_count; i++) {
		uint32_t expected = RING_FREE;

		/* Acquire: pairs with the drain's release of a ring that it has emptied. */
		if (atomic_compare_exchange_strong(&shared->rings[i].state, &expected,
						   RING_CLAIMED)) {
			*index = i;
			return &shared->rings[i];
		}
	}
	return NULL;
}

/* A ring that has ended is free as soon as the drain has come by: where only such are left it is
 * waited for, a moment. */
static struct shared_ring *ring_claim(struct shared *shared, uint32_t *index)
{
	struct shared_ring *ring = ring_claim_free(shared, index);

	for (int tries = 0;
	     !ring && tries < CLAIM_TRIES && (int32_t)atomic_load(&shared->ended_rings) > 0;
	     tries++) {
		uint32_t wake = atomic_load(&shared->freed_rings);

		supervisor_wake();
		futex_wait(&shared->freed_rings, wake, CLAIM_WAIT_MS);
		ring = ring_claim_free(shared, index);
	}
	return ring;
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
	atomic_store(&ring->lap_start[0], 0);
	atomic_store(&ring->lap_start[1], 0);
	for (int i = 0; i < 2; i++)
		ring->open[i] = (struct shared_open){
		    .index = i ? UINT64_MAX : 0}; /* nothing is open at the first tail */
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

/* Threads that come when there is no memory at all for a ring are counted, and said once. */
static void say_no_memory(const struct shared *shared, int error)
{
	static _Atomic uint32_t said;

	if (atomic_exchange(&said, 1) == 0)
		log_warn("no memory for another ring in %s: %s; such threads are not traced",
			 shared->self_path, strerror(-error));
}

struct thread *thread_attach_ring(struct shared *shared, enum trace_role role)
{
	uint32_t index;
	struct shared_ring *ring = ring_claim(shared, &index);
	struct thread *thread;
	int error;

	if (!ring)
		return NULL;
	thread = &process->threads[index];
	memset(thread, 0, sizeof(*thread));
	thread->records = shared_ring_records(shared, index);
	thread->shared = shared;
	thread->role = role;
	ring_describe(shared, ring, role);
	error = thread_capacity_begin(thread, index);
	if (error) {
		say_no_memory(shared, error);
		atomic_store(&ring->state, RING_FREE);
		return NULL;
	}
	thread->ring = ring;
	thread->clock = shared->clock;
	thread->last_counter = ring->start_counter;
	thread->woken_tail = UINT64_MAX;
	if (role != TRACE_ROLE_OTHER)
		thread_capacity_find(thread, 0);
	atomic_store_explicit(&ring->state, RING_LIVE,
			      memory_order_release); /* pairs with the drain's acquire */
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
		supervisor_wake_if_asleep(process_shared());
	}
	errno = saved_errno;
	return thread_current->ring ? thread_current : &thread_none;
}

static void thread_wake_drain(struct thread *thread, uint64_t tail)
{
	if (thread->woken_tail == tail && !supervisor_drain_died(thread->shared))
		return;
	thread->woken_tail = tail;
	supervisor_start();
	supervisor_wake();
}

struct thread *thread_make_room(struct thread *thread, uint32_t events, enum trace_role role)
{
	int saved_errno = errno;
	bool has_room;
	uint64_t tail;

	if (!thread->ring) {
		thread = thread_register(role);
		if (thread == &thread_none && process_shared())
			atomic_fetch_add(&process_shared()->untraced_events, events);
		if (thread == &thread_none)
			return NULL;
		if (role ==
		    TRACE_ROLE_LOOP) { /* in a callback of a loop that ran before the fork */
			thread->loop = thread_loop;
			supervisor_start();
		}
		return thread;
	}
	if (!thread_enabled(thread))
		return NULL;
	/* Acquire: pairs with the drain's release, after which these records may be written again.
	 */
	tail = atomic_load_explicit(&thread->ring->tail, memory_order_acquire);
	has_room = thread_capacity_find(thread, tail);
	/* Without room, too: a ring that could not grow may be full long before it is half of its
	 * share, and a drain that died must be noticed. */
	if (!has_room || thread->head >= thread_wake_at(thread))
		thread_wake_drain(thread, tail);
	errno = saved_errno;
	if (has_room) {
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
			   is_loop ? trace_word(trace_word_object(word), TRACE_LOOP_LEAVE)
				   : TRACE_POLL_UNWOUND);
		if (is_loop)
			thread->loop = thread_loop = enclosing_loop(thread);
	}
}
