/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the timeline share. Nobody else includes this.
 *
 * Streams do the bulk of the work and know their own worker only (timeline_stream.c, and
 * timeline_events.c: what each event does). What concerns other workers they hand on as xevents,
 * in the order of time (timeline_xevents.c); timeline_merge.c brings those of all workers
 * together and hands each to whom it concerns: the pool's queue, wake-ups, marks and spans.
 * timeline_tasks.c reads it all, on several cores.
 */
#ifndef TIMELINE_INTERNAL_H
#define TIMELINE_INTERNAL_H

#include "format/open_stack.h"
#include "timeline.h"
#include "timeline_parts.h"
#include "timeline_stream_parts.h"

/* Xevents that are no events of the trace: their codes are the last before polls, which no event
 * has. */
enum xevent_code {
	XEVENT_WAKE =
	    TRACE_EVENT_CODES - 4, /* of the poll that follows: how long before it the wait ended,
				    * and how long that was (wakeups_pack()) */
	XEVENT_BEGIN,		   /* a pool worker is there, and busy */
	XEVENT_GAP,		   /* events are missing here */
	XEVENT_RUN,		   /* a loop worker calls uv_run for the first time */
};

/* Why a site's polls and submissions are looked at more closely; most have none of these. */
enum site_trait {
	TRAIT_POOL = 1,	   /* a request whose work the pool does */
	TRAIT_WORK = 2,	   /* the work function of uv_queue_work */
	TRAIT_REQUEST = 4, /* has a callback that runs once */
	TRAIT_ASYNC = 8,
	TRAIT_TIMER = 16,
	TRAIT_CONNECTION = 32,
	TRAIT_LOOKUP = 64, /* of names or addresses, on the pool */
	TRAIT_READ = 128,
	TRAIT_IDLE = 256,
	TRAIT_POLL = 512,      /* of a descriptor: the callback itself reads or writes */
	TRAIT_WAITLESS = 1024, /* waits for nothing that happens */
	TRAIT_CHILD = 2048,    /* a child process ended */
};

/* First in, first out; grows. */
struct xevent_queue {
	struct timeline_event *entries;
	size_t first, end, capacity;
};

struct tick_range {
	uint64_t from, to;
	uint64_t before; /* ticks in all ranges before this one */
};

/* By site, one more for unknown ones. */
struct site_partial {
	struct histogram callback;
	struct timeline_site_iterations iterations;
	struct histogram life;
	uint64_t queue_bytes;
};

/* What one thread adds up on its own. */
struct timeline_partial {
	struct site_partial *sites;
	union {
		struct timeline_top lists[TIMELINE_LISTS];
		struct {
#define LIST(name, max) struct timeline_top name;
#include "timeline_lists.def"
#undef LIST
		};
	};
	void *turns; /* the watcher's, of this thread; NULL: none */
	struct timeline_iteration most_timers, crowded;
	struct histogram iteration_ticks, iteration_timers;
};

/* The iteration that a loop is in. */
struct iteration {
	uint64_t wake_tick; /* 0: no wait was seen yet */
	uint64_t wait_ticks;
	uint64_t timers_tick; /* when its first timer ran; 0: none did */
	uint64_t old_ticks;   /* of its wait: libuv had asked for so much more than was left */
	bool entered;	      /* it began with uv_run, which has not waited yet */
	bool empty;	      /* it began with a wait with timeout 0 that found nothing */
	struct timeline_iteration facts;
	uint64_t majority,
	    timer_majority; /* votes, in ticks, for facts.site and facts.timer_site */
	bool idle;	    /* an idle handle's callback ran in it ... */
	uint32_t idle_site; /* ... the first one */
	uint32_t longest_site;
	uint32_t before_site; /* the longest callback of the iteration before */
	uint64_t before_ticks;
	struct iteration_blocks blocking;
};

/* Between two calls of uv_run. */
struct outside {
	uint64_t left_tick; /* when the last one ended; 0: that was not seen */
	uint64_t loop;	    /* ... and of which loop */
	struct timeline_span
	    span; /* a long one that is over, until the loop has waited; duration 0: none */
};

