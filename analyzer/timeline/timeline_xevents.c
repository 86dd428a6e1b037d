/* SPDX-License-Identifier: Apache-2.0
 *
 * What a worker's stream hands on to others, in a queue of its own, in its order of time:
 * timeline_merge.c takes it from there. trace_events.def says which events cross; of polls and
 * submissions the site's traits do.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timeline_internal.h"

static int queue_grow(struct xevent_queue *queue)
{
	size_t waiting = queue->end - queue->first;

	if (queue->first > queue->capacity / 2) {
		memmove(queue->entries, queue->entries + queue->first,
			waiting * sizeof(*queue->entries));
	} else {
		size_t capacity = queue->capacity ? queue->capacity * 2 : 64;
		struct timeline_event *entries = malloc(capacity * sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		if (waiting)
			memcpy(entries, queue->entries + queue->first, waiting * sizeof(*entries));
		free(queue->entries);
		queue->entries = entries;
		queue->capacity = capacity;
	}
	queue->first = 0;
	queue->end = waiting;
	return 0;
}

int xevent_queue_move(struct xevent_queue *to, struct xevent_queue *from)
{
	struct xevent_queue empty = {0};

	if (to->first == to->end) {
		free(to->entries);
		*to = *from;
		*from = empty;
		return 0;
	}
	while (to->capacity - to->end < from->end - from->first) {
		if (queue_grow(to) < 0)
			return -ENOMEM;
	}
	memcpy(to->entries + to->end, from->entries + from->first,
	       (from->end - from->first) * sizeof(*to->entries));
	to->end += from->end - from->first;
	free(from->entries);
	*from = empty;
	return 0;
}

bool xevent_queue_reserve(struct stream *stream, struct xevent_queue *queue, size_t more)
{
	while (queue->capacity - queue->end < more) {
		if (queue_grow(queue) < 0) {
			stream->error = -ENOMEM;
			return false;
		}
	}
	return true;
}

void xevent_queue_add(struct stream *stream, struct xevent_queue *queue, uint64_t tick,
		      uint64_t word)
{
	if (queue->end == queue->capacity && queue_grow(queue) < 0) {
		stream->error = -ENOMEM;
		return;
	}
	queue->entries[queue->end++] = (struct timeline_event){tick, word};
}

void xevent_add(struct stream *stream, uint64_t tick, uint64_t word)
{
	xevent_queue_add(stream, stream->xevents, tick, word);
}

/* A wake-up's callback: with it goes how long ago the wait ended, and how long that was. */
static void xevent_add_wakeup(struct stream *stream, uint64_t tick, uint64_t word)
{
	const struct iteration *iteration = iteration_now(stream);
	uint64_t wake = iteration->wake_tick;
	uint64_t queue = wake != 0 && tick > wake ? tick - wake : 0;

	xevent_add(
	    stream, tick,
	    trace_word(wakeups_pack(queue, wake != 0 ? iteration->wait_ticks : 0), XEVENT_WAKE));
	xevent_add(stream, tick, word);
}

/* What others must know of a poll is when it began: of requests, work on the pool, and wake-ups. */
void xevent_add_poll(struct stream *stream, uint64_t tick, uint64_t word, uint32_t site)
{
	uint16_t traits = stream->traits[site];

	if ((traits & TRAIT_POOL) || ((traits & TRAIT_WORK) && stream->pool))
		xevent_add(stream, tick, word);
	if ((traits & TRAIT_REQUEST) &&
	    requests_end(stream, trace_word_object(word), tick, site) < 0)
		stream->error = -ENOMEM;
	if (traits & TRAIT_ASYNC)
		xevent_add_wakeup(stream, tick, word);
}

void xevent_add_begin(struct stream *stream, uint64_t since)
{
	if (!stream->pool)
		return;
	xevent_add(stream, since, XEVENT_BEGIN);
	if (stream->open.parked && wait_is_pools(stream))
		xevent_add(stream, since, TRACE_PARK);
	if (stream->open.polls > 0)
		xevent_add_poll(stream, since, stream->open.list[0].word,
				site_of(stream, stream->open.list[0].word));
}
