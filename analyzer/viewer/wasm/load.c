/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a process into lanes, worker by worker, step by step, so that the page can tell how far it
 * is. What the pool did, and what the program said, is known by the timeline alone, which calls the
 * functions of `lanes_watch` while it reads.
 */
#include <errno.h>
#include <stdlib.h>

#include "viewer.h"

#define BATCH_ITEMS 4096
#define PART_EVENTS                                                                                \
	16384 /* blocks are not cut: what is decoded at once when it is looked at closely */

struct reading {
	struct trace_part *parts;
	size_t part, part_count;
	struct trace_cursor *cursor;
	uint64_t last_tick;
	struct box_stream stream;
};

struct loader {
	size_t worker;	       /* being read */
	uint64_t events, done; /* items: at least half as many as events */
	struct reading reading;
	struct request_count *requests;
	struct trace_item items[BATCH_ITEMS];
	struct box boxes[BOX_ROOM(BATCH_ITEMS)];
};

/* ---- What the pool saw ----------------------------------------------------------------------- */

static int item_keep(struct lane *lane, const struct lane_item *item)
{
	if (lane->item_count == lane->item_room) {
		size_t capacity = lane->item_room ? lane->item_room + lane->item_room / 2 : 64;
		struct lane_item *items = realloc(lane->items, capacity * sizeof(*items));
		if (!items)
			return -ENOMEM;
		lane->items = items;
		lane->item_room = capacity;
	}
	lane->items[lane->item_count++] = *item;
	return 0;
}

/* Only drawn items are in the tree, but all are in the list: the boxes of the others are of another
 * type. */
static void watch_item(void *arg, const struct timeline_span *span, uint64_t submit_tick)
{
	struct lane *lane = &viewer.lanes[span->worker];
	struct lane_item item = {
	    .box = {.tick = span->tick,
		    .duration = span->duration,
		    .object = span->object,
		    .site = span->site,
		    .type = BOX_WORK},
	    .submit_tick = submit_tick,
	    .drawn = span->in_pool,
	};
	struct box shown = item.box;

	(void)arg;
	if (!item.drawn)
		shown.type = BOX_TYPES;
	if (item_keep(lane, &item) == 0)
		lane_tree_add(&lane->work, &shown, 1, &viewer.filter);
}

static void watch_level(void *arg, uint64_t tick, uint64_t queued, uint64_t running)
{
	(void)arg;
	levels_add(&viewer.pool, tick, queued, running);
}

static void watch_mark(void *arg, size_t worker, const struct mark *mark)
{
	(void)arg;
	named_add_mark(&viewer.lanes[worker].named, mark);
}

static void watch_span(void *arg, const struct timeline_user_spans *span)
{
	(void)arg;
	named_add_span(&viewer.lanes[span->worker].named, span, viewer.process->last_tick);
}

const struct timeline_watch lanes_watch = {
    .item = watch_item, .level = watch_level, .mark = watch_mark, .span = watch_span};

/* ---- Lanes ----------------------------------------------------------------------------------- */

static int lane_take(struct lane *lane, const struct box *boxes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (boxes[i].depth > lane->depth_max && boxes[i].type == BOX_POLL)
			lane->depth_max = boxes[i].depth;
		if (boxes[i].type == BOX_HOLE && lane_hole_add(lane, &boxes[i]) < 0)
			return -ENOMEM;
	}
	lane->parts[lane->part_count - 1].boxes += count;
	return lane_tree_add(&lane->polls, boxes, count, &viewer.filter);
}

static void lane_begin_part(struct lane *lane, const struct trace_part *part,
			    uint64_t iteration_tick)
{
	lane_tree_end_leaf(&lane->polls);
	lane->parts[lane->part_count++] =
	    (struct lane_part){*part, lane->polls.counts[0], 0, iteration_tick};
}

