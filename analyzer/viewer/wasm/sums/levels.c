/* SPDX-License-Identifier: Apache-2.0
 *
 * See levels.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "sums/levels.h"

#define LEVEL_STEPS_MAX (1u << 21) /* of changes by one */

static uint32_t narrow(uint64_t value)
{
	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static struct level_step *step_next(struct levels *levels)
{
	if (levels->count == levels->capacity) {
		size_t capacity = levels->capacity ? levels->capacity + levels->capacity / 2 : 64;
		struct level_step *steps = realloc(levels->steps, capacity * sizeof(*steps));
		if (!steps)
			return NULL;
		levels->steps = steps;
		levels->capacity = capacity;
	}
	return &levels->steps[levels->count++];
}

int levels_add(struct levels *levels, uint64_t tick, uint64_t first, uint64_t second)
{
	struct level_step *last = levels->count ? &levels->steps[levels->count - 1] : NULL;
	struct level_step step = {tick, {narrow(first), narrow(second)}};

	if (last && last->values[0] == step.values[0] && last->values[1] == step.values[1])
		return 0;
	struct level_step *next = step_next(levels);
	if (!next)
		return -ENOMEM;
	*next = step;
	return 0;
}

/* ---- Changes by one -------------------------------------------------------------------------- */

/* Of the steps of one grain two stay: the highest, at its beginning, and the last. */
static void grains_join(struct levels *levels)
{
	struct level_step *steps = levels->steps;
	size_t made = 0, at = 0;

	while (at < levels->count) {
		uint64_t grain = steps[at].tick / levels->grain;
		struct level_step high = steps[at], last = steps[at];
		for (; at < levels->count && steps[at].tick / levels->grain == grain; at++) {
			last = steps[at];
			if (last.values[0] > high.values[0])
				high.values[0] = last.values[0];
		}
		steps[made++] = high;
		if (last.values[0] != high.values[0])
			steps[made++] = last;
	}
	levels->count = made;
}

static void levels_thin(struct levels *levels)
{
	while (levels->count > LEVEL_STEPS_MAX / 2) {
		levels->grain = levels->grain ? levels->grain * 2 : 16;
		grains_join(levels);
	}
}

int levels_change(struct levels *levels, uint64_t tick, int by)
{
	if (levels->count == LEVEL_STEPS_MAX)
		levels_thin(levels);
	struct level_step *step = step_next(levels);
	if (!step)
		return -ENOMEM;
	for (; step > levels->steps && step[-1].tick > tick; step--) {
		*step = step[-1];
		step->values[0] += (uint32_t)by;
	}
	uint32_t before = step > levels->steps ? step[-1].values[0] : 0;
	*step = (struct level_step){tick, {before + (uint32_t)by, 0}};
	return 0;
}

/* The part whose next step comes first; `count`: all are at their end. */
static size_t first_part(const struct levels *parts, const size_t *at, size_t count)
{
	size_t first = count;

	for (size_t i = 0; i < count; i++) {
		if (at[i] < parts[i].count &&
		    (first == count ||
		     parts[i].steps[at[i]].tick < parts[first].steps[at[first]].tick))
			first = i;
	}
	return first;
}

int levels_join(struct levels *sum, struct levels *parts, size_t count)
{
	size_t *at = calloc(count + 1, sizeof(*at)), part;
	int error = at ? 0 : -ENOMEM;
	uint32_t value = 0;

	while (error == 0 && (part = first_part(parts, at, count)) < count) {
		const struct level_step *step = &parts[part].steps[at[part]];
		value += step->values[0] - (at[part] > 0 ? step[-1].values[0] : 0);
		error = levels_add(sum, step->tick, value, 0);
		at[part]++;
	}
	for (size_t i = 0; i < count; i++)
		levels_free(&parts[i]);
	free(at);
	return error;
}

/* ---- The greatest of many -------------------------------------------------------------------- */

static void most_take(struct level_most *to, const struct level_most *from)
{
	for (int i = 0; i < LEVEL_VALUES; i++)
		to->values[i] = from->values[i] > to->values[i] ? from->values[i] : to->values[i];
	to->sum = from->sum > to->sum ? from->sum : to->sum;
}

/* At height 0: of a step. */
static struct level_most most_at(const struct levels *levels, int height, size_t at)
{
	if (height > 0)
		return levels->maxima[height][at];
	const uint32_t *values = levels->steps[at].values;
	return (struct level_most){{values[0], values[1]}, values[0] + values[1]};
}

static void most_add(struct level_most *to, const struct levels *levels, int height, size_t at)
{
	struct level_most most = most_at(levels, height, at);

	most_take(to, &most);
}

int levels_finish(struct levels *levels)
{
	levels->counts[0] = levels->count;
	for (int height = 1; height < LEVEL_HEIGHT && levels->counts[height - 1] > LEVEL_FANOUT;
	     height++) {
		size_t below = levels->counts[height - 1],
		       count = (below + LEVEL_FANOUT - 1) / LEVEL_FANOUT;
		levels->maxima[height] = calloc(count, sizeof(struct level_most));
		if (!levels->maxima[height])
			return -ENOMEM;
		levels->counts[height] = count;
		for (size_t i = 0; i < below; i++)
			most_add(&levels->maxima[height][i / LEVEL_FANOUT], levels, height - 1, i);
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

/* Of steps[from..to). */
static struct level_most range_most(const struct levels *levels, size_t from, size_t to)
{
	struct level_most most = {0};
	int height = 0;

	while (from < to) {
		for (; from < to && from % LEVEL_FANOUT != 0; from++)
			most_add(&most, levels, height, from);
		for (; from < to && to % LEVEL_FANOUT != 0; to--)
			most_add(&most, levels, height, to - 1);
		if (from < to && (height + 1 == LEVEL_HEIGHT || !levels->maxima[height + 1])) {
			for (; from < to; from++)
				most_add(&most, levels, height, from);
		}
		from /= LEVEL_FANOUT;
		to /= LEVEL_FANOUT;
		height++;
	}
	return most;
}

void levels_draw(const struct levels *levels, double from, double width, uint32_t columns,
		 uint32_t *const most[LEVEL_VALUES + 1])
{
	size_t begin = steps_before(levels, from, 0);

	for (uint32_t i = 0; i < columns; i++) {
		size_t end = steps_before(levels, from + (i + 1) * width, begin);
		struct level_most found = range_most(levels, begin > 0 ? begin - 1 : 0, end);
		for (int row = 0; row < LEVEL_VALUES; row++) {
			if (most[row])
				most[row][i] = found.values[row];
		}
		if (most[LEVEL_VALUES])
			most[LEVEL_VALUES][i] = found.sum;
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
