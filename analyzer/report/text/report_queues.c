/* SPDX-License-Identifier: Apache-2.0
 *
 * Pool workers that slept while requests waited, and how deep the queues were.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report_text_internal.h"

static int compare_earlier_first(const void *a, const void *b)
{
	const struct timeline_span *x = a, *y = b;

	if (x->tick != y->tick)
		return x->tick < y->tick ? -1 : 1;
	return x->worker < y->worker ? -1 : x->worker > y->worker;
}

/* Workers that slept through the same are told together. Returns how many spans were. */
static size_t idle_row(struct table *table, const struct timeline *timeline,
		       const struct timeline_span *spans, size_t count)
{
	char workers[128] = "";
	size_t together = 0, length = 0;

	for (; together < count && spans[together].tick == spans[0].tick; together++) {
		if (length < sizeof(workers) - 16)
			length += (size_t)snprintf(
			    workers + length, sizeof(workers) - length, "%s%" PRIu32,
			    together ? ", " : "",
			    report_worker_number(timeline, spans[together].worker));
	}
	table_add_start(table, timeline, &spans[0]);
	table_add_duration(table, timeline_span_ns(timeline, &spans[0]));
	table_add_count(table, spans[0].depth);
	table_add(table, workers);
	return together;
}

int report_idle_print(const struct report *report, FILE *out)
{
	static const struct table_column columns[] = {{"start", true, 0},
						      {"duration", true, 0},
						      {"requests waiting", true, 0},
						      {"workers", false, 1}};
	const struct timeline *timeline = report->timeline;
	const struct timeline_top *idle = &timeline->idle;
	char limit[DURATION_TEXT_BYTES], count[REPORT_COUNT_BYTES];
	struct timeline_span *spans;
	struct table table;

	if (idle->seen == 0)
		return 0;
	spans = calloc(idle->count, sizeof(*spans));
	if (!spans)
		return -ENOMEM;
	memcpy(spans, idle->spans, idle->count * sizeof(*spans));
	qsort(spans, idle->count, sizeof(*spans), compare_earlier_first);
	fprintf(out,
		"\nIDLE POOL WORKERS while requests waited, for %s or longer: %s time%s, the "
		"longest here\n"
		"  A woken worker is idle until the kernel runs it: see run-queue wait.\n"
		"  libuv limits lookups of names and addresses to half of the pool.\n",
		duration_format_limit(timeline->options.idle_ns, limit),
		report_count(idle->seen, count), plural(idle->seen));
	table_begin(&table, columns, COUNT(columns));
	for (size_t i = 0; i < idle->count;)
		i += idle_row(&table, timeline, spans + i, idle->count - i);
	free(spans);
	return table_print(&table, out, REPORT_WIDTH);
}

/* ---- Queues ---------------------------------------------------------------------------------- */

static void level_row(struct table *table, const char *what, const struct timeline_level *level)
{
	char mean[32];

	if (level->count == 0)
		return;
	snprintf(mean, sizeof(mean), level->mean < 100 ? "%.2f" : "%.0f", level->mean);
	table_add(table, what);
	table_add_count(table, level->max);
	table_add(table, mean);
}

int report_queues_print(const struct report *report, FILE *out)
{
	static const struct table_column columns[] = {
	    {"", false, 0}, {"max", true, 0}, {"mean", true, 0}};
	const struct timeline *timeline = report->timeline;
	const struct histogram *wait = &timeline->pool_wait;
	char p50[DURATION_TEXT_BYTES], p99[DURATION_TEXT_BYTES], max[DURATION_TEXT_BYTES];
	struct table table;

	table_begin(&table, columns, COUNT(columns));
	level_row(&table, "requests waiting for a pool worker", &timeline->pool_queued);
	level_row(&table, "requests running on the pool", &timeline->pool_running);
	level_row(&table, "ready descriptors after a wait of a loop", &timeline->ready_fds);
	if (report_sees_calls(timeline)) {
		level_row(&table, "active handles of a loop", &timeline->active_handles);
		level_row(&table, "active requests of a loop", &timeline->active_requests);
	}
	if (table.cell_count > 0)
		fputs("\nQUEUES\n", out);
	int error = table_print(&table, out, REPORT_WIDTH);
	if (wait->count > 0)
		fprintf(out, "  wait for a pool worker: p50 %s, p99 %s, max %s\n",
			report_ticks(timeline, histogram_quantile(wait, 0.5), p50),
			report_ticks(timeline, histogram_quantile(wait, 0.99), p99),
			report_ticks(timeline, wait->max, max));
	if (!report_sees_calls(timeline))
		fputs("  Not visible (tier libc): the pool, requests, handles, timers.\n", out);
	return error;
}
