/* SPDX-License-Identifier: Apache-2.0
 *
 * The report for programs: one JSON object a process. Every time that ends in _ns is in nanoseconds; start_ns counts
 * from the process' start (start_realtime_ns). What is not known is null, never a number.
 *
 * Rules: keys are never renamed or taken away, others may come. Strings are cleaned, so the output is always valid.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "report_json.h"
#include "base/report_table.h"

json_t *json_text(const char *text)
{
	char *clean = report_clean(text);
	json_t *json = clean ? json_string(clean) : NULL;

	free(clean);
	return json;
}

json_t *json_number(uint64_t number)
{
	return json_integer((json_int_t)number);
}

json_t *json_address(uint64_t address)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	return json_text(text);
}

static json_t *json_number_if(bool known, uint64_t number)
{
	return known ? json_number(number) : json_null();
}

json_t *json_ticks(const struct timeline *timeline, uint64_t ticks)
{
	return json_number(timeline_ns(timeline, ticks));
}

json_t *json_add(json_t *object, const struct json_pair *pairs, size_t count)
{
	bool whole = object != NULL;

	for (size_t i = 0; i < count; i++) {
		if (object)
			whole &= json_object_set_new(object, pairs[i].key, pairs[i].value) == 0;
		else
			json_decref(pairs[i].value);
	}
	if (whole)
		return object;
	json_decref(object);
	return NULL;
}

/* ---- Workers -------------------------------------------------------------------------------------------------- */

static json_t *worker_quantile(const struct timeline *timeline, const struct timeline_worker *facts, double quantile)
{
	if (facts->polls.count == 0)
		return json_null();
	return json_ticks(timeline, histogram_quantile(&facts->polls, quantile));
}

static json_t *worker_utilization(const struct timeline_worker *facts)
{
	double utilization = report_utilization(facts);

	return utilization < 0 ? json_null() : json_real(utilization);
}

