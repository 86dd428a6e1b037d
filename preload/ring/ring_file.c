/* SPDX-License-Identifier: Apache-2.0
 *
 * See ring_file.h.
 */
#include "ring_file.h"

#include <errno.h>
#include <unistd.h>

#include "files/reason.h"

static dev_t device;
static ino_t inode; /* 0: none */

/* Whether nobody but this user can have made or changed the file: what a ring says is listened to
 * only then. */
static bool ring_file_is_private(const struct stat *stat)
{
	return S_ISREG(stat->st_mode) && stat->st_uid == geteuid() &&
	       (stat->st_mode & 07777) == 0600 && stat->st_nlink == 1;
}

int ring_file_remember(int fd)
{
	struct stat stat;

	if (fstat(fd, &stat) != 0)
		return -errno;
	device = stat.st_dev;
	inode = stat.st_ino;
	return ring_file_is_private(&stat) ? 0 : -REASON_NOT_PRIVATE;
}

bool ring_file_is(int fd)
{
	struct stat stat;

	return inode != 0 && fstat(fd, &stat) == 0 && ring_file_is_private(&stat) &&
	       stat.st_dev == device && stat.st_ino == inode;
}
