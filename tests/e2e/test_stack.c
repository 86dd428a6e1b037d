/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_ctl PID stack: that it tells what each thread does now, with the function and the line that
 * the program (tests/fixtures/process/stacks.c) says it is in, and that the program goes on as
 * before. tests/e2e/test_stack_odd.c has the processes of which it sees less.
 */
#include "stack_helper.h"

TestSuite(stack, .init = harness_enter, .fini = harness_leave, .timeout = 60);

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

/* As the program says where the callback's stack ends, it is read as far as that. */
Test(stack, of_a_callback_that_has_a_large_frame)
{
	struct session session = start_with(NULL);
	uint64_t line = hold_asleep_as(&session, "deep");
	json_t *stacks = stack_json(session.pid);
	const json_t *loop = thread_of(stacks, "loop", "callback");

	check_frames(loop, "await_line", line, "on_timer");
	check_frames(loop, "await_below_large_frame", 0, "on_timer");
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

static const char script[] = "const fs = require('fs');\n"
			     "function readLine() {\n"
			     "  fs.readSync(0, Buffer.alloc(1));\n"
			     "}\n"
			     "setTimeout(function onTimer() { readLine(); }, 1);\n";

Test(stack, of_a_function_of_javascript)
{
	FILE *file = fopen("app.js", "w");
	struct sight sight;
	struct session session;

	cr_assert_not_null(file);
	fputs(script, file);
	fclose(file);
	if (system("node --version >/dev/null 2>&1") != 0)
		cr_skip_test("there is no node");
	session = session_start(&(struct run){.program = "node", .args = {"app.js"}});
	sight = (struct sight){.pid = session.pid, .what = "asleep in read(fd 0"};
	cr_assert(wait_until(shows, &sight), "%s", sight.text);
	cr_assert_eq(session_end(&session), 0);
	cr_assert(wait_for_drain(session.pid));
	if (strstr(sight.text, "\nnote: "))
		cr_skip_test("no names of this node's functions");
	cr_assert(strstr(sight.text, " of fs.readSync, called by readLine app.js:3\n"), "%s",
		  sight.text);
	cr_assert(strstr(sight.text, "\n         readLine app.js:3\n         onTimer app.js:5\n"),
		  "%s", sight.text);
}
