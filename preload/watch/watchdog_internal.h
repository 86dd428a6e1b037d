/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the watchdog. stall_sampler.c: the thread that looks at a stuck callback, since the
 * drain must not wait for a thread to stop. stall_entry.c: what the trace is told, an entry for
 * each look and one for the end. Nobody else includes this.
 */
#ifndef WATCHDOG_INTERNAL_H
#define WATCHDOG_INTERNAL_H

#include <stdatomic.h>

#include "observe/stall_probe.h"
#include "runtimes/runtimes.h"
#include "watchdog.h"

enum prober_state { LOOKER_IDLE, LOOKER_ASKED, LOOKER_DONE };

/* One for the process: it outlives the drain, whose end does not wait for a look. `look` and what
 * was asked belong to the stall sampler from ASKED to DONE, else to the drain. */
struct prober {
	_Atomic uint32_t state; /* futex */
	bool started;
	uint32_t ring;
	struct watchdog_poll poll; /* as it was when the look was asked for */
	bool is_loop;
	uint64_t counter; /* of the look */
	uint64_t head;	  /* of the ring when it was asked for */
	bool undisturbed; /* ... and when the look was over */
	struct shared *shared;
	union sampler_values cpu;
	bool has_cpu;
	struct look_at at;
	struct probe probe;
	bool has_runtime;	     /* a runtime that names can be had of */
	struct script_stack scripts; /* the script functions that the thread was in */
	/* A sample for the profile: */
	bool is_profile;
	bool saw;	  /* the thread was in a callback */
	uint64_t cost_ns; /* CPU time of the sample, or how long the thread was stopped */
};

extern struct prober prober;

/* Asks for a look at what the ring's thread is in. The stall sampler must be idle. */
void prober_ask(struct watchdog *watchdog, const struct watchdog_ring *ring,
		const struct watchdog_poll *poll);

/* Whether the ring's thread is in a callback, as it says itself. */
bool prober_in_callback(const struct shared *shared, uint32_t pid, uint32_t ring);

/* Asks for a sample of the innermost callback of the ring's thread. The stall sampler must be idle.
 */
void prober_ask_profile(struct shared *shared, uint32_t pid, uint32_t ring);

/* Writes a sample for the profile; `left_out`: samples that were due before it. */
void profile_write(struct segment *segment, uint32_t left_out, uint64_t now_ns);

/* Writes what the stall sampler saw. */
void stall_write_look(struct watchdog *watchdog);

/* After looks at it, the poll is over; `tid` ran it. */
void stall_write_end(struct watchdog *watchdog, const struct watchdog_poll *poll, uint32_t tid);

#endif
