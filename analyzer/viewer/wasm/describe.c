/* SPDX-License-Identifier: Apache-2.0
 *
 * Polls in words (JSON): where one comes from, for how long it waited for its turn and behind whom, what woke it and
 * whom it woke; and the life of a handle or a request.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "poll_marks.h"
#include "report_json.h"
#include "viewer.h"

#define BEHIND_SHOWN 6
#define EVENTS_MAX   20000   /* of a life */
#define SCAN_MAX     4000000 /* items looked at for a wake */
#define OFFSETS_MAX  8

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
	json_put(json, "duration_ns", json_real(time_ns(box->tick + box->duration) - time_ns(box->tick)));
	json_put(json, "site", json_integer(box->site));
	json_put(json, "object", json_address(box->object));
	json_put(json, "depth", json_integer(box->depth));
	json_put(json, "in_pool", json_boolean(box->type == BOX_WORK));
	json_put(json, "unwound", json_boolean(box->flags & BOX_UNWOUND));
	json_put(json, "unended", json_boolean(box->flags & BOX_UNENDED));
	json_put(json, "open", json_boolean(box->flags & BOX_OPEN));
	return json;
}

/* ---- Its turn ------------------------------------------------------------------------------------------------- */

struct turn {
	uint64_t began, ready, polls;
	enum box_type after;		 /* what it began with; BOX_POLL: not found */
	struct box behind[BEHIND_SHOWN]; /* the longest before it, longest first */
	size_t behind_count;
};

static void turn_add(struct turn *turn, const struct box *box)
{
	size_t at = turn->behind_count < BEHIND_SHOWN ? turn->behind_count++ : BEHIND_SHOWN;

	turn->polls++;
	for (; at > 0 && turn->behind[at - 1].duration < box->duration; at--) {
		if (at < BEHIND_SHOWN)
			turn->behind[at] = turn->behind[at - 1];
	}
	if (at < BEHIND_SHOWN)
		turn->behind[at] = *box;
}

/* From the poll back to where its turn began; at most so many parts back. */
static struct turn turn_of(size_t worker, uint64_t tick)
{
	struct turn turn = {.after = BOX_POLL};
	size_t part = part_at(worker, tick) + 1, count;

	for (int parts = 0; turn.after == BOX_POLL && part > 0 && parts < 8 && viewer.lanes[worker].part_count > 0;
	     parts++) {
		const struct box *boxes = part_boxes(worker, --part, &count);
		for (size_t i = count; i-- > 0 && turn.after == BOX_POLL;) {
			uint64_t end = boxes[i].tick + boxes[i].duration;
			if (end > tick || boxes[i].type == BOX_HOLE)
				continue;
			if (boxes[i].type == BOX_PARK || boxes[i].type == BOX_TURN || boxes[i].type == BOX_ENTER) {
				turn.after = boxes[i].type;
				turn.began = end;
				turn.ready = boxes[i].object;
			} else if (boxes[i].depth == 0) {
				turn_add(&turn, &boxes[i]);
			}
		}
	}
	return turn;
}

static json_t *describe_turn(size_t worker, uint64_t tick)
{
	static const char *const after[] = {[BOX_PARK] = "park", [BOX_TURN] = "look", [BOX_ENTER] = "enter"};
	struct turn turn = turn_of(worker, tick);

	if (turn.after == BOX_POLL)
		return json_null();
	json_t *json = json_object(), *behind = json_array();
	for (size_t i = 0; i < turn.behind_count; i++)
		json_array_append_new(behind, describe_box(worker, &turn.behind[i]));
	json_put(json, "began_ns", json_real(time_ns(turn.began)));
	json_put(json, "waited_ns", json_real(time_ns(tick) - time_ns(turn.began)));
	json_put(json, "ready", json_integer((json_int_t)turn.ready));
	json_put(json, "after", json_string(after[turn.after]));
	json_put(json, "polls", json_integer((json_int_t)turn.polls));
	json_put(json, "behind", behind);
	return json;
}

/* ---- Events of an object -------------------------------------------------------------------------------------- */

struct event {
	uint64_t tick, duration;
	size_t worker;
	uint32_t site, code; /* code: that of the event, TRACE_CODE_POLL for polls, TRACE_CODE_SUBMIT for submissions */
	bool in_pool;
};

