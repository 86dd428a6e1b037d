/* SPDX-License-Identifier: Apache-2.0
 *
 * See baseline.h.
 */
#include "baseline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

#define DEVIATIONS 3.0

struct old_process {
	struct timeline *timeline;
	struct symbols *symbols;
	struct report_row *rows;
	size_t row_count;
};

/* A callback of the older trace. */
struct old_row {
	const struct old_process *process;
	const struct report_row *row;
	const char *name, *module, *kind;
};

struct baseline {
	struct trace *trace;
	struct old_process *processes;
	size_t count;
	struct old_row
	    *rows; /* of all processes, each callback once: of several the one that ran most */
	size_t row_count;
};

static int old_open(struct baseline *baseline, size_t at)
{
	static const struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	struct old_process *old = &baseline->processes[at];

	old->timeline = timeline_read(baseline->trace, at, &options, NULL, NULL);
	old->symbols = symbols_open(&baseline->trace->processes[at]);
	if (old->timeline)
		old->rows = report_rows(old->timeline, &old->row_count);
	return old->timeline && old->symbols && old->rows ? 0 : -1;
}

static int compare_callbacks(const struct old_row *a, const struct old_row *b)
{
	int order = strcmp(a->name, b->name);

	order = order ? order : strcmp(a->module, b->module);
	order = order ? order : strcmp(a->kind, b->kind);
	return order ? order : a->row->in_pool - b->row->in_pool;
}

/* By callback; of one that is there several times the one that ran most first, then the earlier
 * one. */
static int compare_rows(const void *left, const void *right)
{
	const struct old_row *a = left, *b = right;
	uint64_t a_count = a->row->durations->count, b_count = b->row->durations->count;
	int order = compare_callbacks(a, b);

	if (order)
		return order;
	if (a_count != b_count)
		return a_count > b_count ? -1 : 1;
	if (a->process != b->process)
		return a->process < b->process ? -1 : 1;
	return a->row < b->row ? -1 : a->row > b->row;
}

static struct old_row row_name(const struct timeline *timeline, struct symbols *symbols,
			       const struct report_row *row)
{
	const struct symbol_info *site = symbols_site(symbols, row->site, false);

	return (struct old_row){.row = row,
				.name = site->name,
				.module = site->module,
				.kind = report_kind(timeline, row->site)};
}

static int rows_collect(struct baseline *baseline)
{
	size_t total = 0, kept = 0;

	for (size_t i = 0; i < baseline->count; i++)
		total += baseline->processes[i].row_count;
	struct old_row *rows = baseline->rows = calloc(total + 1, sizeof(*rows));
	if (!rows)
		return -1;
	for (size_t i = 0; i < baseline->count; i++) {
		const struct old_process *old = &baseline->processes[i];
		for (size_t r = 0; r < old->row_count; r++) {
			rows[baseline->row_count] =
			    row_name(old->timeline, old->symbols, &old->rows[r]);
			rows[baseline->row_count++].process = old;
		}
	}
	qsort(rows, total, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < total; i++)
		if (i == 0 || compare_callbacks(&rows[kept - 1], &rows[i]) != 0)
			rows[kept++] = rows[i];
	baseline->row_count = kept;
	return 0;
}

struct baseline *baseline_open(const char *path)
{
	struct baseline *baseline = calloc(1, sizeof(*baseline));
	bool failed = !baseline;

	if (baseline) {
		baseline->trace = trace_open(&path, 1, NULL, NULL);
		failed = !baseline->trace;
	}
	if (!failed) {
		baseline->processes =
		    calloc(baseline->trace->process_count + 1, sizeof(*baseline->processes));
		failed = !baseline->processes;
	}
	for (size_t i = 0; !failed && i < baseline->trace->process_count; i++) {
		baseline->count++;
		failed = old_open(baseline, i) < 0;
	}
	if (!failed)
		failed = rows_collect(baseline) < 0;
	if (!failed)
		return baseline;
	baseline_close(baseline);
	return NULL;
}

const char *baseline_problem(const struct baseline *baseline)
{
	if (baseline->count > 0)
		return NULL;
	return baseline->trace->problem_count > 0 ? baseline->trace->problems[0]
						  : "no trace in there";
}

void baseline_close(struct baseline *baseline)
{
	if (!baseline)
		return;
	for (size_t i = 0; i < baseline->count; i++) {
		free(baseline->processes[i].rows);
		symbols_close(baseline->processes[i].symbols);
		timeline_free(baseline->processes[i].timeline);
	}
	free(baseline->rows);
	free(baseline->processes);
	if (baseline->trace)
		trace_close(baseline->trace);
	free(baseline);
}

