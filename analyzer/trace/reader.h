/* SPDX-License-Identifier: Apache-2.0
 *
 * The only decoder of traces: opens segments (and what a crash left in a ring), checks them, and
 * hands out each worker's items in order. analyze_trace, trace_to_jsonl and the viewer all stand on
 * it. It streams: memory is bounded by the number of workers and blocks, not of events (64 KiB a
 * cursor, 64 bytes a block).
 *
 * Rules: no input whatever makes it crash, read out of bounds, or loop; what is damaged is passed
 * over and said in `problems`. It prints nothing and never exits. The format is
 * docs/trace-format.md (preload/format/trace_format.h).
 */
#ifndef READER_H
#define READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "format/trace_tables.h"

/* One decoded item. Times are in ticks of the process; trace_ns() turns them into
 * CLOCK_MONOTONIC nanoseconds. */
struct trace_item {
	uint64_t tick;	   /* start */
	uint64_t duration; /* ticks; POLL and WAIT only */
	uint64_t word;	 /* POLL: TRACE_CODE_POLL + site and the object; WAIT: the UNPARK; INSTANT:
			    any event */
	uint32_t shape;	 /* enum trace_shape, never OTHER. Polls and waits that have other events
			  * inside come as  INSTANTs (TRACE_CODE_POLL + site ... TRACE_POLL_END;
			  * PARK ... UNPARK). */
	uint32_t inside; /* 1: an INSTANT inside the POLL just before it, at its start */
};

struct trace_kind_info {
	char *name;
	uint8_t class;
	uint16_t work_req_offset;
};
struct trace_module {
	uint64_t bias, start, end;
	char *path;
	uint8_t build_id[64];
	uint16_t build_id_bytes;
};
struct trace_site {
	bool present;
	uint8_t kind;
	uint64_t callback, caller;	       /* 0: none */
	char *callback_symbol, *caller_symbol; /* of the ELF file, NULL where there is none */
	uint32_t callback_offset, caller_offset;
};

struct trace_worker {
	uint32_t worker, tid;
	uint8_t role; /* enum trace_role */
	char name[17];
	uint64_t start_tick, end_tick; /* end 0: was alive at the end of the trace */
	uint64_t events;	       /* ring records readable in this trace */
	uint64_t
	    lost; /* dropped by the tracer, all causes, as the newest entry or LOST event says */
	uint64_t
	    missing; /* recorded once but not in these files: evicted segments, broken blocks */
	uint64_t missing_last; /* of these, those behind the last readable one (of a program that
				  runs: not yet) */
	uint64_t first_tick, last_tick; /* of its readable events; 0 where there are none */
	struct reader_blocks *blocks;	/* private */
};

/* From `tick` (to `end_tick`) the clock is taken to run evenly. The first range reaches back to 0
 * ns at most, the last one on for ever. For callers that convert many ticks: find the range once,
 * then trace_range_ns(). */
struct trace_clock_range {
	uint64_t tick, end_tick;
	uint64_t ns, end_ns;	/* CLOCK_MONOTONIC at both ends */
	uint64_t rate;		/* nanoseconds a tick, times 2^TRACE_RATE_BITS */
	int64_t real_offset_ns; /* wall clock - CLOCK_MONOTONIC */
};
#define TRACE_RATE_BITS 40

/* A text that script frames refer to by its id. */
struct trace_script_name {
	uint32_t id;
	bool is_doubtful; /* two texts were told for it: neither is taken */
	char *text;
};

/* A function of JavaScript or Python that a thread was in, or where native code was left and
 * entered: as in struct trace_script_frame. */
struct trace_script {
	uint64_t frame;		     /* on the native stack; 0: not there */
	const char *function, *file; /* NULL: not known */
	uint32_t function_id, file_id;
	uint32_t line, first_line; /* from 1; 0: not known */
	uint8_t kind, flags;	   /* enum trace_script_kind, enum trace_script_flags */
};

/* A look at a callback that did not come back in time, or that it has ended: as in struct
 * trace_stall_entry. */
