/* SPDX-License-Identifier: Apache-2.0
 *
 * See encoder.h. The way of an item: item_look() reads up to three records and says what shape they make,
 * item_put() writes it down. Both are inlined into one loop without branches that depend on the data but the rare
 * ones (a word that is new to the block, an event that opens or closes something by itself), because a branch
 * foretold wrongly costs as much as two whole records.
 */
#include "encoder.h"

#include <stddef.h>
#include <string.h>

#include "trace_wire.h"

#define INLINE		    static inline __attribute__((always_inline))
#define NOINLINE	    __attribute__((noinline))
#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#define DEFINE_BYTES_MAX 9 /* control, code, object */
#define STEP_BYTES_MAX	 (2 * DEFINE_BYTES_MAX + TRACE_ITEM_BYTES_MAX + 8 /* what a store may write too much */)

/* Where the block is being written. */
struct pen {
	uint8_t *at;
	uint8_t *limit;	 /* no item may begin at or after it */
	uint64_t tick;	 /* end of the item before */
	uint64_t object; /* of the DEFINE before */
};

/* One to three records that become one item. */
struct item {
	uint64_t word, inner_word;
	uint64_t start_tick, end_tick;
	uint32_t control;
	uint32_t records;
	uint32_t timed; /* POLL, WAIT */
	uint32_t inner; /* POLL with an event inside */
};

void encoder_words_init(struct encoder_words *words)
{
	memset(words, 0, sizeof(*words));
	words->base = words->next = 1; /* so that the zeroes lie below every base */
}

void encoder_init(struct encoder *encoder, uint32_t worker, uint32_t unit_shift)
{
	memset(encoder, 0, sizeof(*encoder));
	encoder->worker = worker;
	encoder->unit_shift = unit_shift & 63;
}

int encoder_is_parked(const struct encoder *encoder)
{
	return encoder->open_count > 0 && encoder->open[encoder->open_count - 1].word == TRACE_PARK;
}

/* ---- What is open --------------------------------------------------------------------------------------- */

static int code_is_poll(uint32_t code)
{
	return code - TRACE_CODE_POLL < TRACE_SITES_MAX;
}

static void open_push(struct encoder *encoder, uint64_t word, uint64_t tick)
{
	if (encoder->open_count == ENCODER_OPEN_MAX) {
		encoder->open_beyond++;
		return;
	}
	encoder->open[encoder->open_count].word = word;
	encoder->open[encoder->open_count++].tick = tick;
}

static int open_matches(uint64_t open_word, uint32_t end_code)
{
	uint32_t code = trace_word_code(open_word);

	switch (end_code) {
	case TRACE_UNPARK:
		return code == TRACE_PARK;
	case TRACE_LOOP_LEAVE:
		return code == TRACE_LOOP_ENTER;
	default:
		return code_is_poll(code);
	}
}

/* Closes the innermost one that the event can end, and whatever a lost event left open inside it. */
static void open_pop(struct encoder *encoder, uint32_t end_code)
{
	if (encoder->open_beyond > 0) {
		encoder->open_beyond--;
		return;
	}
	for (uint32_t i = encoder->open_count; i-- > 0;) {
		if (open_matches(encoder->open[i].word, end_code)) {
			encoder->open_count = i;
			return;
		}
	}
}

/* The codes below 8 that open or close something. */
#define TRACKED_CODES                                                                                                  \
	(1u << TRACE_POLL_END | 1u << TRACE_POLL_UNWOUND | 1u << TRACE_PARK | 1u << TRACE_UNPARK |                     \
	 1u << TRACE_LOOP_ENTER | 1u << TRACE_LOOP_LEAVE)

INLINE int code_is_tracked(uint32_t code)
{
	return code_is_poll(code) || (code < 8 && TRACKED_CODES >> code & 1);
}

static NOINLINE void open_track(struct encoder *encoder, uint64_t word, uint64_t tick)
{
	uint32_t code = trace_word_code(word);

	if (code_is_poll(code) || code == TRACE_PARK || code == TRACE_LOOP_ENTER)
		open_push(encoder, word, tick);
	else
		open_pop(encoder, code);
}

/* ---- Words ---------------------------------------------------------------------------------------------- */

INLINE uint32_t word_slot(uint64_t word)
{
	return (uint32_t)(word * 0x9e3779b97f4a7c15ull >> (64 - 13));
}
_Static_assert(ENCODER_SLOTS == 1 << 13, "word_slot");

