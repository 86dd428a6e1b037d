/* SPDX-License-Identifier: Apache-2.0
 *
 * Steering a trace while the program runs: from outside by trace_ctl, from inside by uvtrace.h; and
 * reading segments that are still being written.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

TestSuite(control, .init = harness_enter, .fini = harness_leave, .timeout = 30);

static struct session start_traced(const char *drain)
{
	return session_start(
	    &(struct run){.program = build_path("fixtures/control"), .env = {drain}});
}

static struct result control(pid_t pid, const char *command)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return run_program(&(struct run){
	    .program = build_path("trace_ctl"), .args = {text, command}, .bare = true});
}

static void control_well(pid_t pid, const char *command)
{
	struct result result = control(pid, command);

	cr_assert_eq(result.status, 0, "trace_ctl %s: status %d: %s", command, result.status,
		     result.err);
	result_free(&result);
}

static size_t count_ticks(void)
{
	struct trace trace = trace_read("uvtrace.data");
	size_t count = trace_count_polls(&trace, "timer", "on_tick");

	trace_free(&trace);
	return count;
}

/* The same of a trace that may begin inside a callback: the one that asks for another segment may
 * still run then. */
static uint64_t analyzed_ticks(void)
{
	json_t *report = analyze("uvtrace.data", NULL);
	uint64_t count = 0;
	const json_t *callback;
	size_t i;

	json_array_foreach(json_object_get(report, "callbacks"), i, callback)
	{
		if (name_is(event_text(callback, "callback"), "on_tick"))
			count += event_number(callback, "count");
	}
	json_decref(report);
	return count;
}

/* What was recorded before a flush can be read after it, from a file that is still open. */
static void check_flush(const char *drain)
{
	struct session session = start_traced(drain);

	session_say(&session, "tick 100", "ok");
	control_well(session.pid, "flush");
	cr_assert_eq(count_files("uvtrace.data", ".bin.open"), 1);
	cr_assert_eq(count_ticks(), 100);
	session_say(&session, "tick 50", "ok");
	control_well(session.pid, "flush");
	cr_assert_eq(count_ticks(), 150);
	session_say(&session, "quit", NULL);
	cr_assert_eq(session_end(&session), 0);
	cr_assert(wait_for_drain(session.pid));
	cr_assert_eq(count_files("uvtrace.data", ".bin.open"), 0);
	cr_assert_eq(count_ticks(), 150);
}

Test(control, flush)
{
	check_flush("UVTRACE_DRAIN=process");
}

Test(control, flush_in_thread)
{
	check_flush("UVTRACE_DRAIN=thread");
}

/* A rotation seals the segment and begins another; together they hold everything, and each can be
 * read alone. */
Test(control, rotate)
{
	struct session session = start_traced(NULL);

	session_say(&session, "tick 30", "ok");
	control_well(session.pid, "rotate");
	cr_assert_eq(count_files("uvtrace.data", ".bin") - count_files("uvtrace.data", ".bin.open"),
		     1);
	session_say(&session, "tick 20", "ok");
	session_say(&session, "quit", NULL);
	cr_assert_eq(session_end(&session), 0);
	cr_assert(wait_for_drain(session.pid));
	cr_assert_eq(count_files("uvtrace.data", ".bin"), 2);
	cr_assert_eq(count_ticks(), 50);
	cr_assert_eq(run_program(&(struct run){.program = "sh",
					       .args = {"-c", "rm uvtrace.data/*.1.bin"},
					       .bare = true})
			 .status,
		     0);
	cr_assert_eq(analyzed_ticks(), 20, "the second segment alone");
}

Test(control, disable_and_enable)
{
	struct session session = start_traced(NULL);

	session_say(&session, "tick 10", "ok");
	control_well(session.pid, "disable");
	session_say(&session, "tick 20", "ok");
	control_well(session.pid, "enable");
	session_say(&session, "tick 40", "ok");
	session_say(&session, "quit", NULL);
	cr_assert_eq(session_end(&session), 0);
	cr_assert(wait_for_drain(session.pid));
	cr_assert_eq(count_ticks(), 50);
}

Test(control, started_off_then_enabled)
{
	struct session session = start_traced("UVTRACE_ENABLED=0");

	session_say(&session, "tick 20", "ok");
	control_well(session.pid, "enable");
	session_say(&session, "tick 40", "ok");
	session_say(&session, "quit", NULL);
	cr_assert_eq(session_end(&session), 0);
	cr_assert(wait_for_drain(session.pid));
	cr_assert_eq(count_ticks(), 40);
}

