/* SPDX-License-Identifier: Apache-2.0
 *
 * Puts the blocks of all files together into processes and workers: which segment belongs to which
 * process, each worker's blocks in order, doubles dropped, gaps counted, sums and time range.
 *
 * Rules: a worker's records are numbered from 0; a block holds first_index to first_index +
 * event_count. What lies below the index already reached is a double, what lies between is missing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader_internal.h"

static int process_texts(struct trace_process *process)
{
	char **texts[] = {&process->exe,	&process->cmdline,    &process->libuv,
			  &process->libuv_path, &process->ring_path,  &process->version,
			  &process->how,	&process->dump_reason};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (reader_text_set(texts[i], "", 0) != 0)
			return -ENOMEM;
	return 0;
}

static int process_add(struct reader *reader, const struct reader_file *file)
{
	const struct trace_file_header *header = &file->header;
	size_t states = reader->trace.process_count;
	struct trace_process *process;

	if (!reader_append(&reader->states, &states, sizeof(*reader->states)))
		return -ENOMEM;
	process =
	    reader_append(&reader->trace.processes, &reader->trace.process_count, sizeof(*process));
	if (!process)
		return -ENOMEM;
	process->pid = header->pid;
	process->uid = file->uid;
	process->pending_ns = READER_PENDING_NS;
	memcpy(process->process_id, header->process_id, sizeof(process->process_id));
	memcpy(process->boot_id, header->boot_id, sizeof(process->boot_id));
	process->clock = header->clock;
	process->tier = header->tier;
	process->unit_shift = header->unit_shift;
	process->start_real_ns = header->start_real_ns;
	process->start_mono_ns = header->start_mono_ns;
	process->start_tick = header->start_tick;
	process->indices = calloc(1, sizeof(*process->indices));
	return process->indices ? process_texts(process) : -ENOMEM;
}

static uint64_t id_hash(const struct trace_file_header *header)
{
	return reader_hash(0, header->process_id, sizeof(header->process_id));
}

static uint64_t pid_hash(const struct trace_file_header *header)
{
	return reader_hash(0, &header->pid, sizeof(header->pid));
}

static size_t find_by_id(const struct reader *reader, const struct trace_file_header *header)
{
	size_t probe = 0, at;

	while ((at = reader_index_next(&reader->process_index, id_hash(header), &probe)) !=
	       READER_NOWHERE)
		if (memcmp(reader->trace.processes[at].process_id, header->process_id, 16) == 0)
			break;
	return at;
}

/* The first of this pid. */
static size_t find_by_pid(const struct reader *reader, const struct trace_file_header *header)
{
	size_t probe = 0, at;

	while ((at = reader_index_next(&reader->pid_index, pid_hash(header), &probe)) !=
	       READER_NOWHERE)
		if (reader->trace.processes[at].pid == header->pid)
			break;
	return at;
}

/* The process that a file's header speaks of, made where it is the first. */
int reader_process_find(struct reader *reader, const struct reader_file *file, size_t *process)
{
	const struct trace_file_header *header = &file->header;
	size_t by_id = find_by_id(reader, header), by_pid = find_by_pid(reader, header);
	int error = 0;

	*process = file->header_damaged && by_pid < by_id ? by_pid : by_id;
	if (*process != READER_NOWHERE)
		return 0;
	*process = reader->trace.process_count;
	if (by_pid == READER_NOWHERE)
		error = reader_index_add(&reader->pid_index, pid_hash(header), *process);
	if (!error)
		error = reader_index_add(&reader->process_index, id_hash(header), *process);
	return error ? error : process_add(reader, file);
}

static int add_events(struct trace_process *process, const struct reader_block *block)
{
	struct trace_worker *worker = reader_meta_worker(process, block->worker);
	struct reader_block *place;

	if (!worker)
		return -ENOMEM;
	process->sealed = false; /* what comes behind a seal must have one of its own */
	place = reader_append(&worker->blocks->list, &worker->blocks->count, sizeof(*place));
	if (!place)
		return -ENOMEM;
	*place = *block;
	return 0;
}

static void count_segment(struct trace_process *process, uint64_t segment)
{
	if (process->segment_count == 0 || segment < process->first_segment)
		process->first_segment = segment;
	if (segment > process->last_segment)
		process->last_segment = segment;
	process->segment_count++;
}

/* Segments must be added in order: what a later one says replaces what an earlier one said. */
int reader_process_add_file(struct reader *reader, size_t file_index)
{
	struct reader_file *file = &reader->files[file_index];
	size_t process;
	int error = reader_process_find(reader, file, &process);

	if (error)
		return error;
	count_segment(&reader->trace.processes[process], file->header.segment);
	reader->trace.processes[process].sealed = false;
	reader->trace.processes[process].seal_reason = 0;
	for (size_t i = 0; !error && i < file->blocks.count; i++) {
		struct reader_block *block = &file->blocks.list[i];

		block->file = file_index;
		if (block->type == TRACE_BLOCK_EVENTS)
			error = add_events(&reader->trace.processes[process], block);
		else
			error = reader_meta_parse(reader, process, file, block);
	}
	file->process = process;
	free(file->blocks.list);
	file->blocks = (struct reader_blocks){0};
	return error;
}

static uint64_t block_end(const struct reader_block *block)
{
	return block->first_index + block->event_count;
}

/* By index; of two that begin together the longer one first, so that the other adds nothing. */
static int compare_blocks(const void *left, const void *right)
{
	const struct reader_block *a = left, *b = right;

	if (a->first_index != b->first_index)
		return a->first_index < b->first_index ? -1 : 1;
	if (a->event_count != b->event_count)
		return a->event_count > b->event_count ? -1 : 1;
	return 0;
}

