/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads all workers of a process side by side, always on where it is furthest behind, and feeds what it reads to a
 * timeline, which makes the figures, and to the lanes, which make the picture. Step by step, so that the page can
 * answer in between.
 */
#include <errno.h>
#include <stdlib.h>

#include "tick_heap.h"
#include "viewer.h"

#define BATCH_ITEMS 4096
#define PART_EVENTS 16384 /* blocks are not cut: what is decoded at once when it is looked at closely */

struct reading {
	struct trace_part *parts;
	size_t part, part_count;
	struct trace_cursor *cursor;
	bool broken; /* the part before could not be read to its end */
	bool fresh;  /* nothing of this part was read yet */
	uint64_t last_tick;
	struct box_stream stream;
};

struct loader {
	struct timeline *timeline;
	struct lane *lanes;
	struct reading *readings;
	struct tick_heap behind;
	uint64_t events, done;
	struct trace_item items[BATCH_ITEMS];
	struct box boxes[BATCH_ITEMS + BOX_OPEN_MAX];
};

/* ---- What the pool saw ---------------------------------------------------------------------------------------- */

static int item_keep(struct lane *lane, const struct lane_item *item)
{
	if (lane->item_count == lane->item_room) {
		size_t room = lane->item_room ? lane->item_room + lane->item_room / 2 : 64;
		struct lane_item *items = realloc(lane->items, room * sizeof(*items));
		if (!items)
			return -ENOMEM;
		lane->items = items;
		lane->item_room = room;
	}
	lane->items[lane->item_count++] = *item;
	return 0;
}

