/* SPDX-License-Identifier: Apache-2.0
 *
 * The traced program sees nothing of being traced: same output, same exit, no child, thread,
 * descriptor or signal that it did not make; and programs that never run a loop leave nothing
 * behind.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

TestSuite(invisible, .init = harness_enter, .fini = harness_leave, .timeout = 30);

static const char *const seen[] = {"fds_before",      "fds",	   "wait_errno", "sigchlds",
				   "blocked_signals", "errno_kept"};

static void check_inspection(const char *drain, int64_t extra_threads)
{
	struct result bare =
	    run_well(&(struct run){.program = build_path("fixtures/inspect"), .bare = true});
	struct traced traced =
	    trace_program(&(struct run){.program = build_path("fixtures/inspect"), .env = {drain}});
	json_t *truth = truth_read(bare.out);

	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		cr_assert_eq(truth_value(traced.truth, seen[i]), truth_value(truth, seen[i]),
			     "%s: %ld, without tracing %ld", seen[i],
			     truth_value(traced.truth, seen[i]), truth_value(truth, seen[i]));
	cr_assert_eq(truth_value(traced.truth, "wait_errno"), ECHILD);
	cr_assert_eq(truth_value(traced.truth, "threads"),
		     truth_value(truth, "threads") + extra_threads);
	check_polls(&traced.trace, traced.truth, false);
}

Test(invisible, helper_process)
{
	check_inspection("UVTRACE_DRAIN=process", 0);
}

/* The fall-back adds one thread, and nothing else. */
Test(invisible, drain_thread)
{
	check_inspection("UVTRACE_DRAIN=thread", 1);
}

/* Whether a ring of that process is among the names of /dev/shm. */
static bool is_listed(const char *out, int pid)
{
	char start[32], path[64];

	snprintf(start, sizeof(start), "uvtrace.%d.", pid);
	for (const char *name = out; (name = strstr(name, start)) != NULL; name++) {
		snprintf(path, sizeof(path), "/dev/shm/%.*s", (int)strcspn(name, "\n"), name);
		if (!is_old_ring(path))
			return true;
	}
	return false;
}

/* "pid N" of each line that begins so: none of these has a ring, and none had one when /dev/shm was
 * listed. */
static size_t check_no_rings(const char *out)
{
	size_t count = 0;

	for (const char *line = strstr(out, "pid "); line; line = strstr(line + 1, "\npid ")) {
		int pid = atoi(strstr(line, "pid ") + strlen("pid "));

		cr_expect_not(is_listed(out, pid), "process %d had a ring", pid);
		cr_expect_not(has_ring(pid), "process %d left a ring", pid);
		count++;
	}
	return count;
}

/* Neither the shell nor its subshells, nor what it runs: not at their end, and not while they run.
 */
Test(invisible, shell_leaves_nothing)
{
	static const char *const script =
	    "echo pid $$; for i in 1 2 3; do bash -c 'echo pid $$; exec ls /dev/shm' | cat; "
	    "done; (echo pid $BASHPID; ls /dev/shm; exit 0); ls /dev/shm";
	struct result result = run_well(&(struct run){.program = "bash", .args = {"-c", script}});

	cr_assert_eq(check_no_rings(result.out), 5, "%s", result.out);
	cr_assert_eq(count_files(".", ""), 0);
}

Test(invisible, program_without_loop_leaves_nothing)
{
	struct result result = run_well(&(struct run){.program = build_path("fixtures/no_loop")});

	cr_assert_eq(count_files(".", ""), 0, "it left files");
	cr_assert_not(has_ring(result.pid), "it left a ring");
}

/* Ways to end: the same status and output as without the preload, all events in sealed files, the
 * ring removed. */
static void check_end(const char *how, const char *number)
{
	struct run run = {
	    .program = build_path("fixtures/end"), .args = {how, number}, .bare = true};
	struct result bare = run_program(&run), result;
	json_t *truth;
	struct trace trace;

	run.bare = false;
	result = run_program(&run);
	cr_assert_eq(result.status, bare.status, "%s: status %d, without tracing %d", how,
		     result.status, bare.status);
	cr_assert_str_eq(result.err, bare.err);
	wait_for_seal();
	cr_assert(wait_for_drain(result.pid), "%s: the ring is still there", how);
	truth = truth_read(result.out);
	trace = trace_read("uvtrace.data");
	check_polls(&trace, truth, false);
	cr_assert_eq(trace.open_polls, 0);
	cr_assert_eq(trace_count(&trace, "LoopLeave", NULL), 1);
}

#define END(test, how, number)                                                                     \
	Test(invisible, end_by_##test)                                                             \
	{                                                                                          \
		check_end(how, number);                                                            \
	}

END(return, "return", "0")
END(return_status, "return", "9")
END(exit, "exit", "5")
END(underscore_exit, "_exit", "6")
END(sigkill, "kill", "9")
END(sigterm, "kill", "15")
END(sigsegv, "kill", "11")
END(abort, "abort", "0")

/* A reader at the other end of a pipe sees its end when the program ends: nobody of ours holds it.
 */
Test(invisible, pipeline_ends_with_the_program)
{
	const char *script = "\"$0\" kill 9 | cat; echo done";
	struct result result = run_program(
	    &(struct run){.program = "sh", .args = {"-c", script, build_path("fixtures/end")}});

	cr_assert_eq(result.status, 0);
	cr_assert(strstr(result.out, "done\n"));
}

/* A terminal that goes away, or Ctrl-C: signals to the program's group do not reach who drains. */
Test(invisible, group_killed_by_interrupt)
{
	struct run run = {.program = build_path("fixtures/control")};
	struct session session = session_start(&run);
	struct trace trace;

	session_say(&session, "tick 10", "ok");
	cr_assert_eq(kill(session.pid, SIGINT), 0);
	cr_assert_eq(session_end(&session), 128 + SIGINT);
	wait_for_seal();
	trace = trace_read("uvtrace.data");
	cr_assert_eq(trace_count(&trace, "PollStart", "timer"), 10);
}

/* Children of a traced program that run no loop leave no trace of their own. */
Test(invisible, children_leave_nothing)
{
	struct result result = run_well(&(struct run){.program = build_path("fixtures/children")});
	char part[64];

	snprintf(part, sizeof(part), ".%d.", (int)result.pid);
	cr_assert_eq(count_files("uvtrace.data", ""), count_files("uvtrace.data", part));
}
