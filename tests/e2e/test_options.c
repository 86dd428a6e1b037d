/* SPDX-License-Identifier: Apache-2.0
 *
 * Each variable of the options' table: what it changes, and that a bad value is said once and keeps
 * the default.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

TestSuite(options, .init = harness_enter, .fini = harness_leave, .timeout = 30);

/* A flood of this many callbacks, with these settings. */
static struct run *flood(const char *count, const char *first, const char *second,
			 const char *third)
{
	static struct run run;

	run = (struct run){.program = build_path("fixtures/flood"),
			   .args = {count},
			   .env = {first, second, third}};
	return &run;
}

static size_t count_lines_with(const char *text, const char *part)
{
	size_t count = 0;

	for (const char *line = text; line && *line;
	     line = strchr(line, '\n'), line += line != NULL) {
		const char *end = strchr(line, '\n');
		const char *found = strstr(line, part);

		count += found && (!end || found < end);
	}
	return count;
}

Test(options, path)
{
	run_well(&(struct run){.program = build_path("fixtures/timers"),
			       .env = {"UVTRACE_PATH=deep/down/mine.bin"}});
	cr_assert_eq(count_files("deep/down", "mine."), 1);
	cr_assert_eq(count_files(".", "uvtrace.data"), 0);
	trace_read("deep/down");
}

Test(options, path_is_taken_at_the_start)
{
	const char *script = "cd / && exec \"$0\"";
	char *path;

	cr_assert_gt(asprintf(&path, "UVTRACE_PATH=%s/absolute.bin", getcwd(NULL, 0)), 0);
	cr_assert_eq(
	    run_program(&(struct run){.program = "sh",
				      .args = {"-c", script, build_path("fixtures/timers")},
				      .env = {path}})
		.status,
	    0);
	cr_assert_eq(count_files(".", "absolute."), 1);
}

/* Each process has files of its own, and a second run never overwrites the first. */
Test(options, nothing_is_overwritten)
{
	for (int i = 0; i < 3; i++)
		run_well(&(struct run){.program = build_path("fixtures/timers")});
	cr_assert_eq(count_files("uvtrace.data", ".bin"), 3);
}

Test(options, writer_single)
{
	struct traced traced = trace_program(flood(
	    "100000", "UVTRACE_WRITER=single", "UVTRACE_FILE_SIZE=64K", "UVTRACE_RING_SIZE=64M"));

	cr_assert_eq(count_files("uvtrace.data", ".bin"), 1);
	cr_assert_gt(sum_files("uvtrace.data", ".bin"), 65536);
	cr_assert_eq(trace_count_polls(&traced.trace, "idle", NULL), 100000);
}

Test(options, writer_null)
{
	run_well(&(struct run){.program = build_path("fixtures/timers"),
			       .env = {"UVTRACE_WRITER=null"}});
	cr_assert_eq(count_files(".", ""), 0, "the null writer writes nothing");
}

Test(options, file_size)
{
	struct traced traced =
	    trace_program(flood("100000", "UVTRACE_FILE_SIZE=64K", "UVTRACE_RING_SIZE=64M", NULL));

	cr_assert_gt(count_files("uvtrace.data", ".bin"), 2);
	cr_assert_eq(trace_count_polls(&traced.trace, "idle", NULL), 100000,
		     "segments together hold everything");
}

Test(options, total_size)
{
	run_well(flood("1500000", "UVTRACE_FILE_SIZE=128K", "UVTRACE_TOTAL_SIZE=512K",
		       "UVTRACE_RING_SIZE=64M"));
	cr_assert_leq(sum_files("uvtrace.data", ".bin"), 512 * 1024);
	cr_assert_gt(count_files("uvtrace.data", ".bin"), 1);
	trace_read("uvtrace.data");
}

/* Earlier processes' files count: a second process makes room by removing the first one's. */
Test(options, total_size_counts_earlier_processes)
{
	for (int i = 0; i < 4; i++)
		run_well(flood("200000", "UVTRACE_FILE_SIZE=128K", "UVTRACE_TOTAL_SIZE=512K",
			       "UVTRACE_RING_SIZE=64M"));
	cr_assert_leq(sum_files("uvtrace.data", ".bin"), 512 * 1024);
}

Test(options, rotate_seconds)
{
	struct run run = {.program = build_path("fixtures/control"),
			  .env = {"UVTRACE_ROTATE_SECONDS=1"}};
	struct session session = session_start(&run);

	for (int i = 0; i < 5; i++) {
		session_say(&session, "sleep 600", "sleeping");
		session_say(&session, "tick 1", "ok");
	}
	session_say(&session, "quit", NULL);
	cr_assert_eq(session_end(&session), 0);
	cr_assert(wait_for_drain(session.pid));
	cr_assert_geq(count_files("uvtrace.data", ".bin"), 2);
}

/* A ring that is too small for a flood: what is missing is said, and what is there and missing is
 * everything: each turn of the loop is a poll's start and end, and a look at the fds. */
