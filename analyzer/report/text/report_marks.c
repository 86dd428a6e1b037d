/* SPDX-License-Identifier: Apache-2.0
 *
 * What the program said of itself: a table of its marks and spans by name.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "report_text_internal.h"

/* Large ones to four digits: they may be anything. */
static void table_add_value(struct table *table, uint64_t value)
{
	char text[REPORT_COUNT_BYTES];

	if (value >= 10000000)
		snprintf(text, sizeof(text), "%.4g", (double)value);
	else
		report_count(value, text);
	table_add(table, text);
}

static void mark_row(struct table *table, const struct timeline *timeline, size_t name)
{
	const struct histogram *values = &timeline->names[name].marks;

	table_add(table, report_mark_name(timeline, name));
	table_add(table, "mark");
	table_add_count(table, values->count);
	table_add_value(table, histogram_quantile(values, 0.5));
	table_add_value(table, histogram_quantile(values, 0.99));
	table_add_value(table, values->max);
}

static void span_row(struct table *table, const struct timeline *timeline, size_t name)
{
	const struct timeline_name *facts = &timeline->names[name];
	const uint64_t ticks[] = {histogram_quantile(&facts->spans, 0.5),
				  histogram_quantile(&facts->spans, 0.99), facts->spans.max};

	table_add(table, report_mark_name(timeline, name));
	table_add(table, "span");
	table_add_count(table, facts->spans.count);
	for (size_t i = 0; i < COUNT(ticks); i++) {
		if (facts->spans.count > 0)
			table_add_duration(table, timeline_ns(timeline, ticks[i]));
		else
			table_add(table, "-");
	}
}

/* "request: 1 open at the end, 3 without a begin" */
static void alone_print(const struct timeline *timeline, size_t name, FILE *out)
{
	const struct timeline_name *facts = &timeline->names[name];
	const struct {
		uint64_t count;
		const char *what;
	} parts[] = {
	    {facts->open, "open at the end"},
	    {facts->begins_alone, "without an end"},
	    {facts->ends_alone, "without a begin"},
	};
	char text[128] = "";
	size_t length = 0;

	for (size_t i = 0; i < COUNT(parts); i++) {
		if (parts[i].count > 0)
			length += (size_t)snprintf(text + length, sizeof(text) - length,
						   "%s%" PRIu64 " %s", length > 0 ? ", " : "",
						   parts[i].count, parts[i].what);
	}
	if (length > 0)
		report_paragraph(out, REPORT_WIDTH, "  %s, not counted: %s",
				 report_mark_name(timeline, name), text);
}

/* A row of the table: spans by their total time, then marks by their number. */
struct name_row {
	size_t name;
	bool span;
	uint64_t weight;
};

static int compare_rows(const void *a, const void *b)
{
	const struct name_row *x = a, *y = b;

	if (x->span != y->span)
		return x->span ? -1 : 1;
	if (x->weight != y->weight)
		return x->weight < y->weight ? 1 : -1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static size_t rows_collect(const struct timeline *timeline, struct name_row *rows)
{
	size_t count = 0;

	for (size_t i = 0; i <= timeline->process->name_count; i++) {
		const struct timeline_name *facts = &timeline->names[i];
		if (report_has_spans(facts))
			rows[count++] = (struct name_row){i, true, facts->spans.sum};
		if (facts->marks.count > 0)
			rows[count++] = (struct name_row){i, false, facts->marks.count};
	}
	if (count > 1)
		qsort(rows, count, sizeof(*rows), compare_rows);
	return count;
}

int report_marks_print(const struct report *report, FILE *out)
{
	static const struct table_column columns[] = {
	    {"name", false, 1}, {"type", false, 0}, {"count", true, 0},
	    {"p50", true, 0},	{"p99", true, 0},   {"max", true, 0},
	};
	const struct timeline *timeline = report->timeline;
	struct name_row *rows = calloc(2 * (timeline->process->name_count + 1), sizeof(*rows));
	size_t count, top = timeline->options.top;
	struct table table;

	if (!rows)
		return -ENOMEM;
	count = rows_collect(timeline, rows);
	table_begin(&table, columns, COUNT(columns));
	for (size_t i = 0; i < count && i < top; i++)
		(rows[i].span ? span_row : mark_row)(&table, timeline, rows[i].name);
	if (count > 0)
		fputs("\nMARKS AND SPANS of the program\n", out);
	int error = table_print(&table, out, REPORT_WIDTH);
	for (size_t i = 0; i < count && i < top; i++) {
		if (rows[i].span)
			alone_print(timeline, rows[i].name, out);
	}
	free(rows);
	if (count > top)
		fprintf(out, "  ... and %zu more (--top=N shows more)\n", count - top);
	return error;
}
