/* SPDX-License-Identifier: Apache-2.0
 *
 * Callbacks by total time, the longest and the open polls, and how long ready callbacks waited for
 * their turn.
 */
#include <stdlib.h>

#include "report_json.h"

static json_t *callback_json(const struct report *report, const struct report_row *row)
{
	const struct timeline *timeline = report->timeline;
	const struct histogram *durations = row->durations;
	json_t *object = site_add(report, json_object(), row->site, row->in_pool);
	const struct json_pair pairs[] = {
	    {"count", json_number(durations->count)},
	    {"total_ns", json_ticks(timeline, durations->sum)},
	    {"p50_ns", json_ticks(timeline, histogram_quantile(durations, 0.5))},
	    {"p99_ns", json_ticks(timeline, histogram_quantile(durations, 0.99))},
	    {"max_ns", json_ticks(timeline, durations->max)},
	    {"script", script_json(report_site_script(report, row->site, row->in_pool))},
	};

	return json_add(object, pairs, COUNT(pairs));
}

json_t *callbacks_json(const struct report *report)
{
	size_t count;
	struct report_row *rows = report_rows(report->timeline, &count);
	json_t *callbacks = rows ? json_array() : NULL;

	for (size_t i = 0; callbacks && i < count && i < report->timeline->options.top; i++)
		json_array_append_new(callbacks, callback_json(report, &rows[i]));
	free(rows);
	return callbacks;
}

/* When the program died is not known: duration_ns goes on until that was noticed. */
static json_t *open_add(const struct report *report, json_t *object,
			const struct timeline_span *span)
{
	const struct json_pair pairs[] = {
	    {"end_known", json_boolean(timeline_end_is_known(report->timeline, span->worker))},
	    {"at_least_ns", json_number(report_open_least_ns(report, span))},
	};

	return json_add(object, pairs, COUNT(pairs));
}

json_t *polls_json(const struct report *report, const struct timeline_top *top, bool open)
{
	json_t *polls = json_array();

	for (size_t i = 0; polls && i < top->count; i++) {
		const struct timeline_span *span = &top->spans[i];
		json_t *object =
		    site_add(report, span_json(report->timeline, span), span->site, span->in_pool);
		const struct json_pair pairs[] = {
		    {"nested", json_boolean(span->nested)},
		    {"script", script_json(report_run_script(report, span))},
		};
		object = json_add(object, pairs, COUNT(pairs));
		json_array_append_new(
		    polls,
		    poll_marks_add(report, open ? open_add(report, object, span) : object, span));
	}
	return polls;
}

/* ---- Dispatch -------------------------------------------------------------------------------- */

static json_t *dispatch_site_json(const struct report *report, uint32_t site)
{
	const struct timeline *timeline = report->timeline;
	const struct timeline_site_iterations *iterations = &timeline->sites[site].iterations;
	const struct json_pair pairs[] = {
	    {"delay", spread_json(timeline, &iterations->delay)},
	    {"worst_start_ns", iterations->worst.delay > 0 ? json_integer(timeline_offset_ns(
								 timeline, iterations->worst.tick))
							   : json_null()},
	    {"worst_polls_before", json_number(iterations->worst.polls)},
	    {"worst_behind", iterations->worst.polls
				 ? site_add(report, json_object(), iterations->worst.behind, false)
				 : json_null()},
	    {"worst_behind_ns", json_ticks(timeline, iterations->worst.behind_ticks)},
	    {"held_ns", json_ticks(timeline, iterations->delayed_ticks)},
	    {"held_polls", json_number(iterations->delayed_polls)},
	};

	return json_add(site_add(report, json_object(), site, false), pairs, COUNT(pairs));
}

json_t *dispatch_json(const struct report *report)
{
	json_t *list = json_array();

	for (uint32_t i = 0; list && i <= report->timeline->process->site_count; i++) {
		if (report->timeline->sites[i].iterations.delay.count > 0)
			json_array_append_new(list, dispatch_site_json(report, i));
	}
	return list;
}
