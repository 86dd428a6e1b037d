/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker's ring: where it writes on (thread_capacity.c), where readers find the records (laps.h)
 * and what the drain gives back meanwhile (rings_memory.c). The truth is the numbers that the
 * records bear.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "capacity_helper.h"

static uint64_t read_to; /* what has been read */

static _Atomic bool kernel_refuses;
static _Atomic uint32_t kernel_asked;

/* The kernel's answer to who asks for memory. */
int madvise(void *memory, size_t bytes, int advice)
{
	if (advice == 23 /* MADV_POPULATE_WRITE */) {
		kernel_asked++;
		if (kernel_refuses) {
			errno = EFAULT;
			return -1;
		}
	}
	return (int)syscall(SYS_madvise, memory, bytes, advice);
}
static void put(void)
{
	thread_put(&thread, thread.head + 1, ~(thread.head + 1));
}

/* As emission does it. False: it is lost. */
static bool emit(void)
{
	if (thread.head >= thread.limit &&
	    !thread_capacity_find(&thread, atomic_load_explicit(&ring->tail, memory_order_acquire)))
		return false;
	put();
	return true;
}

/* Looks at all that is there, and says that `count` of it is in a file. */
static void drain_some(uint64_t count)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire),
		 at = atomic_load(&ring->tail);
	struct laps laps = laps_read(ring, RING_RECORDS);

	cr_assert(laps_hold(&laps, at, head), "%lu to %lu, laps at %lu and %lu", at, head,
		  laps.before, laps.start);
	while (at < head) {
		struct laps_run run =
		    laps_run(&laps, shared_ring_records(shared, 0), at, head - at);

		cr_assert_gt(run.count, 0);
		for (uint64_t i = 0; i < run.count; i++)
			if (run.records[i].counter != at + i + 1 ||
			    run.records[i].word != ~(at + i + 1))
				cr_assert_fail("record %lu is %lu", at + i,
					       run.records[i].counter - 1);
		at += run.count;
	}
	drain->workers[0].grown = head - drain->workers[0].head;
	drain->workers[0].head = head;
	at = atomic_load(&ring->tail);
	at = count < head - at ? at + count : head;
	read_to = drain->workers[0].encoder.index = at;
	atomic_store_explicit(&ring->tail, at, memory_order_release);
}

TestSuite(capacity, .timeout = 60);

/* Any order of writing, draining, giving back and being refused: what was accepted is there, and
 * ends always fit. */
Test(capacity, nothing_accepted_is_lost)
{
	for (unsigned seed = 1; seed <= 30; seed++) {
		uint64_t accepted = 0;

		srandom(seed);
		kernel_refuses = false;
		begin(seed % 3 * 3 * STEP_BYTES);
		for (int iteration = 0; iteration < 3000; iteration++) {
			uint64_t emitted = random() % (random() % 4 ? 300 : 3000), ends = 0;

			kernel_refuses = random() % 3 == 0;
			for (uint64_t i = 0; i < emitted; i++) {
				bool capacity = emit();

				accepted += capacity;
				if (!capacity && ends < THREAD_HEADROOM && random() % 2)
					for (; ends < THREAD_HEADROOM; ends++, accepted++)
						put(); /* of what is open: once, until there is room
							  again */
				if (!capacity)
					break;
			}
			shared->share_steps = random() % 20;
			if (random() % 8)
				drain_some(random() % 5 ? UINT64_MAX : (uint64_t)random() % 2000);
			if (random() % 10 == 0)
				rings_tidy(drain, true);
			if (thread.head >= thread.limit)
				drain_some(UINT64_MAX);
			cr_assert_leq(atomic_load(&shared->grown_bytes),
				      atomic_load(&shared->grow_bytes));
		}
		drain_some(UINT64_MAX);
		cr_assert_eq(read_to, accepted);
		cr_assert_gt(accepted, 10 * RING_RECORDS);
	}
}

/* The kernel has no more: the ring goes round in what it has, and asks again only when the drain
 * has moved. */
