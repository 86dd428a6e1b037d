/* SPDX-License-Identifier: Apache-2.0
 *
 * CPython's functions (runtimes.h).
 */
#include "runtimes.h"

static bool cpython_open(const struct runtime_module *module, struct remote_memory *memory,
			 char note[RUNTIME_NOTE_BYTES])
{
	(void)module;
	(void)memory;
	(void)note;
	return false;
}

static void cpython_walk(struct remote_memory *memory, const struct runtime_thread *thread,
			 struct script_stack *stack)
{
	(void)memory;
	(void)thread;
	(void)stack;
}

const struct runtime runtime_cpython = {"CPython", "_PyRuntime", cpython_open, cpython_walk, NULL};
