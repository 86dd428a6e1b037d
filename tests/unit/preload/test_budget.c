/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory limits out of directories that look like the kernel's, and how many rings of which size
 * come of them.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "observe/cgroup.h"
#include "program/budget.h"
#include "program/config.h"
#include "program/ring_size.h"
#include "ring/shared.h"

#define MIB (1ull << 20)

static char dir[64];

static void enter(void)
{
	strcpy(dir, "/tmp/uvtrace_test_budget_XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

static void leave(void)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(budget, .init = enter, .fini = leave, .timeout = 20);

/* A file below the directory; a %s in the text is the directory. */
static const char *put(const char *name, const char *text)
{
	static char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (char *slash = path + strlen(dir) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		mkdir(path, 0700);
	}
	file = fopen(path, "w");
	cr_assert_not_null(file);
	for (const char *at = text; *at; at++)
		if (at[0] == '%' && at[1] == 's')
			fputs(dir, file), at++;
		else
			fputc(*at, file);
	fclose(file);
	return path;
}

static uint64_t limit_of(const char *cgroup, const char *mountinfo)
{
	char *paths[2] = {strdup(put("cgroup", cgroup)), strdup(put("mountinfo", mountinfo))};
	uint64_t limit = budget_memory_limit_of(paths[0], paths[1]);

	free(paths[0]);
	free(paths[1]);
	return limit;
}

#define V1 "34 30 0:31 / %s/v1 rw,relatime - cgroup cgroup rw,memory,hugetlb\n"
#define V2 "40 30 0:37 / %s/v2 rw,relatime shared:9 - cgroup2 cgroup2 rw\n"

Test(budget, smallest_of_all_groups_above)
{
	put("v2/memory.max", "max\n");
	put("v2/a/memory.max", "100000000\n");
	put("v2/a/b/memory.max", "300000000\n");
	put("v2/a/b/c/memory.max", "max\n");
	cr_expect_eq(limit_of("0::/a/b/c\n", V2), 100000000);
	cr_expect_eq(limit_of("0::/a/b\n", V2), 100000000);
	cr_expect_eq(limit_of("0::/\n", V2), UINT64_MAX);
	cr_expect_eq(limit_of("0::/gone\n", V2), UINT64_MAX);
	put("v2/a/b/memory.max", "70000000\n");
	cr_expect_eq(limit_of("0::/a/b/c\n", V2), 70000000);
}

Test(budget, version_1_and_both)
{
	put("v1/memory.limit_in_bytes", "9223372036854771712\n");
	put("v1/x/memory.limit_in_bytes", "67108864\n");
	put("v2/y/memory.max", "50000000\n");
	cr_expect_eq(limit_of("5:hugetlb,memory:/x\n4:cpu:/\n0::/\n", V1 V2), 67108864);
	cr_expect_eq(limit_of("5:hugetlb,memory:/x\n4:cpu:/\n0::/y\n", V1 V2), 50000000);
	cr_expect_eq(limit_of("5:memory:/\n", V1), UINT64_MAX);
	cr_expect_eq(limit_of("5:memory2:/x\n", V1), UINT64_MAX);
	cr_expect_eq(limit_of("5:cpu:/x\n", V1), UINT64_MAX);
}

/* A container's mount begins at its own group, and the path is the host's or, in a cgroup
 * namespace, "/". */
Test(budget, in_a_container)
{
	static const char mount[] = "34 30 0:31 /docker/abc %s/v1 rw - cgroup cgroup rw,memory\n";

	put("v1/memory.limit_in_bytes", "67108864\n");
	put("v1/inner/memory.limit_in_bytes", "60000000\n");
	cr_expect_eq(limit_of("4:memory:/docker/abc\n", mount), 67108864);
	cr_expect_eq(limit_of("4:memory:/docker/abc/inner\n", mount), 60000000);
	cr_expect_eq(limit_of("4:memory:/docker/abcd\n", mount), 67108864);
	cr_expect_eq(limit_of("4:memory:/\n", mount), 67108864);
	cr_expect_eq(limit_of("4:memory:/../../other\n", mount), 67108864);
}

Test(budget, nonsense_is_no_limit)
{
	char text[5000];

	put("v2/memory.max", "max\n");
	cr_expect_eq(limit_of("", ""), UINT64_MAX);
	cr_expect_eq(limit_of("0:", V2), UINT64_MAX);
	cr_expect_eq(
	    limit_of("::\n:::\n0::/\n", "- - - cgroup2\n - cgroup2\n1 2 3 - cgroup2 x y\n"),
	    UINT64_MAX);
	put("v2/a/memory.max", "nothing\n");
	cr_expect_eq(limit_of("0::/a\n", V2), UINT64_MAX);
	cr_expect_eq(budget_memory_limit_of("/nonexistent", "/nonexistent"), UINT64_MAX);
	/* A line that is too long does not hide those behind it. */
	put("v2/a/memory.max", "12345678\n");
	memset(text, 'x', sizeof(text));
	strcpy(text + 4000, "\n" V2);
	cr_expect_eq(limit_of("0::/a\n", text), 12345678);
	/* ... and its own rest is no line, wherever it is cut. */
	strcpy(text + 1024, V2);
	cr_expect_eq(limit_of("0::/a\n", text), UINT64_MAX);
	memset(text, 'x', sizeof(text));
	strcpy(text + 4096, V2);
	cr_expect_eq(limit_of("0::/a\n", text), UINT64_MAX);
}

struct groups {
	struct cgroup of[8];
	size_t count;
};

static bool note_group(struct cgroup *cgroup, void *arg)
{
	struct groups *groups = arg;

	groups->of[groups->count++] = *cgroup;
	return groups->count < 8;
}

static bool has_group(const struct groups *groups, const struct cgroup *wanted)
{
	for (size_t i = 0; i < groups->count; i++)
		if (strcmp(groups->of[i].dir, wanted->dir) == 0)
			return groups->of[i].top_bytes == wanted->top_bytes &&
			       groups->of[i].is_v1 == wanted->is_v1;
	return false;
}

/* However the group of this very process is found, it is the same one. */
Test(budget, own_group)
{
	static const char *const controllers[] = {"memory", "cpu"};

	for (size_t i = 0; i < 2; i++) {
		struct groups own = {.count = 0}, all = {.count = 0};

		cgroup_each_own(controllers[i], note_group, &own);
		cgroup_each("/proc/self/cgroup", "/proc/self/mountinfo", controllers[i], note_group,
			    &all);
		cr_expect_eq(own.count == 0, all.count == 0);
		for (size_t j = 0; j < own.count; j++)
			cr_expect(has_group(&all, &own.of[j]), "%s: %s", controllers[i],
				  own.of[j].dir);
	}
	cr_expect_eq(budget_memory_limit(),
		     budget_memory_limit_of("/proc/self/cgroup", "/proc/self/mountinfo"));
}

Test(budget, bytes)
{
	cr_expect_eq(budget_bytes(UINT64_MAX, UINT64_MAX), 64 * MIB);
	cr_expect_eq(budget_bytes(64 * MIB, UINT64_MAX), 4 * MIB);
	cr_expect_eq(budget_bytes(UINT64_MAX, 64 * MIB), 48 * MIB);
	cr_expect_eq(budget_bytes(960 * MIB, 64 * MIB), 48 * MIB, "a quarter stays for others");
	cr_expect_eq(budget_bytes(UINT64_MAX, 0), 0);
}

/* What a dead program left counts, of the living nothing does. */
Test(budget, rings_that_were_left)
{
	char path[100], block[65536] = "";
	uint64_t before = budget_left_bytes();
	pid_t dead = fork();
	FILE *file;

	if (dead == 0)
		_exit(0);
	waitpid(dead, NULL, 0);
	snprintf(path, sizeof(path), SHARED_DIR "/" SHARED_PREFIX "%d.test", (int)dead);
	file = fopen(path, "w");
	cr_assert_not_null(file);
	fwrite(block, sizeof(block), 1, file);
	fclose(file);
	cr_expect_geq(budget_left_bytes(), before + sizeof(block));
	unlink(path);
	snprintf(path, sizeof(path), SHARED_DIR "/" SHARED_PREFIX "%d.test", (int)getppid());
	file = fopen(path, "w");
	fwrite(block, sizeof(block), 1, file);
	fclose(file);
	cr_expect_lt(budget_left_bytes(), before + sizeof(block));
	unlink(path);
}

/* Whatever is asked for and there is: each ring has its first step, and all of them never more than
 * the total. */
Test(budget, rings)
{
	for (uint64_t total = 4096; total <= 1024 * MIB; total *= 2) {
		for (uint64_t size = 16384; size <= 1024 * MIB; size *= 2) {
			struct ring_size rings = {0};

			config.ring_size_bytes = size;
			ring_size_choose(&rings, total);
			cr_assert_geq(rings.count, 1);
			cr_assert_leq(rings.count, SHARED_RINGS_MAX);
			cr_assert_leq(rings.bytes, size);
			cr_assert_leq(rings.step, rings.bytes);
			cr_assert_leq(rings.bytes / rings.step, SHARED_STEPS_MAX);
			cr_assert(rings.count == 1 ||
				  rings.count * rings.step + rings.grow <= total);
			cr_assert(rings.count == 1 || rings.count * rings.step <= total / 2,
				  "the other half is for who needs more");
			cr_assert(total < 4 * MIB || rings.count == SHARED_RINGS_MAX, "%lu of %lu",
				  rings.count, total);
		}
	}
}