Test(capacity, refused_memory_is_asked_for_when_the_tail_has_moved)
{
	uint64_t lost = 0, tails = 0;

	begin(UINT64_MAX);
	kernel_refuses = true;
	kernel_asked = 0;
	for (uint64_t i = 0; i < 200000; i++) {
		lost += !emit();
		if (i % 1000 == 999) {
			drain_some(UINT64_MAX);
			tails++;
		}
	}
	cr_assert_leq(kernel_asked, tails + 1);
	cr_assert_gt(thread.head, 200 * (STEP_BYTES / sizeof(struct record) - 2 * THREAD_HEADROOM));
	cr_assert_eq(thread.head + lost, 200000);
	kernel_refuses = false;
	drain_some(UINT64_MAX);
	for (uint64_t i = 0; i < RING_RECORDS / 2; i++)
		cr_assert(emit(), "there is memory again");
}

/* Quiet workers keep two steps, whatever they had; and get more again. */
Test(capacity, memory_of_quiet_workers_is_given_back)
{
	uint64_t bytes;

	begin(UINT64_MAX);
	for (int round = 0; round < 5; round++) {
		for (uint64_t i = 0; i < RING_RECORDS * 3 / 4; i++)
			cr_assert(emit());
		bytes = atomic_load(&shared->grown_bytes);
		cr_assert_geq(bytes, RING_BYTES / 2);
		drain_some(UINT64_MAX);
		rings_tidy(drain, true); /* it was busy until now */
		cr_assert_eq(atomic_load(&shared->grown_bytes), bytes);
		rings_tidy(drain, true);
		cr_assert_leq(atomic_load(&shared->grown_bytes), 2 * STEP_BYTES);
		cr_assert_leq(__builtin_popcountll(ring->backed), 3);
	}
	drain->workers[0].worker = 0;
	drain->workers[0].tidied = 0;
	atomic_store(&ring->state, RING_FREE);
	rings_tidy(drain, true);
	cr_assert_neq(ring->backed, 0, "another thread may be about to take it");
	rings_tidy(drain, true);
	cr_assert_eq(ring->backed, 0);
	cr_assert_eq(atomic_load(&shared->grown_bytes), 0);
	cr_assert_eq(atomic_load(&ring->state), RING_FREE);
}

/* The budget is short: who has more than its share comes down to it without losing anything. */
Test(capacity, a_smaller_share_is_kept_to)
{
	begin(16 * STEP_BYTES);
	for (uint64_t i = 0; i < RING_RECORDS * 3 / 4; i++)
		cr_assert(emit());
	for (int iteration = 0; iteration < 100; iteration++) {
		drain_some(UINT64_MAX);
		drain->workers[0].grown = drain->workers[1].grown = 1000;
		for (uint32_t i = 0; i < RINGS; i++)
			drain->workers[i].worker = 1;
		shared->grow_bytes = 4 * STEP_BYTES;
		rings_tidy(drain, false);
		for (uint64_t i = 0; i < 300; i++)
			cr_assert(emit());
	}
	cr_assert_eq(shared->share_steps, 3);
	cr_assert_leq(atomic_load(&shared->grown_bytes), 3 * STEP_BYTES);
}

/* Nobody drains: the ring is filled up to its share and no further, though the budget has more. */
Test(capacity, nobody_goes_beyond_the_share)
{
	uint64_t step = STEP_BYTES / sizeof(struct record), count = 0;

	begin(16 * STEP_BYTES);
	atomic_store(&shared->share_steps, 3);
	while (count < RING_RECORDS && emit())
		count++;
	cr_assert_leq(count, 3 * step);
	cr_assert_gt(count, 2 * step);
	cr_assert_eq(atomic_load(&shared->grown_bytes), 2 * STEP_BYTES);
}

/* What thread_slow.c needs of the library as a whole: no process records here. */
void process_prepare(void)
{
}

void process_describe(struct shared *of)
{
	(void)of;
}

void process_publish(struct shared *of)
{
	(void)of;
}

