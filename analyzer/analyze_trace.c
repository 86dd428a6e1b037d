/* SPDX-License-Identifier: Apache-2.0
 *
 * analyze_trace: reads traces and prints what they say of each process.
 *
 * Rules: exit 0 when something could be read (what is missing is said), 1 when nothing could or the
 * output failed, 2 for bad usage, 3 when a --fail-if holds. The report goes to standard output,
 * everything else to standard error.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command/analyze_options.h"
#include "findings/profile.h"
#include "report/formats/baseline.h"
#include "report/findings_text.h"
#include "report/report.h"

#define PROGRESS_MS   100
#define PROBLEMS_TOLD 20
#define STATUS_GATE   3

/* ---- Progress -------------------------------------------------------------------------------- */

struct progress {
	const char *what;
	struct timespec told;
	bool shown;
};

static void progress_tell(void *arg, uint64_t done, uint64_t total)
{
	struct progress *progress = arg;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t ms = (now.tv_sec - progress->told.tv_sec) * 1000 +
		     (now.tv_nsec - progress->told.tv_nsec) / 1000000;
	if (ms < PROGRESS_MS || total == 0)
		return;
	progress->told = now;
	progress->shown = true;
	fprintf(stderr, "\r%s %3.0f %%", progress->what, 100.0 * (double)done / (double)total);
	fflush(stderr);
}

static void progress_end(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}

/* NULL where nobody looks on. */
static trace_progress progress_for_people(void)
{
	return isatty(STDERR_FILENO) ? progress_tell : NULL;
}

/* ---- Analysis -------------------------------------------------------------------------------- */

static bool process_is_wanted(const struct settings *settings, const struct trace_process *process)
{
	if (settings->pid != 0 && settings->pid != process->pid)
		return false;
	for (size_t i = 0; i < process->worker_count; i++) {
		if (process->workers[i].worker == settings->timeline.worker)
			return true;
	}
	return settings->timeline.worker == 0;
}

static size_t count_wanted(const struct settings *settings, const struct trace *trace)
{
	size_t wanted = 0;

	for (size_t i = 0; i < trace->process_count; i++)
		wanted += process_is_wanted(settings, &trace->processes[i]);
	return wanted;
}

/* What came of the reports. */
struct outcome {
	struct report_output output;
	struct baseline *baseline;
	bool gated; /* a --fail-if holds */
};

static void fail_ifs_check(const struct settings *settings, const struct report *report,
			   struct outcome *outcome)
{
	for (size_t i = 0; i < settings->fail_if_count; i++) {
		char *why;
		if (!fail_if_fails(&settings->gates[i], report, &why))
			continue;
		outcome->gated = true;
		complain("process %" PRIu32 " fails %s", report->timeline->process->pid,
			 why ? why : settings->gates[i].text);
		free(why);
	}
}

/* With findings and what --baseline says. */
static int report_complete(const struct settings *settings, struct report *report,
			   struct findings *findings, struct outcome *outcome)
{
	struct baseline_row *rows = NULL;
	int error = findings ? 0 : -ENOMEM;

	report->findings = findings;
	if (error == 0 && outcome->baseline) {
		rows = baseline_compare(outcome->baseline, report->timeline, report->symbols,
					&settings->thresholds, &report->baseline_count,
					&report->worse);
		report->baseline = rows;
		error = rows ? 0 : -ENOMEM;
	}
	if (error == 0) {
		fail_ifs_check(settings, report, outcome);
		error = report_format_process(settings->format, &outcome->output, report);
	}
	free(rows);
	return error;
}

static int report_one(const struct settings *settings, struct trace *trace, size_t process,
		      struct outcome *outcome)
{
	struct progress progress = {.what = "analyzing"};
	struct timeline *timeline =
	    timeline_read(trace, process, &settings->timeline, progress_for_people(), &progress);
	struct report report = {
	    .trace = trace,
	    .timeline = timeline,
	    .symbols = symbols_open(&trace->processes[process]),
	    .alone = trace->process_count == 1,
	};
	struct stalls *stalls =
	    timeline && report.symbols ? stalls_make(timeline, report.symbols) : NULL;
	struct stalls *profile = stalls ? profile_make(trace, timeline, report.symbols) : NULL;
	struct findings_input input = {
	    .trace = trace,
	    .process = process,
	    .timeline = timeline,
	    .symbols = report.symbols,
	    .thresholds = &settings->thresholds,
	    .stalls = stalls ? stalls->list : NULL,
	    .stall_count = stalls ? stalls->count : 0,
	};
	struct findings *findings = profile ? findings_with_text(&input) : NULL;

