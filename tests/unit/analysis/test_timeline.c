/* SPDX-License-Identifier: Apache-2.0
 *
 * The timeline of loop workers: on items made by hand, on parts of them, and on anything whatever.
 */
#include <stdlib.h>

#include "timeline_helper.h"

/* ---- Loop workers ---------------------------------------------------------------------------- */

/* uv_run runs timers before it looks for the first time: where it is called again and again,
 * always. */
Test(timeline, what_runs_before_the_first_wait_is_a_iteration)
{
	process_make(0, 2000);
	FEED(0, instant(100, trace_word(7, TRACE_LOOP_ENTER)), poll(110, 20, SITE_TIMER, 16),
	     poll(140, 40, SITE_TIMER, 32), instant(200, trace_word(0, TRACE_TURN)),
	     instant(210, trace_word(7, TRACE_LOOP_LEAVE)), poll(250, 10, SITE_TIMER, 48),
	     instant(300, trace_word(7, TRACE_LOOP_ENTER)), poll(305, 5, SITE_TIMER, 16),
	     instant(320, trace_word(0, TRACE_TURN)),
	     instant(330, trace_word(7, TRACE_LOOP_LEAVE)));
	finish();
	cr_assert_eq(timeline->most_timers.timers, 2u);
	cr_assert_eq(timeline->most_timers.tick, 100u);
	cr_assert_eq(timeline->most_timers.timer_ticks, 60u);
	cr_assert_eq(timeline->iteration_timers.count, 2u);
	cr_assert_eq(timeline->sites[SITE_TIMER].iterations.delay.count, 3u,
		     "the one outside of uv_run waited for nothing");
	cr_assert_eq(timeline->sites[SITE_TIMER].iterations.worst.delay, 40u);
	cr_assert_eq(timeline->sites[SITE_TIMER].iterations.worst.behind_ticks, 20u);
	cr_assert_eq(timeline->workers[0].iterations, 2u, "of waits");
	done();
}

Test(timeline, adds_up_a_loop)
{
	process_make(0, 30000);
	FEED(0, instant(1000, trace_word(7, TRACE_LOOP_ENTER)), wait(1000, 5000, 2),
	     poll(6000, 300, SITE_TIMER, 5), poll(6300, 100, SITE_TIMER, 5),
	     instant(6400, trace_word(0, TRACE_TURN)), wait(6450, 2001, 1),
	     instant(9000, trace_word(7, TRACE_LOOP_LEAVE)));
	finish();
	const struct timeline_worker *worker = &timeline->workers[0];
	cr_assert_eq(worker->inside_ticks, 8000);
	cr_assert_eq(worker->parked_ticks, 7001);
	cr_assert_eq(timeline_busy_ticks(worker), 999);
	cr_assert_eq(worker->parks, 2);
	cr_assert_eq(worker->polls.count, 2);
	cr_assert_eq(worker->callback_ticks, 400);
	cr_assert_eq(worker->slowest.tick, 6000);
	cr_assert_eq(worker->slowest.duration, 300);
	cr_assert_eq(timeline->sites[SITE_TIMER].callback.sum, 400);
	cr_assert_eq(timeline->ready_fds.max, 2);
	cr_assert_eq(timeline->ready_fds.count, 3);
	cr_assert_float_eq(timeline->ready_fds.mean, 1, 1e-9);
	done();
}

/* Nobody sleeps for so short a time. */
Test(timeline, takes_a_wait_that_is_over_at_once_for_busy_time)
{
	process_make(0, 30000);
	FEED(0, instant(1000, trace_word(7, TRACE_LOOP_ENTER)), wait(1000, 2000, 1),
	     poll(3000, 300, SITE_TIMER, 5), wait(4000, 400, 1), wait(5000, 3000, 1),
	     instant(9000, trace_word(7, TRACE_LOOP_LEAVE)));
	finish();
	cr_assert_eq(timeline->workers[0].parks, 3);
	cr_assert_eq(timeline->workers[0].parked_ticks, 3000);
	done();
}

