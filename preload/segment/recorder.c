/* SPDX-License-Identifier: Apache-2.0
 *
 * See recorder.h: the recorder's directory, and which of its segments are held for a dump.
 * dump_files.c writes them.
 */
#include "recorder_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/dir.h"

#define RECORDER_PREFIX "uvtrace-rec."
#define BLOCKS_MAX	64 /* before the first clock pair */

int recorder_dir(const char *ring_path, char *dir, size_t bytes)
{
	const char *slash = strrchr(ring_path, '/');
	const char *name = slash ? slash + 1 : "";

	if (strncmp(name, SHARED_PREFIX, strlen(SHARED_PREFIX)) != 0)
		return -EINVAL;
	name += strlen(SHARED_PREFIX);
	if (!*name || (size_t)snprintf(dir, bytes, "%.*s/" RECORDER_PREFIX "%s",
				       (int)(slash - ring_path), ring_path, name) >= bytes)
		return -EINVAL;
	return 0;
}

int recorder_open_held(const char *from, bool make)
{
	char path[SHARED_PATH_BYTES + sizeof(RECORDER_HELD)];

	snprintf(path, sizeof(path), "%s/" RECORDER_HELD, from);
	return dir_open(path, make, NULL);
}

static void remove_name(int dir, const char *name, void *arg)
{
	(void)arg;
	if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		unlinkat(dir, name, 0);
}

void recorder_empty(int dir)
{
	dir_walk(dir, remove_name, NULL);
}

void recorder_let_go(const char *from)
{
	int held = recorder_open_held(from, false), dir;

	if (held < 0)
		return;
	recorder_empty(held);
	close(held);
	dir = dir_open(from, false, NULL);
	if (dir < 0)
		return;
	unlinkat(dir, RECORDER_HELD, AT_REMOVEDIR);
	close(dir);
}

void recorder_remove(const char *ring_path)
{
	char path[SHARED_PATH_BYTES], parent[SHARED_PATH_BYTES];
	int dir;

	if (recorder_dir(ring_path, path, sizeof(path)) != 0)
		return;
	recorder_let_go(path);
	dir = dir_open(path, false, NULL);
	if (dir < 0)
		return;
	recorder_empty(dir);
	close(dir);
	dir_of(path, parent, sizeof(parent));
	dir = dir_open(parent, false, NULL);
	if (dir < 0)
		return;
	unlinkat(dir, strrchr(path, '/') + 1, AT_REMOVEDIR);
	close(dir);
}

/* ---- Which segments -------------------------------------------------------------------------- */

/* The time from which on everything is in this segment or a later one, CLOCK_MONOTONIC: that of its
 * first clock pair or, of a process' first segment, of its start. 0: it cannot be read. */
static uint64_t begin_ns(int fd)
{
	struct trace_file_header header;
	struct trace_block_header block;
	struct trace_clock_pair pair;
	off_t at;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
	    memcmp(header.magic, TRACE_MAGIC, sizeof(header.magic)) != 0)
		return 0;
	if (header.segment == 1)
		return header.start_mono_ns;
	at = (off_t)header.header_bytes;
	for (int i = 0; i < BLOCKS_MAX; i++) {
		if (pread(fd, &block, sizeof(block), at) != sizeof(block) ||
		    block.magic != TRACE_BLOCK_MAGIC || block.payload_bytes > TRACE_BLOCK_BYTES_MAX)
			return 0;
		at += block.header_bytes;
		if (block.type == TRACE_BLOCK_CLOCK)
			return pread(fd, &pair, sizeof(pair), at) == sizeof(pair) ? pair.mono_ns
										  : 0;
		at += (block.payload_bytes + 7) & ~7u;
	}
	return 0;
}

struct choice {
	uint64_t from_ns;
	uint64_t first, first_ns; /* the last one that begins at or before from_ns, else the first;
				     first_ns 0: none yet */
	int held;
	int error;
	uint32_t count;
};

static void visit_choose(struct writer *source, int dir, struct trace_file *found, void *arg)
{
	struct choice *choice = arg;
	uint64_t ns;
	int fd;

	if (found->open || found->pid != source->pid || found->uid != geteuid())
		return;
	fd = openat(dir, found->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ns = fd >= 0 ? begin_ns(fd) : 0;
	if (fd >= 0)
		close(fd);
	if (ns == 0)
		return;
	if (choice->first_ns == 0 ||
	    (ns <= choice->from_ns
		 ? choice->first_ns > choice->from_ns || found->segment > choice->first
		 : choice->first_ns > choice->from_ns && found->segment < choice->first)) {
		choice->first = found->segment;
		choice->first_ns = ns;
	}
}

static void visit_hold(struct writer *source, int dir, struct trace_file *found, void *arg)
{
	struct choice *choice = arg;

	if (found->open || found->pid != source->pid || found->uid != geteuid() ||
	    found->segment < choice->first)
		return;
	if (linkat(dir, found->name, choice->held, found->name, 0) == 0)
		choice->count++;
	else if (errno != ENOENT) /* not just evicted */
		choice->error = -errno;
}

int recorder_source(struct writer *source, const struct recorder_dump *dump)
{
	memset(source, 0, sizeof(*source));
	if (trace_files_split(source, dump->trace_path) != 0)
		return -EINVAL;
	source->pid = dump->pid;
	memcpy(source->dir, dump->from, sizeof(source->dir));
	return 0;
}

static int hold_in(struct recorder_dump *dump, struct writer *source, int dir)
{
	struct choice choice = {.from_ns = dump->dump.requested_from_ns};
	int error = trace_files_walk(source, dir, visit_choose, &choice);

	if (error || choice.first_ns == 0)
		return error ? error : -ENODATA;
	choice.held = recorder_open_held(dump->from, true);
	if (choice.held < 0)
		return choice.held;
	error = trace_files_walk(source, dir, visit_hold, &choice);
	close(choice.held);
	dump->dump.covered_from_ns = choice.first_ns;
	if (!error)
		error = choice.count == 0 && !choice.error ? -ENODATA : choice.error;
	return error;
}

int recorder_hold(struct recorder_dump *dump)
{
	struct writer source;
	int error = recorder_source(&source, dump), dir;

	if (error)
		return error;
	recorder_let_go(dump->from);
	dir = trace_files_open(&source, false);
	if (dir < 0)
		return dir;
	error = hold_in(dump, &source, dir);
	close(dir);
	return error;
}
