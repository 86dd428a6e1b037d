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

/* False: names cannot be had, and `note` says why. */
bool cpython_find(struct cpython *python, const struct runtime_module *module,
		  struct remote_memory *memory, char note[RUNTIME_NOTE_BYTES]);

/* Adds the thread's frames, innermost first, and sets the status where it has some. */
void cpython_walk(const struct cpython *python, struct remote_memory *memory,
		  const struct runtime_thread *thread, struct script_stack *stack);

#endif
