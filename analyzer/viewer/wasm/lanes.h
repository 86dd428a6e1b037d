/* SPDX-License-Identifier: Apache-2.0
 *
 * One worker as it is drawn. Its boxes are summed up, 64 to a leaf and 16 nodes to a node above,
 * while the trace is read; what is drawn goes down this tree until a node is narrower than a pixel,
 * or to the boxes of a leaf, whose part of the stream is then decoded again. So drawing costs by
 * pixels, and memory is a byte an event.
 *
 * Rules: a leaf never holds boxes of two parts. Work on the pool that is no callback comes from the
 * timeline, after the event; it is kept as boxes, under a tree of its own. A filter changes the
 * sums, never the shape of the trees.
 */
#ifndef VIEWER_LANES_H
#define VIEWER_LANES_H

#include "boxes.h"
#include "user_spans.h"

#define LANE_LEAF_BOXES 64
#define LANE_FANOUT	16
#define LANE_LEVELS	8

struct lane_node {
	uint64_t start, end;		/* of all boxes in it */
	uint64_t longest, longest_tick; /* duration and start of the longest poll */
	uint64_t longest_object;
	uint64_t sites;	    /* bit site % 64: such a poll may be in it */
	float busy, parked; /* ticks: outermost polls; waits */
	uint32_t count;	    /* polls */
	uint16_t site;	    /* of the longest */
	uint16_t ready;	    /* most ready fds of a wait */
	uint8_t depth;	    /* of the longest */
};

struct lane_tree {
	struct lane_node *nodes[LANE_LEVELS]; /* 0: leaves */
	size_t counts[LANE_LEVELS];
	size_t capacity;  /* for leaves */
	uint32_t in_leaf; /* boxes in the last leaf so far */
};

/* A finished piece of work on the pool, in the order of ends. */
struct lane_item {
	struct box box;
	uint64_t submit_tick; /* 0: unknown */
	bool drawn;	      /* false: its work function is drawn as a poll */
};

struct lane_part {
	struct trace_part part;
	size_t first_leaf;
	size_t boxes;
	uint64_t iteration_tick; /* of the iteration that the loop is in there; 0: unknown */
};

struct lane_hole {
	uint64_t tick, end, events;
	uint32_t missing;
};

struct lane {
	struct lane_tree polls, work;
	struct lane_part *parts;
	size_t part_count;
	struct lane_item *items;
	size_t item_count, item_room;
	struct named named;
	struct lane_hole *holes;
	size_t hole_count;
	const struct trace_sample **samples; /* of the worker's CPU time, by tick */
	size_t sample_count;
	struct box open[BOX_OPEN_MAX]; /* where the trace ends */
	size_t open_count;
	uint64_t first_tick, last_tick;
	uint32_t depth_max;
};

/* A poll, or work on the pool. */
struct lane_step {
	uint64_t tick;
	size_t worker;
};

/* What is shown; all where it is empty. */
struct lane_filter {
	const uint8_t *sites;	       /* by site, one more for unknown ones; NULL: all */
	uint64_t object;	       /* 0: all */
	uint64_t shortest;	       /* ticks */
	const struct lane_step *steps; /* by tick: no others; NULL: all */
	size_t step_count, worker;     /* worker: whose boxes are looked at */
};

bool lane_has_step(const struct lane_filter *filter, uint64_t tick);

static inline bool lane_shows(const struct lane_filter *filter, const struct box *box)
{
	if (box->type > BOX_WORK)
		return true;
	if (filter->sites && !filter->sites[box->site])
		return false;
	if (filter->steps && !lane_has_step(filter, box->tick))
		return false;
	return box->duration >= filter->shortest &&
	       (filter->object == 0 || filter->object == box->object);
}

/* Adds boxes to the tree. Errors: -ENOMEM. `end` closes the leaf, so that the next box begins
 * another. */
int lane_tree_add(struct lane_tree *tree, const struct box *boxes, size_t count,
		  const struct lane_filter *filter);
void lane_tree_end_leaf(struct lane_tree *tree);
/* Builds the levels above the leaves anew. */
int lane_tree_finish(struct lane_tree *tree);
void lane_tree_clear(struct lane_tree *tree);

int lane_hole_add(struct lane *lane, const struct box *hole);
void lane_free(struct lane *lane);

#endif
