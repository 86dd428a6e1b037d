/* SPDX-License-Identifier: Apache-2.0
 *
 * The flight recorder's memory (UVTRACE_WRITER=recorder) and what is made of it. Its segments are
 * ordinary ones, in a directory beside the ring file: /dev/shm/uvtrace-rec.PID.RANDOM, which the
 * writer keeps within UVTRACE_RECORDER_SIZE. They outlive the helper, and the program. A dump
 * copies those of a stretch of time to DIRECTORY/NAME.PID.K.dump beside the trace's path, each with
 * a block that says why; the directory gets its name when it is complete.
 *
 * Rules: directories are reached as files/dir.h reaches them; nothing is overwritten; what is there
 * is removed only if it has the name and the owner of ours. No allocation. What is to be copied is
 * held by hard links, so that it may be evicted meanwhile: it costs twice the memory at most.
 */
#ifndef RECORDER_H
#define RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring/shared.h"

/* The directory that goes with a ring file. 0 or -EINVAL: the ring file has no name of ours. */
int recorder_dir(const char *ring_path, char *dir, size_t bytes);

/* Removes it with all that is in it. */
void recorder_remove(const char *ring_path);

struct recorder_dump {
	char from[SHARED_PATH_BYTES];	    /* the recorder's directory */
	char trace_path[SHARED_PATH_BYTES]; /* where the dump goes */
	uint32_t pid;
	uint32_t dumps_max;
	uint32_t number;	/* of the dump; filled in when it is written */
	struct trace_dump dump; /* covered_from_ns is filled in when segments are held */
	char reason[TRACE_DUMP_REASON_BYTES];
	uint64_t bytes; /* written */
};

/* Holds the sealed segments that have something of the time from requested_from_ns on. 0 or -errno:
 * -ENODATA there are none. */
int recorder_hold(struct recorder_dump *dump);

/* Writes those, then lets go of them, also after an error. Of all dumps of this trace the oldest
 * are removed where there are more than dumps_max. 0, -errno or -reason. */
int recorder_write(struct recorder_dump *dump);

/* Lets go of what a drain that was killed held. */
void recorder_let_go(const char *from);

#endif
