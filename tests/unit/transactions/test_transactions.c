/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions on items made by hand: roots, causes, the critical path and what it is made of.
 */
#include "transactions_helper.h"

static void parts_are(const struct transaction *transaction, uint64_t own, uint64_t behind,
		      uint64_t pool_wait, uint64_t pool_run, uint64_t external, uint64_t kernel)
{
	cr_expect_eq(transaction->parts[PART_OWN], own, "own %lu",
		     (unsigned long)transaction->parts[PART_OWN]);
	cr_expect_eq(transaction->parts[PART_BEHIND], behind, "behind %lu",
		     (unsigned long)transaction->parts[PART_BEHIND]);
	cr_expect_eq(transaction->parts[PART_POOL_WAIT], pool_wait, "pool wait %lu",
		     (unsigned long)transaction->parts[PART_POOL_WAIT]);
	cr_expect_eq(transaction->parts[PART_POOL_RUN], pool_run, "pool run %lu",
		     (unsigned long)transaction->parts[PART_POOL_RUN]);
	cr_expect_eq(transaction->parts[PART_EXTERNAL], external, "external %lu",
		     (unsigned long)transaction->parts[PART_EXTERNAL]);
	cr_expect_eq(transaction->parts[PART_KERNEL], kernel, "kernel %lu",
		     (unsigned long)transaction->parts[PART_KERNEL]);
}

/* ---- Roots ----------------------------------------------------------------------------------- */

Test(transactions, a_callback_that_causes_nothing_is_one_alone)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 2), poll(1000, 300, KIND_READ, 5),
	     poll(1400, 100, SITE_READ_B, 6), wait(2000, 500, 0));
	finish();
	cr_assert_eq(transactions->count, 2u);
	cr_assert_eq(told_count, 2u);
	cr_assert_eq(told[0].facts.begin_tick, 1000u);
	cr_assert_eq(told[0].facts.end_tick, 1300u);
	parts_are(&told[0].facts, 300, 0, 0, 0, 0, 0);
	cr_assert_eq(told[1].facts.begin_tick, 1000u, "of its iteration");
	parts_are(&told[1].facts, 100, 400, 0, 0, 0, 0);
	cr_assert_eq(told[1].steps[0].behind[0].site, KIND_READ);
	cr_assert_eq(told[1].steps[0].behind[0].ticks, 300u);
	cr_assert_eq(transactions->signature_count, 2u);
	cr_assert_eq(transactions->signatures[0].sites[0], SITE_READ_B, "it took longer");
	cr_assert_eq(transactions->signatures[0].tail.behind_by[0].site, KIND_READ);
	done();
}

Test(transactions, what_runs_in_each_iteration_is_none)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), poll(110, 10, KIND_IDLE, 5), poll(120, 10, KIND_PREPARE, 6),
	     wait(200, 300, 1), poll(500, 20, KIND_CHECK, 7), poll(520, 20, KIND_CLOSE, 8));
	finish();
	cr_assert_eq(transactions->count, 0u);
	cr_assert_eq(transactions->cut_count, 0u);
	done();
}

Test(transactions, what_runs_in_each_iteration_is_a_root_once_it_causes_something)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(200, 300, 1), poll(500, 20, KIND_CHECK, 7),
	     inside(500, submit(KIND_WRITE, 64)), wait(600, 400, 1), poll(1000, 50, KIND_WRITE, 64),
	     wait(1100, 100, 0));
	finish();
	cr_assert_eq(transactions->count, 1u);
	cr_assert_eq(told[0].facts.step_count, 2u);
	parts_are(&told[0].facts, 70, 0, 0, 0, 480, 0);
	done();
}

/* libuv asks for the memory just before it reads. */
Test(transactions, alloc_belongs_to_the_read_behind_it)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(200, 300, 1), poll(500, 20, KIND_ALLOC, 7),
	     poll(525, 75, KIND_READ, 7), wait(700, 100, 1), poll(800, 20, KIND_ALLOC, 7),
	     poll(825, 75, KIND_READ, 8));
	finish();
	cr_assert_eq(transactions->count, 2u);
	parts_are(&told[0].facts, 95, 5, 0, 0, 0, 0);
	parts_are(&told[1].facts, 75, 25, 0, 0, 0, 0);
	done();
}

