/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fuzzers share: an input as a file that has no name, checksums put right so that an input
 * gets past them, and a walk through all that a trace can be asked for.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/crc32c.h"
#include "jsonl/jsonl.h"
#include "trace/reader.h"

/* Each input allocates little, so little needs to be kept from being allocated again at once:
 * several times as many inputs in the same time. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "quarantine_size_mb=8:malloc_context_size=6:allocator_release_to_os_interval_ms=-1:"
	       "max_malloc_fill_size="
	       "0";
}

/* A file without a name, made once; *path names it all the same. */
static inline int input_file(const char **path)
{
	static int fd = -1;
	static char text[64];

	if (fd < 0)
		fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0)
		abort();
	snprintf(text, sizeof(text), "/proc/self/fd/%d", fd);
	*path = text;
	return fd;
}

static inline void input_put(int fd, const void *data, size_t bytes, uint64_t offset)
{
	if (bytes > 0 && pwrite(fd, data, bytes, offset) != (ssize_t)bytes)
		abort();
}

/* The bytes as a file; the path is valid until the next call. */
static inline const char *input_path(const uint8_t *data, size_t bytes)
{
	const char *path;
	int fd = input_file(&path);

	input_put(fd, data, bytes, 0);
	if (ftruncate(fd, bytes) != 0)
		abort();
	return path;
}

static inline size_t input_fix_block(uint8_t *at, size_t left)
{
	struct trace_block_header header;
	size_t bytes;

	if (left < sizeof(header))
		return 8;
	memcpy(&header, at, sizeof(header));
	bytes = (size_t)header.header_bytes + header.payload_bytes;
	if (header.magic != TRACE_BLOCK_MAGIC || header.header_bytes < sizeof(header) ||
	    bytes > left)
		return 8;
	memset(at + offsetof(struct trace_block_header, crc32c), 0, 4);
	header.crc32c = crc32c(0, at, bytes);
	memcpy(at + offsetof(struct trace_block_header, crc32c), &header.crc32c, 4);
	return (bytes + 7) & ~(size_t)7;
}

/* Puts right what a reader checks before it looks any further. */
static inline void input_fix_checksums(uint8_t *data, size_t bytes)
{
	struct trace_file_header *header = (struct trace_file_header *)data;
	size_t at = sizeof(*header);

	if (bytes < sizeof(*header))
		return;
	memcpy(header->magic, TRACE_MAGIC, 8);
	header->reader_version_min = TRACE_READER_VERSION_MIN;
	header->crc32c = crc32c(0, data, offsetof(struct trace_file_header, crc32c));
	while (at < bytes)
		at += input_fix_block(data + at, bytes - at);
}

static inline void input_walk_worker(struct trace *trace, size_t process, size_t worker,
				     size_t batch, uint64_t step)
{
	struct trace_cursor *cursor = trace_cursor_open(trace, process, worker);
	uint64_t until = step ? step : UINT64_MAX, last = 0;
	struct trace_item items[64];
	size_t count, contexts;
	bool after_gap;

	for (int iterations = 0; cursor && iterations < 100000; iterations++) {
		count = trace_cursor_read(cursor, until, items, batch);
		if (count == 0 && until == UINT64_MAX)
			break;
		if (count == 0)
			until = iterations < 100 ? until + step : UINT64_MAX;
		for (size_t i = 0; i < count; i++) {
			if (items[i].tick < last || items[i].shape > TRACE_SHAPE_INSTANT)
				abort();
			last = items[i].tick;
			trace_event_name(items[i].word);
		}
		trace_cursor_context(cursor, &contexts, &after_gap);
	}
	trace_cursor_close(cursor);
}

static inline void input_ignore(void *arg, const char *problem)
{
	(void)arg, (void)problem;
}

static inline void input_no_progress(void *arg, uint64_t done, uint64_t total)
{
	(void)arg, (void)done, (void)total;
}

/* So that no file is opened that the input names: those are not what is tried here. */
static inline void input_hide_modules(struct trace *trace)
{
	for (size_t i = 0; i < trace->process_count; i++) {
		struct trace_process *process = &trace->processes[i];

		for (size_t k = 0; k < process->module_count; k++)
			if (process->modules[k].path[0])
				process->modules[k].path[0] = '\001';
	}
}

static inline void input_check_times(const struct trace_process *process)
{
	if (trace_ns(process, process->first_tick) > trace_ns(process, process->last_tick))
		abort();
}

/* As JSON lines, into nothing. */
static inline void input_convert(struct trace *trace)
{
	static const struct jsonl_watcher watcher = {input_ignore, input_no_progress, NULL};
	static struct json_out out;

	if (out.fd == 0)
		out.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (jsonl_convert(trace, &out, &watcher, true) != 0)
		abort();
}

static inline struct trace *input_open(const char *path)
{
	struct trace *trace = trace_open(&path, 1, NULL, NULL);

	if (!trace)
		abort();
	input_hide_modules(trace);
	return trace;
}

/* Opens it and looks at everything in it. */
static inline void input_read(const char *path)
{
	struct trace *trace = input_open(path);

	for (size_t i = 0; i < trace->process_count; i++) {
		struct trace_process *process = &trace->processes[i];

		input_check_times(process);
		for (size_t worker = 0; worker < process->worker_count; worker++) {
			input_walk_worker(trace, i, worker, 64, 0);
			input_walk_worker(trace, i, worker, 1, 1 + (process->last_tick >> 4));
			input_walk_worker(trace, i, worker, 3, 1 + (process->last_tick >> 2));
		}
	}
	input_convert(trace);
	trace_close(trace);
}

/* As it is and, where that is something else, with its checksums put right. */
static inline void input_try_both(const uint8_t *data, size_t bytes,
				  void (*try)(const char *path, uint8_t choice))
{
	uint8_t *fixed = malloc(bytes + 1), choice = bytes > 0 ? data[bytes - 1] : 0;

	if (!fixed)
		return;
	try(input_path(data, bytes), choice);
	memcpy(fixed, data, bytes);
	input_fix_checksums(fixed, bytes);
	if (memcmp(fixed, data, bytes) != 0)
		try(input_path(fixed, bytes), choice);
	free(fixed);
}

#endif
