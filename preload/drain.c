/* SPDX-License-Identifier: Apache-2.0
 *
 * See drain.h. Each tick: note what is asked, note every ring's head, tell new sites, take the records below the
 * noted heads into blocks, sample, tell what changed, say what is done. Sites are looked for after the heads were
 * read, so a block never names a site that the file does not have.
 *
 * Rules: nothing in shared memory is believed. Sizes and offsets are copied once; indices are checked at each use; a
 * value that makes no sense costs events, never more. The tail moves on only when the bytes are in the file (or given
 * up). Few records are left in their ring for up to a second: they are as safe there, and a block costs 64 bytes. While
 * nothing can be written (a disk is full), the newest quarter of a ring waits, for as long as it takes.
 */
#include "drain.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "encoder.h"
#include "futex.h"
#include "sampler.h"
#include "segment.h"
#include "watchdog.h"

#define TICK_MS		      100
#define SLOW_TICK_MS	      1000 /* while a callback runs on and on */
#define SECOND_NS	      1000000000ull
#define MILLISECOND_NS	      1000000ull
#define RECORDS_WORTH_A_BLOCK 4096
#define RINGS_SPARE	      8 /* threads that may be taking one at the same time */
#define CONTEXT_ROOM	      (ENCODER_OPEN_MAX * sizeof(struct trace_context))
#define NEVER		      -1

/* The private half of a ring: what its worker is and how far it has been drained. */
struct drain_worker {
	uint32_t worker; /* 0: the ring is nobody's */
	uint32_t tid;
	uint8_t role;
	uint8_t name_bytes;
	char name[16];
	uint64_t start_tick, end_tick;
	bool has_ended;	  /* as noted in this tick: the head is the last one */
	uint64_t head;	  /* as noted in this tick */
	uint64_t grown;	  /* by so many since the tick before */
	uint64_t sampled; /* head at the last sample */
	uint64_t lost;
	uint64_t told_recorded, told_lost; /* in the last worker entry */
	struct sampler_worker samples;
	struct encoder encoder;
};

/* What the outside wants, as noted at the start of a tick. */
struct drain_asked {
	uint32_t wake;
	uint32_t flush;
	uint32_t rotate;
	bool exiting;
	bool gone;
};

struct drain {
	struct shared *shared;
	_Atomic uint32_t *program_gone;
	struct drain_asked asked;
	uint32_t rotated;	       /* of rotate_asked */
	uint32_t ring_count, ring_max; /* that may have been used; that there are */
	uint64_t ring_mask;
	uint64_t rings_offset;
	uint32_t ring_bytes;
	uint64_t rotate_ns;
	char self_path[SHARED_PATH_BYTES];

	uint64_t now_ns;
	uint64_t elapsed_ns;		     /* since the tick before */
	uint64_t sampled_ns;		     /* when samples were last taken ... */
	uint64_t surveyed_ns;		     /* ... and of what is read less often */
	uint64_t active_ns;		     /* when records were last seen */
	uint64_t flushed_ns;		     /* when everything was last written */
	uint64_t ended_recorded, ended_lost; /* of workers that are gone */
	bool will_sleep;		     /* `asleep` has been set for a whole tick */
	bool told_error;

	struct segment segment;
	struct sampler sampler;
	struct watchdog watchdog;
	struct encoder_words words;
	struct drain_worker workers[SHARED_RINGS_MAX];
	struct {
		struct trace_block_header header;
		char payload[ENCODER_BLOCK_BYTES];
	} block;
};

static bool is_over(const struct drain *drain)
{
	return drain->asked.gone || drain->asked.exiting;
}

/* ---- Checks --------------------------------------------------------------------------------------------- */

static bool is_terminated(const char *text, size_t bytes)
{
	return strnlen(text, bytes) < bytes;
}

