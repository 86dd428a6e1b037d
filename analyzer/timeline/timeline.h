/* SPDX-License-Identifier: Apache-2.0
 *
 * From items to facts: who was busy and who waited, how long each callback took, how deep the
 * pool's queue was and who slept while it was not empty. One pass, in constant memory.
 *
 * Words: a *poll* is one run of a callback, or of a request's work on the pool ("item"). A loop
 * worker is *inside* while in uv_run, a pool worker while it lives. It is *parked* while it waits
 * and *busy* while inside and not parked. Polls inside other polls count as polls of their own and
 * once in the worker's busy time.
 *
 * Rules: intervals are cut to the range asked for, and what the trace knows nothing of (switched
 * off, missing) is in no total. A poll belongs to the range when it overlaps it, and then with its
 * whole duration. Times in facts are in ticks unless they are called _ns; timeline_ns() converts.
 * Where each figure comes from stands beside it.
 */
#ifndef TIMELINE_H
#define TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "timeline_rows.h"
#include "timeline_watcher.h"
#include "trace/marks.h"
#include "trace/reader.h"

struct timeline_options {
	uint64_t long_poll_ns; /* polls this long are listed */
	uint64_t
	    idle_ns; /* so are pool workers that slept this long over a queue that was not empty */
	uint64_t from_ns;     /* range, after the process' start */
	uint64_t to_ns;	      /* UINT64_MAX: to the end */
	uint32_t worker;      /* 0: all; otherwise polls and totals of this one only */
	uint32_t top;	      /* how many of each list are kept */
	uint64_t blocking_ns; /* polls of loops this long are kept as holds, and what waited behind
				 them is added up */
	uint64_t pending_ns; /* requests on their way for longer are listed; 0: as the trace says */
	uint64_t sleep_ns;   /* sleeps of pool workers over requests that any of them may take are
				added up from there on */
	uint64_t stuck_ns;   /* so long no pool worker ended an item while requests waited: kept */
	const struct timeline_watch *watch; /* NULL: nobody */
};

#define TIMELINE_OPTIONS_DEFAULT                                                                   \
	{                                                                                          \
		.long_poll_ns = 1000000, .idle_ns = 1000000, .from_ns = 0, .to_ns = UINT64_MAX,    \
		.worker = 0, .top = 10, .blocking_ns = 5000000, .pending_ns = 0,                   \
		.sleep_ns = 5000000, .stuck_ns = 2000000000                                        \
	}

/* A stretch of one worker's time. */
struct timeline_span {
	uint64_t tick, duration; /* ticks */
	size_t worker;		 /* position in process->workers */
	uint32_t site;		 /* site_count: unknown; not used by idle periods */
	bool in_pool;		 /* the request's work on the pool, not its callback */
	bool nested;		 /* inside another poll */
	bool cancelled;		 /* slow requests */
	uint64_t object;
	/* Callbacks: of the duration, spent waiting in loops that the callback itself ran; which
	 * callback most of that was over for (site_count: none), and whether a child process' end
	 * was among them. */
	uint64_t nested_ticks;
	uint32_t nested_site;
	bool nested_child;
	/* Idle periods: the deepest queue of that stretch; the same of requests that any pool
	 * worker may take (no lookups). Away: timers that were late by that; descriptors that were
	 * ready when the loop was back. */
	uint64_t depth, sure;
};

/* The longest spans, longest first once the timeline is finished. */
struct timeline_top {
	struct timeline_span *spans;
	size_t count, max;
	uint64_t seen;	/* spans long enough to be listed */
	uint64_t ticks; /* their total */
};

/* A stretch between two samples of a worker's CPU time, which say what it did with what it was not
 * parked. */
struct timeline_window {
	uint64_t from_tick, to_tick;
	uint64_t cpu_ns, wait_ns; /* on the CPU; ready to run while the kernel ran somebody else */
	uint64_t parked_ticks;
};

#define TIMELINE_QUARTERS 4

/* How a sampled number went over the quarters of the range. */
struct timeline_growth {
	uint64_t samples[TIMELINE_QUARTERS], least[TIMELINE_QUARTERS], most[TIMELINE_QUARTERS];
};

/* A span of the program: begun on `worker` and, where it has an end, ended on `end_worker`. */
struct timeline_user_spans {
	uint64_t tick, duration; /* ticks; duration 0 where there is no end */
	uint64_t id;
	uint32_t name;
	uint32_t worker, end_worker; /* positions */
	bool ended;
};

