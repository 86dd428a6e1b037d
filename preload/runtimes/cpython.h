/* SPDX-License-Identifier: Apache-2.0
 *
 * A CPython in the program, and the functions that a thread is in (runtimes.h, `runtime_cpython`).
 */
#ifndef CPYTHON_H
#define CPYTHON_H

#include "cpython_layout.h"
#include "remote_memory.h"
#include "runtimes.h"
#include "script_stack.h"

struct cpython {
	struct cpython_layout layout;
	uint64_t runtime; /* the address of _PyRuntime, and of the types of objects: */
	uint64_t code_type, text_type, bytes_type;
	uint64_t frame_type; /* up to 3.10, where a frame is an object */
};

/* Adds the thread's frames, innermost first, and sets the status where it has some. */
void cpython_walk(const struct cpython *python, struct remote_memory *memory,
		  const struct runtime_thread *thread, struct script_stack *stack);

#endif
