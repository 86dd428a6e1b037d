/* SPDX-License-Identifier: Apache-2.0
 *
 * Every behaviour's fixture, traced and compared with what it counted and timed itself: each
 * callback is a poll, with its names, inside its duration, and nothing else is; and the other
 * events are as many as it says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

TestSuite(polls, .init = harness_enter, .fini = harness_leave, .timeout = 30);

/* What a fixture says by this name is the number of these events. */
static const struct {
	const char *value, *event, *kind;
} counted[] = {
    {"closed", "HandleClose", NULL},
    {"sent", "AsyncSend", NULL},
    {"writes", "RequestSubmit", "write"},
    {"sends", "RequestSubmit", "udp_send"},
    {"cancelled", "RequestCancelled", NULL},
    {"loops", "LoopEnter", NULL},
    {"loops", "LoopLeave", NULL},
};

static const char *const handled_by_loop[] = {"write", "connect", "shutdown", "udp_send"};

static size_t count_pool_submits(const struct trace *trace)
{
	size_t count = trace_count(trace, "RequestSubmit", NULL);

	for (size_t i = 0; i < sizeof(handled_by_loop) / sizeof(handled_by_loop[0]); i++)
		count -= trace_count(trace, "RequestSubmit", handled_by_loop[i]);
	return count;
}

static void check_values(const struct traced *traced)
{
	int64_t submitted = truth_value(traced->truth, "submitted");
	int64_t cancelled = truth_value(traced->truth, "cancelled");

	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		int64_t expected = truth_value(traced->truth, counted[i].value);

		if (expected >= 0)
			cr_assert_eq(
			    trace_count(&traced->trace, counted[i].event, counted[i].kind),
			    (size_t)expected, "%s: the program counted %ld, the trace has %zu",
			    counted[i].event, expected,
			    trace_count(&traced->trace, counted[i].event, counted[i].kind));
	}
	if (submitted < 0)
		return;
	cr_assert_eq(count_pool_submits(&traced->trace), (size_t)submitted,
		     "pool items submitted: %ld, in the trace %zu", submitted,
		     count_pool_submits(&traced->trace));
	cr_assert_eq(trace_count(&traced->trace, "PoolItemEnd", NULL),
		     (size_t)(submitted - (cancelled > 0 ? cancelled : 0)),
		     "pool items done, in the trace %zu of %ld",
		     trace_count(&traced->trace, "PoolItemEnd", NULL), submitted);
}

static void check_fixture(const struct run *run, bool with_alloc)
{
	struct traced traced = trace_program(run);

	check_polls(&traced.trace, traced.truth, with_alloc);
	cr_assert_eq(traced.trace.open_polls, 0, "%zu polls have no end", traced.trace.open_polls);
	check_values(&traced);
	traced_free(&traced);
}

