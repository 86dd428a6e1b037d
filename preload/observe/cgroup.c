/* SPDX-License-Identifier: Apache-2.0
 *
 * See cgroup.h. /proc/PID/cgroup names the process' groups; mountinfo says where their hierarchies
 * are mounted. A mount shows the hierarchy from its own root on, which is not always above the
 * group's path: in a container the path may be the host's, and then the mount shows the group
 * itself.
 *
 * mountinfo is slow to read, so a process looks for its own group in the usual place first.
 */
#include "cgroup.h"

#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>

#include "files/proc_file.h"

enum { V2, V1, VERSIONS };

static const char *const file_systems[VERSIONS] = {[V2] = "cgroup2", [V1] = "cgroup"};

struct search {
	const char *controller;
	char groups[VERSIONS][PROC_LINE_BYTES_MAX]; /* of the process; empty: it is in none */
	cgroup_visit visit;
	void *arg;
};

/* Whether a list of names, separated by commas, has this one. */
static bool list_has(const char *list, const char *name)
{
	size_t bytes = strlen(name);

	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (strncmp(list, name, bytes) == 0 && (list[bytes] == ',' || !list[bytes]))
			return true;
	return false;
}

/* "4:cpu,cpuacct:/path" of v1, or "0::/path" of v2. */
static bool visit_group(char *line, void *arg)
{
	struct search *search = arg;
	char *list = strchr(line, ':'), *group = list ? strchr(list + 1, ':') : NULL;

	if (!group)
		return true;
	*group = '\0';
	if (!list[1] || list_has(list + 1, search->controller))
		strcpy(search->groups[list[1] ? V1 : V2], group + 1);
	return true;
}

/* "ID PARENT DEVICE ROOT MOUNT OPTIONS ... - TYPE SOURCE OPTIONS". Returns the version of the
 * hierarchy that it shows, VERSIONS: none that is wanted. */
static int parse_mount(const struct search *search, char *line, char **root, char **mount)
{
	char *rest = strstr(line, " - "), *type, *options, *save = NULL;
	int version = VERSIONS;

	if (!rest)
		return VERSIONS;
	*rest = '\0';
	type = strtok_r(rest + 3, " ", &save);
	strtok_r(NULL, " ", &save);
	options = strtok_r(NULL, " ", &save);
	if (type && strcmp(type, file_systems[V2]) == 0)
		version = V2;
	else if (type && strcmp(type, file_systems[V1]) == 0 && options &&
		 list_has(options, search->controller))
		version = V1;
	for (int i = 0; i < 3; i++)
		if (!strtok_r(i ? NULL : line, " ", &save))
			return VERSIONS;
	*root = strtok_r(NULL, " ", &save);
	*mount = strtok_r(NULL, " ", &save);
	return *root && *mount ? version : VERSIONS;
}

/* Of a group that a cgroup namespace shows with "/..": outside of what this process may see. */
static bool is_outside(const char *group)
{
	return strstr(group, "/..") != NULL;
}

/* What of the group's path the mount shows, whose root in the hierarchy is `root`. */
static const char *below_root(const char *group, const char *root)
{
	size_t bytes = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (strncmp(group, root, bytes) != 0 || (group[bytes] != '/' && group[bytes]) ||
	    is_outside(group) || strcmp(group + bytes, "/") == 0)
		return "";
	return group + bytes;
}

static bool visit_mount(char *line, void *arg)
{
	struct search *search = arg;
	char *root, *mount;
	int version = parse_mount(search, line, &root, &mount);
	struct cgroup cgroup = {.is_v1 = version == V1};

	if (version == VERSIONS || !search->groups[version][0])
		return true;
	cgroup.top_bytes = strlen(mount);
	snprintf(cgroup.dir, sizeof(cgroup.dir), "%s%s", mount,
		 below_root(search->groups[version], root));
	return search->visit(&cgroup, search->arg);
}
_Static_assert(CGROUP_DIR_BYTES >= 2 * PROC_LINE_BYTES_MAX, "a mount and a group");

void cgroup_each(const char *cgroups_path, const char *mounts_path, const char *controller,
		 cgroup_visit visit, void *arg)
{
	struct search search = {.controller = controller, .visit = visit, .arg = arg};

	proc_file_lines(cgroups_path, visit_group, &search);
	proc_file_lines(mounts_path, visit_mount, &search);
}

/* A controller belongs to one hierarchy: to v2 only where v1 does not list it. The rest of the path
 * exists there only if the mount shows the whole hierarchy of this process' namespace. */
static bool find_usual(const struct search *search, struct cgroup *cgroup)
{
	const char *group = search->groups[V1];
	struct statfs file_system;

	cgroup->is_v1 = group[0] != '\0';
	group = cgroup->is_v1 ? group : search->groups[V2];
	cgroup->top_bytes =
	    (size_t)snprintf(cgroup->dir, sizeof(cgroup->dir), "%s%s%s", CGROUP_USUAL_DIR,
			     cgroup->is_v1 ? "/" : "", cgroup->is_v1 ? search->controller : "");
	if (!group[0] || is_outside(group))
		return false;
	if (strcmp(group, "/") != 0)
		strcat(cgroup->dir, group);
	return statfs(cgroup->dir, &file_system) == 0 &&
	       file_system.f_type == (cgroup->is_v1 ? CGROUP_SUPER_MAGIC : CGROUP2_SUPER_MAGIC);
}

void cgroup_each_own(const char *controller, cgroup_visit visit, void *arg)
{
	struct search search = {.controller = controller, .visit = visit, .arg = arg};
	struct cgroup cgroup;

	proc_file_lines("/proc/self/cgroup", visit_group, &search);
	if (find_usual(&search, &cgroup))
		visit(&cgroup, arg);
	else
		proc_file_lines("/proc/self/mountinfo", visit_mount, &search);
}

bool cgroup_up(struct cgroup *cgroup)
{
	char *slash = strrchr(cgroup->dir, '/');

	if (!slash || (size_t)(slash - cgroup->dir) < cgroup->top_bytes)
		return false;
	*slash = '\0';
	return true;
}

bool cgroup_read(const struct cgroup *cgroup, const char *name, char *text, size_t bytes)
{
	char path[CGROUP_DIR_BYTES + 32];

	snprintf(path, sizeof(path), "%s/%s", cgroup->dir, name);
	return proc_file_read(path, text, bytes) > 0;
}
