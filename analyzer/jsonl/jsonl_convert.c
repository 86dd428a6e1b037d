/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole trace as JSON lines: merges the workers' streams, the samples and the stalls of all
 * processes by time.
 *
 * Rules: a heap of streams, so memory does not grow with the trace; a worker's stream is opened
 * when its first event is due and closed after its last. Processes of one boot are put in order by
 * CLOCK_MONOTONIC, others by the wall clock; a wall clock that overflows stands still there. What
 * is done is proportional to what is told, whatever the clocks say: a process' requests are looked
 * over when one is due, and not behind its trace's end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jsonl.h"
#include "base/tick_heap.h"

#define PROGRESS_EVENTS 1000000
#define LOOKS                                                                                      \
	8 /* at most, in the time that a request may take: it is told of an eighth too late at     \
	     worst */

/* What one heap entry stands for: a worker; or, without a stream, a process' samples or stalls. */
#define SOURCE_SAMPLES SIZE_MAX
#define SOURCE_STALLS  (SIZE_MAX - 1)

struct source {
	size_t process, worker;
	struct jsonl_stream *stream;
};

/* When a process' requests are looked over. */
struct stall_samples {
	uint64_t next_ns, soonest_ns;
	uint64_t known_until_ns; /* no look is later */
	bool waiting;		 /* there is an entry in the heap */
};

struct conversion {
	struct trace *trace;
	struct json_out *out;
	struct jsonl_process *processes;
	struct jsonl_samples *samples;
	struct jsonl_stalls *stalls;
	struct stall_samples *stall_samples; /* by process */
	bool by_wall_clock;		     /* several boots */
	bool transactions;		     /* are told */
	struct source *sources;
	size_t source_count;
	struct tick_heap heap;		   /* sources */
	struct tick_heap stall_probe_heap; /* processes */
	struct jsonl_watcher watcher;
};

/* ---- Merging --------------------------------------------------------------------------------- */

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
		count += trace->processes[i].worker_count + 2;
	return count;
}

/* A time of one process on the scale that all have in common. */
static uint64_t common_ns(const struct conversion *conversion, size_t index, uint64_t ns)
{
	const struct trace_process *process = &conversion->trace->processes[index];
	uint64_t mono_ns = process->start_mono_ns, real_ns = process->start_real_ns;

	if (!conversion->by_wall_clock)
		return ns;
	if (ns >= mono_ns)
		return jsonl_later_ns(real_ns, ns - mono_ns);
	return real_ns > mono_ns - ns ? real_ns - (mono_ns - ns) : 0;
}

static void add_source(struct conversion *conversion, size_t process, size_t worker, uint64_t ns)
{
	conversion->sources[conversion->source_count] = (struct source){process, worker, NULL};
	tick_heap_push(&conversion->heap, common_ns(conversion, process, ns),
		       conversion->source_count++);
}

static int begin_process(struct conversion *conversion, size_t index)
{
	const struct trace_process *process = &conversion->trace->processes[index];
	uint64_t ns;
	int error = jsonl_process_init(&conversion->processes[index], process, conversion->out,
				       conversion->trace->process_count > 1);

	if (!error && conversion->transactions)
		error = jsonl_steps_find(&conversion->processes[index], conversion->trace, index);
	if (error)
		return error;
	conversion->stall_samples[index].known_until_ns = trace_known_until_ns(process);
	jsonl_trace_start(&conversion->processes[index], conversion->trace);
	for (size_t i = 0; i < process->worker_count; i++)
		add_source(conversion, index, i,
			   jsonl_stream_start_ns(process, &process->workers[i]));
	if (jsonl_samples_begin(&conversion->samples[index], &conversion->processes[index], &ns))
		add_source(conversion, index, SOURCE_SAMPLES, ns);
	if (jsonl_stalls_begin(&conversion->stalls[index], &conversion->processes[index], &ns))
		add_source(conversion, index, SOURCE_STALLS, ns);
	return 0;
}

static int begin_all(struct conversion *conversion)
{
	size_t processes = conversion->trace->process_count,
	       sources = count_sources(conversion->trace);
	int error = 0;

	conversion->processes = calloc(processes + 1, sizeof(*conversion->processes));
	conversion->samples = calloc(processes + 1, sizeof(*conversion->samples));
	conversion->stalls = calloc(processes + 1, sizeof(*conversion->stalls));
	conversion->stall_samples = calloc(processes + 1, sizeof(*conversion->stall_samples));
	conversion->sources = calloc(sources + 1, sizeof(*conversion->sources));
	conversion->heap.entries = calloc(sources + 1, sizeof(*conversion->heap.entries));
	conversion->stall_probe_heap.entries =
	    calloc(processes + 1, sizeof(*conversion->stall_probe_heap.entries));
	if (!conversion->processes || !conversion->samples || !conversion->stalls ||
	    !conversion->stall_samples || !conversion->sources || !conversion->heap.entries ||
	    !conversion->stall_probe_heap.entries)
		return -ENOMEM;
	conversion->by_wall_clock = boots_differ(conversion->trace);
	for (size_t i = 0; !error && i < processes; i++)
		error = begin_process(conversion, i);
	return error;
}