/* Between what was read last and a tick, events are missing. */
static int lane_add_gap(struct lane *lane, const struct reading *reading, uint64_t tick)
{
	struct box hole = {.tick = reading->last_tick,
			   .duration = tick > reading->last_tick ? tick - reading->last_tick : 0,
			   .object = trace_cursor_missing(reading->cursor),
			   .type = BOX_HOLE,
			   .flags = BOX_MISSING};

	return reading->last_tick ? lane_hole_add(lane, &hole) : 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int reading_open(struct loader *loader)
{
	const struct trace_worker *entry = &viewer.process->workers[loader->worker];
	struct lane *lane = &viewer.lanes[loader->worker];
	struct reading *reading = &loader->reading;

	*reading = (struct reading){.part_count = trace_parts(entry, PART_EVENTS, NULL)};
	reading->stream = part_stream(loader->worker);
	reading->parts = calloc(reading->part_count + 1, sizeof(*reading->parts));
	lane->parts = calloc(reading->part_count + 1, sizeof(*lane->parts));
	if (!reading->parts || !lane->parts)
		return -ENOMEM;
	trace_parts(entry, PART_EVENTS, reading->parts);
	lane->first_tick = entry->start_tick;
	lane->last_tick = entry->end_tick ? entry->end_tick : viewer.process->last_tick;
	return 0;
}

struct loader *loader_open(void)
{
	struct loader *loader = calloc(1, sizeof(*loader));

	if (!loader)
		return NULL;
	loader->requests = requests_count_open();
	if (!loader->requests) {
		loader_close(loader);
		return NULL;
	}
	for (size_t i = 0; i < viewer.process->worker_count; i++)
		loader->events += viewer.process->workers[i].events;
	return loader;
}

static void reading_close(struct reading *reading)
{
	trace_cursor_close(reading->cursor);
	free(reading->parts);
	*reading = (struct reading){0};
}

static void worker_end(struct loader *loader)
{
	struct reading *reading = &loader->reading;
	struct lane *lane = &viewer.lanes[loader->worker];
	uint64_t end = lane->last_tick > reading->last_tick ? lane->last_tick : reading->last_tick;

	lane->open_count = box_stream_end(&reading->stream, end, lane->open);
	requests_count_worker_end(loader->requests);
	reading_close(reading);
	loader->worker++;
}

static int part_begin(struct loader *loader)
{
	struct reading *reading = &loader->reading;
	const struct trace_part *part = &reading->parts[reading->part];

	reading->cursor =
	    trace_cursor_open_part(viewer.trace, viewer.process_index, loader->worker, part);
	if (!reading->cursor)
		return -ENOMEM;
	lane_begin_part(&viewer.lanes[loader->worker], part, reading->stream.iteration_tick);
	return 0;
}

static int batch_take(struct loader *loader, size_t count)
{
	struct reading *reading = &loader->reading;
	struct lane *lane = &viewer.lanes[loader->worker];
	size_t context_count;
	bool after_gap;
	const struct trace_context *context =
	    trace_cursor_context(reading->cursor, &context_count, &after_gap);

	if (after_gap &&
	    (lane_add_gap(lane, reading, loader->items[0].tick) < 0 ||
	     requests_count_gap(loader->requests, loader->worker, reading->last_tick) < 0))
		return -ENOMEM;
	if (requests_count_take(loader->requests, loader->worker, loader->items, count) < 0)
		return -ENOMEM;
	box_stream_begin(&reading->stream, context, context_count, after_gap);
	const struct trace_item *last = &loader->items[count - 1];
	reading->last_tick = last->tick + (last->shape == TRACE_SHAPE_INSTANT ? 0 : last->duration);
	return lane_take(lane, loader->boxes,
			 box_stream_feed(&reading->stream, loader->items, count, loader->boxes));
}

static int batch_read(struct loader *loader)
{
	struct reading *reading = &loader->reading;

	if (!reading->parts && reading_open(loader) < 0)
		return -ENOMEM;
	if (reading->part == reading->part_count) {
		worker_end(loader);
		return 0;
	}
	if (!reading->cursor && part_begin(loader) < 0)
		return -ENOMEM;
	size_t count = trace_cursor_read(reading->cursor, UINT64_MAX, loader->items, BATCH_ITEMS);
	loader->done += count;
	if (count > 0)
		return batch_take(loader, count);
	trace_cursor_close(reading->cursor);
	reading->cursor = NULL;
	reading->part++;
	return 0;
}

int loader_step(struct loader *loader, uint32_t batches)
{
	int error = 0;

	for (uint32_t i = 0;
	     error == 0 && i < batches && loader->worker < viewer.process->worker_count; i++)
		error = batch_read(loader);
	if (error < 0 || loader->worker < viewer.process->worker_count)
		return error < 0 ? error : 1;
	return requests_count_finish(loader->requests);
}

double loader_share(const struct loader *loader)
{
	double share = loader->events ? 1.7 * (double)loader->done / (double)loader->events : 0;

	return share < 1 ? share : 1;
}

void loader_close(struct loader *loader)
{
	if (!loader)
		return;
	reading_close(&loader->reading);
	requests_count_close(loader->requests);
	free(loader);
}
