/* SPDX-License-Identifier: Apache-2.0
 *
 * What is narrower than a column of pixels, summed up by columns.
 *
 * Rules: time goes into the columns that it lies in, so none has more than there was; polls are
 * counted where their middle lies. Of a node that lies in two columns both are shared out by time.
 */
#ifndef VIEWER_COLUMNS_H
#define VIEWER_COLUMNS_H

#include "lanes.h"

#define COLUMNS_MAX   16384u
#define COLUMN_DEPTHS 6 /* nested deeper: with the deepest */

struct column {
	uint64_t longest, longest_tick, longest_object;
	float busy, parked; /* ticks */
	uint32_t count;
	uint16_t site;
	bool about; /* something was shared out */
};

/* So many, from a tick on that may lie before 0, each so many ticks wide. */
void columns_begin(double from, double width, uint32_t count);
/* The column that a tick lies in; those of others are not drawn. */
double column_number(uint64_t tick);
/* Both narrower than a column. */
void columns_add_node(const struct lane_node *node);
void columns_add_box(const struct box *box);
/* Gives those that have something, and empties all. */
void columns_take(void (*take)(const struct column *column, uint32_t number, uint8_t depth));

#endif
