/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract between the writers of a trace (preload/) and its readers (analyzer/): file header,
 * blocks, entries, event words. docs/trace-format.md is the specification; this header is its C
 * form.
 *
 * Rules: everything is little-endian, fixed-width, naturally aligned inside its struct, without
 * bit-fields; sizes and offsets are asserted below. Every block and every entry carries its length,
 * so a reader skips what it does not know. TRACE_VERSION goes up when an old reader would misread a
 * new file, and then TRACE_READER_VERSION_MIN in the file tells it so; additions that old readers
 * may skip change neither.
 * Written by preload/drain, read by analyzer/trace. What events, kinds and roles are called:
 * trace_tables.h.
 */
#ifndef TRACE_FORMAT_H
#define TRACE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_MAGIC		 "uvtrace\n" /* 8 bytes, no terminator */
#define TRACE_VERSION		 1
#define TRACE_READER_VERSION_MIN 1

/* ---- Event words --------------------------------------------------------------------------------
 * An event is a time and a 64-bit word: code in bits 0..15, object (an address or a count) in bits
 * 16..63.
 */
#define TRACE_OBJECT_MASK 0xffffffffffffull
#define TRACE_SITES_MAX	  8192 /* as in thunks_size.h */
#define TRACE_CODE_POLL	  64u  /* + site: a poll (callback) of that site starts */
/* + site: a request was submitted there */
#define TRACE_CODE_SUBMIT (TRACE_CODE_POLL + TRACE_SITES_MAX)
/* + site: a handle was made there (a site without a callback), or started with its callback */
#define TRACE_CODE_HANDLE (TRACE_CODE_SUBMIT + TRACE_SITES_MAX)
#define TRACE_CODE_END	  (TRACE_CODE_HANDLE + TRACE_SITES_MAX)
#define TRACE_DEPTH_MAX	  64 /* polls and loops open at once on one worker */

enum trace_code {
#define EVENT(code, name, jsonl, effect, inner, crosses, object, key, text) TRACE_##name = code,
#include "trace_events.def"
#undef EVENT
};

enum trace_kind {
	KIND_NONE,
#define KIND(name, text, class) KIND_##name,
#include "trace_kinds.def"
#undef KIND
	KIND_COUNT
};

enum trace_kind_class {
	KIND_CLASS_NONE,
	KIND_CLASS_HANDLE,
	KIND_CLASS_REQUEST,
	KIND_CLASS_POOL,
	KIND_CLASS_WORKFN
};

/* Does a callback start? */
static inline int trace_code_is_poll(uint32_t code)
{
	return code - TRACE_CODE_POLL < TRACE_SITES_MAX;
}

static inline int trace_code_is_submit(uint32_t code)
{
	return code - TRACE_CODE_SUBMIT < TRACE_SITES_MAX;
}

static inline int trace_code_is_handle(uint32_t code)
{
	return code - TRACE_CODE_HANDLE < TRACE_SITES_MAX;
}

static inline uint64_t trace_word(uint64_t object, uint32_t code)
{
	return object << 16 | code;
}

static inline uint32_t trace_word_code(uint64_t word)
{
	return word & 0xffff;
}

static inline uint64_t trace_word_object(uint64_t word)
{
	return word >> 16;
}

static inline int trace_word_is_poll(uint64_t word)
{
	return trace_code_is_poll(trace_word_code(word));
}

/* What the program says of itself (uvtrace.h): a MARK, SPAN_BEGIN or SPAN_END, then `more` events
 * that go on with it at the same time: a MARK_HIGH where the value has more than 32 bits, a
 * MARK_FIELD for each field, with a MARK_HIGH of its own where it needs one. The object of all but
 * MARK_HIGH: name << 36 | more << 32 | lower 32 bits of the value. */
#define TRACE_NAMES_MAX	      1024 /* below 4096 */
#define TRACE_MARK_FIELDS_MAX 4

static inline uint64_t trace_mark_word(uint32_t code, uint32_t name, uint32_t more, uint64_t value)
{
	return trace_word((uint64_t)name << 36 | (uint64_t)more << 32 | (uint32_t)value, code);
}

static inline uint32_t trace_mark_name(uint64_t word)
{
	return (uint32_t)(word >> 52);
}

static inline uint32_t trace_mark_more(uint64_t word)
{
	return (uint32_t)(word >> 48) & 15;
}

static inline uint32_t trace_mark_low(uint64_t word)
{
	return (uint32_t)(word >> 16);
}

/* A stream's queue of writes. Its object: behind << 47 | stream << 44 | descriptor << 32 | bytes.
 * `behind`: the queue was not empty before the write. A descriptor of 4095 stands for all from
 * there on and for none, bytes of 2^32 - 1 for all from there on. */