INLINE uint32_t words_count(const struct encoder_words *words)
{
	return (uint32_t)(words->next - words->base);
}

static void put_define(struct pen *pen, uint64_t word)
{
	uint64_t object = trace_word_object(word);
	uint64_t zigzag = put_zigzag48(object - pen->object);
	uint32_t class = (zigzag > 0xff) + (zigzag > 0xffff) + (zigzag > 0xffffff);

	pen->object = object;
	pen->at[0] = (uint8_t)(TRACE_SHAPE_OTHER | class << 4);
	put_u16(pen->at + 1, (uint16_t)trace_word_code(word));
	put_u64(pen->at + 3, zigzag);
	pen->at += 3 + wire_duration_bytes(class);
}

/* The word is not in its own slot: it lies in one of the next, or is new. */
static NOINLINE uint32_t words_find(struct encoder_words *words, struct pen *pen, uint64_t word)
{
	uint32_t slot = word_slot(word);
	uint32_t count = words_count(words);

	for (; words->slots[slot].number >= words->base; slot = (slot + 1) % ENCODER_SLOTS)
		if (words->slots[slot].word == word)
			return (uint32_t)(words->slots[slot].number - words->base);
	words->slots[slot].word = word;
	words->slots[slot].number = words->next++;
	put_define(pen, word);
	if (count + 3 > ENCODER_WORDS_MAX) /* the next item might need two more */
		pen->limit = pen->at;
	return count;
}

INLINE uint32_t words_index(struct encoder_words *words, struct pen *pen, uint64_t word)
{
	uint32_t slot = word_slot(word);
	uint64_t index = words->slots[slot].number - words->base;

	if (LIKELY(words->slots[slot].word == word && (int64_t)index >= 0))
		return (uint32_t)index;
	return words_find(words, pen, word);
}

/* ---- Items ---------------------------------------------------------------------------------------------- */

INLINE uint64_t tick_of(const struct encoder *encoder, uint64_t counter, uint64_t at_least)
{
	uint64_t tick = counter >> encoder->unit_shift;

	return tick > at_least ? tick : at_least;
}

/* Events that may come inside a fused poll: they open and close nothing. */
INLINE uint32_t code_is_inner(uint32_t code)
{
	return (code - TRACE_CODE_SUBMIT < TRACE_SITES_MAX) |
	       (code - TRACE_ASYNC_SEND <= (uint32_t)(TRACE_HANDLE_CLOSE - TRACE_ASYNC_SEND));
}

INLINE struct item item_look(const struct encoder *encoder, uint64_t tick, const struct record *records, uint64_t mask,
			     uint64_t at)
{
	struct record first = records[at & mask];
	struct record second = records[(at + 1) & mask];
	struct record third = records[(at + 2) & mask];
	uint64_t start = tick_of(encoder, first.counter, tick);
	uint64_t middle = tick_of(encoder, second.counter, start);
	uint64_t end = tick_of(encoder, third.counter, middle);
	uint32_t is_start = trace_word_code(first.word) - TRACE_CODE_POLL < TRACE_SITES_MAX;
	uint32_t poll = is_start & (second.word == TRACE_POLL_END);
	uint32_t wait = (first.word == TRACE_PARK) & (trace_word_code(second.word) == TRACE_UNPARK);
	uint32_t inner =
	    is_start & (third.word == TRACE_POLL_END) & (middle == start) & code_is_inner(trace_word_code(second.word));
	uint32_t timed = poll | wait | inner;
	struct item item = {
	    .word = wait ? second.word : first.word,
	    .inner_word = second.word,
	    .start_tick = start,
	    .end_tick = timed ? (inner ? end : middle) : start,
	    .control = timed ? (wait ? TRACE_SHAPE_WAIT : TRACE_SHAPE_POLL) | inner << 7 : TRACE_SHAPE_INSTANT,
	    .records = 1 + timed + inner,
	    .timed = timed,
	    .inner = inner,
	};

	return item;
}

/* An item whose duration the format cannot hold: its first record alone. */
static NOINLINE struct item item_split(struct item item, uint64_t first_word)
{
	item.word = first_word;
	item.end_tick = item.start_tick;
	item.control = TRACE_SHAPE_INSTANT;
	item.records = 1;
	item.timed = item.inner = 0;
	return item;
}

