/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the V8 reader. v8_layout.c: where things lie in this build of V8. v8_objects.c:
 * strings and functions of its heap. v8_code.c: compiled code and positions in it. v8_lines.c: from
 * positions to lines. v8.c: the walk over frames. Nobody else includes this.
 *
 * Words: a heap object's address has 1 added (tagged); a Smi is a 32-bit integer in the upper half
 * of a word; SFI is V8's SharedFunctionInfo, what all closures of one function share.
 */
#ifndef V8_INTERNAL_H
#define V8_INTERNAL_H

#include "runtimes.h"

#define V8_MARKERS 80

/* What a marker of a frame that is no function's says. */
enum v8_marker {
	V8_MARKER_NONE,
	V8_MARKER_ENTRY,
	V8_MARKER_EXIT,
	V8_MARKER_REGEXP,
	V8_MARKER_OTHER
};

/* Offsets in bytes from the start of an object, instance types, and other constants of one version.
 * 0: not known. */
struct v8_layout {
	uint16_t version; /* major * 100 + minor */
	bool has_lines;	  /* the version is listed: positions and compiled code can be read */

	uint16_t map_type, first_function, last_function;
	uint16_t type_sfi, type_script, type_scope, type_code, type_bytecodes, type_bytes,
	    type_trusted_bytes, type_stream, type_interpreter_data, type_wrapper, type_fixed_array;
	uint16_t function_sfi;
	uint16_t sfi_name, sfi_script, sfi_data;
	uint16_t bytecodes_data, bytecodes_positions;
	uint16_t code_deopt, code_positions, code_start, code_size, code_flags;
	uint16_t stream_header; /* bytes before instructions; 0: they lie in the Code itself */
	uint16_t kind_regexp, kind_baseline;
	uint16_t deopt_inlined_count, deopt_literals, deopt_sfi, deopt_positions; /* indices */
	bool deopt_sfi_wrapped;
	uint16_t scope_first; /* index of its first variable */
	bool scope_has_range; /* start and end of the function are at fixed places */
	uint16_t script_name, script_source, script_line_ends;
	uint16_t type_regexp, regexp_source;
	uint16_t string_cons, string_external, string_sliced, string_thin; /* tags */
	uint16_t tagged_bytes;
	uint16_t c_entry_fp;	/* in the isolate */
	uint16_t handler_after; /* ... and from there to the handler of exceptions */
	uint8_t position_shift; /* bits of a step in a table of positions that say something else */
	uint8_t markers[V8_MARKERS]; /* enum v8_marker */
};

/* Of one walk. */
struct v8_walk {
	struct remote_memory *memory;
	const struct runtime_thread *thread;
	struct script_stack *stack;
	uint64_t low;	  /* no frame lies below */
	uint64_t isolate; /* 0: not known */
	uint64_t exit;	  /* the youngest frame by which V8 called C++; 0: none */
	/* Each entry frame has a handler of exceptions next to it; this is the youngest one's. */
	bool has_handler;
	uint64_t handler;
};

struct v8_function {
	uint64_t sfi, bytecodes, script; /* 0: it has none */
	int32_t start;			 /* position in the source; -1: not known */
	uint8_t flags;			 /* TRACE_SCRIPT_... */
	char name[SCRIPT_FUNCTION_BYTES_MAX];
	char file[SCRIPT_FILE_BYTES_MAX];
};

/* Compiled code. */
struct v8_code {
	uint64_t object, start;
	uint32_t size, kind;
};

/* ---- v8.c ---- */

/* The thread's stack: as it was copied, or read from there; a word that is not there is 0. */
bool v8_on_stack(const struct v8_walk *walk, uint64_t address);
uint64_t v8_stack_word(const struct v8_walk *walk, uint64_t address);
struct script_frame *v8_frame_add(struct v8_walk *walk, uint64_t frame, uint8_t kind,
				  const struct v8_function *function);

/* ---- v8_layout.c ---- */

extern struct v8_layout v8_layout;

/* See struct runtime: open. */
bool v8_layout_read(const struct elf_names *names, char note[RUNTIME_NOTE_BYTES]);

/* ---- v8_root.c: from a thread to its isolate ---- */

void v8_root_read(const struct runtime_module *module);

/* What a thread's walk begins with. */
enum v8_root {
	V8_ROOT_NONE,	 /* the thread runs no JavaScript */
	V8_ROOT_UNKNOWN, /* nothing is known but the thread's registers */
	V8_ROOT_KNOWN,	 /* walk->exit is right */
	V8_ROOT_ODD,	 /* it runs some, but is just entering or leaving it */
};

enum v8_root v8_root_find(struct v8_walk *walk);

/* Where in the isolate the youngest exit frame stands, as far as is known: 0, it is not. */
uint32_t v8_exit_at(void);

/* Whether an entry frame is where the youngest handler says one is; then the next handler is the
 * youngest. True where handlers are not known. */
bool v8_entry_is_known(struct v8_walk *walk, uint64_t frame);

/* ---- v8_objects.c ---- */

bool v8_is_object(uint64_t value);
bool v8_is_smi(uint64_t value);
/* What an object is, by its map; 0: it is none. */
uint16_t v8_type(struct remote_memory *memory, uint64_t object);
bool v8_is_string_type(uint16_t type);
uint64_t v8_field(struct remote_memory *memory, uint64_t object, uint32_t offset);
/* A Smi's value; -1: it is none. */
int64_t v8_smi(uint64_t value);
/* Where it was moved to, else itself. */
uint64_t v8_string_place(struct remote_memory *memory, uint64_t string);
/* Appends to `to`, terminated; false: it is no string. */
bool v8_string(struct remote_memory *memory, uint64_t string, char *to, size_t bytes);
/* False: it is no SFI. */
bool v8_function_read(struct remote_memory *memory, uint64_t sfi, struct v8_function *function);
/* The bytecodes behind an SFI's data or a Code's first field; 0: there are none. */
uint64_t v8_bytecodes(struct remote_memory *memory, uint64_t data);

/* ---- v8_code.c ---- */

/* The code around an address of code that was made at run time. */
bool v8_code_find(struct remote_memory *memory, uint64_t pc, struct v8_code *code);
/* Whether it is this function's. */
bool v8_code_is_of(struct remote_memory *memory, const struct v8_code *code,
		   const struct v8_function *function);
/* Position in the source of a bytecode; -1: not known. */
int32_t v8_position_of_bytecode(struct remote_memory *memory, uint64_t bytecodes, int64_t offset);
/* The same of baseline code, `offset` bytes into it. */
int32_t v8_position_of_baseline(struct remote_memory *memory, const struct v8_code *code,
				uint64_t bytecodes, uint64_t offset);
/* Adds the function of optimised code and those that were inlined there, innermost first. False:
 * nothing was added. */
bool v8_optimised_add(struct v8_walk *walk, const struct v8_code *code, uint64_t offset,
		      uint64_t frame, uint64_t sfi);

/* The lengths of bytecodes, which baseline code needs; without them it has no lines. */
void v8_bytecode_sizes_read(const struct elf_names *names);

/* ---- v8_lines.c ---- */

/* See struct runtime: lines. */
void v8_lines(struct remote_memory *memory, struct script_stack *stack);

#endif