struct trace_stall {
	uint64_t poll_word, poll_tick; /* word 0: an item of the pool, or an iteration of a loop
					  that cannot be seen into */
	uint64_t tick, base_tick;
	uint64_t base_cpu_ns, base_wait_ns, cpu_ns, wait_ns;
	int64_t syscall; /* -1: none, -2: not known */
	uint64_t arguments[6];
	uint64_t sp, pc, frame_sp;
	uint32_t worker; /* number */
	uint32_t blocker, stack_bytes, error, suppressed;
	uint16_t type, machine;
	uint8_t state;
	uint32_t register_count, word_count;
	uint64_t *registers, *words;  /* of the stack: trace_word(value, place), by place */
	char *object;		      /* never NULL */
	struct trace_script *scripts; /* innermost first */
	uint16_t script_count;	      /* at most TRACE_SCRIPT_FRAMES_MAX */
	uint8_t script_status;	      /* enum trace_script_status */
};

/* Names a sample where its place in a list does not: in another reading of a part of the trace. Two
 * of one process have the same only if workers of one trace were sampled in one tick. */
static inline uint64_t trace_stall_key(const struct trace_stall *stall)
{
	return stall->tick * 4096 + stall->worker;
}

#define READER_PENDING_NS 6000000000ull /* where the trace does not say it */

struct trace_process {
	uint32_t pid;
	uint32_t uid; /* who owns the first file of it that was read: the traced program's user,
			 unless it was copied */
	uint8_t process_id[16];
	uint8_t boot_id[16]; /* processes of one boot share CLOCK_MONOTONIC */
	uint8_t clock, tier, unit_shift;
	uint64_t
	    pending_ns; /* requests on their way for longer are to be reported; UINT64_MAX: none */
	char *exe, *cmdline, *libuv, *libuv_path, *ring_path, *version,
	    *how;		/* (its calls are seen); never NULL; "" where unknown */
	bool pool_items_unseen; /* when the pool's items end is known of uv_queue_work's alone */
	char **notes;
	size_t note_count; /* warnings that reports must repeat */
	/* Of a dump of the flight recorder, the last that its segments tell; cause 0: none. */
	struct trace_dump dump;
	char *dump_reason; /* never NULL */
	uint64_t start_real_ns, start_mono_ns, start_tick;
	uint64_t first_tick, last_tick; /* over everything readable */
	bool sealed;			/* the last segment has its seal */
	uint32_t seal_reason;		/* enum trace_seal_reason, 0 where there is none */
	uint64_t seal_tick;		/* of the newest seal; 0 where there is none */
	bool salvaged;			/* part of it comes from the ring that a crash left */
	bool drained;			/* running, and no event waits in its ring */
	bool running; /* it is alive on this machine now: its newest events are not in its files yet
		       */
	uint64_t first_segment, last_segment;
	uint32_t segment_count;
	struct trace_worker *workers;
	size_t worker_count; /* by number */
	struct trace_site *sites;
	size_t site_count; /* by site index; look at .present */
	struct trace_kind_info *kinds;
	size_t kind_count; /* by kind number; name NULL where unknown */
	struct trace_module *modules;
	size_t module_count; /* by start */
	char **names;
	size_t name_count; /* of marks, spans and fields, by number; NULL where unknown */
	struct trace_script_name *script_texts;
	size_t script_text_count;
	struct trace_sample *samples;
	size_t sample_count; /* by tick; thinned evenly beyond 1 Mi samples a process, which is a
				problem line */
	struct trace_stall *stalls;
	size_t stall_count; /* by tick; at most 16,384, more are a problem line */
	/* Samples inside callbacks, this often a second; likewise, at most 262,144. The callback is
	 * the one that was open at the tick */
	struct trace_stall *profile;
	size_t profile_count;
	uint32_t profile_hz; /* 0: none were asked for */
	uint64_t events, lost,
	    missing; /* sums over workers; missing also counts blocks whose worker is unknown */
	struct trace_clock_range *clock_ranges;
	size_t clock_range_count;	/* by tick, at least one */
	struct reader_indices *indices; /* private */
};

struct trace {
	struct trace_process *processes;
	size_t process_count; /* by start_real_ns */
	char **problems;
	size_t problem_count; /* one line each: "FILE: what is wrong, at byte N" */
	uint64_t bytes;	      /* of all files */
	uint32_t files;
};

typedef void (*trace_progress)(void *arg, uint64_t done_bytes, uint64_t total_bytes);

/* Opens files and directories (every *.bin, *.bin.open, *.bin.gz, *.bin.zst in a directory, not
 * deeper). Returns NULL only when memory is out; a trace in which nothing could be read has
 * process_count 0 and says why in problems. */
struct trace *trace_open(const char *const *paths, size_t count, trace_progress progress,
			 void *arg);
