/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile of what runs in callbacks (UVTRACE_SAMPLE_HZ): which functions it names and how its
 * shares compare with the times that the program (tests/fixtures/process/busy.c) took itself; and
 * that nothing is sampled where nobody asked.
 */
#include <stdlib.h>
#include <string.h>

#include "harness.h"

TestSuite(profile, .init = harness_enter, .fini = harness_leave, .timeout = 60);

#define SAMPLES_MIN 20 /* below that shares say nothing */

/* Runs the program; what it timed itself. */
static json_t *busy_run(const char *setting)
{
	struct run run = {.program = build_path("fixtures/busy"),
			  .args = {"400"}, /* two seconds */
			  .env = {setting, "UVTRACE_STALL_MS=0"}};
	struct result result = run_well(&run);

	return truth_read(result.out);
}

/* The time of the profile's stacks that have both. */
static double stacks_us(const char *collapsed, const char *kind, const char *function)
{
	double sum_us = 0;

	for (const char *line = collapsed, *end; (end = strchr(line, '\n')) != NULL;
	     line = end + 1) {
		char *text = strndup(line, (size_t)(end - line));

		if (strncmp(text, kind, strlen(kind)) == 0 && strstr(text, function))
			sum_us += strtod(strrchr(text, ' '), NULL);
		free(text);
	}
	return sum_us;
}

Test(profile, shares_are_those_that_the_program_timed)
{
	json_t *truth = busy_run("UVTRACE_SAMPLE_HZ=199");
	struct run collapse = {.program = build_path("analyze_trace"),
			       .args = {"--collapsed", "uvtrace.data"},
			       .bare = true};
	struct result result = run_well(&collapse);
	json_t *report = analyze("uvtrace.data", NULL);
	const json_t *profile = json_object_get(report, "profile");
	double all = stacks_us(result.out, "profile;", ""),
	       parse = stacks_us(result.out, "profile;timer;on_tick", ";parse"),
	       render = stacks_us(result.out, "profile;timer;on_tick", ";render");
	double parse_ns = (double)truth_value(truth, "parse_ns");
	double render_ns = (double)truth_value(truth, "render_ns");

	cr_assert_eq(event_number(profile, "hz"), 199);
	cr_assert_geq(event_number(profile, "samples"), SAMPLES_MIN);
	/* Between the two functions and around them next to nothing happens. */
	cr_expect_geq(parse + render, 0.9 * all, "%.0f and %.0f of %.0f us", parse, render, all);
	cr_expect_float_eq(parse / all, parse_ns / (parse_ns + render_ns), 0.25);
	cr_expect_gt(render, 0);
	/* Samples stand for the time that callbacks took, whatever part of them was taken. */
	cr_expect_float_eq(all * 1000 / (parse_ns + render_ns), 1, 0.35);
	json_decref(report);
	json_decref(truth);
}

Test(profile, samples_that_nobody_asked_for_are_not_taken)
{
	json_t *truth = busy_run("UVTRACE_SAMPLE_HZ=0");
	json_t *report = analyze("uvtrace.data", NULL);

	cr_assert_not_null(json_object_get(report, "profile"));
	cr_expect(json_is_null(json_object_get(report, "profile")));
	json_decref(report);
	json_decref(truth);
}
