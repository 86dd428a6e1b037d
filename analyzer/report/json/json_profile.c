/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile of what ran in callbacks, by function.
 */
#include "report/findings_text.h"
#include "report/profile_rows.h"
#include "report_json.h"

#include <stdlib.h>

static json_t *row_json(const struct report *report, const struct profile_row *row)
{
	const struct json_pair pairs[] = {
	    {"function", json_text(row->function)},
	    {"kind", json_text(row->kind)},
	    {"reason",
	     row->reason == REASON_NONE ? json_null() : json_text(work_reason_text(row->reason))},
	    {"samples", json_number(row->samples)},
	    {"own_ns", json_ticks(report->timeline, row->ticks)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

json_t *profile_json(const struct report *report)
{
	const struct stalls *profile = report->profile;
	struct profile_row *rows;
	json_t *functions;
	size_t count;

	if (!profile || report->timeline->process->profile_hz == 0)
		return json_null();
	rows = profile_rows(report, &count);
	if (!rows)
		return NULL;
	functions = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(functions, row_json(report, &rows[i]));
	free(rows);
	const struct json_pair pairs[] = {
	    {"hz", json_number(report->timeline->process->profile_hz)},
	    {"samples", json_number(profile->count)},
	    {"total_ns", json_ticks(report->timeline, profile_ticks(profile))},
	    {"functions", functions},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}
