/* SPDX-License-Identifier: Apache-2.0
 *
 * What causes what: asynchronous sends, closes, child processes, nested callbacks, timers and
 * readings that are started, and spans of the program.
 */
#include "transactions_helper.h"

static uint64_t send(uint64_t handle_address)
{
	return trace_word(handle_address, TRACE_ASYNC_SEND);
}

static uint64_t part(size_t at, enum transaction_part which)
{
	return told[at].facts.parts[which];
}

/* ---- Sends ----------------------------------------------------------------------------------- */

Test(transaction_causes, a_send_to_another_loop_is_a_cause)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 100, KIND_READ, 5),
	     inside(1050, send(0x77)), wait(1200, 5000, 0));
	FEED(LOOP_B, enter(50), wait(60, 500, 1), poll(560, 700, KIND_TIMER, 9), wait(1300, 100, 1),
	     poll(1450, 50, KIND_ASYNC, 0x77), wait(1600, 100, 0));
	finish();
	cr_assert_eq(transactions->count, 2u);
	const struct told *both = &told[1];
	cr_assert_eq(both->facts.step_count, 2u);
	cr_assert_eq(both->steps[1].cause, CAUSE_ASYNC);
	cr_assert_eq(both->steps[1].worker, LOOP_B);
	cr_assert_eq(both->facts.end_tick, 1500u);
	cr_assert_eq(part(1, PART_OWN), 100u, "until it was sent, and the callback");
	cr_assert_eq(part(1, PART_KERNEL), 100u, "the loop slept on");
	cr_assert_eq(part(1, PART_BEHIND), 300u);
	cr_assert_eq(both->steps[1].behind[0].site, KIND_TIMER);
	cr_assert_eq(both->steps[1].behind[0].ticks, 210u);
	done();
}

Test(transaction_causes, the_first_of_several_sends_is_the_cause_and_the_others_are_linked)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 2), poll(1000, 100, KIND_READ, 5),
	     inside(1000, send(0x77)), poll(1200, 100, SITE_READ_B, 6), inside(1200, send(0x77)),
	     wait(1300, 100, 1), poll(1400, 50, KIND_ASYNC, 0x77), wait(1500, 500, 1),
	     poll(2000, 50, KIND_ASYNC, 0x77));
	finish();
	cr_assert_eq(transactions->count, 3u, "the last one was sent by nobody");
	cr_assert_eq(told[1].facts.step_count, 2u);
	cr_assert_eq(told[1].steps[0].site, KIND_READ);
	cr_assert_eq(told[1].steps[1].coalesced, 1u);
	cr_assert_eq(told[1].steps[1].linked_id, 1200ull << TRANSACTION_ID_WORKER_BITS | 1);
	cr_assert_eq(told[2].facts.step_count, 1u);
	done();
}

Test(transaction_causes, what_work_on_the_pool_sends_is_of_the_request)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 100, KIND_READ, 5),
	     inside(1000, submit(KIND_AFTER_WORK, 0x1000)), wait(1150, 1350, 1),
	     poll(2500, 500, KIND_ASYNC, 0x77), wait(3050, 950, 1),
	     poll(4000, 60, KIND_AFTER_WORK, 0x1000), wait(4100, 100, 0));
	FEED(POOL_A, wait(10, 1490, 0), start(1500, KIND_WORK, 0x1000), instant(2000, send(0x77)),
	     end(3400), instant(3500, trace_word(0x1000 + OFFSET_WORK, TRACE_ITEM_END)),
	     wait(3600, 1000, 0));
	finish();
	cr_assert_eq(transactions->count, 1u);
	cr_assert_eq(told[0].facts.step_count, 3u);
	cr_assert_eq(told[0].steps[2].cause, CAUSE_ASYNC);
	cr_assert_eq(told[0].steps[2].parent, 1u);
	cr_assert_not(told[0].steps[2].in_path);
	cr_assert_eq(part(0, PART_POOL_RUN), 2000u);
	done();
}

