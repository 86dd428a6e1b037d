/* SPDX-License-Identifier: Apache-2.0
 *
 * A table of the workers, and how evenly they were busy.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "report_text_internal.h"

#define WORKERS_SHOWN_MIN 40 /* more workers than this and than --top: the busiest are shown */

static void worker_times(struct table *table, const struct timeline *timeline,
			 const struct timeline_worker *facts)
{
	double utilization = report_utilization(facts);

	if (utilization < 0) {
		table_add(table, "-");
		table_add(table, "-");
	} else {
		table_add_percent(table, utilization);
		table_add_percent(table, 1 - utilization);
	}
	if (facts->sampled && facts->sampled_ns > 0) {
		table_add_percent(table, (double)facts->cpu_ns / (double)facts->sampled_ns);
		table_add_duration(table, facts->sched_wait_ns);
	} else {
		table_add(table, "-");
		table_add(table, "-");
	}
	static const double quantiles[] = {0.5, 0.99, 1};
	for (size_t i = 0; i < 3; i++) {
		if (facts->polls.count > 0)
			table_add_duration(
			    table,
			    timeline_ns(timeline, histogram_quantile(&facts->polls, quantiles[i])));
		else
			table_add(table, "-");
	}
}

static void worker_row(struct table *table, const struct timeline *timeline, size_t position)
{
	const struct trace_worker *worker = &timeline->process->workers[position];
	const struct timeline_worker *facts = &timeline->workers[position];
	char number[16];

	snprintf(number, sizeof(number), "%" PRIu32, worker->worker);
	table_add(table, number);
	table_add(table, report_role(timeline, position));
	table_add(table, worker->name);
	table_add_count(table, facts->polls.count);
	table_add_count(table, facts->parks);
	worker_times(table, timeline, facts);
}

static int compare_busy_first(const void *a, const void *b, void *arg)
{
	const struct timeline *timeline = arg;
	uint64_t x = timeline_busy_ticks(&timeline->workers[*(const size_t *)a]);
	uint64_t y = timeline_busy_ticks(&timeline->workers[*(const size_t *)b]);

	if (x != y)
		return x < y ? 1 : -1;
	return *(const size_t *)a < *(const size_t *)b ? -1 : 1;
}

int report_workers_print(const struct report *report, FILE *out)
{
	static const struct table_column columns[] = {
	    {"#", true, 0},	    {"role", false, 0}, {"thread", false, 1}, {"polls", true, 0},
	    {"parks", true, 0},	    {"busy", true, 0},	{"parked", true, 0},  {"on CPU", true, 0},
	    {"run queue", true, 0}, {"p50", true, 0},	{"p99", true, 0},     {"max", true, 0},
	};
	const struct timeline *timeline = report->timeline;
	size_t *positions = calloc(timeline->process->worker_count + 1, sizeof(*positions)),
	       count = 0;
	size_t shown =
	    timeline->options.top > WORKERS_SHOWN_MIN ? timeline->options.top : WORKERS_SHOWN_MIN;
	struct table table;

	if (!positions)
		return -ENOMEM;
	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		if (report_is_worker(timeline, i))
			positions[count++] = i;
	}
	if (count > shown)
		qsort_r(positions, count, sizeof(*positions), compare_busy_first, (void *)timeline);
	table_begin(&table, columns, COUNT(columns));
	for (size_t i = 0; i < count && i < shown; i++)
		worker_row(&table, timeline, positions[i]);
	free(positions);
	fprintf(out,
		"\nWORKERS: threads that run callbacks (loop) or the work of requests (pool)\n"
		"  poll: one %s; park: a wait for events; busy: not parked;\n"
		"  run queue: run-queue wait, ready to run but without a CPU\n",
		timeline->process->tier == TRACE_TIER_LIBC ? "iteration of a loop"
							   : "run of a callback");
	int error = table_print(&table, out, REPORT_WIDTH);
	if (count > shown)
		fprintf(out, "  ... the busiest %zu of %zu workers (--top=N shows more)\n", shown,
			count);
	return error;
}

/* ---- Balance --------------------------------------------------------------------------------- */

static void print_role_balance(const struct timeline *timeline, uint8_t role, const char *name,
			       FILE *out)
{
	struct report_balance balance = report_balance(timeline, role);
	char busiest[DURATION_TEXT_BYTES], mean[DURATION_TEXT_BYTES];

	if (balance.workers < 2 || balance.mean_ticks <= 0)
		return;
	fprintf(out,
		"  %zu %s workers: worker %" PRIu32
		" is the busiest with %s, %.1f times the mean of %s.\n",
		balance.workers, name, report_worker_number(timeline, balance.busiest),
		report_ticks(timeline, balance.max_ticks, busiest),
		(double)balance.max_ticks / balance.mean_ticks,
		report_ticks(timeline, (uint64_t)balance.mean_ticks, mean));
}

static void print_never_ran(const struct timeline *timeline, FILE *out)
{
	size_t never = 0, printed = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++)
		never += report_never_ran(timeline, i);
	if (never == 0)
		return;
	fprintf(out, "  Ran nothing: worker%s", plural(never));
	for (size_t i = 0; i < timeline->process->worker_count && printed < WORKERS_SHOWN_MIN;
	     i++) {
		if (report_never_ran(timeline, i))
			fprintf(out, "%s %" PRIu32, printed++ ? "," : "",
				report_worker_number(timeline, i));
	}
	fputs(printed < never ? ", ...\n" : ".\n", out);
}

int report_balance_print(const struct report *report, FILE *out)
{
	print_role_balance(report->timeline, TRACE_ROLE_LOOP, "loop", out);
	print_role_balance(report->timeline, TRACE_ROLE_POOL, "pool", out);
	print_never_ran(report->timeline, out);
	return 0;
}