	report.stalls = stalls;
	report.profile = profile;
	progress_end(&progress);
	int error = report_complete(settings, &report, findings, outcome);
	findings_free(findings);
	stalls_free(profile);
	stalls_free(stalls);
	symbols_close(report.symbols);
	timeline_free(timeline);
	return error;
}

static int reports_print(const struct settings *settings, struct trace *trace,
			 struct outcome *outcome)
{
	const struct report_format *format = settings->format;
	int error = format->begin(&outcome->output);

	for (size_t i = 0; error == 0 && format->process && i < trace->process_count; i++) {
		if (process_is_wanted(settings, &trace->processes[i]))
			error = report_one(settings, trace, i, outcome);
	}
	return error == 0 ? format->end(&outcome->output) : error;
}

/* Each process' report tells what is wrong with a trace of that process alone; of several it
 * belongs to none. */
static void tell_problems(const struct trace *trace, const struct report_format *format)
{
	if (trace->problem_count == 0)
		return;
	bool several = trace->process_count > 1 && !format->names_problems;
	for (size_t i = 0; several && i < trace->problem_count && i < PROBLEMS_TOLD; i++)
		complain("%s", trace->problems[i]);
	if (several && trace->problem_count > PROBLEMS_TOLD)
		complain("... and %zu more (--json lists all)",
			 trace->problem_count - PROBLEMS_TOLD);
	complain("warning: parts of this trace cannot be read%s",
		 several ? "" : "; the report lists them");
}

/* ---- The trace as a whole -------------------------------------------------------------------- */

/* Returns whether there is anything to report on. */
static bool check_wanted(const struct settings *settings, const struct trace *trace)
{
	if (trace->process_count == 0) {
		if (trace->problem_count > 0)
			complain("%s", trace->problems[0]);
		else
			complain("%s: no trace found", settings->paths[0]);
		return false;
	}
	if (!settings->format->process || count_wanted(settings, trace) > 0)
		return true;
	if (settings->pid != 0)
		complain("no process %" PRIu32 "%s in this trace", settings->pid,
			 settings->timeline.worker ? " with that worker" : "");
	else
		complain("no worker %" PRIu32 " in this trace", settings->timeline.worker);
	return false;
}

/* False where there is an older trace to compare with that cannot be read. */
static bool baseline_read(const struct settings *settings, struct outcome *outcome)
{
	if (!settings->baseline_path || !settings->format->process)
		return true;
	outcome->baseline = baseline_open(settings->baseline_path);
	const char *problem =
	    outcome->baseline ? baseline_problem(outcome->baseline) : strerror(ENOMEM);
	if (problem)
		complain("--baseline: %s: %s", settings->baseline_path, problem);
	return problem == NULL;
}

/* Returns the status to exit with. */
static int outcome_tell(const struct settings *settings, const struct trace *trace,
			const struct outcome *outcome, int error)
{
	const char *problem = outcome->output.problem;

	tell_problems(trace, settings->format);
	if (error < 0)
		complain("%s%s%s", problem ? problem : "", problem ? ": " : "", strerror(-error));
	else if (fflush(stdout) != 0 || ferror(stdout))
		complain("standard output: %s", strerror(errno));
	else
		return outcome->gated ? STATUS_GATE : 0;
	return 1;
}

static int analyze(const struct settings *settings, struct trace *trace)
{
	struct outcome outcome = {.output = {.file = stdout,
					     .path = settings->page_path,
					     .trace = trace,
					     .processes = count_wanted(settings, trace),
					     .top = settings->timeline.top,
					     .all = settings->all}};
	int status = 1;

	if (!check_wanted(settings, trace))
		return status;
	if (baseline_read(settings, &outcome)) {
		int error = reports_print(settings, trace, &outcome);
		status = outcome_tell(settings, trace, &outcome, error);
	}
	report_output_free(&outcome.output);
	baseline_close(outcome.baseline);
	return status;
}

int main(int argc, char **argv)
{
	struct settings settings;
	struct progress progress = {.what = "reading"};
	int status = settings_read(&settings, argc, argv);

	if (status != OPTIONS_GO_ON)
		return status;
	struct trace *trace =
	    trace_open(settings.paths, settings.path_count, progress_for_people(), &progress);
	progress_end(&progress);
	if (!trace) {
		complain("%s", strerror(ENOMEM));
		return 1;
	}
	status = analyze(&settings, trace);
	trace_close(trace);
	return status;
}
