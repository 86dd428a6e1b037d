/* SPDX-License-Identifier: Apache-2.0
 *
 * See ring_file.h.
 */
#include "ring_file.h"

#include <errno.h>
#include <unistd.h>

#include "files/reason.h"
#include "ring_check.h"

static dev_t device;
static ino_t inode; /* 0: none */

bool ring_file_is_ours(const struct stat *stat)
{
	return ring_check_is_private(stat) && stat->st_uid == geteuid();
}

int ring_file_remember(int fd, struct stat *stat)
{
	if (fstat(fd, stat) != 0)
		return -errno;
	device = stat->st_dev;
	inode = stat->st_ino;
	return ring_file_is_ours(stat) ? 0 : -REASON_NOT_PRIVATE;
}

bool ring_file_is(int fd)
{
	struct stat stat;

	return inode != 0 && fstat(fd, &stat) == 0 && ring_file_is_ours(&stat) &&
	       stat.st_dev == device && stat.st_ino == inode;
}
