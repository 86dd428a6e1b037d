/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests from submission to callback. Both happen on the loop's thread, and mostly in the same
 * part of its stream: there they meet in the part's own table. What a part could not match goes on
 * to a table of all, as parts retire.
 *
 * Rules: nothing is said of requests submitted before events were lost or recording was off: their
 * ends may not have been seen. Requests without a callback end unseen, and are not followed.
 */
#include <errno.h>
#include <stdlib.h>

#include "timeline_internal.h"

struct requests {
	struct request_table begun; /* submitted, not ended yet */
	struct request_table ended; /* ends whose beginning was in no part that has retired;
				       submit_tick: of the end */
	uint64_t gap_tick;
};

struct requests *requests_make(void)
{
	return calloc(1, sizeof(struct requests));
}

void requests_free(struct requests *requests)
{
	if (!requests)
		return;
	request_table_free(&requests->begun);
	request_table_free(&requests->ended);
	free(requests);
}

void request_partial_clear(struct request_partial *partial)
{
	request_table_free(&partial->begun);
	free(partial->ended);
	*partial = (struct request_partial){0};
}

/* ---- In a stream ----------------------------------------------------------------------------- */

int requests_begin(struct stream *stream, uint64_t object, uint64_t tick, uint32_t site)
{
	struct request *request;

	if (object == 0)
		return 0;
	request = request_table_add(&stream->requests->begun, object);
	if (!request)
		return -ENOMEM;
	*request = (struct request){
	    .key = object, .submit_tick = tick, .site = site, .worker = (uint32_t)stream->position};
	return 0;
}

static int ended_add(struct request_partial *partial, uint64_t object, uint64_t tick)
{
	if (partial->ended_count == partial->ended_capacity) {
		size_t capacity = partial->ended_capacity ? partial->ended_capacity * 2 : 16;
		struct request_end *ended = realloc(partial->ended, capacity * sizeof(*ended));
		if (!ended)
			return -ENOMEM;
		partial->ended = ended;
		partial->ended_capacity = capacity;
	}
	partial->ended[partial->ended_count++] = (struct request_end){.key = object, .tick = tick};
	return 0;
}

static int slow_add(struct timeline_top *slow, const struct request *request, uint64_t ticks)
{
	struct timeline_span span = {
	    .tick = request->submit_tick,
	    .duration = ticks,
	    .worker = request->worker,
	    .site = request->site,
	    .object = request->key,
	    .cancelled = request->cancelled,
	};

	return timeline_top_add(slow, &span);
}

/* Counts a request that is done. */
static inline int request_done(const struct timeline *timeline, struct histogram *life,
			       struct timeline_top *slow, const struct request *request,
			       uint64_t tick)
{
	uint64_t ticks = tick > request->submit_tick ? tick - request->submit_tick : 0;

	if (!timeline_overlaps(timeline, request->submit_tick, tick))
		return 0;
	histogram_add(life, ticks);
	return __builtin_expect(ticks >= timeline->hidden->pending_ticks, 0)
		   ? slow_add(slow, request, ticks)
		   : 0;
}

int requests_end(struct stream *stream, uint64_t object, uint64_t tick, uint32_t site)
{
	struct request request;

	if (!request_table_take(&stream->requests->begun, object, &request))
		return ended_add(stream->requests, object, tick);
	stream->delays.since_tick = request.submit_tick;
	return request_done(stream->timeline, &stream->partial->sites[site].life,
			    &stream->partial->slow_requests, &request, tick);
}

/* The one that ended at `tick`, if it is among the slow ones. */
static void slow_cancel(struct timeline_top *slow, uint64_t object, uint64_t tick)
{
	for (size_t i = 0; i < slow->count; i++) {
		struct timeline_span *span = &slow->spans[i];
		if (span->object == object && span->tick + span->duration == tick)
			span->cancelled = true;
	}
}

/* libuv's own cancellations are known by the status that the callback gets: told inside it, at its
 * start. */
