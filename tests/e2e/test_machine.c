/* SPDX-License-Identifier: Apache-2.0
 *
 * What the trace says of the machine, against what the kernel told somebody else: the cgroup's own
 * cpu.stat, getrusage() of the thread itself.
 *
 * A quota needs a cgroup that the test may make (v2, or v1's cpu hierarchy): elsewhere that test
 * says that it skips, and tests/unit/preload/test_machine.c holds the readers against
 * files made by hand.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

#define SPIN_MS		 400
#define SPIN_TEXT	 "400"
#define THROTTLED_SURELY 10 /* periods; on a busy machine a program may hardly use up its quota */

TestSuite(machine, .init = harness_enter, .fini = harness_leave, .timeout = 60);

static char cgroup[200];

static bool put(const char *name, const char *text)
{
	char path[300];
	FILE *file;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s", cgroup, name);
	file = fopen(path, "r+"); /* the kernel has made it, or this is no cgroup */
	ok = file && fputs(text, file) >= 0;
	return file && fclose(file) == 0 && ok;
}

/* A fifth of a CPU. */
static bool cgroup_make(void)
{
	static const char *const tops[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/cpu",
					   "/sys/fs/cgroup/cpu,cpuacct"};

	for (size_t i = 0; i < sizeof(tops) / sizeof(*tops); i++) {
		snprintf(cgroup, sizeof(cgroup), "%s/uvtrace_test.%d", tops[i], getpid());
		if (mkdir(cgroup, 0755) != 0)
			continue;
		if (put("cpu.max", "20000 100000") ||
		    (put("cpu.cfs_period_us", "100000") && put("cpu.cfs_quota_us", "20000")))
			return true;
		rmdir(cgroup);
	}
	return false;
}

/* In the program's own process. */
static int cgroup_enter(void)
{
	char pid[20];

	snprintf(pid, sizeof(pid), "%d", getpid());
	return put("cgroup.procs", pid) ? 0 : -1;
}

static uint64_t cgroup_stat(const char *name)
{
	char path[300], word[64];
	unsigned long long value, found = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/cpu.stat", cgroup);
	file = fopen(path, "r");
	cr_assert_not_null(file);
	while (fscanf(file, "%63s %llu", word, &value) == 2)
		if (strcmp(word, name) == 0)
			found = value;
	fclose(file);
	return found;
}

static bool cgroup_is_gone(void *arg)
{
	(void)arg;
	return rmdir(cgroup) == 0;
}

static uint64_t machine_number(const json_t *report, const char *name)
{
	return (uint64_t)json_integer_value(
	    json_object_get(json_object_get(report, "machine"), name));
}

struct usage {
	uint64_t busy, all; /* ticks of all CPUs */
};

static struct usage machine_usage(void)
{
	unsigned long long user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0,
			   softirq = 0, steal = 0;
	FILE *file = fopen("/proc/stat", "re");
	struct usage usage = {0};

	if (file && fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice,
			   &system, &idle, &iowait, &irq, &softirq, &steal) == 8) {
		usage.busy = user + nice + system + irq + softirq + steal;
		usage.all = usage.busy + idle + iowait;
	}
	if (file)
		fclose(file);
	return usage;
}

/* Others took more than a quarter of the machine meanwhile: then the kernel may well have run them
 * instead. */
static bool machine_was_busy(struct usage before)
{
	struct usage after = machine_usage();
	uint64_t busy = after.busy - before.busy,
		 own = SPIN_MS * (uint64_t)sysconf(_SC_CLK_TCK) / 1000;

	return busy > own && (busy - own) * 4 > after.all - before.all;
}

Test(machine, throttling_is_that_of_the_cgroup)
{
	struct usage before = machine_usage();
	struct run run = {
	    .program = build_path("fixtures/spin"), .args = {SPIN_TEXT}, .prepare = cgroup_enter};
	struct result result;
	json_t *report;
	uint64_t throttled;

	if (!cgroup_make())
		cr_skip_test("no cgroup can be made here");
	result = run_program(&run);
	throttled = cgroup_stat("nr_throttled");
	cr_assert_eq(result.status, 0, "%s", result.err);
	wait_for_seal();
	report = analyze("uvtrace.data", NULL);
	cr_expect(wait_until(cgroup_is_gone, NULL));
	cr_assert_gt(throttled, 0);
	/* The helper looks when the program begins and ends; what it does itself counts, too. */
	cr_assert_leq(machine_number(report, "throttled_periods"), throttled + 3);
	cr_assert_geq(machine_number(report, "throttled_periods") + 5, throttled);
	cr_assert_float_eq(
	    json_real_value(json_object_get(json_object_get(report, "machine"), "quota_cpus")), 0.2,
	    1e-6);
	cr_assert(throttled < THROTTLED_SURELY || has_finding(report, "throttled", "warning") ||
		  has_finding(report, "throttled", "error"));
	cr_assert(machine_was_busy(before) || !has_finding(report, "descheduled", "warning"));
	json_decref(report);
	result_free(&result);
}

/* At its end the thread itself asks how often it was switched away: the helper asked just before or
 * after. */
Test(machine, switches_are_those_of_the_thread)
{
	struct traced traced = trace_program(
	    &(struct run){.program = build_path("fixtures/spin"), .args = {"300", "2"}});
	uint64_t voluntary = 0, involuntary = 0, samples = 0;

	for (size_t i = 0; i < traced.trace.event_count; i++) {
		const json_t *event = traced.trace.events[i];
		if (strcmp(event_text(event, "event"), "SwitchesSample") != 0)
			continue;
		cr_assert_geq(event_number(event, "voluntary"), voluntary);
		voluntary = event_number(event, "voluntary");
		involuntary = event_number(event, "involuntary");
		samples++;
	}
	cr_assert_geq(samples, 2);
	/* It waits for its helper once more after it has looked. */
	cr_assert_geq(voluntary, (uint64_t)truth_value(traced.truth, "voluntary"));
	cr_assert_leq(voluntary, (uint64_t)truth_value(traced.truth, "voluntary") + 5);
	cr_assert_geq(involuntary, (uint64_t)truth_value(traced.truth, "involuntary"));
	traced_free(&traced);
}

/* The machine has the CPUs that the kernel lists, and the program as many as it may run on. */
Test(machine, cpus_and_price_are_there)
{
	struct run run = {.program = "taskset", .args = {"-c", "0", build_path("fixtures/timers")}};
	struct traced traced;
	json_t *report;
	long price_ps;

	if (system("taskset -c 0 true 2>/dev/null") != 0)
		cr_skip_test("no taskset, or no CPU 0 to run on");
	traced = trace_program(&run);
	report = analyze("uvtrace.data", NULL);
	cr_assert_eq(machine_number(report, "cpus"), (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	cr_assert_eq(machine_number(report, "cpus_allowed"), 1);
	price_ps = (long)(1000 * json_real_value(json_object_get(
				     json_object_get(report, "overhead"), "event_ns")));
	cr_assert(
	    json_is_true(json_object_get(json_object_get(report, "overhead"), "event_measured")));
	cr_assert(price_ps > 100 && price_ps < 10000000, "%ld", price_ps);
	json_decref(report);
	traced_free(&traced);
}