/* The same, but what was sent for goes on longer: the path leaves the work where it was sent. */
Test(transaction_causes, the_path_may_leave_the_work_on_the_pool_half_way)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 100, KIND_READ, 5),
	     inside(1000, submit(KIND_AFTER_WORK, 0x1000)), wait(1150, 1350, 1),
	     poll(2500, 500, KIND_ASYNC, 0x77), inside(2500, submit(KIND_WRITE, 64)),
	     wait(3050, 950, 1), poll(4000, 60, KIND_AFTER_WORK, 0x1000), wait(4100, 900, 1),
	     poll(5000, 10, KIND_WRITE, 64));
	FEED(POOL_A, wait(10, 1490, 0), start(1500, KIND_WORK, 0x1000), instant(2000, send(0x77)),
	     end(3400), instant(3500, trace_word(0x1000 + OFFSET_WORK, TRACE_ITEM_END)),
	     wait(3600, 1000, 0));
	finish();
	cr_assert_eq(transactions->count, 1u);
	cr_assert_eq(part(0, PART_POOL_WAIT), 400u);
	cr_assert_eq(part(0, PART_POOL_RUN), 500u, "until it sent");
	cr_assert_eq(part(0, PART_KERNEL), 500u);
	cr_assert_eq(part(0, PART_OWN), 610u);
	cr_assert_eq(part(0, PART_EXTERNAL), 2000u);
	done();
}

/* ---- Closes ---------------------------------------------------------------------------------- */

Test(transaction_causes, a_close_is_caused_by_who_closed)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 100, KIND_READ, 5),
	     inside(1000, trace_word(5, TRACE_HANDLE_CLOSE)), poll(1150, 20, KIND_CLOSE, 5),
	     wait(1200, 100, 0));
	finish();
	cr_assert_eq(transactions->count, 1u);
	cr_assert_eq(told[0].facts.step_count, 2u);
	cr_assert_eq(told[0].steps[1].cause, CAUSE_CLOSE);
	cr_assert_eq(part(0, PART_BEHIND), 50u, "the loop itself");
	done();
}

/* uv_close may be given no callback: nobody can tell from the trace. */
Test(transaction_causes, a_close_without_a_callback_keeps_nothing_open)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 100, KIND_READ, 5),
	     inside(1000, trace_word(5, TRACE_HANDLE_CLOSE)), wait(1200, 100, 0),
	     wait(1400, 100, 0), poll(1550, 20, KIND_CLOSE, 5), wait(1600, 10, 1),
	     poll(1700, 100, KIND_READ, 6), inside(1700, trace_word(6, TRACE_HANDLE_CLOSE)));
	finish();
	cr_assert_eq(transactions->count, 2u);
	cr_assert_eq(transactions->cut_count, 0u);
	cr_assert_eq(told[0].facts.step_count, 1u);
	cr_assert_eq(told[0].facts.end_tick, 1100u);
	done();
}

Test(transaction_causes, a_handle_that_is_closed_gets_no_send)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), start(1000, KIND_READ, 5),
	     instant(1000, send(0x77)), instant(1000, trace_word(0x77, TRACE_HANDLE_CLOSE)),
	     end(1100), wait(1200, 100, 0), wait(1400, 100, 1), poll(1500, 50, KIND_ASYNC, 0x77));
	finish();
	cr_assert_eq(transactions->count, 2u);
	cr_assert_eq(told[0].facts.step_count, 1u, "the callback is of another handle");
	done();
}

/* ---- Children, nested, starts -----------------------------------------------------------------
 */

Test(transaction_causes, a_child_process_ends_as_part_of_who_started_it)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 100, KIND_READ, 5),
	     instant(1050, handle(KIND_PROCESS_EXIT, 0x88)), wait(1200, 3800, 1));
	FEED(LOOP_A, poll(5000, 100, KIND_PROCESS_EXIT, 0x88));
	finish();
	cr_assert_eq(transactions->count, 2u, "started outside of the callback");
	done();
}

Test(transaction_causes, a_child_process_that_a_callback_started)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), start(1000, KIND_READ, 5),
	     instant(1000, handle(KIND_PROCESS_EXIT, 0x88)), end(1100), wait(1200, 3800, 1),
	     poll(5000, 100, KIND_PROCESS_EXIT, 0x88));
	finish();
	cr_assert_eq(transactions->count, 1u);
	cr_assert_eq(told[0].steps[1].cause, CAUSE_SPAWN);
	cr_assert_eq(part(0, PART_EXTERNAL), 3900u);
	done();
}

Test(transaction_causes, a_callback_inside_another_is_caused_by_it)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), start(1000, KIND_READ, 5),
	     instant(1010, trace_word(8, TRACE_LOOP_ENTER)), wait(1020, 80, 1),
	     poll(1100, 50, KIND_TIMER, 6), instant(1200, trace_word(8, TRACE_LOOP_LEAVE)),
	     end(1300), wait(1400, 100, 0));
	finish();
	cr_assert_eq(transactions->count, 1u);
	cr_assert_eq(told[0].facts.step_count, 2u);
	cr_assert_eq(told[0].steps[1].cause, CAUSE_NESTED);
	cr_assert_eq(part(0, PART_OWN), 300u);
	done();
}

