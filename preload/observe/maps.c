/* SPDX-License-Identifier: Apache-2.0
 *
 * See maps.h: a line is a mapping.
 */
#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files/proc_file.h"

#define MAPS_BYTES (PATH_MAX + 4096) /* longer than any line */

/* START-END PERMS OFFSET DEV INODE    PATH */
static bool mapping_parse(const char *line, struct mapping *mapping)
{
	const char *permissions;
	char *at;

	mapping->start = strtoull(line, &at, 16);
	if (*at != '-')
		return false;
	mapping->end = strtoull(at + 1, &at, 16);
	if (mapping->start >= mapping->end || at[0] != ' ' || strnlen(at, 6) < 6 || at[5] != ' ')
		return false;
	permissions = at + 1;
	mapping->executable = memchr(permissions, 'x', 4) != NULL;
	mapping->offset = strtoull(at + 6, &at, 16);
	for (int field = 0; field < 2; field++) { /* the device, the inode */
		at += strspn(at, " ");
		at += strcspn(at, " ");
	}
	mapping->path = at + strspn(at, " ");
	return true;
}

struct walk {
	mapping_visit visit;
	void *arg;
};

static bool visit_line(char *line, void *arg)
{
	const struct walk *walk = arg;
	struct mapping mapping;

	return !mapping_parse(line, &mapping) || walk->visit(&mapping, walk->arg);
}

static int maps_fd = -1; /* of maps_use() */

void maps_use(int fd)
{
	maps_fd = fd;
}

static int maps_open(uint32_t pid)
{
	char path[32];
	int fd;

	if (pid == 0)
		return -ESRCH;
	if (maps_fd >= 0)
		return lseek(maps_fd, 0, SEEK_SET) == 0 ? maps_fd : -errno;
	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

int maps_walk(uint32_t pid, mapping_visit visit, void *arg)
{
	char buffer[MAPS_BYTES];
	struct walk walk = {visit, arg};
	int fd = maps_open(pid), error;

	if (fd < 0)
		return fd;
	error = proc_file_lines_of(fd, &(struct proc_lines){.visit = visit_line,
							    .arg = &walk,
							    .line_bytes_max = sizeof(buffer),
							    .buffer = buffer,
							    .buffer_bytes = sizeof(buffer)});
	if (fd != maps_fd)
		close(fd);
	return error;
}

struct wanted_path {
	const char *start; /* of the path, or of the name where `by_name` */
	size_t bytes;
	bool by_name;
	bool found;
	bool any;
	char *path; /* of what was found; NULL: nobody asks */
	size_t path_bytes;
};

static bool visit_wanted(const struct mapping *mapping, void *arg)
{
	struct wanted_path *wanted = arg;
	const char *slash = wanted->by_name ? strrchr(mapping->path, '/') : NULL;

	wanted->any = true;
	wanted->found =
	    strncmp(slash ? slash + 1 : mapping->path, wanted->start, wanted->bytes) == 0;
	if (wanted->found && wanted->path)
		snprintf(wanted->path, wanted->path_bytes, "%s", mapping->path);
	return !wanted->found;
}

static int find_mapped(uint32_t pid, struct wanted_path *wanted)
{
	int error = maps_walk(pid, visit_wanted, wanted);

	if (error)
		return error;
	if (wanted->any || maps_fd >= 0)
		return wanted->found;
	return -ESRCH; /* a zombie has no maps, nor has one whose first thread has ended */
}

int maps_has_path(uint32_t pid, const char *path)
{
	return find_mapped(pid, &(struct wanted_path){.start = path, .bytes = strlen(path)});
}

int maps_find_name(uint32_t pid, const char *name, char *path, size_t bytes)
{
	struct wanted_path wanted = {.start = name,
				     .bytes = strlen(name),
				     .by_name = true,
				     .path = path,
				     .path_bytes = bytes};

	return find_mapped(pid, &wanted);
}
