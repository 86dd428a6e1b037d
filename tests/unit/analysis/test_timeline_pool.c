/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool's queue in the timeline: on items made by hand, and on a simulated thread pool that
 * knows by itself how deep its queue was and how long each request waited.
 */
#include <math.h>
#include <stdlib.h>

#include "timeline_helper.h"

#define ITEMS_MAX 200000

/* ---- By hand --------------------------------------------------------------------------------- */

Test(timeline_pool, counts_items_that_are_no_callbacks)
{
	process_make(1, 9000);
	FEED(1, instant(10, TRACE_PARK), instant(1100, TRACE_UNPARK),
	     instant(1500, trace_word(0x1000 + OFFSET_FS, TRACE_ITEM_END)),
	     instant(1800, trace_word(0x2000 + OFFSET_FS, TRACE_ITEM_END)),
	     instant(1800, TRACE_PARK));
	FEED(0, instant(1000, submit_word(SITE_STAT, 0x1000)),
	     instant(1050, submit_word(SITE_STAT, 0x2000)), poll(2000, 30, SITE_STAT, 0x1000),
	     poll(2100, 40, SITE_STAT, 0x2000));
	finish();
	cr_assert_eq(timeline->workers[1].items, 2);
	cr_assert_eq(timeline->workers[1].polls.count, 2);
	cr_assert_eq(timeline->workers[1].callback_ticks, 700);
	cr_assert_eq(timeline->sites[SITE_STAT].pool.min, 300);
	cr_assert_eq(timeline->sites[SITE_STAT].pool.max, 400);
	cr_assert_eq(timeline->sites[SITE_STAT].callback.sum, 70);
	cr_assert_eq(timeline->pool_wait.min, 100);
	cr_assert_eq(timeline->pool_wait.max, 450);
	cr_assert_eq(timeline->pool_queued.max, 2);
	cr_assert_float_eq(timeline->pool_queued.mean, (50 * 1 + 50 * 2 + 400 * 1) / 9000.0, 1e-4);
	cr_assert_eq(timeline->pool_running.max, 1);
	cr_assert(!timeline->pool_uncertain);
	done();
}

Test(timeline_pool, counts_work_functions_once)
{
	process_make(1, 9000);
	FEED(0, instant(1000, submit_word(SITE_AFTER, 0x1000)), poll(3000, 30, SITE_AFTER, 0x1000));
	FEED(1, instant(10, TRACE_PARK), instant(1100, TRACE_UNPARK),
	     poll(1200, 300, SITE_WORK, 0x1000),
	     instant(1510, trace_word(0x1000 + OFFSET_WORK, TRACE_ITEM_END)),
	     instant(1520, TRACE_PARK));
	finish();
	cr_assert_eq(timeline->workers[1].items, 1);
	cr_assert_eq(timeline->workers[1].polls.count, 1);
	cr_assert_eq(timeline->sites[SITE_WORK].callback.sum, 300);
	cr_assert_eq(timeline->sites[SITE_AFTER].pool.count, 0);
	cr_assert_eq(timeline->sites[SITE_AFTER].callback.count, 1);
	cr_assert_eq(timeline->pool_wait.max, 200, "to the work function's own start");
	done();
}

/* A worker that was awake already when the request came has not worked on it before it came. */
Test(timeline_pool, begins_no_item_before_it_was_submitted)
{
	process_make(1, 9000);
	FEED(1, instant(10, TRACE_PARK), instant(500, TRACE_UNPARK),
	     instant(1300, trace_word(0x1000 + OFFSET_FS, TRACE_ITEM_END)),
	     instant(1400, TRACE_PARK));
	FEED(0, instant(1000, submit_word(SITE_STAT, 0x1000)), poll(2000, 30, SITE_STAT, 0x1000));
	finish();
	cr_assert_eq(timeline->pool_wait.max, 0);
	cr_assert_eq(timeline->sites[SITE_STAT].pool_run.max, 300);
	cr_assert_eq(timeline->sites[SITE_STAT].pool.max, 300);
	cr_assert_eq(timeline->arrivals[0].run_ticks, 300);
	cr_assert_eq(timeline->arrivals[0].wait_ticks, 0);
	done();
}

/* More workers awake than requests outstanding: nothing is queued, and what runs is no more than
 * was asked for. */
