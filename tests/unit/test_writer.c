/* SPDX-License-Identifier: Apache-2.0
 *
 * Segments: names, modes, what is never overwritten, the limits of one file and of all, and failing disks. What is in
 * the folder is judged by looking at the folder.
 */
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
#include "drain/writer.h"

#define PID	    1234567u /* nobody's: above the kernel's highest by default */
#define BLOCK_BYTES 1000

static char folder[200];
static struct writer writer;
static struct trace_file_header header;
static struct shared_options options;

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/uvtrace_test_writer_XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	options.file_size_bytes = 40000;
	options.total_size_bytes = 200000;
	snprintf(options.path, sizeof(options.path), "%s/a/b/name.bin", folder);
	header.header_bytes = sizeof(header);
	cr_assert_eq(writer_init(&writer, &options, PID), 0);
}

static void teardown(void)
{
	char command[sizeof(folder) + 10];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(writer, .init = setup, .fini = teardown);

static int append(struct writer *to, uint32_t bytes)
{
	static struct {
		struct trace_block_header header;
		char payload[65536];
	} block;

	block.header = (struct trace_block_header){.magic = TRACE_BLOCK_MAGIC,
						   .type = TRACE_BLOCK_EVENTS,
						   .header_bytes = sizeof(block.header),
						   .payload_bytes = bytes};
	return writer_append(to, &block.header, 0);
}

static const char *in_folder(const char *name)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/a/b/%s", folder, name);
	return path;
}

static const char *in_top(const char *name)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static bool exists(const char *name)
{
	return access(in_folder(name), F_OK) == 0;
}

static void make_folder(void)
{
	cr_assert_eq(mkdir(in_top("a"), 0700), 0);
	cr_assert_eq(mkdir(in_top("a/b"), 0700), 0);
}

/* A file that was changed so many seconds ago. */
static void make_file(const char *name, off_t bytes, time_t age)
{
	int fd = open(in_folder(name), O_CREAT | O_EXCL | O_WRONLY, 0600);
	struct timespec times[2];

	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, bytes), 0);
	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= age;
	times[1] = times[0];
	cr_assert_eq(futimens(fd, times), 0);
	close(fd);
}

/* Bytes of all files in the folder, and how many there are. */
static uint64_t folder_bytes(int *files)
{
	DIR *dir = opendir(in_folder(""));
	struct dirent *entry;
	uint64_t bytes = 0;
	struct stat stat;

	cr_assert_not_null(dir);
	*files = 0;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		cr_assert_eq(fstatat(dirfd(dir), entry->d_name, &stat, 0), 0);
		bytes += (uint64_t)stat.st_size;
		++*files;
	}
	closedir(dir);
	return bytes;
}

Test(writer, segment_is_private_and_gets_its_name_when_sealed)
{
	struct stat stat_;

	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert_eq(append(&writer, BLOCK_BYTES), 0);
	cr_assert(exists("name.1234567.1.bin.open"));
	writer_seal(&writer);
	cr_assert(!exists("name.1234567.1.bin.open"));
	cr_assert_eq(stat(in_folder("name.1234567.1.bin"), &stat_), 0);
	cr_assert_eq(stat_.st_mode & 07777, 0600);
	cr_assert_eq(stat_.st_size, sizeof(header) + sizeof(struct trace_block_header) + BLOCK_BYTES);
	cr_assert_eq(stat(in_folder(""), &stat_), 0);
	cr_assert_eq(stat_.st_mode & 07777, 0700);
	cr_assert_eq(writer.sealed_segments, 1);
}

Test(writer, blocks_are_padded_and_have_their_checksum)
{
	struct trace_block_header block;
	struct trace_file_header file;
	uint8_t payload[1003];
	uint32_t sum;
	int fd;

	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert_eq(append(&writer, sizeof(payload)), 0);
	fd = open(in_folder("name.1234567.1.bin.open"), O_RDONLY);
	cr_assert_eq(read(fd, &file, sizeof(file)), sizeof(file));
	cr_assert_eq(file.segment, 1);
	cr_assert_eq(file.crc32c, crc32c(0, &file, offsetof(struct trace_file_header, crc32c)));
	cr_assert_eq(read(fd, &block, sizeof(block)), sizeof(block));
	cr_assert_eq(read(fd, payload, sizeof(payload)), sizeof(payload));
	cr_assert_eq(lseek(fd, 0, SEEK_END) % 8, 0);
	sum = block.crc32c;
	block.crc32c = 0;
	cr_assert_eq(sum, crc32c(crc32c(0, &block, sizeof(block)), payload, sizeof(payload)));
	close(fd);
}

