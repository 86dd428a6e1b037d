/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole trace as JSON lines: merges the workers' streams, the samples and the stalls of all processes by time.
 *
 * Rules: a heap of streams, so memory does not grow with the trace; a worker's stream is opened when its first
 * event is due and closed after its last. Processes of one boot are put in order by CLOCK_MONOTONIC, others by the
 * wall clock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jsonl.h"
#include "base/tick_heap.h"

#define PROGRESS_EVENTS 1000000

/* What one heap entry stands for: a worker; or, without a stream, a process' samples or stalls, or a look at its
 * requests. */
#define SOURCE_SAMPLES SIZE_MAX
#define SOURCE_STALLS  (SIZE_MAX - 1)
#define SOURCE_LOOKS   (SIZE_MAX - 2)

struct source {
	size_t process, worker;
	struct jsonl_stream *stream;
};

struct conversion {
	struct trace *trace;
	struct jsonl_text *out;
	struct jsonl_process *processes;
	struct jsonl_samples *samples;
	struct jsonl_stalls *stalls;
	uint64_t *offsets_ns; /* a process: what makes times of several boots comparable */
	struct source *sources;
	size_t source_count;
	size_t telling; /* sources that have something to tell of themselves: not looks */
	struct tick_heap heap;
	struct jsonl_watcher watcher;
};

/* ---- Merging ---------------------------------------------------------------------------------------------- */

static bool boots_differ(const struct trace *trace)
{
	for (size_t i = 1; i < trace->process_count; i++)
		if (memcmp(trace->processes[i].boot_id, trace->processes[0].boot_id, 16) != 0)
			return true;
	return false;
}

static size_t count_sources(const struct trace *trace)
{
	size_t count = 0;

	for (size_t i = 0; i < trace->process_count; i++)
		count += trace->processes[i].worker_count + 3;
	return count;
}

static void add_source(struct conversion *conversion, size_t process, size_t worker, uint64_t ns)
{
	conversion->sources[conversion->source_count] = (struct source){process, worker, NULL};
	tick_heap_push(&conversion->heap, ns + conversion->offsets_ns[process], conversion->source_count++);
	conversion->telling += worker != SOURCE_LOOKS;
}

static int begin_process(struct conversion *conversion, size_t index)
{
	const struct trace_process *process = &conversion->trace->processes[index];
	uint64_t ns;
	int error = jsonl_process_init(&conversion->processes[index], process, conversion->out,
				       conversion->trace->process_count > 1);

	if (error)
		return error;
	if (boots_differ(conversion->trace))
		conversion->offsets_ns[index] = process->start_real_ns - process->start_mono_ns;
	jsonl_trace_start(&conversion->processes[index], conversion->trace);
	for (size_t i = 0; i < process->worker_count; i++)
		add_source(conversion, index, i, jsonl_stream_start_ns(process, &process->workers[i]));
	if (jsonl_samples_begin(&conversion->samples[index], &conversion->processes[index], &ns))
		add_source(conversion, index, SOURCE_SAMPLES, ns);
	if (jsonl_stalls_begin(&conversion->stalls[index], &conversion->processes[index], &ns))
		add_source(conversion, index, SOURCE_STALLS, ns);
	if (process->pending_ns != UINT64_MAX)
		add_source(conversion, index, SOURCE_LOOKS,
			   jsonl_later_ns(trace_ns(process, process->start_tick),
					  jsonl_pending_step_ns(&conversion->processes[index])));
	return 0;
}

static int begin_all(struct conversion *conversion)
{
	size_t processes = conversion->trace->process_count, sources = count_sources(conversion->trace);
	int error = 0;

	conversion->processes = calloc(processes + 1, sizeof(*conversion->processes));
	conversion->samples = calloc(processes + 1, sizeof(*conversion->samples));
	conversion->stalls = calloc(processes + 1, sizeof(*conversion->stalls));
	conversion->offsets_ns = calloc(processes + 1, sizeof(*conversion->offsets_ns));
	conversion->sources = calloc(sources + 1, sizeof(*conversion->sources));
	conversion->heap.entries = calloc(sources + 1, sizeof(*conversion->heap.entries));
	if (!conversion->processes || !conversion->samples || !conversion->stalls || !conversion->offsets_ns ||
	    !conversion->sources || !conversion->heap.entries)
		return -ENOMEM;
	for (size_t i = 0; !error && i < processes; i++)
		error = begin_process(conversion, i);
	return error;
}

