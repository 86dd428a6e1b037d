/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream for tests of what is printed: printing() begins it, what_was_printed() ends it.
 */
#ifndef PRINT_HELPER_H
#define PRINT_HELPER_H

#include <stdio.h>

static char *printed;
static size_t printed_bytes;
static FILE *out;

static inline void printing(void)
{
	out = open_memstream(&printed, &printed_bytes);
}

static inline const char *what_was_printed(void)
{
	fclose(out);
	return printed;
}

/* Of UTF-8. */
static inline size_t characters(const char *line, size_t bytes)
{
	size_t count = 0;

	for (size_t i = 0; i < bytes; i++)
		count += ((unsigned char)line[i] & 0xc0) != 0x80;
	return count;
}

#endif
