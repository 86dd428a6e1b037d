/* SPDX-License-Identifier: Apache-2.0
 *
 * What the writer's tests share: a directory of their own, a writer that writes into it, and files
 * beside its own.
 */
#ifndef WRITER_HELPER_H
#define WRITER_HELPER_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "format/crc32c.h"
#include "segment/writer.h"

#define PID	    1234567u /* nobody's: above the kernel's highest by default */
#define BLOCK_BYTES 1000

static char dir[200];
static struct writer writer;
static struct trace_file_header header;
static struct shared_options options;

static inline void writer_setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/uvtrace_test_writer_XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	options.file_size_bytes = 40000;
	options.total_size_bytes = 200000;
	snprintf(options.path, sizeof(options.path), "%s/a/b/name.bin", dir);
	header.header_bytes = sizeof(header);
	cr_assert_eq(writer_init(&writer, &options, PID), 0);
}

static inline void writer_teardown(void)
{
	char command[sizeof(dir) + 10];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

static inline int append_typed(struct writer *to, uint16_t type, uint32_t bytes)
{
	static struct {
		struct trace_block_header header;
		char payload[65536];
	} block;

	block.header = (struct trace_block_header){.magic = TRACE_BLOCK_MAGIC,
						   .type = type,
						   .header_bytes = sizeof(block.header),
						   .crc32c = 7, /* left by an attempt before */
						   .payload_bytes = bytes};
	return writer_append(to, &block.header, 0);
}

static inline int append(struct writer *to, uint32_t bytes)
{
	return append_typed(to, TRACE_BLOCK_EVENTS, bytes);
}

static inline const char *in_dir(const char *name)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/a/b/%s", dir, name);
	return path;
}

static inline const char *in_top(const char *name)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static inline bool exists(const char *name)
{
	return access(in_dir(name), F_OK) == 0;
}

static inline void make_dir(void)
{
	cr_assert_eq(mkdir(in_top("a"), 0700), 0);
	cr_assert_eq(mkdir(in_top("a/b"), 0700), 0);
}

/* A file that was changed so many seconds ago. */
static inline void make_file(const char *name, off_t bytes, time_t age)
{
	int fd = open(in_dir(name), O_CREAT | O_EXCL | O_WRONLY, 0600);
	struct timespec times[2];

	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, bytes), 0);
	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= age;
	times[1] = times[0];
	cr_assert_eq(futimens(fd, times), 0);
	close(fd);
}

/* Bytes of all files in the directory, and how many there are. */
static inline uint64_t dir_bytes(int *files)
{
	DIR *opened_dir = opendir(in_dir(""));
	struct dirent *entry;
	uint64_t bytes = 0;
	struct stat stat;

	cr_assert_not_null(opened_dir);
	*files = 0;
	while ((entry = readdir(opened_dir))) {
		if (entry->d_name[0] == '.')
			continue;
		cr_assert_eq(fstatat(dirfd(opened_dir), entry->d_name, &stat, 0), 0);
		bytes += (uint64_t)stat.st_size;
		++*files;
	}
	closedir(opened_dir);
	return bytes;
}

#endif
