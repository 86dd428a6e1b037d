/* SPDX-License-Identifier: Apache-2.0
 *
 * What the timeline tells of the pool's threads while requests wait, and of requests that had not
 * ended.
 */
#include "timeline_helper.h"

static struct trace_item submit(uint64_t tick, uint32_t site, uint64_t object)
{
	return instant(tick, submit_word(site, object));
}

static struct trace_item ends(uint64_t tick, uint64_t object)
{
	return instant(tick, trace_word(object + OFFSET_FS, TRACE_ITEM_END));
}

/* Three sleeps of 3,000, 2,000 and 1,000 ns over a request; the list keeps one of them. */
Test(timeline_pool_threads, add_up_sleeps_whatever_is_listed)
{
	options.idle_ns = 1;
	options.sleep_ns = 2000;
	options.top = 1;
	process_make(1, 20000);
	FEED(0, submit(1000, SITE_STAT, 0x1000), submit(6000, SITE_STAT, 0x2000),
	     submit(10000, SITE_STAT, 0x3000));
	FEED(1, instant(10, TRACE_PARK), instant(4000, TRACE_UNPARK), ends(4100, 0x1000),
	     instant(4200, TRACE_PARK), instant(8000, TRACE_UNPARK), ends(8100, 0x2000),
	     instant(8200, TRACE_PARK), instant(11000, TRACE_UNPARK), ends(11100, 0x3000),
	     instant(11200, TRACE_PARK));
	finish();
	cr_assert_eq(timeline->idle.count, 1);
	cr_assert_eq(timeline->idle.seen, 3);
	cr_assert_eq(timeline->sleeps.count, 2, "the third is too short");
	cr_assert_eq(timeline->sleeps.ticks, 5000);
	cr_assert_eq(timeline->sleeps.worst.tick, 1000);
	cr_assert_eq(timeline->sleeps.worst.duration, 3000);
	done();
}

/* Two threads in a work function each from 1,100 on, a request behind them from 1,200 on. */
static void both_work(void)
{
	options.stuck_ns = 5000;
	process_make(2, 20000);
	FEED(0, submit(1000, SITE_AFTER, 0x1000), submit(1000, SITE_AFTER, 0x2000),
	     submit(1200, SITE_STAT, 0x3000));
	FEED(1, instant(10, TRACE_PARK), instant(1050, TRACE_UNPARK),
	     instant(1100, poll_word(SITE_WORK, 0x1000)));
	FEED(2, instant(10, TRACE_PARK), instant(1100, TRACE_UNPARK),
	     instant(1100, poll_word(SITE_WORK, 0x2000)));
}

Test(timeline_pool_threads, are_stuck_while_no_work_ends)
{
	both_work();
	finish();
	cr_assert_eq(timeline->stuck.tick, 1100);
	cr_assert_eq(timeline->stuck.ticks, 20000 - 1100);
	cr_assert_eq(timeline->stuck.queued, 1);
	cr_assert_eq(timeline->stuck.workers, 2);
	cr_assert_eq(timeline->stuck.site, SITE_WORK);
	cr_assert(!timeline->stuck.ended);
	done();
}

Test(timeline_pool_threads, are_stuck_until_one_ends)
{
	both_work();
	FEED(1, instant(7000, TRACE_POLL_END),
	     instant(7000, trace_word(0x1000 + OFFSET_WORK, TRACE_ITEM_END)), ends(7100, 0x3000));
	finish();
	cr_assert_eq(timeline->stuck.ticks, 7000 - 1100);
	cr_assert(timeline->stuck.ended);
	done();
}

Test(timeline_pool_threads, are_not_stuck_while_one_sleeps_or_nothing_waits)
{
	both_work();
	FEED(1, instant(6000, TRACE_POLL_END),
	     instant(6000, trace_word(0x1000 + OFFSET_WORK, TRACE_ITEM_END)), ends(6100, 0x3000),
	     instant(6200, TRACE_PARK));
	finish();
	cr_assert_eq(timeline->stuck.ticks, 0, "4,900 ns; then one sleeps, and nothing waits");
	done();
	options.stuck_ns = 5000;
	process_make(1, 20000);
	FEED(0, submit(1000, SITE_AFTER, 0x1000));
	FEED(1, instant(10, TRACE_PARK), instant(1050, TRACE_UNPARK),
	     instant(1100, poll_word(SITE_WORK, 0x1000)));
	finish();
	cr_assert_eq(timeline->stuck.ticks, 0, "no request waits");
	done();
}

