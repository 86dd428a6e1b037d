/* SPDX-License-Identifier: Apache-2.0
 *
 * In place of reader_inflate.c: what is compressed was inflated by the browser before it came here.
 */
#include "trace/reader_internal.h"

int reader_inflate(struct reader *reader, struct reader_file *file, int fd)
{
	(void)reader;
	(void)file;
	(void)fd;
	return 1;
}
