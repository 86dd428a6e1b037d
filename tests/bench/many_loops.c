/* SPDX-License-Identifier: Apache-2.0
 *
 * many_loops THREADS: so many threads with a loop each that run callbacks as fast as they can for
 * two seconds, together, and then wait for ever: what their events take in memory, busy and quiet.
 * Prints "busy" after a second and a half and "quiet" when all of them wait.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#define BUSY_MS 2000

struct worker {
	pthread_t thread;
	uv_loop_t loop;
	uv_idle_t idle;
	uv_timer_t stop;
};

static pthread_barrier_t all_quiet;

static void on_idle(uv_idle_t *idle)
{
	(void)idle;
}

static void on_forever(uv_timer_t *timer)
{
	(void)timer;
}

static void on_stop(uv_timer_t *timer)
{
	struct worker *worker = timer->data;

	uv_idle_stop(&worker->idle);
	uv_timer_start(timer, on_forever, 3600000, 0);
	pthread_barrier_wait(&all_quiet);
}

static void *run(void *arg)
{
	struct worker *worker = arg;

	if (uv_loop_init(&worker->loop) != 0)
		abort();
	uv_idle_init(&worker->loop, &worker->idle);
	uv_timer_init(&worker->loop, &worker->stop);
	worker->stop.data = worker;
	uv_idle_start(&worker->idle, on_idle);
	uv_timer_start(&worker->stop, on_stop, BUSY_MS, 0);
	uv_run(&worker->loop, UV_RUN_DEFAULT);
	return NULL;
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 1;
	struct worker *workers = calloc((size_t)count, sizeof(*workers));

	pthread_barrier_init(&all_quiet, NULL, (unsigned)count + 1);
	for (int i = 0; i < count; i++)
		if (pthread_create(&workers[i].thread, NULL, run, &workers[i]) != 0)
			abort();
	usleep(BUSY_MS * 750);
	puts("busy");
	fflush(stdout);
	pthread_barrier_wait(&all_quiet);
	puts("quiet");
	fflush(stdout);
	pause();
	return 0;
}
