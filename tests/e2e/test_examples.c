/* SPDX-License-Identifier: Apache-2.0
 *
 * Each example of docs/examples, run through the launcher as its text says, its trace compared with
 * what it prints.
 */
#include <stdio.h>
#include <string.h>

#include "harness.h"

TestSuite(examples, .init = harness_enter, .fini = harness_leave, .timeout = 30);

/* `option` and `more` may be NULL. */
static struct result run_example(const char *name, const char *option, const char *more)
{
	struct run run = {.program = source_path("scripts/uvtrace"), .bare = true};
	struct result result;
	int count = 0;

	if (option)
		run.args[count++] = option;
	if (more)
		run.args[count++] = more;
	run.args[count++] = "--";
	run.args[count] = build_path(name);
	result = run_program(&run);
	cr_assert_eq(result.status, 0, "%s: status %d: %s", name, result.status, result.err);
	cr_assert(strstr(result.err, "read it with"), "%s", result.err);
	return result;
}

static const json_t *find_callback(const json_t *report, const char *name)
{
	const json_t *callbacks = json_object_get(report, "callbacks");

	for (size_t i = 0; i < json_array_size(callbacks); i++)
		if (name_is(event_text(json_array_get(callbacks, i), "callback"), name))
			return json_array_get(callbacks, i);
	cr_assert(false, "%s is not in the report", name);
	return NULL;
}

static size_t count_long_polls(const json_t *report, const char *callback)
{
	const json_t *polls = json_object_get(report, "long_polls");
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(polls); i++)
		count += name_is(event_text(json_array_get(polls, i), "callback"), callback);
	return count;
}

/* The planted mistake is found: by name, place in the source, count and time. */
Test(examples, telemetry_demo)
{
	struct result result = run_example("examples/telemetry_demo", "--writer=single", NULL);
	json_t *report = analyze("uvtrace.data", "--long-poll=40ms", NULL);
	const json_t *culprit = find_callback(report, "render_report");
	int answered, times, ms;

	cr_assert_eq(
	    sscanf(
		result.out,
		"answered %d requests in %*d ms; render_report held the loop %d times, for %d ms",
		&answered, &times, &ms),
	    3, "%s", result.out);
	cr_assert_eq(count_files("uvtrace.data", ".bin"), 1);
	cr_assert_eq(event_number(culprit, "count"), (uint64_t)times);
	cr_assert_geq(event_number(culprit, "max_ns"), (uint64_t)ms * 1000000);
	cr_assert_str_eq(event_text(culprit, "kind"), "timer");
	cr_assert(strstr(event_text(culprit, "file"), "telemetry_demo.c"), "%s",
		  event_text(culprit, "file"));
	cr_assert(strstr(event_text(culprit, "caller"), "order_report") ||
		      strstr(event_text(culprit, "caller"), "page_arrived"),
		  "%s", event_text(culprit, "caller"));
	/* On a busy machine others may be listed too: the kernel took the CPU away from them. */
	cr_assert_eq(count_long_polls(report, "render_report"), (size_t)times);
	cr_assert_eq(event_number(find_callback(report, "page_arrived"), "count"),
		     (uint64_t)answered);
	cr_assert_eq(event_number(find_callback(report, "page_found"), "count"),
		     (uint64_t)answered);
}

/* Never more than five files of 1 MiB, whatever is thrown at it; what is there can be read. */
Test(examples, telemetry_rotating)
{
	struct result result =
	    run_example("examples/telemetry_rotating", "--file-size=1M", "--total-size=5M");
	json_t *report = analyze("uvtrace.data", NULL);
	const json_t *idle = find_callback(report, "busy_callback");
	long callbacks;

	cr_assert_eq(sscanf(result.out, "ran %ld idle callbacks", &callbacks), 1, "%s", result.out);
	cr_assert_leq(sum_files("uvtrace.data", ""), 5u << 20);
	cr_assert_gt(sum_files("uvtrace.data", ""), 3u << 20);
	cr_assert_geq(count_files("uvtrace.data", ".bin"), 4);
	cr_assert_gt(event_number(idle, "count"), 0);
	cr_assert_leq(event_number(idle, "count"), (uint64_t)callbacks);
}

/* A callback that sleeps is the longest poll; the write to a deaf peer is submitted and never done.
 */
