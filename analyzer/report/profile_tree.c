/* SPDX-License-Identifier: Apache-2.0
 *
 * See profile_tree.h. The samples are sorted by their stacks, so that every node is a run of them:
 * the tree needs no memory but that of the nodes that are told.
 */
#include "profile_tree.h"

#include <stdlib.h>
#include <string.h>

#include "profile_rows.h"

struct step {
	const char *kind, *name;
	bool scanned, is_script;
};

/* A sample's callback and functions, outermost first. */
struct path {
	const struct step *steps;
	size_t count;
	uint64_t ticks;
};

struct paths {
	struct path *list;
	struct step *steps; /* of all */
	size_t count;
};

struct building {
	const struct paths *paths;
	struct profile_node *nodes;
	size_t count, most; /* count: also of those that there is no room for */
	uint64_t least_ticks;
};

static struct step callback_step(const struct report *report, const struct stall *sample)
{
	if (sample->site >= report->timeline->process->site_count)
		return (struct step){.kind = "", .name = "(unknown)"};
	return (struct step){.kind = report_kind(report->timeline, sample->site),
			     .name = report_stall_callback(report, sample)};
}

static size_t steps_put(const struct report *report, const struct stall *sample, struct step *steps)
{
	size_t count = 0;

	steps[count++] = callback_step(report, sample);
	for (size_t i = sample->frame_count; i-- > 0;) {
		const struct stack_frame *frame = &sample->frames[i];

		steps[count++] = (struct step){.name = profile_frame_name(report, frame),
					       .scanned = frame->scanned,
					       .is_script = frame->script != NULL};
	}
	return count;
}

static int compare_texts(const char *a, const char *b)
{
	return a == b ? 0 : strcmp(a ? a : "", b ? b : "");
}

static int compare_steps(const struct step *a, const struct step *b)
{
	int order = compare_texts(a->name, b->name);

	order = order ? order : compare_texts(a->kind, b->kind);
	return order ? order : (int)a->scanned - (int)b->scanned;
}

static int compare_paths(const void *left, const void *right)
{
	const struct path *a = left, *b = right;

	for (size_t i = 0; i < a->count && i < b->count; i++) {
		int order = compare_steps(&a->steps[i], &b->steps[i]);

		if (order)
			return order;
	}
	return a->count < b->count ? -1 : a->count > b->count;
}

static int paths_make(const struct report *report, struct paths *paths)
{
	const struct stalls *profile = report->profile;
	size_t step_count = 0;

	for (size_t i = 0; i < profile->count; i++)
		step_count += profile->list[i].frame_count + 1;
	paths->list = calloc(profile->count + 1, sizeof(*paths->list));
	paths->steps = calloc(step_count + 1, sizeof(*paths->steps));
	if (!paths->list || !paths->steps)
		return -1;
	struct step *steps = paths->steps;
	for (size_t i = 0; i < profile->count; i++) {
		size_t count = steps_put(report, &profile->list[i], steps);

		paths->list[i] = (struct path){steps, count, profile->list[i].ticks};
		steps += count;
	}
	paths->count = profile->count;
	if (paths->count > 1)
		qsort(paths->list, paths->count, sizeof(*paths->list), compare_paths);
	return 0;
}

static void node_add(struct building *building, const struct profile_node *node)
{
	if (building->count < building->most)
		building->nodes[building->count] = *node;
	building->count++;
}

/* The node of the paths that go on as the first does; returns where they end. */
static size_t node_take(const struct paths *paths, size_t from, size_t to, uint32_t depth,
			struct profile_node *node)
{
	const struct step *step = &paths->list[from].steps[depth];

	*node = (struct profile_node){.kind = step->kind,
				      .name = step->name,
				      .scanned = step->scanned,
				      .is_script = step->is_script,
				      .depth = depth};
	for (; from < to && compare_steps(step, &paths->list[from].steps[depth]) == 0; from++) {
		node->samples++;
		node->ticks += paths->list[from].ticks;
	}
	return from;
}

/* The children of a node: its paths are equal up to `depth`, and those that end there come first.
 * It is as deep as a stack is. */
static void children_add(struct building *building, size_t from, size_t to, uint32_t depth)
{
	const struct paths *paths = building->paths;
	struct profile_node small = {.depth = depth}, node;

	while (from < to && paths->list[from].count <= depth)
		from++;
	while (from < to) {
		size_t end = node_take(paths, from, to, depth, &node);

		if (node.ticks >= building->least_ticks) {
			node_add(building, &node);
			children_add(building, from, end, depth + 1);
		} else {
			small.branches++;
			small.samples += node.samples;
			small.ticks += node.ticks;
		}
		from = end;
	}
	if (small.branches > 0)
		node_add(building, &small);
}

static void tree_build(struct building *building)
{
	const struct paths *paths = building->paths;
	uint64_t all_ticks = 0;

	for (size_t i = 0; i < paths->count; i++)
		all_ticks += paths->list[i].ticks;
	children_add(building, 0, paths->count, 0);
	building->least_ticks = all_ticks / building->most / 16 + 1;
	while (building->count > building->most) {
		building->count = 0;
		children_add(building, 0, paths->count, 0);
		building->least_ticks *= 2;
	}
}

struct profile_node *profile_tree(const struct report *report, size_t most, size_t *count)
{
	struct paths paths = {0};
	struct building building = {.paths = &paths, .most = most};

	building.nodes = calloc(most, sizeof(*building.nodes));
	if (building.nodes && paths_make(report, &paths) < 0) {
		free(building.nodes);
		building.nodes = NULL;
	}
	if (building.nodes)
		tree_build(&building);
	free(paths.list);
	free(paths.steps);
	*count = building.count;
	return building.nodes;
}
