/* SPDX-License-Identifier: Apache-2.0
 *
 * The line of an instruction in a code object of CPython: its tables of lines, of which there have
 * been three sorts.
 */
#ifndef CPYTHON_LINES_H
#define CPYTHON_LINES_H

#include <stdint.h>

#include "remote_memory.h"

struct cpython_lines {
	uint16_t version;
	uint64_t address, bytes; /* of the table */
	uint32_t first_line;
	int64_t at; /* the instruction: from 3.11 on in units of two bytes, before in bytes; -1:
		     * before the first one */
};

/* From 1; 0: it has no line, or the table cannot be read. */
uint32_t cpython_line(struct remote_memory *memory, const struct cpython_lines *lines);

#endif