INLINE void item_put(struct encoder_words *words, struct pen *pen, struct item item)
{
	uint64_t gap = item.start_tick - pen->tick;
	uint64_t duration = item.end_tick - item.start_tick;
	uint32_t gap_class = (gap > 0) + (gap > 0xff) + (gap > 0xffff);
	uint32_t duration_class = (duration > 0xff) + (duration > 0xffff) + (duration > 0xffffff);
	uint32_t index = words_index(words, pen, item.word);
	uint32_t inner_index = item.inner ? words_index(words, pen, item.inner_word) : 0;
	uint32_t wide = (index | inner_index) > 0xff;
	uint8_t *at = pen->at;

	at[0] = (uint8_t)(item.control | gap_class << 2 | duration_class << 4 | wide << 6);
	put_u32(at + 1, index | inner_index << (8 << wide));
	at += 1 + ((1 + item.inner) << wide);
	put_u64(at, gap);
	at += wire_gap_bytes(gap_class);
	put_u64(at, duration);
	at += item.timed ? wire_duration_bytes(duration_class) : 0;
	pen->at = at;
	pen->tick = item.end_tick;
}

/* Records [at, end); `mask` lets the last ones look at two more, which must be there. Returns where it stopped. */
INLINE uint64_t items_encode(struct encoder *encoder, struct encoder_words *words, struct pen *pen,
			     const struct record *records, uint64_t mask, uint64_t at, uint64_t end)
{
	while (at < end && pen->at < pen->limit) {
		struct item item = item_look(encoder, pen->tick, records, mask, at);

		if (UNLIKELY((item.end_tick - item.start_tick) >> TRACE_GAP_BITS))
			item = item_split(item, records[at & mask].word);
		if (UNLIKELY((item.start_tick - pen->tick) >> TRACE_GAP_BITS))
			break;
		item_put(words, pen, item);
		if (!item.timed && code_is_tracked(trace_word_code(item.word)))
			open_track(encoder, item.word, item.start_tick);
		at += item.records;
	}
	return at;
}

/* ---- Blocks --------------------------------------------------------------------------------------------- */

/* The last two records have nothing behind them that belongs to them: they are looked at in a copy that ends in
 * zeroes, which are no event. */
static uint64_t tail_encode(struct encoder *encoder, struct encoder_words *words, struct pen *pen,
			    const struct encoder_source *source, uint64_t at)
{
	struct record last[4] = {{0, 0}};
	uint64_t count = source->first + source->count - at;

	for (uint64_t i = 0; i < count; i++)
		last[i] = source->records[(at + i) & source->mask];
	return at + items_encode(encoder, words, pen, last, 3, 0, count);
}

static uint8_t *context_put(const struct encoder *encoder, uint8_t *at)
{
	memcpy(at, encoder->open, encoder->open_count * sizeof(encoder->open[0]));
	return at + encoder->open_count * sizeof(encoder->open[0]);
}

static void header_put(const struct encoder *encoder, struct trace_block_header *block, uint64_t first_tick)
{
	memset(block, 0, sizeof(*block));
	block->magic = TRACE_BLOCK_MAGIC;
	block->type = TRACE_BLOCK_EVENTS;
	block->header_bytes = sizeof(*block);
	block->worker = encoder->worker;
	block->first_index = encoder->index;
	block->first_tick = first_tick;
	block->context_count = encoder->open_count;
}

uint64_t encoder_encode(struct encoder *encoder, struct encoder_words *words, const struct encoder_source *source,
			struct trace_block_header *block, uint32_t bytes)
{
	uint64_t at = source->first, end = source->first + source->count, taken;
	uint8_t *payload = (uint8_t *)(block + 1);
	struct pen pen = {.limit = (uint8_t *)block + bytes - STEP_BYTES_MAX};

	if (source->count == 0)
		return 0;
	pen.tick = tick_of(encoder, source->records[at & source->mask].counter, encoder->tick);
	header_put(encoder, block, pen.tick);
	pen.at = context_put(encoder, payload);
	words->base = words->next;
	if (source->count > 2)
		at = items_encode(encoder, words, &pen, source->records, source->mask, at, end - 2);
	if (end - at <= 2)
		at = tail_encode(encoder, words, &pen, source, at);
	taken = at - source->first;
	block->event_count = (uint32_t)taken;
	block->last_tick = encoder->tick = pen.tick;
	block->payload_bytes = (uint32_t)(pen.at - payload);
	encoder->index += taken;
	return taken;
}
