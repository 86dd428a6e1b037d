/* SPDX-License-Identifier: Apache-2.0
 *
 * What the hooks cost, in ns a call: run bare, with the preload, and with recording switched off;
 * the differences are the tracer's. Prints one "name value" a line. Of many rounds the fastest
 * counts: whatever disturbs a round makes it slower. A round fits into the ring, which is emptied
 * before the next. Every round leaves out what is no part of the call: system calls, wake-ups of
 * pool threads.
 *
 *   clock        one bare read of the clock that the hooks use
 *   callback     an idle callback that counts (1,000 handles)
 *   timer_start  uv_timer_start of an active timer
 *   write        uv_write on a stream whose queue is not empty, so that it only queues
 *   mark         uvtrace_mark with a value that changes
 *   span         uvtrace_begin and uvtrace_end with an id of 64 bits
 *   fs_stat      uv_fs_stat while the pool's only thread is busy, so that it only queues
 *
 * usage: bench_hooks
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "ring/clock.h"
#include "uvtrace.h"

#define ROUNDS	  30
#define HANDLES	  1000
#define CALLBACKS 20000 /* of idle handles, a round */
#define CALLS	  10000 /* of everything else, a round */

static void check(int error, const char *what)
{
	if (!error)
		return;
	fprintf(stderr, "bench_hooks: %s: %s\n", what, uv_strerror(error));
	exit(1);
}

static void best_print(const char *name, double (*round_ns)(void))
{
	double best = round_ns(); /* warm-up */

	for (int i = 0; i < ROUNDS; i++) {
		double ns;

		uvtrace_flush();
		ns = round_ns();
		best = ns < best ? ns : best;
	}
	printf("%s %.2f\n", name, best);
}

static double ns_since(uint64_t start, uint64_t calls)
{
	return (double)(uv_hrtime() - start) / (double)calls;
}

/* ---- The clock ------------------------------------------------------------------------------- */

static double clock_round(void)
{
	uint64_t start = uv_hrtime();

	for (int i = 0; i < CALLBACKS; i++) {
		uint64_t counter = clock_counter();

		__asm__ volatile("" : : "r"(counter));
	}
	return ns_since(start, CALLBACKS);
}

/* ---- Callbacks ------------------------------------------------------------------------------- */

static uint64_t idle_calls;

static void on_idle(uv_idle_t *handle)
{
	if (++idle_calls == CALLBACKS)
		uv_stop(handle->loop);
}

static double callback_round(void)
{
	uint64_t start = uv_hrtime();

	idle_calls = 0;
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	return ns_since(start, idle_calls);
}

