/* SPDX-License-Identifier: Apache-2.0
 *
 * What the whole-program tests share: run a program with or without the preload, read its trace
 * with the project's own tools, and hold it against what the program counted by itself
 * (tests/fixtures/fixture.h).
 *
 * Rules: the library is only ever loaded into the program under test, never into the test itself;
 * each test has a directory of its own, which is its current one; nothing waits longer than
 * HARNESS_TIMEOUT_S. A failure inside a helper fails the test and says which program it was about.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <glob.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <criterion/criterion.h>
#include <jansson.h>

#define HARNESS_TIMEOUT_S 25
#define HARNESS_ARGS_MAX  16

/* ---- Places ---------------------------------------------------------------------------------- */

/* .init and .fini of every test: a fresh directory, entered; and its removal, with what is in it.
 */
void harness_enter(void);
void harness_leave(void);

/* Paths of what the build made ("fixtures/timers"), and of the source tree ("scripts/uvtrace").
 * Kept for ever. */
const char *build_path(const char *name);
const char *source_path(const char *name);

/* ---- Programs -------------------------------------------------------------------------------- */

struct run {
	const char *program;		    /* a path; without a slash: looked up in PATH */
	const char *args[HARNESS_ARGS_MAX]; /* without the program, until NULL */
	const char *env[HARNESS_ARGS_MAX]; /* NAME=VALUE, until NULL; UVTRACE_* of the outside never
					      gets in */
	const char *input;		   /* what it reads from standard input; NULL: nothing */
	bool bare;			   /* without the preload */
	int (*prepare)(
	    void); /* called in the new process before it becomes the program; not 0: status 126 */
};

struct result {
	pid_t pid;
	int status; /* exit status, or 128 + signal; -1: timed out and was killed */
	char *out, *err;
};

struct result run_program(const struct run *run);
void result_free(struct result *result);

/* Runs it and checks status 0 and an empty standard error. */
struct result run_well(const struct run *run);

/* A program that answers lines, while it runs. */
struct session {
	pid_t pid;
	int input, output;
	char *out; /* everything it said */
	size_t out_bytes;
};

struct session session_start(const struct run *run);
/* Sends a line, and waits until the program has said one that begins with `answer` (NULL: does not
 * wait). */
void session_say(struct session *session, const char *line, const char *answer);
/* Closes its input, waits for its end; the status as in struct result. */
int session_end(struct session *session);

/* A file in /dev/shm that was there before the test began. The numbers of processes come again, and
 * a ring whose program and helper were killed stays. */
bool is_old_ring(const char *path);
/* The rings of a process, old ones left out: so many at the front of `rings`, which the caller
 * frees with globfree(). */
size_t rings_find(pid_t pid, glob_t *rings);
/* Whether there is one: its helper removes it when all is written. */
bool has_ring(pid_t pid);
/* A program that ends waits for its helper a fifth of a second at most, which on a busy machine is
 * not enough. False: the helper is not done in 10 s. run_well() waits. */
bool wait_for_drain(pid_t pid);

/* Calls `check(arg)` every 5 ms until it is true; false if it never was in 10 s. */
bool wait_until(bool (*check)(void *arg), void *arg);

/* ---- Traces ---------------------------------------------------------------------------------- */

struct poll {
	uint64_t worker, start_ns, end_ns; /* end 0: never ended */
	const char *kind, *callback, *caller, *object;
	unsigned depth; /* polls open around it */
	bool unwound;
};

struct trace {
	json_t **events; /* as trace_to_jsonl wrote them, without the TraceStart line */
	size_t event_count;
	json_t *start;	    /* TraceStart */
	struct poll *polls; /* by start, as they were closed */
	size_t poll_count;
	size_t open_polls; /* of these, never ended */
};

/* Reads files or a directory by build/trace_to_jsonl, which must succeed. Checks what holds for
 * every trace: time never goes back, polls nest, park and unpark take turns on each worker, nothing
 * runs inside a park. */
struct trace trace_read(const char *path);
void trace_free(struct trace *trace);

/* Events of this name; of this kind too unless NULL. */
size_t trace_count(const struct trace *trace, const char *event, const char *kind);
size_t trace_count_polls(const struct trace *trace, const char *kind, const char *callback);
/* A name as the trace gives it, which may add where in the file that is. */
bool name_is(const char *in_trace, const char *name);
const char *event_text(const json_t *event, const char *field); /* "" where there is none */

/* In a report of analyze(). */
bool has_finding(const json_t *report, const char *id, const char *severity);
uint64_t event_number(const json_t *event, const char *field); /* 0 where there is none */

/* The program's own line: the last line of its output. */
json_t *truth_read(const char *out);
int64_t truth_value(const json_t *truth, const char *name); /* -1 where there is none */

/* Every poll of the truth is in the trace, with its callback's and caller's name and its duration,
 * and no other. */
void check_polls(const struct trace *trace, const json_t *truth, bool with_alloc);

/* A program that ran well under the preload, what it said, and its trace in uvtrace.data. */
struct traced {
	struct result result;
	json_t *truth;
	struct trace trace;
};

struct traced trace_program(const struct run *run);
void traced_free(struct traced *traced);

/* Waits until every file in uvtrace.data is sealed: a program that dies does not wait for that. */
void wait_for_seal(void);

/* analyze_trace --json over a path, with more options until NULL. */
json_t *analyze(const char *path, const char *option, ...);

/* Files in a directory whose name contains `part`; their bytes together. */
size_t count_files(const char *dir, const char *part);
uint64_t sum_files(const char *dir, const char *part);

#endif
