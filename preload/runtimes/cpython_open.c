/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds a CPython in a module of the program (runtimes.h, `runtime_cpython`): which version it is,
 * and where the types of its objects are.
 */
#include "cpython.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_NAME_PREFIX "python3."

/* As the file says it (from 3.11 on), or as its name does; 0: not known. */
static uint32_t release_of(const struct runtime_module *module)
{
	const char *name = strrchr(module->path, '/');
	struct elf_name found;
	uint32_t release;
	unsigned long minor;
	char *end;

	if (elf_names_find(&module->names, "Py_Version", &found) &&
	    elf_names_read(&module->names, found.address, &release, sizeof(release)))
		return release;
	name = name ? strstr(name, FILE_NAME_PREFIX) : NULL;
	if (!name)
		return 0;
	minor = strtoul(name + strlen(FILE_NAME_PREFIX), &end, 10);
	return end != name + strlen(FILE_NAME_PREFIX) && minor < 256
		   ? 3u << 24 | (uint32_t)minor << 16
		   : 0;
}

static bool address_find(const struct runtime_module *module, const char *name, uint64_t *address)
{
	struct elf_name found;

	if (!elf_names_find(&module->names, name, &found))
		return false;
	*address = module->bias + found.address;
	return true;
}

bool cpython_find(struct cpython *python, const struct runtime_module *module,
		  struct remote_memory *memory, char note[RUNTIME_NOTE_BYTES])
{
	uint32_t release = release_of(module);

	if (!release) {
		snprintf(note, RUNTIME_NOTE_BYTES,
			 "no names of Python functions: the version of CPython is not known");
		return false;
	}
	if (!address_find(module, "_PyRuntime", &python->runtime) ||
	    !address_find(module, "PyCode_Type", &python->code_type) ||
	    !address_find(module, "PyUnicode_Type", &python->text_type) ||
	    !address_find(module, "PyBytes_Type", &python->bytes_type) ||
	    !address_find(module, "PyFrame_Type", &python->frame_type)) {
		snprintf(note, RUNTIME_NOTE_BYTES,
			 "no names of Python functions: CPython does not export its types");
		return false;
	}
	return cpython_layout_choose(&python->layout, release, memory, python->runtime, note);
}

/* ---- The row of the table -------------------------------------------------------------------- */

static struct cpython state;

static bool state_open(const struct runtime_module *module, struct remote_memory *memory,
		       char note[RUNTIME_NOTE_BYTES])
{
	return cpython_find(&state, module, memory, note);
}

static void state_walk(struct remote_memory *memory, const struct runtime_thread *thread,
		       struct script_stack *stack)
{
	cpython_walk(&state, memory, thread, stack);
}

const struct runtime runtime_cpython = {"CPython", "_PyRuntime", state_open, state_walk, NULL};