static void callbacks_measure(void)
{
	static uv_idle_t handles[HANDLES];

	for (int i = 0; i < HANDLES; i++) {
		uv_idle_init(uv_default_loop(), &handles[i]);
		uv_idle_start(&handles[i], on_idle);
	}
	best_print("callback", callback_round);
	for (int i = 0; i < HANDLES; i++)
		uv_close((uv_handle_t *)&handles[i], NULL);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

/* ---- Registration and requests: called in a callback, as programs do ------------------------- */

static double (*called_round)(void);
static double called_ns;

static void on_check(uv_prepare_t *handle)
{
	called_ns = called_round();
	uv_stop(handle->loop);
}

/* Runs a round of calls inside a callback of the running loop. */
static double round_in_loop(double (*round_ns)(void))
{
	uv_prepare_t prepare;

	called_round = round_ns;
	uv_prepare_init(uv_default_loop(), &prepare);
	uv_prepare_start(&prepare, on_check);
	uv_run(uv_default_loop(), UV_RUN_NOWAIT);
	uv_close((uv_handle_t *)&prepare, NULL);
	uv_run(uv_default_loop(), UV_RUN_NOWAIT);
	return called_ns;
}

static uv_timer_t timer;

static void on_timer(uv_timer_t *handle)
{
	(void)handle;
}

static double timer_calls(void)
{
	uint64_t start = uv_hrtime();

	for (int i = 0; i < CALLS; i++)
		uv_timer_start(&timer, on_timer, 1000000, 0);
	return ns_since(start, CALLS);
}

static double timer_round(void)
{
	return round_in_loop(timer_calls);
}

static double mark_calls(void)
{
	uint64_t start = uv_hrtime();

	for (int i = 0; i < CALLS; i++)
		uvtrace_mark("rounds", (uint64_t)i);
	return ns_since(start, CALLS);
}

static double mark_round(void)
{
	return round_in_loop(mark_calls);
}

static double span_calls(void)
{
	uint64_t start = uv_hrtime();

	for (uint64_t i = 0; i < CALLS; i++) {
		uvtrace_begin("request", ~i);
		uvtrace_end("request", ~i);
	}
	return ns_since(start, CALLS);
}

static double span_round(void)
{
	return round_in_loop(span_calls);
}

static uv_pipe_t pipe_writer;
static uv_write_t write_requests[CALLS];

static void on_written(uv_write_t *request, int status)
{
	(void)request;
	(void)status;
}

static double write_calls(void)
{
	static char byte = 'x';
	uv_buf_t buf = uv_buf_init(&byte, 1);
	uint64_t start = uv_hrtime();

	for (int i = 0; i < CALLS; i++)
		uv_write(&write_requests[i], (uv_stream_t *)&pipe_writer, &buf, 1, on_written);
	return ns_since(start, CALLS);
}

/* A pipe that is full: the first write of many bytes stays in the queue, and the measured ones
 * behind it. */
static double write_round(void)
{
	static char many[1 << 22];
	uv_buf_t buf = uv_buf_init(many, sizeof(many));
	uv_write_t first;
	int fds[2];
	double ns;

	check(uv_socketpair(SOCK_STREAM, 0, fds, UV_NONBLOCK_PIPE, 0), "socketpair");
	check(uv_pipe_init(uv_default_loop(), &pipe_writer, 0), "pipe");
	check(uv_pipe_open(&pipe_writer, fds[0]), "pipe");
	check(uv_write(&first, (uv_stream_t *)&pipe_writer, &buf, 1, on_written), "write");
	ns = round_in_loop(write_calls);
	uv_close((uv_handle_t *)&pipe_writer, NULL);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	close(fds[1]);
	return ns;
}

static uv_sem_t pool_may_go_on;
static uv_fs_t stat_requests[CALLS];

static void pool_wait(uv_work_t *request)
{
	(void)request;
	uv_sem_wait(&pool_may_go_on);
}

static void pool_waited(uv_work_t *request, int status)
{
	(void)request;
	(void)status;
}

static void on_stat(uv_fs_t *request)
{
	uv_fs_req_cleanup(request);
}

static double stat_calls(void)
{
	uint64_t start = uv_hrtime();

	for (int i = 0; i < CALLS; i++)
		uv_fs_stat(uv_default_loop(), &stat_requests[i], "/", on_stat);
	return ns_since(start, CALLS);
}

static double stat_round(void)
{
	uv_work_t blocker;
	double ns;

	check(uv_queue_work(uv_default_loop(), &blocker, pool_wait, pool_waited), "queue_work");
	ns = round_in_loop(stat_calls);
	uv_sem_post(&pool_may_go_on);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	return ns;
}

int main(void)
{
	setenv("UV_THREADPOOL_SIZE", "1", 1);
	check(uv_sem_init(&pool_may_go_on, 0), "sem_init");
	check(uv_timer_init(uv_default_loop(), &timer), "timer_init");
	uv_unref((uv_handle_t *)&timer);
	best_print("clock", clock_round);
	callbacks_measure();
	best_print("timer_start", timer_round);
	best_print("mark", mark_round);
	best_print("span", span_round);
	best_print("write", write_round);
	best_print("fs_stat", stat_round);
	return 0;
}
