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
#include "transactions/transaction_tally.h"

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
	bool gated;			    /* a --fail-if holds */
	bool is_about_something[GATES_MAX]; /* by condition */
};

static void fail_ifs_check(const struct settings *settings, const struct report *report,
			   struct outcome *outcome)
{
	for (size_t i = 0; i < settings->fail_if_count; i++) {
		char *why;
		outcome->is_about_something[i] |=
		    !fail_if_is_about_nothing(&settings->gates[i], report);
		if (!fail_if_fails(&settings->gates[i], report, &why))
			continue;
		outcome->gated = true;
		complain("process %" PRIu32 " fails %s", report->timeline->process->pid,
			 why ? why : settings->gates[i].text);
		free(why);
	}
}

/* A condition on transactions that no process has would hold for ever. */
static void fail_ifs_check_subject(const struct settings *settings, struct outcome *outcome)
{
	for (size_t i = 0; i < settings->fail_if_count; i++) {
		if (outcome->is_about_something[i])
			continue;
		outcome->gated = true;
		complain("--fail-if: '%s': no transaction begins there", settings->gates[i].text);
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
		rows = baseline_compare(outcome->baseline, report->timeline, report->transactions,
					report->symbols, &settings->thresholds,
					&report->baseline_count, &report->worse);
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

/* What is made of one process, one from the other; NULL where memory is out. */
struct analysis {
	struct timeline *timeline;
	struct transaction_tally *tally;
	struct transactions *transactions;
	struct symbols *symbols;
	struct stalls *stalls, *profile;
	struct findings *findings;
	int error; /* of the format, before anything was read */
};

/* Who is told of a transaction that is over. */
struct listeners {
	struct transaction_tally *tally;
	const struct report_format *format;
	struct report_output *output;
};

static void over_tell(void *arg, const struct transaction *transaction)
{
	const struct listeners *listeners = arg;

	transaction_tally_take(listeners->tally, transaction);
	if (listeners->format->over)
		listeners->format->over(listeners->output, transaction);
}

static bool over_wanted(void *arg, const struct transaction_glance *glance)
{
	const struct listeners *listeners = arg;

	return transaction_tally_wants(listeners->tally, glance);
}

static void analysis_read(struct analysis *analysis, const struct settings *settings,
			  struct trace *trace, size_t process, struct report_output *output)
{
	struct progress progress = {.what = "analyzing"};
	const struct trace_process *read = &trace->processes[process];
	struct transactions_options wanted = TRANSACTIONS_OPTIONS_DEFAULT;

	analysis->tally = transaction_tally_make(
	    read, (uint64_t)settings->thresholds.values[LIMIT_transaction_wait]);
	if (!analysis->tally)
		return;
	wanted.keep = settings->waterfalls > wanted.keep ? settings->waterfalls : wanted.keep;
	wanted.id = settings->transaction_id;
	struct listeners listeners = {analysis->tally, settings->format, output};
	wanted.over = over_tell;
	wanted.wants = settings->format->over ? NULL : over_wanted;
	wanted.quiet_ticks = settings->format->over ? 0 : analysis->tally->least;
	wanted.arg = &listeners;
	analysis->transactions =
	    transactions_read(trace, process, &settings->timeline, &wanted, progress_for_people(),
			      &progress, &analysis->timeline);
	progress_end(&progress);
}

static void analysis_make(struct analysis *analysis, const struct settings *settings,
			  struct trace *trace, size_t process, struct report_output *output)
{
	*analysis = (struct analysis){.symbols = symbols_open(&trace->processes[process])};
	struct report_source source = {trace, process, analysis->symbols};

	if (analysis->symbols && settings->format->open)
		analysis->error = settings->format->open(output, &source);
	if (analysis->symbols && analysis->error == 0)
		analysis_read(analysis, settings, trace, process, output);
	if (analysis->transactions)
		analysis->stalls = stalls_make(analysis->timeline, analysis->symbols);
	if (analysis->stalls)
		analysis->profile = profile_make(trace, analysis->timeline, analysis->symbols);
	if (!analysis->profile)
		return;
	struct findings_input input = {
	    .trace = trace,
	    .process = process,
	    .timeline = analysis->timeline,
	    .symbols = analysis->symbols,
	    .thresholds = &settings->thresholds,
	    .stalls = analysis->stalls->list,
	    .stall_count = analysis->stalls->count,
	    .profile = analysis->profile->list,
	    .profile_count = analysis->profile->count,
	    .transactions = analysis->transactions,
	    .tally = analysis->tally,
	};
	analysis->findings = findings_with_text(&input);
}

static void analysis_free(struct analysis *analysis)
{
	findings_free(analysis->findings);
	stalls_free(analysis->profile);
	stalls_free(analysis->stalls);
	symbols_close(analysis->symbols);
	transactions_free(analysis->transactions);
	transaction_tally_free(analysis->tally);
	timeline_free(analysis->timeline);
}

static int report_one(const struct settings *settings, struct trace *trace, size_t process,
		      struct outcome *outcome)
{
	struct analysis analysis;

	analysis_make(&analysis, settings, trace, process, &outcome->output);
	struct report report = {
	    .trace = trace,
	    .timeline = analysis.timeline,
	    .symbols = analysis.symbols,
	    .transactions = analysis.transactions,
	    .tally = analysis.tally,
	    .waterfalls = settings->waterfalls,
	    .transaction_id = settings->transaction_id,
	    .stalls = analysis.stalls,
	    .profile = analysis.profile,
	    .alone = trace->process_count == 1,
	};
	int error = analysis.error;
	if (error == 0)
		error = report_complete(settings, &report, analysis.findings, outcome);
	analysis_free(&analysis);
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
	if (error == 0 && format->process)
		fail_ifs_check_subject(settings, outcome);
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
