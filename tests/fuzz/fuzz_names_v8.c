/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target: V8's names out of memory that real samples have read (tests/names/record.h),
 * with words changed: fuzz_changed.h says how, and what must hold. FUZZ_NAMES is a folder of
 * recordings of one build of node; where there is none, the target has nothing to do.
 */
#include <fcntl.h>
#include <unistd.h>

#include "fuzz_told.h"
#include "runtimes/v8_internal.h"

static const bool target_reads_by_frame = true;
static uint32_t exit_at; /* where the layout has it, or where it was found at first */

/* Here, as the mappings are the recording's. */
bool runtimes_in_file(uint64_t address)
{
	for (uint32_t i = 0; i < run.of->head.range_count; i++)
		if (address >= run.of->head.ranges[i][0] && address < run.of->head.ranges[i][1])
			return true;
	return false;
}

/* The layout, out of the file that the recording was made of. */
static void layout_open(const struct recording *head)
{
	struct runtime_module module = {.is_executable = head->is_executable, .path = head->path};
	char note[RUNTIME_NOTE_BYTES];

	check(elf_names_open(&module.names, open(head->path, O_RDONLY | O_CLOEXEC)), head->path);
	module.bias = head->bias - (module.names.start & ~4095ull);
	check(runtime_v8.open(&module, &memory, note), "no V8");
	elf_names_close(&module.names);
}

static bool target_open(struct recorded *of)
{
	if (of == recordings) {
		layout_open(&of->head);
		exit_at = v8_exit_at();
	}
	return true;
}

/* What a changed memory has taught it is forgotten. */
static void target_walk(bool with_lines)
{
	if (v8_exit_at() != exit_at)
		layout_open(&run.of->head);
	runtime_v8.walk(&memory, &run.thread, &stack);
	if (with_lines)
		runtime_v8.lines(&memory, &stack);
}

static uint64_t target_object(uint64_t address)
{
	return v8_type(&memory, address + 1) ? address + 1 : 0;
}

/* The map of maps is its own. */
static bool target_is_plain(uint64_t pointer)
{
	uint64_t map = v8_is_object(pointer) ? v8_field(&memory, pointer, 0) : 0;

	return v8_type(&memory, pointer) != 0 && v8_field(&memory, map, 0) != map;
}

static uint64_t target_kind(uint64_t address)
{
	return v8_type(&memory, address + 1);
}

/* What a map says is not a pointer. */
static bool target_is_word_of_one(uint64_t value)
{
	return target_is_plain(value);
}

static bool target_text(uint64_t object, char *to, size_t bytes)
{
	return v8_string(&memory, object, to, bytes);
}

static bool target_function(uint64_t object, char name[SCRIPT_FUNCTION_BYTES_MAX],
			    char file[SCRIPT_FILE_BYTES_MAX])
{
	struct v8_function function;

	if (v8_type(&memory, object) != v8_layout.type_sfi ||
	    !v8_function_read(&memory, object, &function))
		return false;
	memcpy(name, function.name, SCRIPT_FUNCTION_BYTES_MAX);
	memcpy(file, function.file, SCRIPT_FILE_BYTES_MAX);
	return true;
}
