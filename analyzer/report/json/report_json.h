/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the report for programs share: report_json.c (the process, its workers, callbacks and queues) and
 * report_measures.c (findings and what they rest on).
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include <jansson.h>

#include "report/report.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct json_pair {
	const char *key;
	json_t *value;
};

/* Puts the pairs into the object; their values are taken. NULL where anything is missing: memory was out. */
json_t *json_add(json_t *object, const struct json_pair *pairs, size_t count);
/* Cleaned, so that it is valid. */
json_t *json_text(const char *text);
json_t *json_number(uint64_t number);
/* "0x2a" */
json_t *json_address(uint64_t address);
json_t *json_ticks(const struct timeline *timeline, uint64_t ticks);
/* What tells a site, put into an object that has more to say. */
json_t *site_add(const struct report *report, json_t *object, uint32_t site, bool in_pool);
json_t *span_json(const struct timeline *timeline, const struct timeline_span *span);

/* ---- report_measures.c ---- */

/* Adds findings, pool, timers, wakeups, pending, stalls and what else was measured. */
json_t *json_measures(json_t *object, const struct report *report);

/* ---- report_marks.c ---- */

json_t *marks_json(const struct timeline *timeline);
json_t *spans_json(const struct timeline *timeline);
/* Adds spans and marks inside a poll. */
json_t *poll_marks_add(const struct report *report, json_t *object, const struct timeline_span *poll);

#endif
