/* SPDX-License-Identifier: Apache-2.0
 *
 * What the page draws of a range of time: strokes, each a poll (or a column of many that are
 * narrower than a pixel), a wait, a hole or a stretch without CPU; and the columns of the charts.
 *
 * Rules: the cost goes by columns, not by events. A column of many polls shows the longest of them.
 */
#include <stdlib.h>
#include <string.h>

#include "sums/columns.h"
#include "strokes.h"
#include "viewer.h"

/* A node that lies in two columns is shared out between them by time if it is narrower than this
 * share of a column; else its children are. Of a large trace a leaf is if it is narrower than a
 * column: to decode them anew for each picture would cost many times as much as all the rest. */
#define SHARED_OUT 0.125

static struct {
	struct stroke *strokes;
	size_t count, capacity;
	uint32_t *lane_ends;
	uint32_t charts[CHARTS][COLUMNS_MAX];
	uint32_t columns;
	double from, width; /* ticks, also those that lie before 0 */
	uint64_t from_tick, to_tick;
	size_t worker;
	bool is_loop, with_named, leaves_are_cheap;
} draw;

static struct stroke *stroke_add(enum stroke_type type, double start_ns, double end_ns)
{
	static struct stroke spare;

	if (draw.count == draw.capacity) {
		size_t capacity = draw.capacity ? draw.capacity * 2 : 4096;
		struct stroke *strokes = realloc(draw.strokes, capacity * sizeof(*strokes));
		if (!strokes)
			return &spare;
		draw.strokes = strokes;
		draw.capacity = capacity;
	}
	struct stroke *stroke = &draw.strokes[draw.count++];
	*stroke = (struct stroke){.type = type, .start_ns = start_ns, .end_ns = end_ns};
	return stroke;
}

static double column_ns(int64_t number)
{
	double tick = draw.from + (double)number * draw.width;

	return time_ns(tick > 0 ? (uint64_t)tick : 0);
}

static float share(float ticks)
{
	double part = ticks / draw.width;

	return part < 1 ? (float)part : 1;
}

static void column_stroke(const struct column *column, uint32_t number, uint8_t depth)
{
	struct stroke *stroke =
	    stroke_add(STROKE_COLUMN, column_ns(number), column_ns((int64_t)number + 1));

	stroke->tick = time_tick(column->longest_tick);
	stroke->longest_ns =
	    time_ns(column->longest_tick + column->longest) - time_ns(column->longest_tick);
	stroke->value = column->longest_object;
	stroke->count = column->count;
	stroke->site = column->site;
	stroke->busy = share(column->busy);
	stroke->parked = share(column->parked);
	if (stroke->parked > 1 - stroke->busy)
		stroke->parked = 1 - stroke->busy;
	stroke->depth = depth;
	stroke->flags = column->about;
}

/* The columns of a lane, which lie below its other strokes: those from `first` on. */
static void columns_end(size_t first)
{
	size_t wide = draw.count - first;
	struct stroke *aside = malloc((wide + 1) * sizeof(*aside));

	columns_take(column_stroke);
	size_t narrow = draw.count - first - wide;
	if (aside && narrow > 0) {
		struct stroke *strokes = draw.strokes + first;
		memcpy(aside, strokes, wide * sizeof(*aside));
		memmove(strokes, strokes + wide, narrow * sizeof(*strokes));
		memcpy(strokes + narrow, aside, wide * sizeof(*strokes));
	}
	free(aside);
}

static void ready_note(uint64_t tick, uint32_t ready)
{
	double number = ((double)tick - draw.from) / draw.width;

	if (draw.is_loop && number >= 0 && number < draw.columns &&
	    ready > draw.charts[CHART_READY][(size_t)number])
		draw.charts[CHART_READY][(size_t)number] = ready;
}

static void add_wide(const struct box *box)
{
	static const uint8_t types[BOX_TYPES] = {
	    [BOX_POLL] = STROKE_POLL, [BOX_WORK] = STROKE_WORK, [BOX_PARK] = STROKE_PARK};
	struct stroke *stroke =
	    stroke_add(types[box->type], time_ns(box->tick), time_ns(box->tick + box->duration));

	stroke->tick = time_tick(box->tick);
	stroke->longest_ns = stroke->end_ns - stroke->start_ns;
	stroke->value = box->object;
	stroke->count = box->type != BOX_PARK;
	stroke->site = box->site;
	stroke->depth = box->depth < COLUMN_DEPTHS ? box->depth : COLUMN_DEPTHS - 1;
	stroke->flags = (uint8_t)box->flags;
	stroke->busy = 1;
}