Test(writer, numbers_go_on_from_the_highest_of_this_process)
{
	make_folder();
	make_file("name.1234567.3.bin", 10, 0);
	make_file("name.1234567.7.bin.gz", 10, 0);
	make_file("name.1234567.5.bin.open", 10, 0);
	make_file("name.7654321.90.bin", 10, 0);
	make_file("other.1234567.95.bin", 10, 0);
	make_file("name.1234567.99.bin.bak", 10, 0);
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert(exists("name.1234567.8.bin.open"));
	writer_seal(&writer);
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert(exists("name.1234567.9.bin.open"));
}

/* A drain that is being killed holds its segment for a moment longer. */
Test(writer, what_was_left_open_gets_its_name_at_the_next_seal)
{
	int fd;

	make_folder();
	make_file("name.1234567.5.bin.open", 10, 0);
	fd = open(in_folder("name.1234567.5.bin.open"), O_RDONLY);
	cr_assert_eq(flock(fd, LOCK_EX), 0);
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert(exists("name.1234567.5.bin.open"));
	close(fd);
	writer_seal(&writer);
	cr_assert(exists("name.1234567.5.bin"));
	cr_assert(exists("name.1234567.6.bin"));
}

Test(writer, links_are_not_followed)
{
	char target[300];

	make_folder();
	snprintf(target, sizeof(target), "%s/victim", folder);
	cr_assert_eq(symlink(target, in_folder("name.1234567.1.bin.open")), 0);
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert_neq(access(target, F_OK), 0);
	cr_assert(exists("name.1234567.2.bin.open"));
}

Test(writer, sealing_overwrites_nothing)
{
	struct stat stat_;

	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	make_file("name.1234567.1.bin", 5, 0);
	writer_seal(&writer);
	cr_assert_eq(stat(in_folder("name.1234567.1.bin"), &stat_), 0);
	cr_assert_eq(stat_.st_size, 5);
	cr_assert(exists("name.1234567.1.bin.open"));
}

Test(writer, block_that_does_not_fit_is_refused_and_the_segment_goes_on)
{
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert_eq(append(&writer, 39000), 0);
	cr_assert_eq(append(&writer, BLOCK_BYTES), -EMSGSIZE);
	cr_assert_eq(append(&writer, 100), 0);
	cr_assert_leq(writer.bytes, options.file_size_bytes);
}

Test(writer, folder_never_holds_more_than_the_budget)
{
	int files;

	options.total_size_bytes = 100000;
	cr_assert_eq(writer_init(&writer, &options, PID), 0);
	for (int segment = 0; segment < 20; segment++) {
		cr_assert_eq(writer_begin(&writer, &header, 0), 0);
		while (append(&writer, BLOCK_BYTES) == 0)
			cr_assert_leq(folder_bytes(&files), 100000);
		writer_seal(&writer);
		cr_assert_leq(folder_bytes(&files), 100000);
	}
	cr_assert_gt(folder_bytes(&files), 50000);
	cr_assert_gt(writer.evicted_segments, 10);
	cr_assert(exists("name.1234567.20.bin"));
	cr_assert(!exists("name.1234567.1.bin"));
}

Test(writer, the_oldest_go_first_whoever_made_them)
{
	make_folder();
	make_file("name.1234567.4.bin", 60000, 100);
	make_file("name.7654321.2.bin.zst", 60000, 300);
	make_file("name.7654321.1.bin", 60000, 200);
	make_file("other.1.1.bin", 60000, 400);
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert_eq(append(&writer, 30000), 0);
	cr_assert(!exists("name.7654321.2.bin.zst"));
	cr_assert(exists("name.7654321.1.bin"));
	cr_assert(exists("name.1234567.4.bin"));
	cr_assert(exists("other.1.1.bin"));
}

