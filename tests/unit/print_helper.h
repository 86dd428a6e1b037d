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

#endif
