/* SPDX-License-Identifier: Apache-2.0
 *
 * What samples say: totals of CPU and run-queue time, how many handles and requests were active,
 * and the windows between two samples of a worker, to which the parks of its stream are added: what
 * a worker did in a window and was not parked, it did on the CPU, waiting for the CPU, or asleep.
 *
 * Rules: windows are made before the first item, since streams count on several threads. A worker
 * has WINDOWS_MAX at most; from more samples some are left out.
 */
#include <errno.h>
#include <stdlib.h>

#include "timeline_internal.h"

#define WINDOWS_MAX 32768u

/* ---- Samples --------------------------------------------------------------------------------- */

static void level_sample(struct timeline_level *level, uint64_t value)
{
	level->max = value > level->max ? value : level->max;
	level->mean += ((double)value - level->mean) / (double)++level->count;
}

/* CPU and run-queue time are running totals: the newest minus what they were when the range began.
 */
static void worker_sample(struct timeline_worker *worker, struct trace_sample *first,
			  const struct trace_sample *sample, const struct timeline *timeline)
{
	if (first->type == 0 || sample->tick <= timeline->from_tick)
		*first = *sample;
	if (sample->tick <= first->tick || sample->a < first->a || sample->b < first->b)
		return;
	worker->sampled = true;
	worker->cpu_ns = sample->a - first->a;
	worker->sched_wait_ns = sample->b - first->b;
	worker->slices = sample->c > first->c ? sample->c - first->c : 0;
	worker->sampled_ns =
	    trace_ns(timeline->process, sample->tick) - trace_ns(timeline->process, first->tick);
}

static size_t worker_find(const struct trace_process *process, uint32_t number)
{
	size_t low = 0, high = process->worker_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (process->workers[middle].worker < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < process->worker_count && process->workers[low].worker == number
		   ? low
		   : process->worker_count;
}

static void growth_sample(const struct timeline *timeline, struct timeline_growth *growth,
			  uint64_t tick, uint64_t value)
{
	uint64_t length = timeline->end_tick - timeline->from_tick + 1;
	uint64_t quarter =
	    (uint64_t)((double)(tick - timeline->from_tick) / (double)length * TIMELINE_QUARTERS);

	if (quarter >= TIMELINE_QUARTERS)
		quarter = TIMELINE_QUARTERS - 1;
	if (growth->samples[quarter]++ == 0 || value < growth->least[quarter])
		growth->least[quarter] = value;
	if (value > growth->most[quarter])
		growth->most[quarter] = value;
}

static void untraced_sample(struct timeline *timeline, const struct trace_sample *sample)
{
	timeline->untraced_callbacks = sample->a;
	timeline->untraced_marks = sample->d;
	timeline->untraced_threads = sample->b;
	timeline->untraced_events = sample->c;
}

static void sample_read(struct timeline *timeline, const struct trace_sample *sample,
			struct trace_sample *firsts)
{
	size_t position = worker_find(timeline->process, sample->worker);

	if (sample->type == TRACE_SAMPLE_UNTRACED)
		untraced_sample(timeline, sample);
	if (sample->tick >= timeline->to_tick)
		return;
	machine_sample(timeline, sample);
	if (sample->type == TRACE_SAMPLE_WORKER && position < timeline->process->worker_count)
		worker_sample(&timeline->workers[position], &firsts[position], sample, timeline);
	if (sample->type == TRACE_SAMPLE_SWITCHES && position < timeline->process->worker_count)
		switches_sample(timeline, &timeline->workers[position], sample);
	if (sample->tick < timeline->from_tick)
		return;
	timeline->samples +=
	    sample->type == TRACE_SAMPLE_QUEUE || sample->type == TRACE_SAMPLE_POOL;
	if (sample->type != TRACE_SAMPLE_QUEUE)
		return;
	level_sample(&timeline->active_requests, sample->a);
	level_sample(&timeline->active_handles, sample->b);
	if (position < timeline->process->worker_count) {
		growth_sample(timeline, &timeline->workers[position].requests, sample->tick,
			      sample->a);
		growth_sample(timeline, &timeline->workers[position].handles, sample->tick,
			      sample->b);
	}
}

int samples_read(struct timeline *timeline)
{
	struct trace_sample *firsts = calloc(timeline->process->worker_count + 1, sizeof(*firsts));

	if (!firsts)
		return -ENOMEM;
	for (size_t i = 0; i < timeline->process->sample_count; i++)
		sample_read(timeline, &timeline->process->samples[i], firsts);
	free(firsts);
	return 0;
}

/* ---- Windows --------------------------------------------------------------------------------- */

/* One worker's samples on the way to windows, evenly thinned. */
struct window_maker {
	size_t samples, step, seen;
	const struct trace_sample *last;
};

static void window_add(struct timeline_worker *facts, struct window_maker *maker,
		       const struct trace_sample *sample)
{
	const struct trace_sample *last = maker->last;

	if (!facts->windows || maker->seen++ % maker->step != 0)
		return;
	if (last && sample->tick > last->tick && sample->a >= last->a && sample->b >= last->b)
		facts->windows[facts->window_count++] = (struct timeline_window){
		    .from_tick = last->tick,
		    .to_tick = sample->tick,
		    .cpu_ns = sample->a - last->a,
		    .wait_ns = sample->b - last->b,
		};
	maker->last = sample;
}

/* Room for each worker's; one of a single sample has none. */
static int windows_reserve(struct timeline *timeline, struct window_maker *makers)
{
	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		struct timeline_worker *facts = &timeline->workers[i];
		if (makers[i].samples < 2)
			continue;
		makers[i].step = makers[i].samples / WINDOWS_MAX + 1;
		facts->windows =
		    calloc(makers[i].samples / makers[i].step + 1, sizeof(*facts->windows));
		if (!facts->windows)
			return -ENOMEM;
	}
	return 0;
}

int windows_make(struct timeline *timeline)
{
	const struct trace_process *process = timeline->process;
	struct window_maker *makers = calloc(process->worker_count + 1, sizeof(*makers));

	if (!makers)
		return -ENOMEM;
	for (size_t i = 0; i < process->sample_count; i++) {
		if (process->samples[i].type == TRACE_SAMPLE_WORKER)
			makers[worker_find(process, process->samples[i].worker)].samples++;
	}
	int error = windows_reserve(timeline, makers);
	for (size_t i = 0; error == 0 && i < process->sample_count; i++) {
		const struct trace_sample *sample = &process->samples[i];
		size_t position = worker_find(process, sample->worker);
		if (sample->type == TRACE_SAMPLE_WORKER && position < process->worker_count)
			window_add(&timeline->workers[position], &makers[position], sample);
	}
	free(makers);
	return error;
}

/* Several parts of a worker are read at once: what one of them saw is added in one go. */
void windows_flush(struct stream *stream)
{
	if (stream->window_parked > 0)
		__atomic_fetch_add(&stream->facts_windows[stream->window].parked_ticks,
				   stream->window_parked, __ATOMIC_RELAXED);
	stream->window_parked = 0;
}

void windows_park(struct stream *stream, uint64_t from, uint64_t to)
{
	const struct timeline_window *windows = stream->facts_windows;

	while (stream->window < stream->window_count && to > from) {
		const struct timeline_window *window = &windows[stream->window];
		uint64_t begin = from > window->from_tick ? from : window->from_tick;
		uint64_t end = to < window->to_tick ? to : window->to_tick;
		if (end > begin)
			stream->window_parked += end - begin;
		if (to < window->to_tick)
			return;
		windows_flush(stream);
		stream->window++;
	}
}
