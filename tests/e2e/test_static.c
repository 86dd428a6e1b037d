/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs with libuv linked into them, where calls cannot be seen (tier "libc"): everybody says
 * so, and each callback that held the loop lies inside an iteration that is reported as long.
 */
#include <signal.h>
#include <string.h>

#include "harness.h"

#define SLACK_NS                                                                                   \
	100000 /* between the program's clock reads and the iteration's ends, through the trace's  \
		  clock */

static bool lies_in_a_iteration(json_t *analysis, int64_t start_ns, int64_t end_ns)
{
	int64_t origin_ns = json_integer_value(json_object_get(analysis, "start_monotonic_ns"));
	size_t i;
	json_t *iteration;

	json_array_foreach(json_object_get(analysis, "long_polls"), i, iteration)
	{
		int64_t from_ns =
		    origin_ns + json_integer_value(json_object_get(iteration, "start_ns"));
		int64_t to_ns =
		    from_ns + json_integer_value(json_object_get(iteration, "duration_ns"));

		cr_assert_str_eq(json_string_value(json_object_get(iteration, "kind")), "turn");
		if (from_ns <= start_ns + SLACK_NS && to_ns >= end_ns - SLACK_NS)
			return true;
	}
	return false;
}

/* When the loop first waited. What it ran before that cannot be seen. */
static int64_t first_wait_ns(const struct trace *trace)
{
	for (size_t i = 0; i < trace->event_count; i++)
		if (strcmp(event_text(trace->events[i], "event"), "WorkerPark") == 0)
			return (int64_t)event_number(trace->events[i], "timestamp_ns");
	return INT64_MAX;
}

/* Every callback of the fixture that took a millisecond, after `since_ns`. Returns how many. */
static size_t check_long_iterations(json_t *truth, json_t *analysis, int64_t since_ns)
{
	size_t i, j, count = 0;
	json_t *poll, *sample;

	json_array_foreach(json_object_get(truth, "polls"), i, poll)
	{
		json_array_foreach(json_object_get(poll, "samples"), j, sample)
		{
			int64_t start_ns = json_integer_value(json_array_get(sample, 0));
			int64_t end_ns = json_integer_value(json_array_get(sample, 1));

			if (end_ns - start_ns < 1000000 || start_ns < since_ns)
				continue;
			cr_assert(lies_in_a_iteration(analysis, start_ns, end_ns), "%s, sample %zu",
				  event_text(poll, "callback"), j);
			count++;
		}
	}
	return count;
}

static void check_tier_libc(const char *program)
{
	struct result result =
	    run_program(&(struct run){.program = build_path(program), .env = {"UVTRACE_PATCH=0"}});
	json_t *truth, *analysis;
	struct trace trace;
	struct result text;

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert(strstr(result.err, "tier libc"), "the library says: %s", result.err);
	truth = truth_read(result.out);
	trace = trace_read("uvtrace.data");
	cr_assert_str_eq(event_text(trace.start, "tier"), "libc");
	cr_assert_gt(trace_count(&trace, "WorkerPark", NULL), 0);
	cr_assert_eq(trace.poll_count, 0);
	analysis = analyze("uvtrace.data", "--top=1000", NULL);
	cr_assert_str_eq(event_text(analysis, "tier"), "libc");
	cr_assert_geq(check_long_iterations(truth, analysis, first_wait_ns(&trace)), 4);
	text = run_well(&(struct run){.program = build_path("analyze_trace"), .bare = true});
	cr_assert(strstr(text.out, "(tier libc)"), "%s", text.out);
	json_decref(truth);
	json_decref(analysis);
	trace_free(&trace);
	result_free(&result);
	result_free(&text);
}

/* The iteration that it died in is named, in place of the callback. */
Test(linked_in, dies, .init = harness_enter, .fini = harness_leave, .timeout = 60)
{
	struct result result =
	    run_program(&(struct run){.program = build_path("fixtures/fault_end_hidden"),
				      .args = {"kill"},
				      .env = {"UVTRACE_PATCH=0"}});
	json_t *analysis, *open;

	cr_assert_eq(result.status, 128 + SIGKILL, "%s", result.err);
	wait_for_seal();
	analysis = analyze("uvtrace.data", NULL);
	open = json_object_get(analysis, "open_polls");
	cr_assert_eq(json_array_size(open), 1);
	cr_assert_str_eq(event_text(json_array_get(open, 0), "kind"), "turn");
	/* A program of a few ms may be gone before its helper can ask the kernel how it ends. */
	if (!has_finding(analysis, "died", "note"))
		cr_assert_str_eq(
		    event_text(json_array_get(json_object_get(analysis, "findings"), 0), "id"),
		    "died");
	json_decref(analysis);
	result_free(&result);
}

Test(linked_in, exported, .init = harness_enter, .fini = harness_leave, .timeout = 60)
{
	check_tier_libc("fixtures/slow_exported");
}

Test(linked_in, hidden, .init = harness_enter, .fini = harness_leave, .timeout = 60)
{
	check_tier_libc("fixtures/slow_hidden");
}
