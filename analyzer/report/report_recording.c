/* SPDX-License-Identifier: Apache-2.0
 *
 * What there is to say of a recording itself: how it ended, and what cuts into its figures. The
 * text report prints these sentences, the JSON report holds them, and the page shows them.
 *
 * Rules: nothing that cuts into the figures stays unsaid. Lines are as they were built: those from
 * a trace are not clean.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/durations.h"
#include "report.h"
#include "base/report_table.h"

const char *report_ending(const struct trace_process *process)
{
	if (process->dump.cause && process->seal_reason == TRACE_SEAL_ROTATED)
		return "The program ran on after this dump.";
	if (process->running)
		return "The program is still running.";
	if (process->salvaged)
		return "The program and its helper died. The last events come from memory.";
	if (process->seal_reason == TRACE_SEAL_EXIT)
		return "The program exited normally.";
	if (process->seal_reason == TRACE_SEAL_DIED)
		return "The program died or ended without exit().";
	return "The trace is partial: its end is missing.";
}

/* Where the lines go. */
struct warnings {
	report_line_take *take;
	void *arg;
	int error;
};

static void __attribute__((format(printf, 2, 3)))
warn(struct warnings *out, const char *format, ...)
{
	va_list arguments;
	char *line;

	va_start(arguments, format);
	int length = vasprintf(&line, format, arguments);
	va_end(arguments);
	if (length < 0) {
		out->error = -ENOMEM;
		return;
	}
	out->take(out->arg, line);
	free(line);
}

static const char *dump_cause(const struct trace_process *process)
{
	static const char *const causes[] = {
	    [TRACE_DUMP_ASKED] = "asked for by trace_ctl",
	    [TRACE_DUMP_PROGRAM] = "asked for by the program",
	    [TRACE_DUMP_TRIGGER] = "by UVTRACE_TRIGGER",
	    [TRACE_DUMP_DIED] = "the program died",
	};
	uint16_t cause = process->dump.cause;

	return cause < sizeof(causes) / sizeof(causes[0]) && causes[cause] ? causes[cause]
									   : "cause not known";
}

/* How much of what was asked for the dump does not have. */
static void warn_dump_range(const struct trace_dump *dump, struct warnings *out)
{
	char missing[DURATION_TEXT_BYTES], asked[DURATION_TEXT_BYTES];

	if (dump->requested_from_ns == 0 || dump->requested_from_ns > dump->requested_to_ns)
		return;
	duration_format(dump->requested_to_ns - dump->requested_from_ns, asked);
	if (dump->covered_from_ns > dump->requested_from_ns)
		warn(out,
		     "The dump was asked for %s. The first %s of these are not in it: the memory "
		     "(UVTRACE_RECORDER_SIZE) did not go back so far.",
		     asked,
		     duration_format(dump->covered_from_ns - dump->requested_from_ns, missing));
	if (dump->covered_to_ns < dump->requested_to_ns)
		warn(out,
		     "The dump was asked for %s. The last %s of these are not in it: the program "
		     "ended.",
		     asked, duration_format(dump->requested_to_ns - dump->covered_to_ns, missing));
}

static void warn_dump(const struct trace_process *process, struct warnings *out)
{
	const struct trace_dump *dump = &process->dump;
	char covered[DURATION_TEXT_BYTES], count[REPORT_COUNT_BYTES];

	if (!dump->cause)
		return;
	warn(out, "Dump of the flight recorder (%s)%s%s. It covers %s.", dump_cause(process),
	     *process->dump_reason ? ": " : "", process->dump_reason,
	     duration_format(dump->covered_to_ns - dump->covered_from_ns, covered));
	warn_dump_range(dump, out);
	if (dump->suppressed)
		warn(out,
		     "%s more dump%s %s suppressed since the one before "
		     "(UVTRACE_TRIGGER_EVERY).",
		     report_count(dump->suppressed, count), plural(dump->suppressed),
		     by_count(dump->suppressed, "was", "were"));
}

static void warn_lost(const struct timeline *timeline, struct warnings *out)
{
	const struct trace_process *process = timeline->process;
	char count[REPORT_COUNT_BYTES];

	for (size_t i = 0; i < process->worker_count; i++) {
		const struct trace_worker *worker = &process->workers[i];
		if (worker->lost > 0)
			warn(out,
			     "Worker %" PRIu32
			     " lost %s event%s while recording. Its figures are too low.",
			     worker->worker, report_count(worker->lost, count),
			     plural(worker->lost));
		if (worker->missing > 0)
			warn(out,
			     "Worker %" PRIu32
			     " has %s missing event%s (removed or damaged files). "
			     "Its figures are partial.",
			     worker->worker, report_count(worker->missing, count),
			     plural(worker->missing));
	}
	if (timeline->pool_uncertain)
		warn(out, "The depth of the pool queue may be too low: it is counted anew after "
			  "each loss.");
}

static void warn_untraced(const struct timeline *timeline, struct warnings *out)
{
	char count[REPORT_COUNT_BYTES], off[DURATION_TEXT_BYTES];

	if (timeline->process->tier == TRACE_TIER_LIBC)
		warn(out,
		     "No callbacks of this program can be seen (tier libc). Only waits are "
		     "visible, and nothing of a pool. An iteration is all that a loop runs between "
		     "two waits.");
	if (timeline->untraced_callbacks > 0)
		warn(out,
		     "%s callback registration%s %s not traced: the limit is %d different "
		     "callbacks.",
		     report_count(timeline->untraced_callbacks, count),
		     plural(timeline->untraced_callbacks),
		     by_count(timeline->untraced_callbacks, "was", "were"), TRACE_SITES_MAX);
	if (timeline->untraced_threads > 0)
		warn(out, "%s thread%s cannot be traced: too many at once, or no memory.",
		     report_count(timeline->untraced_threads, count),
		     plural(timeline->untraced_threads));
	if (timeline->untraced_events > 0)
		warn(out,
		     "%s event%s %s not recorded: from untraced threads, or uv_async_send before "
		     "the first loop.",
		     report_count(timeline->untraced_events, count),
		     plural(timeline->untraced_events),
		     by_count(timeline->untraced_events, "was", "were"));
	if (timeline->untraced_marks > 0)
		warn(out,
		     "%s of the program's marks, spans and fields %s not recorded: before the "
		     "first loop, or too many "
		     "names.",
		     report_count(timeline->untraced_marks, count),
		     by_count(timeline->untraced_marks, "was", "were"));
	if (timeline->off_ticks > 0)
		warn(out, "Recording was off for %s. No figure includes this time.",
		     duration_format(timeline_ns(timeline, timeline->off_ticks), off));
}

static void warn_lines(char *const *lines, size_t count, size_t most, struct warnings *out)
{
	for (size_t i = 0; i < count && i < most; i++)
		out->take(out->arg, lines[i]);
	if (count > most)
		warn(out, "... and %zu more (--json lists all).", count - most);
}

int report_warnings(const struct report *report, size_t most, report_line_take *take, void *arg)
{
	const struct timeline *timeline = report->timeline;
	struct warnings out = {.take = take, .arg = arg};

	warn_dump(timeline->process, &out);
	warn_lost(timeline, &out);
	warn_untraced(timeline, &out);
	warn_lines(timeline->process->notes, timeline->process->note_count, most, &out);
	warn_lines(timeline->problems, timeline->problem_count, most, &out);
	if (report->alone)
		warn_lines(report->trace->problems, report->trace->problem_count, most, &out);
	return out.error;
}