Test(timeline_pool, queue_is_never_less_than_empty)
{
	process_make(3, 9000);
	FEED(1, instant(10, TRACE_PARK), instant(500, TRACE_UNPARK));
	FEED(2, instant(10, TRACE_PARK), instant(500, TRACE_UNPARK));
	FEED(3, instant(10, TRACE_PARK), instant(500, TRACE_UNPARK));
	FEED(0, instant(1000, submit_word(SITE_STAT, 0x1000)), poll(3000, 30, SITE_STAT, 0x1000));
	finish();
	cr_assert_eq(timeline->pool_queued.max, 0);
	cr_assert_eq(timeline->pool_running.max, 1);
	cr_assert_float_eq(timeline->pool_running.mean, 2000 / 9000.0, 1e-4);
	done();
}

Test(timeline_pool, forgets_requests_that_need_no_work)
{
	process_make(1, 9000);
	FEED(0, instant(1000, submit_word(SITE_STAT, 0x1000)),
	     instant(1100, submit_word(SITE_STAT, 0x2000)),
	     instant(1200, submit_word(SITE_STAT, 0x3000)),
	     instant(1300, trace_word(0x1000, TRACE_REQUEST_CANCELLED)),
	     instant(1300, trace_word(0x2000, TRACE_IO_URING)), poll(1300, 10, SITE_STAT, 0x3000));
	FEED(1, instant(10, TRACE_PARK));
	finish();
	cr_assert_eq(timeline->pool_queued.max, 3);
	cr_assert_float_eq(timeline->pool_queued.mean, (100 * 1 + 100 * 2 + 100 * 3) / 9000.0,
			   1e-4);
	cr_assert_eq(timeline->sites[SITE_STAT].pool.count, 0);
	done();
}

Test(timeline_pool, finds_sleepers_over_a_queue)
{
	options.idle_ns = 1000;
	process_make(2, 20000);
	FEED(0, instant(1000, submit_word(SITE_STAT, 0x1000)),
	     instant(2000, submit_word(SITE_STAT, 0x2000)),
	     instant(15000, submit_word(SITE_STAT, 0x4000)));
	FEED(1, instant(10, TRACE_PARK), instant(5000, TRACE_UNPARK),
	     instant(6000, trace_word(0x1000 + OFFSET_FS, TRACE_ITEM_END)),
	     instant(8000, trace_word(0x2000 + OFFSET_FS, TRACE_ITEM_END)),
	     instant(8000, TRACE_PARK), instant(15500, TRACE_UNPARK),
	     instant(16000, trace_word(0x4000 + OFFSET_FS, TRACE_ITEM_END)),
	     instant(16000, TRACE_PARK));
	FEED(2, instant(20, TRACE_PARK));
	finish();
	cr_assert_eq(timeline->idle.seen, 2, "the 500 ns of the last request are too short");
	cr_assert_eq(timeline->idle.spans[0].worker, 2);
	cr_assert_eq(timeline->idle.spans[0].tick, 1000);
	cr_assert_eq(timeline->idle.spans[0].duration, 5000);
	cr_assert_eq(timeline->idle.spans[0].depth, 2);
	cr_assert_eq(timeline->idle.spans[1].worker, 1);
	cr_assert_eq(timeline->idle.spans[1].duration, 4000);
	done();
}

/* Where ends of items cannot be seen, a request that waits for its callback alone looks like one in
 * the queue. */
Test(timeline_pool, calls_nobody_a_sleeper_without_ends_of_items)
{
	options.idle_ns = 1000;
	process_make(1, 20000);
	process.pool_items_unseen = true;
	FEED(0, instant(1000, submit_word(SITE_STAT, 0x1000)), poll(9000, 10, SITE_STAT, 0x1000));
	FEED(1, instant(10, TRACE_PARK), instant(1500, TRACE_UNPARK), instant(1600, TRACE_PARK));
	finish();
	cr_assert_eq(timeline->idle.seen, 0);
	cr_assert_eq(timeline->sites[SITE_STAT].callback.count, 1);
	done();
}

/* An iteration stands for the callbacks that cannot be seen: the one that a program died in too. */
static void check_open_iteration(uint32_t seal_reason, uint64_t iterations)
{
	process_make(1, 9000);
	process.tier = TRACE_TIER_LIBC;
	process.sealed = true;
	process.seal_reason = seal_reason;
	FEED(0, instant(1000, TRACE_PARK), instant(2000, TRACE_UNPARK), instant(3000, TRACE_PARK),
	     instant(5000, trace_word(1, TRACE_UNPARK)));
	finish();
	cr_assert_eq(timeline->workers[0].polls.count, 1);
	cr_assert_eq(timeline->open.count, iterations);
	if (iterations)
		cr_assert_eq(timeline->open.spans[0].tick, 5000);
	done();
}