Test(timeline, counts_nested_polls_on_their_own_and_once_as_busy)
{
	process_make(0, 300000);
	FEED(0, instant(10000, trace_word(7, TRACE_LOOP_ENTER)),
	     instant(20000, poll_word(SITE_TIMER, 1)),
	     instant(30000, trace_word(8, TRACE_LOOP_ENTER)), poll(31000, 4000, SITE_WRITE, 2),
	     wait(40000, 10000, 0), instant(60000, trace_word(8, TRACE_LOOP_LEAVE)),
	     instant(120000, TRACE_POLL_END), instant(130000, trace_word(7, TRACE_LOOP_LEAVE)));
	finish();
	const struct timeline_worker *worker = &timeline->workers[0];
	cr_assert_eq(worker->inside_ticks, 120000);
	cr_assert_eq(worker->parked_ticks, 10000);
	cr_assert_eq(worker->polls.count, 2);
	cr_assert_eq(worker->nested, 1);
	cr_assert_eq(worker->callback_ticks, 100000);
	cr_assert_eq(timeline->sites[SITE_TIMER].callback.max, 100000);
	cr_assert_eq(timeline->sites[SITE_WRITE].callback.max, 4000);
	done();
}

/* A callback left by longjmp through an inner uv_run: neither loop says that it is left. */
Test(timeline, ends_what_a_jump_left_open)
{
	process_make(0, 3000);
	FEED(0, instant(100, trace_word(7, TRACE_LOOP_ENTER)),
	     instant(200, poll_word(SITE_TIMER, 1)), instant(300, trace_word(8, TRACE_LOOP_ENTER)),
	     instant(700, TRACE_POLL_UNWOUND), poll(800, 10, SITE_TIMER, 2),
	     instant(900, trace_word(7, TRACE_LOOP_LEAVE)));
	finish();
	cr_assert_eq(timeline->workers[0].unwound, 1);
	cr_assert_eq(timeline->workers[0].nested, 0);
	cr_assert_eq(timeline->workers[0].inside_ticks, 800);
	cr_assert_eq(timeline->sites[SITE_TIMER].callback.max, 500);
	cr_assert_eq(timeline->open.count, 0);
	done();
}

Test(timeline, gives_a_poll_that_lost_its_end_no_duration)
{
	process_make(0, 3000);
	FEED(0, instant(100, trace_word(7, TRACE_LOOP_ENTER)),
	     instant(200, poll_word(SITE_TIMER, 1)), wait(500, 100, 1),
	     poll(700, 10, SITE_TIMER, 2), instant(900, trace_word(7, TRACE_LOOP_LEAVE)),
	     instant(950, TRACE_POLL_END));
	finish();
	cr_assert_eq(timeline->workers[0].unended, 1);
	cr_assert_eq(timeline->workers[0].polls.count, 1);
	cr_assert_eq(timeline->sites[SITE_TIMER].callback.max, 10);
	done();
}

Test(timeline, lists_polls_that_never_end)
{
	process_make(0, 5000);
	FEED(0, instant(100, trace_word(7, TRACE_LOOP_ENTER)),
	     instant(2000, poll_word(SITE_TIMER, 0xabc)), poll(2500, 100, SITE_WRITE, 2));
	finish();
	cr_assert_eq(timeline->open.count, 1);
	cr_assert_eq(timeline->open.spans[0].tick, 2000);
	cr_assert_eq(timeline->open.spans[0].duration, 3000);
	cr_assert_eq(timeline->open.spans[0].site, SITE_TIMER);
	cr_assert_eq(timeline->open.spans[0].object, 0xabc);
	cr_assert_eq(timeline->workers[0].inside_ticks, 4900);
	done();
}

Test(timeline, keeps_the_longest_polls)
{
	options.top = 3;
	options.long_poll_ns = 100;
	process_make(0, 1000000);
	for (uint64_t i = 0; i < 50; i++) {
		uint64_t duration = (i * 37) % 50 * 10;
		FEED(0, poll(i * 1000, duration, SITE_TIMER, i));
	}
	finish();
	cr_assert_eq(timeline->long_polls.seen, 40);
	cr_assert_eq(timeline->long_polls.count, 3);
	for (uint64_t i = 0; i < 3; i++)
		cr_assert_eq(timeline->long_polls.spans[i].duration, 490 - i * 10);
	cr_assert_eq(timeline->workers[0].slowest.duration, 490);
	done();
}

