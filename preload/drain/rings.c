/* SPDX-License-Identifier: Apache-2.0
 *
 * See rings.h: from the rings into segments.
 *
 * Rules: nothing in shared memory is trusted, and indices are checked at each use. A value that
 * makes no sense costs events, never more. The tail moves only when the bytes are in the file (or
 * given up). A few records stay in their ring for up to a second: they are as safe there, and a
 * block costs 64 bytes. While nothing can be written (the disk is full), the newest quarter of a
 * ring waits, for as long as it takes.
 */
#include "rings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ring/futex.h"

#define RECORDS_WORTH_A_BLOCK 4096
#define RINGS_SPARE	      8 /* threads that may be taking one at the same time */

/* ---- Segments -------------------------------------------------------------------------------- */

static uint64_t lost_of(const struct shared_ring *ring)
{
	uint64_t lost = 0;

	for (int i = 0; i < RING_LOST_CAUSES; i++)
		lost += atomic_load_explicit(&ring->lost[i], memory_order_relaxed);
	return lost;
}

/* Many threads name themselves after their first callback. */
static void worker_rename(const struct drain *drain, struct drain_worker *worker)
{
	uint8_t bytes = 0;

	if (worker->tid != 0 && !worker->has_ended)
		bytes = sampler_read_name(drain->segment.proc_pid, worker->tid, worker->name);
	if (bytes)
		worker->name_bytes = bytes;
}

static void put_worker(struct drain *drain, struct drain_worker *worker)
{
	struct segment *segment = &drain->segment;
	struct trace_worker_entry *entry;
	uint32_t bytes;

	worker_rename(drain, worker);
	bytes = (uint32_t)sizeof(struct trace_worker_entry) + worker->name_bytes;
	entry = entries_add(segment, &segment->entries, &bytes, drain->now_ns);
	if (!entry)
		return;
	entry->entry_bytes = bytes;
	entry->worker = worker->worker;
	entry->tid = worker->tid;
	entry->role = worker->role;
	entry->name_bytes = worker->name_bytes;
	entry->start_tick = worker->start_tick;
	entry->end_tick = worker->end_tick;
	entry->recorded = worker->told_recorded = worker->encoder.index;
	entry->lost = worker->told_lost = worker->lost;
	memcpy(entry->name, worker->name, worker->name_bytes);
}

/* Those that changed since their last entry, or all. */
void rings_put_workers(struct drain *drain, bool all)
{
	entries_begin(&drain->segment.entries, TRACE_BLOCK_WORKERS);
	for (uint32_t i = 0; i < drain->ring_count; i++) {
		struct drain_worker *worker = &drain->workers[i];

		if (worker->worker == 0)
			continue;
		worker->lost = lost_of(&drain->shared->rings[i]);
		if (all || worker->told_recorded != worker->encoder.index ||
		    worker->told_lost != worker->lost)
			put_worker(drain, worker);
	}
	entries_flush(&drain->segment, &drain->segment.entries, drain->now_ns);
}

/* Only the first failure is reported: the program prints it at exit. */
static void tell_error(struct drain *drain, int error)
{
	struct shared *shared = drain->shared;

	if (drain->told_error)
		return;
	drain->told_error = true;
	writer_explain(&drain->segment.writer, error, shared->message, sizeof(shared->message));
	/* Release: pairs with the program's acquire before it reads the message. */
	atomic_store_explicit(&shared->message_ready, 1, memory_order_release);
}

/* A segment is open, or has now been begun; false while nothing can be written. */
bool rings_segment_ready(struct drain *drain)
{
	struct segment *segment = &drain->segment;
	int error;

	if (segment->writer.is_open)
		return true;
	error = segment_begin(segment, drain->now_ns);
	if (!error) {
		rings_put_workers(drain, true);
		sampler_begin_segment(&drain->sampler, drain->now_ns);
		error = segment->writer.error;
	}
	if (error)
		tell_error(drain, error);
	return error == 0;
}