Test(timeline_pool, names_the_iteration_that_a_program_died_in)
{
	check_open_iteration(TRACE_SEAL_DIED, 1);
	check_open_iteration(TRACE_SEAL_EXIT, 0);
}

Test(timeline_pool, begins_the_queue_anew_where_events_are_lost)
{
	process_make(1, 10000);
	FEED(0, instant(1000, submit_word(SITE_STAT, 0x1000)),
	     instant(2000, trace_word(5, TRACE_LOST_FULL)));
	FEED(1, instant(10, TRACE_PARK));
	finish();
	cr_assert(timeline->pool_uncertain);
	cr_assert_float_eq(timeline->pool_queued.mean, 1000 / 10000.0, 1e-4);
	done();
}

Test(timeline_pool, names_the_item_that_a_worker_died_in)
{
	process_make(1, 10000);
	FEED(0, instant(1000, submit_word(SITE_STAT, 0x1000)));
	FEED(1, instant(10, TRACE_PARK), instant(1500, TRACE_UNPARK));
	finish();
	cr_assert_eq(timeline->open.count, 1);
	cr_assert_eq(timeline->open.spans[0].site, SITE_STAT);
	cr_assert_eq(timeline->open.spans[0].duration, 8500);
	cr_assert(timeline->open.spans[0].in_pool);
	done();
}

/* ---- A simulated pool ------------------------------------------------------------------------ */

#define REQUESTS 20000

struct recorded {
	struct trace_item *items;
	size_t count, fed;
};

struct simulation {
	uint64_t random, now;
	size_t worker_count;
	struct recorded recorded[WORKERS_MAX];
	uint64_t wakes[WORKERS_MAX], ends[WORKERS_MAX]; /* 0: none planned */
	uint64_t object[WORKERS_MAX];
	uint64_t queue[REQUESTS], submitted[REQUESTS];
	size_t queue_first, queue_end, running, running_max;
	uint64_t depth_max, finished, wait_sum, wait_max, run_sum, changed;
	double depth_area;
};

static uint64_t chance(struct simulation *simulation, uint64_t below)
{
	simulation->random = simulation->random * 6364136223846793005ull + 1442695040888963407ull;
	return (simulation->random >> 33) % below;
}

static void record(struct simulation *simulation, size_t worker, uint64_t word)
{
	struct recorded *recorded = &simulation->recorded[worker];

	recorded->items[recorded->count++] = instant(simulation->now, word);
}

/* Called before each change: what was until now, lasted until now. */
static void pass_to(struct simulation *simulation, uint64_t now)
{
	size_t depth = simulation->queue_end - simulation->queue_first;

	simulation->depth_area += (double)depth * (double)(now - simulation->changed);
	if (now > simulation->changed && depth > simulation->depth_max)
		simulation->depth_max = depth;
	if (now > simulation->changed && simulation->running > simulation->running_max)
		simulation->running_max = simulation->running;
	simulation->changed = simulation->now = now;
}

static void take_next(struct simulation *simulation, size_t worker)
{
	if (simulation->queue_first == simulation->queue_end) {
		record(simulation, worker, TRACE_PARK);
		return;
	}
	size_t request = simulation->queue_first++;
	uint64_t waited = simulation->now - simulation->submitted[request];
	uint64_t run = 1 + chance(simulation, 3000);

	simulation->object[worker] = simulation->queue[request];
	simulation->ends[worker] = simulation->now + run;
	simulation->running++;
	simulation->wait_sum += waited;
	simulation->run_sum += run;
	if (waited > simulation->wait_max)
		simulation->wait_max = waited;
}

static void submit_one(struct simulation *simulation)
{
	size_t request = simulation->queue_end;

	/* Addresses come again, as those of freed requests do. */
	simulation->queue[request] = 0x10000 + (request % 4096) * 0x200;
	simulation->submitted[request] = simulation->now;
	simulation->queue_end++;
	record(simulation, 0, submit_word(SITE_STAT, simulation->queue[request]));
	for (size_t i = 1; i <= simulation->worker_count; i++) {
		if (simulation->ends[i] == 0 && simulation->wakes[i] == 0) {
			simulation->wakes[i] = simulation->now + 1 + chance(simulation, 200);
			return;
		}
	}
}

static void wake_up(struct simulation *simulation, size_t worker)
{
	simulation->wakes[worker] = 0;
	record(simulation, worker, TRACE_UNPARK);
	take_next(simulation, worker);
}

