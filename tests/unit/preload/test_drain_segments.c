/* SPDX-License-Identifier: Apache-2.0
 *
 * One segment after the other: what each repeats (sites, names, that recording is off), what is
 * evicted, and what the program asks of the drain.
 */
#include "drain_helper.h"

TestSuite(drain_segments, .init = drain_setup, .fini = drain_teardown, .timeout = 60);

Test(drain_segments, segments_follow_each_other_without_a_gap)
{
	struct shared_ring *ring;
	struct trace *trace;

	site_add(SITE);
	shared->options.file_size_bytes = 65536;
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(ring, 200000);
	drain_end();
	cr_assert_gt(count_files(".bin"), 5);
	trace = trace_read();
	cr_assert_eq(trace->processes[0].events, 400000);
	cr_assert_eq(trace->processes[0].missing, 0);
	cr_assert_eq(count_polls(trace, 0), 200000);
	trace_close(trace);
}

Test(drain_segments, evicted_segments_are_missing_and_the_budget_holds)
{
	struct shared_ring *ring;
	struct trace *trace;

	site_add(SITE);
	shared->options.file_size_bytes = 65536;
	shared->options.total_size_bytes = 200000;
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(ring, 200000);
	drain_end();
	trace = trace_read();
	cr_assert_leq(trace->bytes, 200000);
	cr_assert_gt(trace->processes[0].missing, 0);
	cr_assert_eq(trace->processes[0].events + trace->processes[0].missing, 400000);
	cr_assert_eq(atomic_load(&shared->evicted_segments) + trace->files,
		     atomic_load(&shared->segments_sealed));
	trace_close(trace);
}

/* More sites than a small segment can repeat: its events must fit all the same. */
Test(drain_segments, many_sites_leave_room_for_events)
{
	struct shared_ring *ring;
	struct trace *trace;

	shared->options.file_size_bytes = 65536;
	for (uint32_t i = 0; i < TRACE_SITES_MAX; i++)
		site_add(i);
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(ring, 50000);
	drain_end();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].events, 100000);
	cr_assert_eq(trace->processes[0].missing, 0);
	cr_assert(trace->processes[0].sites[SITE].present);
	trace_close(trace);
	cr_assert_eq(atomic_load(&shared->message_ready), 0);
}

Test(drain_segments, many_names_leave_room_for_events)
{
	struct shared_ring *ring;
	struct trace *trace;

	shared->options.file_size_bytes = 65536;
	for (uint32_t i = 0; i < TRACE_SITES_MAX; i++)
		site_add(i);
	for (uint32_t i = 0; i < TRACE_NAMES_MAX; i++)
		name_add(i, "a name of almost sixty letters, which is what there is room");
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(ring, 50000);
	drain_end();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].events, 100000);
	cr_assert_eq(trace->processes[0].missing, 0);
	cr_assert_str_eq(trace_name(&trace->processes[0], 0),
			 "a name of almost sixty letters, which is what there is room");
	trace_close(trace);
	cr_assert_eq(atomic_load(&shared->message_ready), 0);
}

static uint64_t untraced_marks(const struct trace_process *process)
{
	uint64_t newest = 0;

	for (size_t i = 0; i < process->sample_count; i++)
		if (process->samples[i].type == TRACE_SAMPLE_UNTRACED)
			newest = process->samples[i].d;
	return newest;
}

/* Each segment tells the names, also those that it did not see made; one that lost a race is no
 * name. */
Test(drain_segments, names_are_in_every_segment)
{
	struct shared_ring *ring;
	struct trace *trace;
	char path[300];

	name_add(0, "request");
	atomic_store(&shared->name_count, 2);
	name_add(2, "");
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(ring, 10);
	flush();
	name_add(3, "later");
	atomic_fetch_add(&shared->rotate_asked, 1);
	flush();
	put_polls(ring, 10);
	atomic_store(&shared->untraced_marks, 7);
	drain_end();
	snprintf(path, sizeof(path), "%s/data/trace.%d.2.bin", dir, getpid());
	trace = trace_open((const char *[]){path}, 1, NULL, NULL);
	cr_assert_eq(trace->process_count, 1);
	cr_assert_str_eq(trace_name(&trace->processes[0], 0), "request");
	cr_assert_null(trace_name(&trace->processes[0], 1));
	cr_assert_str_eq(trace_name(&trace->processes[0], 2), "");
	cr_assert_str_eq(trace_name(&trace->processes[0], 3), "later");
	cr_assert_null(trace_name(&trace->processes[0], 4));
	cr_assert_eq(untraced_marks(&trace->processes[0]), 7);
	trace_close(trace);
}

Test(drain_segments, rotation_on_request)
{
	struct shared_ring *ring;
	struct trace *trace;

	site_add(SITE);
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(ring, 10);
	flush();
	atomic_fetch_add(&shared->rotate_asked, 1);
	flush();
	put_polls(ring, 10);
	flush();
	cr_assert_eq(count_files(".1.bin"), 1);
	cr_assert_eq(count_files(".2.bin.open"), 1);
	drain_end();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].segment_count, 2);
	cr_assert_eq(trace->processes[0].events, 40);
	trace_close(trace);
}

/* The segment in which recording was switched off may be gone. */
Test(drain_segments, segment_that_begins_while_recording_is_off_says_so)
{
	struct shared_ring *ring;
	struct trace *trace;
	char path[300];

	site_add(SITE);
	drain_begin();
	ring = ring_begin(0, TRACE_ROLE_LOOP);
	put_polls(ring, 10);
	shared_note_switch(shared, false, clock_read(shared->clock));
	flush();
	atomic_fetch_add(&shared->rotate_asked, 1);
	flush();
	put_polls(ring,
		  10); /* of a thread that did not know yet: a segment without events is not kept */
	drain_end();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].segment_count, 2);
	cr_assert_eq(count_samples(&trace->processes[0], TRACE_SAMPLE_RECORDING, 0), 1,
		     "it is one change");
	trace_close(trace);
	snprintf(path, sizeof(path), "%s/data/trace.%d.2.bin", dir, getpid());
	trace = trace_open((const char *[]){path}, 1, NULL, NULL);
	cr_assert_eq(trace->process_count, 1);
	cr_assert_eq(count_samples(&trace->processes[0], TRACE_SAMPLE_RECORDING, 0), 1);
	trace_close(trace);
}