static uint64_t count_lost(const struct trace *trace)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < trace->event_count; i++)
		if (strcmp(event_text(trace->events[i], "event"), "Lost") == 0)
			lost += event_number(trace->events[i], "count");
	return lost;
}

Test(options, ring_size)
{
	static const char *const each_iteration[] = {"PollStart", "PollEnd", "LoopTurn",
						     "LoopEnter", "LoopLeave"};
	struct result result = run_well(flood("200000", "UVTRACE_RING_SIZE=16K", NULL, NULL));
	json_t *truth = truth_read(result.out);
	struct trace trace = trace_read("uvtrace.data");
	uint64_t lost = event_number(analyze("uvtrace.data", NULL), "lost_events"), there = 0;

	for (size_t i = 0; i < sizeof(each_iteration) / sizeof(each_iteration[0]); i++)
		there += trace_count(&trace, each_iteration[i], NULL);
	cr_assert_eq(there + lost, 3 * (uint64_t)truth_value(truth, "idle") + 2,
		     "%lu events, %lu lost", there, lost);
	cr_assert_eq(count_lost(&trace), lost);
}

Test(options, enabled_off)
{
	struct result result = run_well(
	    &(struct run){.program = build_path("fixtures/timers"), .env = {"UVTRACE_ENABLED=0"}});

	cr_assert(result.out[0]);
	if (count_files(".", "uvtrace.data") && count_files("uvtrace.data", ".bin")) {
		struct trace trace = trace_read("uvtrace.data");

		cr_assert_eq(trace.poll_count, 0);
		cr_assert_eq(trace_count(&trace, "WorkerPark", NULL), 0);
	}
}

Test(options, log_levels)
{
	const char *timers = build_path("fixtures/timers");
	struct result info =
	    run_program(&(struct run){.program = timers, .env = {"UVTRACE_LOG=info"}});
	struct result quiet = run_program(
	    &(struct run){.program = timers, .env = {"UVTRACE_LOG=quiet", "UVTRACE_WRITER=no"}});

	cr_assert_geq(count_lines_with(info.err, "uvtrace: "), 1, "info says something: %s",
		      info.err);
	cr_assert_str_empty(quiet.err);
}

static void check_bad_value(const char *variable, const char *value)
{
	char setting[128];
	struct run run = {.program = build_path("fixtures/timers"), .env = {setting}};
	struct result result;
	struct trace trace;

	snprintf(setting, sizeof(setting), "%s=%s", variable, value);
	result = run_program(&run);
	cr_assert_eq(result.status, 0, "%s: status %d", setting, result.status);
	cr_assert_eq(count_lines_with(result.err, variable), 1, "%s: said: %s", setting,
		     result.err);
	cr_assert_eq(count_lines_with(result.err, ""), 1, "%s: one line: %s", setting, result.err);
	trace = trace_read("uvtrace.data");
	check_polls(&trace, truth_read(result.out), false);
	trace_free(&trace);
	harness_leave();
	harness_enter();
}

