/* SPDX-License-Identifier: Apache-2.0
 *
 * A recording: what one sample read of a process's memory, and the thread, so that the reader can
 * be run on it again without the process (tests/fuzz/fuzz_changed.h). A file has a struct
 * recording, then the stack's words, then pages.
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "observe/maps.h"
#include "observe/stall_probe.h"
#include "runtimes/runtimes.h"

#define RECORD_MAGIC  0x32524e55u
#define RECORD_PAGES  2048u
#define RECORD_RANGES 64u

struct recording_page {
	uint64_t address;
	uint8_t bytes[REMOTE_PAGE_BYTES];
};

struct recording {
	uint32_t magic, page_count, stack_words, range_count;
	uint64_t bias; /* of the module with the runtime */
	uint64_t is_executable, is_stopped;
	uint64_t tid, sp, pc, fp, thread_pointer;
	uint64_t ranges[RECORD_RANGES][2]; /* code in files */
	char path[512];			   /* of the module */
};

static struct {
	bool active;	 /* while a sample is taken */
	uint32_t opened; /* pages that were read to find the runtime: in each recording */
	uint32_t page_count;
	struct recording_page pages[RECORD_PAGES];
} recorder;

static inline void record_begin(void)
{
	recorder.active = true;
	recorder.page_count = recorder.opened;
}

/* What was read until now is of no sample, but of all. */
static inline void record_opened(void)
{
	recorder.opened = recorder.page_count;
}

static inline void record_page(uint64_t address, const uint8_t *bytes)
{
	for (uint32_t i = 0; i < recorder.page_count; i++)
		if (recorder.pages[i].address == address)
			return;
	if (recorder.page_count == RECORD_PAGES)
		return;
	recorder.pages[recorder.page_count].address = address;
	memcpy(recorder.pages[recorder.page_count++].bytes, bytes, REMOTE_PAGE_BYTES);
}

/* The pages that a read was in. Most reads are of whole pages; of others the rest is read again. */
static inline void record_memory(uint32_t pid, uint64_t address, const void *from, int64_t bytes)
{
	const uint8_t *text = from;
	uint8_t page[REMOTE_PAGE_BYTES];
	uint64_t end = address + (uint64_t)bytes;

	if (!recorder.active || bytes <= 0)
		return;
	for (uint64_t at = address - address % sizeof(page); at < end; at += sizeof(page)) {
		if (at >= address && at + sizeof(page) <= end)
			record_page(at, text + (at - address));
		else if (stall_probe_read(pid, at, page, sizeof(page)) == sizeof(page))
			record_page(at, page);
	}
}

static inline bool record_is_runtime(const char *name)
{
	static const char *const names[] = {"/node", "/libnode", "/python3", "/libpython3."};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static inline bool record_mapping(const struct mapping *mapping, void *arg)
{
	struct recording *to = arg;
	const char *name = strrchr(mapping->path, '/');
	bool is_library = name && strncmp(name, "/lib", 4) == 0;

	if (mapping->executable && mapping->path[0] && to->range_count < RECORD_RANGES) {
		to->ranges[to->range_count][0] = mapping->start;
		to->ranges[to->range_count++][1] = mapping->end;
	}
	/* The first one so named; but a library before an executable that is linked with it. */
	if (name && mapping->offset == 0 && record_is_runtime(name) &&
	    (!to->path[0] || is_library)) {
		to->is_executable = !is_library;
		to->bias = mapping->start; /* less the file's lowest address: the reader has it */
		snprintf(to->path, sizeof(to->path), "%s", mapping->path);
	}
	return true;
}

/* One file a sample that told functions. */
static inline void record_end(const char *folder, uint32_t pid, const struct runtime_thread *thread,
			      const struct script_stack *stack)
{
	static uint32_t number;
	static struct recording to;
	char path[600];
	FILE *file;

	recorder.active = false;
	if (!folder || stack->count == 0)
		return;
	to = (struct recording){.magic = RECORD_MAGIC,
				.page_count = recorder.page_count,
				.stack_words = thread->stack_words,
				.is_stopped = thread->is_stopped,
				.tid = thread->tid,
				.sp = thread->sp,
				.pc = thread->pc,
				.fp = thread->fp,
				.thread_pointer = thread->thread_pointer};
	maps_walk(pid, record_mapping, &to);
	snprintf(path, sizeof(path), "%s/%u-%u", folder, pid, number++);
	file = fopen(path, "w");
	if (!file)
		return;
	fwrite(&to, sizeof(to), 1, file);
	fwrite(thread->stack, sizeof(uint64_t), thread->stack_words, file);
	fwrite(recorder.pages, sizeof(recorder.pages[0]), recorder.page_count, file);
	fclose(file);
}

#endif
