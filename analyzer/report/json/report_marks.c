/* SPDX-License-Identifier: Apache-2.0
 *
 * What the program said of itself, in the report for programs and in the one for people: its marks and spans by name,
 * and those inside a poll.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "timeline/poll_marks.h"
#include "report_json.h"
#include "base/report_table.h"

static const char *name_text(const struct timeline *timeline, size_t name)
{
	const char *text = trace_name(timeline->process, (uint32_t)name);

	return text ? text : "(unknown)";
}

/* ---- JSON ----------------------------------------------------------------------------------------------------- */

/* A value may be more than jansson's integers hold. */
static json_t *json_value(uint64_t value)
{
	return value <= INT64_MAX ? json_number(value) : json_real((double)value);
}

static json_t *mark_json(const struct timeline *timeline, size_t name)
{
	const struct histogram *values = &timeline->names[name].marks;
	const struct json_pair pairs[] = {
	    {"name", json_text(name_text(timeline, name))},
	    {"count", json_number(values->count)},
	    {"p50", json_value(histogram_quantile(values, 0.5))},
	    {"p99", json_value(histogram_quantile(values, 0.99))},
	    {"max", json_value(values->max)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

json_t *marks_json(const struct timeline *timeline)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i <= timeline->process->name_count; i++) {
		if (timeline->names[i].marks.count > 0)
			json_array_append_new(list, mark_json(timeline, i));
	}
	return list;
}

static json_t *slowest_json(const struct timeline *timeline, const struct timeline_named *span)
{
	struct timeline_span stretch = {.tick = span->tick, .duration = span->duration, .worker = span->worker};

	if (!span->ended)
		return json_null();
	const struct json_pair pairs[] = {
	    {"id", json_address(span->id)},
	    {"end_worker", json_number(report_worker_number(timeline, span->end_worker))},
	};

	return json_add(span_json(timeline, &stretch), pairs, COUNT(pairs));
}

static json_t *span_name_json(const struct timeline *timeline, size_t name)
{
	const struct timeline_name *facts = &timeline->names[name];
	const struct histogram *spans = &facts->spans;
	const struct json_pair pairs[] = {
	    {"name", json_text(name_text(timeline, name))},
	    {"count", json_number(spans->count)},
	    {"total_ns", json_ticks(timeline, spans->sum)},
	    {"p50_ns", json_ticks(timeline, histogram_quantile(spans, 0.5))},
	    {"p99_ns", json_ticks(timeline, histogram_quantile(spans, 0.99))},
	    {"max_ns", json_ticks(timeline, spans->max)},
	    {"slowest", slowest_json(timeline, &facts->slowest)},
	    {"open", json_number(facts->open)},
	    {"begins_alone", json_number(facts->begins_alone)},
	    {"ends_alone", json_number(facts->ends_alone)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

static bool has_spans(const struct timeline_name *facts)
{
	return facts->spans.count + facts->open + facts->begins_alone + facts->ends_alone > 0;
}

json_t *spans_json(const struct timeline *timeline)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i <= timeline->process->name_count; i++) {
		if (has_spans(&timeline->names[i]))
			json_array_append_new(list, span_name_json(timeline, i));
	}
	return list;
}

static json_t *poll_mark_json(const struct timeline *timeline, const struct poll_mark *mark)
{
	const struct json_pair pairs[] = {
	    {"name", json_text(name_text(timeline, mark->name))},
	    {mark->span ? "id" : "value", mark->span ? json_address(mark->value) : json_value(mark->value)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

json_t *poll_marks_add(const struct report *report, json_t *object, const struct timeline_span *poll)
{
	struct poll_marks marks = poll_marks_read(report->trace, report->timeline, poll);
	json_t *spans = json_array(), *values = json_array();

	for (size_t i = 0; spans && values && i < marks.count; i++)
		json_array_append_new(marks.list[i].span ? spans : values,
				      poll_mark_json(report->timeline, &marks.list[i]));
	const struct json_pair pairs[] = {
	    {"spans", spans},
	    {"marks", values},
	    {"more_marks", json_number(marks.more)},
	};
	return json_add(object, pairs, COUNT(pairs));
}

/* ---- Text ----------------------------------------------------------------------------------------------------- */

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

	table_add(table, name_text(timeline, name));
	table_add(table, "mark");
	table_add_count(table, values->count);
	table_add_value(table, histogram_quantile(values, 0.5));
	table_add_value(table, histogram_quantile(values, 0.99));
	table_add_value(table, values->max);
}

static void span_row(struct table *table, const struct timeline *timeline, size_t name)
{
	const struct timeline_name *facts = &timeline->names[name];
	const uint64_t ticks[] = {histogram_quantile(&facts->spans, 0.5), histogram_quantile(&facts->spans, 0.99),
				  facts->spans.max};

	table_add(table, name_text(timeline, name));
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
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%" PRIu64 " %s",
						   length > 0 ? ", " : "", parts[i].count, parts[i].what);
	}
	if (length > 0)
		report_paragraph(out, REPORT_WIDTH, "  %s, not counted: %s", name_text(timeline, name), text);
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
		if (has_spans(facts))
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
	    {"name", false, 1}, {"what", false, 0}, {"count", true, 0},
	    {"p50", true, 0},	{"p99", true, 0},   {"most", true, 0},
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
		fputs("\nMARKS AND SPANS: what the program said of itself\n", out);
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
