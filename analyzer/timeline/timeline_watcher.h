/* SPDX-License-Identifier: Apache-2.0
 *
 * What is told to a caller while the timeline is read: options->watch. It is told by one thread at
 * a time, in the order of time. timeline.h includes this.
 */
#ifndef TIMELINE_WATCHER_H
#define TIMELINE_WATCHER_H

#include <stddef.h>
#include <stdint.h>

#include "trace/marks.h"

struct timeline_span;
struct timeline_user_spans;
struct timeline_iteration;

struct timeline_event {
	uint64_t tick;
	uint64_t word;
};

/* A whole loop iteration of a worker: its events from the end of a wait to the last before the next
 * wait, with no callback open at either end. */
struct timeline_turn {
	size_t worker;
	struct timeline_event *list;
	size_t count;
	uint64_t before_tick; /* begin of the iteration before; 0: not known */
	uint64_t wait_tick;   /* begin of the wait between them */
};

/* What is seen across workers on the way, for callers that draw it. */
struct timeline_watch {
	/* A worker ended a request's work; submit_tick 0: unknown. span->in_pool: the work was no
	 * callback. */
	void (*item)(void *arg, const struct timeline_span *span, uint64_t submit_tick);
	void (*level)(void *arg, uint64_t tick, uint64_t queued, uint64_t running);
	/* A mark; a span that ended, or is known to be without an end. */
	void (*mark)(void *arg, size_t worker, const struct mark *mark);
	void (*span)(void *arg, const struct timeline_user_spans *span);
	/* Every event of every worker, in the order of time, one or more of a worker; where data
	 * begins or goes on after a gap also TIMELINE_RESUME. Without it, the rest costs less. */
	void (*events)(void *arg, size_t worker, const struct timeline_event *list, size_t count);
	/* The next three are told as each worker's stream is read, by the thread that reads it:
	 * whoever wants them reads with one thread. Of the range: a callback, or a request's work,
	 * is over; so is an iteration that ran callbacks; a callback at `tick` had waited for
	 * `block`, so long. */
	void (*poll)(void *arg, const struct timeline_span *span);
	void (*iteration)(void *arg, const struct timeline_iteration *facts);
	void (*delayed)(void *arg, const struct timeline_span *block, uint64_t tick,
			uint64_t waited);
	/* For a watcher of events that can do part of its work where parts of the trace are read,
	 * by several threads at once, in any order. Each has `turns` of its own, made (NULL: it has
	 * none) and at the end merged, one after the other; that frees them. turns_take() is given
	 * each whole iteration before `events` is told of it: what it leaves of the list, or puts
	 * there instead (in the order of time, TIMELINE_OWN), is what `events` is told. */
	void *(*turns_make)(void *arg);
	size_t (*turns_take)(void *turns, const struct timeline_turn *turn);
	void (*turns_merge)(void *arg, void *turns);
	void *arg;
};

/* The code of a word for watchers alone: here the worker's data begins, or goes on. Its object is
 * COUNT << 1 | whether events are missing before it; the COUNT words that follow say what was open
 * since before. */
#define TIMELINE_RESUME (TRACE_EVENT_CODES - 5)
/* The first of two codes for words of the watcher's own. */
#define TIMELINE_OWN (TRACE_EVENT_CODES - 7)

#endif
