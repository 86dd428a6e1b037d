/* SPDX-License-Identifier: Apache-2.0
 *
 * One process of a trace is hot, and its siblings, which do the same work, are idle. It is told
 * with the hot one.
 *
 * Rules: siblings are the same program with the same command line that ran at the same time and did
 * the same work by the same callback: who forks a child for a job of its own has no sibling in it.
 * Several that had no work at all are siblings too, but for the first process, which forked them.
 * Of those that were on a CPU by their samples nothing is read; a busy one ends the search.
 */
#include "findings/findings_internal.h"

#include <stdlib.h>
#include <string.h>

#define SIBLINGS_READ 8 /* more are not looked at */

/* What a process' busiest loop did. */
struct process_work {
	double share; /* busy, of the range */
	uint64_t connections, reads;
	uint32_t connection_site, read_site;
	size_t worker;
};

struct siblings {
	size_t count;
	double busiest, idle; /* idle: sum of shares */
	uint64_t connections, reads;
	bool busy;	    /* one is */
	uint64_t first_pid; /* of all with its command line */
	size_t unused;	    /* of `count`: they had no work */
};

#define UNUSED_LEAST 2 /* of them are no accident */

static struct process_work work_of(const struct timeline *timeline)
{
	struct process_work work = {.share = -1};

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		const struct timeline_worker *worker = &timeline->workers[i];
		double share =
		    (double)timeline_busy_ticks(worker) / ((double)timeline->range_ticks + 1);
		if (!is_loop(timeline, i) || share <= work.share)
			continue;
		work = (struct process_work){.share = share,
					     .connections = worker->connections,
					     .reads = worker->reads,
					     .connection_site = worker->connection_site.site,
					     .read_site = worker->read_site.site,
					     .worker = i};
	}
	return work;
}

/* An address of a process by its file: two processes of one program load it at different places. */
static uint64_t place_in_file(const struct trace_process *process, uint64_t address)
{
	for (size_t i = 0; i < process->module_count; i++) {
		const struct trace_module *module = &process->modules[i];
		if (address >= module->start && address < module->end)
			return address - module->bias;
	}
	return address;
}

static bool same_callback(const struct trace_process *a, uint32_t site_a,
			  const struct trace_process *b, uint32_t site_b)
{
	return site_a < a->site_count && site_b < b->site_count &&
	       place_in_file(a, a->sites[site_a].callback) ==
		   place_in_file(b, b->sites[site_b].callback);
}

/* They accept by the same callback; or neither accepts, and they read by the same. */
static bool same_work(const struct detection *detection, const struct process_work *hot,
		      const struct trace_process *other, const struct process_work *work)
{
	const struct trace_process *process = detection->timeline->process;
	double least = limit(detection, LIMIT_hot_loop_accepts);

	if ((double)hot->connections >= least)
		return (double)work->connections >= least &&
		       same_callback(process, hot->connection_site, other, work->connection_site);
	return (double)hot->reads >= least && (double)work->reads >= least &&
	       (double)work->connections < least &&
	       same_callback(process, hot->read_site, other, work->read_site);
}

/* It neither accepts nor reads, nor does anything else. */
static bool had_no_work(const struct detection *detection, const struct process_work *work)
{
	return (double)work->connections < limit(detection, LIMIT_hot_loop_accepts) &&
	       (double)work->reads < limit(detection, LIMIT_hot_loop_least) &&
	       work->share <= limit(detection, LIMIT_idle_loop);
}

/* The hot one serves others, and was forked as the others were. */
static bool may_be_unused(const struct detection *detection, const struct process_work *hot,
			  const struct siblings *siblings)
{
	return ((double)hot->connections >= limit(detection, LIMIT_hot_loop_accepts) ||
		(double)hot->reads >= limit(detection, LIMIT_hot_loop_least)) &&
	       detection->timeline->process->pid != siblings->first_pid;
}

static uint64_t duration_ns(const struct trace_process *process)
{
	return trace_ns(process, process->last_tick) - trace_ns(process, process->first_tick);
}

/* The same program, for half of the time at least. */
static bool is_sibling(const struct trace_process *process, const struct trace_process *other)
{
	uint64_t from = process->start_real_ns, to = from + duration_ns(process);
	uint64_t other_from = other->start_real_ns, other_to = other_from + duration_ns(other);
	uint64_t both_from = from > other_from ? from : other_from;
	uint64_t both_to = to < other_to ? to : other_to;

	return process != other && process->pid != other->pid && other->events > 0 &&
	       strcmp(process->exe, other->exe) == 0 &&
	       strcmp(process->cmdline, other->cmdline) == 0 && both_to > both_from &&
	       (both_to - both_from) * 2 >= to - from;
}

