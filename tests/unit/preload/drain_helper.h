/* SPDX-License-Identifier: Apache-2.0
 *
 * What the drain's tests share: a ring file made here as the preload makes it. The test is the
 * program, drain_run() runs in a thread, and the reader says what came out. The truth is what the
 * test wrote into the rings.
 */
#ifndef DRAIN_HELPER_H
#define DRAIN_HELPER_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ring/clock.h"
#include "ring/ring_file.h"
#include "drain/drain.h"
#include "ring/control.h"
#include "ring/futex.h"
#include "trace/reader.h"
#include "ring/ring_check.h"

#define RING_COUNT   4u
#define RING_RECORDS 1024u
#define RINGS_OFFSET ((sizeof(struct shared) + 4095) & ~4095ull)
#define TOTAL_BYTES  (RINGS_OFFSET + RING_COUNT * RING_RECORDS * sizeof(struct record))
#define SITE	     2u
#define POLL	     (TRACE_CODE_POLL + SITE)

static char dir[100];
static struct shared *shared;
static _Atomic uint32_t gone;
static pthread_t drain;
static int drain_result;

static inline void fill_identity(const char *path)
{
	memcpy(shared->magic, SHARED_MAGIC, 8);
	shared->version = SHARED_VERSION;
	shared->header_bytes = sizeof(*shared);
	shared->total_bytes = TOTAL_BYTES;
	shared->rings_offset = RINGS_OFFSET;
	shared->ring_bytes = RING_RECORDS * sizeof(struct record);
	shared->ring_count = RING_COUNT;
	shared->step_bytes = shared->ring_bytes;
	shared->pid = (uint32_t)getpid();
	shared->clock = TRACE_CLOCK_MONOTONIC;
	shared->unit_shift = 4;
	shared->tier = TRACE_TIER_FULL;
	memset(shared->process_id, 0x5a, sizeof(shared->process_id));
	shared->start = clock_pair_read(shared->clock);
	shared->libuv_version = 1 << 16 | 44 << 8 | 2;
	snprintf(shared->self_path, sizeof(shared->self_path), "%s", path);
	snprintf(shared->options.path, sizeof(shared->options.path), "%s/data/trace.bin", dir);
	shared->options.file_size_bytes = 1 << 20;
	shared->options.total_size_bytes = 64 << 20;
	shared->options.rotate_seconds = 60;
	shared->enabled = 1;
}

