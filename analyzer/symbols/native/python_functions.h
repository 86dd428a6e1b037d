/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of C functions that Python code can call, and of those by which its garbage collector looks
 * through objects, out of the tables that CPython and its modules have of them: Debian's python3
 * and most modules have no other names of these. As Python has them: "time.sleep",
 * "re.Pattern.match"; "tp_traverse dict" is the collector's way through a dict.
 *
 * Rules: the file is that which ran (symbols_internal.h); nothing in it is believed: a table counts
 * only if each word of it is what it must be.
 */
#ifndef PYTHON_FUNCTIONS_H
#define PYTHON_FUNCTIONS_H

#include <elfutils/libdwfl.h>
#include <stddef.h>
#include <stdint.h>

struct python_function {
	uint64_t start; /* in the file's own addresses */
	char *name;
};

struct python_functions {
	size_t count;
	struct python_function *list; /* by start, each once */
};

/* None where the file is not CPython nor a module for it. */
void python_functions_read(struct python_functions *functions, Elf *elf);

/* NULL: it begins none. */
const char *python_functions_find(const struct python_functions *functions, uint64_t start);

void python_functions_free(struct python_functions *functions);

#endif
