/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of one trace: FOLDER/NAME.PID.N.bin, with .open behind it while somebody writes it, .gz or
 * .zst where somebody packed it. What they are called, and a walk through those that are there.
 */
#ifndef TRACE_FILES_H
#define TRACE_FILES_H

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

/* Takes folder and name out of the path. 0 or -EINVAL: no path of files. */
int trace_files_split(struct writer *writer, const char *path);

/* The name of the writer's segment; `ending` is ".open" or "". */
void trace_files_name(const struct writer *writer, char name[TRACE_FILE_NAME_BYTES],
		      const char *ending);

/* The folder, made where `make` says so: its descriptor, -errno or -reason. */
int trace_files_open(struct writer *writer, bool make);

/* Visits every file of this path, whoever's. 0 or -errno. */
int trace_files_walk(struct writer *writer, int folder,
		     void (*visit)(struct writer *writer, int folder, struct trace_file *file,
				   void *arg),
		     void *arg);

#endif
