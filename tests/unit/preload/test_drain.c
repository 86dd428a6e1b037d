/* SPDX-License-Identifier: Apache-2.0
 *
 * From the rings to a file: everything that was written is read, once, whoever drains and however
 * the program ends.
 */
#include "drain_helper.h"

TestSuite(drain, .init = drain_setup, .fini = drain_teardown, .timeout = 60);

Test(drain, everything_written_is_read)
{
	struct shared_ring *ring;
	struct trace *trace;
	struct trace_process *process;

	site_add(SITE);
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(ring, 100000); /* round the ring almost 200 times */
	prctl(PR_SET_NAME, "named since", 0, 0, 0);
	drain_end();
	trace = trace_read();
	process = &trace->processes[0];
	cr_assert_eq(process->events, 200000);
	cr_assert_eq(process->missing, 0);
	cr_assert_eq(process->lost, 0);
	cr_assert_eq(process->worker_count, 1);
	cr_assert_eq(count_polls(trace, 0), 100000);
	cr_assert_eq(process->workers[0].tid, (uint32_t)syscall(SYS_gettid));
	cr_assert_str_eq(process->workers[0].name, "named since");
	cr_assert_eq(process->seal_reason, TRACE_SEAL_EXIT);
	cr_assert_str_eq(process->libuv, "1.44.2");
	cr_assert_eq(process->pid, (uint32_t)getpid());
	cr_assert(process->sites[SITE].present);
	cr_assert_eq(process->sites[SITE].callback, (uintptr_t)drain_begin);
	cr_assert_eq(process->sites[SITE].kind, KIND_READ);
	cr_assert_str_eq(process->kinds[KIND_READ].name, "read");
	cr_assert_gt(process->module_count, 2);
	trace_close(trace);
	cr_assert_eq(drain_result, 0);
	cr_assert_eq(count_files(".open"), 0);
	cr_assert_neq(access(shared->self_path, F_OK), 0, "the ring file has been removed");
}

static void *produce(void *arg)
{
	struct shared_ring *ring = arg;

	put_polls(ring, 50000);
	return NULL;
}

Test(drain, workers_beside_each_other)
{
	pthread_t threads[RING_COUNT];
	struct trace *trace;

	site_add(SITE);
	drain_begin();
	for (uint32_t i = 0; i < RING_COUNT; i++)
		pthread_create(&threads[i], NULL, produce,
			       ring_begin(i, i ? TRACE_ROLE_POOL : TRACE_ROLE_LOOP));
	for (uint32_t i = 0; i < RING_COUNT; i++)
		pthread_join(threads[i], NULL);
	drain_end();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].worker_count, RING_COUNT);
	for (uint32_t i = 0; i < RING_COUNT; i++) {
		cr_assert_eq(trace->processes[0].workers[i].events, 100000);
		cr_assert_eq(count_polls(trace, i), 50000);
	}
	trace_close(trace);
}

Test(drain, rings_are_used_again)
{
	struct trace *trace;

	site_add(SITE);
	drain_begin();
	for (uint32_t i = 0; i < 100; i++) {
		struct shared_ring *ring = ring_begin(i % 2, TRACE_ROLE_POOL);

		put_polls(ring, i);
		atomic_store(&ring->pool_submitted, 3);
		ring_end(ring);
		wait_until_free(ring);
	}
	cr_assert_eq(atomic_load(&shared->pool_submitted), 300);
	drain_end();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].worker_count, 100);
	cr_assert_eq(trace->processes[0].missing, 0);
	for (uint32_t i = 0; i < 100; i++) {
		cr_assert_eq(trace->processes[0].workers[i].events, 2 * i);
		cr_assert_neq(trace->processes[0].workers[i].end_tick, 0);
	}
	trace_close(trace);
}

Test(drain, flush_puts_everything_into_the_file)
{
	struct shared_ring *ring;
	struct trace *trace;

	site_add(SITE);
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(ring, 7);
	put_now(ring, trace_word(8, POLL));
	flush();
	cr_assert_eq(atomic_load(&ring->tail), 15);
	trace = trace_read();
	cr_assert_eq(trace->processes[0].events, 15);
	cr_assert(!trace->processes[0].sealed);
	trace_close(trace);
	put_now(ring, TRACE_POLL_END);
	drain_end();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].events, 16);
	trace_close(trace);
}

