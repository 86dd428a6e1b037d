/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_ctl PID stack: that it tells what each thread does now, with the function and the line that
 * the program (tests/fixtures/stacks.c) says it is in; also where no trace is written, nobody
 * drains, or recording is off; what it says of processes that it cannot look at; and that the
 * program goes on as before.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

TestSuite(stack, .init = harness_enter, .fini = harness_leave, .timeout = 60);

static struct session start_with(const char *setting)
{
	return session_start(
	    &(struct run){.program = build_path("fixtures/stacks"), .env = {setting}});
}

static struct result stack_by(const char *program, pid_t pid, const char *option)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return run_program(&(struct run){.program = program,
					 .args = {text, "stack", option},
					 .env = {"PATH=/nowhere"},
					 .bare = true});
}

static struct result stack(pid_t pid, const char *option)
{
	return stack_by(build_path("trace_ctl"), pid, option);
}

/* Nothing of the trace that it made stays behind. */
static void check_tidy(const struct result *result)
{
	char name[64];

	snprintf(name, sizeof(name), "trace_ctl.%d.", (int)result->pid);
	cr_assert_eq(count_files("/tmp", name), 0);
}

static char *stack_text(pid_t pid)
{
	struct result result = stack(pid, NULL);

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_str_empty(result.err);
	check_tidy(&result);
	return result.out;
}

static json_t *stack_json(pid_t pid)
{
	struct result result = stack(pid, "--json");
	json_error_t error;
	json_t *object;

	cr_assert_eq(result.status, 0, "%s", result.err);
	object = json_loads(result.out, 0, &error);
	cr_assert_not_null(object, "%s: %s", error.text, result.out);
	cr_assert_eq(event_number(object, "pid"), (uint64_t)pid);
	return object;
}

/* The only thread of that role which does that. */
static const json_t *thread_of(const json_t *stacks, const char *role, const char *doing)
{
	const json_t *thread, *found = NULL;
	size_t i;

	json_array_foreach(json_object_get(stacks, "threads"), i, thread)
	{
		if (strcmp(event_text(thread, "role"), role) != 0 ||
		    strcmp(event_text(thread, "doing"), doing) != 0)
			continue;
		cr_assert_null(found, "two: %s", json_dumps(stacks, 0));
		found = thread;
	}
	cr_assert_not_null(found, "no %s thread is %s: %s", role, doing, json_dumps(stacks, 0));
	return found;
}

/* The function is in the stack, at that line or the one behind it (0: any), and the callback is its
 * end. */
static void check_frames(const json_t *thread, const char *function, uint64_t line,
			 const char *callback)
{
	const json_t *frames = json_object_get(thread, "frames"), *frame, *last = NULL;
	bool found = false;
	size_t i;

	json_array_foreach(frames, i, frame)
	{
		found |= strcmp(event_text(frame, "function"), function) == 0 &&
			 strstr(event_text(frame, "file"), "stacks.c") &&
			 (!line || event_number(frame, "line") - line <= 1);
		last = frame;
	}
	cr_assert(found, "%s at line %d is not there: %s", function, (int)line,
		  json_dumps(thread, 0));
	cr_assert_str_eq(event_text(last, "function"), callback);
}

/* Brings it into a state; returns the line of the source that it says it is at. */
static uint64_t hold(struct session *session, const char *how)
{
	const char *said;
	size_t from = session->out_bytes;

	session_say(session, how, how);
	said = strstr(session->out + from, how);
	return strtoull(said + strlen(how), NULL, 10);
}

struct sight {
	pid_t pid;
	uint64_t line;
	char *text;
};

/* It says where it is just before it is there. */
static bool sleeps_in_poll(void *arg)
{
	struct sight *sight = arg;

	sight->text = stack_text(sight->pid);
	return strstr(sight->text, "asleep in poll(fd 0") != NULL;
}

static bool computes(void *arg)
{
	struct sight *sight = arg;
	char here[64], behind[64];

	sight->text = stack_text(sight->pid);
	snprintf(here, sizeof(here), "computing in crunch stacks.c:%d\n", (int)sight->line);
	snprintf(behind, sizeof(behind), "computing in crunch stacks.c:%d\n", (int)sight->line + 1);
	return strstr(sight->text, here) || strstr(sight->text, behind);
}

static uint64_t hold_computing(struct session *session)
{
	struct sight sight = {.pid = session->pid, .line = hold(session, "spin")};

	cr_assert(wait_until(computes, &sight), "%s", sight.text);
	return sight.line;
}

static uint64_t hold_asleep(struct session *session)
{
	struct sight sight = {.pid = session->pid};
	uint64_t line = hold(session, "block");

	cr_assert(wait_until(sleeps_in_poll, &sight), "%s", sight.text);
	return line;
}

static void quit(struct session *session)
{
	session_say(session, "go", "free");
	session_say(session, "quit", NULL);
	cr_assert_eq(session_end(session), 0);
	cr_assert(wait_for_drain(session->pid));
}

/* ---- What threads do ------------------------------------------------------------------------- */

Test(stack, of_a_callback_that_sleeps)
{
	struct session session = start_with(NULL);
	uint64_t line = hold_asleep(&session);
	json_t *stacks = stack_json(session.pid);
	const json_t *loop = thread_of(stacks, "loop", "callback");
	char *text = stack_text(session.pid);

	cr_assert_str_eq(event_text(loop, "callback"), "on_timer");
	cr_assert_str_eq(event_text(loop, "kind"), "timer");
	cr_assert_eq(event_number(loop, "tid"), (uint64_t)session.pid);
	cr_assert_str_eq(event_text(loop, "syscall"), "poll");
	cr_assert(strstr(event_text(loop, "what"), "poll(fd 0"), "%s", event_text(loop, "what"));
	cr_assert(json_is_false(json_object_get(loop, "stopped")));
	cr_assert_gt(event_number(loop, "so_far_ns"), 0);
	check_frames(loop, "await_line", line, "on_timer");
	cr_assert(strstr(text, "in the timer callback on_timer stacks.c:"), "%s", text);
	cr_assert(strstr(text, "\n         await_line stacks.c:"), "%s", text);
	cr_assert(strstr(text, "no thread had to be stopped"), "%s", text);
	quit(&session);
}