static void end_all(struct conversion *conversion)
{
	for (size_t i = 0; conversion->sources && i < conversion->source_count; i++)
		jsonl_stream_close(conversion->sources[i].stream);
	for (size_t i = 0; conversion->processes && i < conversion->trace->process_count; i++)
		jsonl_process_free(&conversion->processes[i]);
	free(conversion->processes);
	free(conversion->samples);
	free(conversion->stalls);
	free(conversion->offsets_ns);
	free(conversion->sources);
	free(conversion->heap.entries);
}

static void end_stream(struct conversion *conversion, struct source *source)
{
	const char *problem = jsonl_stream_problem(source->stream);

	if (problem)
		conversion->watcher.problem(conversion->watcher.arg, problem);
	jsonl_stream_close(source->stream);
	source->stream = NULL;
}

/* When something else is told, of whatever process; UINT64_MAX: never again. */
static uint64_t next_event(const struct conversion *conversion)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < conversion->heap.count; i++) {
		const struct tick_heap_entry *entry = &conversion->heap.entries[i];
		if (conversion->sources[entry->position].worker != SOURCE_LOOKS && entry->tick < next)
			next = entry->tick;
	}
	return next;
}

/* It goes on while there is anything else to tell, or the program waits on and on. The next look is when a request that
 * is on its way will have been so for long, or one that the next event may submit. */
static bool look(struct conversion *conversion, const struct source *source, uint64_t *ns)
{
	struct jsonl_process *process = &conversion->processes[source->process];
	uint64_t offset_ns = conversion->offsets_ns[source->process];
	uint64_t now_ns = conversion->heap.entries[0].tick - offset_ns, event = next_event(conversion);
	uint64_t soonest_ns = jsonl_later_ns(now_ns, jsonl_pending_step_ns(process)), late_ns, event_late_ns;

	if (conversion->telling == 0 && now_ns > trace_known_until_ns(process->process))
		return false;
	late_ns = jsonl_pending_look(process, now_ns);
	event_late_ns = event == UINT64_MAX ? event : jsonl_later_ns(event - offset_ns, process->process->pending_ns);
	late_ns = event_late_ns < late_ns ? event_late_ns : late_ns;
	*ns = late_ns > soonest_ns ? late_ns : soonest_ns;
	return *ns <= INT64_MAX; /* no trace goes on until then */
}

/* Writes one source's next event. False: it has no more. Returns -ENOMEM through *error. */
static bool write_next(struct conversion *conversion, struct source *source, uint64_t *ns, int *error)
{
	if (source->worker == SOURCE_LOOKS)
		return look(conversion, source, ns);
	if (source->worker == SOURCE_SAMPLES)
		return jsonl_samples_write(&conversion->samples[source->process], ns);
	if (source->worker == SOURCE_STALLS)
		return jsonl_stalls_write(&conversion->stalls[source->process], ns);
	if (!source->stream) {
		source->stream = jsonl_stream_open(conversion->trace, source->process, source->worker,
						   &conversion->processes[source->process], ns);
		*error = source->stream ? 0 : -ENOMEM;
		return source->stream;
	}
	if (jsonl_stream_write(source->stream, ns))
		return true;
	end_stream(conversion, source);
	return false;
}

static int merge(struct conversion *conversion)
{
	uint64_t total = 0, written = 0;
	int error = 0;

	for (size_t i = 0; i < conversion->trace->process_count; i++)
		total += conversion->trace->processes[i].events;
	while (!error && !conversion->out->error && conversion->heap.count > 0) {
		struct source *source = &conversion->sources[conversion->heap.entries[0].position];
		uint64_t ns;

		if (write_next(conversion, source, &ns, &error))
			tick_heap_move_top(&conversion->heap, ns + conversion->offsets_ns[source->process]);
		else {
			conversion->telling -= source->worker != SOURCE_LOOKS;
			tick_heap_pop(&conversion->heap);
		}
		if (++written % PROGRESS_EVENTS == 0 && written < total)
			conversion->watcher.progress(conversion->watcher.arg, written, total);
	}
	if (written >= PROGRESS_EVENTS)
		conversion->watcher.progress(conversion->watcher.arg, total, total);
	return error;
}

int jsonl_convert(struct trace *trace, struct jsonl_text *out, const struct jsonl_watcher *watcher)
{
	struct conversion conversion = {.trace = trace, .out = out, .watcher = *watcher};
	int error = begin_all(&conversion);

	if (!error)
		error = merge(&conversion);
	jsonl_flush(out);
	end_all(&conversion);
	return error ? error : out->error;
}
