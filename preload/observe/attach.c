/* SPDX-License-Identifier: Apache-2.0
 *
 * See attach.h. A ring file is called uvtrace.PID.RANDOM. It is in /dev/shm or, if that is full, in
 * the directory of the trace. In a container the process may see both under other paths, and have
 * another pid. The process's mappings say which file it is, wherever that is. A file with the right
 * name alone may come from an earlier process of this pid.
 */
#include "attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "files/dir.h"
#include "maps.h"
#include "ring/ring_check.h"
#include "ring/ring_file.h"
#include "files/proc_file.h"

#define STATUS_BYTES 8192
#define ROOT_BYTES   32 /* "/proc/PID/root" */

/* ---- One file -------------------------------------------------------------------------------- */

int attach_check(int fd, struct stat *stat)
{
	if (fstat(fd, stat) != 0)
		return -errno;
	if (!ring_file_is_ours(stat) || stat->st_size < (off_t)sizeof(struct shared))
		return -EPERM;
	return 0;
}

int attach_open(int dir, const char *name, int access, struct stat *stat)
{
	int fd = openat(dir, name, access | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	error = attach_check(fd, stat);
	if (!error)
		return fd;
	close(fd);
	return error;
}

int attach_map(int fd, const struct stat *stat, struct shared **shared)
{
	size_t bytes = (size_t)stat->st_size;
	void *memory;
	int error;

	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	error = ring_check(memory, bytes);
	if (error)
		munmap(memory, bytes);
	else
		*shared = memory;
	return error;
}

/* ---- Of a process ---------------------------------------------------------------------------- */

static void try_file(struct attach_search *search, int dir, const char *name)
{
	struct stat stat;
	struct shared *shared = NULL;
	int fd = attach_open(dir, name, O_RDWR, &stat);
	int error = fd < 0 ? fd : attach_map(fd, &stat, &shared);

	if (fd >= 0)
		close(fd);
	if (!error && shared->pid != search->pid) {
		munmap(shared, (size_t)stat.st_size);
		error = -EPROTO;
	}
	search->shared = error ? NULL : shared;
	search->error = error;
}

static void name_prefix(const struct attach_search *search, char *prefix, size_t bytes)
{
	snprintf(prefix, bytes, SHARED_PREFIX "%u.", search->pid);
}

static void try_name(int dir, const char *name, void *arg)
{
	struct attach_search *search = arg;
	char prefix[32];

	name_prefix(search, prefix, sizeof(prefix));
	if (!search->shared && strncmp(name, prefix, strlen(prefix)) == 0)
		try_file(search, dir, name);
}

/* The last of a thread's numbers, one for each pid namespace that it is in, is its own. */
uint32_t attach_own_tid(uint32_t pid, uint32_t tid)
{
	char text[STATUS_BYTES], *at, *end;
	uint32_t own = tid;

	if (proc_file_read_task(pid, tid, "status", text, sizeof(text)) <= 0 ||
	    !(at = strstr(text, "\nNSpid:")))
		return tid;
	at += strlen("\nNSpid:");
	while (*at == '\t') {
		unsigned long number = strtoul(at, &end, 10);

		if (end == at)
			break;
		own = (uint32_t)number;
		at = end;
	}
	return own;
}

struct tid_search {
	uint32_t pid, own_tid, tid;
};

static void try_tid(int dir, const char *name, void *arg)
{
	struct tid_search *search = arg;
	uint32_t tid = (uint32_t)strtoul(name, NULL, 10);

	(void)dir;
	if (!search->tid && tid && attach_own_tid(search->pid, tid) == search->own_tid)
		search->tid = tid;
}

uint32_t attach_find_tid(uint32_t pid, uint32_t own_tid)
{
	struct tid_search search = {.pid = pid, .own_tid = own_tid};
	char path[48];

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir_walk_path(path, try_tid, &search);
	return search.tid;
}

/* Under the path that the process sees it by, then under ours. */
static void try_mapped(struct attach_search *search, const char *root, const char *path)
{
	char inside[ROOT_BYTES + SHARED_PATH_BYTES];

	snprintf(inside, sizeof(inside), "%s%s", root, path);
	try_file(search, AT_FDCWD, inside);
	if (!search->shared)
		try_file(search, AT_FDCWD, path);
}

static void try_dir(struct attach_search *search, const char *root, const char *dir)
{
	char inside[ROOT_BYTES + SHARED_PATH_BYTES];

	dir_walk_path(dir, try_name, search);
	snprintf(inside, sizeof(inside), "%s%s", root, dir);
	if (!search->shared)
		dir_walk_path(inside, try_name, search);
}

struct attach_search attach_find(uint32_t pid, const char *directory)
{
	struct attach_search search = {.pid = attach_own_tid(pid, pid)};
	char prefix[32], root[ROOT_BYTES], path[SHARED_PATH_BYTES];
	int mapped;

	name_prefix(&search, prefix, sizeof(prefix));
	snprintf(root, sizeof(root), "/proc/%u/root", pid);
	mapped = maps_find_name(pid, prefix, path, sizeof(path));
	if (mapped >= 0) {
		if (mapped > 0)
			try_mapped(&search, root, path);
		return search;
	}
	search.maps_error = mapped;
	try_dir(&search, root, SHARED_DIR);
	if (!search.shared && directory)
		try_dir(&search, root, directory);
	return search;
}
