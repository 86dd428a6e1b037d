/* SPDX-License-Identifier: Apache-2.0
 *
 * The model of the pool, on requests few enough to be reckoned by hand.
 */
#include <criterion/criterion.h>

#include "findings/pool_model.h"

#define REQUESTS_MAX 8

static struct timeline_arrival arrivals[REQUESTS_MAX];
static double demands[REQUESTS_MAX];
static struct pool_outcome outcomes[REQUESTS_MAX];

static void request(size_t at, uint64_t comes, double needs, bool lookup)
{
	arrivals[at] = (struct timeline_arrival){.submit_tick = 1000 + comes, .lookup = lookup};
	demands[at] = needs;
}

static void run(size_t count, uint32_t threads, double computing, double cpus)
{
	struct pool_model model = {.arrivals = arrivals,
				   .demands = demands,
				   .count = count,
				   .computing = computing,
				   .cpus = cpus};

	pool_model_run(&model, threads, outcomes);
}

static void check(size_t at, double wait, double done)
{
	cr_assert_float_eq(outcomes[at].wait, wait, 1e-6, "%zu waits %g", at, outcomes[at].wait);
	cr_assert_float_eq(outcomes[at].done, done, 1e-6, "%zu takes %g", at, outcomes[at].done);
}

Test(pool_model, serves_first_who_comes_first)
{
	for (size_t i = 0; i < 4; i++)
		request(i, i, 10, false);
	run(4, 1, -1, 0);
	check(0, 0, 10);
	check(1, 9, 19);
	check(3, 27, 37);
	run(4, 3, -1, 0);
	check(2, 0, 10);
	check(3, 7, 17);
	run(4, 4, -1, 0);
	check(3, 0, 10);
}

Test(pool_model, lets_lookups_have_half_of_the_threads)
{
	for (size_t i = 0; i < 4; i++)
		request(i, 0, 10, true);
	request(4, 1, 2, false);
	run(5, 4, -1, 0);
	check(1, 0, 10);
	check(2, 10, 20);
	check(3, 10, 20);
	check(4, 0, 2);
	run(5, 1, -1, 0);
	check(3, 30, 40);
	check(4, 39, 41);
}

Test(pool_model, leaves_lookups_out_if_asked)
{
	struct pool_model model = {.arrivals = arrivals,
				   .demands = demands,
				   .count = 2,
				   .computing = -1,
				   .no_lookups = true};

	request(0, 0, 10, true);
	request(1, 1, 2, false);
	pool_model_run(&model, 1, outcomes);
	check(0, -1, -1);
	check(1, 0, 2);
}

/* Four that compute on two CPUs take twice as long, and no longer in all than two at a time. */
Test(pool_model, makes_work_that_computes_share_the_cpus)
{
	for (size_t i = 0; i < 4; i++)
		request(i, 0, 10, false);
	run(4, 4, 1, 2);
	check(0, 0, 20);
	check(3, 0, 20);
	run(4, 2, 1, 2);
	check(0, 0, 10);
	check(3, 10, 20);
	run(4, 4, 0.5, 2);
	check(3, 0, 10);
	run(4, 4, 1, 0);
	check(3, 0, 10);
}

/* The second comes when the first has done half: both go on at half of the pace. */
Test(pool_model, changes_the_pace_as_requests_come_and_end)
{
	request(0, 0, 10, false);
	request(1, 5, 10, false);
	run(2, 2, 1, 1);
	check(0, 0, 15);
	check(1, 0, 15);
	request(2, 9, 10, false);
	run(3, 3, 1, 1);
	check(0, 0, 18);
	check(1, 0, 23);
	check(2, 0, 21);
}

Test(pool_model, wakes_threads_one_after_another)
{
	struct pool_model model = {.arrivals = arrivals,
				   .demands = demands,
				   .count = 5,
				   .computing = -1,
				   .cpus = 2,
				   .wake = 6,
				   .started = 2};
	double waits[REQUESTS_MAX];

	for (size_t i = 0; i < 5; i++) {
		request(i, 0, 10, false);
		arrivals[i].wait_ticks = 20 + i;
	}
	pool_model_run(&model, 4, outcomes);
	cr_assert_eq(pool_model_woken(&model, outcomes, waits), 4);
	cr_assert_eq(waits[3], 23, "the fifth waits for a thread");
	pool_model_wake(&model, 4, outcomes);
	check(0, 6, 10);
	check(1, 6, 10);
	check(2, 9, 10);
	check(3, 12, 10);
	check(4, 10, 20);
	/* The first starts the pool. */
	model.start = 50;
	model.start_each = 7;
	pool_model_run(&model, 4, outcomes);
	cr_assert_eq(pool_model_woken(&model, outcomes, waits), 3);
	pool_model_wake(&model, 4, outcomes);
	check(0, 64, 10);
	check(1, 6, 10);
	check(3, 9, 10);
}
