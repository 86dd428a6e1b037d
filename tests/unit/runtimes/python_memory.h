/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of a program with a CPython in it, made here: a thread with functions that call each
 * other, in the layout of any version that is known. Used by the unit tests and the fuzzer.
 *
 * Rules: where things lie comes from cpython_layout.def, which scripts/python_offsets.py holds
 * against CPython's own headers; for versions that say so themselves, the offsets are some here.
 */
#ifndef PYTHON_MEMORY_H
#define PYTHON_MEMORY_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "runtimes/cpython.h"

#define MEMORY_BASE	     0x5500000ull
#define MEMORY_BYTES	     32768u
#define MEMORY_TID	     4711u
#define MEMORY_PTHREAD	     0x7f0000001740ull
#define MEMORY_SELF_VERSION  313 /* from here on _PyRuntime says where things lie */
#define MEMORY_WORDS	     128 /* so many words of it are read */
#define MEMORY_INSTRUCTIONS  64	 /* of each function, of two bytes each */
#define MEMORY_OWNER_SHIM    3
#define MEMORY_BEFORE_FRAME  16 /* what a generator has there */
#define MEMORY_LAYOUT_FIELDS (sizeof(struct cpython_layout) / sizeof(uint16_t) - 1)

static const uint16_t memory_versions[] = {308, 309, 310, 311, 312, 313, 314};
#define MEMORY_VERSIONS (sizeof(memory_versions) / sizeof(memory_versions[0]))

struct python_memory {
	uint8_t bytes[MEMORY_BYTES];
	uint32_t used;
	uint32_t release;
	struct cpython python;
	uint64_t interpreter, state;
	uint64_t other;	       /* the state of another thread, which comes first */
	uint64_t cframe;       /* of the innermost frames */
	uint64_t outer_cframe; /* of those that were added last */
	bool is_new_cframe;    /* it has no frame yet */
	uint64_t last;	       /* the frame that was added last, or the shim behind it */
	uint64_t unreadable;   /* address of a page that cannot be read; 0: there is none */
};

static struct python_memory *memory_read; /* that which is read from */

static int64_t memory_source(uint32_t pid, uint64_t address, void *to, uint64_t bytes)
{
	uint64_t at = address - MEMORY_BASE;

	(void)pid;
	if (address < MEMORY_BASE || at >= MEMORY_BYTES || bytes > MEMORY_BYTES - at ||
	    address / REMOTE_PAGE_BYTES * REMOTE_PAGE_BYTES == memory_read->unreadable)
		return -EFAULT;
	memcpy(to, memory_read->bytes + at, bytes);
	return (int64_t)bytes;
}

static inline uint64_t memory_take(struct python_memory *memory, uint32_t bytes)
{
	uint64_t address = MEMORY_BASE + memory->used;

	memory->used += (bytes + 15) & ~15u;
	if (memory->used > MEMORY_BYTES)
		__builtin_trap();
	return address;
}

static inline void memory_put(struct python_memory *memory, uint64_t address, const void *from,
			      size_t bytes)
{
	memcpy(memory->bytes + (address - MEMORY_BASE), from, bytes);
}

static inline void memory_put_u64(struct python_memory *memory, uint64_t address, uint64_t value)
{
	memory_put(memory, address, &value, sizeof(value));
}

static inline void memory_put_u32(struct python_memory *memory, uint64_t address, uint32_t value)
{
	memory_put(memory, address, &value, sizeof(value));
}

/* ---- A CPython ------------------------------------------------------------------------------- */

/* Which word of _PyRuntime has which field; NONE: it has none. */
static inline void memory_put_self(struct python_memory *memory, uint16_t version)
{
#define NONE	  CPYTHON_NONE
#define SELF(...) {__VA_ARGS__},
	static const uint16_t words[][MEMORY_LAYOUT_FIELDS + 1] = {
#include "runtimes/cpython_layout.def"
	};
#undef SELF
	/* In the order of the table; what it has no word for is passed over. */
	static const uint16_t offsets[MEMORY_LAYOUT_FIELDS] = {
	    2000, 8,  24,   8,	  16,  152, 160, 72,  NONE, NONE, NONE, NONE, 0,    8,	56,
	    NONE, 70, NONE, NONE, 112, 128, 68,	 136, 200,  16,	  32,	40,   NONE, 16, 32};
#undef NONE
	uint64_t runtime = memory->python.runtime;

	memory_put(memory, runtime, "xdebugpy", 8);
	memory_put_u64(memory, runtime + 8, memory->release);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (size_t k = 0; words[i][0] == version && k < MEMORY_LAYOUT_FIELDS; k++)
			if (words[i][k + 1] != CPYTHON_NONE)
				memory_put_u64(memory, runtime + 8ull * words[i][k + 1],
					       offsets[k]);
}