/* The status names the callback that is running now. */
Test(control, status_says_what_runs)
{
	struct session session = start_traced(NULL);
	struct result result;

	session_say(&session, "tick 10", "ok");
	session_say(&session, "sleep 1500", "sleeping");
	result = control(session.pid, "status");
	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert(strstr(result.out, "loop"), "%s", result.out);
	cr_assert(strstr(result.out, "timer"), "a timer callback runs: %s", result.out);
	session_say(&session, "quit", NULL);
	cr_assert_eq(session_end(&session), 0);
	cr_assert(wait_for_drain(session.pid));
}

Test(control, bad_usage)
{
	struct result nobody = control(1 << 30, "status");
	struct result untraced = control(getpid(), "status");
	struct result unknown = control(getpid(), "explode");
	struct result nothing =
	    run_program(&(struct run){.program = build_path("trace_ctl"), .bare = true});

	cr_assert_eq(nobody.status, 1);
	cr_assert_eq(untraced.status, 1);
	cr_assert_eq(unknown.status, 2);
	cr_assert_eq(nothing.status, 2);
	cr_assert(untraced.err[0] && unknown.err[0] && nothing.err[0] && nobody.err[0]);
}

/* uvtrace.h: what lies between disable and enable is not recorded; without the library all calls do
 * nothing. */
Test(control, api)
{
	struct traced traced = trace_program(&(struct run){.program = build_path("fixtures/api")});
	json_t *bare = truth_read(
	    run_well(&(struct run){.program = build_path("fixtures/api"), .bare = true}).out);

	check_polls(&traced.trace, traced.truth, false);
	cr_assert_eq(truth_value(traced.truth, "unrecorded"), 10);
	cr_assert_eq(truth_value(traced.truth, "active"), 1);
	cr_assert_eq(truth_value(traced.truth, "enabled_at_start"), 1);
	cr_assert_eq(truth_value(traced.truth, "enabled_after_disable"), 0);
	cr_assert_eq(truth_value(traced.truth, "enabled_after_enable"), 1);
	/* Each change counts, however short recording was off. */
	cr_assert_eq(trace_count(&traced.trace, "Recording", NULL),
		     (size_t)truth_value(traced.truth, "switched"));
	cr_assert_eq(truth_value(traced.truth, "flushed"), 1);
	cr_assert_eq(truth_value(bare, "active"), 0);
	cr_assert_eq(truth_value(bare, "enabled_after_enable"), 0);
}

/* A dead process' ring stays until somebody has read it. */
static void remove_ring(pid_t pid)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -f /dev/shm/uvtrace.%d.*", (int)pid);
	cr_assert_eq(
	    run_program(&(struct run){.program = "sh", .args = {"-c", command}, .bare = true})
		.status,
	    0);
}

/* Killed inside a callback: what came before is there, and so is what it died in. */
static void check_killed(const char *drain)
{
	struct session session = start_traced(drain);
	struct trace trace;
	const struct poll *last;

	session_say(&session, "tick 1000", "ok");
	control_well(session.pid, "flush");
	session_say(&session, "sleep 20000", "sleeping");
	cr_assert_eq(kill(session.pid, SIGKILL), 0);
	cr_assert_eq(session_end(&session), 128 + SIGKILL);
	if (strstr(drain, "process"))
		wait_for_seal();
	trace = trace_read("uvtrace.data");
	remove_ring(session.pid);
	last = &trace.polls[trace.poll_count - 1];
	cr_assert_eq(trace_count_polls(&trace, "timer", "on_tick"), 1000, "%zu ticks",
		     trace_count_polls(&trace, "timer", "on_tick"));
	cr_assert_eq(trace.open_polls, 1);
	cr_assert_eq(last->end_ns, 0);
	cr_assert(name_is(last->callback, "on_sleep"));
}

Test(control, killed_in_callback)
{
	check_killed("UVTRACE_DRAIN=process");
}

/* Killed before the drain has had time for anything: no event is missing. */
Test(control, killed_at_once)
{
	struct session session = start_traced(NULL);
	struct trace trace;

	session_say(&session, "tick 1000", "ok");
	cr_assert_eq(kill(session.pid, SIGKILL), 0);
	cr_assert_eq(session_end(&session), 128 + SIGKILL);
	wait_for_seal();
	trace = trace_read("uvtrace.data");
	cr_assert_eq(trace_count_polls(&trace, "timer", NULL), 1000);
}

/* Nobody is left to drain: the readers take what lies in the ring. */
Test(control, killed_with_its_drain)
{
	check_killed("UVTRACE_DRAIN=thread");
}