/* Several threads find them in any order. */
Test(timeline, keeps_the_same_one_of_polls_that_are_equally_long)
{
	static const uint32_t found[][2] = {{SITE_TIMER, SITE_WRITE}, {SITE_WRITE, SITE_TIMER}};

	options.top = 1;
	options.long_poll_ns = 100;
	process_make(0, 1000000);
	for (int order = 0; order < 2; order++) {
		FEED(0, poll(1000, 200, found[order][0], 1), poll(1000, 200, found[order][1], 1));
		finish();
		cr_assert_eq(timeline->long_polls.seen, 2);
		cr_assert_eq(timeline->long_polls.spans[0].site, SITE_TIMER);
		cr_assert_eq(timeline->workers[0].slowest.site, SITE_TIMER);
		done();
	}
}

/* A damaged trace's clock may run at any rate. */
Test(timeline, totals_beyond_64_bits_are_as_many_as_these_hold)
{
	clock_range = (struct trace_clock_range){
	    .end_tick = 1ull << 61, .end_ns = UINT64_MAX, .rate = 1ull << 60};
	process_make(0, 1000);
	FEED(0, poll(10, 20, SITE_TIMER, 1));
	finish();
	cr_assert_eq(timeline_ns(timeline, 1000), 1000ull << 20);
	cr_assert_eq(timeline_ns(timeline, 1ull << 61), UINT64_MAX);
	done();
}

/* ---- Ranges ---------------------------------------------------------------------------------- */

Test(timeline, cuts_times_to_the_range_and_keeps_polls_that_overlap_it)
{
	options.from_ns = 100000;
	options.to_ns = 200000;
	process_make(0, 500000);
	FEED(0, instant(10000, trace_word(7, TRACE_LOOP_ENTER)), poll(20000, 10000, SITE_TIMER, 1),
	     wait(30000, 10000, 1), poll(90000, 40000, SITE_TIMER, 2), wait(130000, 20000, 1),
	     poll(160000, 10000, SITE_TIMER, 3), poll(190000, 60000, SITE_TIMER, 4),
	     poll(260000, 10000, SITE_TIMER, 5), instant(300000, trace_word(7, TRACE_LOOP_LEAVE)));
	finish();
	const struct timeline_worker *worker = &timeline->workers[0];
	cr_assert_eq(worker->inside_ticks, 100000);
	cr_assert_eq(worker->parked_ticks, 20000);
	cr_assert_eq(worker->parks, 1);
	cr_assert_eq(worker->polls.count, 3);
	cr_assert_eq(worker->callback_ticks, 30000 + 10000 + 10000);
	cr_assert_eq(worker->polls.sum, 40000 + 10000 + 60000);
	cr_assert_eq(timeline->range_ticks, 100000);
	done();
}

Test(timeline, leaves_out_what_was_switched_off)
{
	process_make(0, 50000);
	samples[0] = (struct trace_sample){.type = TRACE_SAMPLE_RECORDING, .tick = 15000, .a = 0};
	samples[1] = (struct trace_sample){.type = TRACE_SAMPLE_RECORDING, .tick = 25000, .a = 1};
	process.sample_count = 2;
	FEED(0, instant(10000, trace_word(7, TRACE_LOOP_ENTER)), instant(12000, TRACE_PARK),
	     wait(26000, 3000, 1), instant(30000, trace_word(7, TRACE_LOOP_LEAVE)));
	finish();
	cr_assert_eq(timeline->workers[0].inside_ticks, 10000);
	cr_assert_eq(timeline->workers[0].parked_ticks, 3000 + 3000,
		     "what follows the switch is not known to be parked");
	cr_assert_eq(timeline->off_ticks, 10000);
	cr_assert_eq(timeline->range_ticks, 50000 - 10000);
	done();
}

Test(timeline, counts_one_worker_alone_when_asked)
{
	options.worker = 2;
	process_make(1, 5000);
	FEED(0, poll(100, 50, SITE_TIMER, 1), instant(200, submit_word(SITE_STAT, 0x1000)));
	FEED(1, wait(50, 150, 0), instant(400, trace_word(0x1000 + OFFSET_FS, TRACE_ITEM_END)));
	finish();
	cr_assert_eq(timeline->workers[0].polls.count, 0);
	cr_assert_eq(timeline->sites[SITE_TIMER].callback.count, 0);
	cr_assert_eq(timeline->sites[SITE_STAT].pool.count, 1);
	cr_assert_eq(timeline->pool_wait.count, 1);
	done();
}

/* ---- Missing data ---------------------------------------------------------------------------- */

