/* SPDX-License-Identifier: Apache-2.0
 *
 * preload/observe/attach.c: which files it opens, and how it finds the one of a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "observe/attach.h"

#define RING_BYTES 16384

static char dir[] = "/tmp/uvtrace-attach-XXXXXX";
static char path[128];

static void put_ring(const char *name, uint32_t pid)
{
	struct shared *shared = calloc(1, sizeof(*shared));
	int fd;

	cr_assert_not_null(shared);
	memcpy(shared->magic, SHARED_MAGIC, sizeof(shared->magic));
	shared->version = SHARED_VERSION;
	shared->header_bytes = sizeof(*shared);
	shared->rings_offset = sizeof(*shared);
	shared->ring_bytes = RING_BYTES;
	shared->step_bytes = RING_BYTES;
	shared->ring_count = 1;
	shared->pid = pid;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, shared, sizeof(*shared)), (ssize_t)sizeof(*shared));
	cr_assert_eq(ftruncate(fd, sizeof(*shared) + RING_BYTES), 0);
	close(fd);
	free(shared);
}

static void setup(void)
{
	cr_assert_not_null(mkdtemp(dir));
}

static void teardown(void)
{
	char command[160];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(attach, .init = setup, .fini = teardown, .timeout = 20);

static int open_it(const char *name)
{
	struct stat stat;
	int fd = attach_open(AT_FDCWD, name, O_RDWR, &stat);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

Test(attach, private_files_of_our_own_alone)
{
	char other[160];

	put_ring("ring", 1);
	snprintf(other, sizeof(other), "%s/other", dir);
	cr_assert_eq(open_it(path), 0);
	cr_assert_eq(chmod(path, 0640), 0);
	cr_expect_eq(open_it(path), -EPERM, "its group may read it");
	cr_assert_eq(chmod(path, 0600), 0);
	cr_assert_eq(link(path, other), 0);
	cr_expect_eq(open_it(path), -EPERM, "it has two names");
	cr_assert_eq(unlink(other), 0);
	cr_assert_eq(symlink(path, other), 0);
	cr_expect_eq(open_it(other), -ELOOP);
	cr_assert_eq(unlink(other), 0);
	cr_assert_eq(mkfifo(other, 0600), 0);
	cr_expect_eq(open_it(other), -EPERM);
	cr_assert_eq(truncate(path, 100), 0);
	cr_expect_eq(open_it(path), -EPERM, "too short");
	if (geteuid() == 0) {
		put_ring("ring", 1);
		cr_assert_eq(chown(path, 65534, 65534), 0);
		cr_expect_eq(open_it(path), -EPERM, "another user's");
	}
}

Test(attach, maps_what_makes_sense)
{
	struct shared *shared = NULL;
	uint32_t version = SHARED_VERSION + 1;
	struct stat stat;
	int fd;

	put_ring("ring", 42);
	fd = attach_open(AT_FDCWD, path, O_RDWR, &stat);
	cr_assert_eq(attach_map(fd, &stat, &shared), 0);
	cr_assert_eq(shared->pid, 42);
	cr_assert_eq(pwrite(fd, &version, sizeof(version), offsetof(struct shared, version)),
		     (ssize_t)sizeof(version));
	cr_assert_eq(attach_map(fd, &stat, &shared), -EPROTO);
	put_ring("ring", 42);
	cr_assert_eq(attach_map(fd, &stat, &shared), 0);
	cr_assert_eq(fchmod(fd, 0640), 0);
	cr_assert_eq(attach_check(fd, &stat), -EPERM, "its group may have written to it since");
}

/* The pid of a process that is gone: it has no maps that could be read. */
static uint32_t dead_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return (uint32_t)pid;
}

Test(attach, by_name_where_nothing_can_be_seen_of_the_process)
{
	uint32_t pid = dead_pid();
	struct attach_search search;
	char name[64];

	cr_assert_null(attach_find(pid, NULL).shared);
	snprintf(name, sizeof(name), "uvtrace.%u.0123456789abcdef", pid);
	put_ring(name, pid);
	search = attach_find(pid, NULL);
	cr_assert(!search.shared && search.maps_error && !search.error);
	search = attach_find(pid, dir);
	cr_assert_not_null(search.shared);
	cr_assert_eq(search.shared->pid, pid);
	put_ring(name, pid + 1);
	cr_assert_eq(attach_find(pid, dir).error, -EPROTO,
		     "a file of that name that speaks of another process");
}

/* What it has mapped is its ring, wherever that lies; and what an earlier process of that pid left
 * is not. */
Test(attach, what_is_mapped_counts)
{
	uint32_t pid = (uint32_t)getpid();
	struct attach_search search;
	struct shared *mapped;
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "uvtrace.%u.0123456789abcdef", pid);
	put_ring(name, pid);
	search = attach_find(pid, dir);
	cr_assert(!search.shared && !search.error && !search.maps_error,
		  "nobody has that one mapped");
	fd = open(path, O_RDWR);
	mapped = mmap(NULL, sizeof(*mapped), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(mapped, MAP_FAILED);
	search = attach_find(pid, NULL);
	cr_assert_not_null(search.shared);
	atomic_store(&search.shared->enabled, 7);
	cr_assert_eq(atomic_load(&mapped->enabled), 7, "it is that file");
	munmap(search.shared, sizeof(*mapped));
	cr_assert_eq(unlink(path), 0);
	search = attach_find(pid, dir);
	cr_assert(!search.shared && search.error == -ENOENT, "its name is gone");
}