/* What the program said of itself under one name. */
struct timeline_name {
	struct histogram marks;		    /* values */
	struct histogram spans;		    /* durations */
	struct timeline_user_spans slowest; /* of the spans; duration 0 where there is none */
	uint64_t open;			    /* begun, and not ended when the trace ended */
	uint64_t
	    begins_alone;    /* begun again before an end was seen, or the end may have been lost */
	uint64_t ends_alone; /* whose begin was not seen */
};

/* Context switches of a worker: it waited, or the kernel took its CPU away. From samples. */
struct timeline_switches {
	bool known;
	uint64_t voluntary, involuntary;
	bool begun; /* the totals before are there */
	uint64_t voluntary_before, involuntary_before;
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
	uint64_t slices; /* how often the kernel put it on a CPU */
	struct timeline_switches switches;
	struct timeline_window *windows;
	size_t window_count;
	struct timeline_growth handles, requests; /* active ones of a loop */

	uint64_t connections; /* runs of connection callbacks */
	struct timeline_majority connection_site, read_site;
	uint64_t reads; /* runs of callbacks that read (read, udp_recv, poll) */
	uint64_t runs;	/* calls of uv_run */
	uint64_t handles_made, handles_closed;
	uint64_t iterations; /* iterations of a loop: from the end of a wait to the next; uv_run
				without a wait */
	uint64_t empty_iterations; /* after a wait with timeout 0 that found nothing; uv_run that
				      did nothing at all */
	uint64_t empty_ticks;	   /* that these took */
	uint64_t empty_callback_ticks;		  /* ... and how much of it callbacks did */
	uint64_t idle_iterations, due_iterations; /* empty ones that ran an idle handle's callback,
						     a timer's */
	struct timeline_majority idle_site, due_site; /* whose those were */
	struct timeline_always_ready always_ready;
	struct timeline_accept_failures accept_failures;
	uint64_t lost_told;	     /* events that LOST events tell of ... */
	uint64_t lost_tick;	     /* ... and the last one's time; 0: there is none */
	uint64_t outside_late_ticks; /* of timers that were due while uv_run was not called */
};

/* A poll that came late in its iteration, and the longest one that it stood behind. */
struct timeline_delay {
	uint64_t tick, delay;
	uint64_t polls; /* that ran before it in the iteration */
	uint64_t behind_ticks;
	uint32_t behind; /* site */
	uint32_t worker; /* position */
};

/* The latest run of a timer, and the longest callback that blocked its loop meanwhile. */
struct timeline_late {
	uint64_t tick, late;
	uint64_t behind_ticks;
	uint32_t behind; /* site */
	uint32_t worker; /* position */
};

/* The run that came soonest before the time that was asked for. */
struct timeline_early {
	uint64_t tick; /* when it was started */
	uint64_t early;
	uint64_t asked; /* in how much time it was to run */
	uint32_t site;	/* the callback that started it; site_count: none */
	uint32_t worker;
};

/* Timers against the time that they were due, where the trace has it: late.count is 0 where it has
 * not. */
struct timeline_timers {
	struct histogram late;
	uint64_t busy_ticks, kernel_ticks,
	    queue_ticks;    /* the loop did not wait yet, was not run, had others first */
	uint64_t old_ticks; /* its wait was that much too long, as libuv asked for it: uv_now was
			       old */
	uint64_t blocked_ticks; /* of all lateness: while a blocking callback ran */
	struct timeline_late worst;
	struct histogram early; /* runs before the time that was asked for, by how much */
	struct timeline_early worst_early;
	struct histogram asked; /* from one run to the next of the same handle */
	int64_t drift_ticks;	/* by which these came later, all together; below 0: earlier */
};

/* Dispatch: from the end of a wait to the start of a callback. Of outermost polls of loops. */
struct timeline_site_iterations {
	struct histogram delay;
	struct timeline_delay worst;
	uint64_t delayed_ticks; /* that others waited because of it: see timeline_delays.c */
	uint64_t delayed_polls;
	struct histogram interval; /* timers: between starts of the same handle */
	struct timeline_timers timers;
};

/* From uv_async_send() to its callback: loop busy (or not running), then the kernel's waking, then
 * others first. */
struct timeline_wakeups {
	struct histogram latency;
	uint64_t busy_ticks, kernel_ticks, queue_ticks;
	uint64_t sends, coalesced;
	uint64_t worst_tick, worst_ticks; /* of the send, and its latency */
	uint32_t worst_worker;		  /* position of the one that was woken */
};

