/* SPDX-License-Identifier: Apache-2.0
 *
 * What the program said of itself, on the lanes of the workers: marks by time; spans in a few rows
 * in which none overlaps another, by start. A span lies on the lane where it began. Those for which
 * no row is free lie together in a last one, where what overlaps is one piece.
 *
 * Rules: drawing costs by columns, not by marks and spans: in a row without overlaps a search finds
 * the next one that begins in another column. Memory is bounded: of more than NAMED_MAX the first
 * are kept, and the rest counted.
 */
#ifndef VIEWER_NAMED_H
#define VIEWER_NAMED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timeline/timeline.h"

#define NAMED_ROWS 4 /* the last one is that of pieces */
#define NAMED_MAX  8000000u

struct named_mark {
	uint64_t tick, value;
	uint32_t name;
};

/* One span; in the last row a piece of several: then `name` and `id` are the longest's. */
struct user_span {
	uint64_t tick, end, id;
	uint32_t name, end_worker;
	uint32_t count, before; /* before: those in this row that begin earlier */
	bool ended;
};

struct named {
	struct named_mark *marks;
	size_t mark_count, mark_room;
	struct user_span *spans; /* as they come, later by row and start */
	size_t span_count, span_room;
	size_t row_ends[NAMED_ROWS]; /* in `spans` */
	uint64_t left_out;
};

/* Errors: -ENOMEM. */
int named_add_mark(struct named *named, const struct mark *mark);
int named_add_span(struct named *named, const struct timeline_user_spans *span, uint64_t last_tick);
/* All are there: puts spans into rows. */
int named_finish(struct named *named);
void named_free(struct named *named);
/* How many rows there are. */
uint32_t named_rows(const struct named *named);

/* Calls for each mark or span of [from, to], those narrower than `width` by columns: the first of a
 * column with their number. */
typedef void named_draw_span(const struct user_span *span, uint32_t row);
typedef void named_draw_mark(const struct named_mark *mark, uint32_t count);
void named_draw(const struct named *named, uint64_t from, uint64_t to, double width,
		named_draw_span *draw_span, named_draw_mark *draw_mark);
/* The span of this name and id that overlaps [from, to]; NULL: there is none. */
const struct user_span *named_find(const struct named *named, uint32_t name, uint64_t id,
				   uint64_t from, uint64_t to);

#endif