void requests_cancel(struct stream *stream, uint64_t object, uint64_t tick)
{
	struct request_partial *partial = stream->requests;
	struct request *request = request_table_find(&partial->begun, object);
	struct request_end *last =
	    partial->ended_count > 0 ? &partial->ended[partial->ended_count - 1] : NULL;

	if (request)
		request->cancelled = 1;
	else if (last && last->key == object && last->tick == tick)
		last->cancelled = true;
	else
		slow_cancel(&stream->partial->slow_requests, object, tick);
}

void requests_forget(struct request_partial *partial, uint64_t tick)
{
	request_table_empty(&partial->begun);
	partial->gap_tick = tick;
}

/* ---- Of all ---------------------------------------------------------------------------------- */

static int copy_add(struct request_table *table, const struct request *request)
{
	struct request *copy = request_table_add(table, request->key);

	if (!copy)
		return -ENOMEM;
	*copy = *request;
	return 0;
}

static int end_merge(struct timeline *timeline, const struct request_end *end)
{
	struct requests *requests = timeline->hidden->requests;
	struct request request;

	if (request_table_take(&requests->begun, end->key, &request)) {
		request.cancelled |= end->cancelled;
		return request_done(timeline, &timeline->sites[request.site].life,
				    &timeline->slow_requests, &request, end->tick);
	}
	request = (struct request){
	    .key = end->key, .submit_tick = end->tick, .cancelled = end->cancelled};
	return request.key == 0 ? 0 : copy_add(&requests->ended, &request);
}

static int begun_merge(struct timeline *timeline, const struct request *request)
{
	struct requests *requests = timeline->hidden->requests;
	struct request ended;

	if (request_table_take(&requests->ended, request->key, &ended) &&
	    ended.submit_tick >= request->submit_tick) {
		struct request done = *request;
		done.cancelled |= ended.cancelled;
		return request_done(timeline, &timeline->sites[request->site].life,
				    &timeline->slow_requests, &done, ended.submit_tick);
	}
	return copy_add(&requests->begun, request);
}

int requests_merge(struct timeline *timeline, struct request_partial *partial)
{
	struct requests *requests = timeline->hidden->requests;
	int error = 0;

	for (size_t i = 0; error == 0 && i < partial->ended_count; i++)
		error = end_merge(timeline, &partial->ended[i]);
	for (size_t i = 0; error == 0 && i < partial->begun.capacity; i++) {
		if (partial->begun.slots[i].key != 0)
			error = begun_merge(timeline, &partial->begun.slots[i]);
	}
	if (partial->gap_tick > requests->gap_tick)
		requests->gap_tick = partial->gap_tick;
	request_partial_clear(partial);
	return error;
}

/* Until when ends may have been missed. */
static uint64_t unsure_until(const struct timeline *timeline)
{
	const struct timeline_private *hidden = timeline->hidden;
	uint64_t tick = hidden->requests->gap_tick;

	if (hidden->off_count > 0 && hidden->off[hidden->off_count - 1].to > tick)
		tick = hidden->off[hidden->off_count - 1].to;
	return tick;
}

int requests_finish(struct timeline *timeline)
{
	struct requests *requests = timeline->hidden->requests;
	uint64_t last_tick = timeline->process->last_tick,
		 last_ns = trace_ns(timeline->process, last_tick);
	uint64_t still_ns = trace_known_until_ns(timeline->process) - last_ns;

	timeline->pending_since_gap = unsure_until(timeline);
	last_tick += timeline_ticks(timeline, still_ns);
	for (size_t i = 0; i < requests->begun.capacity; i++) {
		const struct request *request = &requests->begun.slots[i];
		struct timeline_span span = {
		    .tick = request->submit_tick,
		    .duration =
			last_tick > request->submit_tick ? last_tick - request->submit_tick : 0,
		    .worker = request->worker,
		    .site = request->site,
		    .object = request->key,
		};
		if (request->key == 0 || request->submit_tick < timeline->pending_since_gap ||
		    !timeline_overlaps(timeline, request->submit_tick, last_tick))
			continue;
		timeline->sites[request->site].pending++;
		if (timeline_top_add(&timeline->pending, &span) < 0)
			return -ENOMEM;
	}
	return 0;
}
