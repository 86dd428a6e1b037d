/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that take long (fixture pending: three of them, longer than a second): told while they
 * are on their way, and what became of them.
 */
#include <string.h>

#include "harness.h"

TestSuite(pending, .init = harness_enter, .fini = harness_leave, .timeout = 60);

#define SECOND_NS 1000000000ull

static struct run run = {.env = {"UV_THREADPOOL_SIZE=1", "UVTRACE_PENDING_SECONDS=1"}};

static const json_t *event_of(const struct trace *trace, const char *name, const char *callback)
{
	const json_t *found = NULL;

	for (size_t i = 0; i < trace->event_count; i++)
		if (strcmp(event_text(trace->events[i], "event"), name) == 0 &&
		    name_is(event_text(trace->events[i], "callback"), callback)) {
			cr_assert_null(found, "%s of %s twice", name, callback);
			found = trace->events[i];
		}
	cr_assert_not_null(found, "no %s of %s", name, callback);
	return found;
}

Test(pending, told_while_they_are_on_their_way)
{
	static const char *const callbacks[] = {"on_slow", "on_cancelled", "on_never"};
	struct traced traced;
	uint64_t submit_ns, submitted_ns, done_ns;

	run.program = build_path("fixtures/pending");
	traced = trace_program(&run);
	submit_ns = (uint64_t)truth_value(traced.truth, "submit_ns");
	submitted_ns = (uint64_t)truth_value(traced.truth, "submitted_ns");
	done_ns = (uint64_t)truth_value(traced.truth, "slow_done_ns");
	cr_assert_eq(trace_count(&traced.trace, "RequestPending", NULL), 3);
	for (size_t i = 0; i < 3; i++) {
		const json_t *event = event_of(&traced.trace, "RequestPending", callbacks[i]);
		uint64_t age_ns = event_number(event, "age_ns"),
			 at_ns = event_number(event, "timestamp_ns");

		cr_assert_geq(age_ns, SECOND_NS);
		cr_assert_leq(age_ns, SECOND_NS + SECOND_NS / 8);
		cr_assert(at_ns - age_ns >= submit_ns && at_ns - age_ns <= submitted_ns);
		cr_assert(name_is(event_text(event, "caller"), "submit_all"));
	}
	/* From its submission to its callback, as the program saw both. */
	cr_assert_leq(event_number(event_of(&traced.trace, "RequestDone", "on_slow"), "life_ns"),
		      done_ns - submit_ns);
	cr_assert_geq(event_number(event_of(&traced.trace, "RequestDone", "on_slow"), "life_ns"),
		      1500000000ull);
	traced_free(&traced);
}

static void assert_outcome(const json_t *list, const char *callback, const char *outcome)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		if (!name_is(event_text(entry, "callback"), callback))
			continue;
		cr_assert_str_eq(event_text(entry, "outcome"), outcome);
		cr_assert_str_eq(event_text(entry, "caller"), "submit_all");
		return;
	}
	cr_assert_fail("no %s", callback);
}

Test(pending, analysis_says_what_became_of_them)
{
	struct traced traced;
	json_t *report;

	run.program = build_path("fixtures/pending");
	traced = trace_program(&run);
	report = analyze("uvtrace.data", NULL);
	cr_assert_eq(truth_value(traced.truth, "cancelled_status"), -125); /* UV_ECANCELED */
	cr_assert_eq(json_integer_value(json_object_get(report, "pending_limit_ns")),
		     (json_int_t)SECOND_NS);
	assert_outcome(json_object_get(report, "late_requests"), "on_slow", "completed");
	assert_outcome(json_object_get(report, "late_requests"), "on_cancelled", "cancelled");
	assert_outcome(json_object_get(report, "pending"), "on_never", "never");
	cr_assert_eq(json_integer_value(json_object_get(report, "late_request_count")), 2);
	json_decref(report);
	traced_free(&traced);
}

/* 0 switches it off. */
Test(pending, nobody_asks)
{
	struct run quiet = {.program = build_path("fixtures/pending"),
			    .env = {"UV_THREADPOOL_SIZE=1", "UVTRACE_PENDING_SECONDS=0"}};
	struct traced traced = trace_program(&quiet);
	json_t *report = analyze("uvtrace.data", NULL);
	const json_t *finding;
	size_t i;

	cr_assert_eq(trace_count(&traced.trace, "RequestPending", NULL), 0);
	json_array_foreach(json_object_get(report, "findings"), i, finding)
	    cr_assert_str_neq(event_text(finding, "id"), "pending_request");
	json_decref(report);
	traced_free(&traced);
}
