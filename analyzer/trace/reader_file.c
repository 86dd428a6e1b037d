/* SPDX-License-Identifier: Apache-2.0
 *
 * From the paths that the user named to open segments: lists directories, opens, inflates, reads
 * and checks the file header.
 *
 * Rules: regular files only (a FIFO or a device would block or do worse); each file once, whatever
 * the number of ways that lead to it; a segment that is sealed, and so renamed, between listing and
 * opening is found under its new name. What cannot be used is one line in `problems`.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/crc32c.h"
#include "reader_internal.h"
#include "files/regular_file.h"
#include "ring/ring_check.h"

#define FDS_MAX 256 /* kept open, if the limit lets us */

static const char *const suffixes[] = {".bin", ".bin.open", ".bin.gz", ".bin.zst"};

static bool name_is_segment(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t suffix = strlen(suffixes[i]);

		if (length > suffix && strcmp(name + length - suffix, suffixes[i]) == 0)
			return true;
	}
	return false;
}

/* A segment is `x.bin.open` while it is written and `x.bin` from then on. */
static int stat_or_sealed(char *path, struct stat *status)
{
	size_t length = strlen(path);

	if (stat(path, status) == 0)
		return 0;
	if (errno != ENOENT || length < 5 || strcmp(path + length - 5, ".open") != 0)
		return -errno;
	path[length - 5] = 0;
	return stat(path, status) == 0 ? 0 : -errno;
}

static uint64_t file_hash(dev_t device, ino_t inode)
{
	uint64_t number = inode;

	return reader_hash(device, &number, sizeof(number));
}

int reader_file_index(struct reader *reader, size_t at)
{
	const struct reader_file *file = &reader->files[at];

	return reader_index_add(&reader->file_index, file_hash(file->device, file->inode), at);
}

static bool file_is_known(const struct reader *reader, const struct stat *status)
{
	size_t probe = 0, at;

	while ((at = reader_index_next(&reader->file_index,
				       file_hash(status->st_dev, status->st_ino), &probe)) !=
	       READER_NOWHERE)
		if (reader->files[at].device == status->st_dev &&
		    reader->files[at].inode == status->st_ino)
			return true;
	return false;
}

static int file_add(struct reader *reader, char *path, const struct stat *status)
{
	struct reader_file *file;

	if (file_is_known(reader, status)) {
		free(path);
		return 0;
	}
	file = reader_append(&reader->files, &reader->file_count, sizeof(*file));
	if (!file) {
		free(path);
		return -ENOMEM;
	}
	*file = (struct reader_file){.path = path,
				     .fd = -1,
				     .bytes = status->st_size,
				     .disk_bytes = status->st_size,
				     .uid = status->st_uid,
				     .device = status->st_dev,
				     .inode = status->st_ino};
	return reader_file_index(reader, reader->file_count - 1);
}

static int find_file(struct reader *reader, char *path)
{
	struct stat status;
	int error = stat_or_sealed(path, &status);

	if (!error && S_ISREG(status.st_mode))
		return file_add(reader, path, &status);
	reader_problem(reader, "%s: %s", path, error ? strerror(-error) : "not a regular file");
	free(path);
	return 0;
}

static int find_in_dir(struct reader *reader, const char *dir)
{
	DIR *opened_dir = opendir(dir);
	struct dirent *entry;
	size_t found = 0;
	int error = 0;

	if (!opened_dir) {
		reader_problem(reader, "%s: %s", dir, strerror(errno));
		return 0;
	}
	while (!error && (entry = readdir(opened_dir))) {
		char *path = NULL;

		if (!name_is_segment(entry->d_name))
			continue;
		found++;
		if (asprintf(&path, "%s/%s", dir, entry->d_name) < 0)
			error = -ENOMEM;
		else
			error = find_file(reader, path);
	}
	closedir(opened_dir);
	if (!error && found == 0)
		reader_problem(reader, "%s: no trace in this directory (no file *.bin)", dir);
	return error;
}

/* `path` may be a file or a directory. */
int reader_file_find(struct reader *reader, const char *path)
{
	struct stat status;
	char *copy;

	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return find_in_dir(reader, path);
	copy = strdup(path);
	return copy ? find_file(reader, copy) : -ENOMEM;
}

static void header_problem(struct reader *reader, struct reader_file *file, const char *text)
{
	reader_problem(reader, "%s: %s", file->path, text);
}

static bool header_is_sane(const struct trace_file_header *header)
{
	return header->header_bytes >= sizeof(*header) && header->header_bytes <= 65536 &&
	       header->header_bytes % 8 == 0 && header->unit_shift <= READER_SHIFT_MAX &&
	       header->start_tick < READER_TICK_MAX;
}

static bool header_is_newer(struct reader *reader, struct reader_file *file)
{
	if (file->header.reader_version_min <= TRACE_VERSION)
		return false;
	reader_problem(reader, "%s: made by a newer uvtrace (format %u, this reads %u)", file->path,
		       file->header.version, TRACE_VERSION);
	return true;
}

/* A header whose checksum is wrong costs itself only, if blocks follow: what it says is used as far
 * as it is sane. */
static void header_use_damaged(struct reader *reader, struct reader_file *file)
{
	header_problem(reader, file, "the file header is damaged, at byte 0");
	file->header_damaged = true;
	file->header.header_bytes = sizeof(file->header);
	if (file->header.unit_shift > READER_SHIFT_MAX)
		file->header.unit_shift = 0;
	if (file->header.start_tick >= READER_TICK_MAX)
		file->header.start_tick = 0;
	file->usable = true;
}

