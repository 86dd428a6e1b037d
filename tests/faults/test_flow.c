/* SPDX-License-Identifier: Apache-2.0
 *
 * Control that takes unusual ways, many of everything, and relations between processes.
 */
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SITES_MAX    8192
#define FULL_US	     10000000

TestSuite(fault_flow, .timeout = 240);

FAULT(fault_flow, uv_async_send_in_a_signal_handler, .program = "fault_flow", .args = {"signals"},
      .env = {"UVTRACE_RING_SIZE=64M"}, .flags = FAULT_SOME_LOST)
FAULT(fault_flow, longjmp_out_of_a_callback, .program = "fault_flow", .args = {"longjmp"})
FAULT(fault_flow, pthread_exit, .program = "fault_flow", .args = {"thread_exit"})
FAULT(fault_flow, nested_uv_run, .program = "fault_flow", .args = {"nesting"})
FAULT(fault_flow, handles_and_requests_freed, .program = "fault_flow", .args = {"freeing"})
FAULT(fault_flow, a_loop_before_all_constructors, .program = "fault_flow", .args = {"early"})

FAULT(fault_flow, ten_thousand_threads, .program = "fault_scale", .args = {"threads", "10000"},
      .env = {"UVTRACE_RING_SIZE=64K"}, .flags = FAULT_CROWDED)
FAULT(fault_flow, threads_64_at_once, .program = "fault_scale", .args = {"crowd", "6400"},
      .flags = FAULT_CROWDED)
FAULT(fault_flow, thousand_loops, .program = "fault_scale", .args = {"loops", "1000"})
FAULT(fault_flow, hundred_thousand_handles, .program = "fault_scale", .args = {"handles", "100000"},
      .env = {"UVTRACE_RING_SIZE=64M"})

/* The first process of a pid namespace, without a /proc of its own. */
static int first_of_namespace(void)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID) != 0)
		return -1;
	pid = fork();
	if (pid == 0)
		return 0;
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		_exit(125);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

FAULT(fault_flow, sigchld_handler_and_waitpid, .program = "fault_reap")
FAULT(fault_flow, waitpid_wall, .program = "fault_reap", .args = {"wall"})
FAULT(fault_flow, child_subreaper, .program = "fault_reap", .args = {"subreaper"})
FAULT(fault_flow, child_subreaper_with_wall, .program = "fault_reap", .args = {"subreaper", "wall"})
FAULT(fault_flow, pid_1, .program = "fault_reap", .prepare = first_of_namespace,
      .flags = FAULT_ROOT)
FAULT(fault_flow, pid_1_with_wall, .program = "fault_reap", .args = {"wall"},
      .prepare = first_of_namespace, .flags = FAULT_ROOT)
FAULT(fault_flow, pid_1_that_is_killed, .program = "fault_end", .args = {"kill"},
      .prepare = first_of_namespace, .flags = FAULT_ROOT | FAULT_DIES | FAULT_BOTH_DIE)

/* Each callback was registered once and ran once: it is a poll, or it got no thunk and is counted.
 */
Test(fault_flow, generated_callbacks)
{
	for (enum fault_mode mode = 0; mode < FAULT_MODES; mode++) {
		struct run run = {.program = build_path("fixtures/fault_scale"),
				  .args = {"callbacks", "10000"},
				  .env = {fault_mode_settings[mode], "UVTRACE_RING_SIZE=16M"}};
		struct fault_truth truth;
		json_t *report;
		uint64_t polls, untraced;

		harness_enter();
		run_well(&run);
		truth = fault_truth_read();
		cr_assert_eq(truth.processes[0].finished, 10000);
		report = fault_analyze(&truth);
		polls =
		    event_number(json_array_get(json_object_get(report, "workers"), 0), "polls");
		untraced = event_number(json_object_get(report, "untraced"), "callbacks");
		cr_expect_eq(polls + untraced, 10000, "%s: %lu polls, %lu untraced",
			     fault_mode_names[mode], polls, untraced);
		cr_expect_leq(polls, SITES_MAX);
		cr_expect_gt(polls, SITES_MAX / 2);
		json_decref(report);
		harness_leave();
	}
}

/* It is too late to see anything; nothing else changes. */
Test(fault_flow, library_loaded_late)
{
	struct run run = {.program = build_path("fixtures/fault_flow"),
			  .args = {"late", build_path("libtrace.so")},
			  .bare = true};
	struct result result;

	harness_enter();
	result = run_well(&run);
	cr_expect_str_eq(result.out, "done\n");
	harness_leave();
}

