/* SPDX-License-Identifier: Apache-2.0
 *
 * See encoder.h. One loop examines up to three records and writes one item. It branches on what the
 * records are, because programs repeat themselves. It does not branch on lengths, because times
 * vary. Control byte and field length come from a table indexed by the number of bits, and eight
 * bytes are stored whatever the length. A word's index in this block is one look-up in a table that
 * stays in the first-level cache.
 */
#include "encoder.h"

#include <stddef.h>
#include <string.h>

#include "format/trace_wire.h"

#define INLINE		    static inline __attribute__((always_inline))
#define NOINLINE	    __attribute__((noinline))
#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#define DEFINE_BYTES_MAX 9 /* control, code, object */
#define STEP_BYTES_MAX                                                                             \
	(2 * DEFINE_BYTES_MAX + TRACE_ITEM_BYTES_MAX + 8 /* what a store may write too much */)

/* Where the block is being written. Its address is given to inlined functions only, so it lives in
 * registers. */
struct pen {
	uint8_t *at;
	uint8_t *limit; /* no item may begin at or after it */
	uint64_t tick;	/* end of the item before */
};

void encoder_words_init(struct encoder_words *words)
{
	memset(words, 0, sizeof(*words));
}

void encoder_init(struct encoder *encoder, uint32_t worker, uint32_t unit_shift)
{
	memset(encoder, 0, sizeof(*encoder));
	encoder->worker = worker;
	encoder->unit_shift = unit_shift & 63;
}

void encoder_save(const struct encoder *encoder, struct shared_open *open)
{
	open->index = encoder->index;
	open->tick = encoder->tick;
	open->count = encoder->open.count + encoder->open.parked + encoder->open.beyond;
	open_give(&encoder->open, open->open, SHARED_OPEN_MAX);
}

void encoder_restore(struct encoder *encoder, const struct shared_open *open)
{
	uint32_t kept = open->count < SHARED_OPEN_MAX ? open->count : SHARED_OPEN_MAX;

	encoder->index = open->index;
	encoder->tick = open->tick;
	open_take(&encoder->open, open->open, kept);
	encoder->open.beyond = open->count - kept;
}

/* ---- Words ----------------------------------------------------------------------------------- */

INLINE uint32_t word_slot(uint64_t word)
{
	return (uint32_t)(word * 0x9e3779b97f4a7c15ull >> (64 - 13));
}
_Static_assert(ENCODER_SLOTS == 1 << 13, "word_slot");

/* A new block starts with an empty table of words. */
static void words_forget(struct encoder_words *words)
{
	for (uint32_t i = 0; i < words->count; i++)
		words->slots[words->used[i]].word = 0;
	words->count = 0;
	words->object = 0;
}

static uint8_t *put_define(struct encoder_words *words, uint8_t *at, uint64_t word)
{
	uint64_t object = trace_word_object(word);
	uint64_t zigzag = put_zigzag48(object - words->object);
	uint32_t class = (zigzag > 0xff) + (zigzag > 0xffff) + (zigzag > 0xffffff);

	words->object = object;
	at[0] = (uint8_t)(TRACE_SHAPE_OTHER | class << 4);
	put_u16(at + 1, (uint16_t)trace_word_code(word));
	put_u64(at + 3, zigzag);
	return at + 3 + wire_duration_bytes(class);
}

/* The word is not in its own slot: it lies in one of the next, or is new. Word 0, which no hook
 * writes, is always new: it marks the free slots. */
static NOINLINE uint32_t words_find(struct encoder_words *words, uint8_t **at, uint64_t word)
{
	uint32_t slot = word_slot(word);

	for (; words->slots[slot].word != 0; slot = (slot + 1) % ENCODER_SLOTS)
		if (words->slots[slot].word == word)
			return words->slots[slot].index;
	words->slots[slot].word = word;
	words->slots[slot].index = words->count;
	words->used[words->count] = (uint16_t)slot;
	*at = put_define(words, *at, word);
	return words->count++;
}

INLINE uint32_t words_index(struct encoder_words *words, struct pen *pen, uint64_t word)
{
	uint32_t slot = word_slot(word);
	uint8_t *at = pen->at;
	uint32_t index;

	if (LIKELY(words->slots[slot].word == word && word != 0))
		return words->slots[slot].index;
	index = words_find(words, &at, word);
	pen->at = at;
	if (words->count > ENCODER_WORDS_MAX - 3) /* the next item might need two more */
		pen->limit = at;
	return index;
}

/* ---- Items ----------------------------------------------------------------------------------- */

/* By the number of bits: the field's part of the control byte, and its length << 8. */
#define GAP(class)	((class) << 2 | (WIRE_GAP_BYTES >> 4 * (class) & 15) << 8)
#define DURATION(class) ((class) << 4 | (WIRE_DURATION_BYTES >> 4 * (class) & 15) << 8)

static const uint16_t gap_fields[65] = {
    [0] = GAP(0), [1 ... 8] = GAP(1), [9 ... 16] = GAP(2), [17 ... 64] = GAP(3)};
