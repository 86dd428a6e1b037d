/* SPDX-License-Identifier: Apache-2.0
 *
 * What a crash left in the ring: found through the segments or named itself, joined with what is in
 * files, never taken from a process that lives, never believed where it makes no sense.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "salvage_helper.h"

TestSuite(reader_salvage, .init = setup, .fini = teardown);

static void assert_whole(struct trace *trace)
{
	cr_assert_eq(trace->process_count, 1);
	cr_assert_eq(trace->processes[0].events, count);
	for (size_t batch = 1; batch < 300; batch *= 3) {
		struct events events = events_read(trace, 0, 0, batch, 0);

		assert_events(&events, records, count);
		free(events.list);
	}
	trace_close(trace);
}

Test(reader_salvage, ring_goes_on_where_the_file_ends)
{
	for (uint64_t tail = count - 9; tail <= count; tail++) {
		struct trace *trace;

		put_segment(tail);
		ring_fill(1, 1, tail, count);
		put_ring();
		trace = open_path(in_dir("trace.bin.open"));
		assert_no_problem(trace);
		cr_assert_eq(trace->processes[0].salvaged, tail < count);
		cr_assert_eq(trace->processes[0].missing, 0);
		cr_assert_eq(trace->processes[0].lost, 4);
		assert_whole(trace);
	}
}

Test(reader_salvage, written_but_not_yet_ticked_off_is_read_once)
{
	put_segment(700);
	ring_fill(0, 1, 650, count);
	put_ring();
	assert_whole(open_path(dir));
}

Test(reader_salvage, gap_between_file_and_ring_is_missing)
{
	struct trace *trace;

	put_segment(700);
	ring_fill(0, 1, 750, count);
	put_ring();
	trace = open_path(dir);
	cr_assert_eq(trace->processes[0].missing, 50);
	cr_assert_eq(trace->processes[0].events, count - 50);
	trace_close(trace);
}

Test(reader_salvage, ring_that_wraps)
{
	static struct record many[3 * RING_RECORDS];

	for (size_t i = 0; i < 3 * RING_RECORDS; i++)
		many[i] = (struct record){(i + 1) << 8, trace_word(i, TRACE_ASYNC_SEND)};
	for (size_t i = 2 * RING_RECORDS - 500; i < 3 * RING_RECORDS - 500; i++)
		ring_records(2)[i % RING_RECORDS] = many[i];
	ring_fill(2, 4, 0, 0);
	shared->rings[2].tail = 2 * RING_RECORDS - 500;
	shared->rings[2].head = 3 * RING_RECORDS - 500;
	shared->rings[2].lap_start[1] = RING_RECORDS;
	shared->rings[2].lap_start[0] = 2 * RING_RECORDS;
	put_ring();
	{
		struct trace *trace = open_path(in_dir("ring"));
		struct events events;

		cr_assert_eq(trace->process_count, 1);
		cr_assert_eq(trace->processes[0].workers[0].missing, 2 * RING_RECORDS - 500);
		events = events_read(trace, 0, 0, 100, 0);
		assert_events(&events, many + 2 * RING_RECORDS - 500, RING_RECORDS);
		free(events.list);
		trace_close(trace);
	}
}

Test(reader_salvage, workers_and_sites_that_only_the_ring_knows)
{
	const struct trace_process *process;
	struct trace *trace;

	put_segment(count);
	ring_fill(0, 8, 0, 5);
	shared->rings[0].state = RING_ENDED;
	shared->rings[0].end_counter = 1 << 30;
	put_ring();
	trace = open_path(dir);
	process = &trace->processes[0];
	cr_assert_eq(process->worker_count, 2);
	cr_assert_eq(process->workers[1].worker, 8);
	cr_assert_eq(process->workers[1].role, TRACE_ROLE_POOL);
	cr_assert_eq(process->workers[1].tid, 55);
	cr_assert_eq(process->workers[1].events, 5);
	cr_assert_eq(process->workers[1].end_tick, 1 << 25);
	cr_assert_str_eq(process->workers[1].name, "fifteen letters");
	cr_assert(process->sites[1].present);
	cr_assert_eq(process->sites[1].callback, 77, "the file's");
	cr_assert(process->sites[2].present);
	cr_assert_eq(process->sites[2].callback, 0x1234, "the ring's");
	cr_assert_str_eq(process->kinds[KIND_IDLE].name, "idle");
	cr_assert_null(trace_name(process, 0));
	cr_assert_eq(strlen(trace_name(process, 1)), sizeof(shared->names[1].text),
		     "not terminated");
	cr_assert_str_eq(process->libuv_path, "/lib/libuv.so.1");
	trace_close(trace);
}

Test(reader_salvage, ring_alone_is_a_trace)
{
	struct trace *trace;

	ring_fill(0, 1, 0, count);
	put_ring();
	trace = open_path(in_dir("ring"));
	assert_no_problem(trace);
	cr_assert_eq(trace->processes[0].pid, shared->pid);
	cr_assert(trace->processes[0].salvaged);
	cr_assert_eq(trace->processes[0].kinds[KIND_FS_STAT].work_req_offset, 72);
	assert_whole(trace);
}

/* ---- Who is asked ---------------------------------------------------------------------------- */

Test(reader_salvage, sealed_process_needs_no_ring)
{
	struct trace *trace;

	put_segment(500);
	builder_seal(builder, TRACE_SEAL_DIED, 1, 500, 0);
	put_file("trace.bin.open", builder->data, builder->bytes);
	ring_fill(0, 1, 500, count);
	put_ring();
	trace = open_path(dir);
	cr_assert_eq(trace->processes[0].events, 500);
	cr_assert(!trace->processes[0].salvaged);
	trace_close(trace);
}

