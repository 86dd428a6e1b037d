/* SPDX-License-Identifier: Apache-2.0
 *
 * Iterations of loops, rows of them that do nothing, and what makes a loop go through these.
 */
#ifndef TIMELINE_ROWS_H
#define TIMELINE_ROWS_H

#include <stdint.h>

/* The site that most of a set of runs are of, if one has more than half of them. */
struct timeline_majority {
	uint32_t site;
	uint64_t votes;
};

/* Boyer-Moore: finds it in one pass. One without votes is as good as any: so parts are joined in
 * which two were even. */
static inline void majority_add(struct timeline_majority *majority, uint32_t site, uint64_t votes)
{
	if (majority->site == site) {
		majority->votes += votes;
	} else if (majority->votes > 0 && majority->votes >= votes) {
		majority->votes -= votes;
	} else {
		majority->site = site;
		majority->votes = votes - majority->votes;
	}
}

/* accept() without a free descriptor. */
struct timeline_accept_failures {
	uint64_t count, in_callbacks;	/* in_callbacks: accept() was called by a callback */
	uint64_t first_tick, last_tick; /* where count > 0 */
	uint64_t limit;			/* that was reached; 0: the system's */
	struct timeline_majority site;	/* whose callbacks */
};

/* A descriptor that was ready in loop iteration after loop iteration: in rows of many, of the
 * handle that had most. It is one of a uv_poll_t, or of a handle that reads and was told of an
 * error each time. */
struct timeline_always_ready {
	uint64_t object;
	uint32_t site;
	uint64_t iterations, at_once; /* at_once: the wait before it took no time */
	uint64_t ticks, callbacks, callback_ticks;
	uint64_t failures; /* callbacks with an error; 0 of a uv_poll_t */
};

/* An iteration of a loop, from the end of a wait to the begin of the next. */
struct timeline_iteration {
	uint64_t tick, ticks; /* ticks: in callbacks */
	uint64_t polls, longest_ticks;
	uint64_t timers, timer_ticks;
	uint32_t site;	     /* the one that most of it was spent in, if any was that */
	uint32_t timer_site; /* the same among its timers */
	uint32_t worker;     /* position */
};

#endif
