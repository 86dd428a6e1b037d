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
	_Static_assert(code < TIMELINE_OWN, "an event has the code of what watchers are told");
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

/* ---- Whole iterations ------------------------------------------------------------------------ */

static void turn_forget(struct stream *stream)
{
	stream->turn.known = false;
	stream->turn.tick = 0;
}

/* A wait begins: the iteration is over. */
static void turn_end(struct stream *stream, uint64_t tick)
{
	const struct timeline_watch *watch = stream->timeline->options.watch;
	struct watched_turn *turn = &stream->turn;
	struct xevent_queue *queue = stream->watched;

	if (turn->known && stream->open.polls == 0) {
		struct timeline_turn whole = {stream->position, queue->entries + turn->first,
					      queue->end - turn->first, turn->before_tick,
					      turn->wait_tick};
		queue->end = turn->first + watch->turns_take(stream->partial->turns, &whole);
	}
	turn->known = false;
	turn->wait_tick = tick;
}

/* A wait is over; its end comes next. */
static void turn_begin(struct stream *stream, uint64_t tick)
{
	struct watched_turn *turn = &stream->turn;

	turn->before_tick = turn->tick;
	turn->tick = tick;
	turn->first = stream->watched->end;
	turn->known = stream->partial->turns && stream->open.polls == 0 && !stream->pool;
}

static void turn_event(struct stream *stream, const struct trace_item *item)
{
	switch (trace_code_effect(trace_word_code(item->word))) {
	case TRACE_EFFECT_NONE:
	case TRACE_EFFECT_OPENS_POLL:
	case TRACE_EFFECT_CLOSES_POLL:
		break;
	case TRACE_EFFECT_OPENS_WAIT:
		turn_end(stream, item->tick);
		break;
	case TRACE_EFFECT_CLOSES_WAIT:
		turn_begin(stream, item->tick);
		break;
	case TRACE_EFFECT_PASSES_WAIT:
		turn_end(stream, item->tick);
		turn_begin(stream, item->tick);
		break;
	default:
		turn_forget(stream);
		break;
	}
}

/* ---- Items ----------------------------------------------------------------------------------- */

bool watched_reserve(struct stream *stream, size_t count)
{
	/* An item becomes two at most, and one callback may still be without its end. */
	return xevent_queue_reserve(stream, stream->watched, count * 2 + 1);
}

void watched_take(struct stream *stream, const struct trace_item *item)
{
	struct xevent_queue *queue = stream->watched;
	uint64_t tick = item->tick;

	if (stream->watched_poll && !item->inside) {
		queue->entries[queue->end++] =
		    (struct timeline_event){stream->watched_end, TRACE_POLL_END};
		stream->watched_poll = false;
	}
	if (item->shape == TRACE_SHAPE_WAIT) {
		turn_end(stream, tick);
		queue->entries[queue->end++] = (struct timeline_event){tick, TRACE_PARK};
		tick += item->duration;
		turn_begin(stream, tick);
	} else if (item->shape == TRACE_SHAPE_POLL) {
		stream->watched_poll = true;
		stream->watched_end = tick + item->duration;
	} else if (trace_set_has(trace_nesting_set, trace_word_code(item->word))) {
		turn_event(stream, item);
	}
	queue->entries[queue->end++] = (struct timeline_event){tick, item->word};
}

void watched_resume(struct stream *stream, uint64_t since, const struct trace_context *context,
		    size_t count, bool lost)
{
	if (!stream->watched)
		return;
	watched_end_poll(stream);
	turn_forget(stream);
	add(stream, since, trace_word(count << 1 | lost, TIMELINE_RESUME));
	for (size_t i = 0; i < count; i++)
		add(stream, since, context[i].word);
}
