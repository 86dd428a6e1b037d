/* SPDX-License-Identifier: Apache-2.0
 *
 * See writer.h.
 *
 * The budget holds at every moment, however many processes write to one path, for two reasons. A
 * segment that another process has open counts with the size that its header allows. And a new
 * segment's file is created before the directory is read, so of two that begin at once at least one
 * sees the other. If many processes write, each segment may grow only to a share of the budget.
 */
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/crc32c.h"
#include "files/folder.h"
#include "files/reason.h"

#define SEAL_ROOM	  512 /* kept for what is written when a segment is sealed: a clock pair, the seal */
#define BLOCK_ALIGN	  8
#define SEGMENT_BYTES_MIN 32768 /* what every segment repeats, and some events, must fit */

/* ---- Names ---------------------------------------------------------------------------------------------- */

static int path_split(struct writer *writer, const char *path)
{
	size_t length = strnlen(path, SHARED_PATH_BYTES);
	const char *slash;

	if (length == SHARED_PATH_BYTES || path[0] != '/')
		return -EINVAL;
	slash = strrchr(path, '/');
	folder_of(path, writer->folder, sizeof(writer->folder));
	strcpy(writer->name, slash + 1);
	length = strlen(writer->name);
	if (length > 4 && strcmp(writer->name + length - 4, ".bin") == 0)
		writer->name[length -= 4] = '\0';
	return length == 0 || length > NAME_MAX - 48 ? -EINVAL : 0;
}

#define SEGMENT_NAME_BYTES (SHARED_PATH_BYTES + 64)

static void segment_name(const struct writer *writer, char name[SEGMENT_NAME_BYTES], const char *ending)
{
	snprintf(name, SEGMENT_NAME_BYTES, "%s.%u.%llu.bin%s", writer->name, writer->pid,
		 (unsigned long long)writer->segment, ending);
}

/* A file of this path, as its name tells. */
struct found {
	uint32_t pid;
	uint64_t segment;
	bool open;
	uid_t uid;
	uint64_t bytes;
	struct timespec changed;
	char name[NAME_MAX + 1];
};

static const char *number_parse(const char *at, uint64_t *number)
{
	char *end;

	if (*at < '0' || *at > '9')
		return NULL;
	errno = 0;
	*number = strtoull(at, &end, 10);
	return errno == 0 && *end == '.' ? end + 1 : NULL;
}

/* NAME.PID.N.bin, then nothing, .open, .gz or .zst. */
static bool name_parse(const struct writer *writer, const char *name, struct found *found)
{
	static const char *const endings[] = {"bin", "bin.open", "bin.gz", "bin.zst"};
	size_t length = strlen(writer->name);
	const char *at = name + length + 1;
	uint64_t pid;

	if (strncmp(name, writer->name, length) != 0 || name[length] != '.')
		return false;
	at = number_parse(at, &pid);
	at = at ? number_parse(at, &found->segment) : NULL;
	for (size_t i = 0; at && i < sizeof(endings) / sizeof(endings[0]); i++) {
		if (strcmp(at, endings[i]) == 0) {
			found->pid = (uint32_t)pid;
			found->open = i == 1;
			snprintf(found->name, sizeof(found->name), "%s", name);
			return pid <= UINT32_MAX;
		}
	}
	return false;
}

/* ---- The folder ----------------------------------------------------------------------------------------- */

/* What a walk through the folder is for. */
struct walk {
	struct writer *writer;
	void (*visit)(struct writer *writer, int folder, struct found *found, void *arg);
	void *arg;
};

