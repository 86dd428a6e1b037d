/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests of programs with libuv inside share: one run of such a program, its tier, what its
 * report says, and at how many places its code differs from its file at the end.
 */
#ifndef PATCH_HELPER_H
#define PATCH_HELPER_H

#include <stdio.h>
#include <string.h>

#include "harness.h"

#define EXPORTED "exported/fixtures/own_text"
#define HIDDEN	 "hidden/fixtures/own_text"

/* One run of the fixture: its program, and what must come of it. */
struct expected {
	const char *program;
	const char *meddle; /* for the other preload; NULL: there is none */
	const char *env;
	int (*prepare)(void);
	const char *note; /* in what every report repeats; NULL: there is none */
	int changed_by_others;
	bool patched;
};

static inline bool has_note(json_t *report, const char *part)
{
	json_t *warning;
	size_t i;

	json_array_foreach(json_object_get(report, "warnings"), i, warning)
	{
		if (strstr(json_string_value(warning), part))
			return true;
	}
	return false;
}

static inline struct run run_for(const struct expected *expected)
{
	struct run run = {.program = build_path(expected->program), .prepare = expected->prepare};
	char *text;

	run.env[0] = expected->env;
	if (!expected->meddle)
		return run;
	run.bare = true;
	cr_assert_gt(asprintf(&text, "LD_PRELOAD=%s:%s", build_path("libtrace.so"),
			      build_path("fixtures/meddles.so")),
		     0);
	run.env[0] = text;
	cr_assert_gt(asprintf(&text, "MEDDLE=%s", expected->meddle), 0);
	run.env[1] = text;
	return run;
}

static inline void check(const struct expected *expected)
{
	struct run run = run_for(expected);
	struct result result = run_program(&run);
	json_t *truth, *report;
	int patched = 0;

	if (result.status == 126)
		cr_skip_test("this machine cannot prepare it");
	cr_assert_eq(result.status, 0, "%d: %s", result.status, result.err);
	truth = truth_read(result.out);
	report = analyze("uvtrace.data", NULL);
	cr_assert_str_eq(event_text(report, "tier"), expected->patched ? "full (patched)" : "libc",
			 "%s", result.err);
	if (expected->patched)
		cr_assert_eq(sscanf(event_text(report, "hooks"), "%d functions", &patched), 1);
	cr_assert_eq(truth_value(truth, "changed_places"), patched + expected->changed_by_others,
		     "%ld places of the code have changed, %d functions are patched",
		     (long)truth_value(truth, "changed_places"), patched);
	if (expected->note)
		cr_assert(has_note(report, expected->note), "%s",
			  json_dumps(json_object_get(report, "warnings"), 0));
	if (expected->patched) {
		struct trace trace = trace_read("uvtrace.data");

		cr_assert_eq(trace_count(&trace, "PollStart", "timer"), 10);
		cr_assert_gt(patched, 50);
	}
}

#endif
