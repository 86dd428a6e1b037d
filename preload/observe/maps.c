/* SPDX-License-Identifier: Apache-2.0
 *
 * See maps.h: read line by line through a buffer that holds the longest line.
 */
#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAPS_BYTES (PATH_MAX + 4096) /* longer than any line */

/* START-END PERMS OFFSET DEV INODE    PATH */
static bool mapping_parse(const char *line, struct mapping *mapping)
{
	unsigned long long start, end, offset;
	char permissions[8];
	int path = 0;

	if (sscanf(line, "%llx-%llx %7s %llx %*s %*s %n", &start, &end, permissions, &offset,
		   &path) != 4 ||
	    path == 0)
		return false;
	mapping->start = start;
	mapping->end = end;
	mapping->offset = offset;
	mapping->executable = strchr(permissions, 'x') != NULL;
	mapping->path = line + path;
	return start < end;
}

/* Visits the whole lines in the buffer; returns how many bytes of it they take, or -1 to stop. */
static ssize_t maps_lines(char *buffer, size_t bytes, mapping_visit visit, void *arg)
{
	size_t at = 0;
	char *newline;

	while ((newline = memchr(buffer + at, '\n', bytes - at))) {
		struct mapping mapping;

		*newline = '\0';
		if (mapping_parse(buffer + at, &mapping) && !visit(&mapping, arg))
			return -1;
		at = (size_t)(newline + 1 - buffer);
	}
	return (ssize_t)at;
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
	size_t filled = 0;
	ssize_t bytes, used;
	int fd = maps_open(pid), error = 0;

	if (fd < 0)
		return fd;
	while ((bytes = read(fd, buffer + filled, sizeof(buffer) - filled)) > 0) {
		filled += (size_t)bytes;
		used = maps_lines(buffer, filled, visit, arg);
		if (used <= 0) /* stopped, or a line without end */
			break;
		filled -= (size_t)used;
		memmove(buffer, buffer + used, filled);
	}
	if (bytes < 0)
		error = -errno;
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
