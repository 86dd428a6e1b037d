/* SPDX-License-Identifier: Apache-2.0
 *
 * The iteration of a poll: how it began, for how long the poll waited in it and behind whom.
 */
#include "describe.h"

#define BEHIND_SHOWN 6
#define PARTS_BACK   8

struct iteration {
	uint64_t began, ready, polls;
	enum box_type after;		 /* what it began with; BOX_POLL: not found */
	struct box behind[BEHIND_SHOWN]; /* the longest before it, longest first */
	size_t behind_count;
};

static void iteration_add(struct iteration *iteration, const struct box *box)
{
	size_t at =
	    iteration->behind_count < BEHIND_SHOWN ? iteration->behind_count++ : BEHIND_SHOWN;

	iteration->polls++;
	for (; at > 0 && iteration->behind[at - 1].duration < box->duration; at--) {
		if (at < BEHIND_SHOWN)
			iteration->behind[at] = iteration->behind[at - 1];
	}
	if (at < BEHIND_SHOWN)
		iteration->behind[at] = *box;
}

/* From the poll back to where its iteration began; at most so many parts back. */
static struct iteration iteration_of(size_t worker, uint64_t tick)
{
	struct iteration iteration = {.after = BOX_POLL};
	size_t part = part_at(worker, tick) + 1, count;

	for (int parts = 0; iteration.after == BOX_POLL && part > 0 && parts < PARTS_BACK &&
			    viewer.lanes[worker].part_count > 0;
	     parts++) {
		const struct box *boxes = part_boxes(worker, --part, &count);
		for (size_t i = count; i-- > 0 && iteration.after == BOX_POLL;) {
			uint64_t end = boxes[i].tick + boxes[i].duration;
			if (end > tick || boxes[i].type == BOX_HOLE)
				continue;
			if (boxes[i].type == BOX_PARK || boxes[i].type == BOX_TURN ||
			    boxes[i].type == BOX_ENTER) {
				iteration.after = boxes[i].type;
				iteration.began = end;
				iteration.ready = boxes[i].object;
			} else if (boxes[i].depth == 0) {
				iteration_add(&iteration, &boxes[i]);
			}
		}
	}
	return iteration;
}

json_t *describe_iteration(size_t worker, uint64_t tick)
{
	static const char *const after[] = {
	    [BOX_PARK] = "park", [BOX_TURN] = "look", [BOX_ENTER] = "enter"};
	struct iteration iteration = iteration_of(worker, tick);

	if (iteration.after == BOX_POLL)
		return json_null();
	json_t *json = json_object(), *behind = json_array();
	for (size_t i = 0; i < iteration.behind_count; i++)
		json_array_append_new(behind, describe_box(worker, &iteration.behind[i]));
	json_put(json, "began_ns", json_real(time_ns(iteration.began)));
	json_put(json, "waited_ns", json_real(time_ns(tick) - time_ns(iteration.began)));
	json_put(json, "ready", json_integer((json_int_t)iteration.ready));
	json_put(json, "after", json_string(after[iteration.after]));
	json_put(json, "polls", json_integer((json_int_t)iteration.polls));
	json_put(json, "behind", behind);
	return json;
}
