/* SPDX-License-Identifier: Apache-2.0
 *
 * The samples of a process, in order of time, doubles left out (the same segment may be there
 * twice: as it was and compressed).
 *
 * Rules: at most READER_SAMPLES_MAX are kept. When there are more, every second of each worker and
 * type goes, so that what remains is spread evenly; switches of recording are never left out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader_internal.h"

#define STREAMS                                                                                    \
	4096 /* workers and types told apart, by hash: two that meet are thinned together          \
	      */

static size_t sample_stream(const struct trace_sample *sample)
{
	return (sample->worker * 8 + (sample->type & 7)) % STREAMS;
}

/* Whether this one, the next of its stream, is among those that stay. */
static bool sample_stays(struct reader_state *state, const struct trace_sample *sample,
			 uint64_t stride)
{
	if (sample->type == TRACE_SAMPLE_RECORDING)
		return true;
	return state->sample_seen[sample_stream(sample)]++ % stride == 0;
}

static void samples_thin(struct trace_process *process, struct reader_state *state)
{
	size_t kept = 0;

	memset(state->sample_seen, 0, STREAMS * sizeof(*state->sample_seen));
	for (size_t i = 0; i < process->sample_count; i++)
		if (sample_stays(state, &process->samples[i], 2))
			process->samples[kept++] = process->samples[i];
	process->sample_count = kept;
	state->sample_stride *= 2;
	state->samples_thinned = true;
	memset(state->sample_seen, 0, STREAMS * sizeof(*state->sample_seen));
}

/* Where most are of the kind that stays, it would be done again and again for little: what comes is
 * left out then. */
static bool thinning_helps(struct reader_state *state)
{
	state->samples_thinned = true;
	return state->samples_kept_always < READER_SAMPLES_MAX / 2;
}

/* Thinning may leave a count whose capacity reader_append() would take for smaller; so the array
 * has its own. */
static int samples_reserve(struct trace_process *process, struct reader_state *state)
{
	size_t capacity = state->sample_capacity ? 2 * state->sample_capacity : 256;
	struct trace_sample *grown;

	if (process->sample_count < state->sample_capacity)
		return 0;
	grown = reallocarray(process->samples, capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	process->samples = grown;
	state->sample_capacity = capacity;
	return 0;
}

int reader_samples_add(struct reader *reader, size_t process_index,
		       const struct trace_sample *sample)
{
	struct trace_process *process = &reader->trace.processes[process_index];
	struct reader_state *state = &reader->states[process_index];

	if (!state->sample_seen) {
		state->sample_stride = 1;
		state->sample_seen = calloc(STREAMS, sizeof(*state->sample_seen));
		if (!state->sample_seen)
			return -ENOMEM;
	}
	if (!sample_stays(state, sample, state->sample_stride))
		return 0;
	if (process->sample_count >= READER_SAMPLES_MAX && thinning_helps(state))
		samples_thin(process, state);
	if (process->sample_count >= READER_SAMPLES_MAX || samples_reserve(process, state) != 0)
		return process->sample_count >= READER_SAMPLES_MAX ? 0 : -ENOMEM;
	process->samples[process->sample_count++] = *sample;
	state->samples_kept_always += sample->type == TRACE_SAMPLE_RECORDING;
	return 0;
}

static int compare_samples(const void *left, const void *right)
{
	const struct trace_sample *a = left, *b = right;

	if (a->tick != b->tick)
		return a->tick < b->tick ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->worker != b->worker)
		return a->worker < b->worker ? -1 : 1;
	return memcmp(a, b, sizeof(*a));
}

int reader_samples_finish(struct reader *reader, size_t process_index)
{
	struct trace_process *process = &reader->trace.processes[process_index];
	size_t kept = 0;

	if (process->sample_count > 1)
		qsort(process->samples, process->sample_count, sizeof(*process->samples),
		      compare_samples);
	for (size_t i = 0; i < process->sample_count; i++)
		if (i == 0 ||
		    compare_samples(&process->samples[kept - 1], &process->samples[i]) != 0)
			process->samples[kept++] = process->samples[i];
	process->sample_count = kept;
	if (reader->states[process_index].samples_thinned)
		reader_problem(reader, "process %u: too many samples, only one in %llu was read",
			       process->pid,
			       (unsigned long long)reader->states[process_index].sample_stride);
	return 0;
}
