/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of functions in scripts, in the trace of an unmodified interpreter: the stall samples of a
 * stuck callback have the user's own function, file and line. The truth is what the program
 * (tests/names/python_cases.py) says of itself.
 */
#include <string.h>
#include <unistd.h>

#include "harness.h"

TestSuite(script_names, .init = harness_enter, .fini = harness_leave, .timeout = 60);

#define PYTHON "/usr/bin/python3"

static void skip_without_uvloop(void)
{
	const struct run run = {.program = PYTHON, .args = {"-c", "import uvloop"}, .bare = true};
	struct result result = run_program(&run);
	bool is_there = result.status == 0;

	result_free(&result);
	if (!is_there)
		cr_skip_test("no python3 with uvloop");
}

static const json_t *script_frame(const json_t *stall, const char *function)
{
	const json_t *frames = json_object_get(stall, "frames");

	for (size_t i = 0; i < json_array_size(frames); i++) {
		const json_t *frame = json_array_get(frames, i);

		if (strcmp(event_text(frame, "script"), "python") == 0 &&
		    strcmp(event_text(frame, "function"), function) == 0)
			return frame;
	}
	return NULL;
}

/* The function is in the stack, at its line; the one that called it lies behind it. */
static bool is_told(const json_t *stall, const json_t *truth)
{
	const json_t *frame = script_frame(stall, event_text(truth, "function"));
	const char *file = frame ? event_text(frame, "file") : "", *name = strrchr(file, '/');

	return strcmp(event_text(stall, "script_stack"), "whole") == 0 && name &&
	       strcmp(name, "/python_cases.py") == 0 &&
	       event_number(frame, "line") == event_number(truth, "line") &&
	       script_frame(stall, "handler");
}

static bool has_reason(const json_t *stall, const char *reason)
{
	const char *told = json_string_value(json_object_get(stall, "reason"));

	return !reason || (told && strcmp(told, reason) == 0);
}

/* Where others take the CPU, the first look may come before it is in that line, or between two
 * calls of what it computes for. */
static void check_case_reason(const char *name, const char *reason)
{
	struct run run = {.program = PYTHON,
			  .args = {source_path("tests/names/python_cases.py"), name, "400"}};
	struct result result;
	json_t *truth, *report;
	const json_t *stalls;
	size_t i = 0;

	skip_without_uvloop();
	result = run_well(&run);
	truth = truth_read(result.out);
	report = analyze("uvtrace.data", NULL);
	stalls = json_object_get(report, "stalls");
	while (i < json_array_size(stalls) && !(is_told(json_array_get(stalls, i), truth) &&
						has_reason(json_array_get(stalls, i), reason)))
		i++;
	cr_assert_lt(i, json_array_size(stalls), "%s: %s in %s", name, result.out,
		     json_dumps(stalls, 0));
	json_decref(report);
	json_decref(truth);
	result_free(&result);
}

static void check_case(const char *name)
{
	check_case_reason(name, NULL);
}

Test(script_names, python_that_computes)
{
	check_case("computing");
}

Test(script_names, python_that_calls_a_module_in_python)
{
	check_case("dumping");
}

Test(script_names, python_that_native_code_calls_back)
{
	check_case("sorting");
}

/* Debian's python3 is stripped: that it is in the pattern or in the collector, CPython's own tables
 * of functions say. */
Test(script_names, python_that_matches_a_pattern)
{
	check_case_reason("matching", "regular_expression");
}

Test(script_names, python_that_collects_garbage)
{
	check_case_reason("collecting", "garbage_collection");
}

Test(script_names, python_that_sleeps)
{
	check_case("sleeping");
}

Test(script_names, python_that_waits_for_a_socket)
{
	check_case("receiving");
}

Test(script_names, python_that_waits_for_a_lock)
{
	check_case("locked");
}

/* The callback is uvloop's own code, which waits to call Python. What called the loop is not what
 * it is in. */
Test(script_names, python_that_waits_for_the_interpreter_lock)
{
	struct run run = {.program = PYTHON,
			  .args = {source_path("tests/names/python_gil.py"), "2"}};
	const json_t *stalls;
	json_t *report;
	size_t waits = 0;

	skip_without_uvloop();
	run_well(&run);
	report = analyze("uvtrace.data", NULL);
	stalls = json_object_get(report, "stalls");
	for (size_t i = 0; i < json_array_size(stalls); i++) {
		const json_t *stall = json_array_get(stalls, i);

		if (strcmp(event_text(stall, "reason"), "gil") != 0)
			continue;
		waits++;
		cr_expect_null(script_frame(stall, "<module>"), "%s", json_dumps(stall, 0));
	}
	cr_expect_gt(waits, 0);
	json_decref(report);
}
