/* SPDX-License-Identifier: Apache-2.0
 *
 * The drain on a ring file made here as the preload makes it: the test is the program, drain_run() runs in a thread,
 * and the reader says what came out. The truth is what the test wrote into the rings.
 */
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

static char folder[100];
static struct shared *shared;
static _Atomic uint32_t gone;
static pthread_t drain;
static int drain_result;

static void fill_identity(const char *path)
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
	snprintf(shared->options.path, sizeof(shared->options.path), "%s/data/trace.bin", folder);
	shared->options.file_size_bytes = 1 << 20;
	shared->options.total_size_bytes = 64 << 20;
	shared->options.rotate_seconds = 60;
	shared->enabled = 1;
}

static void setup(void)
{
	char path[200];
	int fd;

	snprintf(folder, sizeof(folder), "/tmp/uvtrace_test_drain_XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/ring", folder);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	cr_assert_eq(ftruncate(fd, (off_t)TOTAL_BYTES), 0);
	cr_assert_eq(ring_file_remember(fd), 0);
	shared = mmap(NULL, TOTAL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(shared, MAP_FAILED);
	close(fd);
	fill_identity(path);
}

static void teardown(void)
{
	char command[sizeof(folder) + 10];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(drain, .init = setup, .fini = teardown, .timeout = 60);

/* ---- The program's side --------------------------------------------------------------------------------- */

static void *drain_main(void *arg)
{
	(void)arg;
	drain_result = drain_run(shared, &gone);
	return NULL;
}

static void drain_begin(void)
{
	cr_assert_eq(ring_check(shared, TOTAL_BYTES), 0);
	cr_assert_eq(pthread_create(&drain, NULL, drain_main, NULL), 0);
}

static void wait_until_done(void)
{
	uint32_t state;

	while ((state = atomic_load(&shared->drain_state)) != DRAIN_DONE)
		futex_wait(&shared->drain_state, state, 100);
}

static void program_ends(void)
{
	atomic_store(&gone, 1);
	drain_wake(shared);
	pthread_join(drain, NULL);
	cr_assert_eq(atomic_load(&shared->drain_state), DRAIN_DONE);
}

static void drain_end(void)
{
	atomic_store(&shared->exiting, 1);
	drain_wake(shared);
	wait_until_done();
	program_ends();
}

static void site_add(uint32_t index)
{
	struct shared_site *site = &shared->sites[index];

	site->kind = KIND_READ;
	site->callback = (uintptr_t)drain_begin;
	site->caller = (uintptr_t)drain_end + 4;
	atomic_store(&site->ready, 1);
	if (atomic_load(&shared->site_count) <= index)
		atomic_store(&shared->site_count, index + 1);
}

static void name_add(uint32_t index, const char *text)
{
	strcpy(shared->names[index].text, text);
	atomic_store(&shared->names[index].ready, 1);
	atomic_store(&shared->name_count, index + 1);
}

static struct shared_ring *ring_begin(uint32_t i, enum trace_role role)
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
static void put(struct shared_ring *ring, uint64_t counter, uint64_t word)
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

static void put_now(struct shared_ring *ring, uint64_t word)
{
	put(ring, clock_read(shared->clock), word);
}

static void put_polls(struct shared_ring *ring, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		put_now(ring, trace_word(0x1000 + i % 50 * 64, POLL));
		put_now(ring, TRACE_POLL_END);
	}
}

static void ring_end(struct shared_ring *ring)
{
	atomic_store(&ring->end_counter, clock_read(shared->clock));
	atomic_store_explicit(&ring->state, RING_ENDED, memory_order_release);
}

static void wait_until_free(struct shared_ring *ring)
{
	while (atomic_load_explicit(&ring->state, memory_order_acquire) != RING_FREE) {
		drain_wake(shared);
		usleep(1000);
	}
}

static void flush(void)
{
	uint32_t mine = atomic_fetch_add(&shared->flush_asked, 1) + 1;
	uint32_t done;

	drain_wake(shared);
	while ((done = atomic_load_explicit(&shared->flush_done, memory_order_acquire)) != mine)
		futex_wait(&shared->flush_done, done, 100);
}

/* ---- The reader's side ---------------------------------------------------------------------------------- */

static struct trace *trace_read(void)
{
	char data[200];
	const char *paths[] = {data};
	struct trace *trace;

	snprintf(data, sizeof(data), "%s/data", folder);
	trace = trace_open(paths, 1, NULL, NULL);
	cr_assert_not_null(trace);
	for (size_t i = 0; i < trace->problem_count; i++)
		cr_assert_fail("%s", trace->problems[i]);
	cr_assert_eq(trace->process_count, 1);
	return trace;
}

/* Starts of polls, whether their end came in the same block or later. */
static uint64_t count_polls(struct trace *trace, size_t worker)
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

static int count_files(const char *ending)
{
	char command[300], text[20] = "";
	FILE *pipe;

	snprintf(command, sizeof(command), "find %s/data -name '*%s' 2>/dev/null | wc -l", folder, ending);
	pipe = popen(command, "r");
	cr_assert_not_null(fgets(text, sizeof(text), pipe));
	pclose(pipe);
	return atoi(text);
}

/* ---- From ring to file ---------------------------------------------------------------------------------- */

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
		pthread_create(&threads[i], NULL, produce, ring_begin(i, i ? TRACE_ROLE_POOL : TRACE_ROLE_LOOP));
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

Test(drain, segments_follow_each_other_without_a_gap)
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

Test(drain, evicted_segments_are_missing_and_the_budget_holds)
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
	cr_assert_eq(atomic_load(&shared->evicted_segments) + trace->files, atomic_load(&shared->segments_sealed));
	trace_close(trace);
}