Test(examples, long_sleep)
{
	struct result result = run_example("examples/long_sleep", NULL, NULL);
	struct trace trace = trace_read("uvtrace.data");
	json_t *report = analyze("uvtrace.data", NULL);
	const json_t *longest = json_array_get(json_object_get(report, "long_polls"), 0);
	int ms;

	cr_assert_eq(sscanf(result.out, "slept %d ms", &ms), 1, "%s", result.out);
	cr_assert(strstr(result.out, "still pending"));
	cr_assert(name_is(event_text(longest, "callback"), "sleep_in_callback"));
	cr_assert_geq(event_number(longest, "duration_ns"), (uint64_t)ms * 1000000);
	cr_assert_eq(trace_count(&trace, "RequestSubmit", "write"), 1);
	cr_assert_eq(trace_count_polls(&trace, "write", NULL), 0);
}

Test(examples, cancelled_task)
{
	struct result result = run_example("examples/cancelled_task", NULL, NULL);
	struct trace trace = trace_read("uvtrace.data");

	cr_assert(strstr(result.out,
			 "the task never ran and ended with ECANCELED; the timer never fired"),
		  "%s", result.out);
	cr_assert_eq(trace_count(&trace, "RequestCancelled", NULL), 1);
	cr_assert_eq(trace_count_polls(&trace, "work", "run_task"), 0);
	cr_assert_eq(trace_count_polls(&trace, "after_work", "task_over"), 1);
	cr_assert_eq(trace_count_polls(&trace, "timer", NULL), 0);
	cr_assert_eq(trace_count_polls(&trace, "close", "timer_closed"), 1);
	cr_assert_eq(trace_count(&trace, "HandleClose", NULL), 1);
}

Test(examples, completing_task)
{
	struct result result = run_example("examples/completing_task", NULL, NULL);
	struct trace trace = trace_read("uvtrace.data");
	json_t *report = analyze("uvtrace.data", "--long-poll=250ms", "--idle=250ms", NULL);

	cr_assert(strstr(result.out, "status 0"), "%s", result.out);
	cr_assert_eq(trace_count_polls(&trace, "work", "compute"), 1);
	cr_assert_eq(trace_count_polls(&trace, "after_work", "computed"), 1);
	cr_assert_eq(trace_count(&trace, "PoolItemEnd", NULL), 1);
	cr_assert_eq(json_array_size(json_object_get(report, "long_polls")), 0);
	cr_assert_eq(json_array_size(json_object_get(report, "idle_periods")), 0);
	cr_assert_eq(event_number(report, "lost_events"), 0);
}

/* The one in which a span of that id was open. On a busy machine others are long, too. */
static json_t *find_long_poll(json_t *report, const char *wanted)
{
	json_t *polls = json_object_get(report, "long_polls");

	for (size_t i = 0; i < json_array_size(polls); i++) {
		json_t *poll = json_array_get(polls, i);
		const char *name, *id;

		if (json_unpack(poll, "{s:[{s:s,s:s}]}", "spans", "name", &name, "id", &id) == 0 &&
		    strcmp(name, "request") == 0 && strcmp(id, wanted) == 0)
			return poll;
	}
	return NULL;
}

/* The long poll is told with the request that it served, which lasted at least as long. */
Test(examples, marked_requests)
{
	struct result result = run_example("examples/marked_requests", NULL, NULL);
	json_t *report = analyze("uvtrace.data", "--top=1000", NULL), *longest;
	int answered, slow, ms;
	json_int_t count, most;
	char wanted[32];

	cr_assert_eq(sscanf(result.out, "answered %d requests; request %d held the loop for %d ms",
			    &answered, &slow, &ms),
		     3, "%s", result.out);
	snprintf(wanted, sizeof(wanted), "0x%x", slow);
	longest = find_long_poll(report, wanted);
	cr_assert_not_null(longest, "no long poll served request %s", wanted);
	cr_assert(name_is(event_text(longest, "callback"), "answer"));
	cr_assert_geq(event_number(longest, "duration_ns"), (uint64_t)ms * 1000000);
	cr_assert_eq(
	    json_unpack(report, "{s:[{s:I,s:I}]}", "spans", "count", &count, "max_ns", &most), 0);
	cr_assert_eq(count, answered);
	cr_assert_geq(most, ms * 1000000ll);
	cr_assert_eq(json_unpack(report, "{s:[{s:I,s:I}]}", "marks", "count", &count, "max", &most),
		     0);
	cr_assert_eq(count, answered);
	cr_assert_eq(most, 4000);
}