static void worker_see_ticks(struct trace_worker *worker, const struct reader_block *block)
{
	if (worker->events == 0 || block->first_tick < worker->first_tick)
		worker->first_tick = block->first_tick;
	if (block->last_tick > worker->last_tick)
		worker->last_tick = block->last_tick;
}

/* Drops blocks that add nothing and sums up the rest. */
static void worker_finish(struct trace_worker *worker, bool running)
{
	struct reader_blocks *blocks = worker->blocks;
	uint64_t reached = 0;
	size_t kept = 0;

	if (blocks->count > 1)
		qsort(blocks->list, blocks->count, sizeof(*blocks->list), compare_blocks);
	for (size_t i = 0; i < blocks->count; i++) {
		struct reader_block *block = &blocks->list[i];

		if (block_end(block) <= reached)
			continue;
		if (block->first_index > reached) {
			worker->missing += block->first_index - reached;
			reached = block->first_index;
		}
		worker_see_ticks(worker, block);
		worker->events += block_end(block) - reached;
		reached = block_end(block);
		blocks->list[kept++] = *block;
	}
	blocks->count = kept;
	worker->missing_last = blocks->recorded > reached ? blocks->recorded - reached : 0;
	if (!running)
		worker->missing += worker->missing_last;
}

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static void process_see_ticks(struct trace_process *process, uint64_t first, uint64_t last)
{
	if (first < process->first_tick)
		process->first_tick = first;
	if (last > process->last_tick)
		process->last_tick = last;
}

static void process_time_range(struct trace_process *process, const struct reader_state *state)
{
	process->seal_tick = state->seal_tick;
	process->first_tick = UINT64_MAX;
	process->last_tick = 0;
	for (size_t i = 0; i < process->worker_count; i++)
		if (process->workers[i].events > 0)
			process_see_ticks(process, process->workers[i].first_tick,
					  process->workers[i].last_tick);
	if (process->sample_count > 0)
		process_see_ticks(process, process->samples[0].tick,
				  process->samples[process->sample_count - 1].tick);
	if (state->seal_tick > 0)
		process_see_ticks(process, state->seal_tick, state->seal_tick);
	if (process->first_tick > process->last_tick)
		process->first_tick = process->last_tick = process->start_tick;
}

/* Workers of which no segment speaks any more are known only by the sums that seals give. */
static void process_sum(struct trace_process *process, const struct reader_state *state)
{
	for (size_t i = 0; i < process->worker_count; i++) {
		struct trace_worker *worker = &process->workers[i];

		worker_finish(worker, process->running);
		process->events = add_saturating(process->events, worker->events);
		process->lost = add_saturating(process->lost, worker->lost);
		process->missing = add_saturating(process->missing, worker->missing);
	}
	if (state->seal_lost > process->lost)
		process->lost = state->seal_lost;
	if (state->seal_recorded > process->events &&
	    state->seal_recorded - process->events > process->missing)
		process->missing = state->seal_recorded - process->events;
}

static int compare_modules(const void *left, const void *right)
{
	const struct trace_module *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

static int compare_workers(const void *left, const void *right)
{
	const struct trace_worker *a = left, *b = right;

	return a->worker < b->worker ? -1 : a->worker > b->worker;
}

static void indices_free(struct trace_process *process)
{
	if (!process->indices)
		return;
	reader_index_free(&process->indices->workers);
	reader_index_free(&process->indices->modules);
	reader_index_free(&process->indices->notes);
	reader_index_free(&process->indices->script_texts);
	free(process->indices);
	process->indices = NULL;
}

/* No worker and no module is added any more: they are put in order, and their indices no longer
 * hold. */
static void process_order(struct trace_process *process)
{
	if (process->worker_count > 1)
		qsort(process->workers, process->worker_count, sizeof(*process->workers),
		      compare_workers);
	if (process->module_count > 1)
		qsort(process->modules, process->module_count, sizeof(*process->modules),
		      compare_modules);
}

int reader_process_finish(struct reader *reader, size_t index)
{
	struct trace_process *process = &reader->trace.processes[index];
	int error;

	process_order(process);
	process_sum(process, &reader->states[index]);
	error = reader_samples_finish(reader, index);
	reader_stalls_finish(reader, index);
	process_time_range(process, &reader->states[index]);
	if (!error)
		error = reader_clock_make(reader, index); /* may add a note */
	indices_free(process);
	return error;
}

static void free_workers(struct trace_process *process)
{
	for (size_t i = 0; i < process->worker_count; i++) {
		free(process->workers[i].blocks->list);
		free(process->workers[i].blocks);
	}
	free(process->workers);
}

static void free_tables(struct trace_process *process)
{
	for (size_t i = 0; i < process->note_count; i++)
		free(process->notes[i]);
	for (size_t i = 0; i < process->kind_count; i++)
		free(process->kinds[i].name);
	for (size_t i = 0; i < process->module_count; i++)
		free(process->modules[i].path);
	for (size_t i = 0; i < process->site_count; i++) {
		free(process->sites[i].callback_symbol);
		free(process->sites[i].caller_symbol);
	}
	for (size_t i = 0; i < process->name_count; i++)
		free(process->names[i]);
	free(process->names);
	free(process->notes);
	free(process->kinds);
	free(process->modules);
	free(process->sites);
	free(process->samples);
	reader_stalls_free(process);
	reader_scripts_free(process);
	free(process->clock_ranges);
}

void reader_process_free(struct trace_process *process, struct reader_state *state)
{
	char *texts[] = {process->exe,	      process->cmdline,	   process->libuv,
			 process->libuv_path, process->ring_path,  process->version,
			 process->how,	      process->dump_reason};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	indices_free(process);
	free_workers(process);
	free_tables(process);
	free(state->pairs);
	free(state->sample_seen);
}
