/* SPDX-License-Identifier: Apache-2.0
 *
 * What cannot be sure is cut: counted by its reason, and in no figure; and nothing gets a parent
 * that it did not have.
 */
#include "transactions_helper.h"

static uint64_t lost(uint64_t events)
{
	return trace_word(events, TRACE_LOST_FULL);
}

static void counts_are(uint64_t whole, enum transaction_cut cut, uint64_t count)
{
	cr_assert_eq(transactions->count, whole, "whole: %lu", (unsigned long)transactions->count);
	cr_assert_eq(transactions->cut[cut], count, "cut: %lu",
		     (unsigned long)transactions->cut[cut]);
	cr_assert_eq(transactions->cut_count, count, "cut in all: %lu",
		     (unsigned long)transactions->cut_count);
}

Test(transaction_cuts, lost_events_cut_what_is_live)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 100, KIND_READ, 5),
	     inside(1000, submit(KIND_WRITE, 64)), instant(1200, lost(3)), wait(1300, 700, 1),
	     poll(2000, 100, KIND_WRITE, 64), inside(2000, submit(KIND_CONNECT, 80)),
	     wait(2200, 800, 1), poll(3000, 10, KIND_CONNECT, 80), poll(3100, 10, KIND_READ, 5));
	finish();
	counts_are(1, CUT_LOST, 1);
	cr_assert_eq(told[0].facts.cut, CUT_LOST);
	cr_assert_eq(told[0].facts.step_count, 1u, "as far as it is known");
	cr_assert_eq(transactions->signatures[0].cut, 1u, "of the same root");
	done();
}

Test(transaction_cuts, a_gap_of_another_worker_cuts_too)
{
	const struct trace_item after[] = {wait(1600, 100, 0)};

	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 100, KIND_READ, 5),
	     inside(1000, submit(KIND_WRITE, 64)), wait(1300, 700, 1),
	     poll(2000, 100, KIND_WRITE, 64), wait(2200, 800, 0));
	FEED(POOL_A, wait(10, 1490, 0));
	cr_assert_eq(timeline_feed(timeline, POOL_A, after, 1, NULL, 0, true), 0);
	finish();
	counts_are(0, CUT_LOST, 1);
	done();
}

Test(transaction_cuts, a_poll_that_lost_its_end)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), start(1000, KIND_READ, 5),
	     instant(1000, submit(KIND_WRITE, 64)), wait(1300, 700, 1),
	     poll(2000, 100, KIND_WRITE, 64), start(2200, SITE_READ_B, 6), wait(2300, 100, 0));
	finish();
	counts_are(0, CUT_LOST, 2);
	done();
}

Test(transaction_cuts, recording_that_is_switched_off)
{
	process_make(20000);
	samples[0] = (struct trace_sample){.type = TRACE_SAMPLE_RECORDING, .tick = 1200, .a = 0};
	samples[1] = (struct trace_sample){.type = TRACE_SAMPLE_RECORDING, .tick = 1900, .a = 1};
	process.sample_count = 2;
	transactions_free(transactions);
	timeline_free(timeline);
	process_open();
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 100, KIND_READ, 5),
	     inside(1000, submit(KIND_WRITE, 64)), wait(1150, 40, 0), wait(1950, 50, 1),
	     poll(2000, 100, KIND_WRITE, 64));
	finish();
	counts_are(0, CUT_SWITCHED_OFF, 1);
	done();
}

Test(transaction_cuts, what_began_before_the_trace)
{
	const struct trace_item items[] = {end(1100),
					   wait(1200, 100, 1),
					   poll(1300, 50, KIND_WRITE, 64),
					   inside(1300, submit(KIND_CONNECT, 80)),
					   wait(1400, 100, 1),
					   poll(1500, 50, KIND_CONNECT, 80)};
	const struct trace_context open[] = {
	    {trace_word(7, TRACE_LOOP_ENTER), 100},
	    {trace_word(5, TRACE_CODE_POLL + KIND_READ), 900},
	};

	process_make(20000);
	cr_assert_eq(timeline_feed(timeline, LOOP_A, items, 6, open, 2, false), 0);
	finish();
	counts_are(0, CUT_BEGINS_EARLIER, 2);
	done();
}

Test(transaction_cuts, what_had_not_ended_when_the_trace_did)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 100, KIND_READ, 5),
	     inside(1000, submit(KIND_WRITE, 64)), poll(1200, 10, SITE_READ_B, 6),
	     start(1300, SITE_READ_B, 6));
	finish();
	cr_assert_eq(transactions->cut[CUT_UNENDED], 2u);
	cr_assert_eq(transactions->count, 1u);
	done();
}

/* Its callback was lost without a word: the address says so. */
Test(transaction_cuts, a_request_whose_address_is_used_again)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 2), poll(1000, 100, KIND_READ, 5),
	     inside(1000, submit(KIND_WRITE, 64)), poll(1200, 100, SITE_READ_B, 6),
	     inside(1200, submit(KIND_WRITE, 64)), wait(1400, 600, 1),
	     poll(2000, 100, KIND_WRITE, 64));
	finish();
	counts_are(1, CUT_UNSURE, 1);
	cr_assert_eq(told[1].steps[0].site, SITE_READ_B);
	cr_assert_eq(told[1].facts.step_count, 2u);
	done();
}

