/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions for people: by signature how many there were and how long they took, and where the
 * time of the median and of the slowest went, side by side. waterfall.c draws single ones.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "report/transaction_text.h"
#include "report_text_internal.h"
#include "transactions/transaction_tally.h"

#define SHOWN_WHOLE 3	 /* signatures, unless --top says fewer ... */
#define WHOLE_LEAST 20	 /* ... of so many transactions; of the others the longest say all */
#define ROW_LEAST   0.02 /* of the time of either side, to have a row of its own */

/* ---- By signature ---------------------------------------------------------------------------- */

static void add_signature(struct table *table, const struct report *report,
			  const struct transaction_signature *signature)
{
	struct line line;
	char *text = NULL;

	if (line_begin(&line)) {
		transaction_signature_print(report, signature, line.out);
		text = line_end(&line);
	}
	if (text)
		table_add(table, text);
	else
		table->failed = true;
	free(text);
}

static void signature_row(struct table *table, const struct report *report,
			  const struct transaction_signature *signature)
{
	const struct timeline *timeline = report->timeline;
	const struct histogram *ticks = &signature->ticks;
	double seconds = (double)timeline_ns(timeline, timeline->range_ticks) / 1e9;
	double per_second = seconds > 0 ? (double)signature->count / seconds : 0;
	char rate[32];

	if (per_second < 1000)
		snprintf(rate, sizeof(rate), "%.3g", per_second);
	else
		report_count((uint64_t)per_second, rate);
	table_add_count(table, signature->count);
	table_add_count(table, signature->cut);
	table_add(table, rate);
	table_add_duration(table, timeline_ns(timeline, histogram_quantile(ticks, 0.5)));
	table_add_duration(table, timeline_ns(timeline, histogram_quantile(ticks, 0.99)));
	table_add_duration(table, timeline_ns(timeline, ticks->max));
	add_signature(table, report, signature);
}

static int print_signatures(const struct report *report, FILE *out)
{
	static const struct table_column columns[] = {
	    {"count", true, 0},
	    {"cut", true, 0},
	    {"a second", true, 0},
	    {"p50", true, 0},
	    {"p99", true, 0},
	    {"longest", true, 0},
	    {"root, and what came of it", false, 1},
	};
	const struct transactions *transactions = report->transactions;
	size_t top = report->timeline->options.top;
	struct table table;

	table_begin(&table, columns, COUNT(columns));
	for (size_t i = 0; i < transactions->signature_count && i < top; i++)
		signature_row(&table, report, &transactions->signatures[i]);
	int error = table_print(&table, out, REPORT_WIDTH);
	if (transactions->signature_count > top)
		fprintf(out, "  ... and %zu more (--top=N shows more)\n",
			transactions->signature_count - top);
	return error;
}

/* ---- Where the time went, side by side ------------------------------------------------------- */

static void add_time(struct table *table, const struct report *report, double ticks, double all)
{
	char share[16];

	if (ticks <= 0) {
		table_add(table, "-");
		table_add(table, "");
		return;
	}
	snprintf(share, sizeof(share), "%.0f%%", 100 * ticks / all);
	table_add_duration(table, timeline_ns(report->timeline, (uint64_t)ticks));
	table_add(table, share);
}

static void item_row(struct table *table, const struct report *report,
		     const struct transaction_items *median, const struct transaction_items *tail,
		     const struct transaction_item *item)
{
	const struct trace_process *process = report->timeline->process;
	double before = transaction_items_ticks(process, median, item),
	       ticks = transaction_items_ticks(process, tail, item);
	struct line line;
	char *text = NULL;

	if (before < ROW_LEAST * median->ticks && ticks < ROW_LEAST * tail->ticks)
		return;
	add_time(table, report, before, median->ticks);
	add_time(table, report, ticks, tail->ticks);
	if (line_begin(&line)) {
		transaction_item_print(report, item, false, line.out);
		text = line_end(&line);
	}
	table_add(table, text ? text : "?");
	free(text);
}

static int print_sides(const struct report *report, const struct transaction_signature *signature,
		       const struct transaction_items *median, const struct transaction_items *tail,
		       FILE *out)
{
	char title[64];
	const struct table_column columns[] = {{"the median", true, 0},
					       {"", true, 0},
					       {title, true, 0},
					       {"", true, 0},
					       {"where the time went", false, 1}};
	const struct trace_process *process = report->timeline->process;
	struct table table;

	snprintf(title, sizeof(title), "the slowest %" PRIu64, signature->tail.count);
	table_begin(&table, columns, COUNT(columns));
	for (size_t i = 0; i < tail->count; i++)
		item_row(&table, report, median, tail, &tail->list[i]);
	for (size_t i = 0; i < median->count; i++) {
		if (transaction_items_ticks(process, tail, &median->list[i]) == 0)
			item_row(&table, report, median, tail, &median->list[i]);
	}
	add_time(&table, report, median->ticks, median->ticks);
	add_time(&table, report, tail->ticks, tail->ticks);
	table_add(&table, "in all");
	return table_print(&table, out, REPORT_WIDTH);
}

