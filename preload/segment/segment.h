/* SPDX-License-Identifier: Apache-2.0
 *
 * What makes a segment readable alone: its header, the process, clock pairs, kinds, modules, sites,
 * and the seal; also entries of any kind, collected into blocks. It stands between the drain and
 * the writer.
 *
 * Rules: everything it writes is kept in memory of fixed size, so that each new segment can repeat
 * it. What it reads from shared memory is copied and checked.
 */
#ifndef SEGMENT_H
#define SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "observe/modules.h"
#include "ring/shared.h"
#include "script_texts.h"
#include "writer.h"

#define SEGMENT_TEXT_BYTES    4096
#define SEGMENT_ENTRIES_BYTES (1u << 15) /* of one block of entries */

#define SEGMENT_SCRIPT_NOTES_MAX  2
#define SEGMENT_SCRIPT_NOTE_BYTES 160

/* A site as it was found in shared memory; what has no name has name.bytes 0. */
struct segment_site {
	bool known;
	uint8_t kind;
	uint64_t callback;
	uint64_t caller;
	struct module_symbol callback_symbol;
	struct module_symbol caller_symbol;
};

/* A block of entries in the making. */
struct segment_entries {
	struct trace_block_header header;
	char payload[SEGMENT_ENTRIES_BYTES + WRITER_BLOCK_SLACK];
};

struct segment {
	struct shared *shared;
	struct writer writer;
	struct trace_file_header header;
	char exe[SEGMENT_TEXT_BYTES]; /* as they were at the start: the program may be gone later,
					 or another one */
	char cmdline[SEGMENT_TEXT_BYTES];
	uint16_t exe_bytes, cmdline_bytes;
	uint32_t clock;
	uint32_t proc_pid; /* whose /proc/PID may be looked at; 0: the program was gone before, its
			      pid may be another's */
	uint64_t ended_tick; /* then: of its last record; else 0 */
	uint64_t begun_ns;

	struct modules modules;
	uint32_t modules_told; /* in this segment */
	struct segment_site sites[TRACE_SITES_MAX];
	uint32_t sites_seen;		  /* every one below is known */
	uint32_t sites_end;		  /* none at or above is known */
	bool names_told[TRACE_NAMES_MAX]; /* in this segment */
	uint32_t names_seen;		  /* every one below is told */
	uint32_t notes;			  /* bits of enum segment_note */
	struct script_texts script_texts;
	/* What cannot be had of language runtimes; "" from the first free one on */
	char script_notes[SEGMENT_SCRIPT_NOTES_MAX][SEGMENT_SCRIPT_NOTE_BYTES];

	struct segment_entries entries;
	struct segment_entries samples; /* gather for longer */
};

/* proc_pid: the program as this process numbers it; of one that is gone already, perhaps for long,
 * it is 0, and ended_tick is that of its last record, which else is 0. Returns 0 or -errno. */
int segment_init(struct segment *segment, struct shared *shared, uint32_t proc_pid,
		 uint64_t ended_tick);

/* The tick at which something is noted: now, or when the program was there last. */
uint64_t segment_tick(const struct segment *segment);

/* Begins a file and tells what is known. Returns 0 or -errno. */
int segment_begin(struct segment *segment, uint64_t now_ns);

/* Ends it, with a last clock pair. `reason` is an enum trace_seal_reason. After TRACE_SEAL_EXIT
 * more may come into the same file, and then another end: the program's exit goes on after it was
 * confirmed. */
void segment_end(struct segment *segment, uint32_t reason, uint64_t recorded, uint64_t lost,
		 uint64_t now_ns);

/* Looks for sites that are new in shared memory, and tells them. */
void segment_update_sites(struct segment *segment, uint64_t now_ns);

/* Likewise for names. */
void segment_update_names(struct segment *segment, uint64_t now_ns);

/* Looks for what has been mapped since, and tells it. */
void segment_update_modules(struct segment *segment, uint64_t now_ns);

/* What every report must repeat; each is told once in every segment. */
enum segment_note {
	SEGMENT_NOTE_LOOKS_REFUSED,
	SEGMENT_NOTE_STACKS_REFUSED,
	SEGMENT_NOTE_STOPS_REFUSED,
	SEGMENT_NOTE_NO_STOPS,
	SEGMENT_NOTE_SWITCHES,
	SEGMENT_NOTES
};
void segment_put_note(struct segment *segment, enum segment_note note, uint64_t now_ns);

/* Tells the texts of a stack that this segment has not been told. Begins a block of its own. */
void segment_put_script_texts(struct segment *segment, const struct script_stack *stack,
			      uint64_t now_ns);

/* The frames of a stack as a trace has them. The texts must have been told. */
void segment_script_frames(const struct segment *segment, const struct script_stack *stack,
			   struct trace_script_frame *to);

/* As segment_put_note(), in the runtime's own words. */
void segment_put_script_note(struct segment *segment, const char *note, uint64_t now_ns);

void segment_put_clock(struct segment *segment, uint64_t now_ns);

/* Begins a block of entries of one type. */
void entries_begin(struct segment_entries *entries, uint16_t type);

/* Room for one more, zeroed, its length rounded up to 8 and stored in *entry_bytes; a full block is
 * written first. NULL if it can be in no block. */
void *entries_add(struct segment *segment, struct segment_entries *entries, uint32_t *entry_bytes,
		  uint64_t now_ns);

/* Writes what has gathered; the block is then empty and of the same type. */
void entries_flush(struct segment *segment, struct segment_entries *entries, uint64_t now_ns);

#endif