static void walk_entry(int folder, const char *name, void *arg)
{
	struct walk *walk = arg;
	struct found found = {0};
	struct stat stat;

	if (!name_parse(walk->writer, name, &found) || fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (!S_ISREG(stat.st_mode))
		return;
	found.uid = stat.st_uid;
	found.bytes = (uint64_t)stat.st_size;
	found.changed = stat.st_mtim;
	walk->visit(walk->writer, folder, &found, walk->arg);
}

/* Every file of this path. */
static int walk_files(struct writer *writer, int folder,
		      void (*visit)(struct writer *writer, int folder, struct found *found, void *arg), void *arg)
{
	struct walk walk = {writer, visit, arg};

	return folder_walk(folder, walk_entry, &walk);
}

static int trace_folder_open(struct writer *writer, bool make)
{
	return folder_open(writer->folder, make, &writer->strange_bytes);
}

/* Gives an open segment of our own pid, whose drain was killed, the name of a sealed one. */
static void leftover_rename(int folder, const char *name)
{
	char sealed[NAME_MAX + 1];
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool abandoned = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;

	snprintf(sealed, sizeof(sealed), "%.*s", (int)(strlen(name) - strlen(".open")), name);
	if (abandoned)
		renameat2(folder, name, folder, sealed, RENAME_NOREPLACE);
	if (fd >= 0)
		close(fd);
}

static void visit_own(struct writer *writer, int folder, struct found *found, void *arg)
{
	uint64_t *next = arg;

	if (found->pid != writer->pid)
		return;
	if (found->segment >= *next && found->segment < UINT64_MAX)
		*next = found->segment + 1;
	if (found->open)
		leftover_rename(folder, found->name);
}

/* ---- The budget ----------------------------------------------------------------------------------------- */

struct survey {
	uint64_t bytes;	   /* of everything but the own open segment; what others have open counts as full */
	uint64_t reserved; /* of that, what cannot be evicted */
	uint32_t writers;  /* others that have a segment open */
	bool only_own;	   /* the kernel lets us remove no other user's file in this folder ... */
	bool of_others;	   /* ... and there are some, or some that another user writes */
	bool found;	   /* something may be evicted: */
	struct found oldest;
};

static void survey_begin(struct survey *survey, int folder)
{
	struct stat stat;

	*survey = (struct survey){0};
	survey->only_own =
	    geteuid() != 0 && fstat(folder, &stat) == 0 && stat.st_mode & S_ISVTX && stat.st_uid != geteuid();
}

static int budget_error(const struct survey *survey)
{
	return survey->of_others ? -REASON_BUDGET_OF_OTHERS : -REASON_BUDGET;
}

/* What a segment that another process has open may grow to; 0 if nobody writes it any more. Whoever writes one holds
 * a lock on it; where locks don't work, the process must be gone as well. Of our own process, only a drain that was
 * killed can have left one. */
static uint64_t segment_reserved(const struct writer *writer, int folder, const struct found *found)
{
	int fd = openat(folder, found->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool unlocked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0;
	bool gone = found->pid == writer->pid || (kill((pid_t)found->pid, 0) != 0 && errno == ESRCH);
	struct trace_file_header header;
	uint64_t bytes_max = writer->file_bytes_max; /* just made, or not ours to read */

	if (fd >= 0 && pread(fd, &header, sizeof(header), 0) == sizeof(header) && header.bytes_max <= INT64_MAX)
		bytes_max = header.bytes_max;
	if (fd >= 0)
		close(fd);
	if (unlocked && gone)
		return 0;
	return bytes_max > found->bytes ? bytes_max : found->bytes;
}

static bool is_older(const struct found *a, const struct found *b)
{
	if (a->changed.tv_sec != b->changed.tv_sec)
		return a->changed.tv_sec < b->changed.tv_sec;
	if (a->changed.tv_nsec != b->changed.tv_nsec)
		return a->changed.tv_nsec < b->changed.tv_nsec;
	return a->segment < b->segment;
}

static void visit_survey(struct writer *writer, int folder, struct found *found, void *arg)
{
	struct survey *survey = arg;
	uint64_t reserved = 0;

	if (found->open && found->pid == writer->pid && found->segment == writer->segment)
		return;
	if (found->open)
		reserved = segment_reserved(writer, folder, found);
	survey->bytes += reserved ? reserved : found->bytes;
	survey->writers += reserved > 0;
	if (!reserved && survey->only_own && found->uid != geteuid())
		reserved = found->bytes;
	survey->reserved += reserved;
	if (reserved) {
		survey->of_others |= found->uid != geteuid();
		return;
	}
	if (!survey->found || is_older(found, &survey->oldest))
		survey->oldest = *found;
	survey->found = true;
}

static bool evict(struct writer *writer, int folder, const struct found *found)
{
	if (unlinkat(folder, found->name, 0) != 0 && errno != ENOENT)
		return false;
	writer->evicted_segments++;
	return true;
}

/* Makes room for `bytes` more in the open segment by evicting the oldest sealed ones. */
static int budget_make_room(struct writer *writer, int folder, uint64_t bytes)
{
	struct survey survey;
	int error;

	do {
		survey_begin(&survey, folder);
		error = walk_files(writer, folder, visit_survey, &survey);
		if (error)
			return error;
		writer->others_bytes = survey.bytes;
		if (survey.bytes + writer->bytes + bytes <= writer->total_bytes_max)
			return 0;
	} while (survey.found && evict(writer, folder, &survey.oldest));
	return budget_error(&survey);
}

/* RLIMIT_FSIZE may have changed. */
static uint64_t file_limit(const struct writer *writer)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur > writer->file_bytes_max)
		return writer->file_bytes_max;
	return limit.rlim_cur;
}

