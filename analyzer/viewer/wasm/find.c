/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds polls in the lanes: one that is known by its worker and start, and the next or previous
 * that is long enough and of one of the sites asked for.
 *
 * Rules: whole subtrees are passed over by what their node says; leaves are decoded only where it
 * may be there.
 */
#include <string.h>

#include "viewer.h"

struct search {
	bool backwards;
	uint64_t from;	   /* strictly after, or before */
	uint64_t shortest; /* ticks */
	uint64_t sites;	   /* bits as in lane_node */
	uint64_t exact;	   /* the start must be this; 0: any */
	size_t worker;
	struct place best;
};

static bool node_may_hold(const struct search *search, const struct lane_node *node)
{
	const struct box *best = &search->best.box;

	if (node->count == 0 || node->longest < search->shortest || !(node->sites & search->sites))
		return false;
	if (search->exact)
		return node->start <= search->exact && node->end >= search->exact;
	if (search->backwards)
		return node->start < search->from &&
		       (!search->best.found || node->end > best->tick);
	return node->end > search->from && (!search->best.found || node->start < best->tick);
}

static bool is_better(const struct search *search, const struct box *box)
{
	const struct box *best = &search->best.box;

	if (search->exact)
		return box->tick == search->exact &&
		       (!search->best.found || box->duration > best->duration);
	if (search->backwards)
		return box->tick < search->from && (!search->best.found || box->tick > best->tick);
	return box->tick > search->from && (!search->best.found || box->tick < best->tick);
}

static void look_at(struct search *search, const struct box *box, uint64_t submit_tick)
{
	if (box->type > BOX_WORK || box->duration < search->shortest ||
	    !lane_shows(&viewer.filter, box) || (!search->exact && !viewer.find_sites[box->site]) ||
	    !is_better(search, box))
		return;
	search->best = (struct place){search->worker, *box, submit_tick, true};
}

static void look_at_leaf(struct search *search, const struct lane *lane,
			 const struct lane_tree *tree, size_t leaf)
{
	if (tree == &lane->work) {
		for (size_t i = leaf * LANE_LEAF_BOXES;
		     i < (leaf + 1) * LANE_LEAF_BOXES && i < lane->item_count; i++) {
			if (lane->items[i].drawn)
				look_at(search, &lane->items[i].box, lane->items[i].submit_tick);
		}
		return;
	}
	size_t part = part_of_leaf(lane, leaf), count;
	size_t first = (leaf - lane->parts[part].first_leaf) * LANE_LEAF_BOXES;
	const struct box *boxes = part_boxes(search->worker, part, &count);
	for (size_t i = first; i < count && i < first + LANE_LEAF_BOXES; i++)
		look_at(search, &boxes[i], 0);
}

static void search_tree(struct search *search, const struct lane *lane,
			const struct lane_tree *tree, size_t level, size_t from, size_t to)
{
	if (to > tree->counts[level])
		to = tree->counts[level];
	for (size_t i = from; i < to; i++) {
		size_t at = search->backwards ? to - 1 - (i - from) : i;
		if (!node_may_hold(search, &tree->nodes[level][at]))
			continue;
		if (level > 0)
			search_tree(search, lane, tree, level - 1, at * LANE_FANOUT,
				    (at + 1) * LANE_FANOUT);
		else
			look_at_leaf(search, lane, tree, at);
	}
}

static void search_lane(struct search *search, size_t worker)
{
	const struct lane *lane = &viewer.lanes[worker];
	const struct lane_tree *trees[] = {&lane->polls, &lane->work};

	search->worker = worker;
	viewer.filter.worker = worker;
	for (size_t t = 0; t < 2; t++) {
		size_t level = LANE_LEVELS;
		while (level > 0 && trees[t]->counts[level - 1] == 0)
			level--;
		if (level > 0)
			search_tree(search, lane, trees[t], level - 1, 0,
				    trees[t]->counts[level - 1]);
	}
	for (size_t i = 0; i < lane->open_count; i++)
		look_at(search, &lane->open[i], 0);
}

struct place find_at(size_t worker, uint64_t tick)
{
	struct search search = {.exact = tick, .sites = UINT64_MAX};

	if (worker < viewer.process->worker_count)
		search_lane(&search, worker);
	return search.best;
}

/* One byte a site, for JavaScript to fill: which of them page_find() looks for. */
EXPORT(page_find_sites) uint8_t *page_find_sites(void)
{
	return viewer.find_sites;
}

/* JSON of the next (or previous) poll that begins after (before) `from`, or "null". Workers: a byte
 * each. */
EXPORT(page_find)
const char *page_find(double from, int backwards, double shortest_ns, const uint8_t *workers)
{
	struct search search = {
	    .backwards = backwards, .from = tick_of(from), .shortest = ticks_at_least(shortest_ns)};

	for (uint32_t site = 0; site <= viewer.sites; site++)
		search.sites |= viewer.find_sites[site] ? 1ull << (site & 63) : 0;
	for (size_t i = 0; i < viewer.process->worker_count; i++) {
		if (workers[i])
			search_lane(&search, i);
	}
	return viewer_answer(search.best.found ? describe_box(search.best.worker, &search.best.box)
					       : json_null());
}