Test(writer, what_a_living_process_writes_is_not_evicted_and_counts_as_full)
{
	struct writer other;

	options.total_size_bytes = 180000;
	cr_assert_eq(writer_init(&other, &options, (uint32_t)getppid()), 0);
	cr_assert_eq(writer_begin(&other, &header, 0), 0);
	cr_assert_eq(writer_init(&writer, &options, PID), 0);
	make_file("name.9.1.bin", 120000, 50);
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	while (append(&writer, BLOCK_BYTES) == 0)
		;
	cr_assert(!exists("name.9.1.bin"));
	while (append(&other, BLOCK_BYTES) == 0)
		;
	cr_assert_gt(other.bytes, 38000);
	cr_assert_gt(writer.bytes, 38000);
	cr_assert_leq(other.bytes + writer.bytes, 180000);
}

Test(writer, what_a_dead_process_left_open_is_evicted)
{
	make_folder();
	make_file("name.7654321.1.bin.open", 180000, 10);
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert_eq(append(&writer, 30000), 0);
	cr_assert(!exists("name.7654321.1.bin.open"));
}

Test(writer, many_writers_share_a_small_budget)
{
	static struct writer writers[8];
	int files;

	options.total_size_bytes = 600000;
	options.file_size_bytes = 200000;
	for (int i = 0; i < 8; i++) {
		cr_assert_eq(writer_init(&writers[i], &options, i == 0 ? (uint32_t)getppid() : PID + (uint32_t)i), 0);
		writer_begin(&writers[i], &header, 0); /* for the last ones there may be no room yet */
	}
	for (int round = 0; round < 1000; round++) {
		struct writer *one = &writers[round % 8];

		if (!one->is_open && writer_begin(one, &header, (uint64_t)round * WRITER_RETRY_NS) != 0)
			continue;
		if (append(one, BLOCK_BYTES) == -EMSGSIZE)
			writer_seal(one);
		cr_assert_leq(folder_bytes(&files), options.total_size_bytes);
	}
	for (int i = 0; i < 8; i++)
		cr_assert_gt(writers[i].bytes_written, 50 * BLOCK_BYTES, "writer %d", i);
}

Test(writer, larger_file_than_total_means_total)
{
	int files;

	options.file_size_bytes = 1 << 30;
	cr_assert_eq(writer_init(&writer, &options, PID), 0);
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	while (append(&writer, BLOCK_BYTES) == 0)
		;
	cr_assert_leq(folder_bytes(&files), options.total_size_bytes);
	cr_assert_gt(folder_bytes(&files), options.total_size_bytes - 2 * BLOCK_BYTES);
}

Test(writer, single_has_no_limit_and_evicts_nothing)
{
	make_folder();
	make_file("name.7654321.1.bin", 200000, 10);
	options.writer = SHARED_WRITER_SINGLE;
	cr_assert_eq(writer_init(&writer, &options, PID), 0);
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	for (int i = 0; i < 500; i++)
		cr_assert_eq(append(&writer, BLOCK_BYTES), 0);
	cr_assert_gt(writer.bytes, 500000);
	cr_assert(exists("name.7654321.1.bin"));
}

Test(writer, null_touches_no_file)
{
	options.writer = SHARED_WRITER_NULL;
	cr_assert_eq(writer_init(&writer, &options, PID), 0);
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert_eq(append(&writer, BLOCK_BYTES), 0);
	writer_seal(&writer);
	cr_assert_neq(access(in_folder(""), F_OK), 0);
	cr_assert_eq(writer.bytes_written, 0);
}

Test(writer, paths_that_cannot_be_ones_are_refused)
{
	snprintf(options.path, sizeof(options.path), "relative/name.bin");
	cr_assert_eq(writer_init(&writer, &options, PID), -EINVAL);
	snprintf(options.path, sizeof(options.path), "/folder/");
	cr_assert_eq(writer_init(&writer, &options, PID), -EINVAL);
	memset(options.path, '/', sizeof(options.path));
	cr_assert_eq(writer_init(&writer, &options, PID), -EINVAL);
	options.path[0] = '/';
	memset(options.path + 1, 'a', 1000);
	options.path[1001] = '\0';
	cr_assert_eq(writer_init(&writer, &options, PID), -EINVAL);
}

