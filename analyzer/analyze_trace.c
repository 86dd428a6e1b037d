/* SPDX-License-Identifier: Apache-2.0
 *
 * analyze_trace: reads traces and prints what they say of each process.
 *
 * Rules: exit 0 when something could be read (what is missing is said), 1 when nothing could or the output failed,
 * 2 for bad usage, 3 when a --fail-if holds. The report goes to standard output, everything else to standard error.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/durations.h"
#include "report/formats/baseline.h"
#include "report/formats/gate.h"
#include "report/findings_text.h"
#include "report/report.h"
#include "report/formats/report_formats.h"
#include "report/formats/report_html.h"
#include "report/text/report_overview.h"
#include "format/version.h"

#define PROGRAM		 "analyze_trace"
#define DEFAULT_INPUT	 "uvtrace.data"
#define TOP_DEFAULT	 10
#define TOP_DEFAULT_JSON 1000
#define PROGRESS_MS	 100
#define GATES_MAX	 64
#define WHOLE_REPORTS	 5  /* of many processes */
#define OVERVIEW_ROWS	 40 /* ... unless --top asks for more */
#define PROBLEMS_TOLD	 20
#define STATUS_GATE	 3

static const char help[] =
    "Usage: " PROGRAM " [options] [FILE|DIR ...]\n"
    "Reads what libtrace.so recorded (default: " DEFAULT_INPUT ") and says which callback blocked a loop, which\n"
    "worker was busy or asleep, and how deep the queues were. Files may be open, sealed, .gz or .zst, of one or\n"
    "many processes, in any order.\n"
    "\n"
    "  --json            print JSON: one object, or {\"processes\": [...]} for several processes\n"
    "  --html=FILE       write the viewer's page with the trace inside, to open in a browser, and print nothing\n"
    "  --long-poll=TIME  list callbacks that ran this long or longer (default 1ms)\n"
    "  --idle=TIME       list pool workers that slept this long over waiting requests (default 1ms)\n"
    "  --top=N           so many rows of each list (default 10; 1000 with --json)\n"
    "  --from=TIME       leave out what was over before this, counted from the program's start\n"
    "  --to=TIME         leave out what began after this\n"
    "  --worker=N        polls and times of this worker alone\n"
    "  --process=PID     this process alone\n"
    "  --all             the report of every process, where there are more than 10 (else an overview and the worst 5)\n"
    "  --format=FORMAT   text, json, markdown, junit, sarif or collapsed\n"
    "  --collapsed       callbacks by total time as collapsed stacks, for flame graphs\n"
    "  --fail-if=IF      exit with 3 if this holds, as long_poll>50ms, finding>=warning, worse>0; may be repeated\n"
    "  --baseline=OLD    compare callbacks with an older trace\n"
    "  --set NAME=VALUE  change a threshold of the findings; --set help lists them\n"
    "  --help            print this\n"
    "  --version         print the version\n"
    "\n"
    "TIME is a number and a unit: ns, us, ms, s, m. In JSON, start_ns counts from the program's start too\n"
    "(start_realtime_ns on the wall clock, start_monotonic_ns on CLOCK_MONOTONIC).\n"
    "A callback with in_pool (in text: \"(pool)\") is the work of its requests on the pool, not the callback itself.\n"
    "Percentiles are exact up to 128 values, then to 1/128; counts, totals and maxima are always exact.\n"
    "When the work of a request began on the pool is inferred, to a few microseconds.\n"
    "Source lines need debug information of the program; DEBUGINFOD_URLS is honoured.\n";

struct settings {
	struct timeline_options timeline;
	struct thresholds thresholds;
	const struct report_format *format; /* NULL: JSON */
	struct gate gates[GATES_MAX];
	size_t gate_count;
	const char *baseline_path;
	bool top_set;
	uint32_t pid;	  /* 0: all processes */
	bool all;	  /* the text report of every process, however many there are */
	const char *html; /* NULL, or the page to be written */
	const char *const *paths;
	size_t path_count;
};

