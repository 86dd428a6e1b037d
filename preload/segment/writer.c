/* SPDX-License-Identifier: Apache-2.0
 *
 * See writer.h.
 */
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "writer_internal.h"
#include "files/dir.h"
#include "format/crc32c.h"

#define SEAL_ROOM                                                                                  \
	512 /* kept for what is written when a segment is sealed: a clock pair, the seal */
#define BLOCK_ALIGN    8
#define RECORDER_PARTS 16 /* its memory has so many segments: the oldest goes as a whole */

/* ---- What a drain that was killed left ------------------------------------------------------ */

/* Gives an open segment of our own pid, whose drain was killed, the name of a sealed one. */
static void leftover_rename(int dir, const char *name)
{
	char sealed[NAME_MAX + 1];
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool abandoned = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;

	snprintf(sealed, sizeof(sealed), "%.*s", (int)(strlen(name) - strlen(".open")), name);
	if (abandoned)
		renameat2(dir, name, dir, sealed, RENAME_NOREPLACE);
	if (fd >= 0)
		close(fd);
}

static void visit_own(struct writer *writer, int dir, struct trace_file *found, void *arg)
{
	uint64_t *next = arg;

	if (found->pid != writer->pid)
		return;
	if (found->segment >= *next && found->segment < UINT64_MAX)
		*next = found->segment + 1;
	if (found->open)
		leftover_rename(dir, found->name);
}

/* ---- One segment ---------------------------------------------------------------------------- */

static bool is_segment(const struct writer *writer, const struct stat *stat)
{
	return stat->st_dev == writer->device && stat->st_ino == writer->inode;
}

