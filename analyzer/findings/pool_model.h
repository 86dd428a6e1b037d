/* SPDX-License-Identifier: Apache-2.0
 *
 * What a pool of another size would have done with the same requests: a simulation of libuv's pool.
 *
 * How: requests come when they came and are taken first come, first served, lookups by half of the
 * threads at most. Each needs some time of its own. Of that a part is computing, which only as many
 * can do at once as there are CPUs: where more would, all that run become slower in proportion.
 * Waking a thread takes time too: that is reckoned afterwards, since it matters only where nothing
 * waits for a thread. Those that find idle threads are woken one after another on each CPU. The
 * request that starts the pool waits until all of its threads have started.
 *
 * Rules: what it says holds only as far as it says the same of the pool that there was
 * (measures_pool.c compares).
 */
#ifndef POOL_MODEL_H
#define POOL_MODEL_H

#include "timeline/timeline.h"

#define POOL_MODEL_THREADS_MAX                                                                     \
	128 /* libuv 1.44 takes up to 1024; a pool that needs more than this has another problem   \
	     */

struct pool_model {
	const struct timeline_arrival *arrivals; /* by submission */
	const double *demands; /* by arrival: ticks that it needs of a thread, were there CPUs */
	size_t count;
	double computing;  /* part of that which computes; below 0: not known, taken as none */
	double cpus;	   /* 0: not known, taken as enough */
	bool no_lookups;   /* leave them out */
	double wake;	   /* ticks that it takes to wake a thread */
	double start;	   /* that the first request waited, which started the pool; 0: none did */
	uint32_t started;  /* threads that it started ... */
	double start_each; /* ticks from one to the next */
};

/* Ticks from submission. Of what was left out both are below 0. */
struct pool_outcome {
	double wait, done;
};

void pool_model_run(const struct pool_model *model, uint32_t threads,
		    struct pool_outcome *outcomes);
/* What requests that found an idle thread, by the model, did wait; returns how many. */
size_t pool_model_woken(const struct pool_model *model, const struct pool_outcome *outcomes,
			double *waits);
/* Adds what waking and starting threads takes. */
void pool_model_wake(const struct pool_model *model, uint32_t threads,
		     struct pool_outcome *outcomes);

#endif