/* ---- Failing disks -------------------------------------------------------------------------------------- */

/* A limit on the size of files is the full disk that needs no privileges: write(2) stops in the middle of a block. */
Test(writer, half_a_block_is_taken_back_and_a_later_segment_tried)
{
	struct rlimit limit = {.rlim_cur = 5000, .rlim_max = RLIM_INFINITY};
	struct stat stat_;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(append(&writer, 3000), 0);
	cr_assert_eq(append(&writer, 3000), -EFBIG);
	cr_assert(!writer.is_open);
	cr_assert_eq(stat(in_folder("name.1234567.1.bin"), &stat_), 0);
	cr_assert_eq(stat_.st_size, sizeof(header) + sizeof(struct trace_block_header) + 3000);
	cr_assert_eq(append(&writer, 100), -EFBIG);
	cr_assert_eq(writer_begin(&writer, &header, 0), -EFBIG, "the limit leaves no room for another");
	limit.rlim_cur = 65536;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(writer_begin(&writer, &header, WRITER_RETRY_NS - 1), -EFBIG);
	cr_assert_eq(writer_begin(&writer, &header, WRITER_RETRY_NS), 0);
	cr_assert_eq(append(&writer, 100), 0);
	cr_assert(exists("name.1234567.2.bin.open"));
}

Test(writer, segment_without_events_is_not_kept_when_it_fails)
{
	struct rlimit limit = {.rlim_cur = 1000, .rlim_max = RLIM_INFINITY};
	int files;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(append(&writer, 3000), -EFBIG);
	folder_bytes(&files);
	cr_assert_eq(files, 0);
}

Test(writer, limit_of_the_process_on_file_sizes_is_kept)
{
	struct rlimit limit = {.rlim_cur = 35000, .rlim_max = RLIM_INFINITY};

	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(writer_init(&writer, &options, PID), 0);
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert_eq(append(&writer, 30000), 0);
	cr_assert_eq(append(&writer, 6000), -EMSGSIZE);
	limit.rlim_cur = 5000;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(writer_init(&writer, &options, PID), 0);
	cr_assert_eq(writer_begin(&writer, &header, 0), -EFBIG);
}

Test(writer, removed_folder_is_made_again)
{
	char command[600];

	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	snprintf(command, sizeof(command), "rm -r %s/a", folder);
	cr_assert_eq(system(command), 0);
	cr_assert_eq(append(&writer, 100), -ENOENT, "nothing is written to a file that nobody can read");
	cr_assert_not(writer.is_open);
	cr_assert_eq(writer_begin(&writer, &header, WRITER_RETRY_NS), 0);
	cr_assert_eq(append(&writer, 100), 0);
	cr_assert(exists("name.1234567.2.bin.open"));
}

Test(writer, folder_that_cannot_be_made_is_an_error)
{
	int fd = open(in_top("a"), O_CREAT | O_WRONLY, 0600);

	close(fd);
	cr_assert_eq(writer_begin(&writer, &header, 0), -ENOTDIR);
	cr_assert_eq(writer.error, -ENOTDIR);
	cr_assert_eq(unlink(in_top("a")), 0);
	cr_assert_eq(writer_begin(&writer, &header, WRITER_RETRY_NS), 0);
	cr_assert_eq(writer.error, 0);
}

/* Where the descriptor table is the program's, each write looks whether the path still leads to our file. */
Test(writer, reopening_never_writes_to_a_strangers_file)
{
	struct stat stat_;

	writer.reopens = true;
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert_lt(writer.fd, 0);
	cr_assert_eq(append(&writer, 100), 0);
	cr_assert_eq(rename(in_folder("name.1234567.1.bin.open"), in_top("gone")), 0);
	make_file("name.1234567.1.bin.open", 0, 0);
	cr_assert_eq(append(&writer, 100), -ENOENT);
	cr_assert_eq(stat(in_folder("name.1234567.1.bin"), &stat_), -1, "a stranger's file is not renamed");
	cr_assert_eq(stat(in_folder("name.1234567.1.bin.open"), &stat_), 0);
	cr_assert_eq(stat_.st_size, 0);
}
