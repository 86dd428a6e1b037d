/* SPDX-License-Identifier: Apache-2.0
 *
 * See budget.h. /proc/self/cgroup names the process's group; mountinfo says where its hierarchy is
 * mounted. A mount shows the hierarchy from its own root on, which is not always above the group's
 * path. In a container the path may be the host's, and then the mount shows the group itself.
 *
 * Rules: runs in the program, once: no allocation. What cannot be read or is too long counts as no
 * limit.
 */
#include "budget.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/dir.h"
#include "ring/shared.h"
#include "files/proc_file.h"

#define LINE_BYTES  1024
#define HIERARCHIES (sizeof(hierarchies) / sizeof(hierarchies[0]))

/* Where a hierarchy with a memory controller puts its limit. */
static const struct hierarchy {
	const char *file_system;
	const char *controllers; /* in /proc/PID/cgroup, between the colons */
	const char *limit;
} hierarchies[] = {{"cgroup2", "", "memory.max"}, {"cgroup", "memory", "memory.limit_in_bytes"}};

struct lines {
	int fd;
	bool skips; /* the rest of a line that was too long */
	size_t used, at;
	char text[LINE_BYTES];
};

/* The next line that is not too long, without its end; NULL: there is none. */
static char *next_line(struct lines *lines)
{
	for (;;) {
		char *line = lines->text + lines->at,
		     *end = memchr(line, '\n', lines->used - lines->at);
		ssize_t got;

		if (end) {
			bool skipped = lines->skips;

			*end = '\0';
			lines->at = (size_t)(end + 1 - lines->text);
			lines->skips = false;
			if (skipped)
				continue;
			return line;
		}
		lines->used -= lines->at;
		memmove(lines->text, line, lines->used);
		lines->at = 0;
		if (lines->used == sizeof(lines->text)) {
			lines->skips = true;
			lines->used = 0;
		}
		got = read(lines->fd, lines->text + lines->used, sizeof(lines->text) - lines->used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return NULL;
		lines->used += (size_t)got;
	}
}

static bool lists(const char *list, const char *name)
{
	size_t bytes = strlen(name);

	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (strncmp(list, name, bytes) == 0 && (list[bytes] == ',' || !list[bytes]))
			return true;
	return false;
}

/* "ID:controllers:path", a line for each hierarchy. */
static void parse_group(char *line, char groups[HIERARCHIES][LINE_BYTES])
{
	char *list = strchr(line, ':'), *group = list ? strchr(list + 1, ':') : NULL;

	if (!group)
		return;
	*group = '\0';
	for (size_t i = 0; i < HIERARCHIES; i++)
		if (*hierarchies[i].controllers ? lists(list + 1, hierarchies[i].controllers)
						: !list[1])
			snprintf(groups[i], LINE_BYTES, "%s", group + 1);
}

static void read_groups(const char *path, char groups[HIERARCHIES][LINE_BYTES])
{
	struct lines lines = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
	char *line;

	if (lines.fd < 0)
		return;
	while ((line = next_line(&lines)))
		parse_group(line, groups);
	close(lines.fd);
}

static uint64_t read_limit(const char *dir, const char *name)
{
	char path[2 * LINE_BYTES + 32], text[32], *end;
	unsigned long long limit;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (proc_file_read(path, text, sizeof(text)) <= 0)
		return UINT64_MAX;
	limit = strtoull(text, &end, 10);
	return end == text || limit >= INT64_MAX / 4096 * 4096
		   ? UINT64_MAX
		   : limit; /* "max", or what v1 says for it */
}

/* The smallest one of a group and all above it that the mount shows. */
static uint64_t smallest_limit(const char *mount, const char *group, const char *name)
{
	char dir[2 * LINE_BYTES];
	size_t mount_bytes = strlen(mount);
	uint64_t smallest = UINT64_MAX, limit;
	char *slash;

	snprintf(dir, sizeof(dir), "%s%s", mount, strcmp(group, "/") == 0 ? "" : group);
	for (;;) {
		limit = read_limit(dir, name);
		smallest = limit < smallest ? limit : smallest;
		slash = strrchr(dir, '/');
		if (!slash || (size_t)(slash - dir) < mount_bytes)
			return smallest;
		*slash = '\0';
	}
}

/* What of the group's path the mount shows, whose root in the hierarchy is `root`. */
static const char *below_root(const char *group, const char *root)
{
	size_t bytes = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (strncmp(group, root, bytes) != 0 || (group[bytes] != '/' && group[bytes]) ||
	    strstr(group, "/.."))
		return "";
	return group + bytes;
}

/* "ID PARENT DEVICE ROOT MOUNT OPTIONS ... - TYPE SOURCE OPTIONS". What hierarchy it shows, or
 * NULL. */
static const struct hierarchy *parse_mount(char *line, char **root, char **mount)
{
	char *rest = strstr(line, " - cgroup"), *type, *options, *save = NULL;
	const struct hierarchy *found = NULL;

	if (!rest)
		return NULL;
	*rest = '\0';
	type = strtok_r(rest + 3, " ", &save);
	strtok_r(NULL, " ", &save);
	options = strtok_r(NULL, " ", &save);
	for (size_t i = 0; i < HIERARCHIES; i++)
		if (strcmp(type, hierarchies[i].file_system) == 0 &&
		    (!*hierarchies[i].controllers ||
		     (options && lists(options, hierarchies[i].controllers))))
			found = &hierarchies[i];
	for (int i = 0; i < 3; i++)
		if (!strtok_r(i ? NULL : line, " ", &save))
			return NULL;
	*root = strtok_r(NULL, " ", &save);
	*mount = strtok_r(NULL, " ", &save);
	return *root && *mount ? found : NULL;
}

uint64_t budget_memory_limit_of(const char *cgroup_path, const char *mountinfo_path)
{
	char groups[HIERARCHIES][LINE_BYTES] = {"", ""}, *line, *root, *mount;
	struct lines lines = {.fd = open(mountinfo_path, O_RDONLY | O_CLOEXEC)};
	uint64_t smallest = UINT64_MAX, limit;
	const struct hierarchy *hierarchy;

	if (lines.fd < 0)
		return UINT64_MAX;
	read_groups(cgroup_path, groups);
	while ((line = next_line(&lines))) {
		hierarchy = parse_mount(line, &root, &mount);
		if (!hierarchy || !groups[hierarchy - hierarchies][0])
			continue;
		limit = smallest_limit(mount, below_root(groups[hierarchy - hierarchies], root),
				       hierarchy->limit);
		smallest = limit < smallest ? limit : smallest;
	}
	close(lines.fd);
	return smallest;
}

uint64_t budget_memory_limit(void)
{
	return budget_memory_limit_of("/proc/self/cgroup", "/proc/self/mountinfo");
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