/* How far this segment may grow: alone up to the limit of a file, else to a share that leaves room for more writers. */
static int budget_reserve(struct writer *writer, int folder)
{
	struct survey survey;
	uint64_t share, left;
	int error;

	writer->segment_bytes_max = file_limit(writer);
	if (writer->mode != SHARED_WRITER_ROTATING)
		return 0;
	survey_begin(&survey, folder);
	error = walk_files(writer, folder, visit_survey, &survey);
	if (error)
		return error;
	left = writer->total_bytes_max > survey.reserved ? writer->total_bytes_max - survey.reserved : 0;
	share = survey.writers ? writer->total_bytes_max / 4 / (survey.writers + 1) : left;
	share = share > 2 * SEGMENT_BYTES_MIN ? share : 2 * SEGMENT_BYTES_MIN;
	share = share < left ? share : left;
	if (share < writer->segment_bytes_max)
		writer->segment_bytes_max = share;
	writer->others_bytes = survey.bytes;
	return writer->segment_bytes_max < SEGMENT_BYTES_MIN ? budget_error(&survey) : 0;
}

/* 0 if `bytes` more fit into the budget, perhaps after evicting the oldest segment. */
static int budget_fit(struct writer *writer, uint64_t bytes)
{
	int folder, error;

	if (writer->mode != SHARED_WRITER_ROTATING ||
	    writer->others_bytes + writer->bytes + bytes <= writer->total_bytes_max)
		return 0;
	folder = trace_folder_open(writer, false);
	if (folder < 0)
		return folder;
	error = budget_make_room(writer, folder, bytes);
	close(folder);
	return error;
}

/* ---- One segment ---------------------------------------------------------------------------------------- */

static bool is_segment(const struct writer *writer, const struct stat *stat)
{
	return stat->st_dev == writer->device && stat->st_ino == writer->inode;
}

