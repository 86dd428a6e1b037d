/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables of callbacks: by total time, the longest polls, and the polls that were open where the
 * trace ends.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "report_text_internal.h"
#include "timeline/poll_marks.h"

static void table_add_callback(struct table *table, const struct report *report, uint32_t site,
			       bool in_pool)
{
	const struct symbol_info *callback = symbols_site(report->symbols, site, false);
	char *text;

	if (!in_pool) {
		table_add(table, callback->text);
	} else if (asprintf(&text, "(pool) %s", callback->text) >= 0) {
		table_add(table, text);
		free(text);
	} else {
		table->failed = true;
	}
}

static void callback_row(struct table *table, const struct report *report,
			 const struct report_row *row)
{
	const struct timeline *timeline = report->timeline;

	table_add_duration(table, timeline_ns(timeline, row->durations->sum));
	table_add_count(table, row->durations->count);
	table_add_duration(table, timeline_ns(timeline, histogram_quantile(row->durations, 0.5)));
	table_add_duration(table, timeline_ns(timeline, histogram_quantile(row->durations, 0.99)));
	table_add_duration(table, timeline_ns(timeline, row->durations->max));
	table_add(table, report_kind(timeline, row->site));
	table_add_callback(table, report, row->site, row->in_pool);
}

/* Below it: the function of a script that it runs. */
static void script_row(struct table *table, size_t column, const struct symbol_info *script)
{
	char *text;

	if (!script)
		return;
	for (size_t i = 0; i < table->column_count; i++) {
		if (i != column) {
			table_add(table, "");
		} else if (asprintf(&text, "  in %s", script->text) >= 0) {
			table_add(table, text);
			free(text);
		} else {
			table->failed = true;
		}
	}
}

/* Below the callback: there is no room beside it. */
static void registered_row(struct table *table, const struct report *report, uint32_t site)
{
	char *text;

	for (size_t i = 0; i + 1 < table->column_count; i++)
		table_add(table, "");
	if (asprintf(&text, "  by %s", symbols_site(report->symbols, site, true)->text) < 0) {
		table->failed = true;
		return;
	}
	table_add(table, text);
	free(text);
}

/* A module whose functions have no names; NULL where all have. */
static const char *nameless_module(const struct report *report, const struct report_row *rows,
				   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct symbol_info *callback =
		    symbols_site(report->symbols, rows[i].site, false);
		if (!callback->named && *callback->module)
			return callback->module;
	}
	return NULL;
}

static int print_callback_rows(const struct report *report, const struct report_row *rows,
			       size_t count, FILE *out)
{
	static const struct table_column columns[] = {
	    {"total", true, 0}, {"runs", true, 0},  {"p50", true, 0},	    {"p99", true, 0},
	    {"max", true, 0},	{"kind", false, 0}, {"callback", false, 1},
	};
	const char *nameless = nameless_module(report, rows, count);
	struct table table;

	table_begin(&table, columns, COUNT(columns));
	for (size_t i = 0; i < count; i++) {
		callback_row(&table, report, &rows[i]);
		script_row(&table, table.column_count - 1,
			   report_site_script(report, rows[i].site, rows[i].in_pool));
		registered_row(&table, report, rows[i].site);
	}
	int error = table_print(&table, out, REPORT_WIDTH);
	if (nameless)
		report_paragraph(out, REPORT_WIDTH,
				 "  Names are missing: install the debug information of %s.",
				 nameless);
	return error;
}

int report_callbacks_print(const struct report *report, FILE *out)
{
	size_t count, top = report->timeline->options.top;
	struct report_row *rows = report_rows(report->timeline, &count);
	int error = 0;

	if (!rows)
		return -ENOMEM;
	if (count > 0) {
		fputs("\nCALLBACKS by total time, each with the function that registers it; "
		      "(pool): its work on the "
		      "pool\n",
		      out);
		error = print_callback_rows(report, rows, count < top ? count : top, out);
	}
	if (count > top)
		fprintf(out, "  ... and %zu more (--top=N shows more)\n", count - top);
	free(rows);
	return error;
}

/* ---- Polls ----------------------------------------------------------------------------------- */

/* Below the poll: what the program said in it. */
static void served_row(struct table *table, const struct report *report,
		       const struct timeline_span *span)
{
	struct poll_marks marks = poll_marks_read(report->trace, report->timeline, span);
	char *said = poll_marks_text(report->timeline->process, &marks), *text;

	if (!said)
		return;
	for (size_t i = 0; i + 2 < table->column_count; i++)
		table_add(table, "");
	if (asprintf(&text, "  with %s", said) >= 0)
		table_add(table, text);
	else
		table->failed = true;
	table_add(table, "");
	free(text);
	free(said);
}

static int print_polls(const struct report *report, const struct timeline_top *top, bool open,
		       FILE *out)
{
	static const struct table_column columns[] = {
	    {"start", true, 0}, {"duration", true, 0},	{"worker", false, 0},
	    {"kind", false, 0}, {"callback", false, 1}, {"registered by", false, 2},
	};
	struct table table;

	table_begin(&table, columns, COUNT(columns));
	for (size_t i = 0; i < top->count && i < report->timeline->options.top; i++) {
		const struct timeline_span *span = &top->spans[i];
		char worker[32], lasted[REPORT_LASTED_BYTES];
		table_add_start(&table, report->timeline, span);
		table_add(&table,
			  open ? report_open_lasted(report, span, lasted)
			       : duration_format(timeline_span_ns(report->timeline, span), lasted));
		snprintf(worker, sizeof(worker), "%" PRIu32 " %s",
			 report_worker_number(report->timeline, span->worker),
			 report_role(report->timeline, span->worker));
		table_add(&table, worker);
		table_add(&table, report_kind(report->timeline, span->site));
		table_add_callback(&table, report, span->site, span->in_pool);
		table_add(&table, symbols_site(report->symbols, span->site, true)->text);
		script_row(&table, 4, report_run_script(report, span));
		served_row(&table, report, span);
	}
	return table_print(&table, out, REPORT_WIDTH);
}

int report_long_polls_print(const struct report *report, FILE *out)
{
	const struct timeline_top *polls = &report->timeline->long_polls;
	char limit[DURATION_TEXT_BYTES], count[REPORT_COUNT_BYTES];

	duration_format_limit(report->timeline->options.long_poll_ns, limit);
	if (polls->seen == 0)
		return 0;
	fprintf(out, "\nLONGEST POLLS: %s took %s or longer\n", report_count(polls->seen, count),
		limit);
	return print_polls(report, polls, false, out);
}

int report_open_polls_print(const struct report *report, FILE *out)
{
	const struct timeline_top *open = &report->timeline->open;

	if (open->seen == 0)
		return 0;
	fputs("\nOPEN POLLS at the end of the trace\n", out);
	return print_polls(report, open, true, out);
}
