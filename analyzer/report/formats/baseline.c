/* SPDX-License-Identifier: Apache-2.0
 *
 * See baseline.h.
 */
#include "baseline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "baseline_entries.h"

#define DEVIATIONS 3.0

struct old_process {
	struct timeline *timeline;
	struct transactions *transactions;
	struct symbols *symbols;
	struct baseline_entries entries;
};

struct baseline {
	struct trace *trace;
	struct old_process *processes;
	size_t count;
	/* Of all processes, each thing once: of several the one that ran most. */
	const struct baseline_entry **rows;
	size_t row_count;
	struct baseline_entries *mine; /* of what was compared: rows have their texts */
	size_t mine_count;
};

static int old_open(struct baseline *baseline, size_t at)
{
	static const struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	static const struct transactions_options wanted = TRANSACTIONS_OPTIONS_DEFAULT;
	struct old_process *old = &baseline->processes[at];

	old->transactions =
	    transactions_read(baseline->trace, at, &options, &wanted, NULL, NULL, &old->timeline);
	old->symbols = symbols_open(&baseline->trace->processes[at]);
	return old->transactions && old->symbols
		   ? baseline_entries_make(old->timeline, old->transactions, old->symbols,
					   &old->entries)
		   : -1;
}

static int compare_things(const struct baseline_entry *a, const struct baseline_entry *b)
{
	int order = strcmp(a->name, b->name);

	order = order ? order : strcmp(a->module, b->module);
	order = order ? order : strcmp(a->kind, b->kind);
	return order ? order : a->in_pool - b->in_pool;
}

/* By thing; of one that is there several times the one that ran most first, then the earlier
 * one. */
static int compare_rows(const void *left, const void *right)
{
	const struct baseline_entry *a = *(const struct baseline_entry *const *)left,
				    *b = *(const struct baseline_entry *const *)right;
	int order = compare_things(a, b);

	if (order)
		return order;
	if (a->durations->count != b->durations->count)
		return a->durations->count > b->durations->count ? -1 : 1;
	return a < b ? -1 : a > b;
}

static int rows_collect(struct baseline *baseline)
{
	size_t total = 0, kept = 0;

	for (size_t i = 0; i < baseline->count; i++)
		total += baseline->processes[i].entries.count;
	const struct baseline_entry **rows = baseline->rows = calloc(total + 1, sizeof(*rows));
	if (!rows)
		return -1;
	for (size_t i = 0; i < baseline->count; i++) {
		const struct baseline_entries *entries = &baseline->processes[i].entries;
		for (size_t r = 0; r < entries->count; r++)
			rows[baseline->row_count++] = &entries->list[r];
	}
	qsort(rows, total, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < total; i++)
		if (i == 0 || compare_things(rows[kept - 1], rows[i]) != 0)
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
		baseline_entries_free(&baseline->processes[i].entries);
		symbols_close(baseline->processes[i].symbols);
		transactions_free(baseline->processes[i].transactions);
		timeline_free(baseline->processes[i].timeline);
	}
	for (size_t i = 0; i < baseline->mine_count; i++)
		baseline_entries_free(&baseline->mine[i]);
	free(baseline->mine);
	free(baseline->rows);
	free(baseline->processes);
	if (baseline->trace)
		trace_close(baseline->trace);
	free(baseline);
}

/* ---- One callback, or one signature ---------------------------------------------------------- */

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
	return compare_things(*(const struct baseline_entry *const *)left,
			      *(const struct baseline_entry *const *)right);
}

/* The same in the older trace. */
static const struct baseline_entry *old_find(const struct baseline *baseline,
					     const struct baseline_entry *mine)
{
	const struct baseline_entry **old = bsearch(&mine, baseline->rows, baseline->row_count,
						    sizeof(*baseline->rows), compare_found);

	return old ? *old : NULL;
}

static struct baseline_row row_make(const struct baseline_entry *mine,
				    const struct baseline_entry *before,
				    const struct thresholds *thresholds)
{
	struct side now = {mine->timeline, mine->durations},
		    old = {before->timeline, before->durations};
	double runs = thresholds->values[LIMIT_worse_runs];
	bool enough = (double)now.durations->count >= runs && (double)old.durations->count >= runs;

	return (struct baseline_row){
	    .kind = mine->root_kind,
	    .callback = mine->text,
	    .signature = mine->signature,
	    .in_pool = mine->in_pool,
	    .count = now.durations->count,
	    .old_count = old.durations->count,
	    .p50_ns = whole_ns(quantile_ns(&now, 0.5)),
	    .old_p50_ns = whole_ns(quantile_ns(&old, 0.5)),
	    .p99_ns = whole_ns(quantile_ns(&now, 0.99)),
	    .old_p99_ns = whole_ns(quantile_ns(&old, 0.99)),
	    .worse_p50 = enough && is_worse(&now, &old, 0.5, thresholds),
	    .worse_p99 = enough && is_worse(&now, &old, 0.99, thresholds),
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

/* Of what is compared: kept, as rows have its texts. NULL: no memory. */
static const struct baseline_entries *mine_make(struct baseline *baseline,
						const struct timeline *timeline,
						const struct transactions *transactions,
						struct symbols *symbols)
{
	struct baseline_entries *mine =
	    reallocarray(baseline->mine, baseline->mine_count + 1, sizeof(*mine));

	if (!mine)
		return NULL;
	baseline->mine = mine;
	mine += baseline->mine_count++;
	return baseline_entries_make(timeline, transactions, symbols, mine) == 0 ? mine : NULL;
}

/* All that begin there together say more than their only signature where that has changed. */
static bool is_told_already(const struct baseline *baseline, const struct baseline_entry *root)
{
	return root->only && old_find(baseline, root->only) != NULL;
}

struct baseline_row *baseline_compare(struct baseline *baseline, const struct timeline *timeline,
				      const struct transactions *transactions,
				      struct symbols *symbols, const struct thresholds *thresholds,
				      size_t *count, size_t *worse)
{
	const struct baseline_entries *mine = mine_make(baseline, timeline, transactions, symbols);
	struct baseline_row *rows = mine ? calloc(mine->count + 1, sizeof(*rows)) : NULL;

	*count = *worse = 0;
	for (size_t i = 0; rows && i < mine->count; i++) {
		const struct baseline_entry *entry = &mine->list[i],
					    *old = old_find(baseline, entry);
		if (!old || is_told_already(baseline, entry))
			continue;
		rows[*count] = row_make(entry, old, thresholds);
		*worse += rows[*count].worse_p50 || rows[*count].worse_p99;
		(*count)++;
	}
	if (rows)
		qsort(rows, *count, sizeof(*rows), compare_worse_first);
	return rows;
}
