/* SPDX-License-Identifier: Apache-2.0
 *
 * The report for programs: one JSON object a process. Every time that ends in _ns is in
 * nanoseconds; start_ns counts from the process' start (start_realtime_ns). What is not known is
 * null, never a number.
 *
 * Rules: keys are never renamed or taken away, others may come. Strings are cleaned, so the output
 * is always valid.
 */
#include <errno.h>
#include <stdlib.h>

#include "report_json.h"

static json_t *lines_json(json_t *lines, char *const *from, size_t count)
{
	for (size_t i = 0; lines && i < count; i++)
		json_array_append_new(lines, json_text(from[i]));
	return lines;
}

static const char *seal_reason(const struct trace_process *process)
{
	static const char *const reasons[] = {
	    [TRACE_SEAL_ROTATED] = "rotated",
	    [TRACE_SEAL_EXIT] = "exit",
	    [TRACE_SEAL_DIED] = "died",
	};

	if (process->seal_reason < sizeof(reasons) / sizeof(*reasons) &&
	    reasons[process->seal_reason])
		return reasons[process->seal_reason];
	return "none";
}

static json_t *problems_json(const struct report *report)
{
	json_t *problems = json_array();

	if (report->alone)
		lines_json(problems, report->trace->problems, report->trace->problem_count);
	return lines_json(problems, report->timeline->problems, report->timeline->problem_count);
}

static void warning_take(void *lines, const char *line)
{
	json_array_append_new(lines, json_text(line));
}

/* The sentences of the text report on what cuts into the figures, all of them. */
static json_t *warnings_json(const struct report *report)
{
	json_t *lines = json_array();

	if (lines && report_warnings(report, SIZE_MAX, warning_take, lines) == 0)
		return lines;
	json_decref(lines);
	return NULL;
}

/* Of a dump of the flight recorder. */
static void dump_add(struct json_stream *stream, const struct trace_process *process)
{
	const struct trace_dump *dump = &process->dump;
	const struct json_pair told[] = {
	    {"cause", json_text(trace_dump_cause_name(dump->cause))},
	    {"reason", json_text(process->dump_reason)},
	    {"requested_from_ns", json_number(dump->requested_from_ns)},
	    {"requested_to_ns", json_number(dump->requested_to_ns)},
	    {"covered_from_ns", json_number(dump->covered_from_ns)},
	    {"covered_to_ns", json_number(dump->covered_to_ns)},
	    {"suppressed", json_number(dump->suppressed)},
	};
	const struct json_pair pair = {"dump", json_add(json_object(), told, COUNT(told))};

	json_stream_add(stream, &pair, 1);
}

static void identity_add(struct json_stream *stream, const struct trace_process *process)
{
	const struct json_pair pairs[] = {
	    {"program", json_text(process->exe)},
	    {"command", json_text(process->cmdline)},
	    {"pid", json_number(process->pid)},
	    {"libuv", json_text(process->libuv)},
	    {"libuv_path", json_text(process->libuv_path)},
	    {"tier", json_text(trace_tier_name(process->tier))},
	    {"hooks", json_text(process->how)},
	    {"uvtrace", json_text(process->version)},
	    {"start_realtime_ns", json_number(process->start_real_ns)},
	    {"start_monotonic_ns", json_number(process->start_mono_ns)},
	    {"unit_shift", json_number(process->unit_shift)},
	    {"sealed", json_boolean(process->sealed)},
	    {"seal_reason", json_text(seal_reason(process))},
	    {"salvaged", json_boolean(process->salvaged)},
	    {"running", json_boolean(process->running)},
	    {"ending", json_text(report_ending(process))},
	    {"events", json_number(process->events)},
	    {"lost_events", json_number(process->lost)},
	    {"missing_events", json_number(process->missing)},
	    {"segments", json_number(process->segment_count)},
	};

	json_stream_add(stream, pairs, COUNT(pairs));
	if (process->dump.cause)
		dump_add(stream, process);
}

