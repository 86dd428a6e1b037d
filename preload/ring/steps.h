/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of a ring. Its part of the file is sparse and gets memory in steps, one bit each in
 * ring->backed. The thread takes a step when it reaches it and the drain is behind. The drain gives
 * back what a quiet worker does not need. Each ring's first step is always available and stays. The
 * others come out of one budget for all rings.
 *
 * Rules: whoever takes or gives memory holds the ring's memory_lock. It is only ever tried: the
 * thread takes it on its slow path, the drain rarely. A step is unmarked before it is given back.
 * If a drain dies in between, some memory is unused, but no marked step lacks memory. Nothing here
 * prints.
 */
#ifndef STEPS_H
#define STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared.h"

#define STEPS_PAGE_BYTES 4096
#define STEPS_SITES	 512 /* that get their memory together */

enum steps_owner { STEPS_NOBODY, STEPS_THREAD, STEPS_DRAIN };

/* False: another has it. A caller may wait for the drain, never for a thread: that may be itself,
 * interrupted by a signal. */
bool steps_lock(struct shared_ring *ring, enum steps_owner owner);
void steps_unlock(struct shared_ring *ring);

/* Makes sure of the memory of these bytes: a store to a page that a full tmpfs cannot give would be
 * a SIGBUS. Kernels before 5.14 cannot do it, and a seccomp filter may forbid it; there a full
 * tmpfs is not survived. 0 or -errno. */
int steps_populate(void *memory, uint64_t bytes);

/* Makes sure of the memory of this site and all before it. Not out of the budget. 0 or -errno. */
int steps_back_site(struct shared *shared, uint32_t site);

/* Takes `bytes` of the budget. False: not enough is left. */
bool steps_reserve(struct shared *shared, uint64_t bytes);

/* The memory of one step of `step_bytes`; only the first comes free. 0, -ENOBUFS: the budget is
 * used up, or -errno of the kernel. */
int steps_take(struct shared *shared, struct shared_ring *ring, char *records, uint32_t step,
	       uint64_t step_bytes);

/* Gives back the memory of all steps but those in `kept`. 0 or -errno: the kernel keeps it. */
int steps_give(struct shared *shared, struct shared_ring *ring, char *records, uint64_t kept,
	       uint64_t step_bytes);

/* The bits of the steps that hold [from, to), of steps of `each`. */
static inline uint64_t steps_bits(uint64_t from, uint64_t to, uint64_t each)
{
	uint64_t first = from / each, last = to > from ? (to - 1) / each : first;

	if (to <= from || first >= SHARED_STEPS_MAX)
		return 0;
	last = last < SHARED_STEPS_MAX ? last : SHARED_STEPS_MAX - 1;
	return UINT64_MAX << first & UINT64_MAX >> (SHARED_STEPS_MAX - 1 - last);
}

#endif
