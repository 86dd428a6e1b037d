/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_ctl PID stack where no trace is written, nobody drains, recording is off, the process is
 * stopped or has a debugger; and what it says of processes that it cannot look at.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stack_helper.h"

TestSuite(stack_odd, .init = harness_enter, .fini = harness_leave, .timeout = 60);

/* ---- Where no trace is written --------------------------------------------------------------- */

static void check_without(const char *setting)
{
	struct session session = start_with(setting);
	uint64_t line = hold_computing(&session);
	json_t *stacks = stack_json(session.pid);

	check_frames(thread_of(stacks, "loop", "callback"), "crunch", line, "on_timer");
	quit(&session);
}

Test(stack_odd, without_a_trace)
{
	check_without("UVTRACE_WRITER=null");
	cr_assert_eq(count_files("uvtrace.data", ".bin"), 0);
}

Test(stack_odd, with_a_drain_in_a_thread)
{
	check_without("UVTRACE_DRAIN=thread");
}

static bool has_helper(void *arg)
{
	struct sight *sight = arg;

	sight->text = control(sight->pid, "status").out;
	return strstr(sight->text, "helper process ") != NULL;
}

static pid_t helper_of(pid_t pid)
{
	struct sight sight = {.pid = pid};

	cr_assert(wait_until(has_helper, &sight), "%s", sight.text);
	return (pid_t)atoi(strstr(sight.text, "helper process ") + strlen("helper process "));
}

/* It has ended when this returns. */
static void kill_at_once(pid_t pid)
{
	struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};

	cr_assert_geq(ended.fd, 0);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(poll(&ended, 1, 10000), 1);
	close(ended.fd);
}

Test(stack_odd, without_a_helper)
{
	struct session session = start_with(NULL);
	uint64_t line = hold_asleep(&session);

	kill_at_once(helper_of(session.pid));
	check_frames(thread_of(stack_json(session.pid), "loop", "callback"), "await_line", line,
		     "on_timer");
	quit(&session);
}

/* Which callback runs is not known then; where it is, is. */
static void check_unknown(struct session *session)
{
	uint64_t line = hold_asleep(session);
	json_t *stacks = stack_json(session->pid);
	const json_t *loop = thread_of(stacks, "loop", "unknown");

	cr_assert_str_eq(event_text(loop, "syscall"), "poll");
	cr_assert(strstr(json_dumps(loop, 0), "await_line"));
	cr_assert_eq(event_number(loop, "so_far_ns"), 0);
	cr_assert_gt(line, 0);
}

Test(stack_odd, while_recording_is_off)
{
	struct session session = start_with("UVTRACE_ENABLED=0");
	struct sight sight = {.pid = session.pid, .what = "waits for events"};

	session_say(&session, "go", "free");
	cr_assert(wait_until(shows, &sight), "%s", sight.text);
	check_unknown(&session);
	quit(&session);
}

/* The end of the wait is recorded then, what follows it is not. */
Test(stack_odd, where_recording_was_switched_off_in_a_wait)
{
	struct session session = start_with(NULL);
	struct sight sight = {.pid = session.pid, .what = "waits for events"};

	cr_assert(wait_until(shows, &sight), "%s", sight.text);
	cr_assert_eq(control(session.pid, "disable").status, 0);
	check_unknown(&session);
	quit(&session);
}

/* It is looked at as it is, and stays stopped. */
Test(stack_odd, of_a_stopped_process)
{
	struct session session = start_with(NULL);
	int status;
	char *text;

	hold_computing(&session);
	cr_assert_eq(kill(session.pid, SIGSTOP), 0);
	cr_assert_eq(waitpid(session.pid, &status, WUNTRACED), session.pid);
	text = stack_text(session.pid);
	cr_assert(strstr(text, "stopped by a signal or a debugger"), "%s", text);
	cr_assert(strstr(text, "crunch stacks.c:"), "%s", text);
	cr_assert(strstr(text, "no thread had to be stopped"), "%s", text);
	cr_assert_eq(waitpid(session.pid, &status, WCONTINUED | WNOHANG), 0);
	cr_assert_eq(kill(session.pid, SIGCONT), 0);
	quit(&session);
}

/* ---- What it cannot look at ------------------------------------------------------------------ */

/* One line, and no stack. */
static void check_refused(pid_t pid, int status, const char *says)
{
	struct result result = stack(pid, NULL);

	cr_assert_eq(result.status, status, "%d: %s", result.status, result.err);
	cr_assert(strstr(result.err, says), "says: %s", result.err);
	cr_assert_eq(strchr(result.err, '\n') - result.err, (ptrdiff_t)strlen(result.err) - 1);
	cr_assert_str_empty(result.out);
}

Test(stack_odd, of_what_is_no_traced_process)
{
	struct result unknown = stack(getpid(), "--jsn");
	pid_t zombie = fork();
	siginfo_t ended;

	if (zombie == 0)
		_exit(0);
	cr_assert_eq(waitid(P_PID, (id_t)zombie, &ended, WEXITED | WNOWAIT), 0);
	check_refused(zombie, 1, "has ended; its parent has not waited for it yet");
	check_refused(1 << 30, 1, "no such process");
	check_refused(getpid(), 1, "not traced, or has not run a loop yet");
	cr_assert_eq(unknown.status, 2, "%s", unknown.err);
	cr_assert_eq(waitpid(zombie, NULL, 0), zombie);
}

/* Without a look at the thread the callback is told all the same, and why there is no more. */
Test(stack_odd, of_a_process_with_a_debugger)
{
	struct session session = start_with("UVTRACE_STALL_MS=0");
	char *text;

	hold_computing(&session);
	cr_assert_eq(ptrace(PTRACE_SEIZE, session.pid, NULL, NULL), 0, "%s", strerror(errno));
	text = stack_text(session.pid);
	cr_assert(strstr(text, "in the timer callback on_timer stacks.c:"), "%s", text);
	cr_assert(strstr(text, "its stack cannot be seen: Operation not permitted"), "%s", text);
	quit(&session);
}

Test(stack_odd, without_analyze_trace)
{
	struct session session = start_with(NULL);
	struct result text, json, copy;

	copy = run_program(&(struct run){
	    .program = "cp", .args = {build_path("trace_ctl"), "lonely_ctl"}, .bare = true});
	cr_assert_eq(copy.status, 0);
	hold_asleep(&session);
	text = stack_by("./lonely_ctl", session.pid, NULL);
	json = stack_by("./lonely_ctl", session.pid, "--json");
	cr_assert_eq(text.status, 0, "%s", text.err);
	cr_assert(strstr(text.err, "analyze_trace is neither beside trace_ctl nor in PATH"), "%s",
		  text.err);
	cr_assert(strstr(text.out, "in the timer callback on_timer"), "%s", text.out);
	cr_assert(strstr(text.out, "asleep in poll(fd 0"), "%s", text.out);
	cr_assert_eq(json.status, 1);
	cr_assert_str_empty(json.out);
	quit(&session);
}