static json_t *untraced_json(const struct timeline *timeline)
{
	const struct json_pair pairs[] = {
	    {"callbacks", json_number(timeline->untraced_callbacks)},
	    {"threads", json_number(timeline->untraced_threads)},
	    {"events", json_number(timeline->untraced_events)},
	    {"marks", json_number(timeline->untraced_marks)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

/* What findings rest on, and the findings. */
static void findings_add(struct json_stream *stream, const struct report *report)
{
	const struct findings *findings = report->findings;
	const struct timeline *timeline = report->timeline;
	bool seen = report_sees_calls(timeline);
	const struct json_pair pairs[] = {
	    {"findings", findings_json(report)},
	    {"transactions", transactions_json(report)},
	    {"transaction_totals", transaction_totals_json(report)},
	    {"transaction", transaction_json(report)},
	    {"checked", checked_json()},
	    {"cannot_tell", unknown_json(timeline)},
	    {"pool", findings && seen ? pool_json(report) : json_null()},
	    {"timers", timers_json(report)},
	    {"wakeups", wakeups_json(report)},
	    {"pending", request_spans_json(report, &timeline->pending, false)},
	    {"late_requests", request_spans_json(report, &timeline->slow_requests, true)},
	    {"late_request_count", json_number(timeline->slow_requests.seen)},
	    {"pending_limit_ns", json_number(timeline->options.pending_ns)},
	    {"pending_count", seen ? json_number(timeline->pending.seen) : json_null()},
	    {"requests", requests_json(report)},
	    {"marks", marks_json(timeline)},
	    {"spans", spans_json(timeline)},
	    {"stalls", stalls_json(report)},
	    {"stall_totals", stall_totals_json(report->stalls)},
	    {"profile", profile_json(report)},
	    {"dispatch", seen ? dispatch_json(report) : json_array()},
	    {"turn", spread_json(timeline, &timeline->iteration_ticks)},
	};

	json_stream_add(stream, pairs, COUNT(pairs));
}

static void machine_add(struct json_stream *stream, const struct report *report)
{
	const struct findings *findings = report->findings;
	const struct json_pair pairs[] = {
	    {"machine", machine_json(&report->timeline->machine)},
	    {"baseline", baseline_json(report)},
	    {"overhead", findings ? overhead_json(&findings->overhead) : json_null()},
	};

	json_stream_add(stream, pairs, COUNT(pairs));
}

static void range_add(struct json_stream *stream, const struct timeline *timeline)
{
	const struct json_pair pairs[] = {
	    {"unit_ns", json_real(timeline_unit_ns(timeline))},
	    {"duration_ns",
	     json_integer(timeline_offset_ns(timeline, timeline->process->last_tick))},
	    {"from_ns", json_integer(timeline_offset_ns(timeline, timeline->from_tick))},
	    {"to_ns", json_integer(timeline_offset_ns(timeline, timeline->end_tick))},
	    {"switched_off_ns", json_ticks(timeline, timeline->off_ticks)},
	};

	json_stream_add(stream, pairs, COUNT(pairs));
}

static void callbacks_add(struct json_stream *stream, const struct report *report)
{
	const struct timeline *timeline = report->timeline;
	const struct trace_process *process = timeline->process;
	const struct json_pair pairs[] = {
	    {"imbalance", imbalance_json(timeline)},
	    {"callbacks", callbacks_json(report)},
	    {"long_polls", polls_json(report, &timeline->long_polls, false)},
	    {"long_poll_count", json_number(timeline->long_polls.seen)},
	    {"open_polls", polls_json(report, &timeline->open, true)},
	    {"idle_periods", idle_json(timeline)},
	    {"idle_period_count", json_number(timeline->idle.seen)},
	    {"queues", queues_json(timeline)},
	    {"untraced", untraced_json(timeline)},
	    {"notes", lines_json(json_array(), process->notes, process->note_count)},
	    {"problems", problems_json(report)},
	    {"warnings", warnings_json(report)},
	};

	json_stream_add(stream, pairs, COUNT(pairs));
}

static void report_stream(struct json_stream *stream, const struct report *report)
{
	const struct timeline *timeline = report->timeline;
	size_t workers = timeline->process->worker_count;

	json_stream_begin(stream);
	identity_add(stream, timeline->process);
	range_add(stream, timeline);
	json_stream_rows(stream, &json_workers, timeline, workers);
	callbacks_add(stream, report);
	findings_add(stream, report);
	json_stream_rows(stream, &json_loops, timeline, workers);
	machine_add(stream, report);
	json_stream_end(stream);
}

/* ---- The whole ------------------------------------------------------------------------------- */

struct report_list {
	const struct trace *trace;
	struct json_stream *processes;
	size_t count;
};

struct report_list *report_list_make(const struct trace *trace)
{
	struct report_list *list = calloc(1, sizeof(*list));

	if (list)
		list->trace = trace;
	return list;
}

int report_list_add(struct report_list *list, const struct report *report)
{
	struct json_stream *grown =
	    reallocarray(list->processes, list->count + 1, sizeof(*list->processes));

	if (!grown)
		return -ENOMEM;
	list->processes = grown;
	list->processes[list->count] = (struct json_stream){0};
	report_stream(&list->processes[list->count], report);
	return list->processes[list->count++].failed ? -ENOMEM : 0;
}

/* One process is its object; several are in an array, beside what is wrong with the trace as a
 * whole. */
static void list_stream(struct json_stream *stream, struct report_list *list)
{
	const struct json_pair pairs[] = {
	    {"problems",
	     lines_json(json_array(), list->trace->problems, list->trace->problem_count)},
	};

	json_stream_begin(stream);
	json_stream_objects(stream, "processes", list->processes, list->count);
	json_stream_add(stream, pairs, COUNT(pairs));
	json_stream_end(stream);
}

/* What cannot be written `out` remembers. */
int report_list_print(struct report_list *list, FILE *out)
{
	struct json_stream several = {0};
	const struct json_stream *whole = list->processes;

	if (list->count != 1) {
		list_stream(&several, list);
		whole = &several;
	}
	fwrite(whole->text, 1, whole->bytes, out);
	fputc('\n', out);
	free(several.text);
	return several.failed ? -ENOMEM : 0;
}

void report_list_free(struct report_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		free(list->processes[i].text);
	free(list->processes);
	free(list);
}
