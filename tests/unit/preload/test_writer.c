/* SPDX-License-Identifier: Apache-2.0
 *
 * Segments: names, modes, what is never overwritten, the limits of one file and of all, and failing
 * disks. What is in the directory is judged by looking at the directory.
 */
#include "writer_helper.h"

TestSuite(writer, .init = writer_setup, .fini = writer_teardown);

Test(writer, segment_is_private_and_gets_its_name_when_sealed)
{
	struct stat stat_;

	cr_assert_eq(writer_begin(&writer, &header, 0), 0);
	cr_assert_eq(append(&writer, BLOCK_BYTES), 0);
	cr_assert(exists("name.1234567.1.bin.open"));
	writer_seal(&writer);
	cr_assert(!exists("name.1234567.1.bin.open"));
	cr_assert_eq(stat(in_dir("name.1234567.1.bin"), &stat_), 0);
	cr_assert_eq(stat_.st_mode & 07777, 0600);
	cr_assert_eq(stat_.st_size,
		     sizeof(header) + sizeof(struct trace_block_header) + BLOCK_BYTES);
	cr_assert_eq(stat(in_dir(""), &stat_), 0);
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
	fd = open(in_dir("name.1234567.1.bin.open"), O_RDONLY);
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
	make_dir();
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

	make_dir();
	make_file("name.1234567.5.bin.open", 10, 0);
	fd = open(in_dir("name.1234567.5.bin.open"), O_RDONLY);
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

	make_dir();
	snprintf(target, sizeof(target), "%s/victim", dir);
	cr_assert_eq(symlink(target, in_dir("name.1234567.1.bin.open")), 0);
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
	cr_assert_eq(stat(in_dir("name.1234567.1.bin"), &stat_), 0);
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

Test(writer, dir_never_holds_more_than_the_budget)
{
	int files;

	options.total_size_bytes = 100000;
	cr_assert_eq(writer_init(&writer, &options, PID), 0);
	for (int segment = 0; segment < 20; segment++) {
		cr_assert_eq(writer_begin(&writer, &header, 0), 0);
		while (append(&writer, BLOCK_BYTES) == 0)
			cr_assert_leq(dir_bytes(&files), 100000);
		writer_seal(&writer);
		cr_assert_leq(dir_bytes(&files), 100000);
	}
	cr_assert_gt(dir_bytes(&files), 50000);
	cr_assert_gt(writer.evicted_segments, 10);
	cr_assert(exists("name.1234567.20.bin"));
	cr_assert(!exists("name.1234567.1.bin"));
}

Test(writer, the_oldest_go_first_whoever_made_them)
{
	make_dir();
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

/* The lock shows that a segment is being written (its process may have another number here, in a
 * container), and so does the process alone (there are file systems without locks). */
Test(writer, lock_or_process_shows_that_a_segment_is_written)
{
	char living[64];
	int fd;

	snprintf(living, sizeof(living), "name.%d.1.bin.open", getppid());
	make_dir();
	make_file("name.7654321.1.bin.open", 90000, 10);
	make_file(living, 90000, 10);
	fd = open(in_dir("name.7654321.1.bin.open"), O_RDONLY);
	cr_assert_eq(flock(fd, LOCK_EX), 0);
	cr_assert_neq(writer_begin(&writer, &header, 0), 0, "20,000 bytes are left of the budget");
	cr_assert(exists("name.7654321.1.bin.open") && exists(living));
	close(fd);
}

Test(writer, what_a_dead_process_left_open_is_evicted)
{
	make_dir();
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
		cr_assert_eq(writer_init(&writers[i], &options,
					 i == 0 ? (uint32_t)getppid() : PID + (uint32_t)i),
			     0);
		writer_begin(&writers[i], &header,
			     0); /* for the last ones there may be no room yet */
	}
	for (int round = 0; round < 1000; round++) {
		struct writer *one = &writers[round % 8];

		if (!one->is_open &&
		    writer_begin(one, &header, (uint64_t)round * WRITER_RETRY_NS) != 0)
			continue;
		if (append(one, BLOCK_BYTES) == -EMSGSIZE)
			writer_seal(one);
		cr_assert_leq(dir_bytes(&files), options.total_size_bytes);
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
	cr_assert_leq(dir_bytes(&files), options.total_size_bytes);
	cr_assert_gt(dir_bytes(&files), options.total_size_bytes - 2 * BLOCK_BYTES);
}

Test(writer, single_has_no_limit_and_evicts_nothing)
{
	make_dir();
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
	cr_assert_neq(access(in_dir(""), F_OK), 0);
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
