/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings for people: what the text report opens with, and the same as markdown.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/findings_text.h"
#include "report_text_internal.h"

#define SHOWN_WHOLE 5 /* findings; the rest with their sentence alone, unless --top says more */

static const char *text_of(const char *text)
{
	return text ? text : "";
}

static void print_lines(FILE *out, const char *lines, const char *prefix)
{
	while (lines && *lines) {
		size_t length = strcspn(lines, "\n");
		char *line = strndup(lines, length), *clean = line ? report_clean(line) : NULL;
		fprintf(out, "%s%s\n", prefix, text_of(clean));
		free(line);
		free(clean);
		lines += length + (lines[length] == '\n');
	}
}

static void print_cleaned(FILE *out, const char *before, const char *text)
{
	char *clean = report_clean(text_of(text));

	report_paragraph(out, REPORT_WIDTH, "%s%s", before, text_of(clean));
	free(clean);
}

/* "34 transactions waited 1.20 s for it", and those that may have. NULL: none did. */
static char *delay_text(const struct finding *finding)
{
	const struct finding_delay *delay = &finding->delay;
	const char *most = delay->at_most ? "at most " : "";
	char waited[DURATION_TEXT_BYTES], *text = NULL;
	size_t bytes;
	FILE *out = delay->transactions + delay->before > 0 ? open_memstream(&text, &bytes) : NULL;

	if (!out)
		return NULL;
	if (delay->transactions > 0)
		fprintf(out, "%s%" PRIu64 " transaction%s waited %s for it", most,
			delay->transactions, plural(delay->transactions),
			duration_format(delay->ns, waited));
	if (delay->before > 0)
		fprintf(out,
			"%s%s%" PRIu64 " %stransaction%s may have waited before %s turn, "
			"%s at most",
			delay->transactions > 0 ? ", " : "", most, delay->before,
			delay->transactions > 0 ? "more " : "", plural(delay->before),
			by_count(delay->before, "its", "their"),
			duration_format(delay->before_ns, waited));
	fclose(out);
	return text;
}

static void print_cost(const struct finding *finding, FILE *out)
{
	char cost[DURATION_TEXT_BYTES], from[DURATION_TEXT_BYTES], to[DURATION_TEXT_BYTES];
	const char *kind = cost_text(finding_cost(finding->id));

	fputs("     ", out);
	if (kind && finding->cost_ns > 0)
		fprintf(out, "cost: %s %s; ", kind, duration_format(finding->cost_ns, cost));
	fprintf(out, "%s; %s to %s\n", confidence_text(finding->confidence),
		duration_format_offset(finding->from_ns, from),
		duration_format_offset(finding->to_ns, to));
	char *delay = delay_text(finding);
	if (delay)
		report_paragraph(out, REPORT_WIDTH, "     delayed: %s", delay);
	free(delay);
}

static void print_finding(const struct finding *finding, size_t number, bool whole, FILE *out)
{
	char before[64];

	snprintf(before, sizeof(before), "%2zu. %s %s: ", number, severity_name(finding->severity),
		 finding_id_name(finding->id));
	print_cleaned(out, before, finding->text.title);
	if (!whole)
		return;
	print_cleaned(out, "     why: ", finding->text.evidence);
	print_cost(finding, out);
	print_cleaned(out, "     do: ", finding->text.advice);
	print_lines(out, finding->text.snippet, "     ");
}

static void print_names(FILE *out, const char *before, const char *const *names, size_t count)
{
	char *text = NULL;
	size_t bytes;
	FILE *line = open_memstream(&text, &bytes);

	for (size_t i = 0; line && i < count; i++)
		fprintf(line, "%s%s", i ? "; " : "", names[i]);
	if (line)
		fclose(line);
	report_paragraph(out, REPORT_WIDTH, "%s%s.", before, text_of(text));
	free(text);
}

/* What was looked for, and what this trace does not have. */
static void print_limits(const struct report *report, FILE *out)
{
	const char *names[FINDING_COUNT + UNKNOWN_COUNT];
	size_t count = 0;

	if (report->findings->count == 0) {
		for (size_t i = 0; i < FINDING_COUNT; i++)
			names[i] = finding_looks_for((enum finding_id)i);
		print_names(out, "Looked for: ", names, FINDING_COUNT);
	}
	for (size_t i = 0; i < UNKNOWN_COUNT; i++) {
		if (findings_unknown(report->timeline, (enum unknown)i))
			names[count++] = unknown_text((enum unknown)i);
	}
	print_names(out, "Not in this trace: ", names, count);
}

