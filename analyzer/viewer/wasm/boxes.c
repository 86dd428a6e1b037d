/* SPDX-License-Identifier: Apache-2.0
 *
 * See boxes.h. What is open is kept by the rules of timeline_stream.c: a wait shows that no poll is
 * open in the innermost loop, leaving a loop that none is open in it.
 */
#include "boxes.h"

static struct box poll_box(const struct box_stream *stream, uint64_t tick, uint64_t duration,
			   uint64_t word)
{
	uint32_t site = trace_word_code(word) - TRACE_CODE_POLL;

	return (struct box){
	    .tick = tick,
	    .duration = duration,
	    .object = trace_word_object(word),
	    .site = site < stream->site_count ? site : stream->site_count,
	    .depth = (uint8_t)stream->open.polls,
	    .type = BOX_POLL,
	};
}

static size_t poll_end(struct box_stream *stream, uint64_t tick, uint16_t flags, struct box *out)
{
	if (stream->open.polls == 0)
		return 0;
	while (!open_top_is_poll(&stream->open))
		open_pop(&stream->open);
	struct trace_context poll = open_pop(&stream->open);
	*out = poll_box(stream, poll.tick, tick > poll.tick ? tick - poll.tick : 0, poll.word);
	out->flags = flags;
	return 1;
}

/* Polls above the innermost loop have lost their end. */
static size_t polls_drop(struct box_stream *stream, uint64_t tick, struct box *out)
{
	size_t count = 0;

	while (open_top_is_poll(&stream->open))
		count += poll_end(stream, tick, BOX_UNENDED, out + count);
	return count;
}

static size_t park_end(struct box_stream *stream, uint64_t tick, uint64_t ready, struct box *out)
{
	if (!stream->open.parked)
		return 0;
	stream->open.parked = false;
	*out = (struct box){
	    .tick = stream->open.park_tick,
	    .duration = tick > stream->open.park_tick ? tick - stream->open.park_tick : 0,
	    .object = ready,
	    .site = stream->site_count,
	    .type = BOX_PARK,
	};
	return 1;
}

static size_t park_begin(struct box_stream *stream, uint64_t tick, struct box *out)
{
	size_t count = polls_drop(stream, tick, out);

	stream->open.parked = true;
	stream->open.park_tick = tick;
	return count;
}

static size_t loop_leave(struct box_stream *stream, uint64_t tick, struct box *out)
{
	size_t count = park_end(stream, tick, 0, out);

	count += polls_drop(stream, tick, out + count);
	if (stream->open.count > 0)
		open_pop(&stream->open);
	return count;
}

static size_t worker_end(struct box_stream *stream, uint64_t tick, struct box *out)
{
	size_t count = park_end(stream, tick, 0, out);

	while (stream->open.polls > 0)
		count += poll_end(stream, tick, BOX_UNENDED, out + count);
	stream->open.count = 0;
	return count;
}

static size_t simple_box(const struct box_stream *stream, enum box_type type, uint64_t tick,
			 uint64_t end, uint64_t object, struct box *out)
{
	*out = (struct box){.tick = tick,
			    .duration = end > tick ? end - tick : 0,
			    .object = object,
			    .site = stream->site_count,
			    .type = type};
	return 1;
}

static size_t instant(struct box_stream *stream, uint64_t tick, uint64_t word, struct box *out)
{
	uint32_t code = trace_word_code(word);
	uint64_t object = trace_word_object(word);

	if (code_is_poll(code))
		open_push(&stream->open, word, tick);
	switch (code) {
	case TRACE_POLL_END:
		return poll_end(stream, tick, 0, out);
	case TRACE_POLL_UNWOUND:
		return poll_end(stream, tick, BOX_UNWOUND, out);
	case TRACE_PARK:
		return park_begin(stream, tick, out);
	case TRACE_UNPARK:
		return park_end(stream, tick, object, out);
	case TRACE_TURN:
		return simple_box(stream, BOX_TURN, tick, tick, object, out);
	case TRACE_LOOP_ENTER:
		open_push(&stream->open, word, tick);
		return simple_box(stream, BOX_ENTER, tick, tick, 0, out);
	case TRACE_LOOP_LEAVE:
		return loop_leave(stream, tick, out);
	case TRACE_WORKER_END:
		return worker_end(stream, tick, out);
	case TRACE_LOST_FULL:
	case TRACE_LOST_REENTRANT:
	case TRACE_LOST_DEPTH:
		return simple_box(stream, BOX_HOLE, stream->last_tick, tick, object, out);
	}
	return 0;
}

void box_stream_begin(struct box_stream *stream, const struct trace_context *context, size_t count)
{
	open_take(&stream->open, context, count);
}

size_t box_stream_feed(struct box_stream *stream, const struct trace_item *items, size_t count,
		       struct box *out)
{
	size_t made = 0;

	for (size_t i = 0; i < count; i++) {
		const struct trace_item *item = &items[i];
		uint64_t end = item->tick;
		if (item->shape == TRACE_SHAPE_POLL) {
			end += item->duration;
			out[made++] = poll_box(stream, item->tick, item->duration, item->word);
		} else if (item->shape == TRACE_SHAPE_WAIT) {
			end += item->duration;
			made += park_begin(stream, item->tick, out + made);
			made += park_end(stream, end, trace_word_object(item->word), out + made);
		} else {
			made += instant(stream, item->tick, item->word, out + made);
		}
		if (end > stream->last_tick)
			stream->last_tick = end;
	}
	return made;
}

size_t box_stream_end(struct box_stream *stream, uint64_t tick, struct box *out)
{
	size_t count = worker_end(stream, tick, out);

	for (size_t i = 0; i < count; i++)
		out[i].flags = BOX_OPEN;
	return count;
}