/* One worker's items, or a part of them. */
struct stream {
	struct timeline *timeline;
	struct timeline_worker *facts;
	struct timeline_partial *partial;
	struct xevent_queue *xevents;
	struct xevent_queue *watched; /* all events, for a watcher; NULL: nobody watches */
	uint64_t watched_end;	      /* of a callback whose end is still to be told ... */
	bool watched_poll;	      /* ... if there is one */
	struct watched_turn turn;
	size_t position;
	bool pool;    /* a pool worker */
	bool counted; /* false where another worker was asked for */
	bool later;   /* a part that goes on where the one before stopped, at last_tick */
	bool begun, ended, inside;
	bool ran;   /* uv_run was called */
	bool whole; /* this and the next three are the timeline's, at hand for each poll */
	uint32_t site_count;
	const uint16_t *traits;
	uint64_t blocking_ticks;
	int error;
	uint64_t inside_tick, last_tick;
	uint64_t before_tick;	/* of the last event before a part that goes on; 0: none */
	uint64_t notable_ticks; /* polls shorter than this are neither long nor the longest yet */
	struct open_stack open;
	struct iteration iteration;
	struct iteration inner;		 /* of loops that a callback runs */
	struct iteration_pieces *pieces; /* of a part; NULL: all is read in one */
	struct delays delays;
	struct nested nested;
	struct outside outside;
	struct ready_row ready_row;
	struct request_partial *requests;
	struct timeline_window *facts_windows; /* the worker's, shared by all of its parts */
	size_t window, window_count;	       /* window: where the stream is */
	uint64_t window_parked;
	struct timer_start timers[TIMERS_KNOWN];
	struct timer_set timer_sets[TIMER_SETS_KNOWN];
	uint32_t submit_site;	  /* of the submission that the event before was; else site_count */
	uint64_t due_ms, loop_ms; /* of the timer that comes next; 0: not told */
};

struct pool;
struct merge;

struct timeline_private {
	struct stream *streams;	      /* for timeline_feed(); made with the first call */
	struct xevent_queue *xevents; /* of each worker, for the merge ... */
	struct xevent_queue *watched; /* ... and all events, for a watcher; NULL: nobody watches */
	struct timeline_partial partial;	  /* of the streams, later of all */
	struct request_partial *request_partials; /* of streams */
	struct requests *requests;
	struct wakeups *wakeups;
	struct spans *spans;
	struct pool *pool;
	struct merge *merge;
	uint16_t *traits;	/* enum site_trait of each site, one more for unknown ones */
	struct tick_range *off; /* when recording was switched off, by time */
	size_t off_count;
	uint64_t long_poll_ticks, idle_ticks, blocking_ticks, pending_ticks, prompt_ticks;
	uint64_t at_once_ticks; /* waits of a loop no longer than this did not sleep */
	uint64_t sleep_ticks, stuck_ticks;
	double ns_per_tick;
	struct trace_sample first_machine, first_cgroup, last_cgroup; /* type 0: none was seen */
	bool whole; /* no range was asked for and recording was never off: nothing to cut */
	bool finished;
};

/* Boyer-Moore majority vote, weighted by ticks: finds the site that has more than half of them, if
 * one has. */
static inline void vote(uint32_t *site, uint64_t *votes, uint32_t for_site, uint64_t ticks)
{
	if (*site == for_site) {
		*votes += ticks;
	} else if (*votes >= ticks) {
		*votes -= ticks;
	} else {
		*site = for_site;
		*votes = ticks - *votes;
	}
}

/* There is something that a poll that begins may have waited for. */
static inline bool delays_some(const struct stream *stream)
{
	return stream->iteration.blocking.count > 0 || stream->delays.before.count > 0;
}

/* ---- timeline_range.c ---- */

