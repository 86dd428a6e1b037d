/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks one worker's blocks: loads their payloads window by window, has them decoded, passes over
 * what was already given out, and tells where records are missing and what was open there.
 *
 * Rules: a cursor reads its blocks with pread into its own window, so memory does not grow with the
 * trace. One call never returns items of both sides of a gap. A block whose items are not what its
 * header says costs its own rest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader_internal.h"
#include "ring/shared.h"

#define WINDOW_BYTES 65536
#define CONTEXT_MAX  (2 * TRACE_DEPTH_MAX + 2)
#define PENDING_MAX  3 /* what one item can become */

struct trace_cursor {
	struct reader *reader;
	const struct trace_process *process;
	const struct reader_blocks *blocks;
	size_t first_block, next_block, end_block;

	const struct reader_block *block; /* being read, or NULL */
	uint64_t file_offset, file_left;  /* of its payload, what is not in the window yet */
	struct reader_decoder decoder;
	uint64_t skip;	    /* records of it that were already given out */
	uint64_t reached;   /* index behind the last record given out */
	uint64_t last_tick; /* that was reached before this block: nothing may be earlier */

	struct trace_item pending[PENDING_MAX]; /* to be given out before anything else */
	size_t pending_at, pending_end;

	bool at_gap; /* the block's first item comes after missing data, or is the first of all or
			of this part */
	bool broken; /* the block before could not be read to its end */
	bool gap;    /* at_gap: not just the first of all */
	uint64_t missing; /* at_gap: so many records */
	bool context_loaded,
	    context_given; /* given: it belongs to the items of the last read, as do the next two */
	bool gap_given;
	uint64_t missing_given;
	struct trace_context context[CONTEXT_MAX];
	size_t context_count;
	char *problem;

	unsigned char window[WINDOW_BYTES + READER_SLACK];
};

struct trace_cursor *trace_cursor_open(struct trace *trace, size_t process, size_t worker_position)
{
	struct trace_cursor *cursor = calloc(1, sizeof(*cursor));

	if (!cursor)
		return NULL;
	cursor->reader = (struct reader *)trace;
	cursor->process = &trace->processes[process];
	cursor->blocks = cursor->process->workers[worker_position].blocks;
	cursor->end_block = cursor->blocks ? cursor->blocks->count : 0;
	return cursor;
}

