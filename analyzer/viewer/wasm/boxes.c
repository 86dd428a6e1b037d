/* SPDX-License-Identifier: Apache-2.0
 *
 * See boxes.h. What is open is kept by the rule of open_stack.h.
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

/* Takes so many of the innermost off; polls give boxes. */
static size_t innermost_end(struct box_stream *stream, uint64_t tick, uint32_t count,
			    uint16_t flags, struct box *out)
{
	size_t made = 0;

	for (; count > 0; count--) {
		struct trace_context top = open_pop(&stream->open);
		if (!trace_word_is_poll(top.word))
			continue;
		out[made] =
		    poll_box(stream, top.tick, tick > top.tick ? tick - top.tick : 0, top.word);
		out[made++].flags = flags;
	}
	return made;
}

static size_t park_box(const struct box_stream *stream, uint64_t tick, uint64_t ready,
		       struct box *out)
{
	uint64_t since = stream->open.park_tick;

	if (!stream->open.parked)
		return 0;
	*out = (struct box){
	    .tick = since,
	    .duration = tick > since ? tick - since : 0,
	    .object = ready,
	    .site = stream->site_count,
	    .type = BOX_PARK,
	};
	return 1;
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

/* What the event closes. Of a wait whose end was lost nothing is drawn. */
static size_t closed_boxes(struct box_stream *stream, uint64_t tick, uint64_t word, struct box *out)
{
	enum trace_effect effect = trace_code_effect(trace_word_code(word));
	uint32_t closing = open_closing(&stream->open, effect);
	size_t made = 0;

	if (effect == TRACE_EFFECT_CLOSES_WAIT)
		made = park_box(stream, tick, trace_word_object(word), out);
	else if (effect == TRACE_EFFECT_CLOSES_LOOP || effect == TRACE_EFFECT_CLOSES_ALL)
		made = park_box(stream, tick, 0, out);
	else if (effect == TRACE_EFFECT_CLOSES_POLL && closing > 0) {
		uint16_t flags = trace_word_code(word) == TRACE_POLL_UNWOUND ? BOX_UNWOUND : 0;
		return innermost_end(stream, tick, closing, flags, out);
	}
	return made + innermost_end(stream, tick, closing, BOX_UNENDED, out + made);
}

/* Before a wait, of whatever length: the iteration that is over. */
static size_t iteration_box(const struct box_stream *stream, uint64_t tick, struct box *out)
{
	if (!stream->iterations_are_polls || !stream->iteration_tick || stream->open.parked)
		return 0;
	return simple_box(stream, BOX_POLL, stream->iteration_tick, tick, 0, out);
}

/* What an event says of the iteration that the loop is in. */
static size_t iteration_follow(struct box_stream *stream, uint64_t tick, uint32_t code,
			       struct box *out)
{
	size_t made = 0;

	if (code == TRACE_PARK || code == TRACE_TURN)
		made = iteration_box(stream, tick, out);
	if (code == TRACE_TURN || (code == TRACE_UNPARK && stream->open.parked))
		stream->iteration_tick = tick;
	else if (code == TRACE_PARK || code == TRACE_LOOP_LEAVE ||
		 trace_set_has(trace_lost_set, code))
		stream->iteration_tick = 0;
	return made;
}

static size_t instant(struct box_stream *stream, uint64_t tick, uint64_t word, struct box *out)
{
	uint32_t code = trace_word_code(word);
	uint64_t object = trace_word_object(word);
	size_t made = iteration_follow(stream, tick, code, out);

	made += closed_boxes(stream, tick, word, out + made);
	open_begin(&stream->open, word, tick);
	out += made;
	if (code == TRACE_TURN)
		return made + simple_box(stream, BOX_TURN, tick, tick, object, out);
	if (code == TRACE_LOOP_ENTER)
		return made + simple_box(stream, BOX_ENTER, tick, tick, 0, out);
	if (trace_set_has(trace_lost_set, code))
		return made + simple_box(stream, BOX_HOLE, stream->last_tick, tick, object, out);
	return made;
}

void box_stream_begin(struct box_stream *stream, const struct trace_context *context, size_t count,
		      bool after_gap)
{
	if (after_gap)
		stream->iteration_tick = 0;
	if (context)
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
			made += instant(stream, item->tick, TRACE_PARK, out + made);
			made += instant(stream, end, item->word, out + made);
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
	size_t count = stream->ends_inside ? iteration_box(stream, tick, out) : 0;

	count += instant(stream, tick, TRACE_WORKER_END, out + count);
	for (size_t i = 0; i < count; i++)
		out[i].flags = BOX_OPEN;
	return count;
}