static void print_overhead(const struct findings *findings, FILE *out)
{
	const struct measures_overhead *overhead = &findings->overhead;
	char cost[DURATION_TEXT_BYTES];

	if (overhead->busy_ns <= 0)
		return;
	report_paragraph(out, REPORT_WIDTH,
			 "Tracing itself took about %s, %.2g%% of the busy time (%" PRIu64
			 " event%s of %.1f ns, as measured %s).",
			 duration_format((uint64_t)overhead->cost_ns, cost),
			 100 * overhead->cost_ns / overhead->busy_ns, overhead->events,
			 plural(overhead->events), overhead->event_ns,
			 overhead->measured ? "there at the start" : "elsewhere");
}

static void print_baseline_row(const struct baseline_row *row, FILE *out)
{
	char texts[4][DURATION_TEXT_BYTES];

	report_paragraph(
	    out, REPORT_WIDTH,
	    "  %s%s (%s): p50 %s, was %s; p99 %s, was %s; %" PRIu64 " run%s, %s %" PRIu64,
	    row->in_pool ? "(pool) " : "", row->signature ? row->signature : row->callback,
	    row->signature ? "transactions" : row->kind, duration_format(row->p50_ns, texts[0]),
	    duration_format(row->old_p50_ns, texts[1]), duration_format(row->p99_ns, texts[2]),
	    duration_format(row->old_p99_ns, texts[3]), row->count, plural(row->count),
	    by_count(row->old_count, "was", "were"), row->old_count);
}

static void print_baseline(const struct report *report, FILE *out)
{
	if (!report->baseline)
		return;
	fprintf(
	    out,
	    "\nAGAINST THE BASELINE: %zu of %zu callbacks and transactions of both got slower\n",
	    report->worse, report->baseline_count);
	for (size_t i = 0; i < report->worse && i < report->timeline->options.top; i++)
		print_baseline_row(&report->baseline[i], out);
}

static const char *nothing_found(const struct report *report)
{
	bool damaged = report->timeline->problem_count > 0 ||
		       (report->alone && report->trace->problem_count > 0);

	return damaged ? "No problem found in what could be read." : "No problem found.";
}

int report_findings_print(const struct report *report, FILE *out)
{
	const struct findings *findings = report->findings;

	if (!findings)
		return 0;
	fputs("\nFINDINGS, the worst first\n", out);
	if (findings->count == 0)
		fprintf(out, "%s\n", nothing_found(report));
	for (size_t i = 0; i < findings->count; i++)
		print_finding(&findings->list[i], i + 1,
			      i < SHOWN_WHOLE || i < report->timeline->options.top, out);
	print_limits(report, out);
	print_overhead(findings, out);
	print_baseline(report, out);
	return 0;
}

/* ---- Markdown -------------------------------------------------------------------------------- */

void report_markdown_text(FILE *out, const char *text)
{
	char *clean = report_clean(text_of(text));

	for (const char *at = text_of(clean); *at; at++) {
		if (strchr("\\`*_[]<>|#", *at))
			fputc('\\', out);
		fputc(*at, out);
	}
	free(clean);
}

static void markdown_finding(const struct finding *finding, FILE *out)
{
	char cost[DURATION_TEXT_BYTES];
	const char *kind = cost_text(finding_cost(finding->id));

	fprintf(out, "\n### %s: %s\n\n**", severity_name(finding->severity),
		finding_id_name(finding->id));
	report_markdown_text(out, finding->text.title);
	fputs("**\n\n- why: ", out);
	report_markdown_text(out, finding->text.evidence);
	if (kind && finding->cost_ns > 0)
		fprintf(out, "\n- cost: %s %s", kind, duration_format(finding->cost_ns, cost));
	char *delay = delay_text(finding);
	if (delay)
		fprintf(out, "\n- delayed: %s", delay);
	free(delay);
	fprintf(out, "\n- confidence: %s\n- do: ", confidence_text(finding->confidence));
	report_markdown_text(out, finding->text.advice);
	fputc('\n', out);
	if (!finding->text.snippet)
		return;
	fputc('\n', out);
	print_lines(out, finding->text.snippet, "    ");
}

int report_findings_markdown(const struct report *report, FILE *out)
{
	const struct findings *findings = report->findings;

	fputs("## ", out);
	report_markdown_text(out, report->timeline->process->exe);
	fprintf(out, ", process %" PRIu32 "\n", report->timeline->process->pid);
	if (findings->count == 0)
		fprintf(out, "\n%s\n", nothing_found(report));
	for (size_t i = 0; i < findings->count; i++)
		markdown_finding(&findings->list[i], out);
	return report_transactions_markdown(report, out);
}
