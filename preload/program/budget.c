/* SPDX-License-Identifier: Apache-2.0
 *
 * See budget.h.
 *
 * Rules: runs in the program, once: no allocation. What cannot be read counts as no limit.
 */
#include "budget.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/dir.h"
#include "observe/cgroup.h"
#include "ring/shared.h"

/* "max", or what v1 says for it, is no limit. */
static uint64_t read_limit(const struct cgroup *cgroup)
{
	const char *name = cgroup->is_v1 ? "memory.limit_in_bytes" : "memory.max";
	unsigned long long limit;
	char text[32], *end;

	if (!cgroup_read(cgroup, name, text, sizeof(text)))
		return UINT64_MAX;
	limit = strtoull(text, &end, 10);
	return end == text || limit >= INT64_MAX / 4096 * 4096 ? UINT64_MAX : limit;
}

/* The smallest one of a group and all above it. */
static bool visit_group(struct cgroup *cgroup, void *arg)
{
	uint64_t *smallest = arg;

	do {
		uint64_t limit = read_limit(cgroup);

		*smallest = limit < *smallest ? limit : *smallest;
	} while (cgroup_up(cgroup));
	return true;
}

uint64_t budget_memory_limit_of(const char *cgroup_path, const char *mountinfo_path)
{
	uint64_t smallest = UINT64_MAX;

	cgroup_each(cgroup_path, mountinfo_path, "memory", visit_group, &smallest);
	return smallest;
}

uint64_t budget_memory_limit(void)
{
	uint64_t smallest = UINT64_MAX;

	cgroup_each_own("memory", visit_group, &smallest);
	return smallest;
}

uint64_t budget_bytes(uint64_t memory_limit, uint64_t free_bytes)
{
	uint64_t bytes = memory_limit / BUDGET_SHARE;

	if (bytes > free_bytes - free_bytes / 4) /* another may want some too */
		bytes = free_bytes - free_bytes / 4;
	return bytes < BUDGET_BYTES_MAX ? bytes : BUDGET_BYTES_MAX;
}

/* A ring with our own pid in its name is of an earlier process. */
static void add_left(int dir, const char *name, void *arg)
{
	size_t prefix_bytes = strlen(SHARED_PREFIX);
	uint64_t *bytes = arg;
	struct stat stat;
	long pid;

	if (strncmp(name, SHARED_PREFIX, prefix_bytes) != 0)
		return;
	pid = strtol(name + prefix_bytes, NULL, 10);
	if (pid <= 0 || pid > INT32_MAX ||
	    (pid != getpid() && (kill((pid_t)pid, 0) == 0 || errno != ESRCH)))
		return;
	if (fstatat(dir, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && stat.st_uid == geteuid())
		*bytes += (uint64_t)stat.st_blocks * 512;
}

uint64_t budget_left_bytes(void)
{
	uint64_t bytes = 0;

	dir_walk_path(SHARED_DIR, add_left, &bytes);
	return bytes;
}