enum trace_stream { TRACE_STREAM_TCP = 1, TRACE_STREAM_PIPE = 2, TRACE_STREAM_TTY = 3 };
#define TRACE_QUEUE_FD_MAX 4095

struct trace_queue {
	bool behind;
	uint32_t stream; /* enum trace_stream; others: unknown */
	uint32_t fd, bytes;
};

static inline uint64_t trace_queue_word(bool behind, enum trace_stream stream, int fd,
					uint64_t bytes)
{
	uint64_t descriptor = (uint32_t)fd < TRACE_QUEUE_FD_MAX ? (uint32_t)fd : TRACE_QUEUE_FD_MAX;

	return trace_word((uint64_t)behind << 47 | (uint64_t)stream << 44 | descriptor << 32 |
			      (bytes < UINT32_MAX ? bytes : UINT32_MAX),
			  TRACE_WRITE_QUEUE);
}

static inline struct trace_queue trace_queue_of(uint64_t word)
{
	return (struct trace_queue){
	    .behind = word >> 63,
	    .stream = (uint32_t)(word >> 60) & 7,
	    .fd = (uint32_t)(word >> 48) & TRACE_QUEUE_FD_MAX,
	    .bytes = (uint32_t)(word >> 16),
	};
}

enum trace_role {
	TRACE_ROLE_LOOP = 1,
	TRACE_ROLE_POOL = 2,
	/* All threads that are no workers: their AsyncSend events, marks and spans; tid 0 */
	TRACE_ROLE_OTHER = 3,
};
enum trace_tier {
	TRACE_TIER_FULL = 1,	/* every call of a shared libuv */
	TRACE_TIER_LIBC = 2,	/* waits only */
	TRACE_TIER_PATCHED = 3, /* every call of a libuv in the program; not those in a NOTE */
};
enum trace_clock { TRACE_CLOCK_TSC = 1, TRACE_CLOCK_MONOTONIC = 2 };

/* ---- File ---------------------------------------------------------------------------------------
 * A segment is one file: this header, then blocks to the end of the file, each begun at a multiple
 * of 8 bytes. Times called _tick are in units: counter >> unit_shift.
 */
struct trace_file_header {
	char magic[8];
	uint16_t version;
	uint16_t reader_version_min;
	uint32_t header_bytes;
	uint32_t pid;
	uint8_t unit_shift;
	uint8_t clock; /* enum trace_clock */
	uint8_t tier;  /* enum trace_tier */
	uint8_t reserved0;
	uint64_t segment;    /* N of the file's name */
	uint64_t start_tick; /* when recording began in this process */
	uint64_t start_mono_ns;
	uint64_t start_real_ns;
	uint8_t process_id[16]; /* random, one for each process image: ties segments together */
	uint8_t boot_id[16];
	/* What the file may grow to while it is open: others keep so much of the budget free. */
	uint64_t bytes_max;
	uint8_t reserved[24];
	uint32_t crc32c; /* of all bytes of this header before this field */
	uint32_t reserved1;
};
_Static_assert(sizeof(struct trace_file_header) == 128, "file header");

#define TRACE_BLOCK_MAGIC     0x42545655u /* "UVTB" */
#define TRACE_BLOCK_BYTES_MAX (1u << 20)  /* payload of one block: a longer one is damage */

enum trace_block_type {
	TRACE_BLOCK_PROCESS = 1, /* struct trace_text entries: what the process is */
	TRACE_BLOCK_CLOCK = 2,	 /* struct trace_clock_pair */
	TRACE_BLOCK_KINDS = 3,	 /* struct trace_kind_entry */
	TRACE_BLOCK_MODULES = 4, /* struct trace_module_entry */
	TRACE_BLOCK_SITES = 5,	 /* struct trace_site_entry */
	/* struct trace_worker_entry; a later entry of the same worker replaces the earlier */
	TRACE_BLOCK_WORKERS = 6,
	TRACE_BLOCK_EVENTS = 7,	 /* context entries, then encoded items of one worker */
	TRACE_BLOCK_SAMPLES = 8, /* struct trace_sample */
	/* struct trace_seal: the segment's last block, missing where the writer died; what a
	 * program still does while it exits may follow it, and then another one */
	TRACE_BLOCK_SEAL = 9,
	TRACE_BLOCK_NAMES = 10,	 /* struct trace_name_entry */
	TRACE_BLOCK_STALLS = 11, /* struct trace_stall_entry: samples of blocking callbacks */
	/* struct trace_script_text: names that script frames of this segment's samples refer to */
	TRACE_BLOCK_SCRIPT_TEXTS = 12,
	/* struct trace_stall_entry: samples inside callbacks, UVTRACE_SAMPLE_HZ a second. Worker
	 * and tick tell which callback ran; poll_word, CPU time and waits are 0, poll_tick and
	 * base_tick are the tick; `suppressed` is how many samples were due before this one, on any
	 * loop, that were not taken */
	TRACE_BLOCK_PROFILE = 13,
	TRACE_BLOCK_DUMP =
	    14, /* struct trace_dump: why the segment was written, and of what time */
};

