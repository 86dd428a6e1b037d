/* SPDX-License-Identifier: Apache-2.0
 *
 * What analyze_trace prints of a process: the text for people (text/) and the JSON object for
 * programs (json/). Both say the same, from the same rows (report_rows.c).
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdio.h>

#include "findings/findings.h"
#include "symbols/symbols.h"
#include "timeline/timeline.h"
#include "transactions/transactions.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* A callback, or transactions of a signature, in this trace and in an older one (baseline.h). */
struct baseline_row {
	const char *kind, *callback; /* of transactions: of their root */
	const char *signature;	     /* of transactions; NULL: a callback */
	bool in_pool;
	uint64_t count, old_count;
	uint64_t p50_ns, old_p50_ns, p99_ns, old_p99_ns;
	bool worse_p50, worse_p99;
};

/* One process of a trace and all that is known of it. */
struct report {
	struct trace *trace;
	const struct timeline *timeline;
	struct symbols *symbols;
	const struct findings *findings;	 /* NULL: were not looked for */
	const struct transactions *transactions; /* NULL: nobody followed them */
	const struct transaction_tally *tally;	 /* NULL: the same */
	uint32_t waterfalls;			 /* so many of the slowest are drawn */
	uint64_t transaction_id;		 /* this one is; 0: none */
	const struct stalls *stalls;		 /* NULL: the same */
	const struct stalls *profile;		 /* samples inside callbacks; NULL: the same */
	const struct baseline_row *baseline;	 /* NULL: nothing to compare with */
	size_t baseline_count, worse; /* rows; how many of these got slower, which come first */
	bool alone; /* the trace's only process: what is wrong with the trace is told with it */
};

/* One site's runs: of its callback or, `in_pool`, of its requests' work on the pool. */
struct report_row {
	uint32_t site;
	bool in_pool;
	const struct histogram *durations;
};

/* Workers of one role, by busy time. */
struct report_balance {
	size_t workers, busiest; /* busiest: position */
	uint64_t max_ticks;
	double mean_ticks;
};

/* 0 or -ENOMEM, like the others here. */
int report_print(const struct report *report, FILE *out);

/* JSON: reports are added one by one, then printed: one as its object, several in {"processes":
 * [...]}. */
struct report_list;
struct report_list *report_list_make(const struct trace *trace);
int report_list_add(struct report_list *list, const struct report *report);
int report_list_print(struct report_list *list, FILE *out);
void report_list_free(struct report_list *list);

/* ---- report_recording.c ---- */

/* How the recording ended, in a sentence. */
const char *report_ending(const struct trace_process *process);
/* Calls for each line that says what cuts into the figures: events lost or missing, what was not
 * traced, the notes and problems of the trace, `most` of each kind at most. Lines may hold text
 * from a trace, which is to be cleaned. */
typedef void report_line_take(void *arg, const char *line);
int report_warnings(const struct report *report, size_t most, report_line_take *take, void *arg);

/* ---- text/ ---- */

/* The findings in markdown. */
int report_findings_markdown(const struct report *report, FILE *out);

/* ---- report_rows.c ---- */

/* Whether calls of libuv are seen. If not (tier "libc"), nothing is known of callbacks, requests,
 * timers and the pool. */
bool report_sees_calls(const struct timeline *timeline);

/* All sites that ran, the longest total first; the caller frees. NULL: no memory. */
struct report_row *report_rows(const struct timeline *timeline, size_t *count);
/* "timer"; "unknown" for sites that the trace does not explain. */
const char *report_kind(const struct timeline *timeline, uint32_t site);
/* "loop", "pool", "other". */
const char *report_role(const struct timeline *timeline, size_t worker);
bool report_is_worker(const struct timeline *timeline, size_t worker);
/* Was there when recording was on, ran nothing. */
bool report_never_ran(const struct timeline *timeline, size_t worker);
struct report_balance report_balance(const struct timeline *timeline, uint8_t role);
/* The worker's share of busy in busy and parked, -1 where it was neither. */
double report_utilization(const struct timeline_worker *worker);
#define REPORT_LASTED_BYTES 64

/* How long a poll ran that is open where the trace ends, as far as the trace says so: "2.10 s", "at
 * most 16.9 ms", "at least 50 ms", "an unknown time". Returns text. */
const char *report_open_lasted(const struct report *report, const struct timeline_span *span,
			       char text[REPORT_LASTED_BYTES]);
/* The same as a lower bound, in ns. */
uint64_t report_open_least_ns(const struct report *report, const struct timeline_span *span);
/* What a stall sample saw blocked: a callback, an iteration or the pool's work. */
const char *report_stall_callback(const struct report *report, const struct stall *stall);
/* The function of a script that a callback's samples agree on; NULL: there is none. Of all its
 * runs, and of one. */
const struct symbol_info *report_site_script(const struct report *report, uint32_t site,
					     bool in_pool);
const struct symbol_info *report_run_script(const struct report *report,
					    const struct timeline_span *run);
/* Of a mark or span; "(unknown)" where the trace does not say. */
const char *report_mark_name(const struct timeline *timeline, size_t name);
bool report_has_spans(const struct timeline_name *facts);
uint32_t report_worker_number(const struct timeline *timeline, size_t worker);

#endif