#define FIXTURE(test, name, ...)                                                                   \
	Test(polls, test)                                                                          \
	{                                                                                          \
		check_fixture(                                                                     \
		    &(struct run){.program = build_path("fixtures/" name), ##__VA_ARGS__}, false); \
	}

FIXTURE(timers, "timers")
FIXTURE(watchers, "watchers")
FIXTURE(async_wakeups, "async_wakeups")
FIXTURE(early_sends, "early_sends")
FIXTURE(poll_fds, "poll_fds")
FIXTURE(signals, "signals")
FIXTURE(tcp, "streams", .args = {"tcp"})
FIXTURE(pipe, "streams", .args = {"pipe"})
FIXTURE(udp, "udp")
FIXTURE(children, "children")
FIXTURE(fs_all, "fs_all")
FIXTURE(fs_watch, "fs_watch")
FIXTURE(lookups, "lookups")
FIXTURE(work, "work")
FIXTURE(cancel, "cancel")
FIXTURE(saturated, "saturated")
FIXTURE(nested, "nested")
FIXTURE(threads, "threads")
FIXTURE(null_callbacks, "null_callbacks")
FIXTURE(slow, "slow")
FIXTURE(walk_close, "walk_close")
FIXTURE(many_handles, "many_handles", .env = {"UVTRACE_RING_SIZE=16M"})
FIXTURE(longjmp_out, "leave", .args = {"longjmp"})
FIXTURE(thread_exit, "leave", .args = {"thread_exit"})

/* The same in a thread of the program instead of a helper process. */
#define IN_THREAD .env = {"UVTRACE_DRAIN=thread"}
FIXTURE(thread_timers, "timers", IN_THREAD)
FIXTURE(thread_tcp, "streams", .args = {"tcp"}, IN_THREAD)
FIXTURE(thread_work, "work", IN_THREAD)
FIXTURE(thread_threads, "threads", IN_THREAD)

/* What threads send before the first loop is not recorded, and counted. */
Test(polls, counts_wakeups_before_the_first_loop)
{
	struct traced traced =
	    trace_program(&(struct run){.program = build_path("fixtures/early_sends")});
	struct result text = run_program(&(struct run){
	    .program = build_path("analyze_trace"), .args = {"uvtrace.data"}, .bare = true});
	json_t *report = analyze("uvtrace.data", NULL);

	cr_assert_eq(
	    json_integer_value(json_object_get(json_object_get(report, "untraced"), "events")),
	    truth_value(traced.truth, "early"));
	cr_assert(strstr(text.out, "7 events were not recorded"), "%s", text.out);
	json_decref(report);
	result_free(&text);
	traced_free(&traced);
}

/* Another preload wants to see every uv_write: it does, and the trace has each once. */
Test(polls, other_preload_sees_writes)
{
	struct run run = {.program = build_path("fixtures/streams"), .args = {"tcp"}, .bare = true};
	struct traced traced;
	char *preload;
	long calls = 0;
	FILE *file;

	if (getenv("HARNESS_FIXTURES"))
		cr_skip_test("no preload sees the calls of a libuv inside the program");
	cr_assert_gt(asprintf(&preload, "LD_PRELOAD=%s:%s", build_path("libtrace.so"),
			      build_path("fixtures/asks_write.so")),
		     0);
	run.env[0] = preload;
	traced = trace_program(&run);
	file = fopen("asks_write.count", "r");
	cr_assert(file && fscanf(file, "%ld", &calls) == 1);
	fclose(file);
	cr_assert_eq(calls, truth_value(traced.truth, "writes"));
	check_polls(&traced.trace, traced.truth, false);
	check_values(&traced);
	traced_free(&traced);
	free(preload);
}

Test(polls, alloc_callbacks_on_demand)
{
	check_fixture(&(struct run){.program = build_path("fixtures/streams"),
				    .args = {"tcp"},
				    .env = {"UVTRACE_ALLOC=1"}},
		      true);
}

Test(polls, alloc_callbacks_of_udp_on_demand)
{
	check_fixture(
	    &(struct run){.program = build_path("fixtures/udp"), .env = {"UVTRACE_ALLOC=1"}}, true);
}

/* exit() inside a callback: the callback is open at the trace's end, and the program ends with its
 * status. */
Test(polls, exit_in_callback)
{
	struct result result =
	    run_program(&(struct run){.program = build_path("fixtures/leave"), .args = {"exit"}});
	json_t *truth = truth_read(result.out);
	struct trace trace = trace_read("uvtrace.data");

	cr_assert_eq(result.status, 7);
	check_polls(&trace, truth, false);
	cr_assert_eq(trace.open_polls, 1);
	cr_assert(name_is(trace.polls[0].callback, "on_exit_call"));
}

Test(polls, exception_out_of_callback)
{
	struct traced traced;

	if (access(build_path("fixtures/throw"), X_OK) != 0)
		cr_skip_test("no C++ compiler");
	traced = trace_program(&(struct run){.program = build_path("fixtures/throw")});
	cr_assert_eq(truth_value(traced.truth, "caught"), 5);
	cr_assert_eq(trace_count(&traced.trace, "PollStart", "timer"),
		     (size_t)truth_value(traced.truth, "timer"));
	cr_assert_eq(traced.trace.open_polls, 0);
	for (size_t i = 0; i < traced.trace.poll_count; i++) {
		cr_assert_eq(traced.trace.polls[i].unwound, i < 5, "poll %zu", i);
		cr_assert_eq(traced.trace.polls[i].depth, 0, "poll %zu lies in one that was left",
			     i);
	}
}

/* Polls of a loop that runs inside a callback lie inside that callback's poll. */
Test(polls, nested_depth)
{
	struct traced traced =
	    trace_program(&(struct run){.program = build_path("fixtures/nested")});
	size_t nested = 0;

	for (size_t i = 0; i < traced.trace.poll_count; i++) {
		cr_assert_not(traced.trace.polls[i].unwound, "poll %zu returned", i);
		nested += traced.trace.polls[i].depth == 1 &&
			  name_is(traced.trace.polls[i].callback, "on_inner");
	}
	cr_assert_eq(nested, (size_t)truth_value(traced.truth, "nested"));
}

/* Every handle keeps its own identity. */
Test(polls, objects_are_told_apart)
{
	struct traced traced = trace_program(&(struct run){
	    .program = build_path("fixtures/many_handles"), .env = {"UVTRACE_RING_SIZE=16M"}});
	json_t *objects = json_object();

	for (size_t i = 0; i < traced.trace.poll_count; i++)
		if (strcmp(traced.trace.polls[i].kind, "timer") == 0)
			json_object_set_new(objects, traced.trace.polls[i].object, json_true());
	cr_assert_eq(json_object_size(objects), (size_t)truth_value(traced.truth, "objects"));
}
