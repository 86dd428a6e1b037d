/* SPDX-License-Identifier: Apache-2.0
 *
 * See writer.h.
 *
 * The budget holds at every moment, however many processes write to one path, because of two things: a segment that
 * another process has open counts with what it may grow to, which its header says, and a new segment's file is made
 * before the folder is looked through, so of two that begin at once at least one sees the other. Where many
 * processes write, each segment may only grow to a share of the budget.
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
	memcpy(writer->folder, path, (size_t)(slash - path));
	writer->folder[slash - path] = '\0';
	strcpy(writer->name, slash + 1);
	length = strlen(writer->name);
	if (length > 4 && strcmp(writer->name + length - 4, ".bin") == 0)
		writer->name[length -= 4] = '\0';
	return length == 0 || length > NAME_MAX - 48 ? -EINVAL : 0;
}

#define WRITER_PATH_BYTES (2 * SHARED_PATH_BYTES + 64)

static void segment_path(const struct writer *writer, char *path, const char *ending)
{
	snprintf(path, WRITER_PATH_BYTES, "%s/%s.%u.%llu.bin%s", writer->folder, writer->name, writer->pid,
		 (unsigned long long)writer->segment, ending);
}

/* A file of this path, as its name tells. */
struct found {
	uint32_t pid;
	uint64_t segment;
	bool open;
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
	found.bytes = (uint64_t)stat.st_size;
	found.changed = stat.st_mtim;
	walk->visit(walk->writer, folder, &found, walk->arg);
}

/* Every file of this path. */
static int walk_files(struct writer *writer,
		      void (*visit)(struct writer *writer, int folder, struct found *found, void *arg), void *arg)
{
	struct walk walk = {writer, visit, arg};

	return folder_walk(writer->folder[0] ? writer->folder : "/", walk_entry, &walk);
}

/* Where anybody may make names, this one may be somebody else's: a link to anywhere, or a folder whose owner can
 * exchange files under our hands. */
static bool folder_is_strange(const char *path)
{
	char parent[SHARED_PATH_BYTES];
	struct stat stat_self, stat_parent;
	char *slash;

	if (lstat(path, &stat_self) != 0 || stat_self.st_uid == 0 || stat_self.st_uid == geteuid())
		return false;
	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	slash[slash == parent] = '\0';
	return stat(parent, &stat_parent) == 0 && stat_parent.st_mode & S_IWOTH;
}

/* Makes the folder and its parents. */
static int folder_make(const char *folder)
{
	char path[SHARED_PATH_BYTES];
	int error = 0;

	snprintf(path, sizeof(path), "%s/", folder);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		error = mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -errno;
		if (folder_is_strange(path))
			return -EPERM;
		*slash = '/';
	}
	return error;
}

/* A segment of our own pid that nobody writes any more: its drain was killed. It gets the name of a sealed one. */
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
	bool found;	   /* something may be evicted: */
	struct found oldest;
};

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
	survey->reserved += reserved;
	survey->writers += reserved > 0;
	if (reserved)
		return;
	if (!survey->found || is_older(found, &survey->oldest))
		survey->oldest = *found;
	survey->found = true;
}

