/* SPDX-License-Identifier: Apache-2.0
 *
 * See orphans.h.
 */
#include "orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/attach.h"
#include "drain.h"
#include "files/dir.h"
#include "ring/laps.h"
#include "ring/ring_check.h"

#define BLOCK_BYTES 512 /* of st_blocks */

struct search {
	const char *path; /* of the directory */
	const struct orphans_recoverer *recoverer;
	const struct orphans_visitor *visitor;
};

struct orphan {
	int fd;
	struct stat stat;
	struct shared *copy; /* as large as the file */
	const char *path;    /* where it was found */
	uint64_t left;	     /* bytes that may still be copied: what the file really has */
};

/* Neither a program nor its drain has it. */
static bool is_left_alone(const struct orphan *orphan)
{
	if (fcntl(orphan->fd, F_SETLEASE, F_RDLCK) != 0)
		return false;
	fcntl(orphan->fd, F_SETLEASE, F_UNLCK);
	return true;
}

/* No other recoverer holds the file or has just finished with it. Only a ring that will be drained
 * is locked: recoverers of other traces come by, and must not lock out the right one. */
static bool is_ours(struct orphan *orphan)
{
	return flock(orphan->fd, LOCK_EX | LOCK_NB) == 0 &&
	       attach_check(orphan->fd, &orphan->stat) == 0;
}

static int copy_part(struct orphan *orphan, uint64_t offset, uint64_t bytes)
{
	if (bytes > orphan->left)
		return -EPROTO;
	orphan->left -= bytes;
	while (bytes > 0) {
		ssize_t got =
		    pread(orphan->fd, (char *)orphan->copy + offset, bytes, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EPROTO;
		offset += (uint64_t)got;
		bytes -= (uint64_t)got;
	}
	return 0;
}

/* The records that were not drained. */
static int copy_ring(struct orphan *orphan, uint32_t i)
{
	const struct shared *copy = orphan->copy;
	const struct shared_ring *ring = &copy->rings[i];
	uint64_t capacity = copy->ring_bytes / sizeof(struct record);
	struct laps laps = laps_read(ring, capacity);
	uint64_t head = ring->head, position, count;
	int error = 0;

	if (ring->state != RING_LIVE && ring->state != RING_ENDED)
		return 0;
	if (head > ring->tail && head - ring->tail > capacity)
		return -EPROTO; /* however much of the ring has memory */
	for (uint64_t at = ring->tail; !error && at < head; at += count) {
		count = laps_at(&laps, at, &position);
		count = count < head - at ? count : head - at;
		if (count == 0)
			return 0; /* the drain will find that it makes no sense */
		error = copy_part(orphan,
				  copy->rings_offset + (uint64_t)i * copy->ring_bytes +
				      position * sizeof(struct record),
				  count * sizeof(struct record));
	}
	return error;
}

static int copy_rings(struct orphan *orphan)
{
	int error = 0;

	for (uint32_t i = 0; !error && i < orphan->copy->ring_count; i++)
		error = copy_ring(orphan, i);
	return error;
}

/* Those that have memory: the rest of their table is a hole. */
static int copy_sites(struct orphan *orphan)
{
	uint64_t count = orphan->copy->sites_backed;

	return count > TRACE_SITES_MAX ? -EPROTO
				       : copy_part(orphan, offsetof(struct shared, sites),
						   count * sizeof(struct shared_site));
}

static int copy_head(struct orphan *orphan)
{
	uint64_t bytes = (uint64_t)orphan->stat.st_size;
	int error;

	orphan->copy = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (orphan->copy == MAP_FAILED)
		return -errno;
	orphan->left = (uint64_t)orphan->stat.st_blocks * BLOCK_BYTES;
	error = copy_part(orphan, 0, offsetof(struct shared, sites));
	error = error ? error : ring_check(orphan->copy, bytes);
	return error ? error : copy_sites(orphan);
}

/* Drains the copy as if the program had just died. Its pid and its ring file's name may be
 * another's by now, so /proc is not read and no name is removed. */
static int drain_copy(const struct orphan *orphan, const struct orphans_recoverer *recoverer)
{
	struct shared *copy = orphan->copy;
	_Atomic uint32_t gone = 1;
	bool records = copy->options.writer == SHARED_WRITER_RECORDER;

	copy->options = recoverer->options;
	if (records)
		copy->options.writer = SHARED_WRITER_RECORDER;
	else if (copy->options.writer == SHARED_WRITER_RECORDER)
		copy->options.writer = SHARED_WRITER_ROTATING;
	copy->options.drain = SHARED_DRAIN_PROCESS;
	copy->options.stall_ms =
	    0; /* nobody is there to be looked at, and there is one stall sampler in a process */
	snprintf(copy->self_path, sizeof(copy->self_path), "%s", records ? orphan->path : "");
	return drain_run(copy, &gone);
}

static int recover(struct orphan *orphan, const struct orphans_recoverer *recoverer)
{
	struct shared *copy = orphan->copy;
	int error;

	if (strcmp(copy->options.path, recoverer->options.path) != 0)
		return -EXDEV;
	if (!is_ours(orphan))
		return -EBUSY;
	/* Its counter is of another boot: left to the analyzer. */
	if (memcmp(copy->boot_id, recoverer->boot_id, sizeof(copy->boot_id)) != 0)
		return -ESTALE;
	error = copy_rings(orphan);
	return error ? error : drain_copy(orphan, recoverer);
}

static void remove_name(int dir, const char *name, const struct orphan *orphan)
{
	struct stat now;

	if (fstatat(dir, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	    now.st_dev == orphan->stat.st_dev && now.st_ino == orphan->stat.st_ino)
		unlinkat(dir, name, 0);
}

static void try_open(const struct search *search, int dir, const char *name, struct orphan *orphan)
{
	int error;

	if (!is_left_alone(orphan))
		return;
	error = copy_head(orphan);
	if (!error) {
		error = recover(orphan, search->recoverer);
		if (!error)
			remove_name(dir, name, orphan);
		if (search->visitor->visit && error != -EBUSY)
			search->visitor->visit(orphan->copy, error, search->visitor->arg);
	}
	if (orphan->copy != MAP_FAILED)
		munmap(orphan->copy, (size_t)orphan->stat.st_size);
}

static void try_name(int dir, const char *name, void *arg)
{
	const struct search *search = arg;
	char path[SHARED_PATH_BYTES];
	struct orphan orphan = {.copy = MAP_FAILED, .path = path};

	snprintf(path, sizeof(path), "%s/%s", search->path, name);
	if (strncmp(name, SHARED_PREFIX, strlen(SHARED_PREFIX)) != 0)
		return;
	orphan.fd = attach_open(dir, name, O_RDONLY, &orphan.stat);
	if (orphan.fd < 0)
		return;
	try_open(search, dir, name, &orphan);
	close(orphan.fd);
}

static void try_dir(const char *path, struct search *search)
{
	int dir = dir_open(path, false, NULL);

	search->path = path;

	if (dir < 0)
		return;
	dir_walk(dir, try_name, search);
	close(dir);
}

void orphans_recover(const struct orphans_recoverer *recoverer,
		     const struct orphans_visitor *visitor)
{
	struct search search = {NULL, recoverer, visitor};
	char dir[SHARED_PATH_BYTES];

	if (recoverer->options.writer == SHARED_WRITER_NULL)
		return;
	try_dir(SHARED_DIR, &search);
	dir_of(recoverer->options.path, dir, sizeof(dir));
	if (dir[0])
		try_dir(dir, &search);
}