Test(stack, of_a_callback_that_computes)
{
	struct session session = start_with(NULL);
	uint64_t line = hold_computing(&session);
	json_t *stacks = stack_json(session.pid);
	const json_t *loop = thread_of(stacks, "loop", "callback");
	char *text = stack_text(session.pid);

	cr_assert_str_eq(event_text(loop, "cause"), "cpu");
	cr_assert(json_is_true(json_object_get(loop, "stopped")));
	check_frames(loop, "crunch", line, "on_timer");
	cr_assert(strstr(text, "computing in crunch stacks.c:"), "%s", text);
	cr_assert(strstr(text, "threads that computed were stopped, the longest for "), "%s", text);
	quit(&session);
}

/* The loop waits, a thread of the pool works, and three have nothing to do. */
static size_t count_of(const char *text, const char *what)
{
	size_t count = 0;

	for (const char *at = text; (at = strstr(at, what)); at++)
		count++;
	return count;
}

static bool all_wait(void *arg)
{
	struct sight *sight = arg;

	sight->text = stack_text(sight->pid);
	return count_of(sight->text, "waits for events") == 1 &&
	       count_of(sight->text, "idle pool thread") == 3;
}

Test(stack, of_the_pool_and_a_loop_that_waits)
{
	struct session session = start_with("UV_THREADPOOL_SIZE=4");
	struct sight sight = {.pid = session.pid};
	json_t *stacks;
	const json_t *loop, *pool;

	hold(&session, "work");
	cr_assert(wait_until(all_wait, &sight), "%s", sight.text);
	cr_assert(strstr(sight.text, "in the work callback on_work"), "%s", sight.text);
	stacks = stack_json(session.pid);
	loop = thread_of(stacks, "loop", "waiting");
	pool = thread_of(stacks, "pool", "callback");
	cr_assert_str_eq(event_text(loop, "state"), "S");
	cr_assert_str_eq(event_text(pool, "callback"), "on_work");
	cr_assert_neq(event_number(pool, "tid"), (uint64_t)session.pid);
	check_frames(pool, "crunch_apart", 0, "on_work");
	cr_assert_eq(json_array_size(json_object_get(stacks, "threads")), 5);
	quit(&session);
}

/* ---- Where no trace is written --------------------------------------------------------------- */

static void check_without(const char *setting)
{
	struct session session = start_with(setting);
	uint64_t line = hold_computing(&session);
	json_t *stacks = stack_json(session.pid);

	check_frames(thread_of(stacks, "loop", "callback"), "crunch", line, "on_timer");
	quit(&session);
}

Test(stack, without_a_trace)
{
	check_without("UVTRACE_WRITER=null");
	cr_assert_eq(count_files("uvtrace.data", ".bin"), 0);
}

Test(stack, with_a_drain_in_a_thread)
{
	check_without("UVTRACE_DRAIN=thread");
}

static bool has_helper(void *arg)
{
	struct sight *sight = arg;
	char text[32];

	snprintf(text, sizeof(text), "%d", (int)sight->pid);
	sight->text = run_program(&(struct run){.program = build_path("trace_ctl"),
						.args = {text, "status"},
						.bare = true})
			  .out;
	return strstr(sight->text, "helper process ") != NULL;
}

static pid_t helper_of(pid_t pid)
{
	struct sight sight = {.pid = pid};

	cr_assert(wait_until(has_helper, &sight), "%s", sight.text);
	return (pid_t)atoi(strstr(sight.text, "helper process ") + strlen("helper process "));
}

Test(stack, without_a_helper)
{
	struct session session = start_with(NULL);
	uint64_t line = hold_asleep(&session);
	pid_t helper = helper_of(session.pid);

	cr_assert_eq(kill(helper, SIGKILL), 0);
	check_frames(thread_of(stack_json(session.pid), "loop", "callback"), "await_line", line,
		     "on_timer");
	quit(&session);
}

static bool loop_waits(void *arg)
{
	struct sight *sight = arg;

	sight->text = stack_text(sight->pid);
	return strstr(sight->text, "waits for events") != NULL;
}

/* Which callback runs is not known then; where it is, is. */
Test(stack, while_recording_is_off)
{
	struct session session = start_with("UVTRACE_ENABLED=0");
	struct sight sight = {.pid = session.pid};
	json_t *stacks;
	const json_t *loop;
	uint64_t line;

	session_say(&session, "go", "free");
	cr_assert(wait_until(loop_waits, &sight), "%s", sight.text);
	line = hold_asleep(&session);
	stacks = stack_json(session.pid);
	loop = thread_of(stacks, "loop", "unknown");
	cr_assert_str_eq(event_text(loop, "syscall"), "poll");
	cr_assert(strstr(json_dumps(loop, 0), "await_line"));
	cr_assert_eq(event_number(loop, "so_far_ns"), 0);
	cr_assert_gt(line, 0);
	quit(&session);
}

/* It is looked at as it is, and stays stopped. */
Test(stack, of_a_stopped_process)
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

Test(stack, of_what_is_no_traced_process)
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
Test(stack, of_a_process_with_a_debugger)
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

Test(stack, without_analyze_trace)
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