static const uint16_t duration_fields[65] = {[0 ... 8] = DURATION(0),
					     [9 ... 16] = DURATION(1),
					     [17 ... 24] = DURATION(2),
					     [25 ... 64] = DURATION(3)};

/* How many bits a number has, which is below 2^63; 0 for 0. */
INLINE uint32_t bits(uint64_t value)
{
	return 63 - (uint32_t)__builtin_clzll(value << 1 | 1);
}

INLINE int is_too_long(uint64_t ticks)
{
	return UNLIKELY(ticks >> TRACE_GAP_BITS);
}

/* Control byte and indices go out together, then the times. */
INLINE void put_item(struct pen *pen, uint32_t control, uint64_t indices, uint32_t indices_bytes,
		     uint64_t start, uint64_t end, uint32_t duration_field)
{
	uint32_t gap_field = gap_fields[bits(start - pen->tick)];
	uint8_t *at = pen->at;

	put_u64(at, (uint8_t)(control | gap_field | duration_field) | indices << 8);
	at += 1 + indices_bytes;
	put_u64(at, start - pen->tick);
	at += gap_field >> 8;
	put_u64(at, end - start);
	pen->at = at + (duration_field >> 8);
	pen->tick = end;
}

INLINE void put_with_word(struct encoder_words *words, struct pen *pen, uint32_t shape,
			  uint64_t word, uint64_t start, uint64_t end)
{
	uint32_t index = words_index(words, pen, word);
	uint32_t wide = index > 0xff;
	uint32_t duration_field =
	    shape == TRACE_SHAPE_INSTANT ? 0 : duration_fields[bits(end - start)];

	put_item(pen, shape | wide << 6, index, 1 + wide, start, end, duration_field);
}

INLINE void put_poll_with_inner(struct encoder_words *words, struct pen *pen, uint64_t word,
				uint64_t inner, uint64_t start, uint64_t end)
{
	uint32_t index = words_index(words, pen, word),
		 inner_index = words_index(words, pen, inner);
	uint32_t wide = (index | inner_index) > 0xff;

	put_item(pen, TRACE_SHAPE_POLL | wide << 6 | 1 << 7,
		 index | (uint64_t)inner_index << (8 << wide), 2 << wide, start, end,
		 duration_fields[bits(end - start)]);
}

INLINE uint64_t tick_of(uint32_t unit_shift, uint64_t counter, uint64_t at_least)
{
	uint64_t tick = counter >> unit_shift;

	return tick > at_least ? tick : at_least;
}

INLINE void longest_note(struct encoder_longest *longest, uint64_t start, uint64_t end)
{
	if (UNLIKELY(end - start > longest->ticks))
		*longest = (struct encoder_longest){end - start, end};
}

/* A wait begins: what the loop ran since the last one is over. */
INLINE void turn_end(struct encoder *encoder, uint64_t tick)
{
	if (encoder->turn_tick != 0)
		longest_note(&encoder->turn, encoder->turn_tick, tick);
}

static NOINLINE void open_track(struct encoder *encoder, uint64_t word, uint64_t tick)
{
	struct open_stack *open = &encoder->open;
	uint32_t code = trace_word_code(word);

	if (word == TRACE_POLL_END && open_top_is_poll(open) &&
	    open->list[open->count - 1].tick > encoder->lost_tick)
		longest_note(&encoder->poll, open->list[open->count - 1].tick, tick);
	if (word == TRACE_PARK)
		turn_end(encoder, tick);
	if (code == TRACE_UNPARK || code == TRACE_LOOP_ENTER)
		encoder->turn_tick = tick;
	open_apply(open, word, tick);
}

/* A wait without a time-out, or a gap: what began before that is not known to be what ends after.
 */
static NOINLINE void turn_track(struct encoder *encoder, uint32_t code, uint64_t tick)
{
	if (code == TRACE_TURN)
		turn_end(encoder, tick);
	else
		encoder->lost_tick = tick;
	encoder->turn_tick = code == TRACE_TURN ? tick : 0;
}

/* A poll whose records follow each other; returns how many they are, 0 if they don't. */
INLINE uint32_t poll_encode(struct encoder_words *words, struct pen *pen, uint32_t unit_shift,
			    uint64_t start, const struct record *record)
{
	uint64_t word = record[0].word, second = record[1].word;
	uint64_t middle = tick_of(unit_shift, record[1].counter, start), end;

	if (LIKELY(second == TRACE_POLL_END)) {
		if (is_too_long(middle - start))
			return 0;
		put_with_word(words, pen, TRACE_SHAPE_POLL, word, start, middle);
		return 2;
	}
	if (record[2].word != TRACE_POLL_END || middle != start ||
	    !trace_code_is_inner(trace_word_code(second)))
		return 0;
	end = tick_of(unit_shift, record[2].counter, start);
	if (is_too_long(end - start))
		return 0;
	put_poll_with_inner(words, pen, word, second, start, end);
	return 3;
}

