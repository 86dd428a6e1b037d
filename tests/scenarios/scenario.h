/* SPDX-License-Identifier: Apache-2.0
 *
 * What the scenarios in C share: small libuv programs, each with one planted cause, or healthy. The
 * first comment of a scenario, in each language, says what the first finding must be (programs.py
 * reads it, score.py judges by it); several words or texts are divided by a bar:
 *   expects: ID[|ID] CULPRIT[|CULPRIT]  words of the culprit's name
 *   expects: healthy             nothing above a note
 *   severity: note               that finding is a note, and nothing is above it
 *   severity: any                ... or it is above a note and the first
 *   says: TEXT [ | TEXT]         what that finding's texts must have; several lines: all of them
 *   costs: LEAST MOST            what its cost must be, in ms
 *   delays: LEAST                how many transactions it must have delayed
 *   never: TEXT                  what no finding's texts may have
 *   not: ID ...                  what must not be found above a note
 *   env: NAME=VALUE ...          how it is recorded
 *   quota: US PERIOD_US          in a cgroup with this quota
 *   cpus: N                      on so many CPUs
 *   needs: silent_dns            with a name server that never answers
 *   stdout: slow BYTES           its output is a pipe that is read so fast, in a second; or stderr
 *   nodes: official              only with that kind of node, or "shared"
 *   load: light                  it hardly computes: another may run beside it
 * Rules: a scenario knows nothing of tracing; it ends by itself within 10 s; files it makes are in
 * the folder it is started in, which is its own and empty.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <netinet/in.h>
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

/* Listens on a port of loopback that is free. */
static inline struct sockaddr_in tcp_listen(uv_loop_t *loop, uv_tcp_t *server,
					    uv_connection_cb client_came)
{
	struct sockaddr_in at;
	int length = sizeof(at);

	uv_ip4_addr("127.0.0.1", 0, &at);
	check(uv_tcp_init(loop, server), "uv_tcp_init");
	check(uv_tcp_bind(server, (struct sockaddr *)&at, 0), "uv_tcp_bind");
	check(uv_listen((uv_stream_t *)server, 128, client_came), "uv_listen");
	check(uv_tcp_getsockname(server, (struct sockaddr *)&at, &length), "getsockname");
	return at;
}

/* A client's side, without libuv. */
static inline int tcp_join(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) != 0)
		exit(99);
	return fd;
}

static inline void give_buffer(uv_handle_t *handle, size_t size, uv_buf_t *buffer)
{
	static char bytes[65536];

	(void)handle;
	(void)size;
	*buffer = uv_buf_init(bytes, sizeof(bytes));
}

#endif
