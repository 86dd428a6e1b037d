/* SPDX-License-Identifier: Apache-2.0
 *
 * See analyze_options.h.
 */
#include "analyze_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/durations.h"
#include "format/version.h"

#define PROGRAM	      "analyze_trace"
#define DEFAULT_INPUT "uvtrace.data"
#define STATUS_USAGE  2

#define WATERFALLS_DEFAULT "5"

void complain(const char *format, ...)
{
	va_list arguments;

	fputs(PROGRAM ": ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

static int usage_error(void)
{
	fputs("Try '" PROGRAM " --help'.\n", stderr);
	return STATUS_USAGE;
}

/* ---- What options do ------------------------------------------------------------------------- */

typedef int option_apply(struct settings *settings, const struct analyze_option *option,
			 const char *value);

static void *field_of(struct settings *settings, const struct analyze_option *option)
{
	return (char *)settings + option->offset;
}

static int apply_time(struct settings *settings, const struct analyze_option *option,
		      const char *value)
{
	if (duration_parse(value, field_of(settings, option)) == 0)
		return OPTIONS_GO_ON;
	complain("--%s: '%s' is not a time (such as 1ms, 2.5s)", option->name, value);
	return usage_error();
}

static int apply_number(struct settings *settings, const struct analyze_option *option,
			const char *value)
{
	char *end;
	errno = 0;
	unsigned long number = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end != '\0' || errno != 0 || number < 1 ||
	    number > UINT32_MAX) {
		complain("--%s: '%s' is not a number of 1 or more", option->name, value);
		return usage_error();
	}
	*(uint32_t *)field_of(settings, option) = (uint32_t)number;
	return OPTIONS_GO_ON;
}

/* Without a number: the default. */
static int apply_number_if(struct settings *settings, const struct analyze_option *option,
			   const char *value)
{
	return apply_number(settings, option, value ? value : WATERFALLS_DEFAULT);
}

static int apply_transaction(struct settings *settings, const struct analyze_option *option,
			     const char *value)
{
	if (transaction_id_read(value, field_of(settings, option)))
		return OPTIONS_GO_ON;
	complain("--%s: '%s' is not the id of a transaction (such as 4123456789.1)", option->name,
		 value);
	return usage_error();
}

static int apply_text(struct settings *settings, const struct analyze_option *option,
		      const char *value)
{
	*(const char **)field_of(settings, option) = value;
	return OPTIONS_GO_ON;
}

static int apply_flag(struct settings *settings, const struct analyze_option *option,
		      const char *value)
{
	(void)value;
	*(bool *)field_of(settings, option) = true;
	return OPTIONS_GO_ON;
}

static int apply_format(struct settings *settings, const struct analyze_option *option,
			const char *value)
{
	char names[REPORT_FORMAT_NAMES_BYTES];
	const struct report_format *format = report_format_find(value);

	if (!format) {
		complain("--%s: '%s' is not a format: %s", option->name, value,
			 report_format_names(names));
		return usage_error();
	}
	settings->format = format;
	return OPTIONS_GO_ON;
}

/* An option that is the name of a format. */
static int apply_format_name(struct settings *settings, const struct analyze_option *option,
			     const char *value)
{
	(void)value;
	return apply_format(settings, option, option->name);
}

static int apply_threshold(struct settings *settings, const struct analyze_option *option,
			   const char *value)
{
	int error = thresholds_set(&settings->thresholds, value);

	if (error == 0)
		return OPTIONS_GO_ON;
	if (error == -EINVAL) {
		complain("--%s: '%s' is not NAME=VALUE, or the value does not fit", option->name,
			 value);
	} else {
		complain("--%s: there is no threshold '%.*s'; the thresholds are:", option->name,
			 (int)strcspn(value, "="), value);
		thresholds_print(stderr);
	}
	return usage_error();
}

static int apply_fail_if(struct settings *settings, const struct analyze_option *option,
			 const char *value)
{
	int error = -ENOSPC;

	if (settings->fail_if_count < GATES_MAX)
		error = fail_if_parse(&settings->gates[settings->fail_if_count++], value);
	if (error == 0)
		return OPTIONS_GO_ON;
	if (error == -ENOSPC) {
		complain("--%s: more than %d conditions", option->name, GATES_MAX);
	} else if (error == -EINVAL) {
		complain("--%s: '%s' is not a condition (such as long_poll>50ms, finding>=warning)",
			 option->name, value);
	} else {
		complain("--%s: '%s' does not begin with a figure; the figures are:", option->name,
			 value);
		fail_if_print_figures(stderr);
	}
	return usage_error();
}

static option_apply print_help;

static int print_version(struct settings *settings, const struct analyze_option *option,
			 const char *value)
{
	(void)settings, (void)option, (void)value;
	puts(PROGRAM " " UVTRACE_VERSION);
	return 0;
}

/* ---- The table ------------------------------------------------------------------------------- */

#define FIELD(member) offsetof(struct settings, member)

/* A row an option. */
/* clang-format off */
static const struct analyze_option options[] = {
    {"format", "FORMAT", "text", "what is printed, and how: one of the formats below", apply_format,
     0},
    {"json", NULL, "", "short for --format=json", apply_format_name, 0},
    {"collapsed", NULL, "", "short for --format=collapsed", apply_format_name, 0},
    {"html", "FILE", "", "write the viewer page with the trace inside to FILE, and print nothing",
     apply_text, FIELD(page_path)},
    {"long-poll", "TIME", "1ms", "list callbacks that run this long or longer", apply_time,
     FIELD(timeline.long_poll_ns)},
    {"idle", "TIME", "1ms", "list pool workers that sleep this long while requests wait",
     apply_time, FIELD(timeline.idle_ns)},
    {"top", "N", "10", "rows of each list; 1000 in JSON", apply_number, FIELD(top)},
    {"transactions", "[N]", WATERFALLS_DEFAULT, "print the N slowest transactions, step by step",
     apply_number_if, FIELD(waterfalls)},
    {"transaction", "ID", "", "print this transaction whole, however many steps it has",
     apply_transaction, FIELD(transaction_id)},
    {"from", "TIME", "", "leave out what ends before this time after the start of recording",
     apply_time, FIELD(timeline.from_ns)},
    {"to", "TIME", "", "leave out what begins after this time", apply_time, FIELD(timeline.to_ns)},
    {"worker", "N", "", "only callbacks and times of this worker", apply_number,
     FIELD(timeline.worker)},
    {"process", "PID", "", "only this process", apply_number, FIELD(pid)},
    {"all", NULL, "",
     "of more than 10 processes, print every report (else an overview and the worst 5)", apply_flag,
     FIELD(all)},
    {"fail-if", "CONDITION", "",
     "exit with 3 if it holds: long_poll>50ms, finding>=warning; may be repeated", apply_fail_if,
     0},
    {"baseline", "OLD", "", "compare callbacks with those of an older trace", apply_text,
     FIELD(baseline_path)},
    {"set", "NAME=VALUE", "", "change a threshold of the findings; --set help lists them",
     apply_threshold, 0},
    {"help", NULL, "", "print this help", print_help, 0},
    {"version", NULL, "", "print the version", print_version, 0},
};
/* clang-format on */

const struct analyze_option *analyze_option_at(size_t position)
{
	return position < COUNT(options) ? &options[position] : NULL;
}

const char *analyze_option_text(const struct analyze_option *option, char *text, size_t bytes)
{
	const char *argument = option->argument ? option->argument : "";

	snprintf(text, bytes,
		 *argument == '[' ? "--%s[=%s"
		 : *argument	  ? "--%s=%s"
				  : "--%s%s",
		 option->name, *argument == '[' ? argument + 1 : argument);
	return text;
}

/* ---- Help ------------------------------------------------------------------------------------ */

static const char help_head[] = "Usage: " PROGRAM " [options] [FILE|DIRECTORY ...]\n"
				"Reads what libtrace.so recorded (default: " DEFAULT_INPUT
				") and reports which callback blocks a loop,\n"
				"which worker is busy or asleep, and how deep the queues are. "
				"Files may be open, sealed, .gz or .zst, of\n"
				"one or many processes, in any order.\n";

static const char help_tail[] =
    "\n"
    "TIME is a number and a unit: ns, us, ms, s, m. In JSON, start_ns counts from the start of "
    "recording\n"
    "(start_realtime_ns on the wall clock, start_monotonic_ns on CLOCK_MONOTONIC).\n"
    "in_pool (in text: \"(pool)\") marks the work of a callback's requests on the pool, not the "
    "callback.\n"
    "Percentiles are exact up to 128 values, then to 1/128. Counts, totals and maxima are exact.\n"
    "When the work of a request begins on the pool is inferred, to a few microseconds.\n"
    "Source lines need debug information of the program; DEBUGINFOD_URLS is honoured.\n"
    "\n"
    "Exit status: 0 done, 1 nothing could be read or written, 2 bad usage, 3 a --fail-if holds.\n";

static int print_help(struct settings *settings, const struct analyze_option *option,
		      const char *value)
{
	char text[64];

	(void)settings, (void)option, (void)value;
	printf("%s\nOptions:\n", help_head);
	for (size_t i = 0; i < COUNT(options); i++) {
		analyze_option_text(&options[i], text, sizeof(text));
		printf("  %-20s  %s", text, options[i].help);
		printf(*options[i].fallback ? " (default %s)\n" : "\n%.0s", options[i].fallback);
	}
	printf("\nFormats:\n");
	for (size_t i = 0; report_format_at(i); i++)
		printf("  %-20s  %s\n", report_format_at(i)->name, report_format_at(i)->kind);
	fputs(help_tail, stdout);
	return 0;
}

/* ---- The command line ------------------------------------------------------------------------ */

/* A condition that nobody looks at, or that cannot hold, would pass for ever. */
static int check_fail_ifs(const struct settings *settings)
{
	if (!settings->format->process && settings->fail_if_count > 0) {
		complain("--fail-if: --html makes no report to check; run it separately");
		return usage_error();
	}
	for (size_t i = 0; i < settings->fail_if_count && !settings->baseline_path; i++) {
		if (!fail_if_needs_baseline(&settings->gates[i]))
			continue;
		complain("--fail-if: '%s' needs --baseline", settings->gates[i].text);
		return usage_error();
	}
	return OPTIONS_GO_ON;
}

static int check_default_input(void)
{
	if (access(DEFAULT_INPUT, F_OK) == 0 || errno != ENOENT)
		return OPTIONS_GO_ON;
	complain("there is no " DEFAULT_INPUT
		 " in this directory: name the files or the directory of a trace");
	return 1;
}

static int argument_kind(const struct analyze_option *option)
{
	if (!option->argument)
		return no_argument;
	return *option->argument == '[' ? optional_argument : required_argument;
}

static int options_read(struct settings *settings, int argc, char **argv)
{
	struct option known[COUNT(options) + 1] = {0};
	int status = OPTIONS_GO_ON, which = 0, code;

	for (size_t i = 0; i < COUNT(options); i++)
		known[i] =
		    (struct option){.name = options[i].name, .has_arg = argument_kind(&options[i])};
	while (status == OPTIONS_GO_ON && (code = getopt_long(argc, argv, "", known, &which)) != -1)
		status = code == 0 ? options[which].apply(settings, &options[which], optarg)
				   : usage_error();
	return status;
}

/* What the options are together: the format of a page, a range, conditions. */
static int settings_check(struct settings *settings)
{
	if (settings->page_path)
		settings->format = report_format_find("html");
	if (settings->timeline.to_ns <= settings->timeline.from_ns) {
		complain("--to must be later than --from");
		return usage_error();
	}
	return check_fail_ifs(settings);
}

int settings_read(struct settings *settings, int argc, char **argv)
{
	static const char *const default_paths[] = {DEFAULT_INPUT};

	*settings = (struct settings){.timeline = TIMELINE_OPTIONS_DEFAULT,
				      .thresholds = thresholds_default(),
				      .format = report_format_at(0)};
	if (argc > 0)
		argv[0] = (char *)PROGRAM; /* as getopt's messages begin */
	int status = options_read(settings, argc, argv);
	if (status == OPTIONS_GO_ON)
		status = settings_check(settings);
	if (status == OPTIONS_GO_ON && optind == argc)
		status = check_default_input();
	thresholds_apply(&settings->thresholds, &settings->timeline);
	settings->timeline.top = settings->top ? settings->top : settings->format->top_default;
	settings->paths = optind < argc ? (const char *const *)argv + optind : default_paths;
	settings->path_count = optind < argc ? (size_t)(argc - optind) : 1;
	return status;
}