void rings_seal(struct drain *drain, uint32_t reason)
{
	uint64_t recorded = drain->ended_recorded, lost = drain->ended_lost;

	if (!drain->segment.writer.is_open)
		return;
	rings_put_workers(drain, false);
	for (uint32_t i = 0; i < drain->ring_count; i++) {
		struct drain_worker *worker = &drain->workers[i];

		if (worker->worker == 0)
			continue;
		recorded += worker->encoder.index;
		lost += worker->lost;
		sampler_seal_worker(&drain->sampler, &worker->samples, drain->now_ns);
	}
	segment_end(&drain->segment, reason, recorded, lost, drain->now_ns);
}

/* What must still fit behind a block of events: samples that have gathered, the workers' entries
 * and last samples. */
uint64_t rings_space_left(const struct drain *drain)
{
	uint64_t kept = drain->segment.samples.header.payload_bytes +
			2 * sizeof(struct trace_block_header) +
			drain->ring_count *
			    (sizeof(struct trace_worker_entry) + sizeof(drain->workers[0].name));
	uint64_t room = writer_space_left(&drain->segment.writer);

	for (uint32_t i = 0; i < drain->ring_count; i++)
		kept += drain->workers[i].worker ? 2 * sizeof(struct trace_sample) : 0;
	return room > kept ? room - kept : 0;
}

/* A segment with room for a block of events. */
static bool room_ready(struct drain *drain)
{
	if (drain->segment.writer.is_open && rings_space_left(drain) < ENCODER_BLOCK_BYTES_MIN)
		rings_seal(drain, TRACE_SEAL_ROTATED);
	return rings_segment_ready(drain);
}

/* ---- Rings ----------------------------------------------------------------------------------- */

struct record *rings_records(const struct drain *drain, uint32_t i)
{
	return (struct record *)((char *)drain->shared + drain->rings_offset +
				 (uint64_t)i * drain->ring_bytes);
}

/* A thread takes the first ring that is free, then its number: but for some threads between these
 * two, no ring beyond the number of workers has been used. So most of a process' rings need not be
 * looked at, tick by tick. */
void rings_count(struct drain *drain)
{
	uint32_t workers = atomic_load_explicit(&drain->shared->next_worker, memory_order_acquire);

	drain->ring_count = drain->ring_max;
	if (workers < drain->ring_max && drain->ring_max - workers > RINGS_SPARE)
		drain->ring_count = workers + RINGS_SPARE;
}

uint64_t rings_size(const struct drain *drain, uint32_t i)
{
	return drain->workers[i].laps.size;
}

/* Begins at the ring's tail. Where another drain was at work before, it left what was open there.
 */
static void encoder_begin(struct drain *drain, uint32_t i)
{
	struct drain_worker *worker = &drain->workers[i];
	const struct shared_ring *ring = &drain->shared->rings[i];
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	encoder_init(&worker->encoder, ring->worker, drain->segment.header.unit_shift);
	worker->encoder.index = tail;
	for (worker->open = 0; worker->open < 2; worker->open++) {
		struct shared_open open = ring->open[worker->open];

		if (open.index != tail)
			continue;
		encoder_restore(&worker->encoder, &open);
		return;
	}
	worker->open = 0;
}

/* Moves the tail. What is open there is written first, beside what was open at the last one. */
static void tail_move(struct drain *drain, uint32_t i)
{
	struct shared_ring *ring = &drain->shared->rings[i];
	struct drain_worker *worker = &drain->workers[i];

	worker->open ^= 1;
	encoder_save(&worker->encoder, &ring->open[worker->open & 1]);
	/* Release: pairs with the acquire in thread_make_room(); these records may be overwritten.
	 */
	atomic_store_explicit(&ring->tail, worker->encoder.index, memory_order_release);
}

/* A ring that belongs to a worker which has not been seen yet. */
static void worker_begin(struct drain *drain, uint32_t i)
{
	struct drain_worker *worker = &drain->workers[i];
	const struct shared_ring *ring = &drain->shared->rings[i];

	encoder_begin(drain, i);
	worker->worker = ring->worker;
	worker->tid = ring->tid;
	worker->role = (uint8_t)ring->role;
	worker->name_bytes = (uint8_t)strnlen(ring->name, sizeof(ring->name));
	memcpy(worker->name, ring->name, worker->name_bytes);
	worker->start_tick = ring->start_counter >> drain->segment.header.unit_shift;
	worker->end_tick = 0;
	worker->head = worker->sampled = worker->tidied = worker->encoder.index;
	worker->lost = worker->told_poll = worker->told_turn = 0;
	worker->told_recorded = worker->told_lost = UINT64_MAX; /* never told */
	worker->samples = (struct sampler_worker){
	    0}; /* not begun: there may be no file yet to put its first samples into */
}

