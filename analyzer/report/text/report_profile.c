/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile for people: the functions that callbacks spent their time in, by their own time.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "report/findings_text.h"
#include "report/profile_rows.h"
#include "report_text_internal.h"

#define SHOWN_ROWS 15 /* unless --top says more */

static void row_add(struct table *table, const struct report *report, const struct profile_row *row,
		    uint64_t all_ticks)
{
	table_add_percent(table, (double)row->ticks / (double)all_ticks);
	table_add_duration(table, timeline_ns(report->timeline, row->ticks));
	table_add_count(table, row->samples);
	table_add(table, row->kind);
	table_add(table, row->function);
	table_add(table, row->reason == REASON_NONE ? "" : work_reason_text(row->reason));
}

int report_profile_print(const struct report *report, FILE *out)
{
	static const struct table_column columns[] = {
	    {"share", true, 0}, {"time", true, 0},	{"samples", true, 0},
	    {"kind", false, 0}, {"function", false, 1}, {"what for", false, 1},
	};
	const struct stalls *profile = report->profile;
	size_t shown =
	    report->timeline->options.top > 10 ? report->timeline->options.top : SHOWN_ROWS;
	uint64_t all_ticks;
	struct profile_row *rows;
	struct table table;
	size_t count;

	if (!profile || profile->count == 0)
		return 0;
	all_ticks = profile_ticks(profile);
	rows = profile_rows(report, &count);
	if (!rows)
		return -ENOMEM;
	fprintf(out,
		"\nPROFILE of callbacks: %zu sample%s at %" PRIu32
		" Hz, functions by their own time\n",
		profile->count, plural(profile->count), report->timeline->process->profile_hz);
	table_begin(&table, columns, COUNT(columns));
	for (size_t i = 0; i < count && i < shown; i++)
		row_add(&table, report, &rows[i], all_ticks > 0 ? all_ticks : 1);
	free(rows);
	return table_print(&table, out, REPORT_WIDTH);
}
