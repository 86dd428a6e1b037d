/* SPDX-License-Identifier: Apache-2.0
 *
 * See levels.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "levels.h"

static uint32_t narrow(uint64_t value)
{
	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

int levels_add(struct levels *levels, uint64_t tick, uint64_t first, uint64_t second)
{
	struct level_step *last = levels->count ? &levels->steps[levels->count - 1] : NULL;
	struct level_step step = {tick, {narrow(first), narrow(second)}};

	if (last && last->values[0] == step.values[0] && last->values[1] == step.values[1])
		return 0;
	if (levels->count == levels->capacity) {
		size_t capacity = levels->capacity ? levels->capacity + levels->capacity / 2 : 64;
		struct level_step *steps = realloc(levels->steps, capacity * sizeof(*steps));
		if (!steps)
			return -ENOMEM;
		levels->steps = steps;
		levels->capacity = capacity;
	}
	levels->steps[levels->count++] = step;
	return 0;
}

static void step_max(struct level_step *to, const struct level_step *from)
{
	for (int i = 0; i < LEVEL_VALUES; i++)
		to->values[i] = from->values[i] > to->values[i] ? from->values[i] : to->values[i];
}

int levels_finish(struct levels *levels)
{
	levels->maxima[0] = levels->steps;
	levels->counts[0] = levels->count;
	for (int height = 1; height < LEVEL_HEIGHT && levels->counts[height - 1] > LEVEL_FANOUT;
	     height++) {
		size_t below = levels->counts[height - 1],
		       count = (below + LEVEL_FANOUT - 1) / LEVEL_FANOUT;
		levels->maxima[height] = calloc(count, sizeof(struct level_step));
		if (!levels->maxima[height])
			return -ENOMEM;
		levels->counts[height] = count;
		for (size_t i = 0; i < below; i++)
			step_max(&levels->maxima[height][i / LEVEL_FANOUT],
				 &levels->maxima[height - 1][i]);
	}
	return 0;
}

/* The number of steps before `tick`. */
static size_t steps_before(const struct levels *levels, double tick, size_t low)
{
	size_t high = levels->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if ((double)levels->steps[middle].tick < tick)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The greatest values of steps[from..to). */
static struct level_step range_max(const struct levels *levels, size_t from, size_t to)
{
	struct level_step most = {0};
	int height = 0;

	while (from < to) {
		for (; from < to && from % LEVEL_FANOUT != 0; from++)
			step_max(&most, &levels->maxima[height][from]);
		for (; from < to && to % LEVEL_FANOUT != 0; to--)
			step_max(&most, &levels->maxima[height][to - 1]);
		if (from < to && (height + 1 == LEVEL_HEIGHT || !levels->maxima[height + 1])) {
			for (; from < to; from++)
				step_max(&most, &levels->maxima[height][from]);
		}
		from /= LEVEL_FANOUT;
		to /= LEVEL_FANOUT;
		height++;
	}
	return most;
}

void levels_draw(const struct levels *levels, double from, double width, uint32_t columns,
		 uint32_t *first, uint32_t *second)
{
	size_t begin = steps_before(levels, from, 0);

	for (uint32_t i = 0; i < columns; i++) {
		size_t end = steps_before(levels, from + (i + 1) * width, begin);
		struct level_step most = range_max(levels, begin > 0 ? begin - 1 : 0, end);
		first[i] = most.values[0];
		second[i] = most.values[1];
		begin = end;
	}
}

void levels_free(struct levels *levels)
{
	for (int height = 1; height < LEVEL_HEIGHT; height++)
		free(levels->maxima[height]);
	free(levels->steps);
	*levels = (struct levels){0};
}