Test(transaction_causes, a_nested_callback_with_a_cause_of_its_own_follows_that)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 390, 1), poll(500, 100, SITE_READ_B, 6),
	     inside(500, submit(KIND_WRITE, 64)), wait(700, 300, 1), start(1000, KIND_READ, 5),
	     instant(1010, trace_word(8, TRACE_LOOP_ENTER)), wait(1020, 80, 1),
	     poll(1100, 50, KIND_WRITE, 64), instant(1200, trace_word(8, TRACE_LOOP_LEAVE)),
	     end(1300), wait(1400, 100, 0));
	finish();
	cr_assert_eq(transactions->count, 2u);
	cr_assert_eq(told[0].steps[0].site, SITE_READ_B);
	cr_assert_eq(told[0].facts.step_count, 2u);
	cr_assert_eq(told[0].facts.end_tick, 1150u);
	cr_assert_eq(told[1].facts.step_count, 1u);
	done();
}

Test(transaction_causes, a_timer_is_a_root_with_a_link)
{
	process_make(20000);
	FEED(LOOP_A, instant(50, handle(SITE_TIMER_B, 0x99)), enter(100), wait(110, 890, 1),
	     poll(1000, 10, SITE_TIMER_B, 0x99), start(1050, KIND_READ, 5),
	     instant(1050, handle(KIND_TIMER, 0x99)), instant(1050, handle(SITE_TCP_MADE, 0x55)),
	     end(1100), wait(1200, 3800, 1), poll(5000, 100, KIND_TIMER, 0x99), wait(5200, 100, 1),
	     instant(5310, trace_word(0x99, TRACE_HANDLE_CLOSE)), poll(5400, 10, KIND_TIMER, 0x99));
	finish();
	cr_assert_eq(transactions->count, 4u);
	cr_assert_eq(told[0].facts.started_by, 0u, "started outside of any callback");
	cr_assert_eq(told[2].facts.started_by, 1050ull << TRANSACTION_ID_WORKER_BITS | 1);
	cr_assert_eq(told[2].facts.step_count, 1u);
	cr_assert_eq(told[3].facts.started_by, 0u, "another handle, once it is closed");
	done();
}

/* ---- Spans ----------------------------------------------------------------------------------- */

static uint64_t span(uint32_t code, uint32_t name, uint32_t id)
{
	return trace_mark_word(code, name, 0, id);
}

Test(transaction_causes, a_span_with_an_id_ties_callbacks_together)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), start(1000, KIND_READ, 5),
	     instant(1000, span(TRACE_SPAN_BEGIN, 1, 42)), end(1100), wait(1200, 800, 1),
	     poll(2000, 50, SITE_TIMER_B, 6), start(2100, KIND_TIMER, 7),
	     instant(2100, submit(KIND_WRITE, 64)), instant(2100, span(TRACE_SPAN_END, 1, 42)),
	     end(2200), wait(2300, 700, 1), poll(3000, 40, KIND_WRITE, 64));
	finish();
	cr_assert_eq(transactions->count, 2u);
	const struct told *tied = &told[1];
	cr_assert_eq(tied->facts.step_count, 3u);
	cr_assert_eq(tied->steps[1].cause, CAUSE_SPAN);
	cr_assert_eq(tied->steps[1].site, KIND_TIMER);
	cr_assert_eq(tied->steps[2].parent, 1u);
	cr_assert_eq(tied->facts.end_tick, 3040u);
	cr_assert_eq(part(1, PART_OWN), 240u);
	cr_assert_eq(part(1, PART_EXTERNAL), 1700u);
	cr_assert_eq(part(1, PART_BEHIND), 100u);
	done();
}

Test(transaction_causes, a_span_inside_one_callback_or_without_an_id_ties_nothing)
{
	process_make(20000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), start(1000, KIND_READ, 5),
	     instant(1000, span(TRACE_SPAN_BEGIN, 1, 42)),
	     instant(1050, span(TRACE_SPAN_END, 1, 42)),
	     instant(1050, span(TRACE_SPAN_BEGIN, 1, 0)), end(1100), wait(1200, 800, 1),
	     start(2000, KIND_TIMER, 7), instant(2000, span(TRACE_SPAN_END, 1, 0)), end(2100));
	finish();
	cr_assert_eq(transactions->count, 2u);
	cr_assert_eq(transactions->cut_count, 0u);
	done();
}
