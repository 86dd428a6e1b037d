/* SPDX-License-Identifier: Apache-2.0
 *
 * See columns.h.
 */
#include "sums/columns.h"

#include <math.h>
#include <stdlib.h>

/* The columns of one depth; those outside of [first, last] are empty. */
struct row {
	struct column *columns;
	uint32_t first, last;
};

static struct {
	double from, width;
	uint32_t count, room;
	struct row rows[COLUMN_DEPTHS];
} grid;

static void row_begin(struct row *row)
{
	row->first = COLUMNS_MAX;
	row->last = 0;
}

void columns_begin(double from, double width, uint32_t count)
{
	grid.from = from;
	grid.width = width;
	grid.count = count;
	for (uint8_t depth = 0; depth < COLUMN_DEPTHS; depth++) {
		struct row *row = &grid.rows[depth];
		if (count > grid.room) {
			free(row->columns);
			row->columns = calloc(count, sizeof(*row->columns));
		}
		row_begin(row);
	}
	grid.room = count > grid.room ? count : grid.room;
}

/* NULL: outside of what is drawn. */
static struct column *column_at(double number, uint8_t depth)
{
	struct row *row = &grid.rows[depth];

	if (number < 0 || number >= grid.count || !row->columns)
		return NULL;
	uint32_t i = (uint32_t)number;
	row->first = i < row->first ? i : row->first;
	row->last = i > row->last ? i : row->last;
	return &row->columns[i];
}

double column_number(uint64_t tick)
{
	return floor(((double)tick - grid.from) / grid.width);
}

/* Adds what is narrower than a column to the two that it lies in, by its time in each. */
static void time_add(uint64_t start, uint64_t end, uint8_t depth, float busy, float parked)
{
	double first = column_number(start), last = column_number(end), part = 1;

	if (last > first)
		part = (grid.from + last * grid.width - (double)start) / (double)(end - start);
	struct column *column = column_at(first, depth);
	if (column) {
		column->busy += (float)part * busy;
		column->parked += (float)part * parked;
	}
	if (last > first && (column = column_at(last, depth)) != NULL) {
		column->busy += (float)(1 - part) * busy;
		column->parked += (float)(1 - part) * parked;
	}
}

/* Polls are counted where their middle lies. */
static struct column *longest_add(const struct column *poll, uint8_t depth)
{
	struct column *column =
	    column_at(column_number(poll->longest_tick + poll->longest / 2), depth);

	if (column && poll->longest >= column->longest) {
		column->longest = poll->longest;
		column->longest_tick = poll->longest_tick;
		column->longest_object = poll->longest_object;
		column->site = poll->site;
	}
	return column;
}

/* The other polls of a node, by time where it lies in two columns. */
static void count_add(const struct lane_node *node, uint32_t others)
{
	double first = column_number(node->start), last = column_number(node->end);
	struct column *before = column_at(first, 0), *after = column_at(last, 0);
	uint32_t later = 0;

	if (last > first) {
		double border = grid.from + last * grid.width;
		later = (uint32_t)((double)others * ((double)node->end - border) /
				   (double)(node->end - node->start));
	}
	if (before)
		before->count += others - later;
	if (after)
		after->count += later;
	if (last > first && before)
		before->about = true;
	if (last > first && after)
		after->about = true;
}

void columns_add_node(const struct lane_node *node)
{
	time_add(node->start, node->end, 0, node->busy, node->parked);
	if (node->count == 0)
		return;
	struct column longest = {.longest = node->longest,
				 .longest_tick = node->longest_tick,
				 .longest_object = node->longest_object,
				 .site = node->site};
	struct column *column = longest_add(&longest, 0);
	if (column)
		column->count++;
	count_add(node, node->count - 1);
}

void columns_add_box(const struct box *box)
{
	uint8_t depth = box->depth < COLUMN_DEPTHS ? box->depth : COLUMN_DEPTHS - 1;
	float ticks = (float)box->duration;
	bool is_park = box->type == BOX_PARK;

	time_add(box->tick, box->tick + box->duration, depth, is_park ? 0 : ticks,
		 is_park ? ticks : 0);
	if (is_park)
		return;
	struct column poll = {.longest = box->duration,
			      .longest_tick = box->tick,
			      .longest_object = box->object,
			      .site = (uint16_t)box->site};
	struct column *column = longest_add(&poll, depth);
	if (column)
		column->count++;
}

void columns_take(void (*take)(const struct column *column, uint32_t number, uint8_t depth))
{
	for (uint8_t depth = 0; depth < COLUMN_DEPTHS; depth++) {
		struct row *row = &grid.rows[depth];
		for (uint32_t i = row->first; i <= row->last; i++) {
			struct column *column = &row->columns[i];
			if (column->count > 0 || column->parked > 0 || column->busy > 0)
				take(column, i, depth);
			*column = (struct column){0};
		}
		row_begin(row);
	}
}
