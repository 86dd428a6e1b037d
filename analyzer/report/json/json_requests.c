/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests: those that were on their way for long, and the lives of all by site.
 */
#include "report_json.h"

/* Requests, the oldest first, and what became of them. `ended`: with a callback. */
json_t *request_spans_json(const struct report *report, const struct timeline_top *top, bool ended)
{
	const char *open = report->timeline->process->running ? "pending" : "never";
	json_t *list = json_array();

	for (size_t i = 0; list && i < top->count && i < report->timeline->options.top; i++) {
		const struct timeline_span *span = &top->spans[i];
		const struct json_pair pairs[] = {
		    {"object", json_address(span->object)},
		    {"outcome", json_text(!ended	    ? open
					  : span->cancelled ? "cancelled"
							    : "completed")},
		};
		json_array_append_new(
		    list,
		    json_add(site_add(report, span_json(report->timeline, span), span->site, false),
			     pairs, COUNT(pairs)));
	}
	return list;
}

json_t *requests_json(const struct report *report)
{
	const struct timeline *timeline = report->timeline;
	json_t *list = json_array();

	for (uint32_t i = 0; list && i <= timeline->process->site_count; i++) {
		if (timeline->sites[i].life.count == 0 && timeline->sites[i].pending == 0)
			continue;
		const struct json_pair pairs[] = {
		    {"life", spread_json(timeline, &timeline->sites[i].life)},
		    {"pending", json_number(timeline->sites[i].pending)},
		};
		json_array_append_new(
		    list, json_add(site_add(report, json_object(), i, false), pairs, COUNT(pairs)));
	}
	return list;
}