struct trace_block_header {
	uint32_t magic;
	uint16_t type;
	uint16_t header_bytes;	/* 64 */
	uint32_t payload_bytes; /* without the padding to 8 that follows */
	uint32_t crc32c;	/* of this header with this field 0, then the payload */
	/* The rest is 0 but in EVENTS blocks. */
	uint32_t worker;
	uint32_t event_count; /* ring records in this block */
	/* The worker's index of its first record: gaps are missing, overlaps are doubles. */
	uint64_t first_index;
	uint64_t first_tick; /* base of the first gap */
	uint64_t last_tick;
	uint32_t context_count; /* struct trace_context entries at the payload's start */
	uint32_t reserved0;
	uint64_t reserved1;
};
_Static_assert(sizeof(struct trace_block_header) == 64, "block header");

/* What was open on the worker when the block began, outermost first: polls, loops (LOOP_ENTER), a
 * PARK. */
struct trace_context {
	uint64_t word;
	uint64_t tick;
};

/* ---- Encoded items ------------------------------------------------------------------------------
 * An EVENTS block's items refer to event words by an index into the block's own table of words,
 * which begins empty and to which each DEFINE item adds one. An item is a control byte, then its
 * fields, little-endian, in this order: index, second index, gap, duration.
 *   bits 0-1  shape
 *   bits 2-3  length of the gap:      0, 1, 2, 6 bytes; units from the end of the item before
 *                                     (or the block's first_tick) to this item's start
 *   bits 4-5  length of the duration: 1, 2, 3, 6 bytes; POLL and WAIT only, absent otherwise
 *   bit  6    length of an index:     1, 2 bytes
 *   bit  7    POLL only: a second index follows, an event at the poll's start tick, inside it
 * Shapes:
 *   POLL      PollStart of the word, PollEnd after the duration
 *   WAIT      PARK, then after the duration the word, which is an UNPARK
 *   INSTANT   the word
 *   OTHER     bits 2-3 = 0: DEFINE: u16 code, then the object as a zigzagged difference (modulo
 *             2^48, as a signed 48-bit number) to the object of the DEFINE before, in the length of
 *             bits 4-5
 *             bits 2-3 = 3: an extension: u16 length, then so many bytes; unknown ones are skipped
 */
enum trace_shape { TRACE_SHAPE_POLL, TRACE_SHAPE_WAIT, TRACE_SHAPE_INSTANT, TRACE_SHAPE_OTHER };
#define TRACE_ITEM_BYTES_MAX 17	    /* of one item, extensions apart */
#define TRACE_WORDS_MAX	     65536u /* words defined in one block */
/* A longer gap or duration begins a new block (context carries what is open). */
#define TRACE_GAP_BITS 48

/* ---- Entries ------------------------------------------------------------------------------------
 * Each begins with its own length in bytes (a multiple of 8, padding included). Strings have no
 * terminator.
 */
enum trace_text_key {
	TRACE_TEXT_EXE = 1,	/* the program's path */
	TRACE_TEXT_CMDLINE = 2, /* arguments, separated by one space */
	TRACE_TEXT_LIBUV = 3,	/* uv_version_string() */
	TRACE_TEXT_LIBUV_PATH = 4,
	/* where the ring lies while the process lives and after a crash of the helper */
	TRACE_TEXT_RING_PATH = 5,
	TRACE_TEXT_VERSION = 6, /* uvtrace's own version */
	TRACE_TEXT_NOTE = 7,	/* a warning that every report must repeat */
	TRACE_TEXT_OPTION = 8,	/* NAME=VALUE: an option that readers go by */
	TRACE_TEXT_UNSEEN = 9,	/* what of this program cannot be seen: one of the words below */
	TRACE_TEXT_HOW = 10,	/* how the calls of a libuv in the executable are seen */
};

/* TRACE_TEXT_UNSEEN, and the note that goes with it. */
#define TRACE_UNSEEN_POOL_ITEMS "pool_items"
#define TRACE_UNSEEN_POOL_ITEMS_NOTE                                                               \
	"libuv was linked with -Bsymbolic-functions: when pool threads began and ended the work "  \
	"of files and names cannot be seen; it counts as lasting until its callback"

struct trace_text {
	uint32_t entry_bytes;
	uint16_t key; /* enum trace_text_key */
	uint16_t text_bytes;
	char text[];
};

struct trace_clock_pair {
	uint64_t counter; /* not shifted */
	uint64_t mono_ns;
	uint64_t real_ns;
};

