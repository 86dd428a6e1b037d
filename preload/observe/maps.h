/* SPDX-License-Identifier: Apache-2.0
 *
 * The mappings of the traced program, as /proc/PID/maps lists them.
 */
#ifndef MAPS_H
#define MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapping {
	uint64_t start, end, offset;
	bool executable;
	const char *path; /* "" where it has none */
};

/* Returns false to stop. */
typedef bool (*mapping_visit)(const struct mapping *mapping, void *arg);

/* Visits the mappings by address. 0 or -errno; pid 0: a process that is gone. */
int maps_walk(uint32_t pid, mapping_visit visit, void *arg);

/* From now on this open /proc/self/maps of the program serves in place of /proc/PID/maps. It can be
 * read where the latter is forbidden, and is empty once the program's memory is gone, by its end or
 * by exec. */
void maps_use(int fd);

/* 1: a file of this path is mapped in the process, 0: it is not, -errno: cannot be told. */
int maps_has_path(uint32_t pid, const char *path);

/* The same for a file whose name begins with `name`; then its path, as /proc/PID/maps has it, is in
 * `path`. */
int maps_find_name(uint32_t pid, const char *name, char *path, size_t bytes);

#endif
