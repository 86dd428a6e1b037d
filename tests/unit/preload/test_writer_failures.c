/* SPDX-License-Identifier: Apache-2.0
 *
 * The writer on disks that fail, and with its files gone or exchanged.
 */
#include "writer_helper.h"

TestSuite(writer_failures, .init = writer_setup, .fini = writer_teardown);

/* A limit on the size of files is the full disk that needs no privileges: write(2) stops in the
 * middle of a block. */
Test(writer_failures, half_a_block_is_taken_back_and_a_later_segment_tried)
{
	struct rlimit limit = {.rlim_cur = 5000, .rlim_max = RLIM_INFINITY};
	struct stat stat_;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(append(&writer, 3000), 0);
	cr_assert_eq(append(&writer, 3000), -EFBIG);
	cr_assert(!writer.is_open);
	cr_assert_eq(stat(in_dir("name.1234567.1.bin"), &stat_), 0);
	cr_assert_eq(stat_.st_size, sizeof(header) + sizeof(struct trace_block_header) + 3000);
	cr_assert_eq(append(&writer, 100), -EFBIG);
	cr_assert_eq(writer_begin(&writer, &header, 0), -EFBIG,
		     "the limit leaves no room for another");
	limit.rlim_cur = 65536;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(writer_begin(&writer, &header, WRITER_RETRY_NS - 1), -EFBIG);
	cr_assert_eq(writer_begin(&writer, &header, WRITER_RETRY_NS), 0);
	cr_assert_eq(append(&writer, 100), 0);
	cr_assert(exists("name.1234567.2.bin.open"));
}

Test(writer_failures, segment_without_events_is_not_kept_when_it_fails)
{
	struct rlimit limit = {.rlim_cur = 1000, .rlim_max = RLIM_INFINITY};
	int files;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(append_typed(&writer, TRACE_BLOCK_PROCESS, 500), 0);
	cr_assert_eq(append(&writer, 3000), -EFBIG);
	dir_bytes(&files);
	cr_assert_eq(files, 0);
}

Test(writer_failures, limit_of_the_process_on_file_sizes_is_kept)
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

Test(writer_failures, removed_dir_is_made_again)
{
	char command[600];

	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	snprintf(command, sizeof(command), "rm -r %s/a", dir);
	cr_assert_eq(system(command), 0);
	cr_assert_eq(append(&writer, 100), -ENOENT,
		     "nothing is written to a file that nobody can read");
	cr_assert_not(writer.is_open);
	cr_assert_eq(writer_begin(&writer, &header, WRITER_RETRY_NS), 0);
	cr_assert_eq(append(&writer, 100), 0);
	cr_assert(exists("name.1234567.2.bin.open"));
}

Test(writer_failures, dir_that_cannot_be_made_is_an_error)
{
	int fd = open(in_top("a"), O_CREAT | O_WRONLY, 0600);

	close(fd);
	cr_assert_eq(writer_begin(&writer, &header, 0), -ENOTDIR);
	cr_assert_eq(writer.error, -ENOTDIR);
	cr_assert_eq(unlink(in_top("a")), 0);
	cr_assert_eq(writer_begin(&writer, &header, WRITER_RETRY_NS), 0);
	cr_assert_eq(writer.error, 0);
}

/* Where the descriptor table is the program's, each write looks whether the path still leads to our
 * file. */
Test(writer_failures, reopening_never_writes_to_a_strangers_file)
{
	struct stat stat_;

	writer.reopens = true;
	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert_lt(writer.fd, 0);
	cr_assert_eq(append(&writer, 100), 0);
	cr_assert_eq(rename(in_dir("name.1234567.1.bin.open"), in_top("gone")), 0);
	make_file("name.1234567.1.bin.open", 0, 0);
	cr_assert_eq(append(&writer, 100), -ENOENT);
	cr_assert_eq(stat(in_dir("name.1234567.1.bin"), &stat_), -1,
		     "a stranger's file is not renamed");
	cr_assert_eq(stat(in_dir("name.1234567.1.bin.open"), &stat_), 0);
	cr_assert_eq(stat_.st_size, 0);
}