Test(options, bad_values_keep_the_default)
{
	static const char *const bad[][2] = {
	    {"UVTRACE_WRITER", "circular"},	{"UVTRACE_FILE_SIZE", "many"},
	    {"UVTRACE_FILE_SIZE", "16X"},	{"UVTRACE_FILE_SIZE", "-1"},
	    {"UVTRACE_TOTAL_SIZE", ""},		{"UVTRACE_TOTAL_SIZE", "99999999999999G"},
	    {"UVTRACE_ROTATE_SECONDS", "soon"}, {"UVTRACE_ROTATE_SECONDS", "0"},
	    {"UVTRACE_RING_SIZE", "1"},		{"UVTRACE_RING_SIZE", "12 K"},
	    {"UVTRACE_DRAIN", "processes"},	{"UVTRACE_ENABLED", "2"},
	    {"UVTRACE_ALLOC", "perhaps"},	{"UVTRACE_LOG", "loud"},
	    {"UVTRACE_STALL_MS", "25ms"},	{"UVTRACE_STALL_MS", "-1"},
	    {"UVTRACE_RECORDER_SIZE", "1K"},	{"UVTRACE_DUMPS_MAX", "0"},
	    {"UVTRACE_TRIGGER", "stall>200"},	{"UVTRACE_TRIGGER", "stall>1s,"},
	    {"UVTRACE_TRIGGER", "signal=KILL"}, {"UVTRACE_TRIGGER_EVERY", "60"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_bad_value(bad[i][0], bad[i][1]);
}

/* Who never records says nothing: `x=$(ls 2>&1)` gets what ls says alone. Who records says it once,
 * its forks too. */
Test(options, bad_values_are_said_by_who_records)
{
	struct run silent = {.program = "sh",
			     .args = {"-c", "ls / >/dev/null; ls / >/dev/null"},
			     .env = {"UVTRACE_RING_SIZE=5MB", "UVTRACE_PATH=bad/"}};
	struct run forks = {.program = build_path("fixtures/children"),
			    .env = {"UVTRACE_RING_SIZE=5MB"}};
	struct result result = run_well(&silent);

	cr_assert_str_empty(result.out);
	result = run_program(&forks);
	cr_assert_eq(result.status, 0);
	cr_assert_eq(count_lines_with(result.err, "UVTRACE_RING_SIZE"), 1, "said: %s", result.err);
}

/* A path that stands for something else than a file is refused, and nothing is made there or
 * elsewhere. */
static void check_refused_path(const char *path, const char *why)
{
	char setting[128];
	struct run run = {.program = build_path("fixtures/timers"), .env = {setting}};
	struct result result;

	snprintf(setting, sizeof(setting), "UVTRACE_PATH=%s", path);
	result = run_program(&run);
	cr_expect_eq(result.status, 0, "%s", setting);
	cr_expect(strstr(result.err, why) && strstr(result.err, "cannot trace: "), "%s: said: %s",
		  setting, result.err);
	cr_expect_eq(count_lines_with(result.err, ""), 1, "%s: one line: %s", setting, result.err);
	cr_expect_eq(count_files(".", "bin") + count_files("/dev", ".bin") +
			 count_files("folder", ""),
		     0, "%s", setting);
	result_free(&result);
}

Test(options, paths_that_are_no_files)
{
	static const char *const systems[] = {
	    "/dev/null",      "/dev/new/trace.bin",    "/proc/self/trace.bin",
	    "/sys/trace.bin", "/tmp/../dev/trace.bin", "link/trace.bin"};

	cr_assert_eq(mkdir("folder", 0700) || symlink("/dev", "link") || mkfifo("fifo", 0600), 0);
	for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++)
		check_refused_path(systems[i], "nothing is recorded into /dev, /proc or /sys");
	check_refused_path("folder", "not a regular file");
	check_refused_path("fifo", "not a regular file");
	run_well(&(struct run){.program = build_path("fixtures/timers"),
			       .env = {"UVTRACE_PATH=/dev/null", "UVTRACE_WRITER=null"}});
	run_well(&(struct run){.program = build_path("fixtures/timers"),
			       .env = {"UVTRACE_PATH=/dev/shm/uvtrace-test/trace.bin"}});
	cr_expect_eq(count_files("/dev/shm/uvtrace-test", ".bin"), 1);
	cr_assert_eq(system("rm -rf /dev/shm/uvtrace-test"), 0);
}

/* Two processes at once on one path: each has its own files, with its own events. */
Test(options, two_processes_on_one_path)
{
	struct run run = {.program = build_path("fixtures/control")};
	struct session first = session_start(&run), second = session_start(&run);
	json_t *report, *processes;
	uint64_t pids[2];

	for (int i = 0; i < 20; i++) {
		session_say(&first, "tick 10", "ok");
		session_say(&second, "tick 20", "ok");
	}
	session_say(&first, "quit", NULL);
	session_say(&second, "quit", NULL);
	cr_assert_eq(session_end(&first), 0);
	cr_assert(wait_for_drain(first.pid));
	cr_assert_eq(session_end(&second), 0);
	cr_assert(wait_for_drain(second.pid));
	report = analyze("uvtrace.data", NULL);
	processes = json_object_get(report, "processes");
	cr_assert_eq(json_array_size(processes), 2);
	for (size_t i = 0; i < 2; i++)
		pids[i] = event_number(json_array_get(processes, i), "pid");
	cr_assert((pids[0] == (uint64_t)first.pid && pids[1] == (uint64_t)second.pid) ||
		  (pids[0] == (uint64_t)second.pid && pids[1] == (uint64_t)first.pid));
}

static struct result analyze_text(const char *option)
{
	return run_program(&(struct run){.program = build_path("analyze_trace"),
					 .args = {"uvtrace.data", option},
					 .bare = true});
}

/* Of many processes the text report is an overview; each can be seen, and JSON has all. */
Test(options, overview_of_many_processes)
{
	struct run run = {.program = build_path("fixtures/early_sends")};
	char last[32] = "";

	for (int i = 0; i < 11; i++) {
		struct result result = run_well(&run);
		snprintf(last, sizeof(last), "--process=%d", (int)result.pid);
		result_free(&result);
	}
	struct result overview = analyze_text(NULL), all = analyze_text("--all"),
		      one = analyze_text(last), none = analyze_text("--process=1");
	json_t *report = analyze("uvtrace.data", NULL);
	cr_assert_eq(strncmp(overview.out, "11 processes within ", 20), 0, "%s", overview.out);
	cr_assert_not_null(strstr(overview.out, "REPORTS of the worst 5"));
	cr_assert_not_null(strstr(all.out, "REPORTS of all 11"));
	cr_assert_eq(one.status, 0);
	cr_assert(strstr(one.out, "The program exited normally.") && !strstr(one.out, "PROCESSES"));
	cr_assert_eq(none.status, 1);
	cr_assert_not_null(strstr(none.err, "no process 1 in this trace"));
	cr_assert_eq(json_array_size(json_object_get(report, "processes")), 11);
	json_decref(report);
}