struct scan {
	uint64_t object, from, to;
	uint64_t offsets[OFFSETS_MAX]; /* of uv__work in requests */
	size_t offset_count;
	bool sends; /* all AsyncSend events, whatever the object */
	struct event *events;
	uint64_t *objects; /* of sends */
	size_t count, room, looked_at;
};

static void scan_offsets(struct scan *scan)
{
	for (size_t i = 0; i < viewer.process->kind_count && scan->offset_count < OFFSETS_MAX; i++) {
		const struct trace_kind_info *kind = &viewer.process->kinds[i];
		bool known = kind->class != KIND_CLASS_POOL;
		for (size_t j = 0; j < scan->offset_count && !known; j++)
			known = scan->offsets[j] == kind->work_req_offset;
		if (!known)
			scan->offsets[scan->offset_count++] = kind->work_req_offset;
	}
}

static void event_add(struct scan *scan, const struct event *event, uint64_t object)
{
	if (scan->count == EVENTS_MAX || event->tick < scan->from || event->tick > scan->to)
		return;
	if (scan->count == scan->room) {
		size_t room = scan->room ? scan->room * 2 : 64;
		struct event *events = realloc(scan->events, room * sizeof(*events));
		scan->events = events ? events : scan->events;
		uint64_t *objects = realloc(scan->objects, room * sizeof(*objects));
		scan->objects = objects ? objects : scan->objects;
		if (!events || !objects)
			return;
		scan->room = room;
	}
	scan->objects[scan->count] = object;
	scan->events[scan->count++] = *event;
}

static bool is_item_of(const struct scan *scan, uint64_t object)
{
	for (size_t i = 0; i < scan->offset_count; i++) {
		if (((scan->object + scan->offsets[i]) & TRACE_OBJECT_MASK) == object)
			return true;
	}
	return false;
}

static bool names_object(const struct scan *scan, uint32_t code, uint64_t object)
{
	switch (code) {
	case TRACE_ASYNC_SEND:
		return scan->sends || object == scan->object;
	case TRACE_REQUEST_CANCELLED:
	case TRACE_HANDLE_CLOSE:
	case TRACE_IO_URING:
		return object == scan->object;
	}
	return code >= TRACE_CODE_SUBMIT && code < TRACE_CODE_END && object == scan->object;
}

static void scan_batch(void *arg, const struct part_batch *batch)
{
	struct scan *scan = arg;

	scan->looked_at += batch->item_count;
	for (size_t i = 0; i < batch->item_count; i++) {
		const struct trace_item *item = &batch->items[i];
		uint32_t code = trace_word_code(item->word);
		uint64_t object = trace_word_object(item->word);
		if (item->shape != TRACE_SHAPE_INSTANT || !names_object(scan, code, object))
			continue;
		struct event event = {.tick = item->tick, .worker = batch->worker, .site = viewer.sites, .code = code};
		if (code >= TRACE_CODE_SUBMIT && code < TRACE_CODE_END) {
			event.site = code - TRACE_CODE_SUBMIT;
			event.code = TRACE_CODE_SUBMIT;
		}
		event_add(scan, &event, object);
	}
	for (size_t i = 0; i < batch->box_count && !scan->sends; i++) {
		const struct box *box = &batch->boxes[i];
		if (box->type != BOX_POLL || box->object != scan->object)
			continue;
		struct event event = {box->tick, box->duration, batch->worker, box->site, TRACE_CODE_POLL, false};
		event_add(scan, &event, box->object);
	}
}

static void scan_items(struct scan *scan, size_t worker)
{
	const struct lane *lane = &viewer.lanes[worker];

	for (size_t i = 0; i < lane->item_count && !scan->sends; i++) {
		const struct box *box = &lane->items[i].box;
		if (!lane->items[i].drawn || !is_item_of(scan, box->object))
			continue;
		struct event event = {box->tick, box->duration, worker, box->site, TRACE_CODE_POLL, true};
		event_add(scan, &event, box->object);
	}
}

static int event_compare(const void *left, const void *right)
{
	const struct event *a = left, *b = right;

	if (a->tick != b->tick)
		return a->tick < b->tick ? -1 : 1;
	return a->code == b->code ? 0 : a->code < b->code ? 1 : -1;
}