/* ---- Requests -------------------------------------------------------------------------------- */

Test(transactions, a_request_waits_outside_then_behind_others)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 2), poll(1000, 300, KIND_READ, 5),
	     inside(1000, submit(KIND_WRITE, 64)), wait(1400, 600, 2),
	     poll(2000, 250, SITE_READ_B, 6), poll(2300, 40, KIND_WRITE, 64), wait(2500, 500, 0));
	finish();
	cr_assert_eq(transactions->count, 2u);
	const struct transaction *write = &told[1].facts;
	cr_assert_eq(write->begin_tick, 1000u);
	cr_assert_eq(write->end_tick, 2340u);
	cr_assert_eq(write->step_count, 2u);
	parts_are(write, 340, 300, 0, 0, 700, 0);
	cr_assert_eq(write->steps[1].cause, CAUSE_REQUEST);
	cr_assert_eq(write->steps[1].parent, 0u);
	cr_assert_eq(write->steps[1].ready_tick, 2000u);
	cr_assert_eq(write->steps[1].behind[0].site, SITE_READ_B);
	cr_assert_eq(write->steps[1].behind[0].ticks, 250u);
	cr_assert(write->steps[0].in_path && write->steps[1].in_path);
	done();
}

/* The chain that ends last is the path; the other one is beside it. */
Test(transactions, the_path_is_the_chain_that_ends_last)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 2), start(1000, KIND_READ, 5),
	     instant(1000, submit(KIND_WRITE, 64)), instant(1000, submit(KIND_CONNECT, 80)),
	     end(1100), wait(1200, 800, 1), poll(2000, 100, KIND_WRITE, 64), wait(2200, 800, 1),
	     poll(3000, 100, KIND_CONNECT, 80));
	finish();
	cr_assert_eq(transactions->count, 1u);
	const struct transaction *both = &told[0].facts;
	cr_assert_eq(both->step_count, 3u);
	parts_are(both, 200, 0, 0, 0, 1900, 0);
	cr_assert_not(both->steps[1].in_path);
	cr_assert(both->steps[2].in_path);
	cr_assert_eq(transactions->signatures[0].site_count, 3u);
	done();
}

Test(transactions, work_on_the_pool_is_waited_for_and_run)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 100, KIND_READ, 5),
	     inside(1000, submit(KIND_FS_STAT, 0x1000)), wait(1150, 2850, 1),
	     poll(4000, 60, KIND_FS_STAT, 0x1000), wait(4100, 100, 0));
	FEED(POOL_A, wait(10, 1490, 0),
	     instant(3500, trace_word(0x1000 + OFFSET_FS, TRACE_ITEM_END)), wait(3600, 1000, 0));
	finish();
	cr_assert_eq(transactions->count, 1u);
	const struct transaction *transaction = &told[0].facts;
	cr_assert_eq(transaction->steps[1].run_tick, 1500u);
	cr_assert_eq(transaction->steps[1].run_end_tick, 3500u);
	parts_are(transaction, 160, 0, 400, 2000, 0, 500);
	done();
}

/* It is told as it was; the parts have no time twice. */
Test(transactions, work_while_the_submitting_callback_goes_on_is_its_own_time)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 1000, KIND_READ, 5),
	     inside(1000, submit(KIND_FS_STAT, 0x1000)), wait(2100, 400, 1),
	     poll(2500, 60, KIND_FS_STAT, 0x1000), wait(2600, 100, 0));
	FEED(POOL_A, wait(10, 1190, 0),
	     instant(1500, trace_word(0x1000 + OFFSET_FS, TRACE_ITEM_END)), wait(1600, 1000, 0));
	finish();
	cr_assert_eq(transactions->count, 1u);
	const struct transaction *transaction = &told[0].facts;
	cr_assert_eq(transaction->steps[1].run_tick, 1200u);
	cr_assert_eq(transaction->steps[1].run_end_tick, 1500u);
	cr_assert_eq(transaction->steps[1].ready_tick, 2000u);
	parts_are(transaction, 1060, 100, 0, 0, 0, 400);
	done();
}

