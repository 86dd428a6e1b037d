/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of the functions of JavaScript and Python that a thread of the program is in, read from
 * outside out of the data of V8 and CPython. A table has the runtimes (runtimes.c); a new one is a
 * row and a file.
 *
 * Order for one stall sample: runtimes_prepare() while the thread still runs; runtimes_walk() while
 * it is stopped or asleep; runtimes_lines() when it has been let go.
 *
 * Rules: nothing is written to the program and nothing runs in it. Nothing that is read is
 * believed: each object is checked to be exactly what it should be, each loop has a bound of ours.
 * A function whose name cannot be read is told as unreadable; of a walk that does not end where
 * native code entered the runtime nothing is told. No allocation. Used by one thread at a time, for
 * one process.
 */
#ifndef RUNTIMES_H
#define RUNTIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "observe/elf_names.h"
#include "remote_memory.h"
#include "script_stack.h"

#define RUNTIME_NOTE_BYTES 160

/* The thread, as it was stopped or as it sleeps. */
struct runtime_thread {
	uint32_t tid;
	bool is_stopped; /* false: fp and thread_pointer are unknown; asleep, pc and sp are not */
	uint64_t sp, pc, fp, thread_pointer;
	const uint64_t *stack; /* words from sp upwards */
	uint32_t stack_words;
};

/* The module that a runtime was found in. */
struct runtime_module {
	struct elf_names names;
	uint64_t bias;	    /* address in memory - address in the file */
	bool is_executable; /* the program's own file, not a library */
	const char *path;
};

struct runtime {
	const char *name;
	const char *symbol; /* the exported symbol by which a module is known to have it */
	/* Reads version and layout. False: no names for this one; `note` says why in one line. A
	 * note with true: what will be missing. */
	bool (*open)(const struct runtime_module *module, struct remote_memory *memory,
		     char note[RUNTIME_NOTE_BYTES]);
	/* Adds the thread's frames, innermost first, and sets the status. */
	void (*walk)(struct remote_memory *memory, const struct runtime_thread *thread,
		     struct script_stack *stack);
	/* Fills in lines that are left from walk(); NULL: there are none. */
	void (*lines)(struct remote_memory *memory, struct script_stack *stack);
};

extern const struct runtime runtime_v8, runtime_cpython;

/* Whether an address is code in a file: not code that was made at run time. As of the last
 * runtimes_prepare(). */
bool runtimes_in_file(uint64_t address);

/* Looks for runtimes among what is mapped, at most once in RUNTIMES_PAUSE_NS: a library that was
 * loaded since is seen that much later. Returns whether there is one that names can be had of. */
#define RUNTIMES_PAUSE_NS 1000000000ull
bool runtimes_prepare(uint32_t pid, uint64_t now_ns);

/* What cannot be had of the runtimes that were found, one line each; NULL: nothing (more). */
const char *runtimes_note(uint32_t index);

/* Fills in the stack. `stack` is cleared first. */
void runtimes_walk(const struct runtime_thread *thread, struct script_stack *stack);

/* The same of a thread that may run meanwhile: told only if two readings are equal. Both stacks are
 * written to. */
void runtimes_walk_running(const struct runtime_thread *thread, struct script_stack *stack,
			   struct script_stack *again);

void runtimes_lines(struct script_stack *stack);

#endif
