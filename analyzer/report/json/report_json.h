/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the report for programs share. report_json.c is the process' object; each
 * json_*.c makes the values of some of its keys.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include <jansson.h>

#include "report/report.h"

struct json_pair {
	const char *key;
	json_t *value;
};

/* ---- json_values.c ---- */

/* Puts the pairs into the object; their values are taken. NULL where anything is missing: memory
 * was out. */
json_t *json_add(json_t *object, const struct json_pair *pairs, size_t count);
/* Cleaned, so that it is valid. */
json_t *json_text(const char *text);
json_t *json_number(uint64_t number);
/* null where it is not known. */
json_t *json_number_if(bool known, uint64_t number);
/* "0x2a" */
json_t *json_address(uint64_t address);
json_t *json_ticks(const struct timeline *timeline, uint64_t ticks);
/* What tells a site, put into an object that has more to say. */
json_t *site_add(const struct report *report, json_t *object, uint32_t site, bool in_pool);
json_t *span_json(const struct timeline *timeline, const struct timeline_span *span);
/* Count, total, quantiles and maximum of durations. */
json_t *spread_json(const struct timeline *timeline, const struct histogram *histogram);

/* ---- json_stream.c ---- */

/* A zeroed one is ready to begin; the text is the caller's to free. */
struct json_stream {
	char *text;
	size_t bytes, capacity;
	size_t depth, members;
	bool failed; /* memory was out */
};

/* An array with a value for each worker that has one. */
struct json_rows {
	const char *key;
	bool (*has)(const struct timeline *timeline, size_t position);
	json_t *(*row)(const struct timeline *timeline, size_t position);
};

void json_stream_begin(struct json_stream *stream);
/* The values are taken. */
void json_stream_add(struct json_stream *stream, const struct json_pair *pairs, size_t count);
void json_stream_rows(struct json_stream *stream, const struct json_rows *rows,
		      const struct timeline *timeline, size_t count);
/* An array of objects that are text already. */
void json_stream_objects(struct json_stream *stream, const char *key, struct json_stream *objects,
			 size_t count);
void json_stream_end(struct json_stream *stream);

/* A function of a script; NULL gives null. */
json_t *script_json(const struct symbol_info *script);

/* ---- json_workers.c ---- */

extern const struct json_rows json_workers, json_loops;
json_t *imbalance_json(const struct timeline *timeline);
json_t *machine_json(const struct timeline_machine *machine);

/* ---- json_callbacks.c ---- */

json_t *callbacks_json(const struct report *report);
/* `open`: polls that have not ended. */
json_t *polls_json(const struct report *report, const struct timeline_top *top, bool open);
json_t *dispatch_json(const struct report *report);

/* ---- json_pool.c ---- */

json_t *queues_json(const struct timeline *timeline);
json_t *idle_json(const struct timeline *timeline);
json_t *pool_json(const struct report *report);

/* ---- json_timers.c ---- */

json_t *timers_json(const struct report *report);
json_t *wakeups_json(const struct report *report);

/* ---- json_requests.c ---- */

/* `ended`: with a callback. */
json_t *request_spans_json(const struct report *report, const struct timeline_top *top, bool ended);
json_t *requests_json(const struct report *report);

/* ---- json_transactions.c ---- */

/* By signature; null, as the others, where nobody followed them. */
json_t *transactions_json(const struct report *report);
/* How many there were, and why some are cut. */
json_t *transaction_totals_json(const struct report *report);
/* The one that was asked for. */
json_t *transaction_json(const struct report *report);

/* ---- json_findings.c ---- */

/* Null where findings were not looked for. */
json_t *findings_json(const struct report *report);
json_t *checked_json(void);
json_t *unknown_json(const struct timeline *timeline);
json_t *overhead_json(const struct measures_overhead *overhead);
json_t *baseline_json(const struct report *report);

/* ---- json_profile.c ---- */

/* null: none was asked for. */
json_t *profile_json(const struct report *report);

/* ---- json_stalls.c ---- */

json_t *stalls_json(const struct report *report);
json_t *stall_json(const struct report *report, const struct stall *stall);
json_t *stall_what_json(const struct stall *stall);
json_t *stall_totals_json(const struct stalls *stalls);

/* ---- json_marks.c ---- */

json_t *marks_json(const struct timeline *timeline);
json_t *spans_json(const struct timeline *timeline);
/* Adds spans and marks inside a poll. */
json_t *poll_marks_add(const struct report *report, json_t *object,
		       const struct timeline_span *poll);

#endif
