/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the flight recorder share: a program that has one, and its dumps.
 */
#ifndef RECORDER_HELPER_H
#define RECORDER_HELPER_H

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../e2e/harness.h"

#define RECORDER "UVTRACE_WRITER=recorder"
#define THREAD	 "UVTRACE_DRAIN=thread"
#define SECOND	 1000000000ull

static inline struct session start(const char *program, const char *setting, const char *more)
{
	return session_start(
	    &(struct run){.program = build_path(program), .env = {RECORDER, setting, more}});
}

static inline struct result control(pid_t pid, const char *a, const char *b, const char *c)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return run_program(&(struct run){
	    .program = build_path("trace_ctl"), .args = {text, "dump", a, b, c}, .bare = true});
}

/* The helper is there, and will see how the program ends. */
static inline void wait_for_helper(pid_t pid)
{
	char text[32];
	struct result result;

	snprintf(text, sizeof(text), "%d", (int)pid);
	result = run_program(&(struct run){
	    .program = build_path("trace_ctl"), .args = {text, "flush"}, .bare = true});
	cr_assert_eq(result.status, 0, "%s", result.err);
	result_free(&result);
}

/* The directory that trace_ctl prints, to be freed. */
static inline char *dump_well(pid_t pid, const char *a, const char *b, const char *c)
{
	struct result result = control(pid, a, b, c);
	char *path = strdup(result.out);

	cr_assert_eq(result.status, 0, "trace_ctl dump: status %d: %s", result.status, result.err);
	path[strcspn(path, "\n")] = '\0';
	result_free(&result);
	return path;
}

/* Dumps that are there, the first one's path in `path`. */
static inline size_t dumps(const char *pattern, char path[256])
{
	glob_t found = {0};
	size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;

	if (count > 0 && path)
		snprintf(path, 256, "%s", found.gl_pathv[0]);
	globfree(&found);
	return count;
}

#define ALL_DUMPS "uvtrace.data/trace.*.dump"

static inline bool has_dump(void *pattern)
{
	return dumps(pattern, NULL) > 0;
}

static inline bool memory_is_gone(void *pid)
{
	char pattern[64];

	snprintf(pattern, sizeof(pattern), "/dev/shm/uvtrace*.%d.*", *(pid_t *)pid);
	return dumps(pattern, NULL) == 0;
}

static inline void quit(struct session *session)
{
	session_say(session, "quit", NULL);
	cr_assert_eq(session_end(session), 0);
	cr_assert(wait_until(memory_is_gone, &session->pid), "the recorder's memory is left");
}

#endif