/* One worker, or all (worker_count). */
static void scan_run(struct scan *scan, size_t only, bool tell)
{
	size_t workers = viewer.process->worker_count;

	scan_offsets(scan);
	for (size_t worker = 0; worker < workers; worker++) {
		const struct lane *lane = &viewer.lanes[worker];
		if (only != workers && only != worker)
			continue;
		for (size_t part = part_at(worker, scan->from);
		     part < lane->part_count && lane->parts[part].part.first_tick <= scan->to; part++) {
			part_read(worker, part, scan_batch, scan);
			if (tell && part % 64 == 0)
				page_progress(PROGRESS_FOLLOW,
					      ((double)worker + (double)part / (double)lane->part_count) /
						  (double)workers);
		}
		scan_items(scan, worker);
	}
	if (!scan->sends)
		qsort(scan->events, scan->count, sizeof(*scan->events), event_compare);
}

static void scan_free(struct scan *scan)
{
	free(scan->events);
	free(scan->objects);
	scan->events = NULL;
	scan->objects = NULL;
	scan->count = scan->room = 0;
}

/* ---- Wakes ---------------------------------------------------------------------------------------------------- */

static uint8_t site_class(uint32_t site)
{
	const struct trace_process *process = viewer.process;

	if (site >= process->site_count || process->sites[site].kind >= process->kind_count)
		return KIND_CLASS_NONE;
	return process->kinds[process->sites[site].kind].class;
}

static uint64_t request_offset(uint32_t site)
{
	return viewer.process->kinds[viewer.process->sites[site].kind].work_req_offset;
}

static bool site_is_async(uint32_t site)
{
	const struct trace_process *process = viewer.process;

	if (site >= process->site_count || process->sites[site].kind >= process->kind_count)
		return false;
	const char *name = process->kinds[process->sites[site].kind].name;
	return name && strcmp(name, "async") == 0;
}

static void wake_add(json_t *wakes, const char *what, size_t from_worker, uint64_t from, size_t to_worker, uint64_t to,
		     uint64_t poll)
{
	json_t *json = json_object();

	json_put(json, "what", json_string(what));
	json_put(json, "from_worker", json_integer((json_int_t)from_worker));
	json_put(json, "from_ns", json_real(time_ns(from)));
	json_put(json, "to_worker", json_integer((json_int_t)to_worker));
	json_put(json, "to_ns", json_real(time_ns(to)));
	json_put(json, "poll_tick", json_real(time_tick(poll)));
	json_array_append_new(wakes, json);
}

/* Looks further and further back (or on) until `enough` says so, the trace ends or it has looked at many items. */
static void scan_around(struct scan *scan, uint64_t tick, bool back, bool (*enough)(const struct scan *, uint64_t))
{
	uint64_t first = viewer.process->first_tick, last = viewer.process->last_tick;

	for (uint64_t width = 1 << 14;; width *= 16) {
		scan_free(scan);
		scan->from = back ? (tick > first + width ? tick - width : first) : tick;
		scan->to = back ? tick : (last > tick + width ? tick + width : last);
		scan_run(scan, viewer.process->worker_count, false);
		if (enough(scan, tick) || scan->looked_at > SCAN_MAX || (back ? scan->from == first : scan->to == last))
			return;
	}
}

static bool has_send(const struct scan *scan, uint64_t tick)
{
	for (size_t i = 0; i < scan->count; i++) {
		if (scan->events[i].code == TRACE_ASYNC_SEND && scan->events[i].tick <= tick)
			return true;
	}
	return false;
}

static bool has_poll(const struct scan *scan, uint64_t tick)
{
	for (size_t i = 0; i < scan->count; i++) {
		if (scan->events[i].code == TRACE_CODE_POLL && !scan->events[i].in_pool && scan->events[i].tick >= tick)
			return true;
	}
	return false;
}

/* Who sent what this callback of an async handle answers: all since its previous run, eight at most. */
static void wakes_of_async(json_t *wakes, size_t worker, const struct box *box)
{
	struct scan scan = {.object = box->object};
	size_t added = 0;

	scan_around(&scan, box->tick, true, has_send);
	for (size_t i = scan.count; i-- > 0 && added < 8;) {
		const struct event *event = &scan.events[i];
		if (event->code == TRACE_CODE_POLL && event->tick < box->tick)
			break;
		if (event->code == TRACE_ASYNC_SEND) {
			wake_add(wakes, "uv_async_send", event->worker, event->tick, worker, box->tick, box->tick);
			added++;
		}
	}
	scan_free(&scan);
}

