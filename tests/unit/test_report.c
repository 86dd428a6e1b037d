/* SPDX-License-Identifier: Apache-2.0
 *
 * Both reports of a small process made by hand: the JSON has every key that is promised, the text
 * names what was planted, and nothing in a trace can break either.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/findings_text.h"
#include "report/report.h"
#include "report/formats/report_formats.h"
#include "report/text/report_overview.h"
#include "base/report_table.h"
#include "print_helper.h"

/* ---- Whole reports --------------------------------------------------------------------------- */

static char name_timer[] = "timer", name_stat[] = "fs_stat";
static char symbol[] = "planted_callback", hostile[] = "evil\x1b]0;\xff\"\\\n";
static char note[] = "a note of the tracer";
static char *notes[] = {note};
static struct trace_kind_info kinds[] = {{.name = NULL},
					 {.name = name_timer, .class = KIND_CLASS_HANDLE},
					 {.name = name_stat, .class = KIND_CLASS_POOL}};
static struct trace_site sites[] = {
    {.present = true, .kind = 1, .callback = 0x1000, .caller = 0x2000, .callback_symbol = symbol},
    {.present = true, .kind = 2, .callback = 0x1100, .caller = 0x2100, .callback_symbol = hostile},
    {.present = true, .kind = 200, .callback = 0x1200},
};
static struct trace_worker workers[] = {
    {.worker = 1, .role = TRACE_ROLE_LOOP, .name = "main\x1b", .start_tick = 1},
    {.worker = 2, .role = TRACE_ROLE_POOL, .name = "pool", .start_tick = 1},
    {.worker = 3, .role = TRACE_ROLE_POOL, .name = "pool", .start_tick = 1, .lost = 17},
    {.worker = 4, .role = TRACE_ROLE_OTHER, .name = "others"},
};
static struct trace_clock_range clock_range = {
    .end_tick = 1ull << 46, .end_ns = 1ull << 46, .rate = 1ull << TRACE_RATE_BITS};
static char *problems[] = {hostile};
static struct trace_process process;
static struct trace trace = {
    .processes = &process, .process_count = 1, .problems = problems, .problem_count = 1};
static struct timeline *timeline;
static struct symbols *symbols;
static struct findings *findings;

static void set_up(void)
{
	static const struct trace_item loop[] = {
	    {.tick = 1000, .word = 0x70000 | TRACE_LOOP_ENTER, .shape = TRACE_SHAPE_INSTANT},
	    {.tick = 2000,
	     .duration = 250000000,
	     .word = TRACE_CODE_POLL,
	     .shape = TRACE_SHAPE_POLL},
	    {.tick = 250002000,
	     .word = 0x10000 | (TRACE_CODE_SUBMIT + 1),
	     .shape = TRACE_SHAPE_INSTANT},
	    {.tick = 250002000,
	     .duration = 9000000,
	     .word = 0x20000 | TRACE_UNPARK,
	     .shape = TRACE_SHAPE_WAIT},
	    {.tick = 260000000,
	     .duration = 10,
	     .word = TRACE_CODE_POLL + 1,
	     .shape = TRACE_SHAPE_POLL},
	    {.tick = 260000100,
	     .duration = 10,
	     .word = TRACE_CODE_POLL + 2,
	     .shape = TRACE_SHAPE_POLL},
	    {.tick = 260000200,
	     .duration = 10,
	     .word = TRACE_CODE_POLL + 99,
	     .shape = TRACE_SHAPE_POLL},
	    {.tick = 260001000, .word = TRACE_CODE_POLL, .shape = TRACE_SHAPE_INSTANT},
	};
	static const struct trace_item pool[] = {
	    {.tick = 10, .duration = 255000000, .word = TRACE_UNPARK, .shape = TRACE_SHAPE_WAIT},
	    {.tick = 258000000, .word = 0x10000 | TRACE_ITEM_END, .shape = TRACE_SHAPE_INSTANT},
	};
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;

	process = (struct trace_process){.pid = 4242,
					 .tier = TRACE_TIER_FULL,
					 .exe = hostile,
					 .cmdline = hostile,
					 .libuv = name_timer,
					 .libuv_path = hostile,
					 .ring_path = hostile,
					 .version = hostile,
					 .how = hostile,
					 .notes = notes,
					 .note_count = 1,
					 .start_real_ns = 1700000000000000000,
					 .first_tick = 1,
					 .last_tick = 300000000,
					 .seal_reason = TRACE_SEAL_DIED,
					 .seal_tick = 300000000,
					 .workers = workers,
					 .worker_count = 4,
					 .sites = sites,
					 .site_count = 3,
					 .kinds = kinds,
					 .kind_count = 3,
					 .lost = 17,
					 .events = 15,
					 .clock_ranges = &clock_range,
					 .clock_range_count = 1};
	timeline = timeline_make(&process, &options);
	cr_assert_eq(timeline_feed(timeline, 0, loop, sizeof(loop) / sizeof(*loop), NULL, 0, false),
		     0);
	cr_assert_eq(timeline_feed(timeline, 1, pool, sizeof(pool) / sizeof(*pool), NULL, 0, false),
		     0);
	for (size_t i = 0; i < 4; i++)
		cr_assert_eq(timeline_end_worker(timeline, i), 0);
	cr_assert_eq(timeline_finish(timeline), 0);
	symbols = symbols_open(&process);
	struct thresholds thresholds = thresholds_default();
	struct findings_input input = {
	    .timeline = timeline, .symbols = symbols, .thresholds = &thresholds};
	findings = findings_with_text(&input);
	cr_assert_not_null(findings);
}

