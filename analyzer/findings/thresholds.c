/* SPDX-License-Identifier: Apache-2.0
 *
 * See thresholds.h.
 */
#include "thresholds.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/durations.h"

enum unit { UNIT_TIME, UNIT_SHARE, UNIT_NUMBER };

static const struct {
	const char *name;
	double value;
	enum unit unit;
	const char *text;
} limits[LIMIT_COUNT] = {
#define THRESHOLD(name, value, unit, text) {#name, value, UNIT_##unit, text},
#include "thresholds.def"
#undef THRESHOLD
};

struct thresholds thresholds_default(void)
{
	struct thresholds thresholds;

	for (size_t i = 0; i < LIMIT_COUNT; i++)
		thresholds.values[i] = limits[i].value;
	return thresholds;
}

static int value_parse(enum unit unit, const char *text, double *value)
{
	uint64_t ns;
	char *end;

	if (unit == UNIT_TIME) {
		if (duration_parse(text, &ns) < 0)
			return -EINVAL;
		*value = (double)ns;
		return 0;
	}
	*value = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(*value) || *value < 0 ||
	    (unit == UNIT_SHARE && *value > 1))
		return -EINVAL;
	return 0;
}

enum threshold threshold_find(const char *name, size_t length)
{
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		if (strlen(limits[i].name) == length && strncmp(limits[i].name, name, length) == 0)
			return (enum threshold)i;
	}
	return LIMIT_COUNT;
}

const char *threshold_name(enum threshold threshold)
{
	return limits[threshold].name;
}

int thresholds_set(struct thresholds *thresholds, const char *text)
{
	const char *equals = strchr(text, '=');
	enum threshold found =
	    threshold_find(text, equals ? (size_t)(equals - text) : strlen(text));

	if (found == LIMIT_COUNT)
		return -ENOENT;
	return equals ? value_parse(limits[found].unit, equals + 1, &thresholds->values[found])
		      : -EINVAL;
}

const char *threshold_format(enum threshold threshold, double value,
			     char text[THRESHOLD_TEXT_BYTES])
{
	if (limits[threshold].unit == UNIT_TIME)
		return duration_format_limit((uint64_t)value, text);
	snprintf(text, THRESHOLD_TEXT_BYTES, "%g", value);
	return text;
}

void thresholds_print(FILE *out)
{
	char value[THRESHOLD_TEXT_BYTES];

	for (size_t i = 0; i < LIMIT_COUNT; i++)
		fprintf(out, "  %-15s %9s  %s\n", limits[i].name,
			threshold_format((enum threshold)i, limits[i].value, value),
			limits[i].text);
}

void thresholds_apply(const struct thresholds *thresholds, struct timeline_options *options)
{
	double shortest = thresholds->values[LIMIT_blocked_note];

	if (shortest < (double)options->blocking_ns)
		options->blocking_ns = (uint64_t)shortest;
	options->pending_ns = (uint64_t)thresholds->values[LIMIT_pending];
	options->sleep_ns = (uint64_t)thresholds->values[LIMIT_idle_with_work];
	options->stuck_ns = (uint64_t)thresholds->values[LIMIT_pool_stuck];
}