struct timeline_site {
	struct histogram callback; /* runs of the callback */
	struct histogram
	    pool; /* the request's work on the pool, where that is not a callback itself */
	struct timeline_site_iterations iterations;
	struct histogram life; /* of requests: from submission to the callback's start */
	uint64_t pending;      /* requests that had no callback when the trace ended */
	uint64_t queue_bytes;  /* writes: the most that a stream still had to write after one */
	struct histogram pool_wait,
	    pool_run; /* of requests that the pool worked on, by submitting site */
	struct timeline_wakeups wakeups; /* of uv_async_t */
};

/* A quantity over time or over samples. */
struct timeline_level {
	uint64_t max;
	double mean;
	uint64_t count; /* changes or samples that it rests on */
};

/* Requests that the pool has worked on, or was to: what a different number of threads would have
 * done with these. */
struct timeline_arrival {
	uint64_t submit_tick, run_ticks, wait_ticks;
	uint32_t site; /* that submitted it */
	bool lookup;   /* of names or addresses: at most half of the pool may do these at once */
	bool unended;  /* when the trace ended: run_ticks and wait_ticks are until then */
	bool unstarted;
};

/* Sleeps of pool workers, of sleep_ns and more, over requests that any of them may take. */
struct timeline_sleeps {
	uint64_t count, ticks;
	struct timeline_span worst;
};

/* The longest stretch in which each pool worker was in one item, none ended, and requests waited.
 */
struct timeline_stuck {
	uint64_t tick, ticks;	  /* ticks 0: there was none of stuck_ns */
	uint64_t queued, workers; /* requests that waited at its end; workers that were stuck */
	uint32_t site; /* of the work function that all were in; site_count: they were not in one */
	uint32_t request_site; /* ... then the one that submitted what all were in, if one did */
	size_t worker;	       /* position of one of them */
	bool ended;	       /* before the trace did */
};

/* Pool workers that were woken; those that found nothing to do, and how long that took them. */
struct timeline_wakes {
	uint64_t count, in_vain, vain_ticks;
};

/* From samples; what the machine did between the first and the last of the range. */
struct timeline_machine {
	bool known;			     /* the next three: of all CPUs together */
	uint64_t busy_ns, idle_ns, steal_ns; /* steal: a hypervisor ran somebody else */
	uint64_t cpus, allowed; /* that there are, and that the process may run on; 0: not known */
	uint64_t quota;		/* of its cgroup, in thousandths of a CPU; 0: none, or not known */
	uint64_t periods, throttled_periods, throttled_ns;
	uint64_t worst_ns, worst_from,
	    worst_to;	   /* the stretch between two samples that was throttled most, ticks */
	uint64_t event_ps; /* the price of recording an event there; 0: not known */
};

enum timeline_list {
#define LIST(name, max) TIMELINE_LIST_##name,
#include "timeline_lists.def"
#undef LIST
	TIMELINE_LISTS
};

struct timeline {
	const struct trace_process *process;
	struct timeline_options options;
	uint64_t from_tick, to_tick,
	    end_tick;	      /* the range; end: the last tick of the trace within it */
	uint64_t range_ticks; /* its length without what was switched off */
	uint64_t off_ticks;   /* switched off within it */

	struct timeline_worker *workers; /* as process->workers */
	struct timeline_site *sites;	 /* as process->sites, and one more for unknown ones */
	struct timeline_name *names;	 /* as process->names, and one more for unknown ones */
	union {
		struct timeline_top lists[TIMELINE_LISTS];
		struct {
#define LIST(name, max) struct timeline_top name;
#include "timeline_lists.def"
#undef LIST
		};
	};
	struct timeline_iteration most_timers; /* the iteration with the most timers */
	struct timeline_iteration
	    crowded; /* the longest iteration without a poll that took a quarter of it */
	struct histogram iteration_ticks;  /* in callbacks, an iteration */
	struct histogram iteration_timers; /* timers of an iteration that had some */
	uint64_t pending_since_gap; /* requests before this tick may have ended unseen; 0: none */
	struct timeline_arrival
	    *arrivals; /* by submission: the stretch of requests that waited longest together */
	size_t arrival_count;
	uint64_t arrivals_seen;
	uint64_t pool_threads;	 /* that were there at once */
	uint64_t pool_unended;	 /* requests that had not ended at the end; waits count as far as
				    they came ... */
	uint64_t pool_unstarted; /* ... of these the ones that no worker had taken */
	struct timeline_sleeps sleeps;
	struct timeline_stuck stuck;
	struct timeline_wakes pool_wakes;