static void end_all(struct conversion *conversion)
{
	for (size_t i = 0; conversion->sources && i < conversion->source_count; i++)
		jsonl_stream_close(conversion->sources[i].stream);
	for (size_t i = 0; conversion->samples && i < conversion->trace->process_count; i++)
		jsonl_samples_end(&conversion->samples[i]);
	for (size_t i = 0; conversion->processes && i < conversion->trace->process_count; i++)
		jsonl_process_free(&conversion->processes[i]);
	free(conversion->processes);
	free(conversion->samples);
	free(conversion->stalls);
	free(conversion->stall_samples);
	free(conversion->sources);
	free(conversion->heap.entries);
	free(conversion->stall_probe_heap.entries);
}

static void end_stream(struct conversion *conversion, struct source *source)
{
	const char *problem = jsonl_stream_problem(source->stream);

	if (problem)
		conversion->watcher.problem(conversion->watcher.arg, problem);
	jsonl_stream_close(source->stream);
	source->stream = NULL;
}

/* Has the process' requests looked over when the next of them is due. */
static void look_later(struct conversion *conversion, size_t index)
{
	struct stall_samples *stall_samples = &conversion->stall_samples[index];
	uint64_t due_ns = conversion->processes[index].pending.due_ns;

	if (stall_samples->waiting || due_ns == UINT64_MAX)
		return;
	stall_samples->next_ns =
	    due_ns > stall_samples->soonest_ns ? due_ns : stall_samples->soonest_ns;
	if (stall_samples->next_ns > stall_samples->known_until_ns)
		return;
	stall_samples->waiting = true;
	tick_heap_push(&conversion->stall_probe_heap,
		       common_ns(conversion, index, stall_samples->next_ns), index);
}

static void stall_sample(struct conversion *conversion)
{
	size_t index = conversion->stall_probe_heap.entries[0].position;
	struct stall_samples *stall_samples = &conversion->stall_samples[index];

	tick_heap_pop(&conversion->stall_probe_heap);
	stall_samples->waiting = false;
	stall_samples->soonest_ns = jsonl_later_ns(
	    stall_samples->next_ns, conversion->trace->processes[index].pending_ns / LOOKS);
	jsonl_pending_look(&conversion->processes[index], stall_samples->next_ns);
	look_later(conversion, index);
}

/* Whether a look comes before all else that is to be told. */
static bool look_is_next(const struct conversion *conversion)
{
	const struct tick_heap *stall_samples = &conversion->stall_probe_heap,
			       *sources = &conversion->heap;

	return stall_samples->count > 0 &&
	       (sources->count == 0 || stall_samples->entries[0].tick < sources->entries[0].tick);
}

/* Writes one source's next event. False: it has no more. Returns -ENOMEM through *error. */
static bool write_next(struct conversion *conversion, struct source *source, uint64_t *ns,
		       int *error)
{
	if (source->worker == SOURCE_SAMPLES)
		return jsonl_samples_write(&conversion->samples[source->process], ns);
	if (source->worker == SOURCE_STALLS)
		return jsonl_stalls_write(&conversion->stalls[source->process], ns);
	if (!source->stream) {
		source->stream =
		    jsonl_stream_open(conversion->trace, source->process, source->worker,
				      &conversion->processes[source->process], ns);
		*error = source->stream ? 0 : -ENOMEM;
		return source->stream;
	}
	if (jsonl_stream_write(source->stream, ns))
		return true;
	end_stream(conversion, source);
	return false;
}

static int tell_next(struct conversion *conversion)
{
	struct source *source = &conversion->sources[conversion->heap.entries[0].position];
	uint64_t ns;
	int error = 0;

	if (write_next(conversion, source, &ns, &error))
		tick_heap_move_top(&conversion->heap, common_ns(conversion, source->process, ns));
	else
		tick_heap_pop(&conversion->heap);
	look_later(conversion, source->process);
	return error;
}

static int merge(struct conversion *conversion)
{
	uint64_t total = 0, written = 0;
	int error = 0;

	for (size_t i = 0; i < conversion->trace->process_count; i++)
		total += conversion->trace->processes[i].events;
	while (!error && !conversion->out->error &&
	       conversion->heap.count + conversion->stall_probe_heap.count > 0) {
		if (look_is_next(conversion)) {
			stall_sample(conversion);
			continue;
		}
		error = tell_next(conversion);
		if (++written % PROGRESS_EVENTS == 0 && written < total)
			conversion->watcher.progress(conversion->watcher.arg, written, total);
	}
	if (written >= PROGRESS_EVENTS)
		conversion->watcher.progress(conversion->watcher.arg, total, total);
	return error;
}

/* 0, or the first error that cut into what is known of transactions. */
static int steps_error(const struct conversion *conversion)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < conversion->trace->process_count; i++)
		if (conversion->processes[i].steps)
			error = step_reader_error(conversion->processes[i].steps);
	return error;
}

int jsonl_convert(struct trace *trace, struct json_out *out, const struct jsonl_watcher *watcher,
		  bool transactions)
{
	struct conversion conversion = {
	    .trace = trace, .out = out, .watcher = *watcher, .transactions = transactions};
	int error = begin_all(&conversion);

	if (!error)
		error = merge(&conversion);
	if (!error)
		error = steps_error(&conversion);
	json_out_flush(out);
	end_all(&conversion);
	return error ? error : out->error;
}
