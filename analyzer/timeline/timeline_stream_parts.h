/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts of timeline_internal.h, which includes it: who waited for blocking callbacks
 * (timeline_delays.c), loops that these ran themselves (timeline_nested.c), requests from
 * submission to callback (timeline_requests.c), all events for a watcher (timeline_watch.c), and
 * what brings the queues of all workers together (timeline_merge.c).
 */
#ifndef TIMELINE_STREAM_PARTS_H
#define TIMELINE_STREAM_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/request_table.h"
#include "timeline_rows.h"

struct timeline;
struct merge;
struct stream;
struct timeline_span;
struct requests;
struct trace_item;
struct trace_context;

#define TURN_HOLDS 8 /* of an iteration are told apart; more are added up as the last */

struct iteration_block {
	uint64_t tick, ticks, object;
	uint32_t site;
};

struct iteration_blocks {
	uint32_t count;
	struct iteration_block list[TURN_HOLDS];
};

/* What one part of a worker's events has of an iteration that lies in several. */
struct iteration_piece {
	bool some; /* there is one ... */
	bool over; /* ... with the iteration's end */
	struct timeline_iteration facts;
	uint64_t majority, timer_majority; /* as of an iteration */
};

/* Of one part: the iteration that it begins in and the one that it ends in. An iteration that lies
 * around all of it is the head, and not over. */
struct iteration_pieces {
	struct iteration_piece head, tail;
};

/* What may have waited for blocking callbacks of the iteration before. */
struct delays {
	struct iteration_blocks before;
	uint64_t ready;	     /* descriptors that the wait behind it found at once; each is one */
	uint64_t since_tick; /* since when the poll that begins waits; 0: not known */
	uint64_t object;     /* ... of the timer that it is of, if since_tick is known */
};

/* The loops that an outermost callback runs itself. */
struct nested {
	bool same; /* it runs the loop that it was called by: that one goes on */
	uint64_t same_since, same_ticks;
	uint64_t waited_ticks, last_wait; /* last_wait: nothing ran since */
	uint64_t votes;
	uint32_t site;
	bool child;
};

/* ---- timeline_iterations.c ---- */

/* The part ends, and another goes on at once: so does the iteration. */
void iteration_suspend(struct stream *stream);
/* Takes the pieces of a worker's next part; `open` is of those before. */
void iteration_join(struct timeline *timeline, struct iteration_piece *open,
		    const struct iteration_pieces *pieces);

/* ---- timeline_delays.c ---- */

/* A blocking callback is over. */
void delays_block(struct stream *stream, const struct timeline_span *poll);
/* The iteration is over, and the wait behind it found so many descriptors at once. */
void delays_next(struct stream *stream, uint64_t ready_at_once);
void delays_clear(struct stream *stream);
/* An outermost poll begins; stream->delays.since_tick is set. */
void delays_poll(struct stream *stream, uint64_t tick, uint32_t site);

/* How much of a timer's lateness was while a blocking callback ran. */
uint64_t delays_of(const struct stream *stream, uint64_t since, uint64_t tick);

/* ---- timeline_nested.c ---- */

void nested_clear(struct stream *stream);
/* From here on, with what is open. */
void nested_resume(struct stream *stream, uint64_t tick);
/* A loop is entered, or left, inside a callback. */
void nested_enter(struct stream *stream, uint64_t tick, uint64_t loop);
void nested_leave(struct stream *stream, uint64_t tick);
/* A wait inside a callback ended. */
void nested_wait(struct stream *stream, uint64_t wait_ticks);
/* A poll begins inside a callback. */
void nested_poll(struct stream *stream, uint32_t site);
/* What the callback that ends at `tick` did in loops of its own. */
void nested_tell(const struct stream *stream, uint64_t tick, struct timeline_span *span);
/* How long it ran the loop that it was called by. */
uint64_t nested_same_ticks(const struct stream *stream, uint64_t tick);

/* ---- timeline_requests.c ---- */

/* A request's callback that ran without its submission having been seen in the same part. */
struct request_end {
	uint64_t key, tick;
	bool cancelled;
};

/* What a stream, or a part of one, knows of requests: those on their way, and ends without a
 * beginning. */
struct request_partial {
	struct request_table begun;
	struct request_end *ended;
	size_t ended_count, ended_capacity;
	uint64_t gap_tick; /* ends may have been missed until then */
};

struct requests *requests_make(void);
int requests_begin(struct stream *stream, uint64_t object, uint64_t tick, uint32_t site);
int requests_end(struct stream *stream, uint64_t object, uint64_t tick, uint32_t site);
/* Its callback is still to come, or has just begun. */
void requests_cancel(struct stream *stream, uint64_t object, uint64_t tick);
/* Events were lost: what is on its way may have ended. */
void requests_forget(struct request_partial *partial, uint64_t tick);
/* Takes what a part found, in the order of parts, and empties it. */
int requests_merge(struct timeline *timeline, struct request_partial *partial);
int requests_finish(struct timeline *timeline);
void request_partial_clear(struct request_partial *partial);
void requests_free(struct requests *requests);

/* ---- timeline_watch.c: all events, for a watcher ---- */

/* The iteration that a part of a worker's stream is in. */
struct watched_turn {
	bool known;   /* its begin was seen, and nothing since that a watcher must see itself */
	size_t first; /* of its events in the queue */
	uint64_t tick, before_tick, wait_tick; /* as struct timeline_turn; 0: not known */
};

/* Makes room for so many items; then they are taken one by one, each before the stream does. */
bool watched_reserve(struct stream *stream, size_t count);
void watched_take(struct stream *stream, const struct trace_item *item);
/* The end of the callback that came last, which nothing more is inside of. */
void watched_end_poll(struct stream *stream);
void watched_resume(struct stream *stream, uint64_t since, const struct trace_context *context,
		    size_t count, bool lost);

/* ---- timeline_merge.c ---- */

struct merge *merge_make(struct timeline *timeline);
/* The worker's queue may have xevents now: after each time that some were added. */
void merge_wake(struct merge *merge, size_t position);
/* Takes from the streams all xevents before `tick`, in the order of time. */
int merge_settle(struct merge *merge, uint64_t tick);
void merge_free(struct merge *merge);

#endif