Test(fault_flow, allocator_preloaded_too)
{
	const char *jemalloc = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";
	struct fault_truth truth;
	char *preload;

	if (access(jemalloc, R_OK) != 0)
		cr_skip_test("no jemalloc on this machine");
	for (int i = 0; i < 2 * FAULT_MODES; i++) {
		struct run run = {.program = "env",
				  .args = {NULL, build_path("fixtures/fault_flow"), "freeing"},
				  .env = {fault_mode_settings[i / 2]},
				  .bare = true};

		harness_enter();
		cr_assert_gt(asprintf(&preload, "LD_PRELOAD=%s:%s",
				      i % 2 ? jemalloc : build_path("libtrace.so"),
				      i % 2 ? build_path("libtrace.so") : jemalloc),
			     0);
		run.args[0] = preload;
		run_well(&run);
		truth = fault_truth_read();
		fault_check_gone(&truth, false, "jemalloc");
		fault_check_trace(&truth, 0, 0, "jemalloc");
		harness_leave();
	}
}

/* What the program did, kept apart from what the tracer says of itself. */
static uint64_t count_program_events(const struct trace *trace)
{
	static const char *const each[] = {
	    "PollStart",    "PollEnd",	  "LoopTurn",	 "LoopEnter",  "LoopLeave", "WorkerPark",
	    "WorkerUnpark", "HandleInit", "HandleStart", "HandleStop", "HandleEnd", "HandleClose"};
	uint64_t count = 0;

	for (size_t i = 0; i < COUNT(each); i++)
		count += trace_count(trace, each[i], NULL);
	return count;
}

/* Whoever drains this program: its helper, or the thread of that name. */
static pid_t find_drain(enum fault_mode mode, pid_t pid)
{
	char dir[64], path[512], name[32] = "";
	struct dirent *entry;
	DIR *tasks;

	if (mode == FAULT_PROCESS)
		return fault_wait_for_helper(pid);
	snprintf(dir, sizeof(dir), "/proc/%d/task", (int)pid);
	tasks = opendir(dir);
	while (tasks && (entry = readdir(tasks))) {
		FILE *comm;

		snprintf(path, sizeof(path), "%s/%s/comm", dir, entry->d_name);
		comm = fopen(path, "re");
		if (comm && fgets(name, sizeof(name), comm) && strcmp(name, "uvtrace-drain\n") == 0)
			pid = atoi(entry->d_name);
		if (comm)
			fclose(comm);
	}
	if (tasks)
		closedir(tasks);
	return pid;
}

/* Holds one thread as a debugger does; nobody else is stopped. */
static bool hold(pid_t tid, unsigned us)
{
	int status;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0)
		return false;
	cr_assert_eq(ptrace(PTRACE_INTERRUPT, tid, NULL, NULL), 0);
	cr_assert_eq(waitpid(tid, &status, __WALL), tid);
	fault_sleep_us(us);
	cr_assert_eq(ptrace(PTRACE_DETACH, tid, NULL, NULL), 0);
	return true;
}

static bool has_files(void *arg)
{
	(void)arg;
	return count_files("uvtrace.data", ".bin") > 0;
}

static uint64_t run_held(enum fault_mode mode, const char *pause_ms, bool held, uint64_t *lost)
{
	struct run run = {.program = build_path("fixtures/fault_end"),
			  .args = {"pauses", pause_ms},
			  .env = {held ? "UVTRACE_RING_SIZE=64K" : "UVTRACE_RING_SIZE=64M",
				  fault_mode_settings[mode]}};
	struct fault_truth truth;
	struct session session;
	struct trace trace;
	uint64_t count;
	bool was_held = true;

	harness_enter();
	session = session_start(&run);
	if (held) {
		cr_assert(wait_until(has_files, NULL));
		was_held = hold(find_drain(mode, session.pid), FULL_US);
	}
	cr_assert_eq(session_end(&session), 0);
	truth = fault_truth_read();
	fault_check_gone(&truth, false, "held drain");
	trace = trace_read("uvtrace.data");
	count = count_program_events(&trace);
	*lost = event_number(trace.start, "lost");
	cr_expect_eq(event_number(trace.start, "missing"), 0);
	harness_leave();
	if (!was_held)
		cr_skip_test("no thread may be held here");
	return count;
}

/* Nobody drains for 10 of 12 s: what is there and what was lost is together everything. */
static void check_full_ring(enum fault_mode mode)
{
	uint64_t none, lost, all = run_held(mode, "1", false, &none),
			     there = run_held(mode, "120", true, &lost);

	cr_expect_eq(none, 0);
	cr_expect_gt(lost, 0);
	cr_expect_eq(there + lost, all, "%s: %lu events, %lu lost, %lu in all",
		     fault_mode_names[mode], there, lost, all);
}

Test(fault_flow, full_ring)
{
	check_full_ring(FAULT_PROCESS);
}

Test(fault_flow, full_ring_in_thread_mode)
{
	check_full_ring(FAULT_THREAD);
}
