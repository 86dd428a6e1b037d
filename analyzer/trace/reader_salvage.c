/* SPDX-License-Identifier: Apache-2.0
 *
 * What a crash of program and helper left in the ring (preload/ring/shared.h): the records that had
 * not reached a file, and the workers and sites that only the ring knows. They become blocks like
 * any other, read when a cursor comes to them; those that are in a file too are dropped there as
 * doubles.
 *
 * Rules: the ring is only read, and only when its process is gone: of a living one a note says how
 * much is still in the ring. It is a file of somebody else's: ring_check.h goes over its layout,
 * and every index is checked here.
 */
#include <stddef.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ring/laps.h"
#include "reader_salvage_internal.h"
#include "ring/ring_check.h"

/* ---- The ring file --------------------------------------------------------------------------- */

_Static_assert(RING_CHECK_SHIFT_MAX <= READER_SHIFT_MAX, "shifts");
_Static_assert(RING_CHECK_TICK_MAX <= READER_TICK_MAX, "ticks");

/* Of an array that is part of it only what is in use. */
static bool array_read(const struct reader_file *file, struct shared *shared, void *array,
		       size_t count, size_t max, size_t element_bytes)
{
	size_t bytes = (count < max ? count : max) * element_bytes;

	return reader_file_read(file, array, bytes, (uint64_t)((char *)array - (char *)shared)) ==
	       (ssize_t)bytes;
}

static bool shared_read(const struct reader_file *file, struct shared *shared, const char **problem)
{
	const size_t head = offsetof(struct shared, rings);
	ssize_t got = reader_file_read(file, shared, head, 0);

	*problem = got >= 12 && shared->version != SHARED_VERSION
		       ? "a ring of another version of uvtrace"
		       : "not a ring, or a damaged one";
	if (got != (ssize_t)head || ring_check(shared, file->bytes) != 0)
		return false;
	return array_read(file, shared, shared->rings, shared->ring_count, SHARED_RINGS_MAX,
			  sizeof(shared->rings[0])) &&
	       array_read(file, shared, shared->sites, shared->site_count, TRACE_SITES_MAX,
			  sizeof(shared->sites[0])) &&
	       array_read(file, shared, shared->names, shared->name_count, TRACE_NAMES_MAX,
			  sizeof(shared->names[0]));
}

/* NULL: no memory, or no ring that we can read (then *problem says why). */
static struct shared *shared_load(const struct reader_file *file, const char **problem)
{
	struct shared *shared = aligned_alloc(64, sizeof(*shared));

	if (shared && shared_read(file, shared, problem))
		return shared;
	free(shared);
	return NULL;
}

static void shared_header(const struct shared *shared, struct trace_file_header *header)
{
	*header =
	    (struct trace_file_header){.pid = shared->pid,
				       .unit_shift = shared->unit_shift,
				       .clock = shared->clock,
				       .tier = shared->tier,
				       .start_tick = shared->start.counter >> shared->unit_shift,
				       .start_mono_ns = shared->start.mono_ns,
				       .start_real_ns = shared->start.real_ns};
	memcpy(header->process_id, shared->process_id, sizeof(header->process_id));
	memcpy(header->boot_id, shared->boot_id, sizeof(header->boot_id));
}

/* ---- Records --------------------------------------------------------------------------------- */

static uint64_t record_tick(const struct salvage *salvage, const struct record *record)
{
	return record->counter >> salvage->shared->unit_shift;
}

static struct laps ring_laps(const struct salvage *salvage, uint32_t ring)
{
	return laps_read(&salvage->shared->rings[ring],
			 salvage->shared->ring_bytes / sizeof(struct record));
}

/* Of the record at a position in a ring, in the file. */
static uint64_t record_offset(const struct salvage *salvage, uint32_t ring, uint64_t position)
{
	return salvage->shared->rings_offset + (uint64_t)ring * salvage->shared->ring_bytes +
	       position * sizeof(struct record);
}