/* How long data may have lain there before its turn, which is in no figure. */
static void print_before(const struct report *report, const struct transaction_signature *signature,
			 FILE *out)
{
	const struct transaction_worst *worst =
	    report->tally ? transaction_tally_worst(report->tally, signature->hash) : NULL;
	char longest[DURATION_TEXT_BYTES];

	if (!worst || worst->before == 0)
		return;
	report_paragraph(
	    out, REPORT_WIDTH,
	    "  %" PRIu64 " of them may have waited before their turn, up to %s, behind %s: "
	    "they were there when the loop came back.",
	    worst->before, report_ticks(report->timeline, worst->before_ticks, longest),
	    transaction_callback(report, worst->before_site));
}

static int print_signature(const struct report *report,
			   const struct transaction_signature *signature, FILE *out)
{
	const struct trace_process *process = report->timeline->process;
	struct transaction_items median, tail;
	struct line line;
	char *text;

	transaction_items_make(process, &signature->median, &median);
	transaction_items_make(process, &signature->tail, &tail);
	if (!line_begin(&line))
		return -ENOMEM;
	transaction_signature_print(report, signature, line.out);
	fputs(": ", line.out);
	transaction_tail_print(signature, line.out);
	fputs(": ", line.out);
	transaction_where_print(report, &tail, line.out);
	text = line_end(&line);
	if (!text)
		return -ENOMEM;
	report_paragraph(out, REPORT_WIDTH, "%s.", text);
	free(text);
	int error = print_sides(report, signature, &median, &tail, out);
	print_before(report, signature, out);
	return error;
}

/* ---- Markdown -------------------------------------------------------------------------------- */

static void markdown_cell(const struct report *report,
			  const struct transaction_signature *signature, bool tail, FILE *out)
{
	struct transaction_items items;
	struct line line;
	char *text = NULL;

	if (line_begin(&line)) {
		transaction_items_make(report->timeline->process,
				       tail ? &signature->tail : &signature->median, &items);
		transaction_where_print(report, &items, line.out);
		text = line_end(&line);
	}
	fputs(" | ", out);
	report_markdown_text(out, text);
	free(text);
}

static void markdown_row(const struct report *report, const struct transaction_signature *signature,
			 FILE *out)
{
	const struct timeline *timeline = report->timeline;
	char p50[DURATION_TEXT_BYTES], p99[DURATION_TEXT_BYTES], max[DURATION_TEXT_BYTES];
	struct line line;
	char *name = NULL;

	if (line_begin(&line)) {
		transaction_signature_print(report, signature, line.out);
		name = line_end(&line);
	}
	fputs("| ", out);
	report_markdown_text(out, name);
	free(name);
	fprintf(out, " | %" PRIu64 " | %s | %s | %s", signature->count,
		report_ticks(timeline, histogram_quantile(&signature->ticks, 0.5), p50),
		report_ticks(timeline, histogram_quantile(&signature->ticks, 0.99), p99),
		report_ticks(timeline, signature->ticks.max, max));
	markdown_cell(report, signature, false, out);
	markdown_cell(report, signature, true, out);
	fputs(" |\n", out);
}

int report_transactions_markdown(const struct report *report, FILE *out)
{
	const struct transactions *transactions = report->transactions;
	size_t top = report->timeline->options.top;

	if (!transactions || transactions->signature_count == 0)
		return 0;
	fputs("\n### Transactions\n\n| root, and what came of it | count | p50 | p99 | longest | "
	      "the median | the slowest 1% |\n|---|--:|--:|--:|--:|---|---|\n",
	      out);
	for (size_t i = 0; i < transactions->signature_count && i < top; i++) {
		if (transactions->signatures[i].count > 0)
			markdown_row(report, &transactions->signatures[i], out);
	}
	return 0;
}

/* ---- The section ----------------------------------------------------------------------------- */

static void print_cuts(const struct report *report, FILE *out)
{
	const struct transactions *transactions = report->transactions;
	struct line line;
	char *text;

	if (!line_begin(&line))
		return;
	transaction_cuts_print(transactions, line.out);
	text = line_end(&line);
	if (text && *text)
		report_paragraph(out, REPORT_WIDTH, "  Cut, in no figure but their count: %s.",
				 text);
	free(text);
}

int report_transactions_print(const struct report *report, FILE *out)
{
	const struct transactions *transactions = report->transactions;
	size_t top = report->timeline->options.top, shown = 0;
	int error;

	if (!transactions || transactions->signature_count == 0)
		return 0;
	fputs("\nTRANSACTIONS: what came of one thing that arrived, by the time that all took\n",
	      out);
	error = print_signatures(report, out);
	print_cuts(report, out);
	for (size_t i = 0;
	     error == 0 && i < transactions->signature_count && i < top && shown < SHOWN_WHOLE;
	     i++) {
		if (transactions->signatures[i].count < WHOLE_LEAST ||
		    transactions->signatures[i].tail.count == 0)
			continue;
		error = print_signature(report, &transactions->signatures[i], out);
		shown++;
	}
	return error == 0 ? report_waterfalls_print(report, out) : error;
}
