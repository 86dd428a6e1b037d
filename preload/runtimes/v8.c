/* SPDX-License-Identifier: Apache-2.0
 *
 * V8's functions (runtimes.h).
 */
#include "runtimes.h"

static bool v8_open(const struct runtime_module *module, struct remote_memory *memory,
			 char note[RUNTIME_NOTE_BYTES])
{
	(void)module;
	(void)memory;
	(void)note;
	return false;
}

static void v8_walk(struct remote_memory *memory, const struct runtime_thread *thread,
			 struct script_stack *stack)
{
	(void)memory;
	(void)thread;
	(void)stack;
}

const struct runtime runtime_v8 = {"V8", "v8dbg_SmiTag", v8_open, v8_walk, NULL};
