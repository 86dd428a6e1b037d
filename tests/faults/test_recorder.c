/* SPDX-License-Identifier: Apache-2.0
 *
 * The flight recorder: nothing is written until somebody asks, a trigger holds, or the program
 * dies; then what was in memory is a trace that tells why it is there and what time it covers.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder_helper.h"

TestSuite(recorder, .init = harness_enter, .fini = harness_leave, .timeout = 60);

static size_t ticks_in(const char *path)
{
	struct trace trace = trace_read(path);
	size_t count = trace_count_polls(&trace, "timer", "on_tick");

	trace_free(&trace);
	return count;
}

static void check_dump(const char *drain)
{
	struct session session = start("fixtures/control", drain, NULL);
	struct trace trace;
	char *path;

	session_say(&session, "tick 100", "ok");
	cr_assert_neq(access("uvtrace.data", F_OK), 0, "nothing is written before");
	path = dump_well(session.pid, "--reason=one \"two\"", NULL, NULL);
	trace = trace_read(path);
	cr_assert_eq(trace_count_polls(&trace, "timer", "on_tick"), 100);
	cr_assert_str_eq(event_text(trace.start, "dump_cause"), "trace_ctl");
	cr_assert_str_eq(event_text(trace.start, "dump_reason"), "one \"two\"");
	cr_assert_eq(event_number(trace.start, "dump_covered_from_ns"),
		     event_number(trace.start, "start_timestamp_ns"), "all there was");
	trace_free(&trace);
	session_say(&session, "tick 50", "ok");
	free(path);
	path = dump_well(session.pid, NULL, NULL, NULL);
	cr_assert_eq(ticks_in(path), 150, "what was dumped is still in memory");
	free(path);
	quit(&session);
	cr_assert_eq(dumps(ALL_DUMPS, NULL), 2);
	cr_assert_eq(count_files("uvtrace.data", ".bin"), 0, "no trace beside the dumps");
}

Test(recorder, writes_what_it_has_when_asked)
{
	check_dump("UVTRACE_DRAIN=process");
}

Test(recorder, writes_what_it_has_when_asked_in_a_thread)
{
	check_dump(THREAD);
}

/* What was asked for is covered, by the times that the trace tells of itself. */
Test(recorder, covers_the_range_that_was_asked_for)
{
	struct session session = start("fixtures/control", NULL, NULL);
	struct trace trace;
	uint64_t from, to;
	char *path;

	session_say(&session, "tick 10", "ok");
	sleep(1);
	path = dump_well(session.pid, "--last=300ms", "--next=400ms", NULL);
	trace = trace_read(path);
	from = event_number(trace.start, "dump_requested_from_ns");
	to = event_number(trace.start, "dump_requested_to_ns");
	cr_assert_eq(to - from, 7 * SECOND / 10);
	cr_assert_leq(event_number(trace.start, "dump_covered_from_ns"), from);
	cr_assert_geq(event_number(trace.start, "dump_covered_to_ns"), to);
	trace_free(&trace);
	free(path);
	quit(&session);
}

static bool ring_is_there(void *pid)
{
	return has_ring(*(pid_t *)pid);
}

/* As many callbacks as there can be, until it is killed. */
static struct session start_flood(const char *setting, const char *more)
{
	struct session session =
	    session_start(&(struct run){.program = build_path("fixtures/flood"),
					.args = {"2000000000"},
					.env = {RECORDER, setting, more}});

	cr_assert(wait_until(ring_is_there, &session.pid));
	return session;
}

static void end_flood(struct session *session)
{
	kill(session->pid, SIGKILL);
	session_end(session);
	cr_assert(wait_until(memory_is_gone, &session->pid));
}

/* Memory is bounded: the oldest events make room, and the dump says that they are gone. */
Test(recorder, keeps_the_newest_and_says_what_is_gone)
{
	struct session session = start_flood("UVTRACE_RECORDER_SIZE=1M", NULL);
	json_t *report;
	const char *line;
	char *path;
	bool said = false;
	size_t i;
	const json_t *value;

	sleep(2);
	path = dump_well(session.pid, "--last=10m", NULL, NULL);
	cr_assert_leq(sum_files(path, ".bin"), 3 << 19, "as much as was in memory");
	report = analyze(path, NULL);
	json_array_foreach(json_object_get(report, "warnings"), i, value)
	{
		line = json_string_value(value);
		said |= strstr(line, "The first ") && strstr(line, "are not in it");
	}
	cr_assert(said, "no warning says what is missing");
	cr_assert_gt(event_number(json_object_get(report, "dump"), "covered_from_ns"),
		     event_number(json_object_get(report, "dump"), "requested_from_ns"));
	json_decref(report);
	free(path);
	end_flood(&session);
}

/* The oldest dumps go; a rotating budget has nothing to do with them. */
Test(recorder, keeps_the_newest_dumps)
{
	struct session session = start("fixtures/control", "UVTRACE_DUMPS_MAX=2", NULL);

	session_say(&session, "tick 10", "ok");
	for (int i = 0; i < 4; i++)
		free(dump_well(session.pid, NULL, NULL, NULL));
	cr_assert_eq(dumps(ALL_DUMPS, NULL), 2);
	cr_assert_eq(dumps("uvtrace.data/trace.*.4.dump", NULL), 1);
	cr_assert_eq(dumps("uvtrace.data/trace.*.3.dump", NULL), 1);
	quit(&session);
}

