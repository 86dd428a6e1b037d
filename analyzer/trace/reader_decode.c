/* SPDX-License-Identifier: Apache-2.0
 *
 * Encoded items to struct trace_item: the loop that every event of every trace goes through.
 *
 * Rules: what an item looks like follows from its control byte alone, so a table gives offsets,
 * masks and length; fields are loaded as eight bytes and masked, whatever their length.
 * READER_SLACK bytes behind the end may be read (and are thrown away). No bound is checked a field,
 * only once an item: its end against the end of the bytes. 16-bit indices are checked against the
 * words defined so far; index 0 is always there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader_internal.h"
#include "format/trace_wire.h"

#define WORDS_BEGIN 256

struct layout {
	uint8_t length; /* of the item; OTHER: of the control byte */
	uint8_t second_at, gap_at, duration_at;
	uint8_t shape, has_second;
	uint16_t index_mask, second_mask;
	uint64_t gap_mask, duration_mask;
};

#define SHAPE(control)	   ((control)&3u)
#define GAP_BYTES(control) (WIRE_GAP_BYTES >> 4 * ((control) >> 2 & 3) & 15u)
#define HAS_DURATION(control)                                                                      \
	(SHAPE(control) == TRACE_SHAPE_POLL || SHAPE(control) == TRACE_SHAPE_WAIT)
#define DURATION_BYTES(control)                                                                    \
	(HAS_DURATION(control) ? WIRE_DURATION_BYTES >> 4 * ((control) >> 4 & 3) & 15u : 0u)
#define INDEX_BYTES(control)  (1u + ((control) >> 6 & 1))
#define HAS_SECOND(control)   (SHAPE(control) == TRACE_SHAPE_POLL && (control) >> 7)
#define SECOND_BYTES(control) (HAS_SECOND(control) ? INDEX_BYTES(control) : 0u)
#define MASK(bytes)	      ((bytes) == 0 ? 0 : UINT64_MAX >> (64 - 8 * ((bytes) ? (bytes) : 8)))
#define IS_OTHER(control)     (SHAPE(control) == TRACE_SHAPE_OTHER)

#define GAP_AT(control)	     (1 + INDEX_BYTES(control) + SECOND_BYTES(control))
#define DURATION_AT(control) (GAP_AT(control) + GAP_BYTES(control))
#define END_AT(control)	     (DURATION_AT(control) + DURATION_BYTES(control))
#define LENGTH(control)	     (IS_OTHER(control) ? 1 : END_AT(control))

#define LAYOUT(control)                                                                            \
	{                                                                                          \
		.length = LENGTH(control), .second_at = 1 + INDEX_BYTES(control),                  \
		.gap_at = GAP_AT(control), .duration_at = DURATION_AT(control),                    \
		.shape = SHAPE(control), .has_second = HAS_SECOND(control),                        \
		.index_mask = (uint16_t)MASK(INDEX_BYTES(control)),                                \
		.second_mask = (uint16_t)MASK(SECOND_BYTES(control)),                              \
		.gap_mask = MASK(GAP_BYTES(control)),                                              \
		.duration_mask = MASK(DURATION_BYTES(control)),                                    \
	}
#define LAYOUT4(n)  LAYOUT(n), LAYOUT((n) + 1), LAYOUT((n) + 2), LAYOUT((n) + 3)
#define LAYOUT16(n) LAYOUT4(n), LAYOUT4((n) + 4), LAYOUT4((n) + 8), LAYOUT4((n) + 12)
#define LAYOUT64(n) LAYOUT16(n), LAYOUT16((n) + 16), LAYOUT16((n) + 32), LAYOUT16((n) + 48)

static const struct layout layouts[256] = {LAYOUT64(0u), LAYOUT64(64u), LAYOUT64(128u),
					   LAYOUT64(192u)};

void reader_decode_begin(struct reader_decoder *decoder, uint64_t first_tick)
{
	decoder->tick = first_tick;
	decoder->word_count = 0;
	decoder->define_object = 0;
	decoder->skip_bytes = 0;
}

