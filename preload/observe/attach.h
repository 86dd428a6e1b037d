/* SPDX-License-Identifier: Apache-2.0
 *
 * From a process to its ring file (shared.h), for everybody except the traced program: finds it,
 * opens it, maps it.
 *
 * Rules: only regular files of our own user, private and with one name, never through a link.
 * Nothing is written to a file that fails one of the checks (ring_check.h). Allocates nothing and
 * prints nothing.
 */
#ifndef ATTACH_H
#define ATTACH_H

#include <sys/stat.h>

#include "ring/shared.h"

/* Opens the file of that name in `directory` (a descriptor, or AT_FDCWD) for O_RDONLY or O_RDWR.
 * Returns the descriptor, or -errno: -EPERM it is not ours, or not private. Never waits for what is
 * behind the name. */
int attach_open(int dir, const char *name, int access, struct stat *stat);

/* 0 if what is open there is ours and private, -EPERM or another -errno if not. */
int attach_check(int fd, struct stat *stat);

/* Maps the ring file that is open for O_RDWR and was found to be ours, with what it was found by.
 * The descriptor stays the caller's. Returns 0 or -errno: -EPROTO it is no ring file of this
 * version. */
int attach_map(int fd, const struct stat *stat, struct shared **shared);

/* What a thread of a process (both as we number them) is called in its own pid namespace. Where
 * that cannot be read: the same. */
uint32_t attach_own_tid(uint32_t pid, uint32_t tid);

/* The other way round, among the threads of the process; 0: there is none. */
uint32_t attach_find_tid(uint32_t pid, uint32_t own_tid);

struct attach_search {
	struct shared *shared; /* mapped; NULL: there is none that we may use */
	uint32_t
	    pid;   /* the process in its own pid namespace, as its files have it in their names */
	int error; /* -errno of one that is there: -EPERM not ours, -EPROTO another version, -ENOENT
		    * its name is gone; 0: there is none */
	int maps_error; /* -errno: it could not be seen what the process has mapped; 0: it could */
};

/* The ring that the process `pid` (as we number it) has mapped. Where its /proc/PID/maps cannot be
 * read: one of its name in /dev/shm or in `directory` (of a trace; NULL: none), as we see them and
 * as the process does. */
struct attach_search attach_find(uint32_t pid, const char *directory);

#endif