static inline void drain_setup(void)
{
	char path[200];
	int fd;

	snprintf(dir, sizeof(dir), "/tmp/uvtrace_test_drain_XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/ring", dir);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	cr_assert_eq(ftruncate(fd, (off_t)TOTAL_BYTES), 0);
	cr_assert_eq(ring_file_remember(fd, &(struct stat){0}), 0);
	shared = mmap(NULL, TOTAL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(shared, MAP_FAILED);
	close(fd);
	fill_identity(path);
}

static inline void drain_teardown(void)
{
	char command[sizeof(dir) + 10];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

/* ---- The program's side ---------------------------------------------------------------------- */

static inline void *drain_main(void *arg)
{
	(void)arg;
	drain_result = drain_run(shared, &gone);
	return NULL;
}

static inline void drain_begin(void)
{
	cr_assert_eq(ring_check(shared, TOTAL_BYTES), 0);
	cr_assert_eq(pthread_create(&drain, NULL, drain_main, NULL), 0);
}

static inline void wait_until_done(void)
{
	uint32_t state;

	while ((state = atomic_load(&shared->drain_state)) != DRAIN_DONE)
		futex_wait(&shared->drain_state, state, 100);
}

static inline void program_ends(void)
{
	atomic_store(&gone, 1);
	drain_wake(shared);
	pthread_join(drain, NULL);
	cr_assert_eq(atomic_load(&shared->drain_state), DRAIN_DONE);
}

static inline void drain_end(void)
{
	atomic_store(&shared->exiting, 1);
	drain_wake(shared);
	wait_until_done();
	program_ends();
}

static inline void site_add(uint32_t index)
{
	struct shared_site *site = &shared->sites[index];

	site->kind = KIND_READ;
	site->callback = (uintptr_t)drain_begin;
	site->caller = (uintptr_t)drain_end + 4;
	atomic_store(&site->ready, 1);
	if (atomic_load(&shared->site_count) <= index)
		atomic_store(&shared->site_count, index + 1);
}

static inline void name_add(uint32_t index, const char *text)
{
	strcpy(shared->names[index].text, text);
	atomic_store(&shared->names[index].ready, 1);
	atomic_store(&shared->name_count, index + 1);
}

static inline struct shared_ring *ring_begin(uint32_t i, enum trace_role role)
{
	struct shared_ring *ring = &shared->rings[i];

	atomic_store(&ring->head, 0);
	atomic_store(&ring->tail, 0);
	atomic_store(&ring->lap_start[0], 0);
	atomic_store(&ring->lap_start[1], 0);
	memset(ring->open, 0, sizeof(ring->open));
	atomic_store(&ring->pool_submitted, 0);
	atomic_store(&ring->lost[RING_LOST_FULL], 0);
	ring->worker = atomic_fetch_add(&shared->next_worker, 1) + 1;
	ring->tid = (uint32_t)syscall(SYS_gettid);
	ring->role = role;
	ring->start_counter = clock_read(shared->clock);
	snprintf(ring->name, sizeof(ring->name), "worker-%u", ring->worker);
	atomic_store_explicit(&ring->state, RING_LIVE, memory_order_release);
	return ring;
}

/* Waits for room: nothing may be lost here. */
static inline void put(struct shared_ring *ring, uint64_t counter, uint64_t word)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	struct record *records = shared_ring_records(shared, (uint32_t)(ring - shared->rings));

	while (head - atomic_load_explicit(&ring->tail, memory_order_acquire) >= RING_RECORDS)
		drain_wake(shared);
	if (head % RING_RECORDS == 0 && ring->role != TRACE_ROLE_OTHER)
		atomic_store(&ring->lap_start[head / RING_RECORDS % 2], head);
	records[head % RING_RECORDS] = (struct record){counter, word};
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

static inline void put_now(struct shared_ring *ring, uint64_t word)
{
	put(ring, clock_read(shared->clock), word);
}

static inline void put_polls(struct shared_ring *ring, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		put_now(ring, trace_word(0x1000 + i % 50 * 64, POLL));
		put_now(ring, TRACE_POLL_END);
	}
}

static inline void ring_end(struct shared_ring *ring)
{
	atomic_store(&ring->end_counter, clock_read(shared->clock));
	atomic_store_explicit(&ring->state, RING_ENDED, memory_order_release);
}

static inline void wait_until_free(struct shared_ring *ring)
{
	while (atomic_load_explicit(&ring->state, memory_order_acquire) != RING_FREE) {
		drain_wake(shared);
		usleep(1000);
	}
}

static inline void flush(void)
{
	uint32_t mine = atomic_fetch_add(&shared->flush_asked, 1) + 1;
	uint32_t done;

	drain_wake(shared);
	while ((done = atomic_load_explicit(&shared->flush_done, memory_order_acquire)) != mine)
		futex_wait(&shared->flush_done, done, 100);
}

/* ---- The reader's side ----------------------------------------------------------------------- */

static inline struct trace *trace_read(void)
{
	char data[200];
	const char *paths[] = {data};
	struct trace *trace;

	snprintf(data, sizeof(data), "%s/data", dir);
	trace = trace_open(paths, 1, NULL, NULL);
	cr_assert_not_null(trace);
	for (size_t i = 0; i < trace->problem_count; i++)
		cr_assert_fail("%s", trace->problems[i]);
	cr_assert_eq(trace->process_count, 1);
	return trace;
}

/* Starts of polls, whether their end came in the same block or later. */
static inline uint64_t count_polls(struct trace *trace, size_t worker)
{
	struct trace_cursor *cursor = trace_cursor_open(trace, 0, worker);
	struct trace_item items[100];
	uint64_t found = 0;
	size_t count;

	while ((count = trace_cursor_read(cursor, UINT64_MAX, items, 100)) > 0)
		for (size_t i = 0; i < count; i++)
			found += trace_word_code(items[i].word) == POLL;
	trace_cursor_close(cursor);
	return found;
}

static inline int count_files(const char *ending)
{
	char command[300], text[20] = "";
	FILE *pipe;

	snprintf(command, sizeof(command), "find %s/data -name '*%s' 2>/dev/null | wc -l", dir,
		 ending);
	pipe = popen(command, "r");
	cr_assert_not_null(fgets(text, sizeof(text), pipe));
	pclose(pipe);
	return atoi(text);
}

/* Samples of that type with that first value. */
static inline size_t count_samples(const struct trace_process *process, uint16_t type,
				   uint64_t value)
{
	size_t count = 0;

	for (size_t i = 0; i < process->sample_count; i++)
		count += process->samples[i].type == type && process->samples[i].a == value;
	return count;
}

#endif
