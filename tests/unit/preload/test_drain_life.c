/* SPDX-License-Identifier: Apache-2.0
 *
 * The drain beside a program that does little, is stuck, became another one, or shares its
 * descriptors.
 */
#include "drain_helper.h"

TestSuite(drain_life, .init = drain_setup, .fini = drain_teardown, .timeout = 60);

/* Its look may be there when the worker ends: it is written beside the last words on workers, not
 * among them. */
Test(drain_life, workers_that_end_right_after_a_look_are_told_of)
{
	struct trace *trace;

	site_add(SITE);
	shared->options.stall_ms = 25;
	drain_begin();
	for (unsigned i = 0; i < 20; i++) {
		struct shared_ring *stuck = ring_begin(0, TRACE_ROLE_LOOP),
				   *other = ring_begin(1, TRACE_ROLE_LOOP);

		put_polls(other, 5);
		put_now(stuck, trace_word(8, POLL));
		usleep(26000 +
		       i * 1000); /* the look is taken, and not yet fetched, some time in there */
		put_now(stuck, TRACE_POLL_END);
		ring_end(other);
		ring_end(stuck);
		wait_until_free(stuck);
		wait_until_free(other);
	}
	drain_end();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].worker_count, 40);
	cr_assert_gt(trace->processes[0].stall_count, 0);
	for (uint32_t i = 0; i < 40; i++)
		cr_assert_neq(trace->processes[0].workers[i].end_tick, 0, "worker %u", i + 1);
	trace_close(trace);
}

Test(drain_life, sleeps_when_idle_and_can_be_woken)
{
	struct shared_ring *ring;
	struct trace *trace;
	uint32_t asleep;

	site_add(SITE);
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(ring, 10);
	put_now(ring, TRACE_PARK);
	while (!(asleep = atomic_load(&shared->asleep)))
		usleep(10000);
	usleep(300000); /* beyond the tick after which it sleeps for good */
	cr_assert_eq(atomic_load(&ring->tail), 21, "nothing is left behind");
	put_now(ring, trace_word(1, TRACE_UNPARK));
	drain_wake(shared);
	while (atomic_load(&shared->asleep))
		usleep(1000);
	put_polls(ring, 10);
	drain_end();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].events, 42);
	trace_close(trace);
}

/* A program that became another one by exec has no ring any more: its helper must not wait for it
 * to end. */
Test(drain_life, ends_when_nobody_has_the_ring_mapped)
{
	struct shared_ring *ring;
	struct trace *trace;

	snprintf(shared->self_path, sizeof(shared->self_path), "%s/another", dir);
	site_add(SITE);
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_now(ring, trace_word(8, POLL)); /* the callback that called exec */
	pthread_join(drain, NULL);
	trace = trace_read();
	cr_assert_eq(trace->processes[0].events, 1);
	cr_assert_eq(trace->processes[0].seal_reason, TRACE_SEAL_DIED);
	trace_close(trace);
}

/* How many descriptors of this process lead into the directory. */
static int count_descriptors(void)
{
	char path[64], target[300];
	int count = 0;

	for (int fd = 0; fd < 256; fd++) {
		ssize_t bytes;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		bytes = readlink(path, target, sizeof(target) - 1);
		target[bytes > 0 ? bytes : 0] = '\0';
		count += strncmp(target, dir, strlen(dir)) == 0;
	}
	return count;
}

/* A program may close any descriptor and use its number for a file of its own: it must not find
 * ours among them. */
Test(drain_life, in_a_thread_its_descriptors_are_its_own)
{
	struct shared_ring *ring;
	struct trace *trace;

	shared->options.drain = SHARED_DRAIN_THREAD;
	site_add(SITE);
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(ring, 1000);
	flush();
	cr_assert_eq(count_files(".open"), 1);
	cr_assert_eq(count_descriptors(), 0);
	put_polls(ring, 1000);
	drain_end();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].events, 4000);
	trace_close(trace);
}
