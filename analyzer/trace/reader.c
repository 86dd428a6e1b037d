/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_open() in reading order: find the files, open them, bring them into order, scan them, put
 * processes together, look for rings, sum up. And trace_close().
 *
 * Rules: see reader.h. A line in `problems` comes with the file that it is about, in the files'
 * order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader_internal.h"

static int find_files(struct reader *reader, const char *const *paths, size_t count)
{
	int error = 0;

	for (size_t i = 0; !error && i < count; i++)
		error = reader_file_find(reader, paths[i]);
	return error;
}

static int open_files(struct reader *reader)
{
	int error = 0;

	for (size_t i = 0; !error && i < reader->file_count; i++) {
		error = reader_file_open(reader, &reader->files[i]);
		reader->total_bytes += reader->files[i].usable ? reader->files[i].bytes : 0;
		reader->trace.bytes += reader->files[i].disk_bytes;
		reader->trace.files++;
	}
	return error;
}

/* The files' places have changed since they were found. */
static int index_files(struct reader *reader)
{
	int error = 0;

	reader_index_free(&reader->file_index);
	for (size_t i = 0; !error && i < reader->file_count; i++)
		error = reader_file_index(reader, i);
	return error;
}

/* By process and segment; those with a damaged header last, when the process that they may belong
 * to is known. */
static int compare_files(const void *left, const void *right)
{
	const struct reader_file *a = left, *b = right;
	int order;

	if (a->header_damaged != b->header_damaged)
		return a->header_damaged ? 1 : -1;
	if (a->header.start_real_ns != b->header.start_real_ns)
		return a->header.start_real_ns < b->header.start_real_ns ? -1 : 1;
	order = memcmp(a->header.process_id, b->header.process_id, sizeof(a->header.process_id));
	if (order != 0)
		return order;
	if (a->header.segment != b->header.segment)
		return a->header.segment < b->header.segment ? -1 : 1;
	return strcmp(a->path, b->path);
}

static int add_files(struct reader *reader)
{
	int error = 0;

	for (size_t i = 0; !error && i < reader->file_count; i++)
		if (reader->files[i].usable && !reader->files[i].ring)
			error = reader_process_add_file(reader, i);
	return error;
}

static int salvage_rings(struct reader *reader)
{
	size_t files = reader->file_count;
	int error = 0;

	for (size_t i = 0; !error && i < files; i++)
		if (reader->files[i].ring)
			error = reader_salvage_file(reader, i);
	for (size_t i = 0; !error && i < reader->trace.process_count; i++)
		error = reader_salvage_process(reader, i);
	return error;
}

/* A segment that is being written ends where the writer has come to: no damage. */
static bool is_being_written(const struct reader *reader, const struct reader_file *file)
{
	const struct trace_process *process = &reader->trace.processes[file->process];

	return process->running && file->header.segment == process->last_segment;
}

static void report_file(struct reader *reader, const struct reader_file *file)
{
	for (size_t i = 0; i < file->problems.count; i++)
		reader_problem(reader, "%s", file->problems.list[i]);
	if (file->problems.left_out > 0)
		reader_problem(reader, "%s: %zu more damaged places", file->path,
			       file->problems.left_out);
	if (file->good_end < file->bytes && !is_being_written(reader, file))
		reader_problem(reader, "%s: cut off or damaged from byte %llu to its end",
			       file->path, (unsigned long long)file->good_end);
}

static int finish(struct reader *reader)
{
	int error = 0;

	for (size_t i = 0; i < reader->file_count; i++)
		if (reader->files[i].usable && !reader->files[i].ring)
			report_file(reader, &reader->files[i]);
	for (size_t i = 0; !error && i < reader->trace.process_count; i++)
		error = reader_process_finish(reader, i);
	return error;
}

static int open_all(struct reader *reader, const char *const *paths, size_t count)
{
	int error = find_files(reader, paths, count);

	if (!error)
		error = open_files(reader);
	if (!error && reader->file_count > 1)
		qsort(reader->files, reader->file_count, sizeof(*reader->files), compare_files);
	if (!error)
		error = index_files(reader);
	if (!error)
		error = reader_scan_files(reader);
	if (!error)
		error = add_files(reader);
	if (!error)
		error = salvage_rings(reader);
	return error ? error : finish(reader);
}

struct trace *trace_open(const char *const *paths, size_t count, trace_progress progress, void *arg)
{
	struct reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->scratch = -1;
	reader->progress = progress;
	reader->progress_arg = arg;
	if (open_all(reader, paths, count) == 0)
		return &reader->trace;
	trace_close(&reader->trace);
	return NULL;
}

void trace_close(struct trace *trace)
{
	struct reader *reader = (struct reader *)trace;

	if (!trace)
		return;
	for (size_t i = 0; i < trace->process_count; i++)
		reader_process_free(&trace->processes[i], &reader->states[i]);
	for (size_t i = 0; i < reader->file_count; i++)
		reader_file_close(reader, &reader->files[i]);
	for (size_t i = 0; i < trace->problem_count; i++)
		free(trace->problems[i]);
	if (reader->scratch >= 0)
		close(reader->scratch);
	reader_index_free(&reader->file_index);
	reader_index_free(&reader->process_index);
	reader_index_free(&reader->pid_index);
	free(trace->problems);
	free(trace->processes);
	free(reader->states);
	free(reader->files);
	free(reader);
}
