/* SPDX-License-Identifier: Apache-2.0
 *
 * When timers were due, against what the program reckoned by uv_now(), and how late or early they
 * ran, against what it timed.
 */
#include <string.h>

#include "harness.h"

#define MS 1000000ull

/* The first event of this name at or behind `at`; NULL without any. */
static const json_t *event_from(const struct trace *trace, size_t at, const char *name)
{
	for (; at < trace->event_count; at++)
		if (strcmp(event_text(trace->events[at], "event"), name) == 0)
			return trace->events[at];
	return NULL;
}

/* What analyze_trace says of the timer with this callback. */
static json_t *timer_of(const json_t *report, const char *callback)
{
	json_t *timer;
	size_t i;

	json_array_foreach(
	    json_object_get(json_object_get(report, "timers"), "by_site"), i,
	    timer) if (name_is(event_text(timer, "callback"), callback)) return timer;
	cr_assert_fail("no timer %s", callback);
	return NULL;
}

static uint64_t number_in(const json_t *object, const char *key, const char *field)
{
	return (uint64_t)json_integer_value(json_object_get(json_object_get(object, key), field));
}

static void truth_times(const json_t *truth, const char *callback, uint64_t *start_ns,
			uint64_t *end_ns)
{
	const json_t *poll;
	size_t i;

	json_array_foreach(json_object_get(truth, "polls"), i, poll)
	{
		const json_t *sample = json_array_get(json_object_get(poll, "samples"), 0);
		if (strcmp(event_text(poll, "callback"), callback) != 0)
			continue;
		*start_ns = (uint64_t)json_integer_value(json_array_get(sample, 0));
		*end_ns = (uint64_t)json_integer_value(json_array_get(sample, 1));
	}
}

TestSuite(timers, .init = harness_enter, .fini = harness_leave, .timeout = 60);

/* Each run of a timer has the time before it at which libuv's documents say that it is due. */
Test(timers, each_run_has_its_due_time)
{
	struct traced traced = trace_program(&(struct run){.program = build_path("fixtures/due")});
	const struct trace *trace = &traced.trace;
	uint64_t sum_ms = 0, runs = 0;

	check_polls(trace, traced.truth, false);
	for (size_t i = 0; i + 1 < trace->event_count; i++) {
		const json_t *next = trace->events[i + 1];
		if (strcmp(event_text(trace->events[i], "event"), "TimerDue") != 0)
			continue;
		if (strcmp(event_text(next, "event"), "TimerStart") == 0)
			continue;
		cr_assert_str_eq(event_text(next, "event"), "PollStart");
		cr_assert_str_eq(event_text(next, "kind"), "timer");
		sum_ms += event_number(trace->events[i], "due_ns") / MS;
		runs++;
	}
	cr_assert_eq(runs, (uint64_t)truth_value(traced.truth, "runs"));
	cr_assert_eq(sum_ms, (uint64_t)truth_value(traced.truth, "due_sum_ms"));
	traced_free(&traced);
}

/* A start by an old uv_now() is there, and no other. */
Test(timers, start_by_an_old_uv_now_is_recorded)
{
	struct traced traced = trace_program(&(struct run){.program = build_path("fixtures/due")});
	const struct trace *trace = &traced.trace;
	uint64_t started_ns = (uint64_t)truth_value(traced.truth, "started_ns"), found = 0;

	for (size_t i = 2; i < trace->event_count; i++) {
		if (strcmp(event_text(trace->events[i], "event"), "TimerStart") != 0 ||
		    event_number(trace->events[i], "timestamp_ns") < started_ns)
			continue;
		found++;
		cr_assert_eq(event_number(trace->events[i - 2], "uv_now_ns"),
			     (uint64_t)truth_value(traced.truth, "uv_now_ms") * MS);
		cr_assert_eq(event_number(trace->events[i - 1], "due_ns"),
			     (uint64_t)truth_value(traced.truth, "uv_now_ms") * MS + 100 * MS);
	}
	cr_assert_eq(found, 1);
	cr_assert_not_null(event_from(trace, 0, "LoopTime"));
	traced_free(&traced);
}

/* on_busy was due 20 ms into what took 60; on_stale was to run 100 ms after its start, and libuv
 * counted from before.
 */
Test(timers, analysis_says_how_late_and_how_early)
{
	struct traced traced = trace_program(&(struct run){.program = build_path("fixtures/due")});
	json_t *report = analyze("uvtrace.data", NULL), *busy = timer_of(report, "on_busy");
	json_t *stale = timer_of(report, "on_stale");
	uint64_t late_ns = number_in(busy, "late", "max_ns"), start_ns = 0, end_ns = 0;
	int64_t early_ns;

	cr_assert_geq(late_ns, 38 * MS);
	cr_assert_lt(late_ns, (uint64_t)(truth_value(traced.truth, "busy_late_ms") + 1) * MS);
	truth_times(traced.truth, "on_stale", &start_ns, &end_ns);
	early_ns =
	    truth_value(traced.truth, "started_ns") + (int64_t)(100 * MS) - (int64_t)start_ns;
	if (early_ns > 0) { /* else something kept the program from running just then */
		cr_assert_geq((int64_t)number_in(stale, "early", "max_ns") + 100000, early_ns);
		cr_assert_lt(number_in(stale, "early", "max_ns"), 100 * MS);
		cr_assert(name_is(
		    event_text(json_object_get(json_object_get(stale, "earliest"), "started_by"),
			       "callback"),
		    "on_probe"));
	}
	json_decref(report);
	traced_free(&traced);
}
