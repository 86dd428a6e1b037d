/* SPDX-License-Identifier: Apache-2.0
 *
 * For a watcher of events: a queue of all events of a worker's stream, beside that of its xevents.
 * A callback's item becomes its start, what is inside, and its end, so that the queue is in the
 * order of time.
 *
 * Rules: costs nothing where nobody watches. What was open where data begins or goes on after a gap
 * is told behind TIMELINE_RESUME.
 */
#include "timeline_internal.h"

#define EVENT(code, ...)                                                                           \
	_Static_assert(code < TIMELINE_RESUME, "an event has the code of what watchers are told");
#include "format/trace_events.def"
#undef EVENT

static inline void add(struct stream *stream, uint64_t tick, uint64_t word)
{
	xevent_queue_add(stream, stream->watched, tick, word);
}

void watched_end_poll(struct stream *stream)
{
	if (stream->watched && stream->watched_poll)
		add(stream, stream->watched_end, TRACE_POLL_END);
	stream->watched_poll = false;
}

void watched_take(struct stream *stream, const struct trace_item *items, size_t count)
{
	struct xevent_queue *queue = stream->watched;

	/* An item becomes two at most, and one callback may still be without its end. */
	if (!xevent_queue_reserve(stream, queue, count * 2 + 1))
		return;
	struct timeline_event *to = queue->entries + queue->end;
	for (size_t i = 0; i < count; i++) {
		const struct trace_item *item = &items[i];
		bool wait = item->shape == TRACE_SHAPE_WAIT;
		if (stream->watched_poll && !item->inside) {
			*to++ = (struct timeline_event){stream->watched_end, TRACE_POLL_END};
			stream->watched_poll = false;
		}
		*to++ = (struct timeline_event){item->tick, wait ? TRACE_PARK : item->word};
		if (wait)
			*to++ = (struct timeline_event){item->tick + item->duration, item->word};
		if (item->shape == TRACE_SHAPE_POLL) {
			stream->watched_poll = true;
			stream->watched_end = item->tick + item->duration;
		}
	}
	queue->end = (size_t)(to - queue->entries);
}

void watched_resume(struct stream *stream, uint64_t since, const struct trace_context *context,
		    size_t count, bool lost)
{
	if (!stream->watched)
		return;
	watched_end_poll(stream);
	add(stream, since, trace_word(count << 1 | lost, TIMELINE_RESUME));
	for (size_t i = 0; i < count; i++)
		add(stream, since, context[i].word);
}