int range_set(struct timeline *timeline);
double range_ns_per_tick(const struct trace_process *process);
uint64_t timeline_clip_slowly(const struct timeline *timeline, uint64_t from, uint64_t to);
/* When recording was first switched off in [from, to); `from` where it was not. */
uint64_t timeline_off_between(const struct timeline *timeline, uint64_t from, uint64_t to);

/* ---- timeline_top.c ---- */

/* Keeps a poll as its worker's slowest, and among the long ones if it is one. */
int timeline_note_poll(const struct timeline *timeline, struct timeline_worker *facts,
		       struct timeline_top *long_polls, const struct timeline_span *poll);
int timeline_top_merge(struct timeline_top *into, struct timeline_top *from);
/* Above 0: `a` is more. No two different spans are equal. */
int timeline_span_compare(const struct timeline_span *a, const struct timeline_span *b);

/* ---- timeline.c ---- */

int timeline_partial_open(const struct timeline *timeline, struct timeline_partial *partial);
/* Adds what a thread has added up, and frees it. */
int timeline_partial_merge(struct timeline *timeline, struct timeline_partial *partial);
void timeline_partial_free(const struct timeline *timeline, struct timeline_partial *partial);
/* Adds what a part of a worker's items gave, and frees it. */
void timeline_worker_merge(struct timeline_worker *into, struct timeline_worker *from);
/* When a worker ended, or the trace. */
uint64_t timeline_worker_end(const struct timeline *timeline, size_t worker);
int timeline_problem_add(struct timeline *timeline, const char *problem);

/* How much of [from, to) lies in the range and was recorded. */
static inline uint64_t timeline_clip(const struct timeline *timeline, uint64_t from, uint64_t to)
{
	if (!timeline->hidden->whole)
		return timeline_clip_slowly(timeline, from, to);
	return to > from ? to - from : 0;
}

static inline bool timeline_overlaps(const struct timeline *timeline, uint64_t from, uint64_t to)
{
	return to >= timeline->from_tick && from < timeline->to_tick;
}

/* The site of a poll, submit or handle code; site_count where there is no such site. */
static inline uint32_t timeline_site_of(uint32_t site_count, uint32_t code)
{
	uint32_t site = code - TRACE_CODE_POLL < TRACE_CODE_END - TRACE_CODE_POLL
			    ? (code - TRACE_CODE_POLL) % TRACE_SITES_MAX
			    : site_count;

	return site < site_count ? site : site_count;
}

/* ---- timeline_outside.c ---- */

/* The outermost uv_run returned. */
void outside_leave(struct stream *stream, uint64_t tick);
/* uv_run was called from outside of it, for this loop. */
void outside_enter(struct stream *stream, uint64_t tick, uint64_t loop);
/* A timer ran late by so much before the loop waited. */
void outside_timer(struct stream *stream, uint64_t late);
/* The loop's first wait found so many descriptors ready at once, or it was left again. */
void outside_end(struct stream *stream, uint64_t ready_at_once);

/* ---- timeline_iterations.c ---- */

/* A wait ended: the iteration before is over, another begins. */
void iteration_begin(struct stream *stream, uint64_t wake_tick, uint64_t wait_ticks,
		     uint64_t ready);
/* An outermost poll of a loop is over. `facts` are those of its site. */
void iteration_poll(struct stream *stream, uint64_t tick, uint64_t ticks, uint64_t word,
		    uint32_t site, struct timeline_site_iterations *facts);
/* The iteration of the loop that runs now: a callback may run one itself. */
static inline struct iteration *iteration_now(struct stream *stream)
{
	return stream->open.polls > 0 ? &stream->inner : &stream->iteration;
}

/* Events are missing, or somebody else goes on. */
void iteration_end(struct stream *stream);
/* The loop is left. */
void iteration_leave(struct stream *stream, uint64_t tick);
/* The wait that it began with had a timeout of 0, and found nothing. */
void iteration_is_empty(struct stream *stream, uint64_t tick);
/* uv_run runs what is due before its first wait: that is an iteration too. */
void iteration_enter(struct stream *stream, uint64_t tick);
int iterations_merge(struct timeline *timeline, struct timeline_partial *partial);
void site_iterations_clear(struct timeline_site_iterations *iterations);