/* The callback of the async handle that each uv_async_send() in this poll woke. */
static void wakes_by_sends(json_t *wakes, size_t worker, const struct box *box)
{
	struct scan sends = {.sends = true, .from = box->tick, .to = box->tick + box->duration};

	scan_run(&sends, worker, false);
	for (size_t i = 0; i < sends.count && i < 8; i++) {
		struct scan scan = {.object = sends.objects[i]};
		uint64_t sent = sends.events[i].tick;
		scan_around(&scan, sent, false, has_poll);
		for (size_t j = 0; j < scan.count; j++) {
			const struct event *event = &scan.events[j];
			if (event->code != TRACE_CODE_POLL || event->tick < sent)
				continue;
			wake_add(wakes, "uv_async_send", worker, sent, event->worker, event->tick, event->tick);
			break;
		}
		scan_free(&scan);
	}
	scan_free(&sends);
}

/* The newest work on the pool for a request that ended before a tick. */
static const struct lane_item *work_before(uint64_t work, uint64_t tick, size_t *worker)
{
	const struct lane_item *newest = NULL;

	for (size_t i = 0; i < viewer.process->worker_count; i++) {
		const struct lane *lane = &viewer.lanes[i];
		for (size_t j = lane->item_count; j-- > 0;) {
			const struct box *box = &lane->items[j].box;
			uint64_t end = box->tick + box->duration;
			if (newest && end <= newest->box.tick + newest->box.duration)
				break;
			if (box->object == work && end <= tick) {
				newest = &lane->items[j];
				*worker = i;
				break;
			}
		}
	}
	return newest;
}

static const struct lane_item *item_of_work(size_t worker, const struct box *box)
{
	const struct lane *lane = &viewer.lanes[worker];

	for (size_t i = 0; i < lane->item_count; i++) {
		if (lane->items[i].box.tick == box->tick)
			return &lane->items[i];
	}
	return NULL;
}

static void submit_add(json_t *wakes, uint64_t request, const struct lane_item *item, size_t worker)
{
	struct scan scan = {.object = request, .from = item->submit_tick, .to = item->submit_tick};

	if (item->submit_tick == 0)
		return;
	scan_run(&scan, viewer.process->worker_count, false);
	for (size_t i = 0; i < scan.count; i++) {
		if (scan.events[i].code == TRACE_CODE_SUBMIT) {
			wake_add(wakes, "submitted to the pool", scan.events[i].worker, item->submit_tick, worker,
				 item->box.tick, item->box.tick);
			break;
		}
	}
	scan_free(&scan);
}

static json_t *describe_work(const struct lane_item *item, size_t worker)
{
	json_t *json = describe_box(worker, &item->box);

	json_put(json, "submitted_ns", item->submit_tick ? json_real(time_ns(item->submit_tick)) : json_null());
	json_put(json, "queued_ns",
		 item->submit_tick ? json_real(time_ns(item->box.tick) - time_ns(item->submit_tick)) : json_null());
	return json;
}

/* A callback of a request that the pool worked on. */
static json_t *wakes_of_done(json_t *wakes, size_t worker, const struct box *box)
{
	size_t pool_worker = 0;
	const struct lane_item *item =
	    work_before((box->object + request_offset(box->site)) & TRACE_OBJECT_MASK, box->tick, &pool_worker);

	if (!item)
		return json_null();
	submit_add(wakes, box->object, item, pool_worker);
	wake_add(wakes, "done on the pool", pool_worker, item->box.tick + item->box.duration, worker, box->tick,
		 box->tick);
	return describe_work(item, pool_worker);
}