static inline bool memory_choose(struct python_memory *memory, char note[RUNTIME_NOTE_BYTES])
{
	static struct remote_memory remote;

	memory_read = memory;
	remote_init(&remote, 1, memory_source);
	return cpython_layout_choose(&memory->python.layout, memory->release, &remote,
				     memory->python.runtime, note);
}

static inline uint64_t memory_add_state(struct python_memory *memory, uint64_t interpreter,
					uint32_t tid, uint64_t pthread)
{
	const struct cpython_layout *layout = &memory->python.layout;
	uint64_t state = memory_take(memory, 320);

	memory_put_u64(memory, state + layout->thread_interpreter, interpreter);
	memory_put_u64(memory, state + layout->thread_pthread, pthread);
	if (layout->thread_native != CPYTHON_NONE)
		memory_put_u64(memory, state + layout->thread_native, tid);
	/* All of the memory can hold frames. */
	if (layout->thread_chunk != CPYTHON_NONE) {
		memory_put_u64(memory, state + layout->thread_chunk, MEMORY_BASE);
		memory_put_u64(memory, state + layout->thread_top, MEMORY_BASE + MEMORY_BYTES);
	}
	return state;
}

/* One interpreter; another thread, and then the one that is looked at, in no function yet. */
static inline void memory_begin(struct python_memory *memory, uint16_t version)
{
	struct cpython *python = &memory->python;
	char note[RUNTIME_NOTE_BYTES];

	memset(memory, 0, sizeof(*memory));
	memory->release = 3u << 24 | (version - 300u) << 16 | 0xf0;
	python->runtime = memory_take(memory, 2048);
	python->code_type = memory_take(memory, 16);
	python->text_type = memory_take(memory, 16);
	python->bytes_type = memory_take(memory, 16);
	python->frame_type = memory_take(memory, 16);
	if (version >= MEMORY_SELF_VERSION)
		memory_put_self(memory, version);
	if (!memory_choose(memory, note))
		__builtin_trap();
	memory->interpreter = memory_take(memory, 128);
	memory->other =
	    memory_add_state(memory, memory->interpreter, MEMORY_TID + 1, MEMORY_PTHREAD + 4096);
	memory->state = memory_add_state(memory, memory->interpreter, MEMORY_TID, MEMORY_PTHREAD);
	memory_put_u64(memory, python->runtime + python->layout.runtime_interpreters,
		       memory->interpreter);
	memory_put_u64(memory, memory->interpreter + python->layout.interpreter_threads,
		       memory->other);
	memory_put_u64(memory, memory->other + python->layout.thread_next, memory->state);
}

/* ---- Objects --------------------------------------------------------------------------------- */

/* Characters of 1, 2 or 4 bytes; `is_ascii`: where all are below 128. */
static inline uint64_t memory_add_text(struct python_memory *memory, const void *characters,
				       uint32_t length, uint32_t width, bool is_ascii)
{
	const struct cpython_layout *layout = &memory->python.layout;
	uint64_t text = memory_take(memory, 80 + length * width);

	memory_put_u64(memory, text + 8, memory->python.text_type);
	memory_put_u64(memory, text + layout->text_length, length);
	memory_put_u32(memory, text + layout->text_state,
		       width << 2 | 1u << 5 | (is_ascii ? 1u << 6 : 0));
	memory_put(memory, text + (is_ascii ? layout->text_ascii : layout->text_other), characters,
		   (size_t)length * width);
	return text;
}

static inline uint64_t memory_add_ascii(struct python_memory *memory, const char *text)
{
	return memory_add_text(memory, text, (uint32_t)strlen(text), 1, true);
}

/* Lines: each instruction is one line further than the one before, from first_line + 1 on. */
static inline uint64_t memory_add_lines(struct python_memory *memory)
{
	uint8_t table[MEMORY_INSTRUCTIONS * 2];
	uint16_t version = memory->python.layout.version;
	uint32_t bytes = version >= 311 ? MEMORY_INSTRUCTIONS * 2 : sizeof(table);
	uint64_t lines = memory_take(memory, 48 + bytes);

	for (uint32_t i = 0; i < MEMORY_INSTRUCTIONS; i++) {
		/* 3.11: one unit, of one line more (1 CCCC=13 LLL=0, then +1). 3.10: the range's
		 * bytes, then the step. Before: the step holds behind the bytes. */
		table[2 * i] = version >= 311 ? 0x80 | 13 << 3 : version < 310 && i == 0 ? 0 : 2;
		table[2 * i + 1] = version >= 311 ? 2 : 1;
	}
	memory_put_u64(memory, lines + 8, memory->python.bytes_type);
	memory_put_u64(memory, lines + memory->python.layout.bytes_length, bytes);
	memory_put(memory, lines + memory->python.layout.bytes_data, table, bytes);
	return lines;
}