/* By its samples: the CPU time that its first worker's thread had at the end. */
static bool was_on_cpu(const struct detection *detection, const struct trace_process *process)
{
	const struct trace_sample *first = NULL, *last = NULL;

	for (size_t i = 0; i < process->sample_count; i++) {
		const struct trace_sample *sample = &process->samples[i];
		if (sample->type != TRACE_SAMPLE_WORKER || sample->worker != 1)
			continue;
		first = first ? first : sample;
		last = sample;
	}
	return first && last->a > first->a &&
	       (double)(last->a - first->a) >
		   2 * limit(detection, LIMIT_idle_loop) * (double)duration_ns(process);
}

static void sibling_add(const struct detection *detection, const struct process_work *hot,
			size_t position, struct siblings *siblings)
{
	struct trace *trace = detection->input->trace;
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	struct timeline *timeline = timeline_read(trace, position, &options, NULL, NULL);
	struct process_work work =
	    timeline ? work_of(timeline) : (struct process_work){.share = -1};

	if (!timeline)
		detection->findings->failed = true;
	bool same = same_work(detection, hot, &trace->processes[position], &work);
	bool unused = !same && may_be_unused(detection, hot, siblings) &&
		      had_no_work(detection, &work) &&
		      trace->processes[position].pid != siblings->first_pid;
	if (work.share >= 0 && (same || unused)) {
		siblings->count++;
		siblings->unused += unused;
		siblings->connections += work.connections;
		siblings->reads += work.reads;
		siblings->idle += 1 - work.share;
		siblings->busiest = work.share > siblings->busiest ? work.share : siblings->busiest;
		siblings->busy |= work.share > limit(detection, LIMIT_idle_loop);
	}
	timeline_free(timeline);
}

static struct siblings siblings_find(const struct detection *detection,
				     const struct process_work *hot)
{
	const struct trace *trace = detection->input->trace;
	const struct trace_process *process = detection->timeline->process;
	struct siblings siblings = {.first_pid = process->pid};
	size_t read = 0;

	for (size_t i = 0; i < trace->process_count; i++) {
		if (is_sibling(process, &trace->processes[i]) &&
		    trace->processes[i].pid < siblings.first_pid)
			siblings.first_pid = trace->processes[i].pid;
	}
	for (size_t i = 0; i < trace->process_count && read < SIBLINGS_READ && !siblings.busy;
	     i++) {
		if (!is_sibling(process, &trace->processes[i]))
			continue;
		if (was_on_cpu(detection, &trace->processes[i])) {
			siblings.busy = true;
			break;
		}
		read++;
		sibling_add(detection, hot, i, &siblings);
	}
	return siblings;
}

static void uneven_tell(struct detection *detection, const struct process_work *hot,
			const struct siblings *siblings)
{
	const struct trace_process *process = detection->timeline->process;
	bool accepts = (double)hot->connections >= limit(detection, LIMIT_hot_loop_accepts);
	struct finding finding =
	    finding_make(detection, FINDING_UNEVEN_PROCESSES,
			 found_spinning(detection, hot->worker) ? SEVERITY_NOTE : SEVERITY_WARNING);

	finding_worker(detection, &finding, hot->worker);
	finding_everywhere(detection, &finding);
	fact_whole(&finding, FACT_pid, process->pid);
	fact_text(&finding, FACT_program, process->exe);
	fact_number(&finding, FACT_busy_share, hot->share);
	fact_number(&finding, FACT_next_busy_share, siblings->busiest);
	fact_whole(&finding, FACT_others, siblings->count);
	fact_flag(&finding, FACT_accepts, accepts);
	fact_whole(&finding, FACT_connections, hot->connections);
	fact_whole(&finding, FACT_reads, hot->reads);
	fact_whole(&finding, FACT_other_connections, siblings->connections);
	fact_whole(&finding, FACT_other_reads, siblings->reads);
	fact_number(&finding, FACT_idle_share, siblings->idle / (double)siblings->count);
	finding.confidence = siblings->unused > 0 ? 0.6 : 0.8;
	finding_add(detection, &finding);
}

/* Not in a part of the recording: ranges are those of one process. */
void detect_uneven_processes(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	const struct trace *trace = detection->input->trace;
	const struct timeline_options *options = &timeline->options;

	if (!trace || trace->process_count < 2 || timeline->process->tier == TRACE_TIER_LIBC ||
	    options->worker != 0 || options->from_ns != 0 || options->to_ns != UINT64_MAX)
		return;
	struct process_work hot = work_of(timeline);
	if (hot.share < limit(detection, LIMIT_hot_loop))
		return;
	struct siblings siblings = siblings_find(detection, &hot);
	if (siblings.count > 0 && !siblings.busy &&
	    (siblings.unused < siblings.count || siblings.unused >= UNUSED_LEAST))
		uneven_tell(detection, &hot, &siblings);
}
