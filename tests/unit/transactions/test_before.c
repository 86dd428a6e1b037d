/* SPDX-License-Identifier: Apache-2.0
 *
 * How long a root's data may have lain there before its turn, on items made by hand.
 */
#include "transactions_helper.h"

#define MS 1000000ull

/* A timer runs for `busy` ns, then a wait of `waited` ns finds a read ready. */
static void feed(uint64_t busy, uint64_t waited, uint32_t site)
{
	uint64_t at = 1000 + busy;

	process_make(100 * MS);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, busy, KIND_TIMER, 5),
	     wait(at + 10, waited, 1), poll(at + 20 + waited, 100, site, 6),
	     wait(at + 200 + waited, 500, 0));
	finish();
	cr_assert_eq(told_count, 2u);
}

Test(transactions_before, a_root_that_was_ready_may_have_waited_for_the_iteration_before)
{
	feed(5 * MS, 19000, KIND_READ);
	cr_assert_eq(told[0].facts.before_ticks, 0u, "the timer came after a long wait");
	cr_assert_eq(told[1].facts.before_ticks, 5 * MS + 10);
	cr_assert_eq(told[1].facts.before_site, KIND_TIMER);
	cr_assert_eq(told[1].facts.end_tick - told[1].facts.begin_tick, 110u,
		     "it is in no duration");
	done();
}

Test(transactions_before, what_a_wait_slept_for_had_not_been_there)
{
	feed(5 * MS, 21000, KIND_READ);
	cr_assert_eq(told[1].facts.before_ticks, 0u);
	done();
}

Test(transactions_before, short_iterations_are_not_worth_a_word)
{
	feed(MS - 100, 19000, KIND_READ);
	cr_assert_eq(told[1].facts.before_ticks, 0u);
	done();
}

Test(transactions_before, timers_are_known_to_be_due)
{
	feed(5 * MS, 19000, SITE_TIMER_B);
	cr_assert_eq(told[1].facts.before_ticks, 0u);
	done();
}

/* Between two runs of the loop the program may have done anything. */
Test(transactions_before, another_run_of_the_loop_is_no_iteration_before)
{
	process_make(100 * MS);
	FEED(LOOP_A, enter(100), poll(1000, 5 * MS, KIND_TIMER, 5),
	     instant(6 * MS, TRACE_LOOP_LEAVE), enter(7 * MS), wait(7 * MS + 10, 10, 1),
	     poll(7 * MS + 30, 100, KIND_READ, 6), wait(8 * MS, 500, 0));
	finish();
	cr_assert_eq(told_count, 2u);
	cr_assert_eq(told[1].facts.before_ticks, 0u);
	done();
}
