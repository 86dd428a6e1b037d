/* SPDX-License-Identifier: Apache-2.0
 *
 * See segment.h: blocks of entries, and what a segment begins and ends with.
 */
#include "segment_internal.h"

#include <string.h>

#include "recorder.h"
#include "ring/clock.h"

/* ---- Entries -------------------------------------------------------------------------------- */

void entries_begin(struct segment_entries *entries, uint16_t type)
{
	memset(&entries->header, 0, sizeof(entries->header));
	entries->header.magic = TRACE_BLOCK_MAGIC;
	entries->header.type = type;
	entries->header.header_bytes = sizeof(entries->header);
}

void entries_flush(struct segment *segment, struct segment_entries *entries, uint64_t now_ns)
{
	if (entries->header.payload_bytes > 0)
		writer_append(&segment->writer, &entries->header, now_ns);
	entries->header.payload_bytes = 0;
}

void *entries_add(struct segment *segment, struct segment_entries *entries, uint32_t *entry_bytes,
		  uint64_t now_ns)
{
	uint32_t bytes = (*entry_bytes + 7) & ~7u;
	uint64_t room = writer_space_left(&segment->writer);
	char *entry;

	room = room < SEGMENT_ENTRIES_BYTES ? room : SEGMENT_ENTRIES_BYTES;
	if (entries->header.payload_bytes + bytes > room)
		entries_flush(segment, entries, now_ns);
	if (bytes > room)
		return NULL;
	entry = entries->payload + entries->header.payload_bytes;
	memset(entry, 0, bytes);
	entries->header.payload_bytes += bytes;
	*entry_bytes = bytes;
	return entry;
}

/* A block with one entry without a length of its own. */
static void put_single(struct segment *segment, uint16_t type, const void *data, uint32_t bytes,
		       uint64_t now_ns)
{
	entries_begin(&segment->entries, type);
	memcpy(segment->entries.payload, data, bytes);
	segment->entries.header.payload_bytes = bytes;
	entries_flush(segment, &segment->entries, now_ns);
}

void segment_put_clock(struct segment *segment, uint64_t now_ns)
{
	struct trace_clock_pair pair = clock_pair_read(segment->clock);

	put_single(segment, TRACE_BLOCK_CLOCK, &pair, sizeof(pair), now_ns);
}

/* ---- The whole ------------------------------------------------------------------------------ */

static void header_init(struct segment *segment)
{
	const struct shared *shared = segment->shared;
	struct trace_file_header *header = &segment->header;

	memcpy(header->magic, TRACE_MAGIC, sizeof(header->magic));
	header->version = TRACE_VERSION;
	header->reader_version_min = TRACE_READER_VERSION_MIN;
	header->header_bytes = sizeof(*header);
	header->pid = shared->pid;
	header->unit_shift = (uint8_t)(shared->unit_shift & 63);
	header->clock = (uint8_t)shared->clock;
	header->tier = (uint8_t)shared->tier;
	header->start_tick = shared->start.counter >> header->unit_shift;
	header->start_mono_ns = shared->start.mono_ns;
	header->start_real_ns = shared->start.real_ns;
	memcpy(header->process_id, shared->process_id, sizeof(header->process_id));
	memcpy(header->boot_id, shared->boot_id, sizeof(header->boot_id));
}

uint64_t segment_tick(const struct segment *segment)
{
	return segment->ended_tick ? segment->ended_tick
				   : clock_read(segment->clock) >> segment->header.unit_shift;
}

int segment_init(struct segment *segment, struct shared *shared, uint32_t proc_pid,
		 uint64_t ended_tick)
{
	int error;

	segment->shared = shared;
	segment->clock = shared->clock;
	segment->proc_pid = proc_pid;
	segment->ended_tick = ended_tick;
	header_init(segment);
	entries_begin(&segment->samples, TRACE_BLOCK_SAMPLES);
	preamble_read(segment);
	error = writer_init(&segment->writer, &shared->options, segment->header.pid);
	if (!error && segment->writer.mode == SHARED_WRITER_RECORDER)
		error = recorder_dir(shared->self_path, segment->writer.dir,
				     sizeof(segment->writer.dir));
	return error;
}

int segment_begin(struct segment *segment, uint64_t now_ns)
{
	int error = writer_begin(&segment->writer, &segment->header, now_ns);

	if (error)
		return error;
	segment->begun_ns = now_ns;
	segment->modules_told = 0;
	script_texts_begin(&segment->script_texts);
	preamble_put_process(segment, now_ns);
	segment_put_clock(segment, now_ns);
	preamble_put_kinds(segment, now_ns);
	preamble_put_modules(segment, now_ns);
	segment_put_all_sites(segment, now_ns);
	segment_put_all_names(segment, now_ns);
	return segment->writer.is_open ? 0 : segment->writer.error;
}

void segment_end(struct segment *segment, uint32_t reason, uint64_t recorded, uint64_t lost,
		 uint64_t now_ns)
{
	struct trace_seal seal = {
	    .reason = reason,
	    .tick = segment_tick(segment),
	    .recorded = recorded,
	    .lost = lost,
	};

	entries_flush(segment, &segment->samples, now_ns);
	segment_put_clock(segment, now_ns);
	put_single(segment, TRACE_BLOCK_SEAL, &seal, sizeof(seal), now_ns);
	if (reason == TRACE_SEAL_EXIT)
		writer_seal_and_go_on(&segment->writer);
	else
		writer_seal(&segment->writer);
}
