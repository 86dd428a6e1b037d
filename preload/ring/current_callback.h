/* SPDX-License-Identifier: Apache-2.0
 *
 * The callback that a worker is running, found in its newest records. For the watchdog and for
 * trace_ctl status.
 */
#ifndef CURRENT_CALLBACK_H
#define CURRENT_CALLBACK_H

#include <stdint.h>

#include "laps.h"

/* The innermost callback that began and has not ended, else the newest park, unpark, turn, entry
 * into or exit from a loop. Reads the last `back` records below `head`, if they are there; the
 * worker may continue meanwhile. {0, 0}: they do not tell. *ended is then how many callbacks have
 * ended of those open before these records. */
struct record current_callback_find(const struct record *records, const struct laps *laps,
				    uint64_t head, uint64_t back, uint32_t *ended);

#endif
