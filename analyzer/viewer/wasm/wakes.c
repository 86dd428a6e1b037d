/* SPDX-License-Identifier: Apache-2.0
 *
 * What woke a poll, and whom it woke: uv_async_send and the callback that answers it; a request
 * that was submitted, its work on the pool, and its callback.
 */
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "scan.h"

#define SENDS_SHOWN 8

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

uint64_t life_of(const struct box *box)
{
	bool is_work = box->type == BOX_WORK && site_class(box->site) == KIND_CLASS_POOL;

	return is_work ? (box->object - request_offset(box->site)) & TRACE_OBJECT_MASK
		       : box->object;
}

static void wake_add(json_t *wakes, const char *what, size_t from_worker, uint64_t from,
		     size_t to_worker, uint64_t to, uint64_t poll)
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
		if (scan->events[i].code == TRACE_CODE_POLL && !scan->events[i].in_pool &&
		    scan->events[i].tick >= tick)
			return true;
	}
	return false;
}

/* Who sent what this callback of an async handle answers: all since its previous run, SENDS_SHOWN
 * at most. */
static void wakes_of_async(json_t *wakes, size_t worker, const struct box *box)
{
	struct scan scan = {.object = box->object};
	size_t added = 0;

	scan_around(&scan, box->tick, true, has_send);
	for (size_t i = scan.count; i-- > 0 && added < SENDS_SHOWN;) {
		const struct event *event = &scan.events[i];
		if (event->code == TRACE_CODE_POLL && event->tick < box->tick)
			break;
		if (event->code == TRACE_ASYNC_SEND) {
			wake_add(wakes, "uv_async_send", event->worker, event->tick, worker,
				 box->tick, box->tick);
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
	for (size_t i = 0; i < sends.count && i < SENDS_SHOWN; i++) {
		struct scan scan = {.object = sends.objects[i]};
		uint64_t sent = sends.events[i].tick;
		scan_around(&scan, sent, false, has_poll);
		for (size_t j = 0; j < scan.count; j++) {
			const struct event *event = &scan.events[j];
			if (event->code != TRACE_CODE_POLL || event->tick < sent)
				continue;
			wake_add(wakes, "uv_async_send", worker, sent, event->worker, event->tick,
				 event->tick);
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
			wake_add(wakes, "submitted to the pool", scan.events[i].worker,
				 item->submit_tick, worker, item->box.tick, item->box.tick);
			break;
		}
	}
	scan_free(&scan);
}

static json_t *describe_work(const struct lane_item *item, size_t worker)
{
	json_t *json = describe_box(worker, &item->box);

	json_put(json, "submitted_ns",
		 item->submit_tick ? json_real(time_ns(item->submit_tick)) : json_null());
	json_put(json, "queued_ns",
		 item->submit_tick ? json_real(time_ns(item->box.tick) - time_ns(item->submit_tick))
				   : json_null());
	return json;
}

/* A callback of a request that the pool worked on. */
static json_t *wakes_of_done(json_t *wakes, size_t worker, const struct box *box)
{
	size_t pool_worker = 0;
	const struct lane_item *item = work_before(
	    (box->object + request_offset(box->site)) & TRACE_OBJECT_MASK, box->tick, &pool_worker);

	if (!item)
		return json_null();
	submit_add(wakes, box->object, item, pool_worker);
	wake_add(wakes, "done on the pool", pool_worker, item->box.tick + item->box.duration,
		 worker, box->tick, box->tick);
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
			wake_add(wakes, "done on the pool", worker, end, event->worker, event->tick,
				 event->tick);
			break;
		}
	}
	scan_free(&scan);
	return describe_work(item, worker);
}

json_t *describe_wakes(json_t *wakes, size_t worker, const struct box *box)
{
	json_t *work = NULL;

	if (viewer.process->workers[worker].role == TRACE_ROLE_POOL)
		work = wakes_of_work(wakes, worker, box);
	else if (site_class(box->site) == KIND_CLASS_POOL)
		work = wakes_of_done(wakes, worker, box);
	if (site_is_async(box->site))
		wakes_of_async(wakes, worker, box);
	if (box->type == BOX_POLL)
		wakes_by_sends(wakes, worker, box);
	return work ? work : json_null();
}
