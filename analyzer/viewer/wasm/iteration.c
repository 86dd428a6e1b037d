/* SPDX-License-Identifier: Apache-2.0
 *
 * Iterations of a loop: the one that a poll is part of, from the end of a wait, or from uv_run, to
 * the begin of the next wait; how it began, what it ran, and whom a poll waited behind.
 */
#include "describe.h"

#define BEHIND_SHOWN 6
#define PARTS_ASIDE  8
#define POLLS_SHOWN  2000

struct iteration {
	uint64_t began, ready, polls;
	enum box_type after;		 /* what it began with; BOX_POLL: not found */
	struct box behind[BEHIND_SHOWN]; /* the longest before it, longest first */
	size_t behind_count;
};

static bool is_border(const struct box *box)
{
	return box->type == BOX_PARK || box->type == BOX_TURN || box->type == BOX_ENTER;
}

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

	for (int parts = 0; iteration.after == BOX_POLL && part > 0 && parts < PARTS_ASIDE &&
			    viewer.lanes[worker].part_count > 0;
	     parts++) {
		const struct box *boxes = part_boxes(worker, --part, &count);
		for (size_t i = count; i-- > 0 && iteration.after == BOX_POLL;) {
			uint64_t end = boxes[i].tick + boxes[i].duration;
			if (end > tick || boxes[i].type == BOX_HOLE)
				continue;
			if (is_border(&boxes[i])) {
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

uint64_t iteration_began(size_t worker, uint64_t tick)
{
	return iteration_of(worker, tick).began;
}

/* ---- All of it ------------------------------------------------------------------------------- */

void iteration_polls(size_t worker, uint64_t began, struct iteration_reader *reader)
{
	const struct lane *lane = &viewer.lanes[worker];
	size_t first = part_at(worker, began), count;

	reader->end = 0;
	for (size_t part = first;
	     reader->end == 0 && part < lane->part_count && part < first + PARTS_ASIDE; part++) {
		const struct box *boxes = part_boxes(worker, part, &count);
		for (size_t i = 0; i < count && reader->end == 0; i++) {
			/* A wait is a box at its end. */
			if (boxes[i].tick < began ||
			    (boxes[i].tick == began && boxes[i].type == BOX_ENTER))
				continue;
			if (is_border(&boxes[i]) && boxes[i].depth == 0)
				reader->end = boxes[i].tick;
			else if (boxes[i].depth == 0 && boxes[i].type == BOX_POLL)
				reader->take(reader->arg, &boxes[i]);
		}
	}
}

struct polls_json {
	size_t worker, count;
	uint64_t ticks;
	json_t *list;
};

static void poll_put(void *arg, const struct box *box)
{
	struct polls_json *polls = arg;

	polls->count++;
	polls->ticks += box->duration;
	if (polls->count <= POLLS_SHOWN)
		json_array_append_new(polls->list, describe_box(polls->worker, box));
}

/* The iteration that a poll, or a moment, lies in; null: its begin is not known. */
EXPORT(page_iteration) const char *page_iteration(uint32_t worker, double tick)
{
	if (worker >= viewer.process->worker_count ||
	    viewer.process->workers[worker].role != TRACE_ROLE_LOOP)
		return viewer_answer(json_null());
	struct iteration iteration = iteration_of(worker, tick_of(tick));
	if (iteration.after == BOX_POLL)
		return viewer_answer(json_null());
	json_t *json = describe_iteration(worker, tick_of(tick));
	struct polls_json polls = {.worker = worker, .list = json_array()};
	struct iteration_reader reader = {.take = poll_put, .arg = &polls};
	iteration_polls(worker, iteration.began, &reader);
	json_put(json, "worker", json_integer(worker));
	json_put(json, "tick", json_real(time_tick(iteration.began)));
	json_put(json, "end_ns", reader.end ? json_real(time_ns(reader.end)) : json_null());
	json_put(json, "count", json_integer((json_int_t)polls.count));
	json_put(json, "callbacks_ns",
		 json_integer((json_int_t)timeline_ns(viewer.timeline, polls.ticks)));
	json_put(json, "list", polls.list);
	return viewer_answer(json);
}
