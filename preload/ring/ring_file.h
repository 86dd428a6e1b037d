/* SPDX-License-Identifier: Apache-2.0
 *
 * Which file the ring is. After mapping it the descriptor is closed, and its name may be in another
 * user's directory. Whoever opens the name again asks here whether it is still that file.
 *
 * Rules: the identity is kept in this process's own memory, never in what others can write to.
 * Async-signal-safe.
 */
#ifndef RING_FILE_H
#define RING_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

/* Whether nobody but this user can have made or changed the file: what a ring says is listened to
 * only then. */
bool ring_file_is_ours(const struct stat *stat);

/* Remembers the open file. 0, -errno, or -REASON_NOT_PRIVATE. */
int ring_file_remember(int fd, struct stat *stat);

/* Whether this open file is the one that was remembered last, and still ours. */
bool ring_file_is(int fd);

#endif