Test(transactions, work_that_outlasts_the_submitting_callback_is_run_from_its_end_on)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 1000, KIND_READ, 5),
	     inside(1000, submit(KIND_FS_STAT, 0x1000)), wait(2100, 1400, 1),
	     poll(3500, 60, KIND_FS_STAT, 0x1000), wait(3600, 100, 0));
	FEED(POOL_A, wait(10, 1190, 0),
	     instant(3000, trace_word(0x1000 + OFFSET_FS, TRACE_ITEM_END)), wait(3100, 1000, 0));
	finish();
	cr_assert_eq(transactions->count, 1u);
	const struct transaction *transaction = &told[0].facts;
	cr_assert_eq(transaction->steps[1].run_tick, 1200u);
	cr_assert_eq(transaction->steps[1].run_end_tick, 3000u);
	parts_are(transaction, 1060, 0, 0, 1000, 0, 500);
	done();
}

Test(transactions, a_request_from_outside_any_callback_is_a_root)
{
	process_make(20000);
	FEED(LOOP_A, instant(50, submit(KIND_WRITE, 64)), enter(100), wait(110, 890, 1),
	     poll(1000, 100, KIND_WRITE, 64));
	finish();
	cr_assert_eq(transactions->count, 1u);
	cr_assert_eq(told[0].facts.begin_tick, 50u);
	parts_are(&told[0].facts, 100, 0, 0, 0, 950, 0);
	done();
}

/* ---- Signatures ------------------------------------------------------------------------------ */

/* Ten reads in a row and three are the same but for the number. */
Test(transactions, repetitions_are_one_signature)
{
	process_make(100000);
	FEED(LOOP_A, enter(100));
	uint64_t tick = 1000;
	for (int reads = 1; reads <= 3; reads++) {
		FEED(LOOP_A, wait(tick, 500, 1), poll(tick + 500, 50, KIND_READ, 5),
		     inside(tick + 500, submit(KIND_WRITE, 64)));
		tick += 1000;
		for (int i = 0; i < reads; i++, tick += 1000) {
			FEED(LOOP_A, wait(tick, 500, 1), poll(tick + 500, 50, KIND_WRITE, 64));
			if (i + 1 < reads)
				FEED(LOOP_A, inside(tick + 500, submit(KIND_WRITE, 64)));
		}
	}
	finish();
	cr_assert_eq(transactions->count, 3u);
	cr_assert_eq(transactions->signature_count, 1u);
	cr_assert_eq(transactions->signatures[0].count, 3u);
	cr_assert_eq(transactions->signatures[0].site_count, 2u);
	cr_assert_eq(transactions->signatures[0].tail.count, 1u);
	cr_assert_eq(transactions->signatures[0].tail.ticks, transactions->signatures[0].ticks.max);
	cr_assert_eq(transactions->slowest_count, 3u);
	cr_assert_eq(transactions->slowest[0].step_count, 4u);
	done();
}

/* ---- Ids ------------------------------------------------------------------------------------- */

Test(transactions, an_id_is_read_as_it_is_printed)
{
	char text[TRANSACTION_ID_CHARS];
	uint64_t id = 4123456789ull << TRANSACTION_ID_WORKER_BITS | 17, read;

	transaction_id_print(id, text);
	cr_assert_str_eq(text, "4123456789.17");
	cr_assert(transaction_id_read(text, &read));
	cr_assert_eq(read, id);
	const char *const wrong[] = {
	    "", "1", "1.", ".1", "1.1x", "-1.1", "1.4096", " 1.1", "99999999999999999999.1"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		cr_assert_not(transaction_id_read(wrong[i], &read), "%s", wrong[i]);
}

Test(transactions, one_that_is_asked_for_is_kept)
{
	wanted.id = 1000ull << TRANSACTION_ID_WORKER_BITS | 1;
	wanted.keep = 0;
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 2), poll(1000, 300, KIND_READ, 5),
	     poll(1400, 400, SITE_READ_B, 6), wait(2000, 500, 0));
	finish();
	cr_assert_not_null(transactions->asked);
	cr_assert_eq(transactions->asked->steps[0].site, KIND_READ);
	cr_assert_eq(transactions->slowest_count, 0u);
	done();
}