/* Records `index` to `index + count` of a ring, which lie together in the file, as one block. */
static int salvage_block(struct salvage *salvage, uint64_t offset, struct trace_worker *worker,
			 uint64_t index, uint32_t count)
{
	struct reader_file *file = &salvage->reader->files[salvage->file_index];
	struct record first, last;
	struct reader_block *block;

	if (reader_file_read(file, &first, sizeof(first), offset) != sizeof(first) ||
	    reader_file_read(file, &last, sizeof(last), offset + (count - 1) * sizeof(last)) !=
		sizeof(last))
		return 0;
	block = reader_append(&worker->blocks->list, &worker->blocks->count, sizeof(*block));
	if (!block)
		return -ENOMEM;
	*block = (struct reader_block){.offset = offset,
				       .payload_bytes = count * sizeof(struct record),
				       .event_count = count,
				       .worker = worker->worker,
				       .first_index = index,
				       .first_tick = record_tick(salvage, &first),
				       .last_tick = record_tick(salvage, &last),
				       .file = salvage->file_index,
				       .type = TRACE_BLOCK_EVENTS,
				       .raw = 1};
	if (block->last_tick >= READER_TICK_MAX)
		block->last_tick = READER_TICK_MAX - 1;
	if (block->first_tick > block->last_tick)
		block->first_tick = block->last_tick;
	salvage->reader->trace.processes[salvage->process].salvaged = true;
	return 0;
}

static int salvage_records(struct salvage *salvage, uint32_t ring, struct trace_worker *worker,
			   uint64_t tail, uint64_t head)
{
	struct laps laps = ring_laps(salvage, ring);
	int error = 0;

	while (!error && tail < head) {
		uint64_t position, count = laps_at(&laps, tail, &position);

		if (count > READER_RAW_RECORDS)
			count = READER_RAW_RECORDS;
		if (count > head - tail)
			count = head - tail;
		error = salvage_block(salvage, record_offset(salvage, ring, position), worker, tail,
				      (uint32_t)count);
		tail += count;
	}
	return error;
}

/* In the ring that many threads share, a place whose counter is 0 had been taken but not filled in
 * yet: the records up to the first such place are whole. */
static uint64_t others_head(struct salvage *salvage, uint32_t ring, uint64_t tail, uint64_t head)
{
	struct laps laps = ring_laps(salvage, ring);
	struct reader_file *file = &salvage->reader->files[salvage->file_index];
	struct record record;
	uint64_t position;

	for (; tail < head; tail++)
		if (!laps_at(&laps, tail, &position) ||
		    reader_file_read(file, &record, sizeof(record),
				     record_offset(salvage, ring, position)) != sizeof(record) ||
		    record.counter == 0)
			break;
	return tail;
}

static uint64_t ring_lost(const struct shared_ring *ring)
{
	uint64_t lost = 0;

	for (int i = 0; i < RING_LOST_CAUSES; i++)
		lost += ring->lost[i];
	return lost;
}

/* Whether the ring belongs to a worker, and its indices can be. */
static bool ring_is_sane(const struct shared *shared, const struct shared_ring *ring)
{
	struct laps laps = laps_read(ring, shared->ring_bytes / sizeof(struct record));
	uint64_t head = ring->head, tail = ring->tail;

	return (ring->state == RING_LIVE || ring->state == RING_ENDED) && tail <= head &&
	       head < READER_INDEX_MAX && laps_hold(&laps, tail, head) &&
	       ring_lost(ring) < READER_INDEX_MAX;
}

static void worker_from_ring(const struct salvage *salvage, struct trace_worker *worker,
			     const struct shared_ring *ring)
{
	uint32_t shift = salvage->shared->unit_shift;

	worker->tid = ring->tid;
	worker->role = reader_meta_role(ring->role);
	memcpy(worker->name, ring->name, sizeof(ring->name));
	worker->name[sizeof(worker->name) - 1] = 0;
	if (ring->start_counter >> shift < READER_TICK_MAX)
		worker->start_tick = ring->start_counter >> shift;
	if (ring->state == RING_ENDED && ring->end_counter >> shift < READER_TICK_MAX)
		worker->end_tick = ring->end_counter >> shift;
	if (ring->head > worker->blocks->recorded)
		worker->blocks->recorded = ring->head;
	if (ring_lost(ring) > worker->lost)
		worker->lost = ring_lost(ring);
}

