/* SPDX-License-Identifier: Apache-2.0
 *
 * The turn of a poll: how it began, for how long the poll waited in it and behind whom.
 */
#include "describe.h"

#define BEHIND_SHOWN 6
#define PARTS_BACK   8

struct turn {
	uint64_t began, ready, polls;
	enum box_type after;		 /* what it began with; BOX_POLL: not found */
	struct box behind[BEHIND_SHOWN]; /* the longest before it, longest first */
	size_t behind_count;
};

static void turn_add(struct turn *turn, const struct box *box)
{
	size_t at = turn->behind_count < BEHIND_SHOWN ? turn->behind_count++ : BEHIND_SHOWN;

	turn->polls++;
	for (; at > 0 && turn->behind[at - 1].duration < box->duration; at--) {
		if (at < BEHIND_SHOWN)
			turn->behind[at] = turn->behind[at - 1];
	}
	if (at < BEHIND_SHOWN)
		turn->behind[at] = *box;
}

/* From the poll back to where its turn began; at most so many parts back. */
static struct turn turn_of(size_t worker, uint64_t tick)
{
	struct turn turn = {.after = BOX_POLL};
	size_t part = part_at(worker, tick) + 1, count;

	for (int parts = 0; turn.after == BOX_POLL && part > 0 && parts < PARTS_BACK &&
			    viewer.lanes[worker].part_count > 0;
	     parts++) {
		const struct box *boxes = part_boxes(worker, --part, &count);
		for (size_t i = count; i-- > 0 && turn.after == BOX_POLL;) {
			uint64_t end = boxes[i].tick + boxes[i].duration;
			if (end > tick || boxes[i].type == BOX_HOLE)
				continue;
			if (boxes[i].type == BOX_PARK || boxes[i].type == BOX_TURN ||
			    boxes[i].type == BOX_ENTER) {
				turn.after = boxes[i].type;
				turn.began = end;
				turn.ready = boxes[i].object;
			} else if (boxes[i].depth == 0) {
				turn_add(&turn, &boxes[i]);
			}
		}
	}
	return turn;
}

json_t *describe_turn(size_t worker, uint64_t tick)
{
	static const char *const after[] = {
	    [BOX_PARK] = "park", [BOX_TURN] = "look", [BOX_ENTER] = "enter"};
	struct turn turn = turn_of(worker, tick);

	if (turn.after == BOX_POLL)
		return json_null();
	json_t *json = json_object(), *behind = json_array();
	for (size_t i = 0; i < turn.behind_count; i++)
		json_array_append_new(behind, describe_box(worker, &turn.behind[i]));
	json_put(json, "began_ns", json_real(time_ns(turn.began)));
	json_put(json, "waited_ns", json_real(time_ns(tick) - time_ns(turn.began)));
	json_put(json, "ready", json_integer((json_int_t)turn.ready));
	json_put(json, "after", json_string(after[turn.after]));
	json_put(json, "polls", json_integer((json_int_t)turn.polls));
	json_put(json, "behind", behind);
	return json;
}
