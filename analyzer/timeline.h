/* SPDX-License-Identifier: Apache-2.0
 *
 * From items to facts: who was busy and who waited, how long each callback took, how deep the pool's queue was and
 * who slept while it was not empty. One pass, in constant memory.
 *
 * Words: a *poll* is one run of a callback, or of a request's work on the pool ("item"). A loop worker is *inside*
 * while in uv_run, a pool worker while it lives. It is *parked* while it waits and *busy* while inside and not
 * parked. Polls inside other polls count as polls of their own and once in the worker's busy time.
 *
 * Rules: intervals are cut to the range asked for, and what the trace knows nothing of (switched off, missing) is
 * in no total. A poll belongs to the range when it overlaps it, and then with its whole duration. Times in facts are
 * in ticks unless they are called _ns; timeline_ns() converts. Where each figure comes from stands beside it.
 */
#ifndef TIMELINE_H
#define TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"
#include "reader.h"

struct timeline_options {
	uint64_t long_poll_ns; /* polls this long are listed */
	uint64_t idle_ns;      /* so are pool workers that slept this long over a queue that was not empty */
	uint64_t from_ns;      /* range, after the process' start */
	uint64_t to_ns;	       /* UINT64_MAX: to the end */
	uint32_t worker;       /* 0: all; otherwise polls and totals of this one only */
	uint32_t top;	       /* how many of each list are kept */
};

#define TIMELINE_OPTIONS_DEFAULT                                                                                       \
	{                                                                                                              \
		.long_poll_ns = 1000000, .idle_ns = 1000000, .from_ns = 0, .to_ns = UINT64_MAX, .worker = 0, .top = 10 \
	}

/* A stretch of one worker's time. */
struct timeline_span {
	uint64_t tick, duration; /* ticks */
	size_t worker;		 /* position in process->workers */
	uint32_t site;		 /* site_count: unknown; not used by idle periods */
	bool in_pool;		 /* the request's work on the pool, not its callback */
	bool nested;		 /* inside another poll */
	uint64_t object;
	uint64_t depth; /* idle periods: the deepest queue of that stretch */
};

/* The longest spans, longest first once the timeline is finished. */
struct timeline_top {
	struct timeline_span *spans;
	size_t count, max;
	uint64_t seen;	/* spans long enough to be listed */
	uint64_t ticks; /* their total */
};

struct timeline_worker {
	struct histogram polls;	      /* every poll and item */
	struct timeline_span slowest; /* the longest of them; duration 0 where there is none */
	uint64_t callback_ticks;      /* in outermost polls and items */
	uint64_t nested;	      /* polls inside other polls */
	uint64_t unwound;	      /* polls left by an exception, longjmp or the thread's end */
	uint64_t unended;	      /* polls whose end was not recorded */
	uint64_t items;		      /* requests worked on (pool workers) */
	uint64_t parks;
	uint64_t parked_ticks, inside_ticks;
	struct histogram ready; /* ready fds of each wait (loop workers) */
	/* From samples: between the last one before the range and the last one inside. */
	bool sampled;
	uint64_t cpu_ns, sched_wait_ns, sampled_ns;
};

struct timeline_site {
	struct histogram callback; /* runs of the callback */
	struct histogram pool;	   /* the request's work on the pool, where that is not a callback itself */
};

/* A quantity over time or over samples. */
struct timeline_level {
	uint64_t max;
	double mean;
	uint64_t count; /* changes or samples that it rests on */
};

/* What the pool sees as it goes, for callers that draw it. */
struct timeline_watch {
	/* A worker ended a request's work; submit_tick 0: unknown. span->in_pool: the work was no callback. */
	void (*item)(void *arg, const struct timeline_span *span, uint64_t submit_tick);
	void (*level)(void *arg, uint64_t tick, uint64_t queued, uint64_t running);
	void *arg;
};

struct timeline {
	const struct trace_process *process;
	const struct timeline_watch *watch; /* NULL, or set before the first item is fed */
	struct timeline_options options;
	uint64_t from_tick, to_tick, end_tick; /* the range; end: the last tick of the trace within it */
	uint64_t range_ticks;		       /* its length without what was switched off */
	uint64_t off_ticks;		       /* switched off within it */

	struct timeline_worker *workers; /* as process->workers */
	struct timeline_site *sites;	 /* as process->sites, and one more for unknown ones */
	struct timeline_top long_polls;
	struct timeline_top idle;
	struct timeline_top open; /* polls that still ran where the trace ends; duration: until then */

	struct timeline_level pool_queued, pool_running;       /* from events, weighted by time */
	struct histogram pool_wait;			       /* from submission to the start of the work */
	struct timeline_level ready_fds;		       /* from events, a wait */
	struct timeline_level active_requests, active_handles; /* from samples, a loop */
	uint64_t samples;
	uint64_t untraced_callbacks, untraced_threads, untraced_events; /* from samples: the newest totals */
	bool pool_uncertain; /* events were lost or missing: queue figures begin anew there */
	char **problems;     /* found while decoding; one line each */
	size_t problem_count;

	struct timeline_private *private;
};

/* Reads one process of a trace. `progress` may be NULL; it is told events. NULL only when memory is out. */
struct timeline *timeline_read(struct trace *trace, size_t process, const struct timeline_options *options,
			       trace_progress progress, void *arg);
void timeline_free(struct timeline *timeline);

/* The parts of timeline_read(), for callers that have items of their own: make one, feed each worker's items in
 * stream order, end each worker, finish. After feeding, timeline_settle() says that no item fed later will be older
 * than `tick`; queues are computed up to there. Errors: -ENOMEM. `context` is the reader's, NULL without one. */
struct timeline *timeline_make(const struct trace_process *process, const struct timeline_options *options);
int timeline_feed(struct timeline *timeline, size_t worker, const struct trace_item *items, size_t count,
		  const struct trace_context *context, size_t context_count, bool after_gap);
int timeline_end_worker(struct timeline *timeline, size_t worker);
int timeline_settle(struct timeline *timeline, uint64_t tick);
int timeline_finish(struct timeline *timeline);

/* Nanoseconds in a tick. */
double timeline_unit_ns(const struct timeline *timeline);
/* A total of ticks in nanoseconds; exact to the clock's drift. */
uint64_t timeline_ns(const struct timeline *timeline, uint64_t ticks);
/* A span's start, after the process' start, and its duration, exactly. */
int64_t timeline_offset_ns(const struct timeline *timeline, uint64_t tick);
uint64_t timeline_span_ns(const struct timeline *timeline, const struct timeline_span *span);

uint64_t timeline_busy_ticks(const struct timeline_worker *worker);

#endif
