/* SPDX-License-Identifier: Apache-2.0
 *
 * A trace of 20 million events for a benchmark that is given none: generate_trace, which lies
 * beside the benchmark, makes it in a directory of its own.
 */
#ifndef GENERATED_TRACE_H
#define GENERATED_TRACE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `dir` as mkdtemp() takes it; `program` is argv[0]. 0, or not. */
static inline int generated_trace_make(char *dir, const char *program)
{
	char command[8192];
	const char *slash = strrchr(program, '/');

	if (!mkdtemp(dir))
		return -1;
	snprintf(command, sizeof(command), "'%.*sgenerate_trace' --events=20000000 %s >/dev/null",
		 slash ? (int)(slash + 1 - program) : 0, program, dir);
	return system(command);
}

static inline void generated_trace_remove(const char *dir)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		fprintf(stderr, "%s stays behind\n", dir);
}

#endif
