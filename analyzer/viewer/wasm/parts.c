/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts of a worker's stream, decoded once more for those who look closely; the boxes of the last
 * ones are kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "viewer.h"

#define BATCH_ITEMS 4096
#define KEPT_PARTS  512
#define KEPT_BOXES  3000000 /* 96 MB */

struct kept {
	struct box *boxes;
	size_t worker, part, count;
	uint64_t used;
};

static struct kept kept[KEPT_PARTS];
static size_t kept_boxes, kept_count;
static uint64_t now;

static void kept_drop(struct kept *slot)
{
	kept_count -= slot->used > 0;
	kept_boxes -= slot->count;
	free(slot->boxes);
	*slot = (struct kept){0};
}

void parts_forget(void)
{
	for (size_t i = 0; i < KEPT_PARTS; i++)
		kept_drop(&kept[i]);
}

static struct kept *kept_oldest(void)
{
	struct kept *oldest = NULL;

	for (size_t i = 0; i < KEPT_PARTS; i++) {
		if (kept[i].used > 0 && (!oldest || kept[i].used < oldest->used))
			oldest = &kept[i];
	}
	return oldest;
}

/* An empty slot; the oldest go until there is room for `count` boxes more. */
static struct kept *kept_slot(size_t count)
{
	struct kept *slot = kept;

	while (kept_count == KEPT_PARTS || (kept_count > 0 && kept_boxes + count > KEPT_BOXES))
		kept_drop(kept_oldest());
	while (slot->used > 0)
		slot++;
	return slot;
}

struct box_stream part_stream(size_t worker)
{
	const struct trace_process *process = viewer.process;

	return (struct box_stream){
	    .site_count = (uint32_t)process->site_count,
	    .iterations_are_polls = process->tier == TRACE_TIER_LIBC &&
				    process->workers[worker].role == TRACE_ROLE_LOOP,
	    .ends_inside = process->running || timeline_died(process),
	};
}

void part_read(size_t worker, size_t part, part_take *take, void *arg)
{
	static struct trace_item items[BATCH_ITEMS];
	static struct box boxes[BOX_ROOM(BATCH_ITEMS)];
	struct box_stream stream = part_stream(worker);
	struct trace_cursor *cursor = trace_cursor_open_part(
	    viewer.trace, viewer.process_index, worker, &viewer.lanes[worker].parts[part].part);
	struct part_batch batch = {.worker = worker, .items = items, .boxes = boxes};
	size_t context_count;
	bool after_gap;

	stream.iteration_tick = viewer.lanes[worker].parts[part].iteration_tick;
	while (cursor &&
	       (batch.item_count = trace_cursor_read(cursor, UINT64_MAX, items, BATCH_ITEMS)) > 0) {
		const struct trace_context *context =
		    trace_cursor_context(cursor, &context_count, &after_gap);
		box_stream_begin(&stream, context, context_count, after_gap);
		batch.box_count = box_stream_feed(&stream, items, batch.item_count, boxes);
		take(arg, &batch);
	}
	trace_cursor_close(cursor);
}

struct boxes_kept {
	struct box *boxes;
	size_t count, capacity;
};

static void boxes_keep(void *arg, const struct part_batch *batch)
{
	struct boxes_kept *kept_now = arg;
	size_t count = batch->box_count;

	if (count > kept_now->capacity - kept_now->count)
		count = kept_now->capacity - kept_now->count;
	memcpy(kept_now->boxes + kept_now->count, batch->boxes, count * sizeof(*batch->boxes));
	kept_now->count += count;
}

const struct box *part_boxes(size_t worker, size_t part, size_t *count)
{
	const struct lane_part *entry = &viewer.lanes[worker].parts[part];

	for (size_t i = 0; i < KEPT_PARTS; i++) {
		if (kept[i].used > 0 && kept[i].worker == worker && kept[i].part == part) {
			kept[i].used = ++now;
			*count = kept[i].count;
			return kept[i].boxes;
		}
	}
	struct kept *slot = kept_slot(entry->boxes);
	struct boxes_kept fresh = {.boxes = calloc(entry->boxes + 1, sizeof(*fresh.boxes)),
				   .capacity = entry->boxes};
	if (fresh.boxes) {
		part_read(worker, part, boxes_keep, &fresh);
		*slot = (struct kept){fresh.boxes, worker, part, fresh.count, ++now};
	}
	kept_count += fresh.boxes != NULL;
	kept_boxes += fresh.count;
	*count = fresh.count;
	return fresh.boxes;
}

/* Parts follow one another, so what is open is told where the first one begins, or data is missing
 * before. */
static int part_feed(struct timeline *timeline, size_t worker, size_t part, bool is_first)
{
	static struct trace_item items[BATCH_ITEMS];
	struct trace_cursor *cursor = trace_cursor_open_part(
	    viewer.trace, viewer.process_index, worker, &viewer.lanes[worker].parts[part].part);
	size_t count, context_count;
	bool after_gap;
	int error = cursor ? 0 : -ENOMEM;

	while (error == 0 &&
	       (count = trace_cursor_read(cursor, UINT64_MAX, items, BATCH_ITEMS)) > 0) {
		const struct trace_context *context =
		    trace_cursor_context(cursor, &context_count, &after_gap);
		bool is_told = context && (is_first || after_gap);
		error = timeline_feed(timeline, worker, items, count, is_told ? context : NULL,
				      is_told ? context_count : 0, is_told && after_gap);
		is_first = false;
	}
	trace_cursor_close(cursor);
	return error;
}

int parts_feed(struct timeline *timeline, size_t worker, uint64_t from, uint64_t to)
{
	const struct lane *lane = &viewer.lanes[worker];
	size_t first = part_at(worker, from);
	int error = 0;

	for (size_t i = first;
	     error == 0 && i < lane->part_count && lane->parts[i].part.first_tick < to; i++)
		error = part_feed(timeline, worker, i, i == first);
	return error < 0 ? error : timeline_end_worker(timeline, worker);
}

bool parts_fit(void)
{
	size_t boxes = 0;

	for (size_t i = 0; i < viewer.process->worker_count; i++)
		boxes += viewer.lanes[i].polls.counts[0] * LANE_LEAF_BOXES;
	return boxes <= KEPT_BOXES;
}

size_t part_at(size_t worker, uint64_t tick)
{
	const struct lane *lane = &viewer.lanes[worker];
	size_t low = 0, high = lane->part_count;

	/* The last that begins before it: what lies there ends there or later. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (lane->parts[middle].part.first_tick <= tick)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? low - 1 : 0;
}

size_t part_of_leaf(const struct lane *lane, size_t leaf)
{
	size_t low = 0, high = lane->part_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (lane->parts[middle].first_leaf <= leaf)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}