void trace_close(struct trace *trace);

/* CLOCK_MONOTONIC nanoseconds of a tick; monotonic in tick; and the wall clock. */
uint64_t trace_ns(const struct trace_process *process, uint64_t tick);
uint64_t trace_real_ns(const struct trace_process *process, uint64_t tick);
const struct trace_clock_range *trace_clock_range(const struct trace_process *process,
						  uint64_t tick);

/* What trace_ns() returns for a tick of this range; another tick gives the nearer end. */
static inline uint64_t trace_range_ns(const struct trace_clock_range *range, uint64_t tick)
{
	uint64_t ticks = tick > range->tick ? tick - range->tick : 0;
	unsigned __int128 ns =
	    range->ns + ((unsigned __int128)ticks * range->rate >> TRACE_RATE_BITS);

	return ns < range->end_ns ? (uint64_t)ns : range->end_ns;
}

/* Until when the process' events are sure to have been read, CLOCK_MONOTONIC: its last one or, of a
 * process that runs and is quiet, a little more than a second ago: its ring is empty, and that is
 * as long as the writer may have kept one. */
uint64_t trace_known_until_ns(const struct trace_process *process);

/* Walks the items of one worker in stream order (by the tick at which an item was complete; an
 * INSTANT nested in a fused POLL follows it). Several cursors may be open, also in several threads.
 */
struct trace_cursor;
struct trace_cursor *trace_cursor_open(struct trace *trace, size_t process, size_t worker_position);
/* Fills up to `max` items whose start tick is < until (UINT64_MAX: all), returns how many. 0: none
 * left. */
size_t trace_cursor_read(struct trace_cursor *cursor, uint64_t until, struct trace_item *items,
			 size_t max);
/* What was open on the worker where this cursor's data begins or resumes after missing data: call
 * after each read that returned items; *count entries valid until the next read. Not NULL only when
 * items[0] is the first after such a place. */
const struct trace_context *trace_cursor_context(const struct trace_cursor *cursor, size_t *count,
						 bool *after_gap);
/* How many records are missing just before items[0] of the last read; 0 without a gap there. */
uint64_t trace_cursor_missing(const struct trace_cursor *cursor);
/* NULL, or one line about a block whose checksum is right and whose items are not: it was passed
 * over from there. */
const char *trace_cursor_problem(const struct trace_cursor *cursor);
void trace_cursor_close(struct trace_cursor *cursor);

/* A piece of a worker's items that can be read by itself, whole blocks, for threads. Read one after
 * the other, the parts give the items of the whole stream; each begins with a context. */
struct trace_part {
	size_t first_block, end_block; /* private */
	uint64_t first_tick;	       /* no item of it is earlier ... */
	uint64_t last_tick;	       /* ... and none ends later */
	uint64_t missing; /* records that are missing between the part before and this one */
	uint64_t events;
};
/* Cuts a worker's stream into parts of `events` or (blocks are not cut) a bit more or less. Returns
 * how many; `parts` may be NULL. */
size_t trace_parts(const struct trace_worker *worker, uint64_t events, struct trace_part *parts);
struct trace_cursor *trace_cursor_open_part(struct trace *trace, size_t process,
					    size_t worker_position, const struct trace_part *part);

/* From the last place that begins before a tick and can be begun at, to the end. NULL: no memory,
 * or no items. */
struct trace_cursor *trace_cursor_open_near(struct trace *trace, size_t process,
					    size_t worker_position, uint64_t tick);

/* The files that the trace was read from, inflated. The path is NULL for those that could not be
 * used. */
size_t trace_file_count(const struct trace *trace);
const char *trace_file_path(const struct trace *trace, size_t index);
ssize_t trace_file_read(const struct trace *trace, size_t index, void *to, size_t bytes,
			uint64_t offset);

/* Its callback, or what is made there, is of a handle. */
bool trace_site_is_handle(const struct trace_process *process, uint32_t site);
/* "timer"; "" where the trace does not explain the site. */
const char *trace_site_kind(const struct trace_process *process, uint32_t site);
/* A handle's event of that site says that it was made; else that it was started. */
bool trace_site_makes(const struct trace_process *process, uint32_t site);

/* NULL where the trace does not say it. */
static inline const char *trace_name(const struct trace_process *process, uint32_t name)
{
	return name < process->name_count ? process->names[name] : NULL;
}

#endif