/* The last callback in the trace is the one that ran. */
Test(recorder, writes_what_led_to_a_kill)
{
	struct session session = start("fixtures/control", NULL, NULL);
	struct trace trace;
	char path[256];

	session_say(&session, "tick 20", "ok");
	wait_for_helper(session.pid);
	session_say(&session, "sleep 20000", "sleeping");
	kill(session.pid, SIGKILL);
	cr_assert(wait_until(has_dump, ALL_DUMPS));
	cr_assert_eq(session_end(&session), 128 + SIGKILL); /* its status could be read before */
	cr_assert_eq(dumps(ALL_DUMPS, path), 1);
	trace = trace_read(path);
	cr_assert_eq(trace_count_polls(&trace, "timer", "on_tick"), 20);
	cr_assert_eq(trace.open_polls, 1);
	cr_assert(name_is(trace.polls[trace.poll_count - 1].callback, "on_sleep"));
	cr_assert_str_eq(event_text(trace.start, "dump_cause"), "died");
	cr_assert_str_eq(event_text(trace.start, "dump_reason"), "killed by signal 9 (SIGKILL)");
	trace_free(&trace);
	cr_assert(wait_until(memory_is_gone, &session.pid));
}

/* Program and helper die together: what they had in memory is found. */
Test(recorder, is_recovered_after_the_death_of_all)
{
	struct session session = start("fixtures/control", THREAD, NULL);
	struct result result;
	char path[256];

	session_say(&session, "tick 20", "ok");
	free(dump_well(session.pid, NULL, NULL, NULL));
	session_say(&session, "tick 30", "ok");
	kill(session.pid, SIGKILL);
	cr_assert_eq(session_end(&session), 128 + SIGKILL);
	cr_assert_not(memory_is_gone(&session.pid));
	result = run_program(
	    &(struct run){.program = build_path("trace_ctl"), .args = {"recover"}, .bare = true});
	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_not_null(strstr(result.out, ".2.dump"), "%s", result.out);
	result_free(&result);
	cr_assert_eq(dumps("uvtrace.data/trace.*.2.dump", path), 1);
	cr_assert_eq(ticks_in(path), 50);
	cr_assert(memory_is_gone(&session.pid));
}

Test(recorder, program_asks_for_a_dump)
{
	struct result result =
	    run_program(&(struct run){.program = build_path("fixtures/api"), .env = {RECORDER}});
	json_t *truth = truth_read(result.out);
	struct trace trace;
	char path[256];

	cr_assert_eq(result.status, 0);
	cr_assert_eq(truth_value(truth, "dump_asked"), 1);
	cr_assert(wait_until(has_dump, ALL_DUMPS));
	dumps(ALL_DUMPS, path);
	trace = trace_read(path);
	cr_assert_str_eq(event_text(trace.start, "dump_cause"), "program");
	cr_assert_str_eq(event_text(trace.start, "dump_reason"), "from inside");
	cr_assert_geq(trace_count_polls(&trace, "timer", "on_recorded"), 10);
	trace_free(&trace);
	json_decref(truth);
	result_free(&result);
}

/* ---- Many, and bad ones ---------------------------------------------------------------------- */

/* At any time under load: each can be read, and has what its own figures say. */
Test(recorder, dumps_under_load_can_be_read)
{
	struct session session = start_flood("UVTRACE_RECORDER_SIZE=1M", "UVTRACE_DUMPS_MAX=100");

	srand(1);
	for (int i = 0; i < 50; i++) {
		char last[32];
		json_t *report;
		char *path;

		snprintf(last, sizeof(last), "--last=%dms", rand() % 300 + 1);
		path = dump_well(session.pid, last, NULL, NULL);
		report = analyze(path, NULL);
		cr_assert_gt(event_number(report, "events"), 0);
		cr_assert_eq(json_array_size(json_object_get(report, "problems")), 0);
		json_decref(report);
		free(path);
	}
	end_flood(&session);
}

static void check_refused(const struct result *result, int status, const char *line)
{
	cr_assert_eq(result->status, status, "%s", result->err);
	cr_assert_not_null(strstr(result->err, line), "\"%s\" is not in \"%s\"", line, result->err);
}

Test(recorder, says_what_is_wrong)
{
	static const struct {
		const char *argument, *line;
	} bad[] = {{"--last=3", "--last=3: not a time"},
		   {"--last=", "--last=: not a time"},
		   {"--next=-1s", "--next=-1s: not a time"},
		   {"--last=99999999999999999999h", "not a time"},
		   {"--first=1s", "--first=1s: no such option of dump"},
		   {"now", "now: no such option of dump"}};
	struct session session =
	    session_start(&(struct run){.program = build_path("fixtures/control"), .env = {NULL}});
	struct result result;

	session_say(&session, "tick 1", "ok");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		result = control(session.pid, bad[i].argument, NULL, NULL);
		check_refused(&result, 2, bad[i].line);
		result_free(&result);
	}
	result = control(session.pid, NULL, NULL, NULL);
	check_refused(&result, 1, "it has no flight recorder");
	result_free(&result);
	session_say(&session, "quit", NULL);
	cr_assert_eq(session_end(&session), 0);
	cr_assert(wait_for_drain(session.pid));
}