static bool evict(struct writer *writer, const struct found *found)
{
	char path[WRITER_PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%s", writer->folder, found->name);
	if (unlink(path) != 0 && errno != ENOENT)
		return false;
	writer->evicted_segments++;
	return true;
}

/* Makes room for so many more bytes in the open segment by evicting the oldest sealed ones. */
static bool budget_make_room(struct writer *writer, uint64_t bytes)
{
	for (;;) {
		struct survey survey = {0};

		if (walk_files(writer, visit_survey, &survey) != 0)
			return false;
		writer->others_bytes = survey.bytes;
		if (survey.bytes + writer->bytes + bytes <= writer->total_bytes_max)
			return true;
		if (!survey.found || !evict(writer, &survey.oldest))
			return false;
	}
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
static int budget_reserve(struct writer *writer)
{
	struct survey survey = {0};
	uint64_t share, left;
	int error;

	writer->segment_bytes_max = file_limit(writer);
	if (writer->mode != SHARED_WRITER_ROTATING)
		return 0;
	error = walk_files(writer, visit_survey, &survey);
	if (error)
		return error;
	left = writer->total_bytes_max > survey.reserved ? writer->total_bytes_max - survey.reserved : 0;
	share = survey.writers ? writer->total_bytes_max / 4 / (survey.writers + 1) : left;
	share = share > 2 * SEGMENT_BYTES_MIN ? share : 2 * SEGMENT_BYTES_MIN;
	share = share < left ? share : left;
	if (share < writer->segment_bytes_max)
		writer->segment_bytes_max = share;
	writer->others_bytes = survey.bytes;
	return writer->segment_bytes_max < SEGMENT_BYTES_MIN ? -EDQUOT : 0;
}

static bool budget_fits(struct writer *writer, uint64_t bytes)
{
	if (writer->mode != SHARED_WRITER_ROTATING)
		return true;
	return writer->others_bytes + writer->bytes + bytes <= writer->total_bytes_max ||
	       budget_make_room(writer, bytes);
}

/* ---- One segment ---------------------------------------------------------------------------------------- */

/* The descriptor to write to, -1 if the file is no longer there. */
static int segment_reopen(const struct writer *writer)
{
	char path[WRITER_PATH_BYTES];
	struct stat stat;
	int fd;

	segment_path(writer, path, ".open");
	fd = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && (fstat(fd, &stat) != 0 || stat.st_dev != writer->device || stat.st_ino != writer->inode)) {
		close(fd);
		errno = ENOENT;
		return -1;
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
		return -errno;
	/* A file that was removed is written to for nobody. */
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
static int segment_create(struct writer *writer)
{
	char path[WRITER_PATH_BYTES];
	struct stat stat;
	int error;

	writer->segment++;
	error = walk_files(writer, visit_own, &writer->segment);
	if (error)
		return error;
	do {
		segment_path(writer, path, ".open");
		writer->fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
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

/* The path still leads to the file that we made. */
static bool segment_is_ours(const struct writer *writer, const char *path)
{
	struct stat stat;

	return lstat(path, &stat) == 0 && stat.st_dev == writer->device && stat.st_ino == writer->inode;
}

static void segment_rename(struct writer *writer)
{
	char from[WRITER_PATH_BYTES], to[WRITER_PATH_BYTES];

	segment_path(writer, from, ".open");
	segment_path(writer, to, "");
	if (!segment_is_ours(writer, from))
		return;
	/* Never over another file; old kernels and some file systems can only look before. */
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0 ||
	    (errno == EINVAL && access(to, F_OK) != 0 && rename(from, to) == 0))
		writer->sealed_segments++;
}

/* What is there stays readable; a file without events says nothing and goes. After one that had been good, another may
 * be begun at once: its folder is gone, or a limit has come. */
static void segment_give_up(struct writer *writer, int error, uint64_t now_ns)
{
	char path[WRITER_PATH_BYTES];

	writer->error = error;
	writer->retry_ns = writer->has_events ? now_ns : now_ns + WRITER_RETRY_NS;
	segment_close(writer);
	segment_path(writer, path, ".open");
	if (writer->has_events)
		segment_rename(writer);
	else if (segment_is_ours(writer, path))
		unlink(path);
}

static int segment_begin(struct writer *writer, struct trace_file_header *header)
{
	int error = file_limit(writer) < SEGMENT_BYTES_MIN ? -EFBIG : folder_make(writer->folder);

	if (!writer->name[0]) /* no path could be made of the options */
		error = -EINVAL;
	writer->bytes = 0;
	writer->has_events = false;
	error = error ? error : segment_create(writer);
	if (error)
		return error;
	error = budget_reserve(writer);
	if (error)
		return error;
	header->segment = writer->segment;
	header->bytes_max = writer->segment_bytes_max;
	header->crc32c = crc32c(0, header, offsetof(struct trace_file_header, crc32c));
	if (!budget_fits(writer, sizeof(*header)))
		return -EDQUOT;
	return segment_write(writer, header, sizeof(*header));
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
	error = budget_fits(writer, bytes) ? segment_write(writer, block, bytes) : -EDQUOT;
	if (error)
		segment_give_up(writer, error, now_ns);
	else
		writer->has_events |= block->type == TRACE_BLOCK_EVENTS;
	return error;
}

/* What a drain that was killed has left was looked for when the segment was begun, but it may have been dying still. */
void writer_seal_and_go_on(struct writer *writer)
{
	uint64_t next = 0;

	if (writer->mode == SHARED_WRITER_NULL || !writer->is_open)
		return;
	segment_rename(writer);
	walk_files(writer, visit_own, &next);
}

void writer_seal(struct writer *writer)
{
	writer_seal_and_go_on(writer);
	segment_close(writer);
}