/* ---- One callback ---------------------------------------------------------------------------- */

/* One side of a comparison. */
struct side {
	const struct timeline *timeline;
	const struct histogram *durations;
};

static double quantile_ns(const struct side *side, double quantile)
{
	return (double)histogram_quantile(side->durations, quantile) *
	       timeline_unit_ns(side->timeline);
}

/* Hostile clocks make durations of any length. */
static uint64_t whole_ns(double ns)
{
	return ns < 0x1p64 ? (uint64_t)ns : UINT64_MAX;
}

/* Where the true quantile lies. False: there are too few runs to say. */
static bool range_of(const struct side *side, double quantile, double *low, double *high)
{
	double runs = (double)side->durations->count;
	double off = runs > 0 ? DEVIATIONS * sqrt(quantile * (1 - quantile) / runs) : 1;

	if (quantile - off <= 0 || quantile + off >= 1)
		return false;
	*low = quantile_ns(side, quantile - off);
	*high = quantile_ns(side, quantile + off);
	return true;
}

static bool is_worse(const struct side *now, const struct side *old, double quantile,
		     const struct thresholds *thresholds)
{
	double low, high, old_low, old_high;

	if (!range_of(now, quantile, &low, &high) || !range_of(old, quantile, &old_low, &old_high))
		return false;
	double new_ns = quantile_ns(now, quantile), old_ns = quantile_ns(old, quantile);
	return low > old_high && new_ns >= old_ns * thresholds->values[LIMIT_worse] &&
	       new_ns - old_ns >= thresholds->values[LIMIT_worse_least];
}

static int compare_found(const void *left, const void *right)
{
	return compare_callbacks(left, right);
}

/* The same callback in the older trace. */
static bool old_find(const struct baseline *baseline, const struct timeline *timeline,
		     const struct report_row *mine, struct symbols *symbols, struct side *found)
{
	struct old_row key = row_name(timeline, symbols, mine);
	const struct old_row *old = bsearch(&key, baseline->rows, baseline->row_count,
					    sizeof(*baseline->rows), compare_found);

	if (old)
		*found = (struct side){old->process->timeline, old->row->durations};
	return old != NULL;
}

static struct baseline_row row_make(const struct report_row *mine, const struct side *now,
				    const struct side *old, struct symbols *symbols,
				    const struct thresholds *thresholds)
{
	double runs = thresholds->values[LIMIT_worse_runs];
	bool enough =
	    (double)now->durations->count >= runs && (double)old->durations->count >= runs;

	return (struct baseline_row){
	    .kind = report_kind(now->timeline, mine->site),
	    .callback = symbols_site(symbols, mine->site, false)->text,
	    .in_pool = mine->in_pool,
	    .count = now->durations->count,
	    .old_count = old->durations->count,
	    .p50_ns = whole_ns(quantile_ns(now, 0.5)),
	    .old_p50_ns = whole_ns(quantile_ns(old, 0.5)),
	    .p99_ns = whole_ns(quantile_ns(now, 0.99)),
	    .old_p99_ns = whole_ns(quantile_ns(old, 0.99)),
	    .worse_p50 = enough && is_worse(now, old, 0.5, thresholds),
	    .worse_p99 = enough && is_worse(now, old, 0.99, thresholds),
	};
}

static int compare_worse_first(const void *a, const void *b)
{
	const struct baseline_row *x = a, *y = b;
	bool x_worse = x->worse_p50 || x->worse_p99, y_worse = y->worse_p50 || y->worse_p99;

	if (x_worse != y_worse)
		return x_worse ? -1 : 1;
	return x->p99_ns > y->p99_ns ? -1 : x->p99_ns < y->p99_ns;
}

struct baseline_row *baseline_compare(struct baseline *baseline, const struct timeline *timeline,
				      struct symbols *symbols, const struct thresholds *thresholds,
				      size_t *count, size_t *worse)
{
	size_t row_count;
	struct report_row *mine = report_rows(timeline, &row_count);
	struct baseline_row *rows = mine ? calloc(row_count + 1, sizeof(*rows)) : NULL;

	*count = *worse = 0;
	for (size_t i = 0; rows && i < row_count; i++) {
		struct side now = {timeline, mine[i].durations}, old;
		if (!old_find(baseline, timeline, &mine[i], symbols, &old))
			continue;
		rows[*count] = row_make(&mine[i], &now, &old, symbols, thresholds);
		*worse += rows[*count].worse_p50 || rows[*count].worse_p99;
		(*count)++;
	}
	free(mine);
	if (rows)
		qsort(rows, *count, sizeof(*rows), compare_worse_first);
	return rows;
}