static json_t *worker_json(const struct timeline *timeline, size_t position)
{
	const struct trace_worker *worker = &timeline->process->workers[position];
	const struct timeline_worker *facts = &timeline->workers[position];
	const struct json_pair pairs[] = {
	    {"worker", json_number(worker->worker)},
	    {"role", json_text(report_role(timeline, position))},
	    {"tid", json_number(worker->tid)},
	    {"name", json_text(worker->name)},
	    {"events", json_number(worker->events)},
	    {"lost_events", json_number(worker->lost)},
	    {"missing_events", json_number(worker->missing)},
	    {"polls", json_number(facts->polls.count)},
	    {"nested_polls", json_number(facts->nested)},
	    {"unwound_polls", json_number(facts->unwound)},
	    {"unended_polls", json_number(facts->unended)},
	    {"items", json_number(facts->items)},
	    {"parks", json_number(facts->parks)},
	    {"busy_ns", json_ticks(timeline, timeline_busy_ticks(facts))},
	    {"parked_ns", json_ticks(timeline, facts->parked_ticks)},
	    {"polls_ns", json_ticks(timeline, facts->callback_ticks)},
	    {"utilization", worker_utilization(facts)},
	    {"cpu_ns", json_number_if(facts->sampled, facts->cpu_ns)},
	    {"sched_wait_ns", json_number_if(facts->sampled, facts->sched_wait_ns)},
	    {"sampled_ns", json_number_if(facts->sampled, facts->sampled_ns)},
	    {"voluntary_switches", json_number_if(facts->switches.known, facts->switches.voluntary)},
	    {"involuntary_switches", json_number_if(facts->switches.known, facts->switches.involuntary)},
	    {"poll_p50_ns", worker_quantile(timeline, facts, 0.5)},
	    {"poll_p99_ns", worker_quantile(timeline, facts, 0.99)},
	    {"poll_max_ns", worker_quantile(timeline, facts, 1)},
	    {"never_ran", json_boolean(report_never_ran(timeline, position))},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

static json_t *workers_json(const struct timeline *timeline)
{
	json_t *workers = json_array();

	for (size_t i = 0; workers && i < timeline->process->worker_count; i++) {
		if (report_is_worker(timeline, i))
			json_array_append_new(workers, worker_json(timeline, i));
	}
	return workers;
}

static json_t *balance_json(const struct timeline *timeline, uint8_t role)
{
	struct report_balance balance = report_balance(timeline, role);
	double ratio = balance.mean_ticks > 0 ? (double)balance.max_ticks / balance.mean_ticks : 0;
	const struct json_pair pairs[] = {
	    {"role", json_text(trace_role_name(role))},
	    {"workers", json_number(balance.workers)},
	    {"busiest_worker", json_number(report_worker_number(timeline, balance.busiest))},
	    {"max_busy_ns", json_ticks(timeline, balance.max_ticks)},
	    {"mean_busy_ns", json_ticks(timeline, (uint64_t)balance.mean_ticks)},
	    {"max_over_mean", balance.mean_ticks > 0 ? json_real(ratio) : json_null()},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

static json_t *imbalance_json(const struct timeline *timeline)
{
	static const uint8_t roles[] = {TRACE_ROLE_LOOP, TRACE_ROLE_POOL};
	json_t *imbalance = json_array();

	for (size_t i = 0; imbalance && i < sizeof(roles); i++) {
		if (report_balance(timeline, roles[i]).workers > 1)
			json_array_append_new(imbalance, balance_json(timeline, roles[i]));
	}
	return imbalance;
}

/* ---- Callbacks and polls -------------------------------------------------------------------------------------- */

json_t *site_add(const struct report *report, json_t *object, uint32_t site, bool in_pool)
{
	const struct symbol_info *callback = symbols_site(report->symbols, site, false);
	const struct symbol_info *caller = symbols_site(report->symbols, site, true);
	const struct json_pair pairs[] = {
	    {"kind", json_text(report_kind(report->timeline, site))},
	    {"callback", json_text(callback->name)},
	    {"file", json_text(callback->file)},
	    {"line", json_integer(callback->line)},
	    {"module", json_text(callback->module)},
	    {"caller", json_text(caller->name)},
	    {"caller_file", json_text(caller->file)},
	    {"caller_line", json_integer(caller->line)},
	    {"in_pool", json_boolean(in_pool)},
	};

	return json_add(object, pairs, COUNT(pairs));
}

static json_t *callback_json(const struct report *report, const struct report_row *row)
{
	const struct timeline *timeline = report->timeline;
	const struct histogram *durations = row->durations;
	json_t *object = site_add(report, json_object(), row->site, row->in_pool);
	const struct json_pair pairs[] = {
	    {"count", json_number(durations->count)},
	    {"total_ns", json_ticks(timeline, durations->sum)},
	    {"p50_ns", json_ticks(timeline, histogram_quantile(durations, 0.5))},
	    {"p99_ns", json_ticks(timeline, histogram_quantile(durations, 0.99))},
	    {"max_ns", json_ticks(timeline, durations->max)},
	};

	return json_add(object, pairs, COUNT(pairs));
}

static json_t *callbacks_json(const struct report *report)
{
	size_t count;
	struct report_row *rows = report_rows(report->timeline, &count);
	json_t *callbacks = rows ? json_array() : NULL;

	for (size_t i = 0; callbacks && i < count && i < report->timeline->options.top; i++)
		json_array_append_new(callbacks, callback_json(report, &rows[i]));
	free(rows);
	return callbacks;
}

json_t *span_json(const struct timeline *timeline, const struct timeline_span *span)
{
	const struct json_pair pairs[] = {
	    {"worker", json_number(report_worker_number(timeline, span->worker))},
	    {"start_ns", json_integer(timeline_offset_ns(timeline, span->tick))},
	    {"duration_ns", json_number(timeline_span_ns(timeline, span))},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

/* When the program died is not known: duration_ns goes on until that was noticed. */
static json_t *open_add(const struct report *report, json_t *object, const struct timeline_span *span)
{
	const struct json_pair pairs[] = {
	    {"end_known", json_boolean(timeline_end_is_known(report->timeline, span->worker))},
	    {"at_least_ns", json_number(report_open_least_ns(report, span))},
	};

	return json_add(object, pairs, COUNT(pairs));
}

static json_t *polls_json(const struct report *report, const struct timeline_top *top, bool open)
{
	json_t *polls = json_array();

	for (size_t i = 0; polls && i < top->count; i++) {
		const struct timeline_span *span = &top->spans[i];
		json_t *object = site_add(report, span_json(report->timeline, span), span->site, span->in_pool);
		const struct json_pair nested = {"nested", json_boolean(span->nested)};
		object = json_add(object, &nested, 1);
		json_array_append_new(polls,
				      poll_marks_add(report, open ? open_add(report, object, span) : object, span));
	}
	return polls;
}

static json_t *idle_json(const struct timeline *timeline)
{
	json_t *periods = json_array();

	for (size_t i = 0; periods && i < timeline->idle.count; i++) {
		const struct timeline_span *span = &timeline->idle.spans[i];
		const struct json_pair depth = {"queue_depth", json_number(span->depth)};
		json_array_append_new(periods, json_add(span_json(timeline, span), &depth, 1));
	}
	return periods;
}

/* ---- Queues --------------------------------------------------------------------------------------------------- */

static json_t *level_json(const struct timeline_level *level)
{
	const struct json_pair pairs[] = {
	    {"max", json_number(level->max)},
	    {"mean", json_real(level->mean)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

static json_t *pool_wait_json(const struct timeline *timeline)
{
	const struct histogram *wait = &timeline->pool_wait;
	const struct json_pair pairs[] = {
	    {"count", json_number(wait->count)},
	    {"p50_ns", json_ticks(timeline, histogram_quantile(wait, 0.5))},
	    {"p99_ns", json_ticks(timeline, histogram_quantile(wait, 0.99))},
	    {"max_ns", json_ticks(timeline, wait->max)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

static json_t *queues_json(const struct timeline *timeline)
{
	const struct json_pair pairs[] = {
	    {"pool_queued", level_json(&timeline->pool_queued)},
	    {"pool_running", level_json(&timeline->pool_running)},
	    {"pool_wait", pool_wait_json(timeline)},
	    {"pool_uncertain", json_boolean(timeline->pool_uncertain)},
	    {"ready_fds", level_json(&timeline->ready_fds)},
	    {"active_requests", level_json(&timeline->active_requests)},
	    {"active_handles", level_json(&timeline->active_handles)},
	    {"samples", json_number(timeline->samples)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

/* ---- The process ---------------------------------------------------------------------------------------------- */

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

	if (process->seal_reason < sizeof(reasons) / sizeof(*reasons) && reasons[process->seal_reason])
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

static json_t *identity_json(const struct trace_process *process)
{
	const struct json_pair pairs[] = {
	    {"program", json_text(process->exe)},
	    {"command", json_text(process->cmdline)},
	    {"pid", json_number(process->pid)},
	    {"libuv", json_text(process->libuv)},
	    {"libuv_path", json_text(process->libuv_path)},
	    {"tier", json_text(process->tier == TRACE_TIER_LIBC ? "libc" : "full")},
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

	return json_add(json_object(), pairs, COUNT(pairs));
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

static json_t *report_json(const struct report *report)
{
	const struct timeline *timeline = report->timeline;
	const struct trace_process *process = timeline->process;
	const struct json_pair pairs[] = {
	    {"unit_ns", json_real(timeline_unit_ns(timeline))},
	    {"duration_ns", json_integer(timeline_offset_ns(timeline, process->last_tick))},
	    {"from_ns", json_integer(timeline_offset_ns(timeline, timeline->from_tick))},
	    {"to_ns", json_integer(timeline_offset_ns(timeline, timeline->end_tick))},
	    {"switched_off_ns", json_ticks(timeline, timeline->off_ticks)},
	    {"workers", workers_json(timeline)},
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

	return json_measures(json_add(identity_json(process), pairs, COUNT(pairs)), report);
}

/* ---- The whole ------------------------------------------------------------------------------------------------ */

struct report_list {
	const struct trace *trace;
	json_t *processes;
};

struct report_list *report_list_make(const struct trace *trace)
{
	struct report_list *list = calloc(1, sizeof(*list));

	if (!list)
		return NULL;
	list->trace = trace;
	list->processes = json_array();
	if (list->processes)
		return list;
	free(list);
	return NULL;
}

int report_list_add(struct report_list *list, const struct report *report)
{
	return json_array_append_new(list->processes, report_json(report)) < 0 ? -ENOMEM : 0;
}

/* One process is its object; several are in an array, beside what is wrong with the trace as a whole. */
static json_t *list_json(struct report_list *list)
{
	if (json_array_size(list->processes) == 1)
		return json_incref(json_array_get(list->processes, 0));
	const struct json_pair pairs[] = {
	    {"processes", json_incref(list->processes)},
	    {"problems", lines_json(json_array(), list->trace->problems, list->trace->problem_count)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

int report_list_print(struct report_list *list, FILE *out)
{
	json_t *json = list_json(list);
	int error =
	    json && (json_dumpf(json, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0 || ferror(out)) ? 0 : -ENOMEM;

	json_decref(json);
	fputc('\n', out);
	return error;
}

void report_list_free(struct report_list *list)
{
	if (!list)
		return;
	json_decref(list->processes);
	free(list);
}
