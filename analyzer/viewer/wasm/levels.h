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

struct levels {
	struct level_step *steps;
	size_t count, capacity;
	struct level_step *maxima[LEVEL_HEIGHT]; /* [0] is steps; of each 16 below: tick of the
						    first, greatest values */
	size_t counts[LEVEL_HEIGHT];
};

/* In the order of time. Errors: -ENOMEM. */
int levels_add(struct levels *levels, uint64_t tick, uint64_t first, uint64_t second);
int levels_finish(struct levels *levels);
/* The greatest of each value in each column; columns begin at `from` and are `width` ticks wide. */
void levels_draw(const struct levels *levels, double from, double width, uint32_t columns,
		 uint32_t *first, uint32_t *second);
void levels_free(struct levels *levels);

#endif
