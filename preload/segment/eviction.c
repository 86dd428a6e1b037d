/* SPDX-License-Identifier: Apache-2.0
 *
 * See writer_internal.h.
 *
 * The budget holds at every moment, however many processes write to one path, because of two
 * things: a segment that another process has open counts with what it may grow to, which its header
 * says, and a new segment's file is made before the directory is looked through, so of two that
 * begin at once at least one sees the other. Where many processes write, each segment may only grow
 * to a share of the budget.
 */
#include "writer_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/reason.h"
#include "format/trace_format.h"

struct survey {
	uint64_t bytes; /* of everything but the own open segment; what others have open counts as
			   full */
	uint64_t reserved; /* of that, what cannot be evicted */
	uint32_t writers;  /* others that have a segment open */
	bool only_own;	/* the kernel lets us remove no other user's file in this directory ... */
	bool of_others; /* ... and there are some, or some that another user writes */
	bool found;	/* something may be evicted: */
	struct trace_file oldest;
};

static void survey_begin(struct survey *survey, int dir)
{
	struct stat stat;

	*survey = (struct survey){0};
	survey->only_own = geteuid() != 0 && fstat(dir, &stat) == 0 && stat.st_mode & S_ISVTX &&
			   stat.st_uid != geteuid();
}

static int budget_error(const struct survey *survey)
{
	return survey->of_others ? -REASON_BUDGET_OF_OTHERS : -REASON_BUDGET;
}

/* What a segment that another process has open may grow to; 0 if nobody writes it any more. Whoever
 * writes one holds a lock on it; where locks don't work, the process must be gone as well. Of our
 * own process, only a drain that was killed can have left one. */
static uint64_t segment_reserved(const struct writer *writer, int dir,
				 const struct trace_file *found)
{
	int fd = openat(dir, found->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool unlocked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0;
	bool gone =
	    found->pid == writer->pid || (kill((pid_t)found->pid, 0) != 0 && errno == ESRCH);
	struct trace_file_header header;
	uint64_t bytes_max = writer->file_bytes_max; /* just made, or not ours to read */

	if (fd >= 0 && pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
	    header.bytes_max <= INT64_MAX)
		bytes_max = header.bytes_max;
	if (fd >= 0)
		close(fd);
	if (unlocked && gone)
		return 0;
	return bytes_max > found->bytes ? bytes_max : found->bytes;
}

static bool is_older(const struct trace_file *a, const struct trace_file *b)
{
	if (a->changed.tv_sec != b->changed.tv_sec)
		return a->changed.tv_sec < b->changed.tv_sec;
	if (a->changed.tv_nsec != b->changed.tv_nsec)
		return a->changed.tv_nsec < b->changed.tv_nsec;
	return a->segment < b->segment;
}

static void visit_survey(struct writer *writer, int dir, struct trace_file *found, void *arg)
{
	struct survey *survey = arg;
	uint64_t reserved = 0;

	if (found->open && found->pid == writer->pid && found->segment == writer->segment)
		return;
	if (found->open)
		reserved = segment_reserved(writer, dir, found);
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

static bool evict(struct writer *writer, int dir, const struct trace_file *found)
{
	if (unlinkat(dir, found->name, 0) != 0 && errno != ENOENT)
		return false;
	writer->evicted_segments++;
	return true;
}

/* Makes room for so many more bytes in the open segment by evicting the oldest sealed ones. */
static int make_room(struct writer *writer, int dir, uint64_t bytes)
{
	struct survey survey;
	int error;

	do {
		survey_begin(&survey, dir);
		error = trace_files_walk(writer, dir, visit_survey, &survey);
		if (error)
			return error;
		writer->others_bytes = survey.bytes;
		if (survey.bytes + writer->bytes + bytes <= writer->total_bytes_max)
			return 0;
	} while (survey.found && evict(writer, dir, &survey.oldest));
	return budget_error(&survey);
}

bool eviction_take_oldest(struct writer *writer)
{
	struct survey survey;
	int dir = trace_files_open(writer, false);
	bool taken;

	if (dir < 0)
		return false;
	survey_begin(&survey, dir);
	taken = trace_files_walk(writer, dir, visit_survey, &survey) == 0 && survey.found &&
		evict(writer, dir, &survey.oldest);
	close(dir);
	return taken;
}

uint64_t eviction_file_limit(const struct writer *writer)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur > writer->file_bytes_max)
		return writer->file_bytes_max;
	return limit.rlim_cur;
}

/* How far this segment may grow: alone up to the limit of a file, else to a share that leaves room
 * for more writers. */
int eviction_reserve(struct writer *writer, int dir)
{
	struct survey survey;
	uint64_t share, left;
	int error;

	writer->segment_bytes_max = eviction_file_limit(writer);
	if (!writer->has_budget)
		return 0;
	survey_begin(&survey, dir);
	error = trace_files_walk(writer, dir, visit_survey, &survey);
	if (error)
		return error;
	left = writer->total_bytes_max > survey.reserved ? writer->total_bytes_max - survey.reserved
							 : 0;
	share = survey.writers ? writer->total_bytes_max / 4 / (survey.writers + 1) : left;
	share = share > 2 * SEGMENT_BYTES_MIN ? share : 2 * SEGMENT_BYTES_MIN;
	share = share < left ? share : left;
	if (share < writer->segment_bytes_max)
		writer->segment_bytes_max = share;
	writer->others_bytes = survey.bytes;
	return writer->segment_bytes_max < SEGMENT_BYTES_MIN ? budget_error(&survey) : 0;
}

int eviction_make_room(struct writer *writer, uint64_t bytes)
{
	int dir, error;

	if (!writer->has_budget ||
	    writer->others_bytes + writer->bytes + bytes <= writer->total_bytes_max)
		return 0;
	dir = trace_files_open(writer, false);
	if (dir < 0)
		return dir;
	error = make_room(writer, dir, bytes);
	close(dir);
	return error;
}
