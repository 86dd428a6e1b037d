/* SPDX-License-Identifier: Apache-2.0
 *
 * Two things that go wrong in silence: a callback that sleeps, so that a timer due meanwhile fires
 * late, and a request that stays pending, because its peer never reads. The trace shows the sleep
 * as the longest poll, and the write as submitted and never done.
 *
 *     scripts/uvtrace -- build/examples/long_sleep
 *     build/analyze_trace
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <uv.h>

#define SLEEP_MS      200
#define PENDING_BYTES (16u << 20) /* more than a socket buffer takes */

static uv_timer_t sleeper, punctual;
static uv_pipe_t deaf_peer;
static uv_write_t pending;
static uint64_t due_ms, fired_ms;
static int written;

static void sleep_in_callback(uv_timer_t *timer)
{
	struct timespec duration = {0, SLEEP_MS * 1000000L};

	(void)timer;
	nanosleep(&duration, NULL);
}

static void fire_late(uv_timer_t *timer)
{
	fired_ms = uv_now(timer->loop);
	uv_stop(timer->loop);
}

static void write_done(uv_write_t *write, int status)
{
	(void)write;
	(void)status;
	written = 1;
}

static int write_to_deaf_peer(uv_loop_t *loop, char *bytes)
{
	uv_buf_t buf = uv_buf_init(bytes, PENDING_BYTES);
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return -1;
	uv_pipe_init(loop, &deaf_peer, 0);
	if (uv_pipe_open(&deaf_peer, pair[0]) != 0)
		return -1;
	return uv_write(&pending, (uv_stream_t *)&deaf_peer, &buf, 1, write_done);
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	char *bytes = calloc(1, PENDING_BYTES);

	if (!bytes || write_to_deaf_peer(loop, bytes) != 0) {
		fprintf(stderr, "long_sleep: cannot write to a socket\n");
		return 1;
	}
	uv_timer_init(loop, &sleeper);
	uv_timer_init(loop, &punctual);
	due_ms = uv_now(loop) + 20;
	uv_timer_start(&sleeper, sleep_in_callback, 10, 0);
	uv_timer_start(&punctual, fire_late, 20, 0);
	uv_run(loop, UV_RUN_DEFAULT);
	printf("slept %d ms in a callback; a timer fired %d ms late; the write is %s\n", SLEEP_MS,
	       (int)(fired_ms - due_ms), written ? "done" : "still pending");
	free(bytes);
	return 0;
}
