/* SPDX-License-Identifier: Apache-2.0
 *
 * Thresholds by name: what detectors go by and --set changes. thresholds.def is the table.
 */
#ifndef THRESHOLDS_H
#define THRESHOLDS_H

#include <stdio.h>

#include "timeline/timeline.h"

enum threshold {
#define THRESHOLD(name, value, unit, text) LIMIT_##name,
#include "thresholds.def"
#undef THRESHOLD
	LIMIT_COUNT
};

struct thresholds {
	double values[LIMIT_COUNT];
};

#define THRESHOLD_TEXT_BYTES 32

struct thresholds thresholds_default(void);
/* "NAME=VALUE". 0, -ENOENT: no such name, -EINVAL: no such value. */
int thresholds_set(struct thresholds *thresholds, const char *text);
/* The threshold of that name; LIMIT_COUNT: there is none. */
enum threshold threshold_find(const char *name, size_t length);
const char *threshold_name(enum threshold threshold);
/* "10 ms", "0.5", "100". Returns text. */
const char *threshold_format(enum threshold threshold, double value,
			     char text[THRESHOLD_TEXT_BYTES]);
/* One line each: name, default, meaning. */
void thresholds_print(FILE *out);
/* What the timeline must keep for the detectors. */
void thresholds_apply(const struct thresholds *thresholds, struct timeline_options *options);

#endif
