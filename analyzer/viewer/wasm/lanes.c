/* SPDX-License-Identifier: Apache-2.0
 *
 * The trees of a lane; see lanes.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lanes.h"

#define HOLES_MAX 100000 /* more of them flow together */

static void node_add_poll(struct lane_node *node, const struct box *box)
{
	node->count++;
	node->sites |= 1ull << (box->site & 63);
	if (box->depth == 0)
		node->busy += (float)box->duration;
	if (box->duration >= node->longest) {
		node->longest = box->duration;
		node->longest_tick = box->tick;
		node->longest_object = box->object;
		node->site = (uint16_t)box->site;
		node->depth = box->depth;
	}
}

static void node_add_box(struct lane_node *node, const struct box *box,
			 const struct lane_filter *filter)
{
	uint64_t end = box->tick + box->duration;

	if (box->tick < node->start)
		node->start = box->tick;
	if (end > node->end)
		node->end = end;
	if (box->type <= BOX_WORK) {
		if (lane_shows(filter, box))
			node_add_poll(node, box);
		return;
	}
	if (box->type == BOX_PARK)
		node->parked += (float)box->duration;
	if (box->type != BOX_HOLE && box->object > node->ready)
		node->ready = box->object < UINT16_MAX ? (uint16_t)box->object : UINT16_MAX;
}

static void node_add_node(struct lane_node *to, const struct lane_node *node)
{
	if (node->start < to->start)
		to->start = node->start;
	if (node->end > to->end)
		to->end = node->end;
	if (node->count > 0 && node->longest >= to->longest) {
		to->longest = node->longest;
		to->longest_tick = node->longest_tick;
		to->longest_object = node->longest_object;
		to->site = node->site;
		to->depth = node->depth;
	}
	if (node->ready > to->ready)
		to->ready = node->ready;
	to->sites |= node->sites;
	to->busy += node->busy;
	to->parked += node->parked;
	to->count += node->count;
}

static struct lane_node *leaf_next(struct lane_tree *tree)
{
	if (tree->counts[0] == tree->capacity) {
		size_t capacity = tree->capacity ? tree->capacity + tree->capacity / 2 : 64;
		struct lane_node *leaves = realloc(tree->nodes[0], capacity * sizeof(*leaves));
		if (!leaves)
			return NULL;
		tree->nodes[0] = leaves;
		tree->capacity = capacity;
	}
	struct lane_node *leaf = &tree->nodes[0][tree->counts[0]++];
	*leaf = (struct lane_node){.start = UINT64_MAX};
	tree->in_leaf = 0;
	return leaf;
}

int lane_tree_add(struct lane_tree *tree, const struct box *boxes, size_t count,
		  const struct lane_filter *filter)
{
	struct lane_node *leaf = tree->counts[0] ? &tree->nodes[0][tree->counts[0] - 1] : NULL;

	for (size_t i = 0; i < count; i++) {
		if (!leaf || tree->in_leaf == LANE_LEAF_BOXES)
			leaf = leaf_next(tree);
		if (!leaf)
			return -ENOMEM;
		node_add_box(leaf, &boxes[i], filter);
		tree->in_leaf++;
	}
	return 0;
}

void lane_tree_end_leaf(struct lane_tree *tree)
{
	tree->in_leaf = LANE_LEAF_BOXES;
}

static int level_build(struct lane_tree *tree, size_t level)
{
	size_t below = tree->counts[level - 1], count = (below + LANE_FANOUT - 1) / LANE_FANOUT;
	struct lane_node *nodes = realloc(tree->nodes[level], count * sizeof(*nodes));

	if (!nodes)
		return -ENOMEM;
	for (size_t i = 0; i < below; i++) {
		if (i % LANE_FANOUT == 0)
			nodes[i / LANE_FANOUT] = (struct lane_node){.start = UINT64_MAX};
		node_add_node(&nodes[i / LANE_FANOUT], &tree->nodes[level - 1][i]);
	}
	tree->nodes[level] = nodes;
	tree->counts[level] = count;
	return 0;
}

int lane_tree_finish(struct lane_tree *tree)
{
	int error = 0;

	for (size_t level = 1; level < LANE_LEVELS; level++)
		tree->counts[level] = 0;
	for (size_t level = 1; error == 0 && level < LANE_LEVELS && tree->counts[level - 1] > 1;
	     level++)
		error = level_build(tree, level);
	return error;
}

void lane_tree_clear(struct lane_tree *tree)
{
	for (size_t level = 0; level < LANE_LEVELS; level++)
		free(tree->nodes[level]);
	*tree = (struct lane_tree){0};
}

int lane_hole_add(struct lane *lane, const struct box *hole)
{
	struct lane_hole *last = lane->hole_count ? &lane->holes[lane->hole_count - 1] : NULL;

	if (last && (lane->hole_count >= HOLES_MAX || last->end >= hole->tick)) {
		last->end = hole->tick + hole->duration > last->end ? hole->tick + hole->duration
								    : last->end;
		last->events += hole->object;
		return 0;
	}
	if ((lane->hole_count & (lane->hole_count - 1)) == 0) {
		size_t capacity = lane->hole_count ? lane->hole_count * 2 : 1;
		struct lane_hole *holes = realloc(lane->holes, capacity * sizeof(*holes));
		if (!holes)
			return -ENOMEM;
		lane->holes = holes;
	}
	lane->holes[lane->hole_count++] =
	    (struct lane_hole){hole->tick, hole->tick + hole->duration, hole->object,
			       (hole->flags & BOX_MISSING) != 0};
	return 0;
}

void lane_free(struct lane *lane)
{
	lane_tree_clear(&lane->polls);
	lane_tree_clear(&lane->work);
	free(lane->parts);
	free(lane->items);
	free(lane->holes);
	named_free(&lane->named);
	free(lane->samples);
	*lane = (struct lane){0};
}

bool lane_has_step(const struct lane_filter *filter, uint64_t tick)
{
	size_t low = 0, high = filter->step_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (filter->steps[middle].tick < tick)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < filter->step_count && filter->steps[low].tick == tick; low++) {
		if (filter->steps[low].worker == filter->worker)
			return true;
	}
	return false;
}
