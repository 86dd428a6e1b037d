/* SPDX-License-Identifier: Apache-2.0
 *
 * What a stream keeps of its loop while it reads: rows of ready descriptors, and timers.
 */
#ifndef TIMELINE_PARTS_H
#define TIMELINE_PARTS_H

#include <stdbool.h>

#include "timeline_rows.h"

/* A polled descriptor that is ready in one iteration after the other, until it is not. */
struct ready_row {
	struct timeline_always_ready facts;
	uint64_t from_tick;
	bool seen;    /* in the iteration that the loop is in ... */
	bool at_once; /* ... before which it did not wait */
};

#define TIMERS_KNOWN 256 /* slots for the last start of a timer, by its address; a power of two */

struct timer_start {
	uint64_t object, tick;
};

#define TIMER_SETS_KNOWN 64 /* the same for timers that were started by an old uv_now */

struct timer_set {
	uint64_t object, due_ms;
	uint64_t tick, stale_ticks, asked_ticks;
	uint32_t site; /* of the callback that started it */
};

#endif