/* The ring that many threads share: a place is filled in when its counter is not 0. One that never
 * will be, because the program died just there, is a lost event. */
static uint64_t others_head(const struct drain *drain, uint32_t i)
{
	const struct drain_worker *worker = &drain->workers[i];
	struct record *records = rings_records(drain, i);
	uint64_t index = worker->encoder.index;
	uint64_t counter = 1;

	for (; index < worker->head; index++) {
		struct record *record = &records[index & (worker->laps.size - 1)];
		/* Acquire: pairs with the release in thread_foreign_emit(); the word is there. */
		uint64_t found = __atomic_load_n(&record->counter, __ATOMIC_ACQUIRE);

		if (!found && !drain->asked.gone)
			break;
		if (!found)
			*record = (struct record){counter, trace_word(1, TRACE_LOST_REENTRANT)};
		counter = record->counter;
	}
	return index;
}

/* Empties the places before they are given away. */
static void others_clear(const struct drain *drain, uint32_t i, uint64_t from, uint64_t to)
{
	struct record *records = rings_records(drain, i);

	for (uint64_t index = from; index < to; index++)
		records[index & (drain->workers[i].laps.size - 1)].counter = 0;
}

/* Notes how far the ring is filled. */
void rings_note(struct drain *drain, uint32_t i)
{
	struct shared_ring *ring = &drain->shared->rings[i];
	struct drain_worker *worker = &drain->workers[i];
	/* Acquire: pairs with the release of the thread that made the ring its own, or ended. */
	uint32_t state = atomic_load_explicit(&ring->state, memory_order_acquire);
	uint64_t head;

	if (state != RING_LIVE && state != RING_ENDED) {
		worker->worker = 0;
		return;
	}
	if (worker->worker != ring->worker)
		worker_begin(drain, i);
	worker->has_ended = state == RING_ENDED;
	/* Acquire: pairs with the release in thread_put(); the records below head are there. */
	head = atomic_load_explicit(&ring->head, memory_order_acquire);
	worker->grown = head - worker->head;
	worker->head = head;
	worker->laps = laps_read(ring, drain->ring_records);
	if (head < worker->encoder.index || !laps_hold(&worker->laps, worker->encoder.index, head))
		worker->encoder.index = worker->head; /* inconsistent: skip these records */
	if (worker->role == TRACE_ROLE_OTHER)
		worker->head = others_head(drain, i);
	if (worker->grown != 0) {
		drain->active_ns = drain->now_ns;
		worker->untidy = worker->role != TRACE_ROLE_OTHER;
	}
}

uint64_t rings_pending(const struct drain_worker *worker)
{
	return worker->worker != 0 ? worker->head - worker->encoder.index : 0;
}

/* Writes the block; if its segment was given up, into a new one. False: it was not written. */
static bool block_write(struct drain *drain)
{
	struct writer *writer = &drain->segment.writer;
	int error = writer_append(writer, &drain->block.header, drain->now_ns);

	if (!error)
		return true;
	tell_error(drain, error);
	return !writer->is_open && rings_segment_ready(drain) &&
	       writer_append(writer, &drain->block.header, drain->now_ns) == 0;
}

/* Encodes and writes one block of contiguous records. False: it cannot be written now, and its
 * records wait in the ring. Records that may not wait are encoded all the same, to keep track of
 * what is open. */