/* Work on the pool: who submitted it, and the callback that it caused. */
static json_t *wakes_of_work(json_t *wakes, size_t worker, const struct box *box)
{
	const struct lane_item *item = item_of_work(worker, box);
	uint32_t site = item ? item->box.site : viewer.sites;

	if (!item || site_class(site) != KIND_CLASS_POOL)
		return json_null();
	uint64_t request = (item->box.object - request_offset(site)) & TRACE_OBJECT_MASK;
	uint64_t end = item->box.tick + item->box.duration;
	struct scan scan = {.object = request};
	submit_add(wakes, request, item, worker);
	scan_around(&scan, end, false, has_poll);
	for (size_t i = 0; i < scan.count; i++) {
		const struct event *event = &scan.events[i];
		if (event->code == TRACE_CODE_POLL && !event->in_pool && event->tick >= end) {
			wake_add(wakes, "done on the pool", worker, end, event->worker, event->tick, event->tick);
			break;
		}
	}
	scan_free(&scan);
	return describe_work(item, worker);
}

/* ---- What the program said ------------------------------------------------------------------------------------ */

/* Where a span lies, if it is one of those that are drawn. */
static void said_place(json_t *json, const struct poll_mark *mark, const struct box *box)
{
	for (size_t worker = 0; worker < viewer.process->worker_count; worker++) {
		const struct named_span *span = named_find(&viewer.lanes[worker].named, mark->name, mark->value,
							   box->tick, box->tick + box->duration);
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
		snprintf(value, sizeof(value), marks.list[i].span ? "0x%" PRIx64 : "%" PRIu64, marks.list[i].value);
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

/* ---- Answers -------------------------------------------------------------------------------------------------- */

/* The object that follows the life of what a poll is about: the request, not its part that the pool knows. */
static uint64_t object_of(const struct box *box)
{
	bool is_work = box->type == BOX_WORK && site_class(box->site) == KIND_CLASS_POOL;

	return is_work ? (box->object - request_offset(box->site)) & TRACE_OBJECT_MASK : box->object;
}

EXPORT(page_detail) const char *page_detail(uint32_t worker, double tick)
{
	struct place place = find_at(worker, tick_of(tick));
	const struct box *box = &place.box;

	if (!place.found)
		return viewer_answer(json_null());
	json_t *json = describe_box(worker, box), *wakes = json_array(), *work = json_null();
	if (viewer.process->workers[worker].role == TRACE_ROLE_POOL) {
		json_decref(work);
		work = wakes_of_work(wakes, worker, box);
	} else if (site_class(box->site) == KIND_CLASS_POOL) {
		json_decref(work);
		work = wakes_of_done(wakes, worker, box);
	}
	if (viewer.process->workers[worker].role == TRACE_ROLE_LOOP)
		json_put(json, "turn", describe_turn(worker, box->tick));
	if (site_is_async(box->site))
		wakes_of_async(wakes, worker, box);
	if (box->type == BOX_POLL)
		wakes_by_sends(wakes, worker, box);
	json_put(json, "life_of", json_address(object_of(box)));
	json_put(json, "said", describe_said(worker, box));
	json_put(json, "work", work);
	json_put(json, "wakes", wakes);
	return viewer_answer(json);
}

static json_t *describe_event(const struct event *event)
{
	json_t *json = json_object();
	const char *name =
	    event->code == TRACE_CODE_POLL ? (event->in_pool ? "Work" : "Poll") : trace_event_name(event->code);

	json_put(json, "event", json_string(name));
	json_put(json, "worker", json_integer((json_int_t)event->worker));
	json_put(json, "tick", json_real(time_tick(event->tick)));
	json_put(json, "start_ns", json_real(time_ns(event->tick)));
	json_put(json, "duration_ns", json_real(time_ns(event->tick + event->duration) - time_ns(event->tick)));
	json_put(json, "site", json_integer(event->site));
	return json;
}

/* All that the trace says of one handle or request (an address, which others may have used before and after it). */
EXPORT(page_follow) const char *page_follow(double object)
{
	struct scan scan = {.object = (uint64_t)object, .from = 0, .to = UINT64_MAX};
	json_t *json = json_object(), *events = json_array();

	scan_run(&scan, viewer.process->worker_count, true);
	for (size_t i = 0; i < scan.count; i++)
		json_array_append_new(events, describe_event(&scan.events[i]));
	json_put(json, "object", json_address(scan.object));
	json_put(json, "complete", json_boolean(scan.count < EVENTS_MAX));
	json_put(json, "events", events);
	scan_free(&scan);
	return viewer_answer(json);
}
