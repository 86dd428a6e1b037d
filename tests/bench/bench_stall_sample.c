/* SPDX-License-Identifier: Apache-2.0
 *
 * What a look at a stuck callback costs (preload/observe/stall_probe.h): looks at a child that
 * sleeps in flock, and at one that computes, and prints how long a look took; and of the child that
 * computes the longest stretch that it was away during each look, by its own clock, and in as long
 * a time after it, when nobody looks: others share the machine.
 *
 * usage: bench_stall_sample [LOOKS]
 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring/clock.h"
#include "observe/stall_probe.h"

#define LOOKS_MAX 20000
#define ROUND_US  500

/* Shared with the child. */
static struct seen {
	_Atomic uint32_t round;	     /* of looks, 0: none is under way */
	uint64_t outside[LOOKS_MAX]; /* ns, the longest stretch in each round */
	uint64_t quiet[LOOKS_MAX];   /* the same in as long a time without a look, after it */
} * seen;

static struct look look;
static uint64_t took[LOOKS_MAX];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void sleep_in_flock(void)
{
	char path[] = "/tmp/bench_stall_sample_XXXXXX";
	int held = mkstemp(path), fd = open(path, O_RDWR);

	unlink(path);
	if (held < 0 || fd < 0 || flock(held, LOCK_EX) != 0)
		die(path);
	flock(fd, LOCK_EX);
}

/* Even rounds are looks, odd ones the time after. */
static void compute(void)
{
	uint64_t before_ns = clock_mono_ns();

	for (;;) {
		uint64_t now_ns = clock_mono_ns(), outside_ns = now_ns - before_ns;
		uint32_t round = atomic_load_explicit(&seen->round, memory_order_relaxed);
		uint64_t *longest = round % 2 ? &seen->quiet[round / 2] : &seen->outside[round / 2];

		before_ns = now_ns;
		if (outside_ns > *longest)
			*longest = outside_ns;
	}
}

static pid_t child_start(void (*run)(void))
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0)
		run();
	usleep(100000);
	return pid;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print(const char *what, uint64_t *ns, uint32_t count)
{
	qsort(ns, count, sizeof(*ns), compare);
	printf("%-52s p10 %7.1f  p50 %7.1f  p90 %7.1f us\n", what, (double)ns[count / 10] / 1e3,
	       (double)ns[count / 2] / 1e3, (double)ns[count - 1 - count / 10] / 1e3);
}

static void looks_take(pid_t pid, bool may_stop, uint32_t count)
{
	struct probe_target at = {.pid = (uint32_t)pid, .tid = (uint32_t)pid, .may_stop = may_stop};

	for (uint32_t i = 0; i < count; i++) {
		uint64_t start_ns = clock_mono_ns();

		atomic_store(&seen->round, 2 * i);
		stall_probe_take(&at, &look);
		took[i] = clock_mono_ns() - start_ns;
		usleep(ROUND_US); /* it has come back by then, and seen that it was away */
		atomic_store(&seen->round, 2 * i + 1);
		usleep(ROUND_US);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	uint32_t count = argc > 1 ? (uint32_t)atoi(argv[1]) : 2000;

	if (count < 10 || count > LOOKS_MAX)
		return 2;
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		die("mmap");
	looks_take(child_start(sleep_in_flock), false, count);
	print("a look at a thread that sleeps in flock", took, count);
	looks_take(child_start(compute), true, count);
	if (!look.register_count)
		fprintf(stderr, "bench_stall_sample: the thread may not be stopped here\n");
	print("a look at a thread that computes", took, count);
	print("  longest it was away during the look", seen->outside, count);
	print("  longest in as long a time without a look", seen->quiet, count);
	return 0;
}
