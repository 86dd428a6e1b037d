/* SPDX-License-Identifier: Apache-2.0
 *
 * Reports of a process made by hand in each format, and the overview of many processes.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report_table.h"
#include "print_helper.h"
#include "report/formats/report_formats.h"
#include "report/text/report_overview.h"
#include "report_helper.h"

static void clean_up(void)
{
	tear_down();
	free(printed);
}

/* One process in a format, with names that would break it. */
static const char *formatted(const char *name)
{
	const struct report_format *format = report_format_find(name);
	struct report report = {.trace = &trace,
				.timeline = timeline,
				.symbols = symbols,
				.findings = findings,
				.alone = true};

	cr_assert_not_null(format, "%s", name);
	printing();
	struct report_output output = {.file = out, .trace = &trace, .processes = 2, .top = 10};
	cr_assert_eq(format->begin(&output), 0);
	cr_assert_eq(report_format_process(format, &output, &report), 0);
	cr_assert_eq(report_format_process(format, &output, &report), 0);
	cr_assert_eq(format->end(&output), 0);
	report_output_free(&output);
	return what_was_printed();
}

Test(report, opens_with_the_worst, .init = set_up, .fini = clean_up)
{
	const char *all = formatted("text");
	const char *found = strstr(all, " 1. error ");

	cr_assert_not_null(found);
	cr_assert_lt(found, strstr(all, "WORKERS"));
	cr_assert_not_null(strstr(all, "planted_callback"));
	cr_assert_null(strchr(all, '\x1b'));
}

Test(report, writes_sarif_that_can_be_read, .init = set_up, .fini = clean_up)
{
	json_t *json = json_loads(formatted("sarif"), 0, NULL);

	cr_assert_not_null(json);
	cr_assert_eq(json_array_size(json_object_get(json, "runs")), 2);
	json_t *results =
	    json_object_get(json_array_get(json_object_get(json, "runs"), 0), "results");
	cr_assert_eq(json_array_size(results), findings->count);
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(results, 0), "ruleId")),
			 finding_id_name(findings->list[0].id));
	json_decref(json);
}

Test(report, writes_a_test_a_finding, .init = set_up, .fini = clean_up)
{
	const char *all = formatted("junit");
	size_t cases = 0, failures = 0, above_notes = 0;

	for (const char *at = all; (at = strstr(at, "<testcase ")) != NULL; at++)
		cases++;
	for (const char *at = all; (at = strstr(at, "<failure ")) != NULL; at++)
		failures++;
	for (size_t i = 0; i < findings->count; i++)
		above_notes += findings->list[i].severity > SEVERITY_NOTE;
	cr_assert_eq(cases, 2 * findings->count);
	cr_assert_eq(failures, 2 * above_notes);
	cr_assert_gt(failures, 0);
	cr_assert_null(strchr(all, '\x1b'));
	cr_assert_not_null(strstr(all, "</testsuites>"));
}

Test(report, collapses_callbacks_by_time, .init = set_up, .fini = clean_up)
{
	cr_assert_not_null(strstr(formatted("collapsed"), ";planted_callback 250000\n"));
}

/* The callback that was sampled may lie in a part that is not there. */
Test(report, pprof_has_samples_without_callbacks, .init = set_up, .fini = clean_up)
{
	const struct report_format *format = report_format_find("pprof");
	struct stall sample = {.site = UINT32_MAX};
	struct stalls profile = {.list = &sample, .count = 1};
	struct report report = {
	    .trace = &trace, .timeline = timeline, .symbols = symbols, .profile = &profile};
	struct report_source source = {&trace, 0, symbols};

	process.profile_hz = 99;
	for (size_t i = 0; i < process.worker_count; i++)
		timeline->workers[i].polls.count = 0;
	printing();
	struct report_output output = {.file = out, .trace = &trace, .processes = 1, .top = 10};
	cr_assert_eq(format->begin(&output), 0);
	cr_assert_eq(format->open(&output, &source), 0);
	cr_assert_eq(report_format_process(format, &output, &report), 0);
	cr_assert_eq(format->end(&output), 0);
	report_output_free(&output);
	what_was_printed();
	cr_assert_not_null(memmem(printed, printed_bytes, "samples", strlen("samples")));
}

