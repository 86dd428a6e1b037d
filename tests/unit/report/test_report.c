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

#include "base/report_table.h"
#include "print_helper.h"
#include "report_helper.h"

static void clean_up(void)
{
	tear_down();
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

Test(report, has_the_promised_keys, .init = set_up, .fini = clean_up)
{
	json_t *json = json_report();

	check_keys(json, "program pid libuv tier hooks start_realtime_ns duration_ns events "
			 "lost_events missing_events workers "
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

Test(report, says_in_json_what_was_planted, .init = set_up, .fini = clean_up)
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

Test(report, says_in_words_what_was_planted, .init = set_up, .fini = clean_up)
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

Test(report, says_of_the_recording_the_same_in_json_and_in_words, .init = set_up, .fini = clean_up)
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
