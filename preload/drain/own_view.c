/* SPDX-License-Identifier: Apache-2.0
 *
 * See own_view.h.
 */
#include "own_view.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ring/ring_file.h"

/* In a thread of the program: root and directory of our own, so that a chroot leaves us where the
 * files are; descriptors of our own, so that the program can neither see, close nor reuse them:
 * before the first one is opened. What it had open is closed in our copy of the table. False: the
 * descriptors are the program's. */
bool own_view_take(const struct shared *shared)
{
	if (shared->options.drain != SHARED_DRAIN_THREAD)
		return shared->options.drain != SHARED_DRAIN_EXIT;
	if (unshare(CLONE_FS) == 0 && chdir("/") != 0)
		errno = 0; /* every path is absolute anyway */
	return syscall(SYS_close_range, 0, ~0u, CLOSE_RANGE_UNSHARE) == 0;
}

/* Removes the ring file: only if it is the one that is mapped here. */
void own_view_unlink(const char *ring_path)
{
	int fd = open(ring_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	if (ring_file_is(fd))
		unlink(ring_path);
	close(fd);
}