Test(timeline, takes_up_what_was_open_where_data_begins)
{
	struct trace_context context[] = {{trace_word(7, TRACE_LOOP_ENTER), 1000},
					  {poll_word(SITE_TIMER, 1), 10000}};
	struct trace_item items[] = {instant(50000, TRACE_POLL_END), wait(55000, 5000, 0)};

	process_make(0, 60000);
	feed_context(0, items, 2, context, 2, true);
	finish();
	cr_assert_eq(timeline->sites[SITE_TIMER].callback.max, 40000);
	cr_assert_eq(timeline->workers[0].inside_ticks, 50000, "known since the poll began");
	cr_assert_eq(timeline->workers[0].parked_ticks, 5000);
	done();
}

Test(timeline, leaves_gaps_out)
{
	struct trace_context context[] = {{trace_word(7, TRACE_LOOP_ENTER), 100}};
	struct trace_item after[] = {poll(5000, 100, SITE_TIMER, 1)};

	process_make(0, 6000);
	FEED(0, instant(100, trace_word(7, TRACE_LOOP_ENTER)), poll(200, 800, SITE_TIMER, 1),
	     instant(1000, poll_word(SITE_TIMER, 2)));
	feed_context(0, after, 1, context, 1, true);
	finish();
	cr_assert_eq(timeline->workers[0].inside_ticks, 900 + 1000);
	cr_assert_eq(timeline->workers[0].polls.count, 2);
	cr_assert_eq(timeline->open.count, 0, "the poll before the gap is not open after it");
	done();
}

Test(timeline, takes_cpu_time_from_samples)
{
	process_make(0, 10000);
	for (uint64_t i = 0; i < 5; i++)
		samples[i] = (struct trace_sample){.type = TRACE_SAMPLE_WORKER,
						   .worker = 1,
						   .tick = i * 1000,
						   .a = 500 + i * 100,
						   .b = i * i};
	process.sample_count = 5;
	FEED(0, poll(100, 50, SITE_TIMER, 1));
	finish();
	cr_assert(timeline->workers[0].sampled);
	cr_assert_eq(timeline->workers[0].cpu_ns, 400);
	cr_assert_eq(timeline->workers[0].sched_wait_ns, 16);
	cr_assert_eq(timeline->workers[0].sampled_ns, 4000);
	done();
}

/* ---- Anything whatever ----------------------------------------------------------------------- */

static uint64_t any_word(void)
{
	static const uint32_t codes[] = {TRACE_CODE_POLL, TRACE_CODE_SUBMIT, TRACE_CODE_SUBMIT - 1,
					 TRACE_CODE_END};
	uint64_t object =
	    random() % 3 ? (uint64_t)(random() % 4) * 0x100 : (uint64_t)random() << 20;

	if (random() % 3)
		return trace_word(object, (uint32_t)random() % 20);
	return trace_word(object, codes[random() % 4] + (uint32_t)random() % 8);
}

static struct trace_item any_item(uint64_t *tick)
{
	*tick += random() % 10 ? (uint64_t)(random() % 1000) : (uint64_t)random() << 10;
	return (struct trace_item){
	    .tick = *tick,
	    .duration = random() % 10 ? (uint64_t)(random() % 1000) : (uint64_t)random() << 12,
	    .word = any_word(),
	    .shape = (uint32_t)random() % 3,
	};
}

Test(timeline, survives_anything)
{
	srandom(7);
	for (int round = 0; round < 200; round++) {
		uint64_t ticks[4] = {0};
		struct trace_context context[70];
		process_make(3, 1ull << 40);
		workers[3].role = TRACE_ROLE_OTHER;
		options.from_ns = round % 3 ? 0 : 100000;
		for (int batch = 0; batch < 50; batch++) {
			size_t worker = (size_t)random() % 4;
			struct trace_item items[100];
			for (size_t i = 0; i < 100; i++)
				items[i] = any_item(&ticks[worker]);
			for (size_t i = 0; i < 70; i++)
				context[i] = (struct trace_context){any_word(), (uint64_t)random()};
			feed_context(worker, items, 100, random() % 5 ? NULL : context,
				     (size_t)random() % 70, random() % 9 == 0);
			cr_assert_eq(timeline_settle(timeline, ticks[random() % 4]), 0);
		}
		finish();
		done();
	}
}
