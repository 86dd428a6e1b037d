/* SPDX-License-Identifier: Apache-2.0
 *
 * The budget of a trace on disk (UVTRACE_TOTAL_SIZE), and who evicts old files: the writer that needs
 * room removes the oldest sealed files of this path, whichever process wrote them.
 */
#ifndef EVICTION_H
#define EVICTION_H

#include <stdint.h>

#include "writer.h"

#define SEGMENT_BYTES_MIN 32768 /* what every segment repeats, and some events, must fit */

/* What one file may grow to: UVTRACE_FILE_SIZE, or the limit of the process (RLIMIT_FSIZE). */
uint64_t eviction_file_limit(const struct writer *writer);

/* Finds out how far the segment that has been made may grow. 0, -errno or -reason. */
int eviction_reserve(struct writer *writer, int folder);

/* Makes room for so many more bytes in the open segment. 0, -errno or -reason: there is none. */
int eviction_make_room(struct writer *writer, uint64_t bytes);

#endif