/* ---- timeline_spinning.c ---- */

/* An empty iteration is over, after so many ticks. */
void spinning_empty(struct stream *stream, const struct iteration *iteration, uint64_t ticks);
/* An iteration begins behind a wait. */
void spinning_begin(struct stream *stream, bool at_once);
/* A run of a polled descriptor's callback. */
void spinning_poll(struct stream *stream, uint64_t ticks, uint64_t object, uint32_t site);
/* The callback of `word` was told of an error. */
void spinning_failed(struct stream *stream, uint64_t ticks, uint64_t word, uint32_t site);
/* An iteration that began with a wait is over. */
void spinning_over(struct stream *stream, uint64_t tick);
/* The row is over, or nobody knows how it goes on. */
void spinning_row_end(struct stream *stream);
void accept_failures_add(struct timeline_accept_failures *into,
			 const struct timeline_accept_failures *from);
void spinning_merge(struct timeline_worker *into, const struct timeline_worker *from);

/* ---- timeline_timers.c ---- */

/* A timer was started while uv_now was old; stream->due_ms and loop_ms tell of it. */
void timer_set(struct stream *stream, uint64_t tick, uint64_t object);
/* The callback starts of the timer that stream->due_ms tells of. */
void timer_fired(struct stream *stream, uint64_t tick, uint64_t object, uint32_t site);
void timers_merge(struct timeline_timers *into, const struct timeline_timers *from);
void timers_clear(struct timeline_timers *timers);

/* ---- timeline_windows.c ---- */

/* What samples say: windows, growth, totals. windows_make() before the first item, samples_read()
 * at the end. */
int windows_make(struct timeline *timeline);
int samples_read(struct timeline *timeline);
/* Adds a park to the worker's windows; another thread may do so too. */
void windows_park(struct stream *stream, uint64_t from, uint64_t to);
void windows_flush(struct stream *stream);

/* ---- timeline_machine.c ---- */

/* A sample before the end of the range, in the order of time. */
void machine_sample(struct timeline *timeline, const struct trace_sample *sample);
void switches_sample(const struct timeline *timeline, struct timeline_worker *worker,
		     const struct trace_sample *sample);

/* ---- timeline_wakeups.c ---- */

struct wakeups *wakeups_make(const struct timeline *timeline);
int wakeups_send(struct wakeups *wakeups, uint64_t object, uint64_t tick);
/* The worker calls uv_run for the first time: what was sent before counts from there on. */
void wakeups_run(struct wakeups *wakeups, size_t position, uint64_t tick);
void wakeups_wake(struct wakeups *wakeups, size_t position, uint64_t packed);
void wakeups_poll(struct timeline *timeline, size_t position, uint32_t site, uint64_t object,
		  uint64_t tick);
/* Some sends were lost, or their callbacks. */
void wakeups_forget(struct wakeups *wakeups);
void wakeups_free(struct wakeups *wakeups);
/* Two numbers of ticks in the object of one word, each to 1/2^18. */
uint64_t wakeups_pack(uint64_t queue_ticks, uint64_t wait_ticks);

/* ---- timeline_marks.c ---- */

struct spans *spans_make(const struct timeline *timeline);
/* An event of a mark or span, of one worker. */
int spans_take(struct timeline *timeline, size_t position, uint64_t tick, uint64_t word);
/* Events of a worker were lost: ends of spans may be among them. */
void spans_forget(struct timeline *timeline, size_t position);
void spans_finish(struct timeline *timeline);
void spans_free(struct spans *spans);
void name_clear(struct timeline_name *name);

/* ---- timeline_xevents.c ---- */

/* No memory: stream->error; of so many more: false too. */
bool xevent_queue_reserve(struct stream *stream, struct xevent_queue *queue, size_t more);
void xevent_queue_add(struct stream *stream, struct xevent_queue *queue, uint64_t tick,
		      uint64_t word);