static void __attribute__((format(printf, 1, 2))) complain(const char *format, ...)
{
	va_list arguments;

	fputs(PROGRAM ": ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

static void __attribute__((noreturn)) usage_error(void)
{
	fputs("Try '" PROGRAM " --help'.\n", stderr);
	exit(2);
}

/* ---- Options -------------------------------------------------------------------------------------------------- */

enum option_code {
	OPTION_JSON = 256,
	OPTION_HTML,
	OPTION_LONG_POLL,
	OPTION_IDLE,
	OPTION_TOP,
	OPTION_FROM,
	OPTION_TO,
	OPTION_WORKER,
	OPTION_PROCESS,
	OPTION_ALL,
	OPTION_SET,
	OPTION_FORMAT,
	OPTION_COLLAPSED,
	OPTION_FAIL_IF,
	OPTION_BASELINE,
	OPTION_HELP,
	OPTION_VERSION
};

static const struct option options[] = {
    {"json", no_argument, NULL, OPTION_JSON},
    {"html", required_argument, NULL, OPTION_HTML},
    {"long-poll", required_argument, NULL, OPTION_LONG_POLL},
    {"idle", required_argument, NULL, OPTION_IDLE},
    {"top", required_argument, NULL, OPTION_TOP},
    {"from", required_argument, NULL, OPTION_FROM},
    {"to", required_argument, NULL, OPTION_TO},
    {"worker", required_argument, NULL, OPTION_WORKER},
    {"process", required_argument, NULL, OPTION_PROCESS},
    {"all", no_argument, NULL, OPTION_ALL},
    {"set", required_argument, NULL, OPTION_SET},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"collapsed", no_argument, NULL, OPTION_COLLAPSED},
    {"fail-if", required_argument, NULL, OPTION_FAIL_IF},
    {"baseline", required_argument, NULL, OPTION_BASELINE},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {0},
};

static uint64_t option_duration(const char *name, const char *text)
{
	uint64_t ns;

	if (duration_parse(text, &ns) == 0)
		return ns;
	complain("--%s: '%s' is no time (as 1ms, 2.5s)", name, text);
	usage_error();
}

static uint32_t option_number(const char *name, const char *text)
{
	char *end;
	errno = 0;
	unsigned long number = strtoul(text, &end, 10);

	if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && number >= 1 && number <= UINT32_MAX)
		return (uint32_t)number;
	complain("--%s: '%s' is no number from 1 on", name, text);
	usage_error();
}

static void option_set(struct settings *settings, const char *text)
{
	int error = thresholds_set(&settings->thresholds, text);

	if (error == 0)
		return;
	if (error == -EINVAL) {
		complain("--set: '%s' is no NAME=VALUE that fits", text);
	} else {
		complain("--set: there is no threshold '%.*s'; these are:", (int)strcspn(text, "="), text);
		thresholds_print(stderr);
	}
	usage_error();
}

static void option_format(struct settings *settings, const char *name)
{
	settings->format = report_format_find(name);
	if (settings->format || strcmp(name, "json") == 0)
		return;
	complain("--format: '%s' is none of text, json, markdown, junit, sarif, collapsed", name);
	usage_error();
}

static void option_gate(struct settings *settings, const char *text)
{
	int error = -ENOSPC;

	if (settings->gate_count < GATES_MAX)
		error = gate_parse(&settings->gates[settings->gate_count++], text);
	if (error == 0)
		return;
	if (error == -ENOSPC) {
		complain("--fail-if: more than %d of them", GATES_MAX);
	} else if (error == -EINVAL) {
		complain("--fail-if: '%s' is no condition (as long_poll>50ms, finding>=warning)", text);
	} else {
		complain("--fail-if: '%s' is about none of these:", text);
		gate_print_figures(stderr);
	}
	usage_error();
}

static void option_take(struct settings *settings, int code, const char *name, const char *value)
{
	struct timeline_options *timeline = &settings->timeline;

	switch (code) {
	case OPTION_JSON:
		settings->format = NULL;
		break;
	case OPTION_COLLAPSED:
		option_format(settings, "collapsed");
		break;
	case OPTION_FORMAT:
		option_format(settings, value);
		break;
	case OPTION_FAIL_IF:
		option_gate(settings, value);
		break;
	case OPTION_BASELINE:
		settings->baseline_path = value;
		break;
	case OPTION_HTML:
		settings->html = value;
		break;
	case OPTION_LONG_POLL:
		timeline->long_poll_ns = option_duration(name, value);
		break;
	case OPTION_IDLE:
		timeline->idle_ns = option_duration(name, value);
		break;
	case OPTION_TOP:
		timeline->top = option_number(name, value);
		settings->top_set = true;
		break;
	case OPTION_FROM:
		timeline->from_ns = option_duration(name, value);
		break;
	case OPTION_TO:
		timeline->to_ns = option_duration(name, value);
		break;
	case OPTION_WORKER:
		timeline->worker = option_number(name, value);
		break;
	case OPTION_PROCESS:
		settings->pid = option_number(name, value);
		break;
	case OPTION_ALL:
		settings->all = true;
		break;
	case OPTION_SET:
		option_set(settings, value);
		break;
	case OPTION_HELP:
		fputs(help, stdout);
		exit(0);
	case OPTION_VERSION:
		puts(PROGRAM " " UVTRACE_VERSION);
		exit(0);
	default:
		usage_error();
	}
}