/* The descriptor to write to, or -errno: -ENOENT if the file is no longer there. */
static int segment_reopen(struct writer *writer)
{
	char name[SEGMENT_NAME_BYTES];
	int folder = trace_folder_open(writer, false);
	struct stat stat;
	int fd;

	if (folder < 0)
		return folder;
	segment_name(writer, name, ".open");
	fd = openat(folder, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	fd = fd < 0 ? -errno : fd;
	close(folder);
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

/* Makes the file; numbers that exist already are passed over. */
static int segment_create(struct writer *writer, int folder)
{
	char name[SEGMENT_NAME_BYTES];
	struct stat stat;
	int error;

	writer->segment++;
	error = walk_files(writer, folder, visit_own, &writer->segment);
	if (error)
		return error;
	do {
		segment_name(writer, name, ".open");
		writer->fd =
		    openat(folder, name, O_CREAT | O_EXCL | O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
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
static bool segment_is_ours(const struct writer *writer, int folder, const char *name)
{
	struct stat stat;

	return fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && is_segment(writer, &stat);
}

/* Never over another file; old kernels and some file systems can only look before. */
static bool rename_to_new(int folder, const char *from, const char *to)
{
	return renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0 ||
	       (errno == EINVAL && faccessat(folder, to, F_OK, 0) != 0 && renameat(folder, from, folder, to) == 0);
}

static void segment_rename(struct writer *writer, int folder)
{
	char from[SEGMENT_NAME_BYTES], to[SEGMENT_NAME_BYTES];

	segment_name(writer, from, ".open");
	segment_name(writer, to, "");
	if (segment_is_ours(writer, folder, from) && rename_to_new(folder, from, to))
		writer->sealed_segments++;
}

static void segment_remove(struct writer *writer, int folder)
{
	char name[SEGMENT_NAME_BYTES];

	segment_name(writer, name, ".open");
	if (segment_is_ours(writer, folder, name))
		unlinkat(folder, name, 0);
}

/* What is there stays readable; a file without events says nothing and goes. After one that had been good, another may
 * be begun at once: its folder is gone, or a limit has come. */
static void segment_give_up(struct writer *writer, int error, uint64_t now_ns)
{
	size_t strange_bytes = writer->strange_bytes; /* belong to this error */
	int folder;

	writer->error = error;
	writer->retry_ns = writer->has_events ? now_ns : now_ns + WRITER_RETRY_NS;
	segment_close(writer);
	folder = trace_folder_open(writer, false);
	writer->strange_bytes = strange_bytes;
	if (folder < 0)
		return;
	if (writer->has_events)
		segment_rename(writer, folder);
	else
		segment_remove(writer, folder);
	close(folder);
}

/* Makes the segment's file, and finds out how far it may grow. */
static int segment_make(struct writer *writer)
{
	int folder = trace_folder_open(writer, true);
	int error;

	if (folder < 0)
		return folder;
	error = segment_create(writer, folder);
	if (!error)
		error = budget_reserve(writer, folder);
	close(folder);
	return error;
}

static int segment_begin(struct writer *writer, struct trace_file_header *header)
{
	int error = file_limit(writer) < SEGMENT_BYTES_MIN ? -EFBIG : 0;

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
	error = budget_fit(writer, sizeof(*header));
	return error ? error : segment_write(writer, header, sizeof(*header));
}

/* ---- The interface -------------------------------------------------------------------------------------- */

int writer_init(struct writer *writer, const struct shared_options *options, uint32_t pid)
{
	memset(writer, 0, sizeof(*writer));
	writer->fd = -1;
	writer->pid = pid;
	writer->mode = options->writer;
	writer->total_bytes_max = options->total_size_bytes;
	writer->file_bytes_max = options->file_size_bytes;
	if (writer->mode == SHARED_WRITER_SINGLE)
		writer->file_bytes_max = INT64_MAX;
	else if (writer->file_bytes_max > writer->total_bytes_max)
		writer->file_bytes_max = writer->total_bytes_max;
	return path_split(writer, options->path);
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
	error = segment_begin(writer, header);
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

uint64_t writer_room(const struct writer *writer)
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
	error = budget_fit(writer, bytes);
	error = error ? error : segment_write(writer, block, bytes);
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
	int folder;

	if (writer->mode == SHARED_WRITER_NULL || !writer->is_open)
		return;
	folder = trace_folder_open(writer, false);
	if (folder < 0)
		return;
	segment_rename(writer, folder);
	walk_files(writer, folder, visit_own, &next);
	close(folder);
}

void writer_seal(struct writer *writer)
{
	writer_seal_and_go_on(writer);
	segment_close(writer);
}

void writer_explain(const struct writer *writer, int error, char *text, size_t bytes)
{
	char reason[128];

	folder_explain(error, writer->folder, writer->strange_bytes, reason, sizeof(reason));
	snprintf(text, bytes, "events were not written to %.120s: %s", writer->folder, reason);
}
