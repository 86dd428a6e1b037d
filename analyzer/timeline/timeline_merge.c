/* SPDX-License-Identifier: Apache-2.0
 *
 * The xevents of all workers, merged in the order of time, each handed to whom it concerns: the
 * pool's queue, wake-ups, marks and spans. `handlers` is the table.
 *
 * Rules: each worker's queue is in order, and is complete up to the tick that is settled.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/tick_heap.h"
#include "timeline_internal.h"

#define EVENT(code, ...) _Static_assert(code < XEVENT_WAKE, "an event has the code of an xevent");
#include "format/trace_events.def"
#undef EVENT

struct merge {
	struct timeline *timeline;
	size_t workers;
	/* Workers that have xevents, by the tick of the first; those with events for a watcher are
	 * `workers` higher. */
	struct tick_heap heap;
	bool *in_heap; /* likewise */
};

/* ---- Who is told ----------------------------------------------------------------------------- */

static int worker_parks(struct timeline *timeline, size_t position,
			const struct timeline_event *xevent)
{
	(void)xevent;
	return pool_worker(timeline->hidden->pool, position, POOL_WORKER_PARKED);
}

static int worker_wakes(struct timeline *timeline, size_t position,
			const struct timeline_event *xevent)
{
	(void)xevent;
	return pool_worker(timeline->hidden->pool, position, POOL_WORKER_AWAKE);
}

static int worker_ends(struct timeline *timeline, size_t position,
		       const struct timeline_event *xevent)
{
	(void)xevent;
	return pool_worker(timeline->hidden->pool, position, POOL_WORKER_ABSENT);
}

static int item_ends(struct timeline *timeline, size_t position,
		     const struct timeline_event *xevent)
{
	return pool_item_end(timeline->hidden->pool, position, trace_word_object(xevent->word));
}

static int request_leaves(struct timeline *timeline, size_t position,
			  const struct timeline_event *xevent)
{
	(void)position;
	return pool_drop(timeline->hidden->pool, trace_word_object(xevent->word));
}

static int async_sent(struct timeline *timeline, size_t position,
		      const struct timeline_event *xevent)
{
	(void)position;
	return wakeups_send(timeline->hidden->wakeups, trace_word_object(xevent->word),
			    xevent->tick);
}

static int loop_runs(struct timeline *timeline, size_t position,
		     const struct timeline_event *xevent)
{
	wakeups_run(timeline->hidden->wakeups, position, xevent->tick);
	return 0;
}

static int wake_described(struct timeline *timeline, size_t position,
			  const struct timeline_event *xevent)
{
	wakeups_wake(timeline->hidden->wakeups, position, trace_word_object(xevent->word));
	return 0;
}

static int mark_part(struct timeline *timeline, size_t position,
		     const struct timeline_event *xevent)
{
	return spans_take(timeline, position, xevent->tick, xevent->word);
}

static int events_missing(struct timeline *timeline, size_t position,
			  const struct timeline_event *xevent)
{
	(void)xevent;
	spans_forget(timeline, position);
	wakeups_forget(timeline->hidden->wakeups);
	return pool_begin_anew(timeline->hidden->pool);
}

static int (*const handlers[TRACE_EVENT_CODES])(struct timeline *timeline, size_t position,
						const struct timeline_event *xevent) = {
    [TRACE_PARK] = worker_parks,
    [TRACE_UNPARK] = worker_wakes,
    [TRACE_WORKER_END] = worker_ends,
    [TRACE_ITEM_END] = item_ends,
    [TRACE_REQUEST_CANCELLED] = request_leaves,
    [TRACE_IO_URING] = request_leaves,
    [TRACE_ASYNC_SEND] = async_sent,
    [TRACE_MARK] = mark_part,
    [TRACE_SPAN_BEGIN] = mark_part,
    [TRACE_SPAN_END] = mark_part,
    [TRACE_MARK_HIGH] = mark_part,
    [TRACE_MARK_FIELD] = mark_part,
    [XEVENT_BEGIN] = worker_wakes,
    [XEVENT_GAP] = events_missing,
    [XEVENT_RUN] = loop_runs,
    [XEVENT_WAKE] = wake_described,
};

