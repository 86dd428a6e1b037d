/* SPDX-License-Identifier: Apache-2.0
 *
 * Stall samples, and the samples of a profile, each in order of time, doubles left out.
 *
 * Rules: an entry whose parts do not fit into it is none. At most READER_STALLS_MAX stall samples
 * and READER_PROFILE_MAX of a profile are kept of a process.
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

/* Where samples of one sort gather. */
struct sample_list {
	struct trace_stall **list;
	size_t *count, max, *left_out;
};

static int sample_add(const struct sample_list *samples, const struct trace_stall_entry *entry,
		      uint32_t bytes)
{
	struct trace_stall *stall;

	if (!entry_fits(entry, bytes) ||
	    !words_in_order(entry->data + entry->register_count, entry->word_count))
		return -EINVAL;
	if (*samples->count >= samples->max) {
		++*samples->left_out;
		return 0;
	}
	stall = reader_append(samples->list, samples->count, sizeof(*stall));
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

int reader_stalls_add(struct reader *reader, size_t index, const struct trace_stall_entry *entry,
		      uint32_t bytes)
{
	struct trace_process *process = &reader->trace.processes[index];
	struct sample_list samples = {&process->stalls, &process->stall_count, READER_STALLS_MAX,
				      &reader->states[index].stalls_left_out};

	return sample_add(&samples, entry, bytes);
}

int reader_profile_add(struct reader *reader, size_t index, const struct trace_stall_entry *entry,
		       uint32_t bytes)
{
	struct trace_process *process = &reader->trace.processes[index];
	struct sample_list samples = {&process->profile, &process->profile_count,
				      READER_PROFILE_MAX, &reader->states[index].profile_left_out};

	return sample_add(&samples, entry, bytes);
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

/* In order, without doubles. Returns how many are left. */
static size_t list_finish(const struct trace_process *process, struct trace_stall *list,
			  size_t count)
{
	size_t kept = 0;

	if (count > 1)
		qsort(list, count, sizeof(*list), compare_stalls);
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && compare_stalls(&list[kept - 1], &list[i]) == 0)
			stall_free(&list[i]);
		else
			list[kept++] = list[i];
	}
	for (size_t i = 0; i < kept; i++)
		reader_scripts_name(process, &list[i]);
	return kept;
}

static void say_left_out(struct reader *reader, const struct trace_process *process, size_t count,
			 const char *what)
{
	if (count > 0)
		reader_problem(reader, "process %u: too many %s, %zu were not read", process->pid,
			       what, count);
}

void reader_stalls_finish(struct reader *reader, size_t index)
{
	struct trace_process *process = &reader->trace.processes[index];
	const struct reader_state *state = &reader->states[index];

	process->stall_count = list_finish(process, process->stalls, process->stall_count);
	process->profile_count = list_finish(process, process->profile, process->profile_count);
	say_left_out(reader, process, state->stalls_left_out, "looks at stuck callbacks");
	say_left_out(reader, process, state->profile_left_out, "samples of callbacks");
	say_left_out(reader, process, state->script_texts_left_out, "names of script functions");
}

static void list_free(struct trace_stall *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		stall_free(&list[i]);
	free(list);
}

void reader_stalls_free(struct trace_process *process)
{
	list_free(process->stalls, process->stall_count);
	list_free(process->profile, process->profile_count);
}