Test(drain, program_that_dies_leaves_what_was_open_open)
{
	struct shared_ring *ring;
	struct trace *trace;

	site_add(SITE);
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(ring, 3);
	put_now(ring, trace_word(8, POLL));
	atomic_store(&gone, 1);
	drain_begin();
	program_ends();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].events, 7);
	cr_assert_eq(trace->processes[0].seal_reason, TRACE_SEAL_DIED);
	cr_assert_eq(trace->processes[0].workers[0].end_tick, 0);
	trace_close(trace);
}

Test(drain, what_comes_after_the_exit_was_confirmed_is_written_too)
{
	struct shared_ring *ring;
	struct trace *trace;

	site_add(SITE);
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(ring, 5);
	atomic_store(&shared->exiting, 1);
	drain_wake(shared);
	wait_until_done();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].events, 10);
	cr_assert_eq(trace->processes[0].seal_reason, TRACE_SEAL_EXIT);
	trace_close(trace);
	put_polls(ring, 6);
	program_ends();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].events, 22);
	cr_assert_eq(trace->processes[0].missing, 0);
	cr_assert_eq(trace->processes[0].seal_reason, TRACE_SEAL_EXIT);
	trace_close(trace);
}

Test(drain, null_writer_drains_and_writes_nothing)
{
	struct shared_ring *ring;

	site_add(SITE);
	shared->options.writer = SHARED_WRITER_NULL;
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(ring, 10000);
	drain_end();
	cr_assert_eq(atomic_load(&ring->tail), 20000);
	cr_assert_neq(access(shared->options.path, F_OK), 0);
	cr_assert_eq(count_files(""), 0);
}

Test(drain, another_one_takes_over_at_the_tail)
{
	struct shared_ring *ring = ring_begin(0, TRACE_ROLE_LOOP);
	struct trace *trace;
	const struct trace_context *context;
	struct trace_cursor *cursor;
	struct trace_item item;
	size_t count;
	bool after_gap;

	site_add(SITE);
	put_now(ring, trace_word(7, TRACE_LOOP_ENTER));
	put_polls(ring, 10);
	put_now(ring, trace_word(8, POLL));
	/* So far another one has come, and was killed while it wrote what is open further on. */
	ring->open[0] = (struct shared_open){
	    .index = 22,
	    .count = 2,
	    .open = {{trace_word(7, TRACE_LOOP_ENTER), 1}, {trace_word(8, POLL), 2}},
	};
	ring->open[1] =
	    (struct shared_open){.index = 24, .count = 1, .open = {{trace_word(6, POLL), 3}}};
	atomic_store(&ring->tail, 22);
	put_now(ring, trace_word(9, TRACE_CODE_SUBMIT + SITE));
	put_now(ring, TRACE_POLL_END);
	drain_begin();
	drain_end();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].events, 2);
	cursor = trace_cursor_open(trace, 0, 0);
	cr_assert_eq(trace_cursor_read(cursor, UINT64_MAX, &item, 1), 1);
	cr_assert_eq(item.word, trace_word(9, TRACE_CODE_SUBMIT + SITE));
	context = trace_cursor_context(cursor, &count, &after_gap);
	cr_assert_not_null(context);
	cr_assert_eq(count, 2);
	cr_assert_eq(context[0].word, trace_word(7, TRACE_LOOP_ENTER));
	cr_assert_eq(context[1].word, trace_word(8, POLL));
	trace_cursor_close(cursor);
	trace_close(trace);
}

/* What is open at the tail stands beside it, for a drain that takes over. */
Test(drain, what_is_open_at_the_tail_is_left_for_another)
{
	const struct shared_open *left;
	struct shared_ring *ring;

	site_add(SITE);
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_now(ring, trace_word(7, TRACE_LOOP_ENTER));
	put_polls(ring, 10);
	put_now(ring, trace_word(8, POLL));
	flush();
	cr_assert_eq(atomic_load(&ring->tail), 22);
	left = ring->open[0].index == 22 ? &ring->open[0] : &ring->open[1];
	cr_assert_eq(left->index, 22);
	cr_assert_eq(left->count, 2);
	cr_assert_eq(left->open[0].word, trace_word(7, TRACE_LOOP_ENTER));
	cr_assert_eq(left->open[1].word, trace_word(8, POLL));
	drain_end();
}

