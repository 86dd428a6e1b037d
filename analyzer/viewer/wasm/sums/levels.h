/* SPDX-License-Identifier: Apache-2.0
 *
 * A pair of quantities that change in steps (requests queued and running), with the maxima of ever
 * longer stretches, so that a chart of any range costs by its pixels.
 */
#ifndef VIEWER_LEVELS_H
#define VIEWER_LEVELS_H

#include <stddef.h>
#include <stdint.h>

#define LEVEL_VALUES 2
#define LEVEL_FANOUT 16
#define LEVEL_HEIGHT 8

struct level_step {
	uint64_t tick;
	uint32_t values[LEVEL_VALUES]; /* from here on */
};

/* The greatest of some steps. */
struct level_most {
	uint32_t values[LEVEL_VALUES], sum; /* sum: of both at one time */
};

struct levels {
	struct level_step *steps;
	size_t count, capacity;
	struct level_most *maxima[LEVEL_HEIGHT]; /* [0] is not used; of each 16 below */
	size_t counts[LEVEL_HEIGHT];
	uint64_t grain; /* ticks: steps that lie closer may be one; 0: none are */
};

/* In the order of time. Errors: -ENOMEM. */
int levels_add(struct levels *levels, uint64_t tick, uint64_t first, uint64_t second);
/* The first value goes up or down by one at a tick, which may lie before that of the last steps. Of
 * very many steps those that lie close together become one, as high as the highest. */
int levels_change(struct levels *levels, uint64_t tick, int by);
/* Makes one of several: their sum. Those are freed. */
int levels_join(struct levels *sum, struct levels *parts, size_t count);
int levels_finish(struct levels *levels);
/* The greatest of each value, and of their sum, in each column; columns begin at `from` and are
 * `width` ticks wide. `most`: so many rows of so many columns; NULL: not wanted. */
void levels_draw(const struct levels *levels, double from, double width, uint32_t columns,
		 uint32_t *const most[LEVEL_VALUES + 1]);
void levels_free(struct levels *levels);

#endif
