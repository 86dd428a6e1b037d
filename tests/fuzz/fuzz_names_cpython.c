/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target: CPython's names out of memory that real samples have read
 * (tests/names/record.h), with words changed: fuzz_changed.h says how, and what must hold.
 * FUZZ_NAMES is a folder of recordings of one CPython; where there is none, the target has nothing
 * to do. fuzz_names_python.c does the same on memory that is made, of each version.
 */
#include <fcntl.h>
#include <unistd.h>

#include "fuzz_told.h"
#include "runtimes/cpython.h"
#include "runtimes/cpython_text.h"

static const bool target_reads_by_frame = false;
static struct cpython pythons[RECORDINGS_MAX]; /* as addresses are others in each process */

static const struct cpython *python(void)
{
	return &pythons[run.of - recordings];
}

static bool target_open(struct recorded *of)
{
	struct runtime_module module = {.is_executable = of->head.is_executable,
					.path = of->head.path};
	char note[RUNTIME_NOTE_BYTES] = "";

	check(elf_names_open(&module.names, open(of->head.path, O_RDONLY | O_CLOEXEC)),
	      of->head.path);
	module.bias = of->head.bias - (module.names.start & ~4095ull);
	check(cpython_find(&pythons[of - recordings], &module, &memory, note), note);
	elf_names_close(&module.names);
	return true;
}

static void target_walk(bool with_lines)
{
	(void)with_lines; /* they come with the names */
	cpython_walk(python(), &memory, &run.thread, &stack);
}

static uint64_t target_object(uint64_t address)
{
	return address;
}

static uint64_t type_of(uint64_t object)
{
	const uint64_t types[] = {python()->code_type, python()->text_type, python()->bytes_type,
				  python()->frame_type};

	for (uint64_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (cpython_is_a(&memory, object, types[i]))
			return i + 1;
	return 0;
}

static bool target_is_plain(uint64_t pointer)
{
	return pointer && type_of(pointer) != 0;
}

/* The second word of an object is its type. */
static uint64_t target_kind(uint64_t address)
{
	return type_of(address - 8);
}

static bool target_is_word_of_one(uint64_t value)
{
	(void)value;
	return true;
}

/* A path loses its beginning, where it is too long. */
static bool target_text(uint64_t object, char *to, size_t bytes)
{
	return cpython_text(python(), &memory, object, bytes == SCRIPT_FILE_BYTES_MAX, to, bytes);
}

static bool target_function(uint64_t object, char name[SCRIPT_FUNCTION_BYTES_MAX],
			    char file[SCRIPT_FILE_BYTES_MAX])
{
	const struct cpython_layout *layout = &python()->layout;

	if (!cpython_is_a(&memory, object, python()->code_type))
		return false;
	if (!cpython_text(python(), &memory, remote_u64(&memory, object + layout->code_name), false,
			  name, SCRIPT_FUNCTION_BYTES_MAX))
		name[0] = '\0';
	if (!cpython_text(python(), &memory, remote_u64(&memory, object + layout->code_file), true,
			  file, SCRIPT_FILE_BYTES_MAX))
		file[0] = '\0';
	return true;
}