/* A write whose callback writes again, for ever. */
Test(transaction_cuts, a_chain_that_goes_on_and_on)
{
	process_make(1u << 30);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 100, KIND_READ, 5),
	     inside(1000, submit(KIND_WRITE, 64)));
	for (uint64_t i = 1; i < 6000; i++)
		FEED(LOOP_A, wait(i * 1000 + 300, 700, 1),
		     poll((i + 1) * 1000, 100, KIND_WRITE, 64),
		     inside((i + 1) * 1000, submit(KIND_WRITE, 64)));
	FEED(LOOP_A, wait(7000000, 700, 1), poll(7001000, 100, SITE_READ_B, 6));
	finish();
	counts_are(1, CUT_TOO_LONG, 1);
	done();
}

/* More at once than there is room for: they are counted, and the others stay right. */
Test(transaction_cuts, too_many_at_once)
{
	const uint64_t many = 70000;

	wanted.keep = 1;
	silent = true;
	process_make(1ull << 40);
	FEED(LOOP_A, enter(1));
	for (uint64_t i = 1; i <= many; i++)
		FEED(LOOP_A, poll(i * 100, 10, KIND_READ, 5),
		     inside(i * 100, submit(KIND_WRITE, i)));
	for (uint64_t i = 1; i <= many; i++)
		FEED(LOOP_A, poll((many + i) * 100, 10, KIND_WRITE, i));
	finish();
	cr_assert_eq(transactions->count + transactions->cut[CUT_GIVEN_UP], many);
	cr_assert_gt(transactions->cut[CUT_GIVEN_UP], 0u);
	cr_assert_gt(transactions->count, 60000u);
	done();
}

/* A range, and a worker: what is told of one does not depend on them. */
Test(transaction_cuts, a_range_takes_what_overlaps_it)
{
	options.from_ns = 1500;
	options.to_ns = 2500;
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 100, KIND_READ, 5),
	     wait(1200, 100, 1), poll(1300, 100, KIND_READ, 5),
	     inside(1300, submit(KIND_WRITE, 64)), wait(1500, 300, 1),
	     poll(1800, 10, KIND_WRITE, 64), wait(2000, 1000, 1), poll(3000, 100, KIND_READ, 5));
	finish();
	counts_are(1, CUT_LOST, 0);
	cr_assert_eq(told[0].facts.id, 1300ull << TRANSACTION_ID_WORKER_BITS | 1);
	cr_assert_eq(told[0].facts.step_count, 2u);
	done();
}

/* Anything whatever, in any order: nothing breaks, and what is whole adds up (the helper sees). */
Test(transaction_cuts, any_events_in_any_order)
{
	static const uint32_t codes[] = {TRACE_POLL_END,
					 TRACE_POLL_UNWOUND,
					 TRACE_PARK,
					 TRACE_UNPARK,
					 TRACE_TURN,
					 TRACE_LOOP_ENTER,
					 TRACE_LOOP_LEAVE,
					 TRACE_ASYNC_SEND,
					 TRACE_ITEM_END,
					 TRACE_LOST_FULL,
					 TRACE_HANDLE_CLOSE,
					 TRACE_WORKER_END,
					 TRACE_SPAN_BEGIN,
					 TRACE_SPAN_END,
					 TRACE_MARK_HIGH,
					 TRACE_IO_URING,
					 TRACE_REQUEST_CANCELLED};
	uint64_t random = 88172645463325252ull;

	silent = true;
	process_make(1ull << 40);
	for (uint64_t i = 0; i < 300000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		uint32_t which = random >> 20 & 63, object = 16 + (random >> 32 & 7);
		uint32_t site = (uint32_t)(random >> 40) % (SITES + 1);
		uint64_t word = which < 17
				    ? trace_word(object, codes[which == 9 && i % 97 ? 0 : which])
				: which < 34 ? trace_word(object, TRACE_CODE_POLL + site)
				: which < 46 ? submit(site, object)
				: which < 52 ? handle(site, object)
					     : TRACE_POLL_END;
		FEED(random >> 58 & 3, instant(i + 1, word));
		if (i % 1000 == 0)
			cr_assert_eq(timeline_settle(timeline, i), 0);
	}
	finish();
	cr_assert_gt(transactions->count, 1000u);
	done();
}

/* Whoever ends it goes on with what was cut, or with what is missing. */
Test(transaction_cuts, a_span_that_was_begun_before_events_were_lost)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), start(1000, KIND_READ, 5),
	     instant(1000, trace_mark_word(TRACE_SPAN_BEGIN, 1, 0, 42)), end(1100),
	     instant(1200, lost(3)), wait(1300, 700, 1), start(2000, KIND_TIMER, 7),
	     instant(2000, submit(KIND_WRITE, 64)),
	     instant(2000, trace_mark_word(TRACE_SPAN_END, 1, 0, 42)), end(2100),
	     wait(2200, 800, 1), poll(3000, 50, KIND_WRITE, 64), start(3100, SITE_TIMER_B, 8),
	     instant(3100, trace_mark_word(TRACE_SPAN_END, 1, 0, 43)), end(3200),
	     poll(3300, 50, KIND_READ, 5));
	finish();
	counts_are(1, CUT_LOST, 3);
	done();
}
