/* SPDX-License-Identifier: Apache-2.0
 *
 * The looks at callbacks that did not come back in time, in order of time, doubles left out.
 *
 * Rules: an entry whose parts do not fit into it is none. At most READER_STALLS_MAX are kept of a
 * process.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader_internal.h"

static bool entry_fits(const struct trace_stall_entry *entry, uint32_t bytes)
{
	uint64_t data = ((uint64_t)entry->register_count + entry->word_count) * sizeof(uint64_t) +
			entry->object_bytes;

	return data <= bytes - sizeof(*entry) &&
	       entry->register_count <= TRACE_STALL_REGISTERS_MAX &&
	       reader_scripts_fit(entry, bytes) && entry->tick < READER_TICK_MAX &&
	       entry->poll_tick <= entry->tick && entry->base_tick <= entry->tick;
}

/* Each place comes once, in order: whoever looks for one may halve. */
static bool words_in_order(const uint64_t *words, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++)
		if (trace_word_code(words[i]) <= trace_word_code(words[i - 1]))
			return false;
	return true;
}

static int data_copy(struct trace_stall *stall, const struct trace_stall_entry *entry)
{
	size_t numbers = (size_t)entry->register_count + entry->word_count;

	stall->registers = calloc(numbers + 1, sizeof(uint64_t));
	stall->object = strndup((const char *)(entry->data + numbers), entry->object_bytes);
	if (!stall->registers || !stall->object)
		return -ENOMEM;
	memcpy(stall->registers, entry->data, numbers * sizeof(uint64_t));
	stall->words = stall->registers + entry->register_count;
	return 0;
}

int reader_stalls_add(struct reader *reader, size_t index, const struct trace_stall_entry *entry,
		      uint32_t bytes)
{
	struct trace_process *process = &reader->trace.processes[index];
	struct trace_stall *stall;

	if (!entry_fits(entry, bytes) ||
	    !words_in_order(entry->data + entry->register_count, entry->word_count))
		return -EINVAL;
	if (process->stall_count >= READER_STALLS_MAX) {
		reader->states[index].stalls_left_out++;
		return 0;
	}
	stall = reader_append(&process->stalls, &process->stall_count, sizeof(*stall));
	if (!stall)
		return -ENOMEM;
	*stall = (struct trace_stall){
	    .poll_word = entry->poll_word,
	    .poll_tick = entry->poll_tick,
	    .tick = entry->tick,
	    .base_tick = entry->base_tick,
	    .base_cpu_ns = entry->base_cpu_ns,
	    .base_wait_ns = entry->base_wait_ns,
	    .cpu_ns = entry->cpu_ns,
	    .wait_ns = entry->wait_ns,
	    .syscall = entry->syscall,
	    .sp = entry->sp,
	    .pc = entry->pc,
	    .frame_sp = entry->frame_sp,
	    .worker = entry->worker,
	    .blocker = entry->blocker,
	    .stack_bytes = entry->stack_bytes,
	    .error = entry->error,
	    .suppressed = entry->suppressed,
	    .type = entry->type,
	    .machine = entry->machine,
	    .state = entry->state,
	    .register_count = entry->register_count,
	    .word_count = entry->word_count,
	};
	memcpy(stall->arguments, entry->arguments, sizeof(stall->arguments));
	int error = data_copy(stall, entry);
	return error ? error : reader_scripts_copy(stall, entry);
}

static int compare_stalls(const void *left, const void *right)
{
	const struct trace_stall *a = left, *b = right;

	if (a->tick != b->tick)
		return a->tick < b->tick ? -1 : 1;
	if (a->worker != b->worker)
		return a->worker < b->worker ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return a->poll_tick < b->poll_tick ? -1 : a->poll_tick > b->poll_tick;
}

static void stall_free(struct trace_stall *stall)
{
	free(stall->registers);
	free(stall->object);
	free(stall->scripts);
}

void reader_stalls_finish(struct reader *reader, size_t index)
{
	struct trace_process *process = &reader->trace.processes[index];
	size_t kept = 0;

	if (process->stall_count > 1)
		qsort(process->stalls, process->stall_count, sizeof(*process->stalls),
		      compare_stalls);
	for (size_t i = 0; i < process->stall_count; i++) {
		if (kept > 0 &&
		    compare_stalls(&process->stalls[kept - 1], &process->stalls[i]) == 0)
			stall_free(&process->stalls[i]);
		else
			process->stalls[kept++] = process->stalls[i];
	}
	process->stall_count = kept;
	for (size_t i = 0; i < kept; i++)
		reader_scripts_name(process, &process->stalls[i]);
	if (reader->states[index].stalls_left_out > 0)
		reader_problem(reader,
			       "process %u: too many looks at stuck callbacks, %zu were not read",
			       process->pid, reader->states[index].stalls_left_out);
	if (reader->states[index].script_texts_left_out > 0)
		reader_problem(reader,
			       "process %u: too many names of script functions, %zu were not read",
			       process->pid, reader->states[index].script_texts_left_out);
}

void reader_stalls_free(struct trace_process *process)
{
	for (size_t i = 0; i < process->stall_count; i++)
		stall_free(&process->stalls[i]);
	free(process->stalls);
}
