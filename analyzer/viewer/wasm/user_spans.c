/* SPDX-License-Identifier: Apache-2.0
 *
 * See user_spans.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user_spans.h"

static void *room_for_one(void *array, size_t count, size_t *capacity, size_t element_bytes)
{
	if (count < *capacity)
		return array;
	size_t wanted = *capacity ? *capacity + *capacity / 2 : 64;
	void *grown = realloc(array, wanted * element_bytes);
	if (grown)
		*capacity = wanted;
	return grown;
}

int named_add_mark(struct named *named, const struct mark *mark)
{
	if (named->mark_count + named->span_count >= NAMED_MAX) {
		named->left_out++;
		return 0;
	}
	struct named_mark *marks =
	    room_for_one(named->marks, named->mark_count, &named->mark_room, sizeof(*named->marks));
	if (!marks)
		return -ENOMEM;
	named->marks = marks;
	marks[named->mark_count++] = (struct named_mark){mark->tick, mark->value, mark->name};
	return 0;
}

/* One without an end reaches to the end of the trace. */
int named_add_span(struct named *named, const struct timeline_user_spans *span, uint64_t last_tick)
{
	if (named->mark_count + named->span_count >= NAMED_MAX) {
		named->left_out++;
		return 0;
	}
	struct user_span *spans =
	    room_for_one(named->spans, named->span_count, &named->span_room, sizeof(*named->spans));
	if (!spans)
		return -ENOMEM;
	named->spans = spans;
	spans[named->span_count++] = (struct user_span){
	    .tick = span->tick,
	    .end = span->ended		    ? span->tick + span->duration
		   : last_tick > span->tick ? last_tick
					    : span->tick,
	    .id = span->id,
	    .name = span->name,
	    .end_worker = span->end_worker,
	    .count = 1,
	    .ended = span->ended,
	};
	return 0;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static int compare_earlier_first(const void *left, const void *right)
{
	const struct user_span *a = left, *b = right;

	if (a->tick != b->tick)
		return a->tick < b->tick ? -1 : 1;
	return a->end < b->end ? -1 : a->end > b->end;
}

static uint8_t row_free(const uint64_t *ends, uint64_t tick)
{
	uint8_t row = 0;

	while (row < NAMED_ROWS - 1 && ends[row] > tick)
		row++;
	return row;
}

/* What overlaps the piece becomes part of it. False: it does not. */
static bool piece_takes(struct user_span *piece, const struct user_span *span)
{
	if (span->tick > piece->end)
		return false;
	if (span->end - span->tick > piece->end - piece->tick && piece->count == 1) {
		piece->name = span->name;
		piece->id = span->id;
	}
	piece->end = span->end > piece->end ? span->end : piece->end;
	piece->count++;
	return true;
}

static size_t row_fill(const struct named *named, const uint8_t *rows, uint8_t row,
		       struct user_span *to)
{
	size_t count = 0;
	uint32_t before = 0;

	for (size_t i = 0; i < named->span_count; i++) {
		if (rows[i] != row)
			continue;
		if (row < NAMED_ROWS - 1 || count == 0 ||
		    !piece_takes(&to[count - 1], &named->spans[i])) {
			to[count] = named->spans[i];
			to[count++].before = before;
		}
		before++;
	}
	return count;
}

int named_finish(struct named *named)
{
	uint64_t ends[NAMED_ROWS] = {0};
	uint8_t *rows = malloc(named->span_count + 1);
	struct user_span *placed = malloc((named->span_count + 1) * sizeof(*placed));
	size_t count = 0;

	if (!rows || !placed) {
		free(rows);
		free(placed);
		return -ENOMEM;
	}
	qsort(named->spans, named->span_count, sizeof(*named->spans), compare_earlier_first);
	for (size_t i = 0; i < named->span_count; i++) {
		rows[i] = row_free(ends, named->spans[i].tick);
		if (named->spans[i].end > ends[rows[i]])
			ends[rows[i]] = named->spans[i].end;
	}
	for (uint8_t row = 0; row < NAMED_ROWS; row++) {
		count += row_fill(named, rows, row, placed + count);
		named->row_ends[row] = count;
	}
	free(rows);
	free(named->spans);
	named->spans = placed;
	named->span_count = count;
	return 0;
}

void named_free(struct named *named)
{
	free(named->marks);
	free(named->spans);
	*named = (struct named){0};
}

uint32_t named_rows(const struct named *named)
{
	uint32_t rows = 0;

	for (uint32_t row = 0; row < NAMED_ROWS; row++)
		if (named->row_ends[row] > (row ? named->row_ends[row - 1] : 0))
			rows = row + 1;
	return rows;
}

/* ---- Drawing --------------------------------------------------------------------------------- */

/* The first span of [low, high) that ends at or after a tick: in a row starts and ends go up
 * together. */
static size_t span_ending(const struct user_span *spans, size_t low, size_t high, uint64_t tick)
{
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (spans[middle].end < tick)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t mark_from(const struct named *named, size_t low, uint64_t tick)
{
	size_t high = named->mark_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (named->marks[middle].tick < tick)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Those that end within a width of the first one's begin are one stroke. Returns where the next one
 * begins. */
static size_t narrow_draw(const struct user_span *spans, size_t at, size_t end, double width,
			  uint32_t row, named_draw_span *draw)
{
	size_t next = span_ending(spans, at, end, spans[at].tick + (uint64_t)width);
	struct user_span column = spans[at];

	next = next > at ? next : at + 1;
	column.count = spans[next - 1].before + spans[next - 1].count - spans[at].before;
	column.end = spans[next - 1].end;
	draw(&column, row);
	return next;
}

static void row_draw(const struct user_span *spans, size_t at, size_t end, uint64_t from,
		     uint64_t to, double width, uint32_t row, named_draw_span *draw)
{
	at = span_ending(spans, at, end, from);
	while (at < end && spans[at].tick <= to) {
		if ((double)(spans[at].end - spans[at].tick) >= width) {
			draw(&spans[at++], row);
			continue;
		}
		at = narrow_draw(spans, at, end, width, row, draw);
	}
}

static void marks_draw(const struct named *named, uint64_t from, uint64_t to, double width,
		       named_draw_mark *draw)
{
	uint64_t step = width >= 1 ? (uint64_t)width : 1;

	for (size_t at = mark_from(named, 0, from);
	     at < named->mark_count && named->marks[at].tick <= to;) {
		size_t next = mark_from(named, at, named->marks[at].tick + step);
		next = next > at ? next : at + 1;
		draw(&named->marks[at], (uint32_t)(next - at));
		at = next;
	}
}

void named_draw(const struct named *named, uint64_t from, uint64_t to, double width,
		named_draw_span *draw_span, named_draw_mark *draw_mark)
{
	for (uint32_t row = 0; row < NAMED_ROWS; row++)
		row_draw(named->spans, row ? named->row_ends[row - 1] : 0, named->row_ends[row],
			 from, to, width, row, draw_span);
	marks_draw(named, from, to, width, draw_mark);
}

const struct user_span *named_find(const struct named *named, uint32_t name, uint64_t id,
				   uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < named->span_count; i++) {
		const struct user_span *span = &named->spans[i];
		if (span->id == id && span->name == name && span->count == 1 && span->tick <= to &&
		    span->end >= from)
			return span;
	}
	return NULL;
}
