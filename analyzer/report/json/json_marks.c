/* SPDX-License-Identifier: Apache-2.0
 *
 * What the program said of itself: its marks and spans by name, and those inside a poll.
 */
#include "report_json.h"
#include "timeline/poll_marks.h"

/* A value may be more than jansson's integers hold. */
static json_t *json_value(uint64_t value)
{
	return value <= INT64_MAX ? json_number(value) : json_real((double)value);
}

static json_t *mark_json(const struct timeline *timeline, size_t name)
{
	const struct histogram *values = &timeline->names[name].marks;
	const struct json_pair pairs[] = {
	    {"name", json_text(report_mark_name(timeline, name))},
	    {"count", json_number(values->count)},
	    {"p50", json_value(histogram_quantile(values, 0.5))},
	    {"p99", json_value(histogram_quantile(values, 0.99))},
	    {"max", json_value(values->max)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

json_t *marks_json(const struct timeline *timeline)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i <= timeline->process->name_count; i++) {
		if (timeline->names[i].marks.count > 0)
			json_array_append_new(list, mark_json(timeline, i));
	}
	return list;
}

static json_t *slowest_json(const struct timeline *timeline, const struct timeline_user_spans *span)
{
	struct timeline_span stretch = {
	    .tick = span->tick, .duration = span->duration, .worker = span->worker};

	if (!span->ended)
		return json_null();
	const struct json_pair pairs[] = {
	    {"id", json_address(span->id)},
	    {"end_worker", json_number(report_worker_number(timeline, span->end_worker))},
	};

	return json_add(span_json(timeline, &stretch), pairs, COUNT(pairs));
}

static json_t *span_name_json(const struct timeline *timeline, size_t name)
{
	const struct timeline_name *facts = &timeline->names[name];
	const struct histogram *spans = &facts->spans;
	const struct json_pair pairs[] = {
	    {"name", json_text(report_mark_name(timeline, name))},
	    {"count", json_number(spans->count)},
	    {"total_ns", json_ticks(timeline, spans->sum)},
	    {"p50_ns", json_ticks(timeline, histogram_quantile(spans, 0.5))},
	    {"p99_ns", json_ticks(timeline, histogram_quantile(spans, 0.99))},
	    {"max_ns", json_ticks(timeline, spans->max)},
	    {"slowest", slowest_json(timeline, &facts->slowest)},
	    {"open", json_number(facts->open)},
	    {"begins_alone", json_number(facts->begins_alone)},
	    {"ends_alone", json_number(facts->ends_alone)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

json_t *spans_json(const struct timeline *timeline)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i <= timeline->process->name_count; i++) {
		if (report_has_spans(&timeline->names[i]))
			json_array_append_new(list, span_name_json(timeline, i));
	}
	return list;
}

static json_t *poll_mark_json(const struct timeline *timeline, const struct poll_mark *mark)
{
	const struct json_pair pairs[] = {
	    {"name", json_text(report_mark_name(timeline, mark->name))},
	    {mark->span ? "id" : "value",
	     mark->span ? json_address(mark->value) : json_value(mark->value)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

json_t *poll_marks_add(const struct report *report, json_t *object,
		       const struct timeline_span *poll)
{
	struct poll_marks marks = poll_marks_read(report->trace, report->timeline, poll);
	json_t *spans = json_array(), *values = json_array();

	for (size_t i = 0; spans && values && i < marks.count; i++)
		json_array_append_new(marks.list[i].span ? spans : values,
				      poll_mark_json(report->timeline, &marks.list[i]));
	const struct json_pair pairs[] = {
	    {"spans", spans},
	    {"marks", values},
	    {"more_marks", json_number(marks.more)},
	};
	return json_add(object, pairs, COUNT(pairs));
}
