/* SPDX-License-Identifier: Apache-2.0
 *
 * Figures that are reckoned from a finished timeline, for findings and reports: what a worker did
 * during a stretch of time, what another number of pool threads would have done, what tracing
 * itself cost.
 *
 * Rules: what the trace does not say is not guessed; where only bounds are known, both are given.
 */
#ifndef MEASURES_H
#define MEASURES_H

#include "timeline/timeline.h"

/* The price of one recorded event where the trace does not say it: docs/findings.md says where it
 * was measured. */
#define MEASURES_EVENT_NS 9.0

/* So many ns at least, and about so many: the share that the span had of all that the worker did
 * meanwhile. */
struct measures_bounds {
	double least, about;
};

/* What a worker did during a span in which it was not parked. */
struct measures_time {
	bool known; /* samples cover the span */
	double span_ns;
	struct measures_bounds cpu;  /* on the CPU */
	struct measures_bounds wait; /* ready to run, the kernel ran somebody else */
	double wait_most; /* all that the windows have of it, if it was all in the span */
	struct measures_bounds
	    asleep; /* waiting inside the callback: a system call, a lock, a page */
};

struct measures_time measures_span(const struct timeline *timeline,
				   const struct timeline_span *span);

#define MEASURES_SIZES 24

/* The pool as it was, and as it would have been with other numbers of threads (pool_model.h). */
struct measures_pool {
	uint64_t items;	       /* that the what-if rests on */
	uint64_t threads;      /* seen at once */
	uint64_t lookups;      /* of the items */
	double lookup_run;     /* their share of the time that the pool worked */
	uint64_t lookups_most; /* that ran at once */
	bool cap_reached;      /* as many as libuv lets run at once: (threads + 1) / 2 */
	double computing; /* part of its threads' busy time on a CPU or ready to run, by samples;
			     -1: not known */
	double on_cpu;	  /* part of it on a CPU; -1: not known */
	double cpus;	  /* that the process may use, by affinity and quota; 0: not known */
	double cpus_had;  /* of these, as others left it; 0: not known */
	uint64_t wait_p99_ns;	 /* observed */
	uint64_t settled_p99_ns; /* ... without what requests waited for the threads to start */
	uint64_t wait_total_ns;
	/* What the model says of the threads that there were, and how far that is from what was
	 * observed of the same requests: as a share, of p99 or of the mean, whichever is more. */
	uint64_t model_p99_ns;
	double model_error;
	uint64_t wake_ns; /* that waking a thread took, as requests show that found an idle one */
	uint64_t calm_p99_ns; /* the same, had others left it all CPUs */
	/* Requests that are no lookups: observed; by the model; by the model, without lookups. */
	uint64_t others_p99_ns, others_model_ns, others_alone_ns;
	struct {
		uint32_t threads;
		uint64_t p50_ns, p99_ns, max_ns; /* for want of a thread */
		uint64_t about_p99_ns;		 /* and until threads are woken or started */
		uint64_t worst_p99_ns; /* of lookups or of the others, whichever waited longer */
		uint64_t done_mean_ns; /* from submission to the end of the work */
	} sizes[MEASURES_SIZES];
	size_t size_count;
	uint32_t enough; /* the smallest of these that keeps both p99 below `limit_ns`, and by which
			    requests take no longer until they have ended; 0: none is */
};

/* Ticks that the first request waited, if it came before all threads of the pool and started them;
 * 0: it did not. */
uint64_t measures_pool_start(const struct timeline *timeline);
/* The median of the ticks from the start of one thread of the pool to that of the next; 0: there is
 * one. */
double measures_pool_start_each(const struct timeline *timeline);
/* p99 of the waits in ticks, each from when the pool's threads had started. */
uint64_t measures_pool_settled(const struct timeline *timeline);
/* 0 or -ENOMEM. */
int measures_pool(const struct timeline *timeline, uint64_t limit_ns, struct measures_pool *pool);

/* All of a program's busy time, and what recording its events took of that. */
struct measures_overhead {
	uint64_t events;
	double event_ns, cost_ns, busy_ns;
	bool measured; /* event_ns: where it was recorded */
};

struct measures_overhead measures_overhead(const struct timeline *timeline);

#endif