/* A condition that nobody looks at, or that cannot hold, would pass for ever. */
static void gates_can_hold(const struct settings *settings)
{
	if (settings->html && settings->gate_count > 0) {
		complain("--html writes the page alone: --fail-if needs a run of its own");
		usage_error();
	}
	for (size_t i = 0; i < settings->gate_count && !settings->baseline_path; i++) {
		if (!gate_needs_baseline(&settings->gates[i]))
			continue;
		complain("--fail-if: '%s' needs --baseline", settings->gates[i].text);
		usage_error();
	}
}

static void default_input_check(void)
{
	if (access(DEFAULT_INPUT, F_OK) == 0 || errno != ENOENT)
		return;
	complain("there is no " DEFAULT_INPUT " in this folder: name the files or the folder of a trace");
	exit(1);
}

static void settings_read(struct settings *settings, int argc, char **argv)
{
	static const char *const default_paths[] = {DEFAULT_INPUT};
	int code, which = 0;

	while ((code = getopt_long(argc, argv, "", options, &which)) != -1)
		option_take(settings, code, code == '?' ? "" : options[which].name, optarg);
	if (settings->timeline.to_ns <= settings->timeline.from_ns) {
		complain("--to must be later than --from");
		usage_error();
	}
	gates_can_hold(settings);
	if (optind == argc)
		default_input_check();
	thresholds_apply(&settings->thresholds, &settings->timeline);
	if (!settings->top_set)
		settings->timeline.top = !settings->format ? TOP_DEFAULT_JSON : TOP_DEFAULT;
	settings->paths = optind < argc ? (const char *const *)argv + optind : default_paths;
	settings->path_count = optind < argc ? (size_t)(argc - optind) : 1;
}

/* ---- Progress ------------------------------------------------------------------------------------------------- */

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
	int64_t ms = (now.tv_sec - progress->told.tv_sec) * 1000 + (now.tv_nsec - progress->told.tv_nsec) / 1000000;
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

/* ---- Analysis ------------------------------------------------------------------------------------------------- */

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

/* What the processes of a trace are printed by, and what came of it. */
struct output {
	struct report_list *list;  /* JSON */
	struct overview *overview; /* text of many processes */
	struct baseline *baseline;
	size_t printed;
	bool gated; /* a --fail-if holds */
};

static void gates_check(const struct settings *settings, const struct report *report, struct output *output)
{
	for (size_t i = 0; i < settings->gate_count; i++) {
		char *why;
		if (!gate_fails(&settings->gates[i], report, &why))
			continue;
		output->gated = true;
		complain("process %" PRIu32 " fails %s", report->timeline->process->pid,
			 why ? why : settings->gates[i].text);
		free(why);
	}
}

static int report_put(const struct settings *settings, const struct report *report, struct output *output)
{
	gates_check(settings, report, output);
	if (output->overview)
		return overview_add(output->overview, report);
	return output->list ? report_list_add(output->list, report)
			    : settings->format->add(report, output->printed++, stdout);
}

/* With findings and what --baseline says. */
static int report_complete(const struct settings *settings, struct report *report, struct findings *findings,
			   struct output *output)
{
	struct baseline_row *rows = NULL;
	int error = findings ? 0 : -ENOMEM;

	report->findings = findings;
	if (error == 0 && output->baseline) {
		rows = baseline_compare(output->baseline, report->timeline, report->symbols, &settings->thresholds,
					&report->baseline_count, &report->worse);
		report->baseline = rows;
		error = rows ? 0 : -ENOMEM;
	}
	if (error == 0)
		error = report_put(settings, report, output);
	free(rows);
	return error;
}

static int report_one(const struct settings *settings, struct trace *trace, size_t process, struct output *output)
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
	struct stalls *stalls = timeline && report.symbols ? stalls_make(timeline, report.symbols) : NULL;
	struct findings_input input = {
	    .trace = trace,
	    .process = process,
	    .timeline = timeline,
	    .symbols = report.symbols,
	    .thresholds = &settings->thresholds,
	    .stalls = stalls ? stalls->list : NULL,
	    .stall_count = stalls ? stalls->count : 0,
	};
	struct findings *findings = stalls ? findings_with_text(&input) : NULL;

	report.stalls = stalls;
	progress_end(&progress);
	int error = report_complete(settings, &report, findings, output);
	findings_free(findings);
	stalls_free(stalls);
	symbols_close(report.symbols);
	timeline_free(timeline);
	return error;
}

