/* SPDX-License-Identifier: Apache-2.0
 *
 * The golden traces with functions of scripts in every format: each names the program's own
 * function, with its file and line, and shows one stack.
 */
#include <jansson.h>

#include "print_helper.h"
#include "../reader_helper.h"
#include "report/findings_text.h"
#include "report/formats/report_formats.h"

static struct trace *trace;
static struct timeline *timeline;
static struct symbols *symbols;
static struct stalls *stalls;
static struct findings *findings;
static struct thresholds thresholds;

static void open_golden(const char *name)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	char path[512];

	snprintf(path, sizeof(path), "%.*s../../golden/%s",
		 (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__, name);
	thresholds = thresholds_default();
	thresholds_apply(&thresholds, &options);
	trace = open_path(path);
	assert_no_problem(trace);
	timeline = timeline_read(trace, 0, &options, NULL, NULL);
	symbols = symbols_open(&trace->processes[0]);
	stalls = stalls_make(timeline, symbols);
	struct findings_input input = {.trace = trace,
				       .timeline = timeline,
				       .symbols = symbols,
				       .thresholds = &thresholds,
				       .stalls = stalls->list,
				       .stall_count = stalls->count};
	findings = findings_with_text(&input);
	cr_assert_not_null(findings);
}

static void close_golden(void)
{
	findings_free(findings);
	stalls_free(stalls);
	symbols_close(symbols);
	timeline_free(timeline);
	trace_close(trace);
	free(printed);
}

static const char *formatted(const char *name)
{
	const struct report_format *format = report_format_find(name);
	struct report report = {.trace = trace,
				.timeline = timeline,
				.symbols = symbols,
				.findings = findings,
				.stalls = stalls,
				.alone = true};

	cr_assert_not_null(format, "%s", name);
	printing();
	struct report_output output = {.file = out, .trace = trace, .processes = 1, .top = 10};
	cr_assert_eq(format->begin(&output), 0);
	cr_assert_eq(report_format_process(format, &output, &report), 0);
	cr_assert_eq(format->end(&output), 0);
	report_output_free(&output);
	return what_was_printed();
}

/* The text without line breaks and what follows them. */
static void unwrap(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		if (*at == '\n' && at[1] == ' ') {
			*to++ = ' ';
			at += strspn(at + 1, " ");
		} else {
			*to++ = *at;
		}
	}
	*to = '\0';
}

static void check(const char *golden, const char *format, const char *const *parts)
{
	open_golden(golden);
	char *all = strdup(formatted(format));
	unwrap(all);
	for (; *parts; parts++)
		cr_assert_not_null(strstr(all, *parts), "%s: no '%s' in %s", format, *parts, all);
	free(all);
	close_golden();
}

#define CHECK(golden, format, ...)                                                                 \
	do {                                                                                       \
		static const char *const parts_[] = {__VA_ARGS__, NULL};                           \
		check(golden, format, parts_);                                                     \
	} while (0)

#define COMPUTES "renderPage app.js:23 blocked worker 1 (loop) for 61.0 ms"
#define SLEEPS	 "readConfig app.js:53 blocked worker 1 (loop) for 120 ms"

Test(report_scripts, text_tells_functions_and_one_stack)
{
	CHECK("script_js.bin", "text", COMPUTES ": computing in countPrimes app.js:12.",
	      SLEEPS ": off-CPU in fs.readFileSync: openat(\"./fifo\").",
	      "asleep in openat(\"./fifo\") of fs.readFileSync, called by readConfig app.js:53",
	      "openSync node:fs:596 readFileSync node:fs, about line 435 readConfig app.js:53 "
	      "onRequest app.js:86",
	      "in onRequest app.js:84");
	CHECK("script_py.bin", "text",
	      "main.<locals>.work server.py:31 blocked worker 1 (loop) for 120 ms: computing in "
	      "json.dumps, parsing or writing JSON.",
	      "computing in importlib._bootstrap._find_and_load, importing a module",
	      "handler server.py:88 run runners.py:190 <module> server.py:99");
}

Test(report_scripts, formats_of_ci_point_to_the_programs_line)
{
	CHECK("script_js.bin", "sarif", COMPUTES, "\"startLine\": 12", "srv/app.js");
	CHECK("script_js.bin", "junit", COMPUTES, SLEEPS);
	CHECK("script_py.bin", "junit", "handler server.py:88 blocked worker 1 (loop)");
}

Test(report_scripts, collapsed_stacks_have_functions_by_where_they_begin)
{
	CHECK("script_js.bin", "collapsed",
	      "stalls;read;emit node:events:471;onRequest app.js:84;renderPage app.js:22;"
	      "countPrimes app.js:7 61",
	      "onRequest app.js:84;readConfig app.js:52;readFileSync node:fs:430;");
	CHECK("script_py.bin", "collapsed",
	      "main.<locals>.work server.py:30;dumps __init__.py:183 120");
}

static json_t *json_at(json_t *json, const char *key, size_t at)
{
	return json_array_get(json_object_get(json, key), at);
}

static const char *string_of(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

Test(report_scripts, json_has_fields_of_functions)
{
	open_golden("script_js.bin");
	json_t *json = json_loads(formatted("json"), 0, NULL);
	json_t *stall = json_at(json, "stalls", 1), *script = json_object_get(stall, "script");
	cr_assert_str_eq(string_of(script, "function"), "readConfig");
	cr_assert_str_eq(string_of(script, "file"), "/srv/app.js");
	cr_assert_eq(json_integer_value(json_object_get(script, "line")), 53);
	cr_assert_str_eq(string_of(script, "called"), "fs.readFileSync");
	cr_assert_str_eq(string_of(json_object_get(script, "entered"), "function"), "onRequest");
	cr_assert_str_eq(string_of(stall, "script_stack"), "whole");
	json_t *frame = json_at(stall, "frames", 1);
	cr_assert_str_eq(string_of(frame, "script"), "maglev");
	cr_assert(json_is_true(json_object_get(frame, "line_about")));
	cr_assert(json_is_null(json_object_get(json_at(json, "callbacks", 0), "script")),
		  "its samples differ");
	json_t *facts = json_object_get(json_at(json, "findings", 0), "facts");
	cr_assert_str_eq(string_of(facts, "function"), "readConfig");
	cr_assert_eq(json_integer_value(json_object_get(facts, "script_line")), 53);
	json_decref(json);
	close_golden();
}
