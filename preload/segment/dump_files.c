/* SPDX-License-Identifier: Apache-2.0
 *
 * See recorder.h: a dump's directory and files, and how many dumps there may be.
 */
#include "recorder_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/dir.h"
#include "format/crc32c.h"

#define COPY_BYTES_MAX (1u << 30) /* of one sendfile() */

/* ---- One file -------------------------------------------------------------------------------- */

/* The block that says what the dump is, ready to be written. */
struct dump_block {
	struct trace_block_header header;
	struct trace_dump dump;
	char reason[TRACE_DUMP_REASON_BYTES];
};

static size_t block_make(const struct recorder_dump *dump, struct dump_block *block)
{
	size_t reason_bytes = strnlen(dump->reason, sizeof(dump->reason) - 1);
	size_t bytes = (sizeof(block->dump) + reason_bytes + 7) & ~(size_t)7;

	memset(block, 0, sizeof(*block));
	block->header.magic = TRACE_BLOCK_MAGIC;
	block->header.type = TRACE_BLOCK_DUMP;
	block->header.header_bytes = sizeof(block->header);
	block->header.payload_bytes = (uint32_t)bytes;
	block->dump = dump->dump;
	block->dump.entry_bytes = (uint32_t)bytes;
	block->dump.reason_bytes = (uint16_t)reason_bytes;
	memcpy(block->reason, dump->reason, reason_bytes);
	bytes += sizeof(block->header);
	block->header.crc32c = crc32c(0, block, bytes);
	return bytes;
}

static int write_whole(int fd, const void *data, size_t bytes)
{
	ssize_t written = write(fd, data, bytes);

	if (written < 0)
		return -errno;
	return (size_t)written == bytes ? 0 : -ENOSPC;
}

static int copy_rest(int from, int to, uint64_t *bytes)
{
	ssize_t copied;

	while ((copied = sendfile(to, from, NULL, COPY_BYTES_MAX)) != 0) {
		if (copied < 0 && errno != EINTR)
			return -errno;
		*bytes += copied > 0 ? (uint64_t)copied : 0;
	}
	return 0;
}

/* The segment's header, then the dump's block, then all that the segment has. */
static int file_copy(struct recorder_dump *dump, int from, int to)
{
	struct trace_file_header header;
	struct dump_block block;
	size_t bytes = block_make(dump, &block);
	int error;

	if (read(from, &header, sizeof(header)) != sizeof(header))
		return -EIO;
	error = write_whole(to, &header, sizeof(header));
	error = error ? error : write_whole(to, &block, bytes);
	dump->bytes += sizeof(header) + bytes;
	return error ? error : copy_rest(from, to, &dump->bytes);
}

struct copying {
	struct recorder_dump *dump;
	int to;
	int error;
};

