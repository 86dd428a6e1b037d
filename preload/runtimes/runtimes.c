/* SPDX-License-Identifier: Apache-2.0
 *
 * See runtimes.h: which runtimes there are, and in which of the program's files one was found.
 *
 * The mappings are read again now and then, as libraries come and go; each file is looked into
 * once.
 */
#include "runtimes.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "observe/elf_file.h"
#include "observe/maps.h"
#include "observe/stall_probe.h"

static const struct runtime *const table[] = {&runtime_v8, &runtime_cpython};

#define RUNTIMES   (sizeof(table) / sizeof(table[0]))
#define RANGES_MAX 128
#define SEEN_MAX   512 /* files */

struct range {
	uint64_t start, end;
};

static struct {
	uint32_t pid;	  /* 0: not begun */
	uint64_t read_ns; /* when the mappings were read; 0: never */
	struct remote_memory memory;
	uint32_t range_count;
	struct range ranges[RANGES_MAX]; /* code of files, by address */
	uint32_t seen_count;
	uint32_t seen[SEEN_MAX]; /* hashes of paths that were looked into */
	bool found[RUNTIMES];	 /* names can be had */
	char notes[RUNTIMES][RUNTIME_NOTE_BYTES];
} state;

/* ---- Files ----------------------------------------------------------------------------------- */

static uint32_t hash_of(const char *text)
{
	uint32_t hash = 2166136261u;

	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		hash = (hash ^ *c) * 16777619u;
	return hash;
}

/* Remembers it; where no more fit, new files are not looked into. */
static bool is_new(const char *path)
{
	uint32_t hash = hash_of(path);

	for (uint32_t i = 0; i < state.seen_count; i++)
		if (state.seen[i] == hash)
			return false;
	if (state.seen_count == SEEN_MAX)
		return false;
	state.seen[state.seen_count++] = hash;
	return true;
}

static bool is_executable(const char *path)
{
	char link[64], target[4096];
	ssize_t bytes;

	snprintf(link, sizeof(link), "/proc/%u/exe", state.pid);
	bytes = readlink(link, target, sizeof(target) - 1);
	target[bytes > 0 ? bytes : 0] = '\0';
	return strcmp(target, path) == 0;
}

static void runtime_try(size_t i, const struct runtime_module *module)
{
	struct elf_name found;

	if (state.found[i] || !elf_names_find(&module->names, table[i]->symbol, &found))
		return;
	state.notes[i][0] = '\0';
	state.found[i] = table[i]->open(module, &state.memory, state.notes[i]);
}

/* The first mapping of a file is where it begins. */
static void file_search(const struct mapping *mapping)
{
	struct runtime_module module = {.path = mapping->path};
	int fd = elf_open(state.pid, mapping->path);

	if (fd < 0 || !elf_names_open(&module.names, fd))
		return;
	module.bias = mapping->start - (module.names.start & ~4095ull);
	module.is_executable = is_executable(mapping->path);
	for (size_t i = 0; i < RUNTIMES; i++)
		runtime_try(i, &module);
	elf_names_close(&module.names);
}

static void range_add(const struct mapping *mapping)
{
	struct range *last = state.range_count ? &state.ranges[state.range_count - 1] : NULL;

	if (last && last->end == mapping->start)
		last->end = mapping->end;
	else if (state.range_count < RANGES_MAX)
		state.ranges[state.range_count++] = (struct range){mapping->start, mapping->end};
}

static bool visit(const struct mapping *mapping, void *arg)
{
	(void)arg;
	if (mapping->executable && mapping->path[0])
		range_add(mapping);
	if (mapping->offset == 0 && mapping->path[0] == '/' && is_new(mapping->path))
		file_search(mapping);
	return true;
}

bool runtimes_in_file(uint64_t address)
{
	for (uint32_t i = 0; i < state.range_count; i++)
		if (address >= state.ranges[i].start && address < state.ranges[i].end)
			return true;
	return false;
}

/* ---- For a sample ---------------------------------------------------------------------------- */

static void state_begin(uint32_t pid)
{
	remote_init(&state.memory, pid, stall_probe_read);
	state.pid = pid;
	state.read_ns = 0;
	state.seen_count = 0;
	memset(state.found, 0, sizeof(state.found));
	memset(state.notes, 0, sizeof(state.notes));
}

static void mappings_read(uint64_t now_ns)
{
	remote_forget(&state.memory);
	state.range_count = 0;
	maps_walk(state.pid, visit, NULL);
	state.read_ns = now_ns;
}

bool runtimes_prepare(uint32_t pid, uint64_t now_ns)
{
	bool any = false;

	if (pid != state.pid)
		state_begin(pid);
	if (!state.read_ns || now_ns - state.read_ns >= RUNTIMES_PAUSE_NS)
		mappings_read(now_ns);
	for (size_t i = 0; i < RUNTIMES; i++)
		any |= state.found[i];
	return any;
}

const char *runtimes_note(uint32_t index)
{
	for (size_t i = 0; i < RUNTIMES; i++)
		if (state.notes[i][0] && index-- == 0)
			return state.notes[i];
	return NULL;
}

void runtimes_walk(const struct runtime_thread *thread, struct script_stack *stack)
{
	script_stack_clear(stack);
	remote_forget(&state.memory);
	for (size_t i = 0; i < RUNTIMES; i++)
		if (state.found[i])
			table[i]->walk(&state.memory, thread, stack);
}

void runtimes_walk_running(const struct runtime_thread *thread, struct script_stack *stack,
			   struct script_stack *again)
{
	runtimes_walk(thread, again);
	runtimes_walk(thread, stack);
	if (script_stacks_equal(stack, again))
		return;
	script_stack_clear(stack);
	stack->status = TRACE_SCRIPT_LOST;
}

/* The pages that are kept still hold what the names were read from. */
void runtimes_lines(struct script_stack *stack)
{
	for (size_t i = 0; i < RUNTIMES; i++)
		if (state.found[i] && table[i]->lines)
			table[i]->lines(&state.memory, stack);
}
