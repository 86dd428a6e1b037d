/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of code that a program made at run time, from the file that it wrote for profilers:
 * /tmp/perf-PID.map, a line each of "START SIZE NAME" in hexadecimal (node --perf-basic-prof, Java,
 * Python 3.12 and others write it). Such code comes and goes, and the file only grows: of those
 * that lie around an address the last is taken, as perf does.
 *
 * Rules: a file that is older than the trace is another process', and is not looked at; nor is one
 * whose owner is neither the traced program's user, root nor the reader, or one that everybody may
 * write. What is in it are names and nothing else, and lines that make no sense are passed over.
 */
#ifndef PERF_MAP_H
#define PERF_MAP_H

#include <stdint.h>

#define PERF_MAP_FOLDER "/tmp"

struct perf_map;

struct jit_name {
	const char *name; /* "LazyCompile:*renderPage /srv/app.js:12:20", until the map is freed */
	uint64_t offset;  /* of the address */
};

/* The map in `directory` of the process `pid` of that user, which began to record at that time
 * (since the epoch). NULL: there is none. */
struct perf_map *perf_map_open(const char *dir, uint32_t pid, uint32_t owner_uid,
			       uint64_t began_real_ns);
void perf_map_free(struct perf_map *map);

/* name is NULL where there is none. */
struct jit_name perf_map_find(const struct perf_map *map, uint64_t address);

/* Cuts a name of V8's into the function and its place: "renderPage", "/srv/app.js" and 12. Other
 * names stay whole: then *file is NULL. Both are the caller's to free; *function is NULL only when
 * memory is out. */
void jit_name_cut(const char *name, char **function, char **file, int *line);

#endif