/* What others must know of a worker, in its order of time. */
void xevent_add(struct stream *stream, uint64_t tick, uint64_t word);
/* Of a callback that begins, as far as its site's traits ask for it; ends the request that it is
 * of. */
void xevent_add_poll(struct stream *stream, uint64_t tick, uint64_t word, uint32_t site);
/* Of a pool worker that was not followed until now. */
void xevent_add_begin(struct stream *stream, uint64_t since);
/* Appends `from` to `to` and empties it. */
int xevent_queue_move(struct xevent_queue *to, struct xevent_queue *from);

/* ---- timeline_inside.c: in uv_run, waiting, or neither ---- */

/* Pool workers work as long as they live; where uv_run cannot be seen, the same is taken of loop
 * workers. */
bool always_inside(const struct stream *stream);
void inside_enter(struct stream *stream, uint64_t tick);
void inside_leave(struct stream *stream, uint64_t tick);
void park_leave(struct stream *stream, uint64_t tick);
/* The end of the wait was lost: it counts until recording was switched off, if that is why. */
void park_lose_end(struct stream *stream, uint64_t tick);

/* A wait of the pool's own; a work function may run a loop, whose waits are not. */
static inline bool wait_is_pools(const struct stream *stream)
{
	return stream->pool && !open_has_loop(&stream->open);
}

/* ---- timeline_events.c ---- */

/* What each item says, in stream order. */
void events_take(struct stream *stream, const struct trace_item *items, size_t count);
/* Events are missing here. */
void events_lost(struct stream *stream, uint64_t tick);
/* Where callbacks cannot be seen: there is an iteration that stands for those that it ran. */
bool iteration_stands_for_polls(const struct stream *stream);

static inline uint32_t site_of(const struct stream *stream, uint64_t word)
{
	return timeline_site_of(stream->site_count, trace_word_code(word));
}

/* ---- timeline_stream.c ---- */

void stream_begin(struct stream *stream, struct timeline *timeline, size_t position);
int stream_feed(struct stream *stream, const struct trace_item *items, size_t count,
		const struct trace_context *context, size_t context_count, bool after_gap);
/* The stream is at its end; what is open goes on until `tick`, and is listed. */
int stream_end(struct stream *stream, uint64_t tick);
/* Another part goes on at `tick`. */
int stream_suspend(struct stream *stream, uint64_t tick);

/* ---- timeline_arrivals.c ---- */

struct arrivals {
	struct timeline_arrival *chunk; /* the stretch in the making */
	size_t count;
	uint64_t wait_ticks, kept_ticks; /* of all in the stretch; in the one that is kept */
};

int arrivals_add(struct timeline *timeline, struct arrivals *arrivals,
		 const struct timeline_arrival *arrival);
/* Sorts those that are kept by submission. */
void arrivals_finish(struct timeline *timeline, struct arrivals *arrivals);

/* ---- timeline_pool.c: 0 or -ENOMEM ---- */

enum pool_worker_state { POOL_WORKER_ABSENT, POOL_WORKER_PARKED, POOL_WORKER_AWAKE };

struct pool *pool_make(struct timeline *timeline);
/* Time goes on until `tick`, at which the next of what follows happens. */
void pool_pass(struct pool *pool, uint64_t tick);
int pool_worker(struct pool *pool, size_t position, enum pool_worker_state state);
/* The worker ended the work of the request whose struct uv__work that is. */
int pool_item_end(struct pool *pool, size_t position, uint64_t work);
int pool_submit(struct pool *pool, uint32_t site, uint64_t object);
/* A request needs no work any more: cancelled, or its callback runs. */
int pool_drop(struct pool *pool, uint64_t request);
/* A work function of that site begins. */
void pool_work(struct pool *pool, size_t position, uint32_t site);
/* Events are missing. */
int pool_begin_anew(struct pool *pool);
/* Ends what is open at `tick` and writes the levels. */
int pool_finish(struct pool *pool, uint64_t tick);
void pool_free(struct pool *pool);

#endif