static void tear_down(void)
{
	findings_free(findings);
	symbols_close(symbols);
	timeline_free(timeline);
	free(printed);
}

static json_t *json_report(void)
{
	struct report report = {.trace = &trace,
				.timeline = timeline,
				.symbols = symbols,
				.findings = findings,
				.alone = true};
	struct report_list *list = report_list_make(&trace);
	json_error_t error;

	cr_assert_eq(report_list_add(list, &report), 0);
	printing();
	cr_assert_eq(report_list_print(list, out), 0);
	report_list_free(list);
	json_t *json = json_loads(what_was_printed(), 0, &error);
	cr_assert_not_null(json, "line %d: %s", error.line, error.text);
	return json;
}

static void check_keys(const json_t *object, const char *keys)
{
	char *copy = strdup(keys);

	for (char *key = strtok(copy, " "); key; key = strtok(NULL, " "))
		cr_assert_not_null(json_object_get(object, key), "no %s", key);
	free(copy);
}

static json_int_t integer(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

Test(report, has_the_promised_keys, .init = set_up, .fini = tear_down)
{
	json_t *json = json_report();

	check_keys(json, "program pid libuv tier hooks start_realtime_ns duration_ns events lost_events "
			 "missing_events workers "
			 "callbacks long_polls open_polls idle_periods queues problems notes "
			 "sealed seal_reason unit_ns "
			 "ending warnings");
	check_keys(json_array_get(json_object_get(json, "workers"), 0),
		   "worker role tid name polls parks busy_ns parked_ns utilization cpu_ns "
		   "sched_wait_ns poll_p50_ns "
		   "poll_p99_ns poll_max_ns");
	check_keys(json_array_get(json_object_get(json, "callbacks"), 0),
		   "kind callback file line caller count total_ns p50_ns p99_ns max_ns");
	check_keys(json_array_get(json_object_get(json, "long_polls"), 0),
		   "worker start_ns duration_ns kind callback caller");
	check_keys(json_array_get(json_object_get(json, "idle_periods"), 0),
		   "worker start_ns duration_ns queue_depth");
	check_keys(json, "findings stalls pool timers wakeups pending requests dispatch turn loops "
			 "overhead baseline "
			 "checked cannot_tell");
	check_keys(json_array_get(json_object_get(json, "findings"), 0),
		   "id severity title culprit evidence cost_ns cost confidence advice facts anchor "
		   "from_ns to_ns "
		   "worker");
	check_keys(json_object_get(json, "pool"),
		   "threads wait by_kind by_site what_if smallest_size");
	check_keys(json_object_get(json, "queues"),
		   "pool_queued pool_running ready_fds active_requests active_handles samples");
	json_decref(json);
}

Test(report, says_in_json_what_was_planted, .init = set_up, .fini = tear_down)
{
	json_t *json = json_report();
	json_t *poll = json_array_get(json_object_get(json, "long_polls"), 0);
	json_t *idle = json_array_get(json_object_get(json, "idle_periods"), 0);
	json_t *open = json_array_get(json_object_get(json, "open_polls"), 0);

	cr_assert_str_eq(text(poll, "callback"), "planted_callback");
	cr_assert_str_eq(text(poll, "kind"), "timer");
	cr_assert_eq(integer(poll, "duration_ns"), 250000000);
	cr_assert_eq(integer(poll, "start_ns"), 2000);
	cr_assert_eq(integer(idle, "worker"), 2);
	cr_assert_eq(integer(idle, "duration_ns"), 255000010 - 250002000);
	cr_assert_eq(integer(idle, "queue_depth"), 1);
	cr_assert_str_eq(text(open, "callback"), "planted_callback");
	cr_assert_eq(json_array_size(json_object_get(json, "workers")), 3,
		     "threads that are no workers are not listed");
	cr_assert_str_eq(text(json, "seal_reason"), "died");
	cr_assert_eq(integer(json, "lost_events"), 17);
	json_decref(json);
}

static size_t characters(const char *line, size_t bytes)
{
	size_t count = 0;

	for (size_t i = 0; i < bytes; i++)
		count += ((unsigned char)line[i] & 0xc0) != 0x80;
	return count;
}

Test(report, says_in_words_what_was_planted, .init = set_up, .fini = tear_down)
{
	struct report report = {
	    .trace = &trace, .timeline = timeline, .symbols = symbols, .alone = true};
	static const char *const said[] = {
	    "The program died in: planted_callback on worker 1 (loop), for at most 40.0 ms since "
	    "+0.260 s.\n",
	    "Slowest callback: planted_callback ran on worker 1 (loop) for 250 ms at +0.000 s.\n",
	    "Worker 2 (pool) slept for 5.00 ms at +0.250 s while up to 1 request waited for the "
	    "pool.\n",
	    "! Worker 3 lost 17 events while recording. Its figures are too low.\n",
	    "! a note of the tracer\n",
	    "15 events in 0 files, 17 LOST.",
	};

	printing();
	cr_assert_eq(report_print(&report, out), 0);
	what_was_printed();
	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++)
		cr_assert_not_null(strstr(printed, said[i]), "not said: %s\n%s", said[i], printed);
	for (const char *line = printed; *line; line += strcspn(line, "\n") + 1)
		cr_assert_leq(characters(line, strcspn(line, "\n")), REPORT_WIDTH, "%.200s", line);
	for (const char *at = printed; *at; at++)
		cr_assert(*at == '\n' || (unsigned char)*at >= 0x20,
			  "a control character got through");
}