Test(report, formats_json_as_any_other, .init = set_up, .fini = clean_up)
{
	json_t *json = json_loads(formatted("json"), 0, NULL);
	json_t *processes = json_object_get(json, "processes");

	cr_assert_eq(json_array_size(processes), 2);
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(processes, 1), "pid")),
		     process.pid);
	json_decref(json);
}

Test(report, text_of_many_processes_is_an_overview, .init = set_up, .fini = clean_up)
{
	const struct report_format *format = report_format_find("text");
	struct report report = {
	    .trace = &trace, .timeline = timeline, .symbols = symbols, .findings = findings};

	printing();
	struct report_output output = {
	    .file = out, .trace = &trace, .processes = OVERVIEW_FROM, .top = 10};
	cr_assert_eq(format->begin(&output), 0);
	for (size_t i = 0; i < OVERVIEW_FROM; i++)
		cr_assert_eq(report_format_process(format, &output, &report), 0);
	cr_assert_eq(format->end(&output), 0);
	report_output_free(&output);
	cr_assert_not_null(strstr(what_was_printed(), "\nPROCESSES, "));
}

Test(report, names_the_formats_from_the_table)
{
	char names[REPORT_FORMAT_NAMES_BYTES];

	cr_assert_str_eq(report_format_names(names),
			 "text, json, markdown, junit, sarif, collapsed, pprof, otlp, "
			 "perfetto, stacks, stacks-json or html");
	for (size_t i = 0; report_format_at(i); i++)
		cr_assert_eq(report_format_find(report_format_at(i)->name), report_format_at(i));
	cr_assert_null(report_format_find("xml"));
}

/* ---- Many processes -------------------------------------------------------------------------- */

static size_t count_of(const char *text, const char *part)
{
	size_t count = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		count++;
	return count;
}

/* 100 processes: number 42 has findings, the others none. */
static const char *overview_of(size_t whole, size_t rows)
{
	struct findings healthy = {0};
	struct report report = {.trace = &trace, .timeline = timeline, .symbols = symbols};
	struct overview *overview = overview_make(whole);

	cr_assert_not_null(overview);
	for (uint32_t i = 0; i < 100; i++) {
		process.pid = 1000 + i;
		report.findings = i == 42 ? findings : &healthy;
		cr_assert_eq(overview_add(overview, &report), 0);
	}
	printing();
	cr_assert_eq(overview_print(overview, rows, out), 0);
	overview_free(overview);
	return what_was_printed();
}

Test(report, tells_of_many_processes_at_a_glance, .init = set_up, .fini = clean_up)
{
	const char *all = overview_of(5, 20);
	const char *groups = strstr(all, "FINDINGS of all processes"),
		   *rows = strstr(all, "PROCESSES, the worst first");
	const char *reports = strstr(all, "REPORTS of the worst 5, the worst first (--process=PID");

	cr_assert_eq(strncmp(all, "100 processes within ", 21), 0);
	cr_assert_not_null(strstr(all, "1 of them has findings above a note.\n"));
	cr_assert(groups && rows && reports && groups < rows && rows < reports, "%s", all);
	const char *died = strstr(groups, "died");
	cr_assert(died && died < rows && strstr(died, "planted_callback") && strstr(died, "1042"));
	const char *first = strstr(rows, "1042"), *next = strstr(rows, "1000");
	cr_assert(first && next && first < next, "the worst comes first");
	cr_assert_not_null(strstr(rows, "... and 80 more (--top=N shows more)"));
	cr_assert_eq(count_of(reports, ", process 1"), 5);
	cr_assert(strstr(reports, ", process 1042,") && strstr(reports, ", process 1003,"));
	cr_assert_null(strstr(reports, ", process 1004,"));
	for (const char *line = all; *line; line += strcspn(line, "\n") + 1)
		cr_assert_leq(characters(line, strcspn(line, "\n")), REPORT_WIDTH, "%.200s", line);
}

Test(report, prints_all_of_many_processes_if_asked, .init = set_up, .fini = clean_up)
{
	const char *all = overview_of(SIZE_MAX, 20);

	cr_assert_eq(count_of(strstr(all, "REPORTS of all 100"), ", process 1"), 100);
}