/* More sites than a small segment can repeat: its events must fit all the same. */
Test(drain, many_sites_leave_room_for_events)
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

Test(drain, many_names_leave_room_for_events)
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

/* Each segment tells the names, also those that it did not see made; one that lost a race is no name. */
Test(drain, names_are_in_every_segment)
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
	snprintf(path, sizeof(path), "%s/data/trace.%d.2.bin", folder, getpid());
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

Test(drain, rotation_on_request)
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

static size_t count_samples(const struct trace_process *process, uint16_t type, uint64_t value)
{
	size_t count = 0;

	for (size_t i = 0; i < process->sample_count; i++)
		count += process->samples[i].type == type && process->samples[i].a == value;
	return count;
}

static size_t count_worker_samples(const struct trace_process *process, uint32_t worker)
{
	size_t count = 0;

	for (size_t i = 0; i < process->sample_count; i++)
		count += process->samples[i].type == TRACE_SAMPLE_WORKER &&
			 process->samples[i].worker == worker;
	return count;
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

/* The segment in which recording was switched off may be gone. */
Test(drain, segment_that_begins_while_recording_is_off_says_so)
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
	put_polls(ring, 10); /* of a thread that did not know yet: a segment without events is not kept */
	drain_end();
	trace = trace_read();
	cr_assert_eq(trace->processes[0].segment_count, 2);
	cr_assert_eq(count_samples(&trace->processes[0], TRACE_SAMPLE_RECORDING, 0), 1, "it is one change");
	trace_close(trace);
	snprintf(path, sizeof(path), "%s/data/trace.%d.2.bin", folder, getpid());
	trace = trace_open((const char *[]){path}, 1, NULL, NULL);
	cr_assert_eq(trace->process_count, 1);
	cr_assert_eq(count_samples(&trace->processes[0], TRACE_SAMPLE_RECORDING, 0), 1);
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

/* ---- Looks at stuck callbacks ----------------------------------------------------------------------------------- */

/* Its look may be there when the worker ends: it is written beside the last words on workers, not among them. */
Test(drain, workers_that_end_right_after_a_look_are_told_of)
{
	struct trace *trace;

	site_add(SITE);
	shared->options.stall_ms = 25;
	drain_begin();
	for (unsigned i = 0; i < 20; i++) {
		struct shared_ring *stuck = ring_begin(0, TRACE_ROLE_LOOP), *other = ring_begin(1, TRACE_ROLE_LOOP);

		put_polls(other, 5);
		put_now(stuck, trace_word(8, POLL));
		usleep(26000 + i * 1000); /* the look is taken, and not yet fetched, some time in there */
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

/* ---- Sleep ---------------------------------------------------------------------------------------------- */

Test(drain, sleeps_when_idle_and_can_be_woken)
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

/* A program that became another one by exec has no ring any more: its helper must not wait for it to end. */
Test(drain, ends_when_nobody_has_the_ring_mapped)
{
	struct shared_ring *ring;
	struct trace *trace;

	snprintf(shared->self_path, sizeof(shared->self_path), "%s/another", folder);
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
	ring->open[1] = (struct shared_open){.index = 24, .count = 1, .open = {{trace_word(6, POLL), 3}}};
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

/* ---- Failures ------------------------------------------------------------------------------------------- */

/* A file where the folder should be, until it is removed. */
static void folder_block(char path[200])
{
	int fd;

	snprintf(path, 200, "%s/data", folder);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
}

static struct shared_ring *begin_unwritable(char path[200])
{
	folder_block(path);
	site_add(SITE);
	drain_begin();
	return ring_begin(0, TRACE_ROLE_LOOP);
}

static void wait_for_message(void)
{
	while (!atomic_load(&shared->message_ready))
		usleep(1000);
}

Test(drain, unwritable_folder_loses_events_and_says_so)
{
	char path[200];
	struct shared_ring *ring = begin_unwritable(path);

	put_polls(ring, 10000); /* waits for room: so the ring is emptied */
	drain_end();
	cr_assert_eq(drain_result, -ENOTDIR);
	cr_assert_eq(atomic_load(&shared->message_ready), 1);
	cr_assert_not_null(strstr(shared->message, strerror(ENOTDIR)));
}

Test(drain, what_cannot_be_written_waits_in_its_ring)
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

Test(drain, what_the_ring_cannot_hold_until_the_folder_can_be_had_again_is_missing)
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
	cr_assert_eq(trace->processes[0].missing + trace->processes[0].events, atomic_load(&ring->head));
	trace_close(trace);
}

/* Indices, sizes and words as a wild store of the program could leave them. */
Test(drain, nonsense_in_shared_memory_does_no_harm)
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
			atomic_store(&ring->lap_start[random() % 2], atomic_load(&ring->head) - (uint64_t)random() % 2000);
		atomic_store(&ring->size, (uint64_t)random() << (random() % 33));
		atomic_store(&ring->reach, (uint64_t)random() % 2000);
		atomic_store(&ring->backed, (uint64_t)random() << (random() % 33));
		atomic_store(&ring->memory_lock, (uint32_t)random() % 5);
		atomic_store(&shared->grown_bytes, (uint64_t)random());
		ring->open[random() % 2] = (struct shared_open){atomic_load(&ring->tail), (uint64_t)random() << 32,
							       (uint32_t)random(), 0, {{(uint64_t)random(), 7}}};
		atomic_store(&ring->state, (uint32_t)random() % 6);
		atomic_store(&shared->site_count, (uint32_t)random());
		atomic_store(&shared->name_count, (uint32_t)random());
		memset(shared->names[random() % TRACE_NAMES_MAX].text, 'x', sizeof(shared->names[0].text));
		atomic_store(&shared->names[random() % TRACE_NAMES_MAX].ready, 1);
		shared->sites[random() % TRACE_SITES_MAX].callback = (uint64_t)random() << 20;
		atomic_store(&shared->sites[random() % TRACE_SITES_MAX].ready, 1);
		for (int i = 0; i < 100; i++) {
			struct record *records = shared_ring_records(shared, (uint32_t)random() % RING_COUNT);

			records[random() % RING_RECORDS] = (struct record){(uint64_t)random() << (random() % 33),
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

Test(drain, ring_files_that_are_none_are_refused)
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
	cr_assert_eq(ring_check(shared, UINT64_MAX), -EPROTO, "more than an option may ask for");
	shared->ring_bytes = 2 * sizeof(struct record);
	cr_assert_eq(ring_check(shared, TOTAL_BYTES), -EPROTO);
	shared->ring_bytes = RING_RECORDS * sizeof(struct record);
	for (uint32_t step = 0; step < 4; step++) {
		static const uint32_t steps[] = {0, 8, 3 * 4096, 2 * RING_RECORDS * sizeof(struct record)};

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

/* ---- In a thread ---------------------------------------------------------------------------------------- */

/* How many descriptors of this process lead into the folder. */
static int count_descriptors(void)
{
	char path[64], target[300];
	int count = 0;

	for (int fd = 0; fd < 256; fd++) {
		ssize_t bytes;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		bytes = readlink(path, target, sizeof(target) - 1);
		target[bytes > 0 ? bytes : 0] = '\0';
		count += strncmp(target, folder, strlen(folder)) == 0;
	}
	return count;
}

/* A program may close any descriptor and use its number for a file of its own: it must not find ours among them. */
Test(drain, in_a_thread_its_descriptors_are_its_own)
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