static inline uint64_t memory_add_code(struct python_memory *memory, uint64_t name, uint64_t file,
				       uint32_t first_line)
{
	const struct cpython_layout *layout = &memory->python.layout;
	uint64_t code = memory_take(memory, 256 + MEMORY_INSTRUCTIONS * 2);

	memory_put_u64(memory, code + 8, memory->python.code_type);
	memory_put_u64(memory, code + 16, MEMORY_INSTRUCTIONS);
	memory_put_u64(memory, code + layout->code_name, name);
	memory_put_u64(memory, code + layout->code_file, file);
	memory_put_u32(memory, code + layout->code_first_line, first_line);
	memory_put_u64(memory, code + layout->code_lines, memory_add_lines(memory));
	return code;
}

/* ---- Frames, innermost first ----------------------------------------------------------------- */

/* Each run of the interpreter has a cframe, with the innermost frame in it, in 3.11 and 3.12. */
static inline void memory_add_cframe(struct python_memory *memory)
{
	const struct cpython_layout *layout = &memory->python.layout;
	uint64_t cframe = memory_take(memory, 32);

	memory_put_u64(memory,
		       memory->last ? memory->outer_cframe + layout->cframe_previous
				    : memory->state + layout->thread_frame,
		       cframe);
	memory->cframe = memory->last ? memory->cframe : cframe;
	memory->outer_cframe = cframe;
	memory->is_new_cframe = true;
}

static inline bool memory_has_cframes(const struct python_memory *memory)
{
	return memory->python.layout.cframe_frame != CPYTHON_NONE;
}

static inline void memory_link(struct python_memory *memory, uint64_t frame)
{
	const struct cpython_layout *layout = &memory->python.layout;

	if (memory->last)
		memory_put_u64(memory, memory->last + layout->frame_previous, frame);
	else if (memory_has_cframes(memory))
		memory_add_cframe(memory);
	else
		memory_put_u64(memory, memory->state + layout->thread_frame, frame);
	if (memory->is_new_cframe)
		memory_put_u64(memory, memory->outer_cframe + layout->cframe_frame, frame);
	memory->is_new_cframe = false;
	memory->last = frame;
}

/* Native code's mark. */
static inline uint64_t memory_add_shim(struct python_memory *memory)
{
	uint64_t shim = memory_take(memory, 96);
	uint8_t owner = MEMORY_OWNER_SHIM;

	memory_put(memory, shim + memory->python.layout.frame_owner, &owner, 1);
	memory_link(memory, shim);
	return shim;
}

/* At its `instruction`, of which each is one line further; -1: before the first. */
static inline uint64_t memory_add_frame(struct python_memory *memory, uint64_t code,
					int instruction, bool called_by_c)
{
	const struct cpython_layout *layout = &memory->python.layout;
	uint64_t frame = memory_take(memory, 128 + MEMORY_BEFORE_FRAME) + MEMORY_BEFORE_FRAME;
	uint8_t entry = called_by_c;

	memory_put_u64(memory, frame + layout->frame_code, code | (layout->version >= 314));
	if (layout->version < 311) {
		memory_put_u64(memory, frame + 8, memory->python.frame_type);
		memory_put_u32(
		    memory, frame + layout->frame_at,
		    (uint32_t)(instruction * (layout->version < 310 && instruction > 0 ? 2 : 1)));
	} else {
		memory_put_u64(memory, frame + layout->frame_at,
			       code + layout->code_instructions +
				   (uint64_t)(int64_t)instruction * 2);
	}
	if (layout->frame_is_entry != CPYTHON_NONE)
		memory_put(memory, frame + layout->frame_is_entry, &entry, 1);
	memory_link(memory, frame);
	if (called_by_c && layout->version >= 312)
		memory_add_shim(memory);
	if (called_by_c && memory_has_cframes(memory))
		memory_add_cframe(memory);
	return frame;
}

/* ---- A look ---------------------------------------------------------------------------------- */

static inline void memory_walk(struct python_memory *memory, struct script_stack *stack,
			       uint32_t *reads)
{
	static struct remote_memory remote;
	const struct runtime_thread thread = {
	    .tid = MEMORY_TID, .is_stopped = true, .thread_pointer = MEMORY_PTHREAD};

	memory_read = memory;
	remote_init(&remote, 1, memory_source);
	script_stack_clear(stack);
	cpython_walk(&memory->python, &remote, &thread, stack);
	if (reads)
		*reads = remote.reads;
}

#endif
