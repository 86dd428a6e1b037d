/* SPDX-License-Identifier: Apache-2.0
 *
 * A sample of one thread: what it is in, as the stall sampler, the profiler and `trace_ctl PID
 * stack` want to know it. thread_sample.c takes it, stall_entry.c writes it into a trace.
 *
 * Rules: as in observe/stall_probe.h and runtimes/runtimes.h. One sample at a time in a process.
 */
#ifndef THREAD_SAMPLE_H
#define THREAD_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "observe/stall_probe.h"
#include "ring/shared.h"
#include "runtimes/runtimes.h"
#include "sampler.h"
#include "segment/segment.h"

/* The poll that a worker was last seen in. */
struct stall_poll {
	uint32_t worker;	/* 0: none */
	uint64_t counter;	/* when it began; 0: no poll is open */
	bool waits;		/* its thread was last seen waiting, in a loop that the poll runs */
	uint64_t waits_sampled; /* the counter of the last poll that was sampled so */
	uint64_t word;
	uint64_t start_ns;
	uint64_t due_ns;	   /* of the next sample */
	uint64_t base_counter;	   /* 0: not read yet */
	union sampler_values base; /* its thread's CPU time then */
	uint64_t head;		   /* of the ring in the last round */
	uint32_t probes, suppressed;
};

struct thread_sample {
	/* What is asked for. */
	struct stall_poll poll; /* as it was then */
	const struct shared_ring *ring;
	uint64_t head;	  /* of the ring then */
	uint32_t clock;	  /* enum trace_clock */
	uint32_t own_tid; /* what the thread calls itself: not at.tid where it is in another pid
			   * namespace */
	struct probe_target at; /* without `visit` */

	/* What was seen. */
	bool saw;	    /* the thread held still in what was asked for: */
	uint64_t counter;   /* ... when that was */
	uint64_t held_head; /* ... and the ring's head then */
	bool has_runtime;   /* one that names can be had of */
	struct probe probe;
	struct script_stack scripts; /* the script functions that the thread was in */
	bool has_cpu;
	union sampler_values cpu;
};

/* Everything but the CPU time. A thread that another helper of ours has stopped is waited for. */
void thread_sample_take(struct thread_sample *sample);

/* The CPU time, and when that was for a sample that saw nothing. */
void thread_sample_finish(struct thread_sample *sample);

/* Writes it as a stall sample, or as one for the profile (`left_out`: samples that were due before
 * it). */
void thread_sample_write(struct segment *segment, const struct thread_sample *sample,
			 uint64_t now_ns);
void thread_sample_write_profile(struct segment *segment, const struct thread_sample *sample,
				 uint32_t left_out, uint64_t now_ns);

#endif
