/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the watchdog. stall_sampler.c: the thread that looks at a stuck callback
 * (stall_look.h), since the drain must not wait for a thread to stop. stall_entry.c: what the trace
 * is told, an entry for each look and one for the end. Nobody else includes this.
 */
#ifndef WATCHDOG_INTERNAL_H
#define WATCHDOG_INTERNAL_H

#include <stdatomic.h>

#include "stall_look.h"
#include "watchdog.h"

enum prober_state { LOOKER_IDLE, LOOKER_ASKED, LOOKER_DONE };

/* One for the process: it outlives the drain, whose end does not wait for a look. `look` and what
 * was asked belong to the stall sampler from ASKED to DONE, else to the drain. */
struct prober {
	_Atomic uint32_t state; /* futex */
	bool started;
	uint32_t ring;
	bool is_loop;
	bool undisturbed; /* nothing was recorded until the look was over */
	struct stall_look look;
	/* A sample for the profile: */
	bool is_profile;
	uint64_t cost_ns; /* CPU time of the sample, or how long the thread was stopped */
};

extern struct prober prober;

/* Asks for a look at what the ring's thread is in. The stall sampler must be idle. */
void prober_ask(struct watchdog *watchdog, const struct watchdog_ring *ring,
		const struct stall_poll *poll);

/* Whether the ring's thread is in a callback, as it says itself. */
bool prober_in_callback(const struct shared *shared, uint32_t pid, uint32_t ring);

/* Asks for a sample of the innermost callback of the ring's thread. The stall sampler must be idle.
 */
void prober_ask_profile(struct shared *shared, uint32_t pid, uint32_t ring);

/* After looks at it, the poll is over; `tid` ran it. */
void stall_write_end(struct watchdog *watchdog, const struct stall_poll *poll, uint32_t tid);

#endif