static int poll_begins(struct timeline *timeline, size_t position, uint32_t site,
		       const struct timeline_event *xevent)
{
	uint16_t traits = timeline->hidden->traits[site];
	uint64_t object = trace_word_object(xevent->word);

	if (traits & TRAIT_ASYNC)
		wakeups_poll(timeline, position, site, object, xevent->tick);
	if (traits & TRAIT_POOL)
		return pool_drop(timeline->hidden->pool, object);
	if (traits & TRAIT_WORK)
		pool_work(timeline->hidden->pool, position, site);
	return 0;
}

static int xevent_take(struct timeline *timeline, size_t position,
		       const struct timeline_event *xevent)
{
	uint32_t code = trace_word_code(xevent->word);

	pool_pass(timeline->hidden->pool, xevent->tick);
	if (code < TRACE_EVENT_CODES)
		return handlers[code] ? handlers[code](timeline, position, xevent) : 0;
	uint32_t site = timeline_site_of((uint32_t)timeline->process->site_count, code);
	if (trace_code_is_submit(code))
		return pool_submit(timeline->hidden->pool, site, trace_word_object(xevent->word));
	return poll_begins(timeline, position, site, xevent);
}

/* ---- The merge ------------------------------------------------------------------------------- */

static struct xevent_queue *queue_at(const struct merge *merge, size_t position)
{
	const struct timeline_private *hidden = merge->timeline->hidden;

	return position < merge->workers ? &hidden->xevents[position]
					 : &hidden->watched[position - merge->workers];
}

static void queue_wake(struct merge *merge, size_t position)
{
	const struct xevent_queue *queue = queue_at(merge, position);

	if (merge->in_heap[position] || queue->first == queue->end)
		return;
	merge->in_heap[position] = true;
	tick_heap_push(&merge->heap, queue->entries[queue->first].tick, position);
}

void merge_wake(struct merge *merge, size_t position)
{
	queue_wake(merge, position);
	if (merge->timeline->hidden->watched)
		queue_wake(merge, merge->workers + position);
}

/* The watcher's, up to the first that another queue may have something before. */
static void watched_give(struct merge *merge, size_t position, uint64_t until)
{
	const struct timeline_watch *watch = merge->timeline->options.watch;
	struct xevent_queue *queue = queue_at(merge, position);
	const struct timeline_event *first = &queue->entries[queue->first++];

	while (queue->first < queue->end && queue->entries[queue->first].tick < until)
		queue->first++;
	watch->events(watch->arg, position - merge->workers, first,
		      (size_t)(&queue->entries[queue->first] - first));
}

static uint64_t second_tick(const struct tick_heap *heap, uint64_t tick)
{
	for (size_t i = 1; i < 3 && i < heap->count; i++)
		tick = heap->entries[i].tick < tick ? heap->entries[i].tick : tick;
	return tick;
}

static int queue_give(struct merge *merge, size_t position, uint64_t tick)
{
	struct xevent_queue *queue = queue_at(merge, position);

	if (position < merge->workers)
		return xevent_take(merge->timeline, position, &queue->entries[queue->first++]);
	watched_give(merge, position, second_tick(&merge->heap, tick));
	return 0;
}

int merge_settle(struct merge *merge, uint64_t tick)
{
	while (merge->heap.count > 0 && merge->heap.entries[0].tick < tick) {
		size_t position = merge->heap.entries[0].position;
		const struct xevent_queue *queue = queue_at(merge, position);
		if (queue_give(merge, position, tick) < 0)
			return -ENOMEM;
		if (queue->first < queue->end) {
			tick_heap_move_top(&merge->heap, queue->entries[queue->first].tick);
		} else {
			tick_heap_pop(&merge->heap);
			merge->in_heap[position] = false;
		}
	}
	return 0;
}

struct merge *merge_make(struct timeline *timeline)
{
	size_t workers = timeline->process->worker_count + 1;
	struct merge *merge = calloc(1, sizeof(*merge));

	if (!merge)
		return NULL;
	merge->timeline = timeline;
	merge->workers = workers;
	merge->in_heap = calloc(workers * 2, sizeof(*merge->in_heap));
	merge->heap.entries = calloc(workers * 2, sizeof(*merge->heap.entries));
	if (merge->in_heap && merge->heap.entries)
		return merge;
	merge_free(merge);
	return NULL;
}

void merge_free(struct merge *merge)
{
	if (!merge)
		return;
	free(merge->in_heap);
	free(merge->heap.entries);
	free(merge);
}
