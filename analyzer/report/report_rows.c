/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows and small facts that the text and the JSON report share.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/durations.h"
#include "findings/stall_scripts.h"
#include "report.h"

static int compare_total_first(const void *a, const void *b)
{
	const struct report_row *x = a, *y = b;

	if (x->durations->sum != y->durations->sum)
		return x->durations->sum < y->durations->sum ? 1 : -1;
	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	return x->in_pool - y->in_pool;
}

static void row_add(struct report_row *rows, size_t *count, uint32_t site, bool in_pool,
		    const struct histogram *durations)
{
	if (durations->count > 0)
		rows[(*count)++] = (struct report_row){site, in_pool, durations};
}

struct report_row *report_rows(const struct timeline *timeline, size_t *count)
{
	size_t sites = timeline->process->site_count + 1;
	struct report_row *rows = calloc(sites * 2, sizeof(*rows));

	*count = 0;
	if (!rows)
		return NULL;
	for (size_t i = 0; i < sites; i++) {
		row_add(rows, count, (uint32_t)i, false, &timeline->sites[i].callback);
		row_add(rows, count, (uint32_t)i, true, &timeline->sites[i].pool);
	}
	qsort(rows, *count, sizeof(*rows), compare_total_first);
	return rows;
}

const char *report_kind(const struct timeline *timeline, uint32_t site)
{
	const struct trace_process *process = timeline->process;

	if (site >= process->site_count || !process->sites[site].present)
		return process->tier == TRACE_TIER_LIBC ? "turn" : "unknown";
	uint8_t kind = process->sites[site].kind;
	return kind < process->kind_count && process->kinds[kind].name ? process->kinds[kind].name
								       : "unknown";
}

const char *report_role(const struct timeline *timeline, size_t worker)
{
	const char *role = trace_role_name(timeline->process->workers[worker].role);

	return role ? role : trace_role_name(TRACE_ROLE_OTHER);
}

/* Not the collection of threads that are no workers, nor one that was not asked for. */
bool report_is_worker(const struct timeline *timeline, size_t worker)
{
	const struct trace_worker *entry = &timeline->process->workers[worker];

	return entry->role != TRACE_ROLE_OTHER &&
	       (timeline->options.worker == 0 || timeline->options.worker == entry->worker);
}

static bool is_running_something(const struct timeline *timeline, size_t worker)
{
	for (size_t i = 0; i < timeline->open.count; i++) {
		if (timeline->open.spans[i].worker == worker)
			return true;
	}
	return false;
}

bool report_sees_calls(const struct timeline *timeline)
{
	return timeline->process->tier != TRACE_TIER_LIBC;
}

bool report_never_ran(const struct timeline *timeline, size_t worker)
{
	const struct trace_worker *entry = &timeline->process->workers[worker];
	const struct timeline_worker *facts = &timeline->workers[worker];

	return report_is_worker(timeline, worker) && report_sees_calls(timeline) &&
	       !timeline->process->pool_items_unseen && facts->polls.count == 0 &&
	       facts->items == 0 && entry->missing == 0 && entry->lost == 0 &&
	       !is_running_something(timeline, worker);
}

struct report_balance report_balance(const struct timeline *timeline, uint8_t role)
{
	struct report_balance balance = {0};
	double sum = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		if (timeline->process->workers[i].role != role || !report_is_worker(timeline, i))
			continue;
		uint64_t busy = timeline_busy_ticks(&timeline->workers[i]);
		if (balance.workers++ == 0 || busy > balance.max_ticks) {
			balance.max_ticks = busy;
			balance.busiest = i;
		}
		sum += (double)busy;
	}
	balance.mean_ticks = balance.workers ? sum / (double)balance.workers : 0;
	return balance;
}

double report_utilization(const struct timeline_worker *worker)
{
	uint64_t busy = timeline_busy_ticks(worker);
	uint64_t known = busy + worker->parked_ticks;

	return known > 0 ? (double)busy / (double)known : -1;
}

uint32_t report_worker_number(const struct timeline *timeline, size_t worker)
{
	return timeline->process->workers[worker].worker;
}

uint64_t report_open_least_ns(const struct report *report, const struct timeline_span *span)
{
	const struct timeline *timeline = report->timeline;
	const struct stalls *stalls = report->stalls;

	if (!timeline_end_is_known(timeline, span->worker))
		return 0;
	if (!timeline_died(timeline->process))
		return timeline_span_ns(timeline, span);
	return timeline_ns(timeline, stalls_open_least(timeline, stalls ? stalls->list : NULL,
						       stalls ? stalls->count : 0, span));
}

const char *report_open_lasted(const struct report *report, const struct timeline_span *span,
			       char text[REPORT_LASTED_BYTES])
{
	const struct timeline *timeline = report->timeline;
	uint64_t least_ns = report_open_least_ns(report, span);
	char duration[DURATION_TEXT_BYTES];

	if (!timeline_end_is_known(timeline, span->worker))
		return "an unknown time (events are missing)";
	if (!timeline_died(timeline->process))
		return duration_format(timeline_span_ns(timeline, span), text);
	if (timeline_death_was_noticed(timeline))
		snprintf(text, REPORT_LASTED_BYTES, "at most %s",
			 duration_format(timeline_span_ns(timeline, span), duration));
	else if (least_ns > 0)
		snprintf(text, REPORT_LASTED_BYTES, "at least %s",
			 duration_format(least_ns, duration));
	else
		return "an unknown time";
	return text;
}

const char *report_mark_name(const struct timeline *timeline, size_t name)
{
	const char *text = trace_name(timeline->process, (uint32_t)name);

	return text ? text : "(unknown)";
}

bool report_has_spans(const struct timeline_name *facts)
{
	return facts->spans.count + facts->open + facts->begins_alone + facts->ends_alone > 0;
}

const char *report_stall_callback(const struct report *report, const struct stall *stall)
{
	if (stall->site < report->timeline->process->site_count)
		return symbols_site(report->symbols, stall->site, false)->text;
	return report->timeline->process->tier == TRACE_TIER_LIBC ? "an iteration of the loop"
								  : "work of the pool";
}

const struct symbol_info *report_site_script(const struct report *report, uint32_t site,
					     bool in_pool)
{
	return in_pool ? NULL : stalls_site_label(report->stalls, site);
}

const struct symbol_info *report_run_script(const struct report *report,
					    const struct timeline_span *run)
{
	return run->in_pool ? NULL : stalls_run_label(report->stalls, run->worker, run->tick);
}
