/* SPDX-License-Identifier: Apache-2.0
 *
 * What makes a file a ring file (shared.h). These rules are the same for everybody who reads
 * another process's ring: the helper, trace_ctl, the recovery after crashes, and the analyzer.
 *
 * Rules: pure functions, which open and change nothing. They cover the file's fixed layout only.
 * What changes while a program runs (heads, tails, states, names) is checked by its user.
 */
#ifndef RING_CHECK_H
#define RING_CHECK_H

#include <stdbool.h>
#include <sys/stat.h>

#include "shared.h"

#define RING_CHECK_RECORDS_MIN 4u
#define RING_CHECK_BYTES_MAX   (1u << 30) /* of one ring: what UVTRACE_RING_SIZE allows */
#define RING_CHECK_SHIFT_MAX   16u
#define RING_CHECK_TICK_MAX    (1ull << 62) /* sums of two cannot overflow */

/* 0 if this is the head of a ring file of `bytes` bytes, of this version, whose sizes fit; else
 * -EPROTO. Reads `shared` up to its member `rings`: so much must be there. */
int ring_check(const struct shared *shared, uint64_t bytes);

/* A regular file of one name that only its owner may open: as the program makes it. */
bool ring_check_is_private(const struct stat *stat);

#endif
