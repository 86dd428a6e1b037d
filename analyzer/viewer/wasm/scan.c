/* SPDX-License-Identifier: Apache-2.0
 *
 * See scan.h.
 */
#include <stdlib.h>

#include "scan.h"

#define ITEMS_MAX 4000000 /* read by scan_around() */

static void scan_offsets(struct scan *scan)
{
	for (size_t i = 0; i < viewer.process->kind_count && scan->offset_count < SCAN_OFFSETS_MAX;
	     i++) {
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
	if (scan->count == SCAN_EVENTS_MAX || event->tick < scan->from || event->tick > scan->to)
		return;
	if (scan->count == scan->capacity) {
		size_t capacity = scan->capacity ? scan->capacity * 2 : 64;
		struct event *events = realloc(scan->events, capacity * sizeof(*events));
		scan->events = events ? events : scan->events;
		uint64_t *objects = realloc(scan->objects, capacity * sizeof(*objects));
		scan->objects = objects ? objects : scan->objects;
		if (!events || !objects)
			return;
		scan->capacity = capacity;
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

/* Is it about the object, or a send where these are asked for? Polls are found as boxes. */
static bool is_wanted(const struct scan *scan, uint32_t code, uint64_t object)
{
	if (scan->sends)
		return code == TRACE_ASYNC_SEND;
	return object == scan->object && !trace_code_is_poll(code) && trace_code_names_object(code);
}

static void scan_batch(void *arg, const struct part_batch *batch)
{
	struct scan *scan = arg;

	scan->looked_at += batch->item_count;
	for (size_t i = 0; i < batch->item_count; i++) {
		const struct trace_item *item = &batch->items[i];
		uint32_t code = trace_word_code(item->word);
		uint64_t object = trace_word_object(item->word);
		if (item->shape != TRACE_SHAPE_INSTANT || !is_wanted(scan, code, object))
			continue;
		struct event event = {.tick = item->tick,
				      .worker = batch->worker,
				      .site = viewer.sites,
				      .code = code};
		if (trace_code_is_submit(code)) {
			event.site = code - TRACE_CODE_SUBMIT;
			event.code = TRACE_CODE_SUBMIT;
		}
		event_add(scan, &event, object);
	}
	for (size_t i = 0; i < batch->box_count && !scan->sends; i++) {
		const struct box *box = &batch->boxes[i];
		if (box->type != BOX_POLL || box->object != scan->object)
			continue;
		struct event event = {box->tick, box->duration,	  batch->worker,
				      box->site, TRACE_CODE_POLL, false};
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
		struct event event = {box->tick, box->duration,	  worker,
				      box->site, TRACE_CODE_POLL, true};
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

void scan_run(struct scan *scan, size_t only, bool tell)
{
	size_t workers = viewer.process->worker_count;

	scan_offsets(scan);
	for (size_t worker = 0; worker < workers; worker++) {
		const struct lane *lane = &viewer.lanes[worker];
		if (only != workers && only != worker)
			continue;
		for (size_t part = part_at(worker, scan->from);
		     part < lane->part_count && lane->parts[part].part.first_tick <= scan->to;
		     part++) {
			part_read(worker, part, scan_batch, scan);
			if (tell && part % 64 == 0)
				page_progress(
				    PROGRESS_FOLLOW,
				    ((double)worker + (double)part / (double)lane->part_count) /
					(double)workers);
		}
		scan_items(scan, worker);
	}
	if (!scan->sends)
		qsort(scan->events, scan->count, sizeof(*scan->events), event_compare);
}

void scan_free(struct scan *scan)
{
	free(scan->events);
	free(scan->objects);
	scan->events = NULL;
	scan->objects = NULL;
	scan->count = scan->capacity = 0;
}

void scan_around(struct scan *scan, uint64_t tick, bool back, scan_enough *enough)
{
	uint64_t first = viewer.process->first_tick, last = viewer.process->last_tick;

	for (uint64_t width = 1 << 14;; width *= 16) {
		scan_free(scan);
		scan->from = back ? (tick > first + width ? tick - width : first) : tick;
		scan->to = back ? tick : (last > tick + width ? tick + width : last);
		scan_run(scan, viewer.process->worker_count, false);
		if (enough(scan, tick) || scan->looked_at > ITEMS_MAX ||
		    (back ? scan->from == first : scan->to == last))
			return;
	}
}
