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

/* The pool as it was, and as it would have been with other numbers of threads. */
struct measures_pool {
	uint64_t items;	       /* that the what-if rests on */
	uint64_t threads;      /* seen at once */
	uint64_t lookups;      /* of the items */
	double lookup_run;     /* their share of the time that the pool worked */
	uint64_t lookups_most; /* that ran at once */
	bool cap_reached;      /* as many as libuv lets run at once: (threads + 1) / 2 */
	double computing; /* part of its threads' busy time on a CPU or ready to run, by samples;
			     -1: not known */
	double cpus;	  /* that the process may use, by affinity and quota; 0: not known */
	uint64_t wait_p99_ns; /* observed */
	uint64_t wait_total_ns;
	struct {
		uint32_t threads;
		uint64_t p50_ns, p99_ns, max_ns;
	} sizes[MEASURES_SIZES];
	size_t size_count;
	uint32_t enough; /* the smallest of these whose p99 stays below `limit_ns`; 0: none does */
};

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
