/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the timeline share: timeline.c (range, totals), timeline_stream.c (one worker's items),
 * timeline_pool.c (the pool's queue, over all workers) and timeline_tasks.c (reading it all, on several cores).
 * Nobody else includes this.
 *
 * Streams do the bulk of the work and know their own worker only. What concerns other workers (requests for the
 * pool, what pool workers do) they hand on as crossings, in the order of time; the pool sees these merged.
 */
#ifndef TIMELINE_PARTS_H
#define TIMELINE_PARTS_H

#include "timeline.h"

#define STREAM_OPEN_MAX (TRACE_DEPTH_MAX + 2) /* polls and loops; a PARK is kept apart */

/* Codes of crossings that are no events. */
#define CROSSING_BEGIN 65534u /* a pool worker is there, and busy */
#define CROSSING_GAP   65535u /* events are missing here */

struct crossing {
	uint64_t tick;
	uint64_t word;
};

/* First in, first out; grows. */
struct crossing_queue {
	struct crossing *entries;
	size_t first, end, room;
};

struct tick_range {
	uint64_t from, to;
};

/* What one thread adds up on its own. */
struct timeline_share {
	struct histogram *callbacks; /* by site, one more for unknown ones */
	struct timeline_top long_polls, open;
};

/* One worker's items, or a part of them. */
struct stream {
	struct timeline *timeline;
	struct timeline_worker *facts;
	struct timeline_share *share;
	struct crossing_queue *crossings;
	size_t position;
	bool pool;    /* a pool worker */
	bool counted; /* false where another worker was asked for */
	bool later;   /* a part that goes on where the one before stopped, at last_tick */
	bool begun, ended, inside, parked;
	int error;
	uint64_t inside_tick, park_tick, last_tick;
	uint64_t notable_ticks; /* polls shorter than this are neither long nor the longest yet */
	uint32_t open_count, polls_open;
	struct trace_context open[STREAM_OPEN_MAX];
};

struct pool;

struct timeline_private {
	struct stream *streams;		  /* for timeline_feed(); made with the first call */
	struct crossing_queue *crossings; /* of each worker, for the pool */
	struct timeline_share share;	  /* of the streams, later of all */
	struct pool *pool;
	uint8_t *classes;	/* enum trace_kind_class of each site, one more for unknown ones */
	struct tick_range *off; /* when recording was switched off, by time */
	size_t off_count;
	uint64_t long_poll_ticks, idle_ticks;
	double ns_per_tick;
	bool whole; /* no range was asked for and recording was never off: nothing to cut */
	bool finished;
};

/* ---- timeline.c ---- */

uint64_t timeline_clip_slowly(const struct timeline *timeline, uint64_t from, uint64_t to);
/* When recording was first switched off in [from, to); `from` where it was not. */
uint64_t timeline_off_between(const struct timeline *timeline, uint64_t from, uint64_t to);
/* Keeps a span among the longest. */
int timeline_top_add(struct timeline_top *top, const struct timeline_span *span);
/* Keeps a poll as its worker's slowest, and among the long ones if it is one. */
int timeline_note_poll(const struct timeline *timeline, struct timeline_worker *facts, struct timeline_top *long_polls,
		       const struct timeline_span *poll);
int timeline_share_open(const struct timeline *timeline, struct timeline_share *share);
/* Adds what a thread has added up, and frees it. */
int timeline_share_merge(struct timeline *timeline, struct timeline_share *share);
void timeline_share_free(const struct timeline *timeline, struct timeline_share *share);
/* Adds what a part of a worker's items gave, and frees it. */
void timeline_worker_merge(struct timeline_worker *into, struct timeline_worker *from);
/* When a worker ended, or the trace. */
uint64_t timeline_worker_end(const struct timeline *timeline, size_t worker);
int timeline_problem_add(struct timeline *timeline, const char *problem);

/* How much of [from, to) lies in the range and was recorded. */
static inline uint64_t timeline_clip(const struct timeline *timeline, uint64_t from, uint64_t to)
{
	if (!timeline->private->whole)
		return timeline_clip_slowly(timeline, from, to);
	return to > from ? to - from : 0;
}

static inline bool timeline_overlaps(const struct timeline *timeline, uint64_t from, uint64_t to)
{
	return to >= timeline->from_tick && from < timeline->to_tick;
}

/* The site of a poll or submit code; site_count where there is no such site. */
static inline uint32_t timeline_site_of(const struct timeline *timeline, uint32_t code)
{
	uint32_t site = code - (code >= TRACE_CODE_SUBMIT ? TRACE_CODE_SUBMIT : TRACE_CODE_POLL);

	return site < timeline->process->site_count ? site : (uint32_t)timeline->process->site_count;
}

/* ---- timeline_stream.c ---- */

void stream_begin(struct stream *stream, struct timeline *timeline, size_t position);
int stream_feed(struct stream *stream, const struct trace_item *items, size_t count,
		const struct trace_context *context, size_t context_count, bool after_gap);
/* The stream is at its end; what is open goes on until `tick`, and is listed. */
int stream_end(struct stream *stream, uint64_t tick);
/* Another part goes on at `tick`. */
int stream_suspend(struct stream *stream, uint64_t tick);
/* Appends `from` to `to` and empties it. */
int crossing_queue_move(struct crossing_queue *to, struct crossing_queue *from);

/* ---- timeline_pool.c ---- */

struct pool *pool_make(struct timeline *timeline);
/* Takes from the streams all crossings before `tick`, in the order of time. */
int pool_settle(struct pool *pool, uint64_t tick);
/* Ends what is open at `tick` and writes the levels. */
int pool_finish(struct pool *pool, uint64_t tick);
void pool_free(struct pool *pool);

#endif