/* A wait whose end follows, likewise. */
INLINE uint32_t wait_encode(struct encoder_words *words, struct pen *pen, uint32_t unit_shift,
			    uint64_t start, const struct record *record)
{
	uint64_t second = record[1].word, end = tick_of(unit_shift, record[1].counter, start);

	if (trace_word_code(second) != TRACE_UNPARK || is_too_long(end - start))
		return 0;
	put_with_word(words, pen, TRACE_SHAPE_WAIT, second, start, end);
	return 2;
}

/* Encodes the items that begin in the first `count` records; two more must lie behind them. Returns
 * how many records it took. */
INLINE uint64_t items_encode(struct encoder *encoder, struct encoder_words *words, struct pen *pen,
			     const struct record *records, uint64_t count)
{
	uint32_t unit_shift = encoder->unit_shift;
	uint64_t at = 0;

	while (at < count && pen->at < pen->limit) {
		const struct record *record = &records[at];
		uint64_t word = record->word,
			 start = tick_of(unit_shift, record->counter, pen->tick);
		uint32_t code = trace_word_code(word), taken = 0;

		if (is_too_long(start - pen->tick))
			break;
		if (LIKELY(trace_code_is_poll(code))) {
			taken = poll_encode(words, pen, unit_shift, start, record);
			if (LIKELY(taken > 0))
				longest_note(&encoder->poll, start, pen->tick);
		} else if (word == TRACE_PARK) {
			taken = wait_encode(words, pen, unit_shift, start, record);
			if (LIKELY(taken > 0)) {
				turn_end(encoder, start);
				encoder->turn_tick = pen->tick;
			}
		}
		if (taken == 0) {
			put_with_word(words, pen, TRACE_SHAPE_INSTANT, word, start, start);
			taken = 1;
			if (trace_code_nests(code))
				open_track(encoder, word, start);
			else if (code == TRACE_TURN || code - TRACE_LOST_FULL < 3u)
				turn_track(encoder, code, start);
		}
		at += taken;
	}
	return at;
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

/* The items that begin in the last two records before the ring's end, or before the end of what
 * there is: they are looked at in a copy, where what follows lies behind them; at the very end that
 * is zeroes, which are no event. */
static uint64_t bridge_encode(struct encoder *encoder, struct encoder_words *words, struct pen *pen,
			      const struct encoder_source *source, uint64_t at, uint64_t count)
{
	struct record copy[4] = {{0, 0}};
	uint64_t left = source->first + source->count - at;

	for (uint64_t i = 0; i < 4 && i < left; i++)
		copy[i] = source->records[(at + i) & source->mask];
	return items_encode(encoder, words, pen, copy, count);
}

/* Encodes up to the end of the ring's memory, without wrapping. */
static uint64_t straight_encode(struct encoder *encoder, struct encoder_words *words,
				struct pen *pen, const struct encoder_source *source, uint64_t at)
{
	uint64_t left = source->first + source->count - at;
	uint64_t straight = source->mask + 1 - (at & source->mask);
	uint64_t count = left < straight ? left : straight;

	if (count <= 2)
		return bridge_encode(encoder, words, pen, source, at, count);
	return items_encode(encoder, words, pen, &source->records[at & source->mask], count - 2);
}

static void header_put(const struct encoder *encoder, struct trace_block_header *block,
		       uint64_t first_tick)
{
	memset(block, 0, sizeof(*block));
	block->magic = TRACE_BLOCK_MAGIC;
	block->type = TRACE_BLOCK_EVENTS;
	block->header_bytes = sizeof(*block);
	block->worker = encoder->worker;
	block->first_index = encoder->index;
	block->first_tick = first_tick;
	block->context_count = encoder->open.count + encoder->open.parked;
}

uint64_t encoder_encode(struct encoder *encoder, struct encoder_words *words,
			const struct encoder_source *source, struct trace_block_header *block,
			uint32_t bytes)
{
	uint64_t at = source->first, end = source->first + source->count, some;
	uint8_t *payload = (uint8_t *)(block + 1);
	struct pen pen = {.limit = (uint8_t *)block + bytes - STEP_BYTES_MAX};

	if (source->count == 0)
		return 0;
	pen.tick =
	    tick_of(encoder->unit_shift, source->records[at & source->mask].counter, encoder->tick);
	header_put(encoder, block, pen.tick);
	pen.at =
	    payload + open_give(&encoder->open, (struct trace_context *)payload, OPEN_LIST_MAX) *
			  sizeof(struct trace_context);
	words_forget(words);
	do {
		some = straight_encode(encoder, words, &pen, source, at);
		at += some;
	} while (some > 0 && at < end);
	block->event_count = (uint32_t)(at - source->first);
	block->last_tick = encoder->tick = pen.tick;
	block->payload_bytes = (uint32_t)(pen.at - payload);
	encoder->index += at - source->first;
	return at - source->first;
}
