/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the cgroups of a process lie in the file system, v1 and v2, in containers and not.
 *
 * Rules: used in the program, too: no allocation, and nothing stays open. What cannot be read is as
 * if it were not there.
 */
#ifndef CGROUP_H
#define CGROUP_H

#include <stdbool.h>
#include <stddef.h>

#define CGROUP_DIR_BYTES 2048
#define CGROUP_USUAL_DIR "/sys/fs/cgroup" /* of v2; of v1, with the controller's name behind it */

/* A group of a hierarchy, as far as the mount shows it. */
struct cgroup {
	bool is_v1;
	size_t top_bytes; /* of `dir`: the topmost group that the mount shows */
	char dir[CGROUP_DIR_BYTES];
};

/* Returns false to stop. May go up in the group. */
typedef bool (*cgroup_visit)(struct cgroup *cgroup, void *arg);

/* Visits the process' group in each mounted hierarchy that has this controller (v1) or may have it
 * (v2), by the lines of /proc/PID/cgroup and of /proc/self/mountinfo, or of files like them. */
void cgroup_each(const char *cgroups_path, const char *mounts_path, const char *controller,
		 cgroup_visit visit, void *arg);

/* The same of this process, with few system calls where the hierarchy is mounted in the usual
 * place. */
void cgroup_each_own(const char *controller, cgroup_visit visit, void *arg);

/* To the group above. False: the mount shows none. */
bool cgroup_up(struct cgroup *cgroup);

/* The beginning of one of its files, terminated. False: it is not there, or empty. */
bool cgroup_read(const struct cgroup *cgroup, const char *name, char *text, size_t bytes);

#endif
