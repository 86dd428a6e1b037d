/* SPDX-License-Identifier: Apache-2.0
 *
 * A loop of idle handles whose callbacks count and nothing else: what is left above that is libuv's
 * own cost, and the tracer's. Each round is timed by itself, after a pause in which the tracer may
 * empty its buffers, and the fastest and the median are printed, in ns a callback.
 *
 * usage: idle_loop [CALLBACKS_PER_ROUND [ROUNDS]]
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define HANDLES	   1000
#define ROUNDS_MAX 1000
#define PAUSE_MS   5

/* Peers that need the program changed (LTTng-UST) define these two; the plain program has nothing
 * in them. */
#ifdef IDLE_LOOP_PROBES
#include IDLE_LOOP_PROBES
#else
#define PROBE_START(handle) ((void)(handle))
#define PROBE_END(handle)   ((void)(handle))
#endif

static uint64_t calls, calls_wanted;

static void on_idle(uv_idle_t *handle)
{
	PROBE_START(handle);
	if (++calls == calls_wanted)
		uv_stop(handle->loop);
	PROBE_END(handle);
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double round_ns(uv_loop_t *loop, uint64_t callbacks)
{
	uint64_t start;

	uv_sleep(PAUSE_MS);
	calls = 0;
	calls_wanted = callbacks;
	start = uv_hrtime();
	uv_run(loop, UV_RUN_DEFAULT);
	return (double)(uv_hrtime() - start) / (double)calls;
}

int main(int argc, char **argv)
{
	uint64_t callbacks = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
	unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
	uv_loop_t *loop = uv_default_loop();
	static uv_idle_t handles[HANDLES];
	static double times[ROUNDS_MAX];

	if (!callbacks || !rounds || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: idle_loop [CALLBACKS_PER_ROUND [ROUNDS]]\n");
		return 2;
	}
	for (int i = 0; i < HANDLES; i++) {
		uv_idle_init(loop, &handles[i]);
		uv_idle_start(&handles[i], on_idle);
	}
	round_ns(loop, callbacks); /* warm-up */
	for (unsigned long i = 0; i < rounds; i++)
		times[i] = round_ns(loop, callbacks);
	qsort(times, rounds, sizeof(times[0]), compare_double);
	printf("callbacks %lu best_ns %.2f median_ns %.2f\n", callbacks * rounds, times[0],
	       times[rounds / 2]);
	return 0;
}