static void add_box(const struct box *box)
{
	uint64_t end = box->tick + box->duration;

	if (end < draw.from_tick || box->tick > draw.to_tick)
		return;
	if (box->type == BOX_PARK || box->type == BOX_TURN)
		ready_note(end, (uint32_t)box->object);
	if (box->type > BOX_PARK || !lane_shows(&viewer.filter, box))
		return;
	if ((double)box->duration < draw.width)
		columns_add_box(box);
	else
		add_wide(box);
}

static void add_leaf(const struct lane *lane, size_t leaf)
{
	size_t part = part_of_leaf(lane, leaf), count;
	const struct box *boxes = part_boxes(draw.worker, part, &count);
	size_t first = (leaf - lane->parts[part].first_leaf) * LANE_LEAF_BOXES;

	for (size_t i = first; i < count && i < first + LANE_LEAF_BOXES; i++)
		add_box(&boxes[i]);
}

static void add_work_leaf(const struct lane *lane, size_t leaf)
{
	for (size_t i = leaf * LANE_LEAF_BOXES;
	     i < lane->item_count && i < (leaf + 1) * LANE_LEAF_BOXES; i++) {
		if (lane->items[i].drawn)
			add_box(&lane->items[i].box);
	}
}

static bool is_summed_up(const struct lane_node *node, bool is_poll_leaf)
{
	bool is_dear = is_poll_leaf && !draw.leaves_are_cheap;
	double columns = (double)(node->end - node->start) / draw.width;

	if (columns < (is_dear ? 1 : SHARED_OUT))
		return true;
	return columns < 1 && column_number(node->start) == column_number(node->end);
}

static void draw_tree(const struct lane *lane, const struct lane_tree *tree, size_t level,
		      size_t from, size_t to)
{
	for (size_t i = from; i < to && i < tree->counts[level]; i++) {
		const struct lane_node *node = &tree->nodes[level][i];
		if (node->end < draw.from_tick || node->start > draw.to_tick)
			continue;
		bool is_poll_leaf = level == 0 && tree == &lane->polls;
		if (is_summed_up(node, is_poll_leaf)) {
			ready_note(node->end, node->ready);
			columns_add_node(node);
		} else if (level > 0) {
			draw_tree(lane, tree, level - 1, i * LANE_FANOUT, (i + 1) * LANE_FANOUT);
		} else if (is_poll_leaf) {
			add_leaf(lane, i);
		} else {
			add_work_leaf(lane, i);
		}
	}
}

static void draw_whole_tree(const struct lane *lane, const struct lane_tree *tree)
{
	size_t level = LANE_LEVELS;

	while (level > 0 && tree->counts[level - 1] == 0)
		level--;
	if (level > 0)
		draw_tree(lane, tree, level - 1, 0, tree->counts[level - 1]);
}

static void draw_holes(const struct lane *lane)
{
	size_t low = 0, high = lane->hole_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (lane->holes[middle].end < draw.from_tick)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < lane->hole_count && lane->holes[low].tick <= draw.to_tick; low++) {
		const struct lane_hole *hole = &lane->holes[low];
		struct stroke *stroke =
		    stroke_add(STROKE_HOLE, time_ns(hole->tick), time_ns(hole->end));
		stroke->value = hole->events;
		stroke->flags = hole->missing ? BOX_MISSING : 0;
	}
}

/* Between two samples of a worker, how much of the time it was on a CPU and how much it waited for
 * one. */
static void add_cpu(const struct trace_sample *from, const struct trace_sample *to)
{
	double ns = time_ns(to->tick) - time_ns(from->tick);

	if (to->a < from->a || to->b < from->b || ns <= 0)
		return;
	struct stroke *stroke = stroke_add(STROKE_CPU, time_ns(from->tick), time_ns(to->tick));
	stroke->longest_ns = (double)(to->b - from->b);
	stroke->busy = (float)(stroke->longest_ns / ns);
	stroke->parked = (float)((double)(to->a - from->a) / ns);
}

/* The last sample before the range. */
static size_t sample_before(const struct lane *lane)
{
	size_t low = 0, high = lane->sample_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (lane->samples[middle]->tick < draw.from_tick)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? low - 1 : 0;
}