struct trace_kind_entry {
	uint16_t entry_bytes;
	uint8_t kind;
	uint8_t class; /* enum trace_kind_class */
	/* POOL: where struct uv__work lies in the request, what ITEM_END names */
	uint16_t work_req_offset;
	uint16_t name_bytes;
	char name[];
};

struct trace_module_entry {
	uint32_t entry_bytes;
	uint16_t build_id_bytes;
	uint16_t path_bytes;
	uint64_t bias;	/* address in memory - address in the ELF file */
	uint64_t start; /* mapped from here ... */
	uint64_t end;	/* ... to before here */
	char text[];	/* build id, then path */
};

struct trace_site_entry {
	uint32_t entry_bytes;
	uint16_t site;
	uint8_t kind;
	uint8_t reserved;
	uint64_t callback;	  /* 0: submitted without a callback */
	uint64_t caller;	  /* return address of the call that registered it */
	uint32_t callback_offset; /* of callback from its symbol */
	uint32_t caller_offset;
	uint16_t callback_symbol_bytes; /* 0: no symbol */
	uint16_t caller_symbol_bytes;
	char text[]; /* callback's symbol, then caller's */
};

/* What a mark, a span or a field is called. */
struct trace_name_entry {
	uint32_t entry_bytes;
	uint16_t name;
	uint16_t name_bytes;
	char text[];
};

struct trace_worker_entry {
	uint32_t entry_bytes;
	uint32_t worker;
	uint32_t tid;
	uint8_t role; /* enum trace_role */
	uint8_t name_bytes;
	uint16_t reserved;
	uint64_t start_tick;
	uint64_t end_tick; /* 0: not ended yet */
	uint64_t recorded; /* ring records committed so far */
	uint64_t lost;	   /* events lost so far, all causes */
	char name[];
};

enum trace_sample_type {
	/* Loop worker: a = active requests, b = active handles, c = ready fds of the last wait */
	TRACE_SAMPLE_QUEUE = 1,
	/* Process (worker 0): a = queued items, b = running items, c = pool threads */
	TRACE_SAMPLE_POOL = 2,
	/* Any worker: a = cpu_ns, b = run-queue wait_ns, c = time slices, as in schedstat */
	TRACE_SAMPLE_WORKER = 3,
	/* Process: a = 1 switched on, 0 switched off */
	TRACE_SAMPLE_RECORDING = 4,
	/* Process, running totals: a = callbacks that got no site, b = threads that got no ring,
	 * c = events on those and before the first loop, d = marks, spans and fields without a
	 * name or too early */
	TRACE_SAMPLE_UNTRACED = 5,
	/* Any worker, running totals: a = voluntary, b = involuntary context switches */
	TRACE_SAMPLE_SWITCHES = 6,
	/* Process, running totals of its cgroup: a = enforcement periods, b = throttled ones,
	 * c = throttled ns */
	TRACE_SAMPLE_CGROUP = 7,
	/* Process, running totals over all CPUs: a = busy ns, b = idle ns, c = stolen ns (steal) */
	TRACE_SAMPLE_MACHINE = 8,
	/* Process: a = CPUs of the machine, b = CPUs it may run on, c = quota of its cgroup in
	 * thousandths of a CPU, 0: none */
	TRACE_SAMPLE_CPUS = 9,
	/* Process: a = what recording one event costs on this machine, in picoseconds */
	TRACE_SAMPLE_PRICE = 10,
	/* Process, running totals: a = samples of blocking callbacks, b = those left out because
	 * there were too many, c = those that saw nothing but which callback it was */
	TRACE_SAMPLE_STALLS = 11,
	/* Process, how it ended, where that is known: a = exit code, b = signal that killed it,
	 * 0: none */
	TRACE_SAMPLE_EXIT = 12,
};

struct trace_sample {
	uint16_t entry_bytes; /* 48 */
	uint16_t type;
	uint32_t worker;
	uint64_t tick;
	uint64_t a, b, c, d; /* d: 0 but in UNTRACED */
};
_Static_assert(sizeof(struct trace_sample) == 48, "sample");

enum trace_seal_reason {
	TRACE_SEAL_ROTATED = 1, /* another segment follows */
	TRACE_SEAL_EXIT = 2,	/* the program ended by exit() or return from main */
	TRACE_SEAL_DIED = 3,	/* the program ended without telling us: signal, _exit, exec */
};

struct trace_seal {
	uint32_t reason;
	uint32_t reserved;
	uint64_t tick;
	uint64_t recorded; /* by all workers, since the process began */
	uint64_t lost;
};
_Static_assert(sizeof(struct trace_seal) == 32, "seal");

#include "trace_dump.h"
#include "trace_stall.h"

#endif