int drain_check(const struct shared *shared, uint64_t bytes)
{
	if (bytes < sizeof(*shared) || memcmp(shared->magic, SHARED_MAGIC, sizeof(shared->magic)) != 0 ||
	    shared->version != SHARED_VERSION || shared->header_bytes != sizeof(*shared))
		return -EPROTO;
	if (shared->ring_count > SHARED_RINGS_MAX || shared->ring_bytes < 4 * sizeof(struct record) ||
	    (shared->ring_bytes & (shared->ring_bytes - 1)) != 0)
		return -EPROTO;
	if (shared->rings_offset < sizeof(*shared) || shared->rings_offset % sizeof(struct record) != 0 ||
	    shared->rings_offset > bytes ||
	    (uint64_t)shared->ring_count * shared->ring_bytes > bytes - shared->rings_offset)
		return -EPROTO;
	if (shared->unit_shift > 63 || !is_terminated(shared->self_path, sizeof(shared->self_path)) ||
	    !is_terminated(shared->options.path, sizeof(shared->options.path)))
		return -EPROTO;
	return 0;
}

/* ---- Segments ------------------------------------------------------------------------------------------- */

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
static void put_workers(struct drain *drain, bool all)
{
	entries_begin(&drain->segment.entries, TRACE_BLOCK_WORKERS);
	for (uint32_t i = 0; i < drain->ring_count; i++) {
		struct drain_worker *worker = &drain->workers[i];

		if (worker->worker == 0)
			continue;
		worker->lost = lost_of(&drain->shared->rings[i]);
		if (all || worker->told_recorded != worker->encoder.index || worker->told_lost != worker->lost)
			put_worker(drain, worker);
	}
	entries_flush(&drain->segment, &drain->segment.entries, drain->now_ns);
}

/* The first failure is told, once: the program prints it when it ends. */
static void tell_error(struct drain *drain, int error)
{
	struct shared *shared = drain->shared;

	if (drain->told_error)
		return;
	drain->told_error = true;
	snprintf(shared->message, sizeof(shared->message), "events were not written to %.120s: %s",
		 drain->segment.writer.folder, strerror(-error));
	/* Release: pairs with the program's acquire before it reads the message. */
	atomic_store_explicit(&shared->message_ready, 1, memory_order_release);
}

/* A segment is open, or has now been begun; false while nothing can be written. */
static bool segment_ready(struct drain *drain)
{
	struct segment *segment = &drain->segment;
	int error;

	if (segment->writer.is_open)
		return true;
	error = segment_begin(segment, drain->now_ns);
	if (!error) {
		put_workers(drain, true);
		sampler_begin_segment(&drain->sampler, drain->now_ns);
		error = segment->writer.error;
	}
	if (error)
		tell_error(drain, error);
	return error == 0;
}

