/* SPDX-License-Identifier: Apache-2.0
 *
 * Polls in words (JSON): where one comes from and what the program said in it; the life of a handle
 * or a request.
 */
#include <inttypes.h>
#include <stdio.h>

#include "describe.h"
#include "timeline/poll_marks.h"
#include "report/json/report_json.h"
#include "scan.h"

void json_put(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

json_t *describe_box(size_t worker, const struct box *box)
{
	json_t *json = json_object();

	json_put(json, "worker", json_integer((json_int_t)worker));
	json_put(json, "tick", json_real(time_tick(box->tick)));
	json_put(json, "start_ns", json_real(time_ns(box->tick)));
	json_put(json, "duration_ns",
		 json_real(time_ns(box->tick + box->duration) - time_ns(box->tick)));
	json_put(json, "site", json_integer(box->site));
	json_put(json, "object", json_address(box->object));
	json_put(json, "depth", json_integer(box->depth));
	json_put(json, "in_pool", json_boolean(box->type == BOX_WORK));
	json_put(json, "unwound", json_boolean(box->flags & BOX_UNWOUND));
	json_put(json, "unended", json_boolean(box->flags & BOX_UNENDED));
	json_put(json, "open", json_boolean(box->flags & BOX_OPEN));
	return json;
}

/* ---- What the program said ------------------------------------------------------------------- */

/* Where a span lies, if it is one of those that are drawn. */
static void said_place(json_t *json, const struct poll_mark *mark, const struct box *box)
{
	for (size_t worker = 0; worker < viewer.process->worker_count; worker++) {
		const struct user_span *span =
		    named_find(&viewer.lanes[worker].named, mark->name, mark->value, box->tick,
			       box->tick + box->duration);
		if (!span)
			continue;
		json_put(json, "start_ns", json_real(time_ns(span->tick)));
		json_put(json, "duration_ns", json_real(time_ns(span->end) - time_ns(span->tick)));
		json_put(json, "ended", json_boolean(span->ended));
		return;
	}
}

static json_t *describe_said(size_t worker, const struct box *box)
{
	struct timeline_span poll = {.tick = box->tick,
				     .duration = box->duration,
				     .worker = worker,
				     .site = box->site,
				     .object = box->object,
				     .in_pool = box->type == BOX_WORK};
	struct poll_marks marks = poll_marks_read(viewer.trace, viewer.timeline, &poll);
	json_t *said = json_array(), *answer = json_object();
	char value[24];

	for (size_t i = 0; i < marks.count; i++) {
		const char *name = trace_name(viewer.process, marks.list[i].name);
		json_t *json = json_object();
		snprintf(value, sizeof(value), marks.list[i].span ? "0x%" PRIx64 : "%" PRIu64,
			 marks.list[i].value);
		json_put(json, "span", json_boolean(marks.list[i].span));
		json_put(json, "name", json_string(name ? name : "(unknown)"));
		json_put(json, "value", json_string(value));
		if (marks.list[i].span)
			said_place(json, &marks.list[i], box);
		json_array_append_new(said, json);
	}
	json_put(answer, "list", said);
	json_put(answer, "more", json_integer((json_int_t)marks.more));
	return answer;
}

/* ---- Answers --------------------------------------------------------------------------------- */

EXPORT(page_detail) const char *page_detail(uint32_t worker, double tick)
{
	struct place place = find_at(worker, tick_of(tick));
	const struct box *box = &place.box;

	if (!place.found)
		return viewer_answer(json_null());
	json_t *json = describe_box(worker, box), *wakes = json_array();
	json_t *work = describe_wakes(wakes, worker, box);
	if (viewer.process->workers[worker].role == TRACE_ROLE_LOOP)
		json_put(json, "turn", describe_iteration(worker, box->tick));
	json_put(json, "life_of", json_address(life_of(box)));
	json_put(json, "said", describe_said(worker, box));
	json_put(json, "work", work);
	json_put(json, "wakes", wakes);
	return viewer_answer(json);
}

static json_t *describe_event(const struct event *event)
{
	json_t *json = json_object();
	const char *name = event->code == TRACE_CODE_POLL ? (event->in_pool ? "Work" : "Poll")
							  : trace_event_name(event->code);

	json_put(json, "event", json_string(name));
	json_put(json, "worker", json_integer((json_int_t)event->worker));
	json_put(json, "tick", json_real(time_tick(event->tick)));
	json_put(json, "start_ns", json_real(time_ns(event->tick)));
	json_put(json, "duration_ns",
		 json_real(time_ns(event->tick + event->duration) - time_ns(event->tick)));
	json_put(json, "site", json_integer(event->site));
	return json;
}

/* All that the trace says of one handle or request (an address, which others may have used before
 * and after it). */
EXPORT(page_follow) const char *page_follow(double object)
{
	struct scan scan = {.object = (uint64_t)object, .from = 0, .to = UINT64_MAX};
	json_t *json = json_object(), *events = json_array();

	scan_run(&scan, viewer.process->worker_count, true);
	for (size_t i = 0; i < scan.count; i++)
		json_array_append_new(events, describe_event(&scan.events[i]));
	json_put(json, "object", json_address(scan.object));
	json_put(json, "complete", json_boolean(scan.count < SCAN_EVENTS_MAX));
	json_put(json, "events", events);
	scan_free(&scan);
	return viewer_answer(json);
}
