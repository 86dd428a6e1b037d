/* SPDX-License-Identifier: Apache-2.0
 *
 * UVTRACE_TRIGGER: the flight recorder dumps by itself when something happens, and not when nothing
 * does.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "recorder_helper.h"

TestSuite(recorder_triggers, .init = harness_enter, .fini = harness_leave, .timeout = 60);

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* The one dump that a trigger asked for, once the program has ended. */
static void check_triggered(const char *reason)
{
	struct trace trace;
	char path[256];

	cr_assert(wait_until(has_dump, ALL_DUMPS), "nothing was triggered");
	cr_assert_eq(dumps(ALL_DUMPS, path), 1);
	trace = trace_read(path);
	cr_assert_str_eq(event_text(trace.start, "dump_cause"), "trigger");
	cr_assert(begins(event_text(trace.start, "dump_reason"), reason), "%s",
		  event_text(trace.start, "dump_reason"));
	trace_free(&trace);
}

static void check_sleep(const char *trigger, const char *reason)
{
	struct session session = start("fixtures/control", trigger, NULL);

	session_say(&session, "tick 10", "ok");
	session_say(&session, "sleep 1500", "sleeping");
	session_say(&session, "tick 10", "ok");
	sleep(2);
	quit(&session);
	if (reason)
		check_triggered(reason);
	else
		cr_assert_eq(dumps(ALL_DUMPS, NULL), 0);
}

Test(recorder_triggers, a_stall)
{
	check_sleep("UVTRACE_TRIGGER=stall>300ms", "stall>300ms: ");
}

Test(recorder_triggers, a_loop_that_does_not_come_back)
{
	check_sleep("UVTRACE_TRIGGER=loop_delay>300ms", "loop_delay>300ms: ");
}

Test(recorder_triggers, not_a_shorter_stall)
{
	check_sleep("UVTRACE_TRIGGER=stall>1h,loop_delay>1h,pool_wait>1h,exit!=0", NULL);
}

/* Items of 50 ms on four threads: the last wait for half a second. */
Test(recorder_triggers, a_queue_of_the_pool)
{
	struct result result =
	    run_program(&(struct run){.program = build_path("fixtures/saturated"),
				      .args = {"44"},
				      .env = {RECORDER, "UVTRACE_TRIGGER=pool_wait>150ms"}});

	cr_assert_eq(result.status, 0, "%s", result.err);
	check_triggered("pool_wait>150ms: ");
	result_free(&result);
}

static void check_exit(const char *trigger, size_t count)
{
	struct session session = start("fixtures/control", trigger, NULL);

	session_say(&session, "tick 10", "ok");
	wait_for_helper(session.pid);
	session_say(&session, "abort", NULL);
	cr_assert(wait_until(memory_is_gone, &session.pid));
	cr_assert_eq(session_end(&session), 3); /* its status could be read before */
	cr_assert_eq(dumps(ALL_DUMPS, NULL), count);
	if (count > 0)
		check_triggered("exit!=0: it exited with status 3");
}

Test(recorder_triggers, a_bad_exit)
{
	check_exit("UVTRACE_TRIGGER=exit!=0", 1);
}

Test(recorder_triggers, a_bad_exit_alone_is_no_death)
{
	check_exit("UVTRACE_TRIGGER=none", 0);
}

/* The second one comes too soon: it is counted, and the next dump says so. */
Test(recorder_triggers, a_signal_but_not_too_often)
{
	struct session session = start("fixtures/control", "UVTRACE_TRIGGER=signal=USR2", NULL);
	struct trace trace;
	char *path;

	session_say(&session, "tick 10", "ok");
	kill(session.pid, SIGUSR2);
	session_say(&session, "tick 10", "ok");
	kill(session.pid, SIGUSR2);
	session_say(&session, "tick 10", "ok");
	path = dump_well(session.pid, NULL, NULL, NULL);
	trace = trace_read(path);
	cr_assert_eq(event_number(trace.start, "dump_suppressed"), 1);
	trace_free(&trace);
	free(path);
	cr_assert_eq(dumps(ALL_DUMPS, NULL), 1, "the other waits for what comes next");
	quit(&session);
	cr_assert_eq(dumps(ALL_DUMPS, NULL), 2, "what is asked for is written at the end");
}

/* A program that has a handler of its own keeps it. */
Test(recorder_triggers, not_the_programs_own_signal)
{
	struct result result = run_program(
	    &(struct run){.program = "env",
			  .args = {"--ignore-signal=USR2", build_path("fixtures/timers")},
			  .env = {RECORDER, "UVTRACE_TRIGGER=signal=USR2"}});

	cr_assert_eq(result.status, 0);
	cr_assert_not_null(strstr(result.err, "the program uses SIGUSR2 itself"), "%s", result.err);
	cr_assert_eq(dumps(ALL_DUMPS, NULL), 0);
	result_free(&result);
}

/* What does nothing is said, once. */
Test(recorder_triggers, need_a_recorder)
{
	struct result result = run_program(&(struct run){.program = build_path("fixtures/timers"),
							 .env = {"UVTRACE_TRIGGER=stall>1s"}});

	cr_assert_eq(result.status, 0);
	cr_assert_not_null(
	    strstr(result.err, "UVTRACE_TRIGGER does nothing without UVTRACE_WRITER=recorder"),
	    "%s", result.err);
	result_free(&result);
}