static bool ring_take(struct drain *drain, uint32_t i, bool may_wait)
{
	struct drain_worker *worker = &drain->workers[i];
	struct encoder before = worker->encoder;
	struct laps_run run =
	    laps_run(&worker->laps, rings_records(drain, i), before.index, rings_pending(worker));
	struct encoder_source source = {
	    .records = run.records, .mask = UINT64_MAX >> 1, .count = run.count};
	uint64_t bytes = ENCODER_BLOCK_BYTES;
	bool ready = room_ready(drain);

	if (!ready && may_wait)
		return false;
	if (ready) {
		uint64_t room = rings_space_left(drain) + sizeof(drain->block.header);

		bytes = room < bytes ? room : bytes;
		bytes = bytes > ENCODER_BLOCK_BYTES_MIN ? bytes : ENCODER_BLOCK_BYTES_MIN;
	}
	encoder_encode(&worker->encoder, &drain->words, &source, &drain->block.header,
		       (uint32_t)bytes);
	if (ready && !block_write(drain) && may_wait) {
		worker->encoder = before;
		return false;
	}
	if (worker->role == TRACE_ROLE_OTHER)
		others_clear(drain, i, before.index, worker->encoder.index);
	tail_move(drain, i);
	return true;
}

/* Few records can wait in the ring. */
static bool is_worth_a_block(const struct drain_worker *worker)
{
	uint64_t pending = rings_pending(worker);

	return worker->has_ended || pending >= RECORDS_WORTH_A_BLOCK ||
	       pending > worker->laps.size / 4;
}

/* Whether the records may wait until writing works again: not when program or worker has ended. */
static bool may_wait(const struct drain *drain, const struct drain_worker *worker)
{
	return !drain_is_over(drain) && !worker->has_ended &&
	       rings_pending(worker) <= worker->laps.size / 4;
}

void rings_take(struct drain *drain, bool all)
{
	for (uint32_t i = 0; i < drain->ring_count; i++) {
		struct drain_worker *worker = &drain->workers[i];

		if (all || is_worth_a_block(worker))
			while (rings_pending(worker) > 0 &&
			       ring_take(drain, i, may_wait(drain, worker)))
				;
	}
}

/* Writes the last entry of a worker whose thread is gone, and frees its ring. */
static void ring_free(struct drain *drain, uint32_t i)
{
	struct shared *shared = drain->shared;
	struct shared_ring *ring = &shared->rings[i];
	struct drain_worker *worker = &drain->workers[i];

	worker->end_tick = atomic_load_explicit(&ring->end_counter, memory_order_relaxed) >>
			   drain->segment.header.unit_shift;
	sampler_end_worker(&drain->sampler, &worker->samples, ring, drain->now_ns);
	worker->lost = lost_of(ring);
	put_worker(drain, worker);
	drain->ended_recorded += worker->encoder.index;
	drain->ended_lost += worker->lost;
	atomic_fetch_add(&shared->pool_submitted, atomic_load(&ring->pool_submitted));
	atomic_fetch_add(&shared->pool_cancelled, atomic_load(&ring->pool_cancelled));
	atomic_fetch_add(&shared->pool_finished, atomic_load(&ring->pool_finished));
	worker->worker = 0;
	worker->tidied = 0;
	worker->untidy = true;
	/* Release: pairs with the acquire of the thread that claims the ring next. */
	atomic_store_explicit(&ring->state, RING_FREE, memory_order_release);
}

static bool is_to_be_freed(const struct drain_worker *worker)
{
	return worker->worker != 0 && worker->has_ended;
}

/* A stall sample that the watchdog has of a worker is written first: in a block of its own, not
 * among the entries. */
void rings_free(struct drain *drain)
{
	uint32_t freed = 0;

	for (uint32_t i = 0; i < drain->ring_count; i++)
		if (is_to_be_freed(&drain->workers[i]))
			watchdog_forget(&drain->watchdog, i);
	entries_begin(&drain->segment.entries, TRACE_BLOCK_WORKERS);
	for (uint32_t i = 0; i < drain->ring_count; i++) {
		if (!is_to_be_freed(&drain->workers[i]))
			continue;
		ring_free(drain, i);
		freed++;
	}
	entries_flush(&drain->segment, &drain->segment.entries, drain->now_ns);
	if (freed == 0)
		return;
	atomic_fetch_sub(&drain->shared->ended_rings, freed);
	atomic_fetch_add(&drain->shared->freed_rings, 1);
	futex_wake(&drain->shared->freed_rings);
}