/* Only drawn items are in the tree, but all are in the list: the boxes of the others are of another type. */
static void watch_item(void *arg, const struct timeline_span *span, uint64_t submit_tick)
{
	struct loader *loader = arg;
	struct lane *lane = &loader->lanes[span->worker];
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

static struct timeline_watch watch = {.item = watch_item, .level = watch_level};

/* ---- Lanes ---------------------------------------------------------------------------------------------------- */

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

static void lane_begin_part(struct lane *lane, const struct trace_part *part)
{
	lane_tree_end_leaf(&lane->polls);
	lane->parts[lane->part_count++] = (struct lane_part){*part, lane->polls.counts[0], 0};
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

/* ---- Reading -------------------------------------------------------------------------------------------------- */

static int reading_open(struct loader *loader, size_t worker)
{
	const struct trace_worker *entry = &viewer.process->workers[worker];
	struct reading *reading = &loader->readings[worker];

	reading->part_count = trace_parts(entry, PART_EVENTS, NULL);
	reading->parts = calloc(reading->part_count + 1, sizeof(*reading->parts));
	if (!reading->parts)
		return -ENOMEM;
	trace_parts(entry, PART_EVENTS, reading->parts);
	reading->stream.site_count = (uint32_t)viewer.process->site_count;
	loader->events += entry->events;
	if (!loader->lanes)
		return 0;
	loader->lanes[worker].parts = calloc(reading->part_count + 1, sizeof(struct lane_part));
	loader->lanes[worker].first_tick = entry->start_tick;
	loader->lanes[worker].last_tick = entry->end_tick ? entry->end_tick : viewer.process->last_tick;
	return loader->lanes[worker].parts ? 0 : -ENOMEM;
}

struct loader *loader_open(struct timeline *timeline, struct lane *lanes)
{
	size_t workers = viewer.process->worker_count;
	struct loader *loader = calloc(1, sizeof(*loader));
	int error = 0;

	if (!loader)
		return NULL;
	loader->timeline = timeline;
	loader->lanes = lanes;
	loader->readings = calloc(workers + 1, sizeof(*loader->readings));
	loader->behind.entries = calloc(workers + 1, sizeof(*loader->behind.entries));
	watch.arg = loader;
	if (lanes)
		timeline->watch = &watch;
	for (size_t i = 0; loader->readings && loader->behind.entries && error == 0 && i < workers; i++) {
		const struct trace_worker *worker = &viewer.process->workers[i];
		error = reading_open(loader, i);
		if (error == 0 && loader->readings[i].part_count > 0)
			tick_heap_push(
			    &loader->behind,
			    worker->start_tick < worker->first_tick ? worker->start_tick : worker->first_tick, i);
	}
	if (error == 0 && loader->readings && loader->behind.entries)
		return loader;
	loader_close(loader);
	return NULL;
}

static int worker_end(struct loader *loader, size_t worker)
{
	struct reading *reading = &loader->readings[worker];
	struct lane *lane = loader->lanes ? &loader->lanes[worker] : NULL;

	tick_heap_pop(&loader->behind);
	if (lane) {
		uint64_t end = lane->last_tick > reading->last_tick ? lane->last_tick : reading->last_tick;
		lane->open_count = box_stream_end(&reading->stream, end, lane->open);
	}
	return timeline_end_worker(loader->timeline, worker);
}

static int part_begin(struct loader *loader, size_t worker)
{
	struct reading *reading = &loader->readings[worker];

	reading->cursor =
	    trace_cursor_open_part(viewer.trace, viewer.process_index, worker, &reading->parts[reading->part]);
	if (!reading->cursor)
		return -ENOMEM;
	reading->fresh = true;
	if (loader->lanes)
		lane_begin_part(&loader->lanes[worker], &reading->parts[reading->part]);
	return 0;
}

static void part_end(struct reading *reading)
{
	reading->broken = trace_cursor_problem(reading->cursor) != NULL;
	trace_cursor_close(reading->cursor);
	reading->cursor = NULL;
	reading->part++;
}

/* The timeline reads a worker as one stream: a part that goes on where the one before stopped begins nothing. */
static int batch_feed(struct loader *loader, size_t worker, size_t count)
{
	struct reading *reading = &loader->readings[worker];
	size_t context_count;
	bool after_gap;
	const struct trace_context *context = trace_cursor_context(reading->cursor, &context_count, &after_gap);

	if (context && loader->lanes)
		box_stream_begin(&reading->stream, context, context_count);
	after_gap |= reading->fresh && reading->broken;
	if (after_gap && loader->lanes &&
	    lane_add_gap(&loader->lanes[worker], reading, loader->items[0].tick) < 0)
		return -ENOMEM;
	bool resumes = context && (after_gap || reading->part == 0);
	reading->fresh = false;
	if (timeline_feed(loader->timeline, worker, loader->items, count, resumes ? context : NULL,
			  resumes ? context_count : 0, after_gap) < 0)
		return -ENOMEM;
	const struct trace_item *last = &loader->items[count - 1];
	reading->last_tick = last->tick + (last->shape == TRACE_SHAPE_INSTANT ? 0 : last->duration);
	if (!loader->lanes)
		return 0;
	return lane_take(&loader->lanes[worker], loader->boxes,
			 box_stream_feed(&reading->stream, loader->items, count, loader->boxes));
}

static int batch_read(struct loader *loader)
{
	size_t worker = loader->behind.entries[0].position;
	struct reading *reading = &loader->readings[worker];

	if (reading->part == reading->part_count)
		return worker_end(loader, worker);
	if (!reading->cursor && part_begin(loader, worker) < 0)
		return -ENOMEM;
	size_t count = trace_cursor_read(reading->cursor, UINT64_MAX, loader->items, BATCH_ITEMS);
	loader->done += count;
	if (count == 0) {
		part_end(reading);
		return 0;
	}
	tick_heap_move_top(&loader->behind, loader->items[count - 1].tick);
	return batch_feed(loader, worker, count);
}

int loader_step(struct loader *loader, uint32_t batches)
{
	int error = 0;

	for (uint32_t i = 0; error == 0 && i < batches && loader->behind.count > 0; i++) {
		error = batch_read(loader);
		if (error == 0 && loader->behind.count > 0)
			error = timeline_settle(loader->timeline, loader->behind.entries[0].tick);
	}
	if (error == 0 && loader->behind.count == 0)
		error = timeline_finish(loader->timeline);
	return error < 0 ? error : loader->behind.count > 0;
}

double loader_share(const struct loader *loader)
{
	const struct trace_process *process = viewer.process;
	uint64_t all = process->last_tick - process->first_tick;
	uint64_t at = loader->behind.count ? loader->behind.entries[0].tick : process->last_tick;

	return all > 0 && at > process->first_tick ? (double)(at - process->first_tick) / (double)all : 0;
}

void loader_close(struct loader *loader)
{
	if (!loader)
		return;
	for (size_t i = 0; loader->readings && i < viewer.process->worker_count; i++) {
		trace_cursor_close(loader->readings[i].cursor);
		free(loader->readings[i].parts);
	}
	free(loader->readings);
	free(loader->behind.entries);
	free(loader);
}
