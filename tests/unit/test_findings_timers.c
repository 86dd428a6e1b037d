/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings about timers and wake-ups, and the measures that they rest on. A tick is a nanosecond.
 */
#include "findings_helper.h"

Test(findings_timers, measures_what_a_callback_stood_behind)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 3), poll(100 * MS, 40 * MS, SITE_READ, 1),
	     poll(140 * MS, 1000, SITE_TIMER, 2), poll(141 * MS, 1000, SITE_TIMER, 3), wait(142 * MS, 1000, 2),
	     poll(143 * MS, 1000, SITE_TIMER, 2), wait(150 * MS, 200 * MS, 0));
	finish();
	const struct timeline_site_turns *turns = &timeline->sites[SITE_TIMER].turns;
	cr_assert_eq(turns->worst.delay, 41 * MS);
	cr_assert_eq(turns->worst.behind, (uint32_t)SITE_READ);
	cr_assert_eq(turns->worst.polls, 2u);
	/* Two behind it in the turn; two that the next wait found ready at once, half as long each. */
	cr_assert_eq(timeline->sites[SITE_READ].turns.held_ticks, 2 * 40 * MS + 2 * 20 * MS);
	cr_assert_eq(timeline->most_timers.timers, 2u);
	find(NULL, 0);
	cr_assert_eq(findings->list[0].id, FINDING_BLOCKED);
	cr_assert_str_eq(findings->list[0].text.culprit, "on_read");
	cr_assert_eq(findings->list[0].cost_ns, 120 * MS);
	done();
}

Test(findings_timers, cuts_a_wakeup_in_three)
{
	set_up(MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(2, 98, 0), poll(100, 100, SITE_TIMER, 1), wait(250, 100, 1),
	     poll(350, 10, SITE_READ, 3), poll(370, 10, SITE_ASYNC, 7), wait(400, 1000, 0));
	FEED(1, instant(150, 7, TRACE_ASYNC_SEND), instant(160, 7, TRACE_ASYNC_SEND),
	     instant(161, 8, TRACE_ASYNC_SEND));
	finish();
	const struct timeline_wakeups *wakeups = &timeline->sites[SITE_ASYNC].wakeups;
	cr_assert_eq(wakeups->latency.count, 1u);
	cr_assert_eq(wakeups->latency.sum, 220u);
	cr_assert_eq(wakeups->busy_ticks, 100u);
	cr_assert_eq(wakeups->kernel_ticks, 100u);
	cr_assert_eq(wakeups->queue_ticks, 20u);
	cr_assert_eq(wakeups->sends, 2u);
	cr_assert_eq(wakeups->coalesced, 1u);
	done();
}

/* ---- Timers by their due time --------------------------------------------------------------------------------- */

/* Due at 100 ms: a callback ran from 90 to 130, the loop waited until 131, another ran before it until 135. */
Test(findings_timers, cuts_lateness_in_three)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 89 * MS, 1), poll(90 * MS, 40 * MS, SITE_READ, 1),
	     wait(130 * MS, 1 * MS, 1), poll(131 * MS, 4 * MS, SITE_READ, 1), instant(135 * MS, 100, TRACE_TIMER_DUE),
	     poll(136 * MS, 1000, SITE_TIMER, 2), wait(140 * MS, 200 * MS, 0));
	finish();
	const struct timeline_timers *timers = &timeline->sites[SITE_TIMER].turns.timers;
	cr_assert_eq(timers->late.count, 1u);
	cr_assert_eq(timers->late.max, 36 * MS);
	cr_assert_eq(timers->queue_ticks, 5 * MS);
	cr_assert_eq(timers->kernel_ticks, 1 * MS);
	cr_assert_eq(timers->busy_ticks, 30 * MS);
	cr_assert_eq(timers->worst.behind, (uint32_t)SITE_READ);
	cr_assert_eq(timers->worst.behind_ticks, 40 * MS);
	cr_assert_eq(timers->early.count, 0u);
	done();
}

/* Started at 150 ms for 30 ms, by a uv_now of 110: libuv's due time is 140. What ran at 152 came 28 ms early; what ran
 * at 190, where the loop waited on, 10 ms late. A due time that is another one's tells nothing. */
Test(findings_timers, holds_timers_against_what_was_asked_for)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 109 * MS, 1),
	     instant(110 * MS, 1, TRACE_CODE_POLL + SITE_READ), instant(150 * MS, 110, TRACE_LOOP_TIME),
	     instant(150 * MS, 140, TRACE_TIMER_DUE), instant(150 * MS, 0x20, TRACE_TIMER_START),
	     instant(150 * MS, 110, TRACE_LOOP_TIME), instant(150 * MS, 140, TRACE_TIMER_DUE),
	     instant(150 * MS, 0x30, TRACE_TIMER_START), instant(150 * MS, 110, TRACE_LOOP_TIME),
	     instant(150 * MS, 140, TRACE_TIMER_DUE), instant(150 * MS, 0x40, TRACE_TIMER_START),
	     instant(151 * MS, 0, TRACE_POLL_END), instant(151 * MS, 140, TRACE_TIMER_DUE),
	     poll(152 * MS, 1000, SITE_TIMER, 0x20), wait(153 * MS, 30 * MS, 0),
	     instant(183 * MS, 140, TRACE_TIMER_DUE), poll(190 * MS, 1000, SITE_TIMER, 0x30),
	     instant(191 * MS, 185, TRACE_TIMER_DUE), poll(195 * MS, 1000, SITE_TIMER, 0x40));
	finish();
	const struct timeline_timers *timers = &timeline->sites[SITE_TIMER].turns.timers;
	cr_assert_eq(timers->early.count, 1u);
	cr_assert_eq(timers->early.max, 28 * MS);
	cr_assert_eq(timers->worst_early.asked, 30 * MS);
	cr_assert_eq(timers->worst_early.site, (uint32_t)SITE_READ);
	cr_assert_eq(timers->late.count, 3u);
	cr_assert_eq(timers->late.min, 0u);
	cr_assert_eq(timers->late.max, 10 * MS);
	cr_assert_eq(timers->late.sum, 20 * MS);
	done();
}

/* A due time is the next timer's alone: whatever comes between, or a loss, takes it away. */
Test(findings_timers, takes_no_due_time_for_another_callback)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 1), instant(100 * MS, 50, TRACE_TIMER_DUE),
	     poll(100 * MS, 1000, SITE_READ, 1), poll(101 * MS, 1000, SITE_TIMER, 2),
	     instant(102 * MS, 50, TRACE_TIMER_DUE), instant(102 * MS, 7, TRACE_LOST_FULL),
	     poll(103 * MS, 1000, SITE_TIMER, 2), instant(104 * MS, 0xffffffffffff, TRACE_TIMER_DUE),
	     poll(105 * MS, 1000, SITE_TIMER, 2));
	finish();
	cr_assert_eq(timeline->sites[SITE_READ].turns.timers.late.count, 0u);
	cr_assert_eq(timeline->sites[SITE_TIMER].turns.timers.late.count, 1u);
	cr_assert_eq(timeline->sites[SITE_TIMER].turns.timers.late.sum, 0u, "due after the end of all times");
	done();
}
