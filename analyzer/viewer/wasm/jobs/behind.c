/* SPDX-License-Identifier: Apache-2.0
 *
 * Who waited behind a poll: the callbacks that the analyzer counts as delayed by it
 * (timeline_delays.c), with what each one waited. The poll is taken as blocking, however short.
 *
 * Rules: the timeline tells BLOCKS_TOLD blocking polls of an iteration apart; of a later one it is
 * not known who waited. Only its own worker is read, and of that what lies around; requests that
 * were submitted longer before wait as those whose submission nobody saw.
 */
#include <errno.h>
#include <stdlib.h>

#include "viewer/wasm/describe.h"

#define BEHIND_MAX  1000
#define BEFORE_NS   2000000000.0
#define AFTER_NS    50000000.0
#define BLOCKING_NS 5000000.0
#define BLOCKS_TOLD 7

struct waiter {
	uint64_t tick, ticks;
};

struct waiters {
	uint64_t block; /* when what they waited for began */
	uint64_t count, ticks;
	struct waiter list[BEHIND_MAX];
};

static void waiter_take(void *arg, const struct timeline_span *block, uint64_t tick, uint64_t ticks)
{
	struct waiters *waiters = arg;

	if (block->tick != waiters->block)
		return;
	if (waiters->count < BEHIND_MAX)
		waiters->list[waiters->count] = (struct waiter){tick, ticks};
	waiters->count++;
	waiters->ticks += ticks;
}

static json_t *waiter_json(size_t worker, const struct waiter *waiter)
{
	struct place place = find_at(worker, waiter->tick);

	if (!place.found)
		return NULL;
	json_t *json = describe_box(worker, &place.box);
	json_put(json, "waited_ns",
		 json_integer((json_int_t)timeline_ns(viewer.timeline, waiter->ticks)));
	return json;
}

/* How many polls of an iteration, before this one, block as well. */
struct blocks {
	const struct box *poll;
	uint64_t least;
	uint32_t before;
};

static void block_count(void *arg, const struct box *box)
{
	struct blocks *blocks = arg;

	blocks->before += box->tick < blocks->poll->tick && box->duration >= blocks->least;
}

static bool is_told_apart(const struct place *place)
{
	uint64_t least = ticks_at_least(BLOCKING_NS);
	struct blocks blocks = {&place->box, place->box.duration, 0};
	struct iteration_reader reader = {.take = block_count, .arg = &blocks};

	blocks.least = least < place->box.duration ? least : place->box.duration;
	iteration_polls(place->worker, iteration_began(place->worker, place->box.tick), &reader);
	return blocks.before < BLOCKS_TOLD;
}

static int waiters_read(struct waiters *waiters, const struct place *place)
{
	struct timeline_watch watch = {.delayed = waiter_take, .arg = waiters};
	struct timeline_options options = figure_options();
	uint64_t end = place->box.tick + place->box.duration;
	uint64_t before = ticks_at_least(BEFORE_NS), after = ticks_at_least(AFTER_NS);

	waiters->block = place->box.tick;
	options.watch = &watch;
	double lasted = time_ns(end) - time_ns(place->box.tick);
	options.blocking_ns = (uint64_t)(lasted < BLOCKING_NS ? lasted : BLOCKING_NS);
	struct timeline *timeline = timeline_make(viewer.process, &options);
	int error = timeline ? parts_feed(timeline, place->worker,
					  before < place->box.tick ? place->box.tick - before : 0,
					  end + after)
			     : -ENOMEM;
	timeline_free(timeline);
	return error;
}

/* JSON {count, waited_ns, list}; null: it is no callback of a loop, or not told apart. NULL: no
 * memory. */
EXPORT(page_behind) const char *page_behind(uint32_t worker, double tick)
{
	static struct waiters waiters;
	struct place place = find_at(worker, tick_of(tick));

	if (!place.found || place.box.depth > 0 || place.box.type != BOX_POLL ||
	    viewer.process->workers[worker].role != TRACE_ROLE_LOOP || !is_told_apart(&place))
		return viewer_answer(json_null());
	waiters = (struct waiters){0};
	if (waiters_read(&waiters, &place) < 0)
		return NULL;
	json_t *json = json_object(), *list = json_array();
	for (size_t i = 0; i < waiters.count && i < BEHIND_MAX; i++) {
		json_t *one = waiter_json(worker, &waiters.list[i]);
		if (one)
			json_array_append_new(list, one);
	}
	json_put(json, "count", json_integer((json_int_t)waiters.count));
	json_put(json, "waited_ns",
		 json_integer((json_int_t)timeline_ns(viewer.timeline, waiters.ticks)));
	json_put(json, "list", list);
	return viewer_answer(json);
}