static int reports_put(const struct settings *settings, struct trace *trace, struct output *output)
{
	int error = 0;

	if (settings->format)
		settings->format->begin(stdout);
	for (size_t i = 0; error == 0 && i < trace->process_count; i++) {
		if (process_is_wanted(settings, &trace->processes[i]))
			error = report_one(settings, trace, i, output);
	}
	if (settings->format)
		settings->format->end(stdout);
	else if (error == 0)
		error = report_list_print(output->list, stdout);
	return error;
}

static bool is_text(const struct settings *settings)
{
	return settings->format && strcmp(settings->format->name, "text") == 0;
}

static int report_all(const struct settings *settings, struct trace *trace, struct output *output)
{
	size_t top = settings->timeline.top, rows = top > OVERVIEW_ROWS ? top : OVERVIEW_ROWS;
	bool many = is_text(settings) && count_wanted(settings, trace) >= OVERVIEW_FROM;

	if (!settings->format)
		output->list = report_list_make(trace);
	if (many)
		output->overview = overview_make(settings->all ? SIZE_MAX : WHOLE_REPORTS);
	int error = (!settings->format && !output->list) || (many && !output->overview) ? -ENOMEM : 0;
	if (error == 0)
		error = reports_put(settings, trace, output);
	if (error == 0 && many)
		error = overview_print(output->overview, rows, stdout);
	report_list_free(output->list);
	overview_free(output->overview);
	return error;
}

/* Each process' report tells what is wrong with a trace of that process alone; of several it belongs to none. */
static void tell_problems(const struct trace *trace, bool json)
{
	if (trace->problem_count == 0)
		return;
	bool several = trace->process_count > 1 && !json;
	for (size_t i = 0; several && i < trace->problem_count && i < PROBLEMS_TOLD; i++)
		complain("%s", trace->problems[i]);
	if (several && trace->problem_count > PROBLEMS_TOLD)
		complain("... and %zu more like these (all of them with --json)", trace->problem_count - PROBLEMS_TOLD);
	complain("warning: parts of this trace could not be read%s", several ? "" : "; the report says which");
}

static int write_html(const struct settings *settings, const struct trace *trace)
{
	const char *problem;
	int error = report_html_write(trace, settings->html, &problem);

	tell_problems(trace, true);
	if (error < 0)
		complain("%s: %s", problem, strerror(-error));
	return error < 0 ? 1 : 0;
}

/* False where there is an older trace to compare with that cannot be read. */
static bool baseline_read(const struct settings *settings, struct output *output)
{
	if (!settings->baseline_path)
		return true;
	output->baseline = baseline_open(settings->baseline_path);
	const char *problem = output->baseline ? baseline_problem(output->baseline) : strerror(ENOMEM);
	if (problem)
		complain("--baseline: %s: %s", settings->baseline_path, problem);
	return problem == NULL;
}

static int analyze(const struct settings *settings, struct trace *trace)
{
	struct output output = {0};

	if (trace->process_count == 0) {
		if (trace->problem_count > 0)
			complain("%s", trace->problems[0]);
		else
			complain("%s: no trace in there", settings->paths[0]);
		return 1;
	}
	if (settings->html)
		return write_html(settings, trace);
	if (count_wanted(settings, trace) == 0) {
		if (settings->pid != 0)
			complain("no process %" PRIu32 "%s in this trace", settings->pid,
				 settings->timeline.worker ? " with that worker" : "");
		else
			complain("no worker %" PRIu32 " in this trace", settings->timeline.worker);
		return 1;
	}
	int error = 0;
	bool readable = baseline_read(settings, &output);
	if (readable)
		error = report_all(settings, trace, &output);
	baseline_close(output.baseline);
	if (!readable)
		return 1;
	tell_problems(trace, !settings->format);
	if (error < 0)
		complain("%s", strerror(-error));
	else if (fflush(stdout) != 0 || ferror(stdout))
		complain("standard output: %s", strerror(errno));
	else
		return output.gated ? STATUS_GATE : 0;
	return 1;
}

int main(int argc, char **argv)
{
	struct settings settings = {.timeline = TIMELINE_OPTIONS_DEFAULT,
				    .thresholds = thresholds_default(),
				    .format = report_format_find("text")};
	struct progress progress = {.what = "reading"};

	if (argc > 0)
		argv[0] = (char *)PROGRAM; /* as getopt's messages begin */
	settings_read(&settings, argc, argv);
	struct trace *trace = trace_open(settings.paths, settings.path_count, progress_for_people(), &progress);
	progress_end(&progress);
	if (!trace) {
		complain("%s", strerror(ENOMEM));
		return 1;
	}
	int status = analyze(&settings, trace);
	trace_close(trace);
	return status;
}