static void seal(struct drain *drain, uint32_t reason)
{
	uint64_t recorded = drain->ended_recorded, lost = drain->ended_lost;

	if (!drain->segment.writer.is_open)
		return;
	put_workers(drain, false);
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

/* What must still fit behind a block of events: samples that have gathered, the workers' entries and last samples. */
static uint64_t room_for_events(const struct drain *drain)
{
	uint64_t kept = drain->segment.samples.header.payload_bytes + 2 * sizeof(struct trace_block_header) +
			drain->ring_count * (sizeof(struct trace_worker_entry) + sizeof(drain->workers[0].name));
	uint64_t room = writer_room(&drain->segment.writer);

	for (uint32_t i = 0; i < drain->ring_count; i++)
		kept += drain->workers[i].worker ? 2 * sizeof(struct trace_sample) : 0;
	return room > kept ? room - kept : 0;
}

/* A segment with room for a block of events. */
static bool room_ready(struct drain *drain)
{
	if (drain->segment.writer.is_open && room_for_events(drain) < ENCODER_BLOCK_BYTES_MIN)
		seal(drain, TRACE_SEAL_ROTATED);
	return segment_ready(drain);
}

/* ---- Rings ---------------------------------------------------------------------------------------------- */

static struct record *ring_records(const struct drain *drain, uint32_t i)
{
	return (struct record *)((char *)drain->shared + drain->rings_offset + (uint64_t)i * drain->ring_bytes);
}

/* Begins at the ring's tail. Where another drain was at work before, what was open there is looked up in the records
 * that it has drained, as far as they are not overwritten yet: of those, the older quarter may be while we look. */
static void encoder_begin(struct drain *drain, uint32_t i)
{
	struct encoder *encoder = &drain->workers[i].encoder;
	const struct shared_ring *ring = &drain->shared->rings[i];
	uint64_t capacity = drain->ring_mask + 1;
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint64_t oldest = head > capacity ? head - capacity : 0;
	uint64_t first = head > capacity ? oldest + capacity / 4 : 0;
	struct encoder_source drained = {ring_records(drain, i), drain->ring_mask, first, tail - first};

	encoder_init(encoder, ring->worker, drain->segment.header.unit_shift);
	encoder->index = tail;
	if (tail <= first || tail > head)
		return;
	encoder_resume(encoder, &drained);
	if (atomic_load_explicit(&ring->head, memory_order_acquire) > first + capacity)
		encoder->open_count = encoder->open_beyond = 0;
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
	worker->head = worker->sampled = worker->encoder.index;
	worker->lost = 0;
	worker->told_recorded = worker->told_lost = UINT64_MAX; /* never told */
	worker->samples.worker = 0; /* not begun: there may be no file yet to put its first samples into */
}

/* The ring that many threads share: a place is filled in when its counter is not 0. One that never will be, because the
 * program died just there, is a lost event. */
static uint64_t others_head(const struct drain *drain, uint32_t i)
{
	const struct drain_worker *worker = &drain->workers[i];
	struct record *records = ring_records(drain, i);
	uint64_t index = worker->encoder.index;
	uint64_t counter = 1;

	for (; index < worker->head; index++) {
		struct record *record = &records[index & drain->ring_mask];
		/* Acquire: pairs with the release in thread_others_emit(); the word is there. */
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
	struct record *records = ring_records(drain, i);

	for (uint64_t index = from; index < to; index++)
		records[index & drain->ring_mask].counter = 0;
}

/* Notes how far the ring is filled. */
static void ring_note(struct drain *drain, uint32_t i)
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
	if (worker->head - worker->encoder.index > drain->ring_mask + 1)
		worker->encoder.index = worker->head; /* nonsense: nothing in there can be told apart */
	if (worker->role == TRACE_ROLE_OTHER)
		worker->head = others_head(drain, i);
	if (worker->grown != 0)
		drain->active_ns = drain->now_ns;
}

static uint64_t ring_pending(const struct drain_worker *worker)
{
	return worker->worker != 0 ? worker->head - worker->encoder.index : 0;
}

/* Where the file was taken from under us, into another one. False: it is in none. */
static bool block_write(struct drain *drain)
{
	struct writer *writer = &drain->segment.writer;
	int error = writer_append(writer, &drain->block.header, drain->now_ns);

	if (!error)
		return true;
	tell_error(drain, error);
	return !writer->is_open && segment_ready(drain) &&
	       writer_append(writer, &drain->block.header, drain->now_ns) == 0;
}

/* One block. False: it cannot be written now, and its records wait in the ring. Those that may not wait are gone
 * through all the same, to know what is open. */
static bool ring_take(struct drain *drain, uint32_t i, bool may_wait)
{
	struct drain_worker *worker = &drain->workers[i];
	struct encoder before;
	struct encoder_source source = {
	    .records = ring_records(drain, i),
	    .mask = drain->ring_mask,
	    .first = worker->encoder.index,
	    .count = ring_pending(worker),
	};
	uint64_t bytes = ENCODER_BLOCK_BYTES;
	bool ready = room_ready(drain);

	if (!ready && may_wait)
		return false;
	if (ready) {
		uint64_t room = room_for_events(drain) + sizeof(drain->block.header);

		bytes = room < bytes ? room : bytes;
		bytes = bytes > ENCODER_BLOCK_BYTES_MIN ? bytes : ENCODER_BLOCK_BYTES_MIN;
	}
	before = worker->encoder;
	encoder_encode(&worker->encoder, &drain->words, &source, &drain->block.header, (uint32_t)bytes);
	if (ready && !block_write(drain) && may_wait) {
		worker->encoder = before;
		return false;
	}
	if (worker->role == TRACE_ROLE_OTHER)
		others_clear(drain, i, source.first, worker->encoder.index);
	/* Release: pairs with the acquire in thread_make_room(); these records may be overwritten. */
	atomic_store_explicit(&drain->shared->rings[i].tail, worker->encoder.index, memory_order_release);
	return true;
}

/* Few records can wait in the ring. */
static bool is_worth_a_block(const struct drain *drain, const struct drain_worker *worker)
{
	uint64_t pending = ring_pending(worker);

	return worker->has_ended || pending >= RECORDS_WORTH_A_BLOCK || pending > drain->ring_mask / 4;
}

/* Whether the records may wait until something can be written again: not for an end that has come. */
static bool may_wait(const struct drain *drain, const struct drain_worker *worker)
{
	return !is_over(drain) && !worker->has_ended && ring_pending(worker) <= (drain->ring_mask + 1) / 4;
}

static void rings_take(struct drain *drain, bool all)
{
	for (uint32_t i = 0; i < drain->ring_count; i++) {
		struct drain_worker *worker = &drain->workers[i];

		if (all || is_worth_a_block(drain, worker))
			while (ring_pending(worker) > 0 && ring_take(drain, i, may_wait(drain, worker)))
				;
	}
}

/* The last word on a worker whose thread is gone; its ring is free for another. */
static void ring_free(struct drain *drain, uint32_t i)
{
	struct shared *shared = drain->shared;
	struct shared_ring *ring = &shared->rings[i];
	struct drain_worker *worker = &drain->workers[i];

	worker->end_tick =
	    atomic_load_explicit(&ring->end_counter, memory_order_relaxed) >> drain->segment.header.unit_shift;
	sampler_end_worker(&drain->sampler, &worker->samples, ring, drain->now_ns);
	worker->lost = lost_of(ring);
	put_worker(drain, worker);
	drain->ended_recorded += worker->encoder.index;
	drain->ended_lost += worker->lost;
	atomic_fetch_add(&shared->pool_submitted, atomic_load(&ring->pool_submitted));
	atomic_fetch_add(&shared->pool_cancelled, atomic_load(&ring->pool_cancelled));
	atomic_fetch_add(&shared->pool_finished, atomic_load(&ring->pool_finished));
	worker->worker = 0;
	watchdog_forget(&drain->watchdog, i);
	/* Release: pairs with the acquire of the thread that claims the ring next. */
	atomic_store_explicit(&ring->state, RING_FREE, memory_order_release);
}

static void rings_free(struct drain *drain)
{
	entries_begin(&drain->segment.entries, TRACE_BLOCK_WORKERS);
	for (uint32_t i = 0; i < drain->ring_count; i++)
		if (drain->workers[i].worker != 0 && drain->workers[i].has_ended)
			ring_free(drain, i);
	entries_flush(&drain->segment, &drain->segment.entries, drain->now_ns);
}

/* ---- Samples -------------------------------------------------------------------------------------------- */

static void pool_add(struct sampler_pool *pool, const struct shared_ring *ring, const struct drain_worker *worker)
{
	pool->submitted += atomic_load_explicit(&ring->pool_submitted, memory_order_relaxed);
	pool->cancelled += atomic_load_explicit(&ring->pool_cancelled, memory_order_relaxed);
	pool->finished += atomic_load_explicit(&ring->pool_finished, memory_order_relaxed);
	if (worker->role != TRACE_ROLE_POOL)
		return;
	pool->threads++;
	pool->running += atomic_load_explicit(&ring->pool_parked, memory_order_relaxed) == 0;
}

/* A callback is running: the worker neither waits nor is outside of every loop. */
static bool is_busy(const struct drain_worker *worker)
{
	return worker->worker != 0 && worker->encoder.open_count > 0 && !encoder_is_parked(&worker->encoder);
}

/* Workers that were seen first in this tick. */
static void samples_begin(struct drain *drain)
{
	for (uint32_t i = 0; i < drain->ring_count; i++) {
		struct drain_worker *worker = &drain->workers[i];

		if (worker->worker != worker->samples.worker && worker->worker != 0)
			sampler_begin_worker(&drain->sampler, &worker->samples, &drain->shared->rings[i],
					     drain->now_ns);
	}
}

static void samples_take(struct drain *drain, bool survey)
{
	struct shared *shared = drain->shared;
	struct sampler_pool pool = {
	    .submitted = atomic_load(&shared->pool_submitted),
	    .cancelled = atomic_load(&shared->pool_cancelled),
	    .finished = atomic_load(&shared->pool_finished),
	};

	for (uint32_t i = 0; i < drain->ring_count; i++) {
		struct drain_worker *worker = &drain->workers[i];
		struct shared_ring *ring = &shared->rings[i];

		if (worker->worker == 0)
			continue;
		pool_add(&pool, ring, worker);
		if (worker->head != worker->sampled || is_busy(worker))
			sampler_sample_worker(&drain->sampler, &worker->samples, ring, drain->now_ns);
		if (survey)
			sampler_sample_switches(&drain->sampler, &worker->samples, drain->now_ns);
		worker->sampled = worker->head;
	}
	if (survey)
		sampler_sample_machine(&drain->sampler, drain->now_ns);
	sampler_sample_process(&drain->sampler, &pool, drain->now_ns);
	sampler_sample_stalls(&drain->sampler, watchdog_totals(&drain->watchdog), drain->now_ns);
}

/* A ring that fills quickly makes many ticks, which need not all have samples. What costs more to read is read when
 * there is something to write anyway, and not of a program that lives for some milliseconds. */
static void sample(struct drain *drain, bool flushes)
{
	uint64_t tick_ns = TICK_MS * MILLISECOND_NS;
	bool survey = flushes && drain->active_ns >= drain->flushed_ns && drain->now_ns - drain->surveyed_ns >= tick_ns;

	if (!flushes && drain->now_ns - drain->sampled_ns < tick_ns)
		return;
	drain->sampled_ns = drain->now_ns;
	if (survey)
		drain->surveyed_ns = drain->now_ns;
	samples_take(drain, survey);
}

/* ---- Ticks ---------------------------------------------------------------------------------------------- */

static struct drain_asked asked_note(const struct drain *drain)
{
	struct shared *shared = drain->shared;
	/* Acquire, and `wake` first: whoever asked did so before adding to it, and heads are read after. */
	struct drain_asked asked = {.wake = atomic_load_explicit(&shared->wake, memory_order_acquire)};

	asked.gone = drain->program_gone && atomic_load_explicit(drain->program_gone, memory_order_acquire) != 0;
	asked.exiting = atomic_load_explicit(&shared->exiting, memory_order_acquire) != 0;
	asked.flush = atomic_load_explicit(&shared->flush_asked, memory_order_acquire);
	asked.rotate = atomic_load_explicit(&shared->rotate_asked, memory_order_acquire);
	return asked;
}

/* A thread takes the first ring that is free, then its number: but for some threads between these two, no ring beyond
 * the number of workers has been used. So most of a process' rings need not be looked at, tick by tick. */
static void rings_count(struct drain *drain)
{
	uint32_t workers = atomic_load_explicit(&drain->shared->next_worker, memory_order_acquire);

	drain->ring_count = drain->ring_max;
	if (workers < drain->ring_max && drain->ring_max - workers > RINGS_SPARE)
		drain->ring_count = workers + RINGS_SPARE;
}

static bool rotation_is_due(const struct drain *drain)
{
	if (drain->segment.writer.mode != SHARED_WRITER_ROTATING || !drain->segment.writer.has_events || is_over(drain))
		return false;
	return drain->asked.rotate != drain->rotated || drain->now_ns - drain->segment.begun_ns >= drain->rotate_ns;
}

static bool flush_is_due(const struct drain *drain)
{
	return is_over(drain) || drain->now_ns - drain->flushed_ns >= SECOND_NS || rotation_is_due(drain) ||
	       drain->asked.flush != atomic_load_explicit(&drain->shared->flush_done, memory_order_relaxed);
}

static void say_what_is_done(struct drain *drain)
{
	struct shared *shared = drain->shared;
	struct writer *writer = &drain->segment.writer;

	atomic_store_explicit(&shared->bytes_written, writer->bytes_written, memory_order_relaxed);
	atomic_store_explicit(&shared->segments_sealed, writer->sealed_segments, memory_order_relaxed);
	atomic_store_explicit(&shared->evicted_segments, writer->evicted_segments, memory_order_relaxed);
	if (writer->error || drain->asked.flush == atomic_load_explicit(&shared->flush_done, memory_order_relaxed))
		return;
	/* Release: pairs with the acquire of whoever waits for the flush. */
	atomic_store_explicit(&shared->flush_done, drain->asked.flush, memory_order_release);
	futex_wake(&shared->flush_done);
}

static void watch_ring(struct drain *drain, uint32_t i)
{
	const struct drain_worker *worker = &drain->workers[i];
	struct watchdog_ring ring = {
	    .index = i,
	    .worker = worker->worker,
	    .tid = worker->tid,
	    .role = worker->role,
	    .records = ring_records(drain, i),
	    .mask = drain->ring_mask,
	    .head = worker->head,
	    .encoder = &worker->encoder,
	};

	if (worker->worker != 0 && worker->role != TRACE_ROLE_OTHER && !worker->has_ended)
		watchdog_see(&drain->watchdog, &ring);
}

/* Looks for callbacks that do not come back, when it is time to. */
static void watch(struct drain *drain)
{
	if (is_over(drain) || !watchdog_begin(&drain->watchdog, drain->now_ns))
		return;
	if (watchdog_has_news(&drain->watchdog) && drain->segment.writer.is_open &&
	    room_for_events(drain) < TRACE_STALL_ENTRY_BYTES_MAX)
		seal(drain, TRACE_SEAL_ROTATED);
	segment_ready(drain);
	for (uint32_t i = 0; i < drain->ring_count; i++)
		watch_ring(drain, i);
}

/* Everything that is told once a second at most: a clock pair, how far the workers are, samples. */
static void flush(struct drain *drain)
{
	bool news = drain->active_ns >= drain->flushed_ns;

	drain->flushed_ns = drain->now_ns;
	if (!news && drain->segment.samples.header.payload_bytes == 0)
		return;
	if (!segment_ready(drain)) {
		drain->segment.samples.header.payload_bytes = 0;
		return;
	}
	segment_put_clock(&drain->segment, drain->now_ns);
	put_workers(drain, false);
	entries_flush(&drain->segment, &drain->segment.samples, drain->now_ns);
}

static void tick(struct drain *drain)
{
	uint64_t now_ns = clock_mono_ns();
	bool flushes;

	drain->asked = asked_note(drain);
	drain->elapsed_ns = now_ns - drain->now_ns;
	drain->now_ns = now_ns;
	flushes = flush_is_due(drain);
	if (is_over(drain))
		drain->segment.writer.retry_ns = 0; /* there is no later */
	rings_count(drain);
	for (uint32_t i = 0; i < drain->ring_count; i++)
		ring_note(drain, i);
	segment_ready(drain);
	samples_begin(drain);
	segment_update_sites(&drain->segment, drain->now_ns);
	segment_update_names(&drain->segment, drain->now_ns);
	sample(drain, flushes);
	rings_take(drain, flushes);
	watch(drain);
	rings_free(drain);
	if (flushes)
		flush(drain);
	if (rotation_is_due(drain)) {
		seal(drain, TRACE_SEAL_ROTATED);
		drain->rotated = drain->asked.rotate;
	}
	say_what_is_done(drain);
}

/* ---- Sleep ---------------------------------------------------------------------------------------------- */

/* Nothing happens. */
static bool is_quiet(const struct drain *drain)
{
	return drain->now_ns - drain->active_ns >= SECOND_NS;
}

/* No callback runs, and every event and sample of those that did is written. */
static bool is_idle(const struct drain *drain)
{
	if (drain->segment.samples.header.payload_bytes > 0)
		return false;
	for (uint32_t i = 0; i < drain->ring_count; i++)
		if (is_busy(&drain->workers[i]) || ring_pending(&drain->workers[i]) > 0)
			return false;
	return true;
}

/* A helper whose program became another one by exec is left over: nobody has the ring mapped. */
static bool program_left(struct drain *drain)
{
	if (drain->shared->options.drain != SHARED_DRAIN_PROCESS)
		return false;
	return modules_is_mapped(drain->segment.header.pid, drain->self_path) == 0;
}

/* Where a ring would be half full, and wake the drain, long before the next tick, the drain comes earlier, to find it a
 * quarter full: the program must go on though the drain may have to wait for a processor. */
static int busy_tick_ms(const struct drain *drain)
{
	uint64_t capacity = drain->ring_mask + 1, quarter_ns;
	uint64_t grown = 0;

	for (uint32_t i = 0; i < drain->ring_count; i++)
		if (drain->workers[i].worker != 0 && drain->workers[i].grown > grown)
			grown = drain->workers[i].grown;
	if (grown == 0 || grown > UINT32_MAX)
		return TICK_MS;
	quarter_ns = drain->elapsed_ns / grown * (capacity / 4);
	if (quarter_ns >= TICK_MS * MILLISECOND_NS / 4)
		return TICK_MS;
	return quarter_ns > MILLISECOND_NS ? (int)(quarter_ns / MILLISECOND_NS) : 1;
}

static int shorter_ms(int a, int b)
{
	return a == NEVER || (b != NEVER && b < a) ? b : a;
}

/* How long to sleep. Where nothing happens, only as long as a callback that runs on and on wants to be looked at again;
 * others may begin meanwhile, so `asleep` must have been seen by everybody: a worker that unparks stores its record and
 * then looks at `asleep`, without a fence; the tick before is longer than any store stays unseen. */
static int sleep_ms(struct drain *drain)
{
	bool quiet = is_quiet(drain), will_sleep = drain->will_sleep;
	int watch_ms = watchdog_wait_ms(&drain->watchdog, drain->now_ns, quiet && will_sleep);

	if (quiet && will_sleep)
		return shorter_ms(is_idle(drain) ? NEVER : SLOW_TICK_MS, watch_ms);
	if (quiet != will_sleep)
		atomic_store(&drain->shared->asleep, quiet);
	drain->will_sleep = quiet;
	return shorter_ms(busy_tick_ms(drain), watch_ms);
}

static void drain_sleep(struct drain *drain)
{
	int timeout_ms = sleep_ms(drain);

	if ((timeout_ms == NEVER || timeout_ms >= SLOW_TICK_MS) && program_left(drain)) {
		drain->asked.gone = true;
		return;
	}
	futex_wait(&drain->shared->wake, drain->asked.wake, timeout_ms);
	if (timeout_ms == NEVER) {
		drain->will_sleep = false;
		atomic_store(&drain->shared->asleep, 0);
	}
}

void drain_wake(struct shared *shared)
{
	/* Release: pairs with the acquire in asked_note(): what was asked before is seen. */
	atomic_fetch_add_explicit(&shared->wake, 1, memory_order_release);
	futex_wake(&shared->wake);
}

/* ---- The whole ------------------------------------------------------------------------------------------ */

/* When something was last recorded. */
static uint64_t last_tick(const struct drain *drain)
{
	const struct shared *shared = drain->shared;
	uint64_t last = shared->start.counter;

	for (uint32_t i = 0; i < drain->ring_count; i++) {
		uint32_t state = atomic_load_explicit(&shared->rings[i].state, memory_order_acquire);
		uint64_t head = atomic_load_explicit(&shared->rings[i].head, memory_order_acquire);
		uint64_t counter = head > 0 ? ring_records(drain, i)[(head - 1) & drain->ring_mask].counter : 0;

		if ((state == RING_LIVE || state == RING_ENDED) && counter > last)
			last = counter;
	}
	return last >> (shared->unit_shift & 63);
}

static int drain_init(struct drain *drain, struct shared *shared, _Atomic uint32_t *program_gone)
{
	int error;

	drain->shared = shared;
	drain->program_gone = program_gone;
	drain->ring_max = shared->ring_count < SHARED_RINGS_MAX ? shared->ring_count : SHARED_RINGS_MAX;
	drain->ring_bytes = shared->ring_bytes;
	drain->ring_mask = drain->ring_bytes / sizeof(struct record) - 1;
	drain->rings_offset = shared->rings_offset;
	drain->rotate_ns = shared->options.rotate_seconds * SECOND_NS;
	drain->now_ns = drain->active_ns = drain->flushed_ns = drain->surveyed_ns = clock_mono_ns();
	memcpy(drain->self_path, shared->self_path, sizeof(drain->self_path) - 1); /* the last byte stays 0 */
	atomic_store(&shared->asleep, 0); /* a drain that was killed may have left it */
	encoder_words_init(&drain->words);
	error = segment_init(&drain->segment, shared, program_gone && atomic_load(program_gone) ? last_tick(drain) : 0);
	sampler_init(&drain->sampler, &drain->segment);
	watchdog_init(&drain->watchdog, shared, &drain->segment);
	return error;
}

/* In a thread of the program: root and folder of our own, so that a chroot leaves us where the files are; descriptors
 * of our own, so that the program can neither see, close nor reuse them: before the first one is opened. What it had
 * open is closed in our copy of the table. False: the descriptors are the program's. */
static bool take_own_view(const struct shared *shared)
{
	if (shared->options.drain != SHARED_DRAIN_THREAD)
		return shared->options.drain != SHARED_DRAIN_EXIT;
	if (unshare(CLONE_FS) == 0 && chdir("/") != 0)
		errno = 0; /* every path is absolute anyway */
	return syscall(SYS_close_range, 0, ~0u, CLOSE_RANGE_UNSHARE) == 0;
}

/* Removes the ring file: only if it is the one that is mapped here. */
static void unlink_ring(struct drain *drain)
{
	uint8_t found[sizeof(drain->shared->process_id)];
	int fd = open(drain->self_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool ours;

	if (fd < 0)
		return;
	ours = pread(fd, found, sizeof(found), offsetof(struct shared, process_id)) == sizeof(found) &&
	       memcmp(found, drain->segment.header.process_id, sizeof(found)) == 0;
	close(fd);
	if (ours)
		unlink(drain->self_path);
}

static void say_state(struct shared *shared, enum drain_state state)
{
	/* Release: pairs with the acquire of the program, which waits for it when it exits. */
	atomic_store_explicit(&shared->drain_state, state, memory_order_release);
	futex_wake(&shared->drain_state);
}

static bool has_news(struct drain *drain)
{
	rings_count(drain);
	for (uint32_t i = 0; i < drain->ring_count; i++) {
		uint32_t known = drain->workers[i].worker;

		ring_note(drain, i);
		if (ring_pending(&drain->workers[i]) > 0 || drain->workers[i].worker != known)
			return true;
	}
	return false;
}

/* The program has been told that everything is in sealed files, and its exit goes on: destructors and other threads may
 * still run callbacks. Those go behind the seal, before another. */
static void drain_rest(struct drain *drain)
{
	while (!atomic_load_explicit(drain->program_gone, memory_order_acquire)) {
		uint32_t wake = atomic_load_explicit(&drain->shared->wake, memory_order_acquire);

		/* The watcher sets program_gone before it adds to `wake`. */
		if (!atomic_load_explicit(drain->program_gone, memory_order_acquire))
			futex_wait(&drain->shared->wake, wake, NEVER);
	}
	if (!has_news(drain))
		return;
	tick(drain);
	seal(drain, TRACE_SEAL_EXIT);
}

static void finish(struct drain *drain)
{
	seal(drain, drain->asked.exiting ? TRACE_SEAL_EXIT : TRACE_SEAL_DIED);
	say_what_is_done(drain);
	if (drain->asked.exiting && !drain->asked.gone && drain->shared->options.drain == SHARED_DRAIN_PROCESS) {
		say_state(drain->shared, DRAIN_DONE);
		drain_rest(drain);
	}
	unlink_ring(drain);
	say_state(drain->shared, DRAIN_DONE);
}

/* The program waits for this before its first loop goes on. What dies with the program has written its first segment by
 * then; a helper process needs no more than what it has read by now. */
static void say_running(struct drain *drain)
{
	if (drain->shared->options.drain == SHARED_DRAIN_THREAD)
		tick(drain);
	say_state(drain->shared, DRAIN_RUNNING);
}

int drain_run(struct shared *shared, _Atomic uint32_t *program_gone)
{
	struct drain *drain = mmap(NULL, sizeof(*drain), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool own_view;
	int error;

	if (drain == MAP_FAILED)
		return -errno;
	own_view = take_own_view(shared);
	say_state(shared, DRAIN_STARTING);
	error = drain_init(drain, shared, program_gone);
	drain->segment.writer.reopens = !own_view;
	say_running(drain);
	for (tick(drain); !is_over(drain); tick(drain)) {
		drain_sleep(drain);
		if (is_over(drain))
			break;
	}
	finish(drain);
	error = error ? error : drain->segment.writer.error;
	munmap(drain, sizeof(*drain));
	return error;
}