static void visit_copy(struct writer *source, int dir, struct trace_file *found, void *arg)
{
	struct copying *copying = arg;
	int from, to;

	(void)source;
	if (copying->error)
		return;
	from = openat(dir, found->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	to = openat(copying->to, found->name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	copying->error = from < 0 || to < 0 ? -errno : file_copy(copying->dump, from, to);
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
}

/* ---- Directories of dumps -------------------------------------------------------------------- */

/* What a walk through the trace's directory finds. */
struct dumps_survey {
	const struct writer *target;
	uint32_t number; /* the highest of the own process */
	uint32_t count;	 /* complete, of every process */
	struct timespec oldest_time;
	char oldest[NAME_MAX + 1];
};

/* NAME.PID.K.dump, also with .open behind it. False: it is none. */
static bool dump_name_parse(const struct writer *target, const char *name, uint32_t *pid,
			    uint32_t *number, bool *open)
{
	size_t length = strlen(target->name);
	char *end;

	if (strncmp(name, target->name, length) != 0 || name[length] != '.')
		return false;
	*pid = (uint32_t)strtoul(name + length + 1, &end, 10);
	if (*end != '.')
		return false;
	*number = (uint32_t)strtoul(end + 1, &end, 10);
	*open = strcmp(end, ".dump.open") == 0;
	return *open || strcmp(end, ".dump") == 0;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

static void survey_name(int dir, const char *name, void *arg)
{
	struct dumps_survey *survey = arg;
	uint32_t pid, number;
	struct stat stat;
	bool open;

	if (!dump_name_parse(survey->target, name, &pid, &number, &open) ||
	    fstatat(dir, name, &stat, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(stat.st_mode))
		return;
	if (pid == survey->target->pid && number > survey->number)
		survey->number = number;
	if (open || stat.st_uid != geteuid())
		return;
	if (survey->count++ == 0 || is_before(&stat.st_mtim, &survey->oldest_time)) {
		survey->oldest_time = stat.st_mtim;
		snprintf(survey->oldest, sizeof(survey->oldest), "%s", name);
	}
}

static int open_child(int dir, const char *name)
{
	int child = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return child < 0 ? -errno : child;
}

static int dump_remove(int dir, const char *name)
{
	int child = open_child(dir, name);

	if (child < 0)
		return child;
	recorder_empty(child);
	close(child);
	return unlinkat(dir, name, AT_REMOVEDIR) == 0 ? 0 : -errno;
}

static void dumps_evict(const struct recorder_dump *dump, const struct writer *target, int dir)
{
	struct dumps_survey survey;

	do {
		survey = (struct dumps_survey){.target = target};
		if (dir_walk(dir, survey_name, &survey) != 0)
			return;
	} while (survey.count > dump->dumps_max && dump_remove(dir, survey.oldest) == 0);
}

static int dump_make(struct recorder_dump *dump, const struct writer *target, int dir, char *name)
{
	struct dumps_survey survey = {.target = target};
	int error = dir_walk(dir, survey_name, &survey);

	if (error)
		return error;
	do {
		dump->number = ++survey.number;
		snprintf(name, NAME_MAX + 1, "%.*s.%u.%u.dump.open", NAME_MAX - 48, target->name,
			 dump->pid, dump->number);
		if (mkdirat(dir, name, 0700) == 0)
			return 0;
	} while (errno == EEXIST && survey.number < UINT32_MAX);
	return -errno;
}

/* Gives it its name, which nobody has. */
static int dump_complete(int dir, const char *name)
{
	char complete[NAME_MAX + 1];

	snprintf(complete, sizeof(complete), "%.*s", (int)(strlen(name) - strlen(".open")), name);
	if (renameat2(dir, name, dir, complete, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EINVAL && faccessat(dir, complete, F_OK, 0) != 0 &&
	    renameat(dir, name, dir, complete) == 0)
		return 0;
	return -errno;
}

static int dump_fill(struct recorder_dump *dump, int dir, const char *name)
{
	struct copying copying = {.dump = dump};
	struct writer source;
	int held = recorder_open_held(dump->from, false);
	int error = recorder_source(&source, dump);

	copying.to = open_child(dir, name);
	if (!error && (held < 0 || copying.to < 0))
		error = held < 0 ? held : copying.to;
	error = error ? error : trace_files_walk(&source, held, visit_copy, &copying);
	if (held >= 0)
		close(held);
	if (copying.to >= 0)
		close(copying.to);
	return error ? error : copying.error;
}

static int dump_in(struct recorder_dump *dump, const struct writer *target, int dir)
{
	char name[NAME_MAX + 1];
	int error = dump_make(dump, target, dir, name);

	if (error)
		return error;
	error = dump_fill(dump, dir, name);
	error = error ? error : dump_complete(dir, name);
	if (error)
		dump_remove(dir, name);
	else
		dumps_evict(dump, target, dir);
	return error;
}

int recorder_write(struct recorder_dump *dump)
{
	struct writer target = {.pid = dump->pid};
	int error = trace_files_split(&target, dump->trace_path), dir;

	dump->bytes = 0;
	dir = error ? error : trace_files_open(&target, true);
	error = dir < 0 ? dir : dump_in(dump, &target, dir);
	if (dir >= 0)
		close(dir);
	recorder_let_go(dump->from);
	return error;
}