void trace_cursor_close(struct trace_cursor *cursor)
{
	if (!cursor)
		return;
	free(cursor->decoder.words);
	free(cursor->problem);
	free(cursor);
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

static const struct reader_file *cursor_file(const struct trace_cursor *cursor)
{
	return &cursor->reader->files[cursor->block->file];
}

static uint64_t block_end(const struct reader_block *block)
{
	return block->first_index + block->event_count;
}

static void end_block(struct trace_cursor *cursor)
{
	cursor->reached = block_end(cursor->block);
	cursor->block = NULL;
}

/* Ends the block before its time; what it still had is lost. */
static void break_block(struct trace_cursor *cursor, const char *what)
{
	if (!cursor->problem && asprintf(&cursor->problem, "%s: %s in the block at byte %llu",
					 cursor_file(cursor)->path, what,
					 (unsigned long long)cursor->block->offset) < 0)
		cursor->problem = NULL;
	cursor->broken = true;
	end_block(cursor);
}

/* Moves what is left to the window's front and fills it up. False: nothing more could be had. */
static bool fill_window(struct trace_cursor *cursor)
{
	struct reader_decoder *decoder = &cursor->decoder;
	size_t left = decoder->end - decoder->at, capacity = WINDOW_BYTES - left;
	ssize_t got;

	if (cursor->file_left == 0)
		return false;
	if (capacity > cursor->file_left)
		capacity = cursor->file_left;
	memmove(cursor->window, decoder->at, left);
	got = reader_file_read(cursor_file(cursor), cursor->window + left, capacity,
			       cursor->file_offset);
	decoder->at = cursor->window;
	decoder->end = cursor->window + left + (got > 0 ? got : 0);
	if (got <= 0)
		return false;
	cursor->file_offset += got;
	cursor->file_left -= got;
	return true;
}

static void load_context(struct trace_cursor *cursor)
{
	size_t bytes = cursor->block->context_count * sizeof(struct trace_context);
	ssize_t got =
	    reader_file_read(cursor_file(cursor), cursor->context,
			     bytes < sizeof(cursor->context) ? bytes : sizeof(cursor->context),
			     cursor->block->offset);

	cursor->context_count = got < 0 ? 0 : got / sizeof(struct trace_context);
	cursor->context_loaded = true;
}

static void begin_gap(struct trace_cursor *cursor, uint64_t missing)
{
	cursor->gap = cursor->broken || missing > 0;
	cursor->at_gap = cursor->gap || cursor->next_block == cursor->first_block;
	cursor->missing = missing;
	cursor->broken = false;
	if (cursor->at_gap)
		cursor->context_loaded = false;
}

static void begin_block(struct trace_cursor *cursor)
{
	const struct reader_block *block = &cursor->blocks->list[cursor->next_block];
	uint64_t missing =
	    block->first_index > cursor->reached ? block->first_index - cursor->reached : 0;
	size_t context_bytes = block->context_count * sizeof(struct trace_context);
	uint64_t tick = block->first_tick;

	begin_gap(cursor, missing);
	cursor->next_block++;
	cursor->block = block;
	cursor->file_offset = block->offset + context_bytes;
	cursor->file_left = block->payload_bytes - context_bytes;
	cursor->skip = missing ? 0 : cursor->reached - block->first_index;
	if (cursor->last_tick < cursor->decoder.tick)
		cursor->last_tick = cursor->decoder.tick;
	if (tick < cursor->last_tick && cursor->skip == 0)
		tick = cursor->last_tick;
	cursor->decoder.at = cursor->decoder.end = cursor->window;
	reader_decode_begin(&cursor->decoder, tick);
}

/* ---- Records already given out --------------------------------------------------------------- */

static void pend(struct trace_cursor *cursor, uint64_t tick, uint64_t word)
{
	if (cursor->skip > 0) {
		cursor->skip--;
		return;
	}
	if (tick < cursor->last_tick)
		tick = cursor->last_tick;
	cursor->pending[cursor->pending_end++] =
	    (struct trace_item){tick, 0, word, TRACE_SHAPE_INSTANT, 0};
}

/* One encoded item, decoded to `count` items, as the records that it was made of: those that are to
 * be skipped go, the others will be given out one by one. */
static void pend_records(struct trace_cursor *cursor, const struct trace_item *items, size_t count)
{
	const struct trace_item *item = &items[0];
	uint64_t end = item->tick + item->duration;

	cursor->pending_at = cursor->pending_end = 0;
	pend(cursor, item->tick,
	     item->shape == TRACE_SHAPE_WAIT ? trace_word(0, TRACE_PARK) : item->word);
	if (count == 2)
		pend(cursor, items[1].tick, items[1].word);
	if (item->shape == TRACE_SHAPE_POLL)
		pend(cursor, end, trace_word(0, TRACE_POLL_END));
	else if (item->shape == TRACE_SHAPE_WAIT)
		pend(cursor, end, item->word);
}

static size_t give_pending(struct trace_cursor *cursor, uint64_t until, struct trace_item *items,
			   size_t max)
{
	size_t count = 0;

	while (count < max && cursor->pending_at < cursor->pending_end &&
	       cursor->pending[cursor->pending_at].tick < until)
		items[count++] = cursor->pending[cursor->pending_at++];
	return count;
}

struct trace_cursor *trace_cursor_open_part(struct trace *trace, size_t process,
					    size_t worker_position, const struct trace_part *part)
{
	struct trace_cursor *cursor = trace_cursor_open(trace, process, worker_position);

	if (!cursor)
		return NULL;
	cursor->first_block = cursor->next_block = part->first_block;
	cursor->end_block = part->end_block;
	if (part->first_block > 0) {
		cursor->block = &cursor->blocks->list[part->first_block - 1];
		cursor->last_tick = cursor->block->last_tick;
		end_block(cursor);
	}
	return cursor;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Records of a ring: each an INSTANT. */
static size_t decode_raw(struct trace_cursor *cursor, uint64_t until, struct trace_item *items,
			 size_t max, enum reader_decode_end *why)
{
	struct reader_decoder *decoder = &cursor->decoder;
	struct record record;
	size_t count = 0;

	*why = READER_DECODE_FULL;
	while (count < max) {
		uint64_t tick;

		*why = READER_DECODE_BYTES;
		if (decoder->end - decoder->at < (ptrdiff_t)sizeof(record))
			break;
		memcpy(&record, decoder->at, sizeof(record));
		tick = record.counter >> cursor->process->unit_shift;
		if (tick < decoder->tick)
			tick = decoder->tick;
		*why = tick < READER_TICK_MAX ? READER_DECODE_UNTIL : READER_DECODE_DAMAGED;
		if (tick >= until || tick >= READER_TICK_MAX)
			break;
		items[count++] = (struct trace_item){tick, 0, record.word, TRACE_SHAPE_INSTANT, 0};
		decoder->tick = tick;
		decoder->at += sizeof(record);
		*why = READER_DECODE_FULL;
	}
	return count;
}

static size_t decode_block(struct trace_cursor *cursor, uint64_t until, struct trace_item *items,
			   size_t max, enum reader_decode_end *why)
{
	size_t count;

	if (max > READER_ITEMS_MAX)
		max = READER_ITEMS_MAX;
	count = cursor->block->raw ? decode_raw(cursor, until, items, max, why)
				   : reader_decode(&cursor->decoder, until, items, max, why);
	return count;
}

/* One item of a block whose beginning was already given out, or one where there is room for one
 * only. */
static size_t read_single(struct trace_cursor *cursor, uint64_t until, struct trace_item *items,
			  size_t max, enum reader_decode_end *why)
{
	struct trace_item pair[2];
	size_t count = decode_block(cursor, cursor->skip ? UINT64_MAX : until, pair,
				    cursor->block->raw ? 1 : 2, why);

	if (count == 0)
		return 0;
	if (cursor->skip > 0) {
		pend_records(cursor, pair, count);
		if (cursor->skip == 0 && cursor->decoder.tick < cursor->last_tick)
			cursor->decoder.tick = cursor->last_tick;
	} else {
		memcpy(cursor->pending, pair, count * sizeof(pair[0]));
		cursor->pending_at = 0;
		cursor->pending_end = count;
	}
	return give_pending(cursor, until, items, max);
}

/* Deals with what ended the decoding of a block. False: nothing more can be read in this call. */
static bool go_on(struct trace_cursor *cursor, enum reader_decode_end why)
{
	switch (why) {
	case READER_DECODE_FULL:
		return true;
	case READER_DECODE_UNTIL:
		return false;
	case READER_DECODE_DAMAGED:
		break_block(cursor, "an item that makes no sense");
		return true;
	case READER_DECODE_MEMORY:
		break_block(cursor, "no memory for the words");
		return true;
	case READER_DECODE_BYTES:
		break;
	}
	if (fill_window(cursor))
		return true;
	if (cursor->decoder.at < cursor->decoder.end || cursor->file_left > 0 ||
	    cursor->decoder.skip_bytes > 0)
		break_block(cursor, "an item that is cut off");
	else
		end_block(cursor);
	return true;
}

/* The present block, or the next; false at the end. */
static bool have_block(struct trace_cursor *cursor)
{
	if (!cursor->block && cursor->next_block < cursor->end_block)
		begin_block(cursor);
	return cursor->block != NULL;
}

/* Items of the present block and, while no gap comes between, of the next ones; `count` are there
 * already. */
static size_t read_items(struct trace_cursor *cursor, uint64_t until, struct trace_item *items,
			 size_t count, size_t max)
{
	bool more = true;

	while (more && count < max && have_block(cursor) && !(cursor->at_gap && count > 0)) {
		enum reader_decode_end why = READER_DECODE_FULL;

		if (cursor->at_gap && !cursor->context_loaded)
			load_context(cursor);
		if (cursor->skip > 0 || max - count == 1)
			count += read_single(cursor, until, items + count, max - count, &why);
		else
			count += decode_block(cursor, until, items + count, max - count, &why);
		if (cursor->at_gap && count > 0) {
			cursor->context_given = true;
			cursor->gap_given = cursor->gap;
			cursor->missing_given = cursor->missing;
			cursor->at_gap = false;
		}
		more = go_on(cursor, why) && cursor->pending_at == cursor->pending_end;
	}
	return count;
}

size_t trace_cursor_read(struct trace_cursor *cursor, uint64_t until, struct trace_item *items,
			 size_t max)
{
	size_t count;

	cursor->context_given = false;
	count = give_pending(cursor, until, items, max);
	if (cursor->pending_at < cursor->pending_end)
		return count;
	return read_items(cursor, until, items, count, max);
}

const struct trace_context *trace_cursor_context(const struct trace_cursor *cursor, size_t *count,
						 bool *after_gap)
{
	*count = cursor->context_given ? cursor->context_count : 0;
	*after_gap = cursor->context_given && cursor->gap_given;
	return cursor->context_given ? cursor->context : NULL;
}

uint64_t trace_cursor_missing(const struct trace_cursor *cursor)
{
	return cursor->context_given ? cursor->missing_given : 0;
}

const char *trace_cursor_problem(const struct trace_cursor *cursor)
{
	return cursor->problem;
}
