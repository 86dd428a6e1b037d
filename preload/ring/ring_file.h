/* SPDX-License-Identifier: Apache-2.0
 *
 * Which file the ring is. It is mapped, its descriptor given up, and its name may lie in another user's folder: so
 * whoever comes back by the name asks here whether what was opened is still that file.
 *
 * Rules: what is remembered lies in this process' own memory, never in what others can write to. Async-signal-safe.
 */
#ifndef RING_FILE_H
#define RING_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

/* Remembers the open file. 0, -errno, or -REASON_NOT_PRIVATE. */
int ring_file_remember(int fd);

/* Whether this open file is the one that was remembered last, and still private. */
bool ring_file_is(int fd);

#endif
