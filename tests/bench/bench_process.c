/* SPDX-License-Identifier: Apache-2.0
 *
 * What the preload adds to the life of a process of 10 ms: starts itself as such a process again
 * and again, by turns without and with the library, and prints the medians of the times from start
 * to end as the parent sees them.
 *
 * usage: bench_process LIBRARY TRACE_PATH [RUNS]
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#define RUNS_MAX 10000
#define CHILD	 "child"

static void on_timer(uv_timer_t *handle)
{
	uv_stop(handle->loop);
}

static int live_10_ms(void)
{
	uv_timer_t timer;

	uv_timer_init(uv_default_loop(), &timer);
	uv_timer_start(&timer, on_timer, 10, 0);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	return 0;
}

/* Milliseconds of one life; negative when it failed. */
static double life_ms(const char *library)
{
	uint64_t start = uv_hrtime();
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (library)
			setenv("LD_PRELOAD", library, 1);
		execl("/proc/self/exe", "bench_process", CHILD, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return -1;
	return (double)(uv_hrtime() - start) / 1e6;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static double bare[RUNS_MAX], traced[RUNS_MAX];
	int runs = argc > 3 ? atoi(argv[3]) : 100;

	if (argc == 2 && !strcmp(argv[1], CHILD))
		return live_10_ms();
	if (argc < 3 || runs < 1 || runs > RUNS_MAX) {
		fprintf(stderr, "usage: bench_process LIBRARY TRACE_PATH [RUNS]\n");
		return 2;
	}
	setenv("UVTRACE_PATH", argv[2], 1);
	for (int i = 0; i < runs; i++) {
		bare[i] = life_ms(NULL);
		traced[i] = life_ms(argv[1]);
		if (bare[i] < 0 || traced[i] < 0) {
			fprintf(stderr, "bench_process: a child failed\n");
			return 1;
		}
	}
	qsort(bare, (size_t)runs, sizeof(bare[0]), compare_double);
	qsort(traced, (size_t)runs, sizeof(traced[0]), compare_double);
	printf("bare_ms %.3f\ntraced_ms %.3f\nadded_ms %.3f\n", bare[runs / 2], traced[runs / 2],
	       traced[runs / 2] - bare[runs / 2]);
	return 0;
}
