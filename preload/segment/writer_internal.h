/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the writer. trace_files.c: what the files of a trace are called, and a walk through
 * them. eviction.c: the budget on disk (UVTRACE_TOTAL_SIZE); the writer that needs room removes the
 * oldest sealed files of its path, whichever process wrote them. Nobody else includes this.
 */
#ifndef WRITER_INTERNAL_H
#define WRITER_INTERNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "writer.h"

#define TRACE_FILE_NAME_BYTES (SHARED_PATH_BYTES + 64)

/* A file of this path, as its name tells. */
struct trace_file {
	uint32_t pid;
	uint64_t segment;
	bool open;
	uid_t uid;
	uint64_t bytes;
	struct timespec changed;
	char name[NAME_MAX + 1];
};

/* Takes directory and name out of the path. 0 or -EINVAL: no path of files. */
int trace_files_split(struct writer *writer, const char *path);

/* The name of the writer's segment; `ending` is ".open" or "". */
void trace_files_name(const struct writer *writer, char name[TRACE_FILE_NAME_BYTES],
		      const char *ending);

/* The directory, made where `make` says so: its descriptor, -errno or -reason. */
int trace_files_open(struct writer *writer, bool make);

/* Visits every file of this path, whoever's. 0 or -errno. */
int trace_files_walk(struct writer *writer, int dir,
		     void (*visit)(struct writer *writer, int dir, struct trace_file *file,
				   void *arg),
		     void *arg);

#define SEGMENT_BYTES_MIN 32768 /* what every segment repeats, and some events, must fit */

/* What one file may grow to: UVTRACE_FILE_SIZE, or the limit of the process (RLIMIT_FSIZE). */
uint64_t eviction_file_limit(const struct writer *writer);

/* Finds out how far the segment that has been made may grow. 0, -errno or -reason. */
int eviction_reserve(struct writer *writer, int dir);

/* Removes the oldest sealed file; false: there is none. */
bool eviction_take_oldest(struct writer *writer);

/* Makes room for so many more bytes in the open segment. 0, -errno or -reason: there is none. */
int eviction_make_room(struct writer *writer, uint64_t bytes);

#endif
