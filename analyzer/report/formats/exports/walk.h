/* SPDX-License-Identifier: Apache-2.0
 *
 * Another reading of a process, for formats that tell each callback: callbacks and waits as they
 * begin and end, in the order of time over all workers, with the pool's work and what else a
 * timeline's watch tells.
 *
 * Rules: on a worker, begins and ends nest, whatever is missing: each begin has its end, but for
 * what is open where the trace ends.
 */
#ifndef WALK_H
#define WALK_H

#include "report/report.h"

/* Functions of NULL are not called. */
struct walk_listener {
	/* A callback (its word), or a wait (TRACE_PARK). */
	void (*begin)(void *arg, size_t worker, uint64_t tick, uint64_t word);
	/* `by`: the word that ended it; 0: its end was not recorded, and it was over by then. */
	void (*end)(void *arg, size_t worker, const struct trace_context *begun, uint64_t tick,
		    uint64_t by);
	/* As in struct timeline_watch. */
	void (*item)(void *arg, const struct timeline_span *span, uint64_t submit_tick);
	void (*level)(void *arg, uint64_t tick, uint64_t queued, uint64_t running);
	void (*mark)(void *arg, size_t worker, const struct mark *mark);
};

/* The range and worker are the report's. 0 or -ENOMEM. */
int walk_process(const struct report *report, const struct walk_listener *listener, void *arg);

#endif
