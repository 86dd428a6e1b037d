/* SPDX-License-Identifier: Apache-2.0
 *
 * What cannot be written, and shared memory that says nonsense: events may be lost, and it is said.
 */
#include "drain_helper.h"

TestSuite(drain_failures, .init = drain_setup, .fini = drain_teardown, .timeout = 60);

/* A file where the directory should be, until it is removed. */
static void dir_block(char path[200])
{
	int fd;

	snprintf(path, 200, "%s/data", dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
}

static struct shared_ring *begin_unwritable(char path[200])
{
	dir_block(path);
	site_add(SITE);
	drain_begin();
	return ring_begin(0, TRACE_ROLE_LOOP);
}

static void wait_for_message(void)
{
	while (!atomic_load(&shared->message_ready))
		usleep(1000);
}

Test(drain_failures, unwritable_dir_loses_events_and_says_so)
{
	char path[200];
	struct shared_ring *ring = begin_unwritable(path);

	put_polls(ring, 10000); /* waits for room: so the ring is emptied */
	drain_end();
	cr_assert_eq(drain_result, -ENOTDIR);
	cr_assert_eq(atomic_load(&shared->message_ready), 1);
	cr_assert_not_null(strstr(shared->message, strerror(ENOTDIR)));
}

Test(drain_failures, what_cannot_be_written_waits_in_its_ring)
{
	char path[200];
	struct shared_ring *ring = begin_unwritable(path);
	struct trace *trace;

	put_polls(ring, 100);
	put_now(ring, trace_word(8, POLL));
	wait_for_message();
	usleep(1200000); /* beyond the flush of each second */
	cr_assert_eq(atomic_load(&ring->tail), 0);
	unlink(path);
	flush();
	cr_assert_eq(atomic_load(&ring->tail), 201);
	put_now(ring, TRACE_POLL_END);
	drain_end();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].events, 202);
	cr_assert_eq(trace->processes[0].missing, 0);
	trace_close(trace);
}

Test(drain_failures, what_the_ring_cannot_hold_until_the_dir_can_be_had_again_is_missing)
{
	char path[200];
	struct shared_ring *ring = begin_unwritable(path);
	struct trace *trace;

	put_polls(ring, 5000);
	put_now(ring, trace_word(8, POLL));
	wait_for_message();
	unlink(path);
	flush();
	put_now(ring, TRACE_POLL_END);
	drain_end();
	trace = trace_read();
	cr_assert_geq(trace->processes[0].missing, 10000 - RING_RECORDS);
	cr_assert_eq(trace->processes[0].missing + trace->processes[0].events,
		     atomic_load(&ring->head));
	trace_close(trace);
}