static int words_grow(struct reader_decoder *decoder)
{
	uint32_t capacity = decoder->word_capacity ? 2 * decoder->word_capacity : WORDS_BEGIN;
	uint64_t *grown;

	if (decoder->word_count < decoder->word_capacity)
		return 0;
	grown = reallocarray(decoder->words, capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	decoder->words = grown;
	decoder->word_capacity = capacity;
	return 0;
}

static bool decode_define(struct reader_decoder *decoder, enum reader_decode_end *why)
{
	uint32_t bytes = wire_duration_bytes(decoder->at[0] >> 4 & 3);
	uint64_t difference = get_zigzag48(get_u64(decoder->at + 3) & wire_mask(bytes));

	*why = READER_DECODE_BYTES;
	if (decoder->at + 3 + bytes > decoder->end)
		return false;
	*why = READER_DECODE_DAMAGED;
	if (decoder->word_count >= TRACE_WORDS_MAX)
		return false;
	*why = READER_DECODE_MEMORY;
	if (words_grow(decoder) != 0)
		return false;
	decoder->define_object = (decoder->define_object + difference) & TRACE_OBJECT_MASK;
	decoder->words[decoder->word_count++] =
	    trace_word(decoder->define_object, get_u16(decoder->at + 1));
	decoder->at += 3 + bytes;
	return true;
}

static bool skip_extension(struct reader_decoder *decoder, enum reader_decode_end *why)
{
	uint64_t left = decoder->end - decoder->at;

	*why = READER_DECODE_BYTES;
	if (decoder->skip_bytes == 0) {
		if (left < 3)
			return false;
		decoder->skip_bytes = 3 + get_u16(decoder->at + 1);
	}
	if (decoder->skip_bytes > left) {
		decoder->skip_bytes -= left;
		decoder->at = decoder->end;
		return false;
	}
	decoder->at += decoder->skip_bytes;
	decoder->skip_bytes = 0;
	return true;
}

/* An item of shape OTHER: false stops the decoder, *why says for what. */
static bool decode_other(struct reader_decoder *decoder, enum reader_decode_end *why)
{
	switch (decoder->at[0] >> 2 & 3) {
	case 0:
		return decode_define(decoder, why);
	case 3:
		return skip_extension(decoder, why);
	default:
		*why = READER_DECODE_DAMAGED;
		return false;
	}
}

/* Items until one of the other shape, or the end of room, bytes or time; returns behind the last
 * item written. */
static struct trace_item *decode_plain(struct reader_decoder *decoder, uint64_t until,
				       struct trace_item *item, const struct trace_item *end_item,
				       enum reader_decode_end *why)
{
	const unsigned char *at = decoder->at, *end = decoder->end;
	const uint64_t *words = decoder->words;
	uint32_t word_count = decoder->word_count;
	uint64_t tick = decoder->tick;

	*why = READER_DECODE_FULL;
	while (item + 1 < end_item) {
		const struct layout *layout = &layouts[at[0]];
		uint32_t index = get_u16(at + 1) & layout->index_mask;
		uint32_t second = get_u16(at + layout->second_at) & layout->second_mask;
		uint64_t start = tick + (get_u64(at + layout->gap_at) & layout->gap_mask);
		uint64_t duration = get_u64(at + layout->duration_at) & layout->duration_mask;

		*why = READER_DECODE_BYTES;
		if (__builtin_expect(
			at + layout->length > end || layout->shape == TRACE_SHAPE_OTHER, 0))
			break;
		*why = READER_DECODE_DAMAGED;
		if (__builtin_expect(index >= word_count || second >= word_count, 0))
			break;
		*why = READER_DECODE_UNTIL;
		if (__builtin_expect(start >= until, 0))
			break;
		item[0] = (struct trace_item){start, duration, words[index], layout->shape, 0};
		item[1] = (struct trace_item){start, 0, words[second], TRACE_SHAPE_INSTANT, 1};
		item += 1 + layout->has_second;
		tick = start + duration;
		at += layout->length;
		*why = READER_DECODE_FULL;
	}
	decoder->at = at;
	decoder->tick = tick;
	return item;
}

/* Decodes up to `max` items, 2 to READER_ITEMS_MAX, that start before `until`; *why says what ended
 * it. */
size_t reader_decode(struct reader_decoder *decoder, uint64_t until, struct trace_item *items,
		     size_t max, enum reader_decode_end *why)
{
	struct trace_item *item = items;

	for (;;) {
		if (decoder->skip_bytes > 0 && !skip_extension(decoder, why))
			break;
		item = decode_plain(decoder, until, item, items + max, why);
		if (*why != READER_DECODE_BYTES || decoder->at >= decoder->end ||
		    SHAPE(decoder->at[0]) != TRACE_SHAPE_OTHER)
			break;
		if (!decode_other(decoder, why))
			break;
	}
	if (decoder->tick < READER_TICK_MAX)
		return item - items;
	*why = READER_DECODE_DAMAGED;
	return 0;
}