static void draw_cpu(const struct lane *lane)
{
	size_t from = sample_before(lane);

	for (size_t i = from + 1; i < lane->sample_count; i++) {
		if ((double)(lane->samples[i]->tick - lane->samples[from]->tick) < draw.width)
			continue;
		add_cpu(lane->samples[from], lane->samples[i]);
		if (lane->samples[i]->tick > draw.to_tick)
			return;
		from = i;
	}
}

/* `site` is the name; `count`: so many fall into this pixel, or overlap so that there is no room
 * for each. */
static struct stroke *add_named(enum stroke_type type, uint64_t tick, uint64_t end, uint32_t name,
				uint64_t value)
{
	struct stroke *stroke = stroke_add(type, time_ns(tick), time_ns(end));

	stroke->tick = time_tick(tick);
	stroke->longest_ns = stroke->end_ns - stroke->start_ns;
	stroke->site =
	    name < viewer.process->name_count ? name : (uint32_t)viewer.process->name_count;
	stroke->value = value;
	return stroke;
}

static void add_span(const struct user_span *span, uint32_t row)
{
	struct stroke *stroke = add_named(STROKE_SPAN, span->tick, span->end, span->name, span->id);

	stroke->count = span->count;
	stroke->depth = (uint8_t)row;
	stroke->flags = span->ended ? 0 : BOX_OPEN;
}

static void add_mark(const struct named_mark *mark, uint32_t count)
{
	add_named(STROKE_MARK, mark->tick, mark->tick, mark->name, mark->value)->count = count;
}

static void draw_lane(size_t worker)
{
	const struct lane *lane = &viewer.lanes[worker];
	size_t first = draw.count;

	draw.worker = worker;
	viewer.filter.worker = worker;
	draw.is_loop = viewer.process->workers[worker].role == TRACE_ROLE_LOOP;
	draw_whole_tree(lane, &lane->polls);
	draw_whole_tree(lane, &lane->work);
	for (size_t i = 0; i < lane->open_count; i++)
		add_box(&lane->open[i]);
	columns_end(first);
	draw_holes(lane);
	draw_cpu(lane);
	if (draw.with_named)
		named_draw(&lane->named, draw.from_tick, draw.to_tick, draw.width, add_span,
			   add_mark);
}

/* Returns how many strokes there are. `with_named`: marks and spans too. */
EXPORT(page_draw) uint32_t page_draw(double from_ns, double to_ns, uint32_t columns, int with_named)
{
	double to = tick_at_ns(to_ns);

	draw.columns = columns < 1 ? 1 : columns < COLUMNS_MAX ? columns : COLUMNS_MAX;
	draw.from = tick_at_ns(from_ns);
	draw.width = (to - draw.from) / draw.columns;
	draw.from_tick = draw.from > 0 ? (uint64_t)draw.from : 0;
	draw.to_tick = to > 0 ? (uint64_t)to : 0;
	draw.count = 0;
	draw.with_named = with_named;
	draw.leaves_are_cheap = parts_fit();
	memset(draw.charts, 0, sizeof(draw.charts));
	columns_begin(draw.from, draw.width, draw.columns);
	draw.lane_ends =
	    realloc(draw.lane_ends, (viewer.process->worker_count + 1) * sizeof(*draw.lane_ends));
	for (size_t i = 0; draw.lane_ends && i < viewer.process->worker_count; i++) {
		draw_lane(i);
		draw.lane_ends[i] = (uint32_t)draw.count;
	}
	levels_draw(&viewer.pool, draw.from, draw.width, draw.columns,
		    (uint32_t *[]){draw.charts[CHART_QUEUED], draw.charts[CHART_RUNNING],
				   draw.charts[CHART_BOTH]});
	levels_draw(&viewer.requests, draw.from, draw.width, draw.columns,
		    (uint32_t *[]){draw.charts[CHART_REQUESTS], NULL, NULL});
	return (uint32_t)draw.count;
}

EXPORT(page_strokes) const struct stroke *page_strokes(void)
{
	return draw.strokes;
}

EXPORT(page_lane_ends) const uint32_t *page_lane_ends(void)
{
	return draw.lane_ends;
}

/* The chart's values, one a column. */
EXPORT(page_chart) const uint32_t *page_chart(uint32_t chart)
{
	return draw.charts[chart < CHARTS ? chart : 0];
}
