/* SPDX-License-Identifier: Apache-2.0
 *
 * What the scenarios share: small libuv programs, each with one planted cause, or healthy. Each
 * says in its first comment what the first finding must be (run.py reads it):
 *   expects: ID[|ID] CULPRIT      a word of the culprit's name
 *   expects: healthy              nothing above a note
 *   says: TEXT                   what that finding's texts must have
 *   never: TEXT                  ... and what no finding's may
 *   env: NAME=VALUE ...           how it is recorded
 *   quota: US PERIOD_US           in a cgroup with this quota; where none can be made, run.py
 *   leaves it out
 * Rules: a scenario knows nothing of tracing; it ends by itself within 10 s.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

static inline uint64_t cpu_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Computes for so long, however long the kernel takes for it. */
static inline void spin_us(unsigned us)
{
	uint64_t end = cpu_now_ns() + us * 1000ull;

	while (cpu_now_ns() < end)
		;
}

static inline void check(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, uv_strerror(result));
	exit(99);
}

static inline void scenario_stop(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

/* Runs the loop for so long, whatever is left on it. */
static inline void run_for(uv_loop_t *loop, unsigned ms)
{
	uv_timer_t timer;

	check(uv_timer_init(loop, &timer), "uv_timer_init");
	check(uv_timer_start(&timer, scenario_stop, ms, 0), "uv_timer_start");
	uv_run(loop, UV_RUN_DEFAULT);
}

static inline void every(uv_loop_t *loop, uv_timer_t *timer, uv_timer_cb callback, unsigned ms)
{
	check(uv_timer_init(loop, timer), "uv_timer_init");
	check(uv_timer_start(timer, callback, ms, ms), "uv_timer_start");
}

/* Both ends of a stream on this loop. */
static inline void pipes_open(uv_loop_t *loop, uv_pipe_t *a, uv_pipe_t *b)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
		exit(99);
	check(uv_pipe_init(loop, a, 0), "uv_pipe_init");
	check(uv_pipe_init(loop, b, 0), "uv_pipe_init");
	check(uv_pipe_open(a, fds[0]), "uv_pipe_open");
	check(uv_pipe_open(b, fds[1]), "uv_pipe_open");
}

static inline void give_buffer(uv_handle_t *handle, size_t size, uv_buf_t *buffer)
{
	static char bytes[65536];

	(void)handle;
	(void)size;
	*buffer = uv_buf_init(bytes, sizeof(bytes));
}

#endif