static void end_item(struct simulation *simulation, size_t worker)
{
	simulation->ends[worker] = 0;
	simulation->running--;
	simulation->finished++;
	record(simulation, worker,
	       trace_word(simulation->object[worker] + OFFSET_FS, TRACE_ITEM_END));
	take_next(simulation, worker);
}

/* Does what is next: a submission at `submit`, or what a worker does earlier. Returns false when
 * nothing is left. */
static bool simulate_next(struct simulation *simulation, uint64_t submit)
{
	uint64_t next = submit;
	size_t who = 0;

	for (size_t i = 1; i <= simulation->worker_count; i++) {
		uint64_t at = simulation->wakes[i] ? simulation->wakes[i] : simulation->ends[i];
		if (at != 0 && at < next) {
			next = at;
			who = i;
		}
	}
	if (who == 0)
		return false;
	pass_to(simulation, next);
	if (simulation->wakes[who])
		wake_up(simulation, who);
	else
		end_item(simulation, who);
	return true;
}

static void simulate(struct simulation *simulation, size_t worker_count, uint64_t seed)
{
	simulation->random = seed;
	simulation->worker_count = worker_count;
	for (size_t i = 0; i <= worker_count; i++)
		simulation->recorded[i].items = calloc(ITEMS_MAX, sizeof(struct trace_item));
	pass_to(simulation, 1);
	for (size_t i = 1; i <= worker_count; i++)
		record(simulation, i, TRACE_PARK);
	for (size_t i = 0; i < REQUESTS; i++) {
		/* Bursts, so that the queue is deep at times and empty at others. */
		uint64_t submit =
		    simulation->now + 1 + chance(simulation, i / 300 % 2 ? 100 : 8000);
		while (simulate_next(simulation, submit))
			;
		pass_to(simulation, submit);
		submit_one(simulation);
	}
	while (simulate_next(simulation, UINT64_MAX))
		;
}

/* Feeds the worker that is furthest behind, in batches of any size, as a driver does. */
static void feed_in_batches(struct simulation *simulation)
{
	for (;;) {
		size_t behind = WORKERS_MAX;
		uint64_t tick = UINT64_MAX;
		for (size_t i = 0; i <= simulation->worker_count; i++) {
			const struct recorded *recorded = &simulation->recorded[i];
			uint64_t at = recorded->fed ? recorded->items[recorded->fed - 1].tick : 0;
			if (recorded->fed < recorded->count && at < tick) {
				tick = at;
				behind = i;
			}
		}
		if (behind == WORKERS_MAX)
			return;
		struct recorded *recorded = &simulation->recorded[behind];
		size_t batch = 1 + chance(simulation, 500);
		if (batch > recorded->count - recorded->fed)
			batch = recorded->count - recorded->fed;
		cr_assert_eq(timeline ? timeline_settle(timeline, tick) : 0, 0);
		feed(behind, recorded->items + recorded->fed, batch);
		recorded->fed += batch;
	}
}

static void check_simulation(size_t worker_count, uint64_t seed)
{
	struct simulation *simulation = calloc(1, sizeof(*simulation));

	simulate(simulation, worker_count, seed);
	process_make(worker_count, simulation->now);
	process.start_tick = 1;
	process.start_mono_ns = 1;
	options.idle_ns = 1;
	feed_in_batches(simulation);
	finish();
	cr_assert_eq(simulation->finished, REQUESTS);
	cr_assert_eq(timeline->pool_queued.max, simulation->depth_max);
	cr_assert_float_eq(timeline->pool_queued.mean,
			   simulation->depth_area / (double)(simulation->now - 1), 1e-6);
	cr_assert_eq(timeline->pool_running.max, simulation->running_max);
	cr_assert_eq(timeline->pool_wait.count, REQUESTS);
	cr_assert_eq(timeline->pool_wait.sum, simulation->wait_sum);
	cr_assert_eq(timeline->pool_wait.max, simulation->wait_max);
	cr_assert_eq(timeline->sites[SITE_STAT].pool.count, REQUESTS);
	cr_assert_eq(timeline->sites[SITE_STAT].pool.sum, simulation->run_sum);
	cr_assert_eq(timeline->open.count, 0);
	for (size_t i = 0; i <= worker_count; i++)
		free(simulation->recorded[i].items);
	free(simulation);
	done();
}

Test(timeline_pool, replays_a_simulated_pool)
{
	check_simulation(1, 1);
	check_simulation(4, 2);
	check_simulation(8, 3);
}
