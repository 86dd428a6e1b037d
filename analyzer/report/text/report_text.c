/* SPDX-License-Identifier: Apache-2.0
 *
 * The report for people: what was recorded, what is wrong with the recording, the worst that was
 * found in plain words, then tables, each with a line that says what its words mean.
 *
 * Rules: nothing that cuts into the figures stays unsaid. Lines fit REPORT_WIDTH characters, but
 * for paths. No colours, no pager.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "report_text_internal.h"

#define PROBLEMS_SHOWN 20

/* Text from a trace, cleaned. */
void report_clean_print(FILE *out, const char *text)
{
	char *clean = report_clean(text);

	fputs(clean ? clean : "?", out);
	free(clean);
}

const char *report_ticks(const struct timeline *timeline, uint64_t ticks,
			 char text[DURATION_TEXT_BYTES])
{
	return duration_format(timeline_ns(timeline, ticks), text);
}

const char *report_offset(const struct timeline *timeline, uint64_t tick,
			  char text[DURATION_TEXT_BYTES])
{
	return duration_format_offset(timeline_offset_ns(timeline, tick), text);
}

void table_add_start(struct table *table, const struct timeline *timeline,
		     const struct timeline_span *span)
{
	char when[DURATION_TEXT_BYTES];

	table_add(table, report_offset(timeline, span->tick, when));
}

/* ---- Header ---------------------------------------------------------------------------------- */

static void print_start(const struct trace_process *process, FILE *out)
{
	time_t seconds = (time_t)(process->start_real_ns / 1000000000);
	struct tm start;
	char text[64] = "at an unknown time";

	if (localtime_r(&seconds, &start))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &start);
	fprintf(out, "Recorded %s", text);
}

static void print_range(const struct timeline *timeline, FILE *out)
{
	const struct timeline_options *options = &timeline->options;
	char from[DURATION_TEXT_BYTES], to[DURATION_TEXT_BYTES];

	if (options->from_ns > 0 || options->to_ns != UINT64_MAX)
		fprintf(out, "Range: %s to %s.\n",
			report_offset(timeline, timeline->from_tick, from),
			report_offset(timeline, timeline->end_tick, to));
	if (options->worker != 0)
		fprintf(out, "Range: worker %" PRIu32 " only.\n", options->worker);
}

/* "none lost", or how many are not there. */
static void print_not_there(const struct trace_process *process, FILE *out)
{
	char count[REPORT_COUNT_BYTES];

	if (process->lost == 0 && process->missing == 0)
		fputs("none lost", out);
	if (process->lost > 0)
		fprintf(out, "%s LOST", report_count(process->lost, count));
	if (process->missing > 0)
		fprintf(out, "%s%s MISSING", process->lost ? ", " : "",
			report_count(process->missing, count));
	fputs(".\n", out);
}

static int print_header(const struct report *report, FILE *out)
{
	const struct trace_process *process = report->timeline->process;
	char duration[DURATION_TEXT_BYTES], events[REPORT_COUNT_BYTES];
	int64_t duration_ns = timeline_offset_ns(report->timeline, process->last_tick);

	report_clean_print(out, *process->exe ? process->exe : "(unknown program)");
	fprintf(out, ", process %" PRIu32 ", libuv ", process->pid);
	report_clean_print(out, *process->libuv ? process->libuv : "of unknown version");
	if (process->tier == TRACE_TIER_PATCHED)
		fputs(", inside the program (patched)", out);
	fputc('\n', out);
	print_start(process, out);
	fprintf(out, " for %s: %s event%s in %" PRIu32 " file%s, ",
		duration_format(duration_ns > 0 ? (uint64_t)duration_ns : 0, duration),
		report_count(process->events, events), plural(process->events),
		process->segment_count, plural(process->segment_count));
	print_not_there(process, out);
	fprintf(out, "%s\n", report_ending(process));
	print_range(report->timeline, out);
	return 0;
}

/* ---- Warnings -------------------------------------------------------------------------------- */

static void print_warning(void *arg, const char *line)
{
	fputs("! ", arg);
	report_clean_print(arg, line);
	fputc('\n', arg);
}

static int print_warnings(const struct report *report, FILE *out)
{
	return report_warnings(report, PROBLEMS_SHOWN, print_warning, out);
}

/* ---- The whole ------------------------------------------------------------------------------- */

int report_print(const struct report *report, FILE *out)
{
	static report_section *const sections[] = {
	    print_header,
	    report_findings_print,
	    print_warnings,
	    report_transactions_print,
	    report_summary_print,
	    report_workers_print,
	    report_balance_print,
	    report_callbacks_print,
	    report_long_polls_print,
	    report_open_polls_print,
	    report_stalls_print,
	    report_profile_print,
	    report_idle_print,
	    report_marks_print,
	    report_queues_print,
	    report_machine_print,
	};
	int error = 0;

	for (size_t i = 0; error == 0 && i < COUNT(sections); i++)
		error = sections[i](report, out);
	return error;
}
