/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the watchdog. stall_sampler.c: the thread that samples a stuck callback
 * (thread_sample.h), since the drain must not wait for a thread to stop. stall_entry.c: what the
 * trace is told, an entry for each sample and one for the end. profiler.c shares the
 * sampler. Nobody else includes this.
 */
#ifndef WATCHDOG_INTERNAL_H
#define WATCHDOG_INTERNAL_H

#include <stdatomic.h>

#include "thread_sample.h"
#include "watchdog.h"

enum stall_sampler_state { STALL_SAMPLER_IDLE, STALL_SAMPLER_ASKED, STALL_SAMPLER_DONE };

/* One for the process: it outlives the drain, whose end does not wait for a sample. `sample` and
 * what was asked belong to the stall sampler from ASKED to DONE, else to the drain. */
struct stall_sampler {
	_Atomic uint32_t state; /* futex */
	bool started;
	uint32_t ring;
	bool is_loop;
	bool undisturbed; /* nothing was recorded until the sample was taken */
	struct thread_sample sample;
	/* A sample for the profile: */
	bool is_profile;
	uint64_t cost_ns; /* CPU time of the sample, or how long the thread did not run */
	bool is_waiting;  /* the thread was stopped, and had no CPU again yet */
	union sampler_values before; /* ... what it had waited before */
};

extern struct stall_sampler stall_sampler;

/* Asks for a sample of what the ring's thread is in. The stall sampler must be idle. */
void stall_sampler_ask(struct watchdog *watchdog, const struct watchdog_ring *ring,
		       const struct stall_poll *poll);

/* Whether the ring's thread is in a callback, as it says itself. */
bool stall_sampler_in_callback(const struct shared *shared, uint32_t pid, uint32_t ring);

/* Asks for a sample of the innermost callback of the ring's thread. The stall sampler must be idle.
 */
void stall_sampler_ask_profile(struct shared *shared, uint32_t pid, uint32_t ring);

/* How long a thread that was stopped waited for a CPU since: it has lost its core, so of all waits
 * since one is ours. False: it still waits. */
bool stall_sampler_wait(uint32_t pid, uint32_t tid, uint64_t *wait_ns);

/* After samples of it, the poll is over; `tid` ran it. */
void stall_write_end(struct watchdog *watchdog, const struct stall_poll *poll, uint32_t tid);

#endif