static bool is_being_written(const char *path)
{
	size_t length = strlen(path);

	return length > 5 && strcmp(path + length - 5, ".open") == 0;
}

static void header_check(struct reader *reader, struct reader_file *file)
{
	const struct trace_file_header *header = &file->header;
	ssize_t got = reader_file_read(file, &file->header, sizeof(*header), 0);
	bool magic = got >= 8 && memcmp(header->magic, TRACE_MAGIC, 8) == 0;

	if (got < 0) {
		header_problem(reader, file, strerror(-got));
	} else if (file->bytes == 0) {
		if (!is_being_written(
			file->path)) /* else: it was made just now, or the program died just then */
			header_problem(reader, file, "empty, at byte 0");
	} else if (got >= 8 && memcmp(header->magic, SHARED_MAGIC, 8) == 0) {
		file->usable = file->ring = true;
	} else if (got < (ssize_t)sizeof(*header)) {
		header_problem(reader, file,
			       magic ? "cut off in the file header, at byte 0"
				     : "not a uvtrace trace");
	} else if (magic && header->crc32c ==
				crc32c(0, header, offsetof(struct trace_file_header, crc32c))) {
		file->usable = !header_is_newer(reader, file) && header_is_sane(header);
		if (!file->usable && header->reader_version_min <= TRACE_VERSION)
			header_problem(reader, file, "the file header makes no sense, at byte 0");
	} else if (magic || reader_scan_finds_block(file, sizeof(*header))) {
		header_use_damaged(reader, file);
	} else {
		header_problem(reader, file, "not a uvtrace trace");
	}
}

/* Keeps the descriptor, so that a segment which is evicted or renamed meanwhile stays readable,
 * unless there are too many. */
static void keep_fd(struct reader *reader, struct reader_file *file, int fd)
{
	struct rlimit limit;

	if (reader->fds_max == 0) {
		reader->fds_max = FDS_MAX;
		if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 2 < FDS_MAX)
			reader->fds_max = limit.rlim_cur / 2;
	}
	if (reader->fds_kept < reader->fds_max) {
		reader->fds_kept++;
		file->fd = fd;
	} else {
		close(fd);
	}
}

/* file->usable says whether there is a header to go by. Returns 0 or -ENOMEM. */
int reader_file_open(struct reader *reader, struct reader_file *file)
{
	int fd = regular_file_open(file->path, 0);
	int inflated;

	if (fd < 0) {
		header_problem(reader, file, strerror(-fd));
		return 0;
	}
	inflated = reader_inflate(reader, file, fd);
	if (inflated == 1)
		keep_fd(reader, file, fd);
	else
		close(fd);
	if (inflated >= 0)
		header_check(reader, file);
	return inflated == -ENOMEM ? -ENOMEM : 0;
}

/* The ring that a segment speaks of. Not there, or not as a program makes it: -errno and no
 * problem. Whose it is does not matter, because it is only read. */
int reader_file_open_ring(struct reader *reader, const char *path, size_t *file_index)
{
	int fd = regular_file_open(path, O_NOFOLLOW);
	struct stat status;
	char *copy;
	int error;

	if (fd < 0)
		return fd;
	copy = strdup(path);
	if (!copy || fstat(fd, &status) != 0 || !ring_check_is_private(&status) ||
	    status.st_size < (off_t)sizeof(struct shared) || file_is_known(reader, &status)) {
		error = copy ? -EEXIST : -ENOMEM;
		free(copy);
		close(fd);
		return error;
	}
	*file_index = reader->file_count;
	error = file_add(reader, copy, &status);
	if (error)
		close(fd);
	else
		keep_fd(reader, &reader->files[*file_index], fd);
	return error;
}

void reader_file_close(struct reader *reader, struct reader_file *file)
{
	if (file->fd >= 0 && file->fd != reader->scratch)
		close(file->fd);
	free(file->path);
	free(file->blocks.list);
	reader_lines_free(&file->problems);
}

static ssize_t read_fully(int fd, char *to, size_t bytes, uint64_t offset)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t got = pread(fd, to + done, bytes - done, offset + done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		done += got;
	}
	return done;
}

/* Returns how many bytes there were, or -errno. */
ssize_t reader_file_read(const struct reader_file *file, void *to, size_t bytes, uint64_t offset)
{
	int fd = file->fd;
	ssize_t got;

	if (offset >= file->bytes)
		return 0;
	if (bytes > file->bytes - offset)
		bytes = file->bytes - offset;
	if (fd < 0)
		fd = regular_file_open(file->path, 0);
	if (fd < 0)
		return fd;
	got = read_fully(fd, to, bytes, file->base + offset);
	if (file->fd < 0)
		close(fd);
	return got;
}

/* Where there may be something else than zeroes next, from `offset` on: behind a hole, in a sparse
 * file. `offset` itself where that cannot be asked. */
uint64_t reader_file_next_data(const struct reader_file *file, uint64_t offset)
{
	uint64_t next = offset;
#ifdef SEEK_DATA
	int fd = file->fd >= 0 ? file->fd : regular_file_open(file->path, 0);
	off_t found = fd >= 0 ? lseek(fd, (off_t)(file->base + offset), SEEK_DATA) : -1;

	if (found >= 0)
		next = (uint64_t)found - file->base;
	else if (fd >= 0 && errno == ENXIO)
		next = file->bytes;
	if (file->fd < 0 && fd >= 0)
		close(fd);
#endif
	return next < file->bytes ? next : file->bytes;
}