Test(report, says_of_the_recording_the_same_in_json_and_in_words, .init = set_up, .fini = tear_down)
{
	struct report report = {
	    .trace = &trace, .timeline = timeline, .symbols = symbols, .alone = true};
	json_t *json = json_report(), *warnings = json_object_get(json, "warnings"), *warning;
	char line[512];
	size_t i;

	free(printed);
	printing();
	cr_assert_eq(report_print(&report, out), 0);
	what_was_printed();
	snprintf(line, sizeof(line), "\n%s\n", text(json, "ending"));
	cr_assert_not_null(strstr(printed, line), "not said: %s", line);
	cr_assert_str_eq(text(json, "ending"), "The program died or ended without exit().");
	cr_assert_geq(json_array_size(warnings), 2);
	json_array_foreach(warnings, i, warning)
	{
		snprintf(line, sizeof(line), "\n! %s\n", json_string_value(warning));
		cr_assert_not_null(strstr(printed, line), "not said: %s", line);
	}
	for (const char *at = printed; (at = strstr(at, "\n! ")); at++)
		i--;
	cr_assert_eq(i, 0, "as many lines as there are warnings");
	json_decref(json);
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

Test(report, opens_with_the_worst, .init = set_up, .fini = tear_down)
{
	const char *all = formatted("text");
	const char *found = strstr(all, " 1. error ");

	cr_assert_not_null(found);
	cr_assert_lt(found, strstr(all, "WORKERS"));
	cr_assert_not_null(strstr(all, "planted_callback"));
	cr_assert_null(strchr(all, '\x1b'));
}

Test(report, writes_sarif_that_can_be_read, .init = set_up, .fini = tear_down)
{
	json_t *json = json_loads(formatted("sarif"), 0, NULL);

	cr_assert_not_null(json);
	cr_assert_eq(json_array_size(json_object_get(json, "runs")), 2);
	json_t *results =
	    json_object_get(json_array_get(json_object_get(json, "runs"), 0), "results");
	cr_assert_eq(json_array_size(results), findings->count);
	cr_assert_str_eq(text(json_array_get(results, 0), "ruleId"),
			 finding_id_name(findings->list[0].id));
	json_decref(json);
}

Test(report, writes_a_test_a_finding, .init = set_up, .fini = tear_down)
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

Test(report, collapses_callbacks_by_time, .init = set_up, .fini = tear_down)
{
	cr_assert_not_null(strstr(formatted("collapsed"), ";planted_callback 250000\n"));
}

Test(report, formats_json_as_any_other, .init = set_up, .fini = tear_down)
{
	json_t *json = json_loads(formatted("json"), 0, NULL);
	json_t *processes = json_object_get(json, "processes");

	cr_assert_eq(json_array_size(processes), 2);
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(processes, 1), "pid")),
		     process.pid);
	json_decref(json);
}

Test(report, text_of_many_processes_is_an_overview, .init = set_up, .fini = tear_down)
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
			 "text, json, markdown, junit, sarif, collapsed or html");
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

Test(report, tells_of_many_processes_at_a_glance, .init = set_up, .fini = tear_down)
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

Test(report, prints_all_of_many_processes_if_asked, .init = set_up, .fini = tear_down)
{
	const char *all = overview_of(SIZE_MAX, 20);

	cr_assert_eq(count_of(strstr(all, "REPORTS of all 100"), ", process 1"), 100);
}