/* A worker whose only news is that it lost events. */
Test(drain, losses_without_further_events_are_told)
{
	struct shared_ring *ring;
	struct trace *trace;

	site_add(SITE);
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(ring, 5);
	flush();
	atomic_store(&ring->lost[RING_LOST_FULL], 7);
	drain_end();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].workers[0].lost, 7);
	trace_close(trace);
}

static size_t count_worker_samples(const struct trace_process *process, uint32_t worker)
{
	size_t count = 0;

	for (size_t i = 0; i < process->sample_count; i++)
		count += process->samples[i].type == TRACE_SAMPLE_WORKER &&
			 process->samples[i].worker == worker;
	return count;
}

/* One pass over the rings: what each counted, what rings that were freed had counted, and which
 * threads of the pool do not wait. Loops have requests, and are no threads of the pool. */
Test(drain, the_pools_sample_is_of_all_rings)
{
	struct shared_ring *loop, *works, *waits;
	const struct trace_sample *last = NULL;
	struct trace *trace;

	site_add(SITE);
	atomic_store(&shared->pool_submitted, 100);
	atomic_store(&shared->pool_cancelled, 20);
	atomic_store(&shared->pool_finished, 70);
	loop = ring_begin(0, TRACE_ROLE_LOOP);
	works = ring_begin(1, TRACE_ROLE_POOL);
	waits = ring_begin(2, TRACE_ROLE_POOL);
	atomic_store(&loop->pool_submitted, 12);
	atomic_store(&loop->pool_cancelled, 4);
	atomic_store(&works->pool_submitted, 3);
	atomic_store(&works->pool_finished, 2);
	atomic_store(&waits->pool_finished, 1);
	atomic_store(&waits->pool_parked, 1);
	put_polls(loop, 1);
	put_polls(works, 1);
	put_polls(waits, 1);
	drain_begin();
	flush();
	drain_end();
	trace = trace_read();
	for (size_t i = 0; i < trace->processes[0].sample_count; i++)
		if (trace->processes[0].samples[i].type == TRACE_SAMPLE_POOL)
			last = &trace->processes[0].samples[i];
	cr_assert_not_null(last);
	cr_assert_eq(last->a, 115 - 24 - 73 - 1, "submitted, not cancelled, finished or begun");
	cr_assert_eq(last->b, 1, "works");
	cr_assert_eq(last->c, 2, "threads");
	trace_close(trace);
}

/* While more threads have ended than the drain is woken for, it reads nothing for samples. */
Test(drain, rings_that_are_wanted_back_come_before_samples)
{
	struct shared_ring *lives, *ended;
	struct trace *trace;

	site_add(SITE);
	atomic_store(&shared->ended_rings, 1000);
	lives = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(lives, 10);
	ended = ring_begin(1, TRACE_ROLE_LOOP);
	ended->start_cpu_ns = 1000;
	put_polls(ended, 10);
	atomic_store(&ended->end_cpu_ns, 5000);
	ring_end(ended);
	drain_begin();
	wait_until_free(ended);
	flush();
	trace = trace_read();
	cr_assert_eq(count_polls(trace, 0) + count_polls(trace, 1), 20);
	cr_assert_eq(count_worker_samples(&trace->processes[0], lives->worker), 0);
	cr_assert_eq(count_worker_samples(&trace->processes[0], 2), 2, "what it knew itself");
	cr_assert_eq(count_samples(&trace->processes[0], TRACE_SAMPLE_WORKER, 1000), 1);
	cr_assert_eq(count_samples(&trace->processes[0], TRACE_SAMPLE_WORKER, 5000), 1);
	trace_close(trace);
	atomic_store(&shared->ended_rings, 0);
	put_polls(lives, 10);
	drain_end();
	trace = trace_read();
	cr_assert_geq(count_worker_samples(&trace->processes[0], lives->worker), 1);
	trace_close(trace);
}
