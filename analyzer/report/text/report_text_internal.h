/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the report for people share. report_text.c has the table of sections; each of
 * the other files prints one or several of them.
 */
#ifndef REPORT_TEXT_INTERNAL_H
#define REPORT_TEXT_INTERNAL_H

#include "base/durations.h"
#include "base/report_table.h"
#include "report/report.h"

/* ---- report_text.c ---- */

/* Text from a trace, cleaned. */
void report_clean_print(FILE *out, const char *text);
/* Both return text. */
const char *report_ticks(const struct timeline *timeline, uint64_t ticks,
			 char text[DURATION_TEXT_BYTES]);
const char *report_offset(const struct timeline *timeline, uint64_t tick,
			  char text[DURATION_TEXT_BYTES]);
/* A cell with the start of a span. */
void table_add_start(struct table *table, const struct timeline *timeline,
		     const struct timeline_span *span);

/* ---- Sections: each prints itself, with an empty line above, or nothing. 0 or -ENOMEM. ---- */

typedef int report_section(const struct report *report, FILE *out);

/* report_findings.c: what is wrong, the worst first, or that nothing was found and what was looked
 * for. */
report_section report_findings_print;
/* Text in markdown, cleaned, and with what markdown or HTML would read as more than text made
 * harmless. */
void report_markdown_text(FILE *out, const char *text);
/* report_summary.c */
report_section report_summary_print;
/* report_workers.c */
report_section report_workers_print, report_balance_print;
/* report_transactions.c; report_waterfalls.c: the slowest, or one that was asked for, whole. */
report_section report_transactions_print, report_waterfalls_print;
/* By signature, as a table of markdown. */
report_section report_transactions_markdown;
/* report_callbacks.c */
report_section report_callbacks_print, report_long_polls_print, report_open_polls_print;
/* report_stalls.c: what stuck callbacks were seen in, with stacks. */
report_section report_stalls_print;
report_section report_profile_print;
/* report_queues.c */
report_section report_idle_print, report_queues_print;
/* report_marks.c: marks and spans by name. */
report_section report_marks_print;
/* report_machine.c */
report_section report_machine_print;

#endif