	struct timeline_level pool_queued, pool_running; /* from events, weighted by time */
	struct histogram pool_wait; /* from submission to the start of the work; to the end of the
				       trace where it had not started */
	struct timeline_level ready_fds;		       /* from events, a wait */
	struct timeline_level active_requests, active_handles; /* from samples, a loop */
	uint64_t samples;
	struct timeline_machine machine;
	/* From samples: the newest totals. */
	uint64_t untraced_callbacks, untraced_threads, untraced_events, untraced_marks;
	bool pool_uncertain; /* events were lost or missing: queue figures begin anew there */
	char **problems;     /* found while decoding; one line each */
	size_t problem_count;

	struct timeline_private *hidden;
};

/* Reads one process of a trace. `progress` may be NULL; it is told events. NULL only when memory is
 * out. */
struct timeline *timeline_read(struct trace *trace, size_t process,
			       const struct timeline_options *options, trace_progress progress,
			       void *arg);
void timeline_free(struct timeline *timeline);

/* The parts of timeline_read(), for callers that have items of their own: make one, feed each
 * worker's items in stream order, end each worker, finish. After feeding, timeline_settle() says
 * that no item fed later will be older than `tick`; queues are computed up to there. Errors:
 * -ENOMEM. `context` is the reader's, NULL without one. */
struct timeline *timeline_make(const struct trace_process *process,
			       const struct timeline_options *options);
int timeline_feed(struct timeline *timeline, size_t worker, const struct trace_item *items,
		  size_t count, const struct trace_context *context, size_t context_count,
		  bool after_gap);
int timeline_end_worker(struct timeline *timeline, size_t worker);
int timeline_settle(struct timeline *timeline, uint64_t tick);
int timeline_finish(struct timeline *timeline);

/* Keeps a span among the longest; -ENOMEM. Sorted, these are the longest first. */
int timeline_top_add(struct timeline_top *top, const struct timeline_span *span);
void timeline_top_sort(struct timeline_top *top);

/* Nanoseconds in a tick. */
double timeline_unit_ns(const struct timeline *timeline);
/* A total of ticks in nanoseconds; exact to the clock's drift. */
uint64_t timeline_ns(const struct timeline *timeline, uint64_t ticks);
/* A span's start, after the process' start, and its duration, exactly. */
int64_t timeline_offset_ns(const struct timeline *timeline, uint64_t tick);
uint64_t timeline_span_ns(const struct timeline *timeline, const struct timeline_span *span);

uint64_t timeline_busy_ticks(const struct timeline_worker *worker);
uint64_t timeline_ticks(const struct timeline *timeline, uint64_t ns); /* rounded up */
/* Its callbacks wait for nothing that happens: what runs in each iteration, and a runtime's own
 * housekeeping. */
bool timeline_waits_for_nothing(const struct timeline *timeline, uint32_t site);
bool timeline_site_waits_for_nothing(const struct trace_process *process, uint32_t site);
/* "timer"; NULL for sites and kinds that the trace does not explain. */
const char *timeline_kind(const struct trace_process *process, uint32_t site);

/* What is open on this worker where the trace ends was open: its last events are there, and so is
 * the process' end. */
bool timeline_end_is_known(const struct timeline *timeline, size_t worker);
/* Events of this worker were lost after that, or at a time that nobody knows. */
bool timeline_lost_after(const struct timeline *timeline, size_t worker, uint64_t tick);
/* The helper saw that the program was gone, at the trace's end: what was open then was over. Where
 * the trace was saved from memory later, its end is that of the newest event. */
bool timeline_death_was_noticed(const struct timeline *timeline);
/* The last moment at which the process is known to have lived, by its own events. */
uint64_t timeline_last_event(const struct timeline *timeline);

/* How a process ended that did not end by exit(), where that is known. */
struct timeline_ending {
	bool known;
	uint32_t code, signal; /* signal: that killed it; 0: none did, as with _exit() */
};

struct timeline_ending timeline_ending(const struct trace_process *process);

/* The process ended otherwise than by exit(): what was open is what it was in. */
static inline bool timeline_died(const struct trace_process *process)
{
	return !process->running && (process->seal_reason == TRACE_SEAL_DIED || process->salvaged);
}

#endif