/* Indices, sizes and words as a wild store of the program could leave them. */
Test(drain_failures, nonsense_in_shared_memory_does_no_harm)
{
	site_add(SITE);
	shared->options.file_size_bytes = 65536;
	shared->options.total_size_bytes = 1 << 20;
	drain_begin();
	srandom(4);
	for (int round = 0; round < 2000; round++) {
		struct shared_ring *ring = &shared->rings[random() % SHARED_RINGS_MAX];

		ring->worker = (uint32_t)random() % 5;
		ring->role = (uint32_t)random();
		ring->tid = (uint32_t)random();
		ring->start_counter = (uint64_t)random() << (random() % 33);
		memset(ring->name, 'x', sizeof(ring->name));
		atomic_store(&ring->head, (uint64_t)random() << (random() % 33));
		atomic_store(&ring->tail, (uint64_t)random() << (random() % 33));
		atomic_store(&ring->lap_start[random() % 2], (uint64_t)random() << (random() % 33));
		if (random() % 2)
			atomic_store(&ring->lap_start[random() % 2],
				     atomic_load(&ring->head) - (uint64_t)random() % 2000);
		atomic_store(&ring->size, (uint64_t)random() << (random() % 33));
		atomic_store(&ring->reach, (uint64_t)random() % 2000);
		atomic_store(&ring->backed, (uint64_t)random() << (random() % 33));
		atomic_store(&ring->memory_lock, (uint32_t)random() % 5);
		atomic_store(&shared->grown_bytes, (uint64_t)random());
		ring->open[random() % 2] = (struct shared_open){atomic_load(&ring->tail),
								(uint64_t)random() << 32,
								(uint32_t)random(),
								0,
								{{(uint64_t)random(), 7}}};
		atomic_store(&ring->state, (uint32_t)random() % 6);
		atomic_store(&shared->site_count, (uint32_t)random());
		atomic_store(&shared->name_count, (uint32_t)random());
		memset(shared->names[random() % TRACE_NAMES_MAX].text, 'x',
		       sizeof(shared->names[0].text));
		atomic_store(&shared->names[random() % TRACE_NAMES_MAX].ready, 1);
		shared->sites[random() % TRACE_SITES_MAX].callback = (uint64_t)random() << 20;
		atomic_store(&shared->sites[random() % TRACE_SITES_MAX].ready, 1);
		for (int i = 0; i < 100; i++) {
			struct record *records =
			    shared_ring_records(shared, (uint32_t)random() % RING_COUNT);

			records[random() % RING_RECORDS] =
			    (struct record){(uint64_t)random() << (random() % 33),
					    (uint64_t)random() << (random() % 33)};
		}
		shared->ring_count = (uint32_t)random();
		shared->ring_bytes = (uint32_t)random();
		shared->rings_offset = 1;
		if (round % 10 == 0)
			flush();
		else
			drain_wake(shared);
		shared->rings_offset = RINGS_OFFSET;
		shared->ring_bytes = RING_RECORDS * sizeof(struct record);
	}
	drain_end();
}

Test(drain_failures, ring_files_that_are_none_are_refused)
{
	cr_assert_eq(ring_check(shared, TOTAL_BYTES), 0);
	cr_assert_eq(ring_check(shared, TOTAL_BYTES - 1), -EPROTO);
	cr_assert_eq(ring_check(shared, 100), -EPROTO);
	shared->ring_count = SHARED_RINGS_MAX + 1;
	cr_assert_eq(ring_check(shared, UINT64_MAX), -EPROTO);
	shared->ring_count = RING_COUNT;
	shared->ring_bytes = 100;
	cr_assert_eq(ring_check(shared, TOTAL_BYTES), -EPROTO);
	shared->ring_bytes = 0x80000000u;
	cr_assert_eq(ring_check(shared, TOTAL_BYTES), -EPROTO);
	shared->step_bytes = shared->ring_bytes;
	cr_assert_eq(ring_check(shared, UINT64_MAX), -EPROTO, "more than an option may ask for");
	shared->step_bytes = RING_RECORDS * sizeof(struct record);
	shared->ring_bytes = 2 * sizeof(struct record);
	cr_assert_eq(ring_check(shared, TOTAL_BYTES), -EPROTO);
	shared->ring_bytes = RING_RECORDS * sizeof(struct record);
	for (uint32_t step = 0; step < 4; step++) {
		static const uint32_t steps[] = {0, 8, 3 * 4096,
						 2 * RING_RECORDS * sizeof(struct record)};

		shared->step_bytes = steps[step];
		cr_assert_eq(ring_check(shared, TOTAL_BYTES), -EPROTO);
	}
	shared->step_bytes = shared->ring_bytes;
	shared->rings_offset = UINT64_MAX - 15;
	cr_assert_eq(ring_check(shared, TOTAL_BYTES), -EPROTO);
	shared->rings_offset = RINGS_OFFSET;
	shared->unit_shift = 17;
	cr_assert_eq(ring_check(shared, TOTAL_BYTES), -EPROTO, "a unit of more than 16 ns");
	shared->unit_shift = 0;
	shared->start.counter = 1ull << 62;
	cr_assert_eq(ring_check(shared, TOTAL_BYTES), -EPROTO);
	shared->start.counter = 0;
	memset(shared->self_path, 'x', sizeof(shared->self_path));
	cr_assert_eq(ring_check(shared, TOTAL_BYTES), -EPROTO);
	shared->self_path[0] = '\0';
	cr_assert_eq(ring_check(shared, TOTAL_BYTES), 0);
	shared->version++;
	cr_assert_eq(ring_check(shared, TOTAL_BYTES), -EPROTO);
}
