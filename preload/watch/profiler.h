/* SPDX-License-Identifier: Apache-2.0
 *
 * A profile of what runs in callbacks: UVTRACE_SAMPLE_HZ times a second one loop that is in a
 * callback is sampled (stall_probe.h), however short the callback is. The drain takes a step now
 * and then; the stall sampler's thread does the work.
 *
 * Rules: off unless asked for; then a loop that waits costs a read of 4 bytes and is not stopped.
 * At most PROFILER_COST_PART of the time goes into samples, of the helper's as well as of the
 * program's: one that took long is followed by a longer pause. It counts for how long the thread
 * was stopped, and that it waited for a CPU afterwards. What is left out is counted in the next
 * sample, so that a reader can weigh each.
 */
#ifndef PROFILER_H
#define PROFILER_H

#include <stdbool.h>
#include <stdint.h>

#include "ring/shared.h"
#include "segment/segment.h"

#define PROFILER_COST_PART 50 /* a fiftieth: 2 % of a core */

struct profiler {
	struct shared *shared;
	struct segment *segment;
	uint64_t period_ns; /* 0: off */
	uint64_t next_ns, asked_ns;
	uint64_t modules_ns; /* when what is mapped was last told */
	uint32_t ring;	     /* that was sampled last: */
	uint32_t tid;
	uint64_t cost_ns;  /* ... what that cost, as far as it is known */
	bool is_waiting;   /* ... its thread had no CPU again yet */
	uint32_t left_out; /* samples that were due since the last one that was taken */
};

void profiler_init(struct profiler *profiler, struct shared *shared, struct segment *segment);

static inline bool profiler_is_on(const struct profiler *profiler)
{
	return profiler->period_ns != 0;
}

/* Writes a sample that is there, asks for the next when it is due; returns when the next step is
 * wanted. A segment must be open. */
uint64_t profiler_step(struct profiler *profiler, uint64_t now_ns);

#endif
