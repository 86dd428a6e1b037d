/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of `trace_ctl PID stack` share: tests/fixtures/process/stacks.c held in a state
 * that is known, and what is told of it.
 */
#ifndef STACK_HELPER_H
#define STACK_HELPER_H

#include <stdlib.h>
#include <string.h>

#include "harness.h"

static inline struct session start_with(const char *setting)
{
	return session_start(
	    &(struct run){.program = build_path("fixtures/stacks"), .env = {setting}});
}

static inline struct result stack_by(const char *program, pid_t pid, const char *option)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return run_program(&(struct run){.program = program,
					 .args = {text, "stack", option},
					 .env = {"PATH=/nowhere"},
					 .bare = true});
}

static inline struct result control(pid_t pid, const char *command)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return run_program(&(struct run){
	    .program = build_path("trace_ctl"), .args = {text, command}, .bare = true});
}

static inline struct result stack(pid_t pid, const char *option)
{
	return stack_by(build_path("trace_ctl"), pid, option);
}

/* Nothing of the trace that it made stays behind. */
static inline void check_tidy(const struct result *result)
{
	char name[64];

	snprintf(name, sizeof(name), "trace_ctl.%d.", (int)result->pid);
	cr_assert_eq(count_files("/tmp", name), 0);
}

static inline char *stack_text(pid_t pid)
{
	struct result result = stack(pid, NULL);

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_str_empty(result.err);
	check_tidy(&result);
	return result.out;
}

static inline json_t *stack_json(pid_t pid)
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
static inline const json_t *thread_of(const json_t *stacks, const char *role, const char *doing)
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
static inline void check_frames(const json_t *thread, const char *function, uint64_t line,
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
static inline uint64_t hold(struct session *session, const char *how)
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
	const char *what;
	char *text;
};

/* It says where it is just before it is there. */
static inline bool shows(void *arg)
{
	struct sight *sight = arg;

	sight->text = stack(sight->pid, NULL).out;
	return strstr(sight->text, sight->what) != NULL;
}

static inline bool computes(void *arg)
{
	struct sight *sight = arg;
	char here[64], behind[64];

	sight->text = stack_text(sight->pid);
	snprintf(here, sizeof(here), "computing in crunch stacks.c:%d\n", (int)sight->line);
	snprintf(behind, sizeof(behind), "computing in crunch stacks.c:%d\n", (int)sight->line + 1);
	return strstr(sight->text, here) || strstr(sight->text, behind);
}

static inline uint64_t hold_computing(struct session *session)
{
	struct sight sight = {.pid = session->pid, .line = hold(session, "spin")};

	cr_assert(wait_until(computes, &sight), "%s", sight.text);
	return sight.line;
}

static inline uint64_t hold_asleep_as(struct session *session, const char *how)
{
	struct sight sight = {.pid = session->pid, .what = "asleep in poll(fd 0"};
	uint64_t line = hold(session, how);

	cr_assert(wait_until(shows, &sight), "%s", sight.text);
	return line;
}

static inline uint64_t hold_asleep(struct session *session)
{
	return hold_asleep_as(session, "block");
}

static inline void quit(struct session *session)
{
	session_say(session, "go", "free");
	session_say(session, "quit", NULL);
	cr_assert_eq(session_end(session), 0);
	cr_assert(wait_for_drain(session->pid));
}

#endif