/* After a long lap most memory was given back, and no more is to be had: the ring is full long
 * before half of that lap. Whoever drains must hear of it, or be found dead. */
Test(capacity, a_small_full_ring_wakes_the_drain)
{
	uint64_t long_lap = 12 * STEP_BYTES / sizeof(struct record);

	begin(16 * STEP_BYTES);
	atomic_store(&ring->enabled, 1);
	while (thread.head < long_lap && emit())
		;
	drain_some(UINT64_MAX);
	drain->workers[0].tidied = thread.head;
	rings_tidy(drain, true);
	kernel_refuses = true;
	for (;;) {
		thread.woken_tail = UINT64_MAX;
		if (thread.head >= thread.limit && !thread_make_room(&thread, 1, TRACE_ROLE_LOOP))
			break;
		put();
	}
	kernel_refuses = false;
	cr_assert_lt(thread.head, thread_wake_at(&thread), "nobody would be woken by the half");
	cr_expect_eq(thread.woken_tail, atomic_load(&ring->tail));
}

/* Sites get their memory in portions, each once; what the kernel refuses may come later. */
Test(capacity, sites_get_memory_as_they_come)
{
	begin(0);
	kernel_asked = 0;
	cr_expect_eq(steps_back_site(shared, 0), 0);
	cr_expect_eq(shared->sites_backed, STEPS_SITES);
	cr_expect_eq(steps_back_site(shared, STEPS_SITES - 1), 0);
	cr_expect_eq(kernel_asked, 1);
	kernel_refuses = true;
	cr_expect_lt(steps_back_site(shared, STEPS_SITES), 0);
	cr_expect_eq(shared->sites_backed, STEPS_SITES);
	kernel_refuses = false;
	cr_expect_eq(steps_back_site(shared, 5 * STEPS_SITES), 0);
	cr_expect_eq(shared->sites_backed, 6 * STEPS_SITES);
	cr_expect_eq(steps_back_site(shared, TRACE_SITES_MAX - 1), 0);
	cr_expect_eq(shared->sites_backed, TRACE_SITES_MAX);
}

/* What comes out of shared memory is not believed: the worker stays in its ring. */
Test(capacity, a_wild_tail_does_no_harm)
{
	srandom(7);
	begin(UINT64_MAX);
	for (int i = 0; i < 300000; i++) {
		if (random() % 100 == 0)
			atomic_store(&ring->tail, (uint64_t)random() << random() % 33);
		if (random() % 1000 == 0) {
			atomic_store(&ring->backed, (uint64_t)random() << random() % 33 | 1);
			atomic_store(&shared->share_steps, (uint32_t)random());
		}
		if (random() % 50 == 0)
			atomic_store(&ring->tail, thread.head);
		emit();
		cr_assert_geq(thread.limit + THREAD_HEADROOM, thread.start);
		cr_assert(thread.head - thread.start < RING_RECORDS);
		cr_assert_leq(thread.reach, RING_RECORDS);
		cr_assert_leq(thread.tail, thread.head);
	}
}

static _Atomic bool producer_done;
static uint64_t producer_lost;

static void *produce(void *arg)
{
	for (uint64_t i = 0; i < 3000000; i++) {
		producer_lost += !emit();
		if (i % 100000 == 0)
			usleep(2000);
	}
	producer_done = true;
	return arg;
}

/* Beside each other: a worker, and a drain that gives back as much as it may at any time. */
Test(capacity, worker_and_drain_at_once)
{
	pthread_t producer;

	begin(8 * STEP_BYTES);
	pthread_create(&producer, NULL, produce, NULL);
	while (!producer_done) {
		drain_some(UINT64_MAX);
		drain->workers[0].tidied = drain->workers[0].head;
		rings_tidy(drain, true);
	}
	pthread_join(producer, NULL);
	drain_some(UINT64_MAX);
	cr_assert_eq(read_to, thread.head);
	cr_assert_eq(thread.head + producer_lost, 3000000);
	cr_assert_gt(thread.head, 10 * RING_RECORDS);
}