Test(reader_salvage, living_process_keeps_its_ring)
{
	struct trace *trace;
	void *map;
	int fd;

	memset(shared, 0, ring_offset(RINGS));
	shared_fill(getpid());
	put_segment(700);
	ring_fill(0, 1, 700, count);
	put_ring();
	fd = open(in_dir("ring"), O_RDWR);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	cr_assert_neq(map, MAP_FAILED);
	put_file("cut", builder->data, builder->bytes - 3);
	cr_assert_eq(rename(in_dir("cut"), in_dir("trace.bin.open")), 0);
	trace = open_path(dir);
	cr_assert(trace->processes[0].running);
	cr_assert(!trace->processes[0].salvaged);
	cr_assert_eq(trace->processes[0].events, 700);
	cr_assert_eq(trace->processes[0].missing, 0, "what is in the ring will come");
	cr_assert_eq(trace->processes[0].note_count, 1);
	cr_assert_not_null(strstr(trace->processes[0].notes[0], "is still running"));
	assert_no_problem(trace);
	trace_close(trace);
	munmap(map, 4096);
	trace = open_path(dir);
	cr_assert(!trace->processes[0].running,
		  "the pid lives, but has no such ring: it is another program now");
	assert_problem(trace, "cut off");
	trace_close(trace);
	close(fd);
}

Test(reader_salvage, ring_of_another_process_is_left_alone)
{
	struct trace *trace;

	put_segment(700);
	ring_fill(0, 1, 700, count);
	shared->process_id[3] ^= 1;
	put_ring();
	trace = open_path(dir);
	cr_assert_eq(trace->processes[0].events, 700);
	trace_close(trace);
}

Test(reader_salvage, ring_of_another_boot_is_not_looked_for)
{
	struct trace *trace;

	shared->boot_id[3] ^= 1;
	put_segment(700);
	ring_fill(0, 1, 700, count);
	put_ring();
	trace = open_path(dir);
	cr_assert_eq(trace->processes[0].events, 700);
	trace_close(trace);
}

/* ---- What makes no sense --------------------------------------------------------------------- */

/* What the reader believes to be there is inside the file; it is walked to see that nothing
 * crashes. */
static void open_and_walk(void)
{
	struct trace *trace;

	put_ring();
	trace = open_path(in_dir("ring"));
	for (size_t i = 0; i < trace->process_count; i++)
		for (size_t worker = 0; worker < trace->processes[i].worker_count; worker++)
			free(events_read(trace, i, worker, 100, 0).list);
	trace_close(trace);
}

Test(reader_salvage, each_field_of_the_header_at_its_limits, .timeout = 120)
{
	static const uint64_t extremes[] = {0, 1, 0x7fffffff, 0xffffffff, INT64_MAX, UINT64_MAX};
	static const uint32_t regions[][2] = {
	    {8, 160},
	    {offsetof(struct shared, enabled),
	     offsetof(struct shared, message) - offsetof(struct shared, enabled)},
	    {offsetof(struct shared, rings), sizeof(struct shared_ring)}};

	ring_fill(0, 1, 5, count);
	for (size_t region = 0; region < 3; region++)
		for (uint32_t at = regions[region][0]; at < regions[region][0] + regions[region][1];
		     at += 4)
			for (size_t e = 0; e < sizeof(extremes) / sizeof(extremes[0]); e++) {
				unsigned char kept[8];
				unsigned char *field = (unsigned char *)shared + at;

				if (at + 8 > sizeof(*shared))
					break;
				memcpy(kept, field, 8);
				memcpy(field, &extremes[e], 8);
				open_and_walk();
				memcpy(field, kept, 8);
			}
}

Test(reader_salvage, random_records_are_items_of_some_kind)
{
	ring_fill(0, 1, 0, count);
	for (size_t i = 0; i < COUNT; i++)
		records[i] = (struct record){(uint64_t)random() << random() % 33,
					     (uint64_t)random() << random() % 33};
	for (uint32_t i = 0; i < RING_RECORDS; i++)
		ring_records(0)[i] = records[i % COUNT];
	open_and_walk();
}

Test(reader_salvage, other_version_is_refused)
{
	struct trace *trace;

	shared->version++;
	put_ring();
	trace = open_path(in_dir("ring"));
	cr_assert_eq(trace->process_count, 0);
	assert_problem(trace, "ring: a ring of another version of uvtrace");
	trace_close(trace);
}

Test(reader_salvage, cut_ring_is_refused)
{
	struct trace *trace;

	put_file("ring", shared, 5000);
	trace = open_path(in_dir("ring"));
	cr_assert_eq(trace->process_count, 0);
	assert_problem(trace, "ring: not a ring, or a damaged one");
	trace_close(trace);
}

/* A trace may speak of any file as of its ring: only one that a program made is opened. */
Test(reader_salvage, ring_that_is_not_private_is_left_alone)
{
	struct trace *trace;

	put_segment(700);
	ring_fill(0, 1, 700, count);
	put_ring();
	cr_assert_eq(chmod(in_dir("ring"), 0644), 0);
	trace = open_path(in_dir("trace.bin.open"));
	cr_expect(!trace->processes[0].salvaged, "others may have written to it");
	trace_close(trace);
	put_ring();
	cr_assert_eq(rename(in_dir("ring"), in_dir("elsewhere")), 0);
	cr_assert_eq(symlink(in_dir("elsewhere"), in_dir("ring")), 0);
	trace = open_path(in_dir("trace.bin.open"));
	cr_expect(!trace->processes[0].salvaged, "a link");
	trace_close(trace);
	cr_assert_eq(unlink(in_dir("ring")), 0);
	put_ring();
	trace = open_path(in_dir("trace.bin.open"));
	cr_expect(trace->processes[0].salvaged, "this test shows nothing");
	trace_close(trace);
}
