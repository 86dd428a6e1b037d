/* SPDX-License-Identifier: Apache-2.0
 *
 * A ring file made by hand, as a crash leaves it, and a segment that speaks of it.
 */
#ifndef SALVAGE_HELPER_H
#define SALVAGE_HELPER_H

#include <sys/stat.h>
#include <sys/wait.h>

#include "../reader_helper.h"
#include "ring/shared.h"

#define COUNT	     1000
#define RING_RECORDS 1024
#define RINGS	     3

static struct record records[COUNT];
static size_t count;
static struct builder *builder;
static struct shared *shared;

static inline uint64_t ring_offset(uint32_t ring)
{
	return sizeof(*shared) + ring * RING_RECORDS * sizeof(struct record);
}

static inline struct record *ring_records(uint32_t ring)
{
	return (struct record *)((char *)shared + ring_offset(ring));
}

/* The pid of a process that is gone. */
static inline uint32_t dead_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

static inline void read_boot_id(uint8_t boot_id[16])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");

	cr_assert_not_null(file);
	for (size_t i = 0; i < 16; i++) {
		unsigned byte;

		cr_assert_eq(
		    fscanf(file, i == 4 || i == 6 || i == 8 || i == 10 ? "-%2x" : "%2x", &byte), 1);
		boot_id[i] = byte;
	}
	fclose(file);
}

static inline void shared_fill(uint32_t pid)
{
	const struct trace_file_header header = builder_default_header(pid);

	memcpy(shared->magic, SHARED_MAGIC, 8);
	shared->version = SHARED_VERSION;
	shared->header_bytes = sizeof(*shared);
	shared->total_bytes = ring_offset(RINGS);
	shared->rings_offset = sizeof(*shared);
	shared->ring_bytes = RING_RECORDS * sizeof(struct record);
	shared->step_bytes = shared->ring_bytes;
	shared->ring_count = RINGS;
	shared->pid = pid;
	shared->clock = TRACE_CLOCK_TSC;
	shared->unit_shift = HELPER_SHIFT;
	shared->tier = TRACE_TIER_FULL;
	memcpy(shared->process_id, header.process_id, 16);
	read_boot_id(shared->boot_id);
	shared->start =
	    (struct trace_clock_pair){builder_counter(12800000), 12800000, 1700000000012800000ull};
	strcpy(shared->libuv_path, "/lib/libuv.so.1");
	strcpy(shared->self_path, in_dir("ring"));
	shared->work_req_offset[KIND_FS_STAT] = 72;
	shared->site_count = 3;
	shared->sites[2].ready = 1;
	shared->sites[2].kind = KIND_IDLE;
	shared->sites[2].callback = 0x1234;
	shared->name_count = 2;
	shared->names[1].ready = 1;
	memset(shared->names[1].text, 'n', sizeof(shared->names[1].text));
}

/* Records [tail, head) in a ring, where they belong. */
static inline void ring_fill(uint32_t ring, uint32_t worker, uint64_t tail, uint64_t head)
{
	struct shared_ring *to = &shared->rings[ring];

	for (uint64_t i = tail; i < head; i++)
		ring_records(ring)[i % RING_RECORDS] = records[i];
	to->head = head;
	to->tail = tail;
	for (uint64_t lap = 0; lap < 2 && head > 0;
	     lap++) /* the last two begin where the ring does */
		if ((head - 1) / RING_RECORDS >= lap)
			to->lap_start[lap] = ((head - 1) / RING_RECORDS - lap) * RING_RECORDS;
	to->state = RING_LIVE;
	to->worker = worker;
	to->tid = 55;
	to->role = TRACE_ROLE_POOL;
	to->start_counter = records[0].counter;
	to->lost[RING_LOST_FULL] = 3;
	to->lost[RING_LOST_DEPTH] = 1;
	strcpy(to->name, "fifteen letters");
}

static inline void put_ring(void)
{
	put_file("ring", shared, ring_offset(RINGS));
	cr_assert_eq(chmod(in_dir("ring"), 0600), 0);
}

/* A segment with the records up to `end`, unsealed, that speaks of the ring. */
static inline void put_segment(uint64_t end)
{
	struct trace_file_header header = builder_default_header(shared->pid);
	struct trace_worker_entry worker = {.worker = 1, .role = TRACE_ROLE_LOOP, .recorded = end};
	struct encoder encoder;

	memcpy(header.boot_id, shared->boot_id, 16);
	builder->bytes = 0;
	builder_header(builder, header);
	builder_clock(builder, 1000000000);
	builder_text(builder, TRACE_TEXT_RING_PATH, in_dir("ring"));
	builder_site(builder, 1, KIND_TIMER, 77, 78, "on_timer");
	encoder_init(&encoder, 1, HELPER_SHIFT);
	builder_events(builder, &encoder,
		       (struct encoder_source){records, (1ull << 40) - 1, 0, end});
	builder_worker(builder, &worker, "main");
	put_file("trace.bin.open", builder->data, builder->bytes);
}

static inline void setup(void)
{
	dir_make();
	srandom(9);
	builder = builder_new();
	shared = aligned_alloc(64, ring_offset(RINGS));
	memset(shared, 0, ring_offset(RINGS));
	count = stream_make(records, COUNT, 1 << 20);
	shared_fill(dead_pid());
}

static inline void teardown(void)
{
	builder_free(builder);
	free(shared);
	dir_remove();
}

#endif