/* The descriptor to write to, or -errno: -ENOENT if the file is no longer there. */
static int segment_reopen(struct writer *writer)
{
	char name[TRACE_FILE_NAME_BYTES];
	int dir = trace_files_open(writer, false);
	struct stat stat;
	int fd;

	if (dir < 0)
		return dir;
	trace_files_name(writer, name, ".open");
	fd = openat(dir, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	fd = fd < 0 ? -errno : fd;
	close(dir);
	if (fd >= 0 && (fstat(fd, &stat) != 0 || !is_segment(writer, &stat))) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

static int write_all(int fd, const char *data, size_t bytes)
{
	while (bytes > 0) {
		ssize_t written = write(fd, data, bytes);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -EIO;
		data += written;
		bytes -= (size_t)written;
	}
	return 0;
}

/* All of it or nothing, as far as half a block can be taken back. */
static int segment_write(struct writer *writer, const void *data, size_t bytes)
{
	int fd = writer->reopens ? segment_reopen(writer) : writer->fd;
	struct stat stat;
	int error;

	if (fd < 0)
		return fd;
	/* Writing to a removed file would be useless. */
	error = fstat(fd, &stat) != 0 || stat.st_nlink > 0 ? write_all(fd, data, bytes) : -ENOENT;
	if (error && ftruncate(fd, (off_t)writer->bytes) != 0)
		errno = 0; /* a quota may not allow even that: readers pass over half a block */
	if (writer->reopens)
		close(fd);
	if (error)
		return error;
	writer->bytes += bytes;
	writer->bytes_written += bytes;
	return 0;
}

/* A recorder's memory has no more to give: the oldest segment makes room. */
static int segment_write_or_evict(struct writer *writer, const void *data, size_t bytes)
{
	int error = segment_write(writer, data, bytes);

	while (error == -ENOSPC && writer->mode == SHARED_WRITER_RECORDER &&
	       eviction_take_oldest(writer))
		error = segment_write(writer, data, bytes);
	return error;
}

/* Makes the file; numbers that exist already are passed over. */
static int segment_create(struct writer *writer, int dir)
{
	char name[TRACE_FILE_NAME_BYTES];
	struct stat stat;
	int error;

	writer->segment++;
	error = trace_files_walk(writer, dir, visit_own, &writer->segment);
	if (error)
		return error;
	do {
		trace_files_name(writer, name, ".open");
		writer->fd =
		    openat(dir, name,
			   O_CREAT | O_EXCL | O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	} while (writer->fd < 0 && errno == EEXIST && writer->segment++ < UINT64_MAX);
	if (writer->fd < 0 || fstat(writer->fd, &stat) != 0)
		return -errno;
	flock(writer->fd, LOCK_EX | LOCK_NB);
	writer->device = stat.st_dev;
	writer->inode = stat.st_ino;
	return 0;
}

static void segment_close(struct writer *writer)
{
	if (writer->fd >= 0)
		close(writer->fd);
	writer->fd = -1;
	writer->is_open = false;
}

/* Whether the name still refers to the file that we made. */
static bool segment_is_ours(const struct writer *writer, int dir, const char *name)
{
	struct stat stat;

	return fstatat(dir, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && is_segment(writer, &stat);
}

/* Never over another file; old kernels and some file systems can only look before. */
static bool rename_to_new(int dir, const char *from, const char *to)
{
	return renameat2(dir, from, dir, to, RENAME_NOREPLACE) == 0 ||
	       (errno == EINVAL && faccessat(dir, to, F_OK, 0) != 0 &&
		renameat(dir, from, dir, to) == 0);
}

static void segment_rename(struct writer *writer, int dir)
{
	char from[TRACE_FILE_NAME_BYTES], to[TRACE_FILE_NAME_BYTES];

	trace_files_name(writer, from, ".open");
	trace_files_name(writer, to, "");
	if (segment_is_ours(writer, dir, from) && rename_to_new(dir, from, to))
		writer->sealed_segments++;
}

static void segment_remove(struct writer *writer, int dir)
{
	char name[TRACE_FILE_NAME_BYTES];

	trace_files_name(writer, name, ".open");
	if (segment_is_ours(writer, dir, name))
		unlinkat(dir, name, 0);
}

/* What is there stays readable; a file without events says nothing and goes. After one that had
 * been good, another may be begun at once: its directory is gone, or a limit has come. */
static void segment_give_up(struct writer *writer, int error, uint64_t now_ns)
{
	size_t strange_bytes = writer->strange_bytes; /* belong to this error */
	int dir;

	writer->error = error;
	writer->retry_ns = writer->has_events ? now_ns : now_ns + WRITER_RETRY_NS;
	segment_close(writer);
	dir = trace_files_open(writer, false);
	writer->strange_bytes = strange_bytes;
	if (dir < 0)
		return;
	if (writer->has_events)
		segment_rename(writer, dir);
	else
		segment_remove(writer, dir);
	close(dir);
}

/* Makes the segment's file, and finds out how far it may grow. */
static int segment_make(struct writer *writer)
{
	int dir = trace_files_open(writer, true);
	int error;

	if (dir < 0)
		return dir;
	error = segment_create(writer, dir);
	if (!error)
		error = eviction_reserve(writer, dir);
	close(dir);
	return error;
}

static int file_begin(struct writer *writer, struct trace_file_header *header)
{
	int error = eviction_file_limit(writer) < SEGMENT_BYTES_MIN ? -EFBIG : 0;

	if (!writer->name[0]) /* no path could be made of the options */
		error = -EINVAL;
	writer->bytes = 0;
	writer->has_events = false;
	error = error ? error : segment_make(writer);
	if (error)
		return error;
	header->segment = writer->segment;
	header->bytes_max = writer->segment_bytes_max;
	header->crc32c = crc32c(0, header, offsetof(struct trace_file_header, crc32c));
	error = eviction_make_room(writer, sizeof(*header));
	return error ? error : segment_write_or_evict(writer, header, sizeof(*header));
}

/* ---- The interface -------------------------------------------------------------------------- */

int writer_init(struct writer *writer, const struct shared_options *options, uint32_t pid)
{
	memset(writer, 0, sizeof(*writer));
	writer->fd = -1;
	writer->pid = pid;
	writer->mode = options->writer;
	writer->has_budget =
	    writer->mode == SHARED_WRITER_ROTATING || writer->mode == SHARED_WRITER_RECORDER;
	writer->total_bytes_max = options->total_size_bytes;
	writer->file_bytes_max = options->file_size_bytes;
	if (writer->mode == SHARED_WRITER_RECORDER) {
		writer->total_bytes_max = options->recorder_bytes;
		writer->file_bytes_max = options->recorder_bytes / RECORDER_PARTS;
	}
	if (writer->mode == SHARED_WRITER_SINGLE)
		writer->file_bytes_max = INT64_MAX;
	else if (writer->file_bytes_max > writer->total_bytes_max)
		writer->file_bytes_max = writer->total_bytes_max;
	return trace_files_split(writer, options->path);
}

int writer_begin(struct writer *writer, struct trace_file_header *header, uint64_t now_ns)
{
	int error;

	if (writer->mode == SHARED_WRITER_NULL) {
		writer->is_open = true;
		return 0;
	}
	if (now_ns < writer->retry_ns)
		return writer->error;
	error = file_begin(writer, header);
	if (error) {
		segment_give_up(writer, error, now_ns);
		return error;
	}
	if (writer->reopens)
		segment_close(writer);
	writer->error = 0;
	writer->is_open = true;
	return 0;
}

uint64_t writer_space_left(const struct writer *writer)
{
	uint64_t used = writer->bytes + sizeof(struct trace_block_header) + SEAL_ROOM;

	if (writer->mode == SHARED_WRITER_NULL)
		return TRACE_BLOCK_BYTES_MAX;
	return writer->segment_bytes_max > used ? writer->segment_bytes_max - used : 0;
}

int writer_append(struct writer *writer, struct trace_block_header *block, uint64_t now_ns)
{
	uint64_t used = sizeof(*block) + block->payload_bytes;
	uint64_t bytes = (used + BLOCK_ALIGN - 1) & ~(uint64_t)(BLOCK_ALIGN - 1);
	int error;

	if (writer->mode == SHARED_WRITER_NULL)
		return 0;
	if (!writer->is_open)
		return writer->error ? writer->error : -EBADF;
	if (writer->bytes + bytes > writer->segment_bytes_max)
		return -EMSGSIZE;
	memset((char *)block + used, 0, bytes - used);
	block->crc32c = 0;
	block->crc32c = crc32c(0, block, used);
	error = eviction_make_room(writer, bytes);
	error = error ? error : segment_write_or_evict(writer, block, bytes);
	if (error)
		segment_give_up(writer, error, now_ns);
	else
		writer->has_events |= block->type == TRACE_BLOCK_EVENTS;
	return error;
}

/* Seals the segment and keeps its descriptor, so that more may be appended. Searches again for
 * segments that a killed drain left open: when this segment was begun, that drain may still have
 * held its lock. */
void writer_seal_and_go_on(struct writer *writer)
{
	uint64_t next = 0;
	int dir;

	if (writer->mode == SHARED_WRITER_NULL || !writer->is_open)
		return;
	dir = trace_files_open(writer, false);
	if (dir < 0)
		return;
	segment_rename(writer, dir);
	trace_files_walk(writer, dir, visit_own, &next);
	close(dir);
}

void writer_seal(struct writer *writer)
{
	writer_seal_and_go_on(writer);
	segment_close(writer);
}

void writer_explain(const struct writer *writer, int error, char *text, size_t bytes)
{
	char reason[128];

	dir_explain(error, writer->dir, writer->strange_bytes, reason, sizeof(reason));
	snprintf(text, bytes, "events were not written to %.120s: %s", writer->dir, reason);
}