static int salvage_rings(struct salvage *salvage)
{
	struct trace_process *process = &salvage->reader->trace.processes[salvage->process];
	int error = 0;

	for (uint32_t i = 0; !error && i < salvage->shared->ring_count; i++) {
		const struct shared_ring *ring = &salvage->shared->rings[i];
		struct trace_worker *worker;
		uint64_t head;

		if (!ring_is_sane(salvage->shared, ring))
			continue;
		worker = reader_meta_worker(process, ring->worker);
		if (!worker)
			return -ENOMEM;
		worker_from_ring(salvage, worker, ring);
		head = ring->role == TRACE_ROLE_OTHER
			   ? others_head(salvage, i, ring->tail, ring->head)
			   : ring->head;
		error = salvage_records(salvage, i, worker, ring->tail, head);
	}
	return error;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static int salvage_all(struct salvage *salvage)
{
	int error = salvage_tables(salvage);

	return error ? error : salvage_rings(salvage);
}

static int note_running(struct salvage *salvage)
{
	struct trace_process *process = &salvage->reader->trace.processes[salvage->process];
	uint64_t waiting = 0;

	process->running = true;
	for (uint32_t i = 0; salvage->shared && i < salvage->shared->ring_count; i++)
		if (ring_is_sane(salvage->shared, &salvage->shared->rings[i]))
			waiting += salvage->shared->rings[i].head - salvage->shared->rings[i].tail;
	process->drained = salvage->shared && waiting == 0;
	return reader_note(process,
			   "process %u is still running: %llu of its events are still in its ring "
			   "(trace_ctl %u flush)",
			   process->pid, (unsigned long long)waiting, process->pid);
}

/* ---- The two ways to a ring ------------------------------------------------------------------ */

/* A ring file that the user named: its process may have no segment at all. */
int reader_salvage_file(struct reader *reader, size_t file_index)
{
	struct reader_file *file = &reader->files[file_index];
	struct salvage salvage = {.reader = reader, .file_index = file_index};
	const char *problem = "no memory";
	int error;

	salvage.shared = shared_load(file, &problem);
	if (!salvage.shared) {
		reader_problem(reader, "%s: %s", file->path, problem);
		return 0;
	}
	shared_header(salvage.shared, &file->header);
	error = reader_process_find(reader, file, &salvage.process);
	if (!error) {
		if (reader_process_is_running(&reader->trace.processes[salvage.process]))
			error = note_running(&salvage);
		else
			error = salvage_all(&salvage);
	}
	free(salvage.shared);
	return error;
}

/* A dump of the flight recorder ends where it was taken, whatever the program does since. */
static bool process_has_ended(const struct trace_process *process)
{
	if (process->dump.cause)
		return true;
	return process->sealed &&
	       (process->seal_reason == TRACE_SEAL_EXIT || process->seal_reason == TRACE_SEAL_DIED);
}

/* The ring that a process's segments speak of, if it lies there still. */
int reader_salvage_process(struct reader *reader, size_t index)
{
	struct trace_process *process = &reader->trace.processes[index];
	struct salvage salvage = {.reader = reader, .process = index};
	const char *problem;
	bool running;
	int error = 0;

	if (process_has_ended(process) || !reader_boot_is_ours(process->boot_id))
		return 0;
	running = reader_process_is_running(process);
	if (*process->ring_path &&
	    reader_file_open_ring(reader, process->ring_path, &salvage.file_index) == 0)
		salvage.shared = shared_load(&reader->files[salvage.file_index], &problem);
	if (salvage.shared && memcmp(salvage.shared->process_id, process->process_id, 16) != 0) {
		free(salvage.shared);
		salvage.shared = NULL;
	}
	if (running)
		error = note_running(&salvage);
	else if (salvage.shared)
		error = salvage_all(&salvage);
	free(salvage.shared);
	return error;
}
