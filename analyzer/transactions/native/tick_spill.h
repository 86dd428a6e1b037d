/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of one size, put in any order and read back by time, however many there are: they are
 * sorted by the piece into a temporary file, and merged when they are read.
 *
 * Rules: a record begins with its tick (uint64_t). Memory is that of one piece and, for each
 * reader, 4 KiB for each piece on disk. The file is in TMPDIR, has no name, and goes with the
 * process. All that can fail returns -errno.
 */
#ifndef TICK_SPILL_H
#define TICK_SPILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tick_spill;

/* A piece has so many records. NULL: no memory. */
struct tick_spill *tick_spill_make(size_t record_bytes, size_t piece_records);
int tick_spill_put(struct tick_spill *spill, const void *record);
/* Once all are put, before the first reader. */
int tick_spill_finish(struct tick_spill *spill);
void tick_spill_free(struct tick_spill *spill);

struct tick_spill_reader;

/* NULL: no memory. */
struct tick_spill_reader *tick_spill_read(const struct tick_spill *spill);
/* The next one, the earliest first, until the next call; NULL: there is none, or it cannot be read,
 * which tick_spill_error() tells. */
const void *tick_spill_next(struct tick_spill_reader *reader);
int tick_spill_error(const struct tick_spill_reader *reader);
void tick_spill_close(struct tick_spill_reader *reader);

#endif
