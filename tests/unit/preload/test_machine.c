/* SPDX-License-Identifier: Apache-2.0
 *
 * The readers of /proc and of cgroups on files made by hand, as kernels write them: cgroups v1 and
 * v2, in containers and not. Expected values stand in the files.
 */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/machine.h"
#include "format/trace_format.h"

static char dir[64];

static int entry_remove(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status, (void)type, (void)place;
	return remove(path);
}

static void set_up(void)
{
	strcpy(dir, "/tmp/uvtrace_test_machine_XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

static void tear_down(void)
{
	nftw(dir, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(machine, .init = set_up, .fini = tear_down);

static const char *path_of(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void __attribute__((format(printf, 2, 3))) put(const char *name, const char *format, ...)
{
	FILE *file = fopen(path_of(name), "w");
	va_list arguments;

	cr_assert_not_null(file, "%s", name);
	va_start(arguments, format);
	vfprintf(file, format, arguments);
	va_end(arguments);
	fclose(file);
}

static void dir_put(const char *name)
{
	cr_assert_eq(mkdir(path_of(name), 0700), 0, "%s", name);
}

static struct machine_cgroup found(bool expected)
{
	struct machine_cgroup cgroup;

	cr_assert_eq(machine_find_cgroup(path_of("cgroup"), path_of("mountinfo"), &cgroup),
		     expected);
	return cgroup;
}

Test(machine, finds_the_nearest_quota_of_v2)
{
	struct machine_cgroup cgroup;

	put("cgroup", "0::/app.slice/app.service/worker\n");
	put("mountinfo",
	    "22 28 0:20 / /proc rw - proc proc rw\n"
	    "30 23 0:26 / %s/top rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
	    dir);
	dir_put("top");
	dir_put("top/app.slice");
	dir_put("top/app.slice/app.service");
	dir_put("top/app.slice/app.service/worker");
	put("top/app.slice/cpu.max", "400000 100000\n");
	put("top/app.slice/app.service/cpu.max", "150000 100000\n");
	put("top/app.slice/app.service/worker/cpu.max", "max 100000\n");
	cgroup = found(true);
	cr_assert_str_eq(cgroup.dir, path_of("top/app.slice/app.service"));
	cr_assert_eq(cgroup.quota, 1500);
	put("top/app.slice/app.service/cpu.max", "max 100000\n");
	cr_assert_eq(found(true).quota, 4000);
	put("top/app.slice/cpu.max", "max 100000\n");
	cgroup = found(true);
	cr_assert_eq(cgroup.quota, 0);
	cr_assert_str_eq(cgroup.dir, "");
}

Test(machine, prefers_the_hierarchy_of_v1_that_has_the_controller)
{
	struct machine_cgroup cgroup;

	put("cgroup", "5:memory:/m\n4:cpu,cpuacct:/docker/abc\n0::/elsewhere\n");
	put("mountinfo",
	    "31 30 0:27 / %s/unified rw - cgroup2 cgroup2 rw\n"
	    "32 30 0:28 / %s/memory rw - cgroup cgroup rw,memory\n"
	    "33 30 0:29 / %s/cpu rw - cgroup cgroup rw,cpu,cpuacct\n",
	    dir, dir, dir);
	dir_put("cpu");
	dir_put("cpu/docker");
	dir_put("cpu/docker/abc");
	put("cpu/docker/abc/cpu.cfs_quota_us", "25000\n");
	put("cpu/docker/abc/cpu.cfs_period_us", "50000\n");
	cgroup = found(true);
	cr_assert_str_eq(cgroup.dir, path_of("cpu/docker/abc"));
	cr_assert_eq(cgroup.quota, 500);
	put("cpu/docker/abc/cpu.cfs_quota_us", "-1\n");
	cr_assert_eq(found(true).quota, 0);
}

/* A container sees its own cgroup at the top, whatever path the host gives it. */
Test(machine, finds_a_containers_own_cgroup)
{
	struct machine_cgroup cgroup;

	put("cgroup", "4:cpu,cpuacct:/docker/abc\n");
	put("mountinfo", "33 30 0:29 /docker/abc %s/cpu ro - cgroup cgroup rw,cpu,cpuacct\n", dir);
	dir_put("cpu");
	put("cpu/cpu.cfs_quota_us", "200000\n");
	put("cpu/cpu.cfs_period_us", "100000\n");
	cgroup = found(true);
	cr_assert_str_eq(cgroup.dir, path_of("cpu"));
	cr_assert_eq(cgroup.quota, 2000);
	put("cgroup", "4:cpu,cpuacct:/not/below\n");
	cr_assert_eq(found(true).quota, 2000);
}

Test(machine, says_nothing_where_there_is_nothing)
{
	struct machine_throttling throttling;
	struct machine_cgroup cgroup;
	struct machine_time time;
	uint64_t a, b;

	found(false);
	put("cgroup", "garbage\n1:\n::\n\n");
	put("mountinfo", "33 30 0:29 / - \n - cgroup2\n");
	cgroup = found(false);
	cr_assert_not(machine_read_throttling(&cgroup, &throttling));
	put("stat", "intr 1 2 3\ncpu 1 2 3 4 5 6 7 8 9 10\n");
	cr_assert_not(machine_read_time(path_of("stat"), &time));
	cr_assert_not(machine_read_time(path_of("nowhere"), &time));
	put("status", "Name:\tx\n");
	cr_assert_not(machine_read_switches(path_of("status"), &a, &b));
}

Test(machine, reads_throttling_of_both_versions)
{
	struct machine_cgroup cgroup = {.quota = 1};
	struct machine_throttling throttling;

	snprintf(cgroup.dir, sizeof(cgroup.dir), "%s", dir);
	put("cpu.stat", "usage_usec 5\nuser_usec 4\nsystem_usec 1\nnr_periods 70\nnr_throttled 12\n"
			"throttled_usec 345678\nnr_bursts 0\n");
	cr_assert(machine_read_throttling(&cgroup, &throttling));
	cr_assert(throttling.periods == 70 && throttling.throttled == 12 &&
		  throttling.throttled_ns == 345678000);
	put("cpu.stat", "nr_periods 71\nnr_throttled 13\nthrottled_time 987654321\n");
	cr_assert(machine_read_throttling(&cgroup, &throttling));
	cr_assert(throttling.periods == 71 && throttling.throttled == 13 &&
		  throttling.throttled_ns == 987654321);
	put("cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n");
	cr_assert(machine_read_throttling(&cgroup, &throttling),
		  "a cgroup that has not run yet is known");
	put("cpu.stat", "usage_usec 5\n");
	cr_assert_not(machine_read_throttling(&cgroup, &throttling));
}

Test(machine, reads_steal_and_switches)
{
	struct machine_time time;
	uint64_t voluntary, involuntary;

	put("stat", "cpu  100 20 30 4000 50 6 7 80 90 9\ncpu0 1 2 3 4 5 6 7 8 9 10\n");
	cr_assert(machine_read_time(path_of("stat"), &time));
	cr_assert_eq(time.busy_ns, 163 * 10000000ull);
	cr_assert_eq(time.idle_ns, 4050 * 10000000ull);
	cr_assert_eq(time.steal_ns, 80 * 10000000ull);
	put("status", "Name:\tx\nThreads:\t1\nvoluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_"
		      "switches:\t23\n");
	cr_assert(machine_read_switches(path_of("status"), &voluntary, &involuntary));
	cr_assert(voluntary == 150 && involuntary == 23);
}

/* Lines longer than the reader's memory end the reading, and nothing else. */
Test(machine, survives_long_lines)
{
	char *line = malloc(100000);
	struct machine_cgroup cgroup;

	memset(line, 'x', 99999);
	line[99999] = '\0';
	put("cgroup", "0::/a\n%s\n", line);
	put("mountinfo", "%s\n", line);
	cr_assert_not(machine_find_cgroup(path_of("cgroup"), path_of("mountinfo"), &cgroup));
	free(line);
}

Test(machine, measures_an_event)
{
	uint64_t ps = machine_event_price_ps(TRACE_CLOCK_MONOTONIC);

	cr_assert(ps > 100 && ps < 100000000, "%lu ps", (unsigned long)ps);
}