/* Both are in looks at files, for all that is known. */
Test(timeline_pool_threads, are_stuck_in_the_oldest_requests)
{
	options.stuck_ns = 5000;
	process_make(2, 20000);
	FEED(0, submit(1000, SITE_STAT, 0x1000), submit(1000, SITE_STAT, 0x2000),
	     submit(1200, SITE_AFTER, 0x3000));
	FEED(1, instant(10, TRACE_PARK), instant(1050, TRACE_UNPARK));
	FEED(2, instant(10, TRACE_PARK), instant(1100, TRACE_UNPARK));
	finish();
	cr_assert_eq(timeline->stuck.ticks, 20000 - 1100);
	cr_assert_eq(timeline->stuck.site, SITE_COUNT);
	cr_assert_eq(timeline->stuck.request_site, SITE_STAT);
	done();
}

/* Woken three times: for a request, for nothing, and for one that it still has at the end. */
Test(timeline_pool_threads, are_woken_in_vain_where_nothing_is_left)
{
	process_make(1, 9000);
	FEED(0, submit(1000, SITE_STAT, 0x1000), submit(5000, SITE_AFTER, 0x2000));
	FEED(1, instant(10, TRACE_PARK), instant(1100, TRACE_UNPARK), ends(1500, 0x1000),
	     instant(1500, TRACE_PARK), instant(3000, TRACE_UNPARK), instant(3040, TRACE_PARK),
	     instant(5100, TRACE_UNPARK), instant(5200, poll_word(SITE_WORK, 0x2000)));
	finish();
	cr_assert_eq(timeline->pool_wakes.count, 3);
	cr_assert_eq(timeline->pool_wakes.in_vain, 1);
	cr_assert_eq(timeline->pool_wakes.vain_ticks, 40);
	done();
}

/* One that ended, one that runs since 2,000, two that no thread has taken. */
Test(timeline_pool_threads, leave_requests_that_count_as_far_as_they_came)
{
	process_make(1, 9000);
	FEED(0, submit(1000, SITE_STAT, 0x1000), submit(1000, SITE_STAT, 0x2000),
	     submit(3000, SITE_AFTER, 0x3000), submit(4000, SITE_STAT, 0x4000));
	FEED(1, instant(10, TRACE_PARK), instant(1100, TRACE_UNPARK), ends(2000, 0x1000));
	finish();
	cr_assert_eq(timeline->pool_unended, 3);
	cr_assert_eq(timeline->pool_unstarted, 2);
	cr_assert_eq(timeline->arrival_count, 4);
	cr_assert_eq(timeline->pool_wait.count, 4);
	cr_assert_eq(timeline->pool_wait.sum, 100 + 1000 + 6000 + 5000);
	cr_assert_eq(timeline->sites[SITE_STAT].pool_run.count, 1, "of what had not ended none");
	cr_assert_eq(timeline->arrivals[1].run_ticks, 7000);
	cr_assert(timeline->arrivals[1].unended && !timeline->arrivals[1].unstarted);
	cr_assert(timeline->arrivals[2].unstarted);
	cr_assert_eq(timeline->arrivals[2].wait_ticks, 6000);
	done();
}

/* The thread ended before the request that it left. */
Test(timeline_pool_threads, take_nothing_after_their_end)
{
	process_make(1, 9000);
	FEED(0, submit(1000, SITE_STAT, 0x1000), submit(1000, SITE_STAT, 0x2000));
	FEED(1, instant(10, TRACE_PARK), instant(1100, TRACE_UNPARK), ends(2000, 0x1000),
	     instant(3000, TRACE_WORKER_END));
	finish();
	cr_assert_eq(timeline->pool_unstarted, 1);
	cr_assert_eq(timeline->arrivals[1].wait_ticks, 2000);
	done();
}
