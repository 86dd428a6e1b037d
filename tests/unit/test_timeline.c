/* SPDX-License-Identifier: Apache-2.0
 *
 * The timeline on items made by hand (a tick is a nanosecond), and on a simulated thread pool that knows by itself
 * how deep its queue was and how long each request waited.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "timeline/timeline.h"

#define WORKERS_MAX 9
#define ITEMS_MAX   200000

enum { SITE_TIMER, SITE_STAT, SITE_WORK, SITE_AFTER, SITE_WRITE, SITE_COUNT };
enum { OFFSET_FS = 336, OFFSET_WORK = 88 };

static struct trace_kind_info kinds[KIND_COUNT];
static struct trace_site sites[SITE_COUNT] = {
    [SITE_TIMER] = {.present = true, .kind = KIND_TIMER}, [SITE_STAT] = {.present = true, .kind = KIND_FS_STAT},
    [SITE_WORK] = {.present = true, .kind = KIND_WORK},	  [SITE_AFTER] = {.present = true, .kind = KIND_AFTER_WORK},
    [SITE_WRITE] = {.present = true, .kind = KIND_WRITE},
};
static struct trace_worker workers[WORKERS_MAX];
static struct trace_sample samples[16];
static struct trace_clock_range clock_range = {
    .end_tick = 1ull << 46, .end_ns = 1ull << 46, .rate = 1ull << TRACE_RATE_BITS};
static struct trace_process process;
static struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
static struct timeline *timeline;

/* A process with one loop worker (position 0) and so many pool workers. */
static void process_make(size_t pool_workers, uint64_t last_tick)
{
	kinds[KIND_TIMER] = (struct trace_kind_info){.name = "timer", .class = KIND_CLASS_HANDLE};
	kinds[KIND_FS_STAT] =
	    (struct trace_kind_info){.name = "fs_stat", .class = KIND_CLASS_POOL, .work_req_offset = OFFSET_FS};
	kinds[KIND_WORK] = (struct trace_kind_info){.name = "work", .class = KIND_CLASS_WORKFN};
	kinds[KIND_AFTER_WORK] =
	    (struct trace_kind_info){.name = "after_work", .class = KIND_CLASS_POOL, .work_req_offset = OFFSET_WORK};
	kinds[KIND_WRITE] = (struct trace_kind_info){.name = "write", .class = KIND_CLASS_REQUEST};
	process = (struct trace_process){
	    .tier = TRACE_TIER_FULL,
	    .first_tick = 1,
	    .last_tick = last_tick,
	    .workers = workers,
	    .worker_count = 1 + pool_workers,
	    .sites = sites,
	    .site_count = SITE_COUNT,
	    .kinds = kinds,
	    .kind_count = KIND_COUNT,
	    .samples = samples,
	    .clock_ranges = &clock_range,
	    .clock_range_count = 1,
	};
	for (uint32_t i = 0; i <= pool_workers; i++)
		workers[i] = (struct trace_worker){
		    .worker = i + 1, .role = i == 0 ? TRACE_ROLE_LOOP : TRACE_ROLE_POOL, .start_tick = 1};
}

static uint64_t poll_word(uint32_t site, uint64_t object)
{
	return trace_word(object, TRACE_CODE_POLL + site);
}

static uint64_t submit_word(uint32_t site, uint64_t object)
{
	return trace_word(object, TRACE_CODE_SUBMIT + site);
}

static struct trace_item poll(uint64_t tick, uint64_t duration, uint32_t site, uint64_t object)
{
	return (struct trace_item){
	    .tick = tick, .duration = duration, .word = poll_word(site, object), .shape = TRACE_SHAPE_POLL};
}

static struct trace_item wait(uint64_t tick, uint64_t duration, uint64_t ready)
{
	return (struct trace_item){
	    .tick = tick, .duration = duration, .word = trace_word(ready, TRACE_UNPARK), .shape = TRACE_SHAPE_WAIT};
}

static struct trace_item instant(uint64_t tick, uint64_t word)
{
	return (struct trace_item){.tick = tick, .word = word, .shape = TRACE_SHAPE_INSTANT};
}

static void feed_context(size_t worker, const struct trace_item *items, size_t count,
			 const struct trace_context *context, size_t context_count, bool after_gap)
{
	if (!timeline)
		timeline = timeline_make(&process, &options);
	cr_assert_not_null(timeline);
	cr_assert_eq(timeline_feed(timeline, worker, items, count, context, context_count, after_gap), 0);
}

static void feed(size_t worker, const struct trace_item *items, size_t count)
{
	feed_context(worker, items, count, NULL, 0, false);
}

#define FEED(worker, ...)                                                                                              \
	do {                                                                                                           \
		const struct trace_item items_[] = {__VA_ARGS__};                                                      \
		feed(worker, items_, sizeof(items_) / sizeof(*items_));                                                \
	} while (0)

static void finish(void)
{
	for (size_t i = 0; i < process.worker_count; i++)
		cr_assert_eq(timeline_end_worker(timeline, i), 0);
	cr_assert_eq(timeline_finish(timeline), 0);
}

static void done(void)
{
	timeline_free(timeline);
	timeline = NULL;
}

/* ---- Loop workers --------------------------------------------------------------------------------------------- */

/* uv_run runs timers before it looks for the first time: where it is called again and again, always. */
Test(timeline, what_runs_before_the_first_wait_is_a_turn)
{
	process_make(0, 2000);
	FEED(0, instant(100, trace_word(7, TRACE_LOOP_ENTER)), poll(110, 20, SITE_TIMER, 16),
	     poll(140, 40, SITE_TIMER, 32), instant(200, trace_word(0, TRACE_TURN)),
	     instant(210, trace_word(7, TRACE_LOOP_LEAVE)), poll(250, 10, SITE_TIMER, 48),
	     instant(300, trace_word(7, TRACE_LOOP_ENTER)), poll(305, 5, SITE_TIMER, 16),
	     instant(320, trace_word(0, TRACE_TURN)), instant(330, trace_word(7, TRACE_LOOP_LEAVE)));
	finish();
	cr_assert_eq(timeline->most_timers.timers, 2u);
	cr_assert_eq(timeline->most_timers.tick, 100u);
	cr_assert_eq(timeline->most_timers.timer_ticks, 60u);
	cr_assert_eq(timeline->turn_timers.count, 2u);
	cr_assert_eq(timeline->sites[SITE_TIMER].turns.delay.count, 3u, "the one outside of uv_run waited for nothing");
	cr_assert_eq(timeline->sites[SITE_TIMER].turns.worst.delay, 40u);
	cr_assert_eq(timeline->sites[SITE_TIMER].turns.worst.behind_ticks, 20u);
	cr_assert_eq(timeline->workers[0].turns, 2u, "of waits");
	done();
}

Test(timeline, adds_up_a_loop)
{
	process_make(0, 3000);
	FEED(0, instant(1000, trace_word(7, TRACE_LOOP_ENTER)), wait(1000, 500, 2), poll(1500, 300, SITE_TIMER, 5),
	     poll(1800, 100, SITE_TIMER, 5), instant(1900, trace_word(0, TRACE_TURN)), wait(1950, 20, 1),
	     instant(2000, trace_word(7, TRACE_LOOP_LEAVE)));
	finish();
	const struct timeline_worker *worker = &timeline->workers[0];
	cr_assert_eq(worker->inside_ticks, 1000);
	cr_assert_eq(worker->parked_ticks, 520);
	cr_assert_eq(timeline_busy_ticks(worker), 480);
	cr_assert_eq(worker->parks, 2);
	cr_assert_eq(worker->polls.count, 2);
	cr_assert_eq(worker->callback_ticks, 400);
	cr_assert_eq(worker->slowest.tick, 1500);
	cr_assert_eq(worker->slowest.duration, 300);
	cr_assert_eq(timeline->sites[SITE_TIMER].callback.sum, 400);
	cr_assert_eq(timeline->ready_fds.max, 2);
	cr_assert_eq(timeline->ready_fds.count, 3);
	cr_assert_float_eq(timeline->ready_fds.mean, 1, 1e-9);
	done();
}

Test(timeline, counts_nested_polls_on_their_own_and_once_as_busy)
{
	process_make(0, 3000);
	FEED(0, instant(100, trace_word(7, TRACE_LOOP_ENTER)), instant(200, poll_word(SITE_TIMER, 1)),
	     instant(300, trace_word(8, TRACE_LOOP_ENTER)), poll(310, 40, SITE_WRITE, 2), wait(400, 100, 0),
	     instant(600, trace_word(8, TRACE_LOOP_LEAVE)), instant(1200, TRACE_POLL_END),
	     instant(1300, trace_word(7, TRACE_LOOP_LEAVE)));
	finish();
	const struct timeline_worker *worker = &timeline->workers[0];
	cr_assert_eq(worker->inside_ticks, 1200);
	cr_assert_eq(worker->parked_ticks, 100);
	cr_assert_eq(worker->polls.count, 2);
	cr_assert_eq(worker->nested, 1);
	cr_assert_eq(worker->callback_ticks, 1000);
	cr_assert_eq(timeline->sites[SITE_TIMER].callback.max, 1000);
	cr_assert_eq(timeline->sites[SITE_WRITE].callback.max, 40);
	done();
}

/* A callback left by longjmp through an inner uv_run: neither loop says that it is left. */
Test(timeline, ends_what_a_jump_left_open)
{
	process_make(0, 3000);
	FEED(0, instant(100, trace_word(7, TRACE_LOOP_ENTER)), instant(200, poll_word(SITE_TIMER, 1)),
	     instant(300, trace_word(8, TRACE_LOOP_ENTER)), instant(700, TRACE_POLL_UNWOUND),
	     poll(800, 10, SITE_TIMER, 2), instant(900, trace_word(7, TRACE_LOOP_LEAVE)));
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
	FEED(0, instant(100, trace_word(7, TRACE_LOOP_ENTER)), instant(200, poll_word(SITE_TIMER, 1)),
	     wait(500, 100, 1), poll(700, 10, SITE_TIMER, 2), instant(900, trace_word(7, TRACE_LOOP_LEAVE)),
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
	FEED(0, instant(100, trace_word(7, TRACE_LOOP_ENTER)), instant(2000, poll_word(SITE_TIMER, 0xabc)),
	     poll(2500, 100, SITE_WRITE, 2));
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
	clock_range = (struct trace_clock_range){.end_tick = 1ull << 61, .end_ns = UINT64_MAX, .rate = 1ull << 60};
	process_make(0, 1000);
	FEED(0, poll(10, 20, SITE_TIMER, 1));
	finish();
	cr_assert_eq(timeline_ns(timeline, 1000), 1000ull << 20);
	cr_assert_eq(timeline_ns(timeline, 1ull << 61), UINT64_MAX);
	done();
}

/* ---- Ranges --------------------------------------------------------------------------------------------------- */

Test(timeline, cuts_times_to_the_range_and_keeps_polls_that_overlap_it)
{
	options.from_ns = 1000;
	options.to_ns = 2000;
	process_make(0, 5000);
	FEED(0, instant(100, trace_word(7, TRACE_LOOP_ENTER)), poll(200, 100, SITE_TIMER, 1), wait(300, 100, 1),
	     poll(900, 400, SITE_TIMER, 2), wait(1300, 200, 1), poll(1600, 100, SITE_TIMER, 3),
	     poll(1900, 600, SITE_TIMER, 4), poll(2600, 100, SITE_TIMER, 5),
	     instant(3000, trace_word(7, TRACE_LOOP_LEAVE)));
	finish();
	const struct timeline_worker *worker = &timeline->workers[0];
	cr_assert_eq(worker->inside_ticks, 1000);
	cr_assert_eq(worker->parked_ticks, 200);
	cr_assert_eq(worker->parks, 1);
	cr_assert_eq(worker->polls.count, 3);
	cr_assert_eq(worker->callback_ticks, 300 + 100 + 100);
	cr_assert_eq(worker->polls.sum, 400 + 100 + 600);
	cr_assert_eq(timeline->range_ticks, 1000);
	done();
}

Test(timeline, leaves_out_what_was_switched_off)
{
	process_make(0, 5000);
	samples[0] = (struct trace_sample){.type = TRACE_SAMPLE_RECORDING, .tick = 1500, .a = 0};
	samples[1] = (struct trace_sample){.type = TRACE_SAMPLE_RECORDING, .tick = 2500, .a = 1};
	process.sample_count = 2;
	FEED(0, instant(1000, trace_word(7, TRACE_LOOP_ENTER)), instant(1200, TRACE_PARK), wait(2700, 100, 1),
	     instant(3000, trace_word(7, TRACE_LOOP_LEAVE)));
	finish();
	cr_assert_eq(timeline->workers[0].inside_ticks, 1000);
	cr_assert_eq(timeline->workers[0].parked_ticks, 300 + 100, "what follows the switch is not known to be parked");
	cr_assert_eq(timeline->off_ticks, 1000);
	cr_assert_eq(timeline->range_ticks, 5000 - 1000);
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

/* ---- Missing data --------------------------------------------------------------------------------------------- */

Test(timeline, takes_up_what_was_open_where_data_begins)
{
	struct trace_context context[] = {{trace_word(7, TRACE_LOOP_ENTER), 100}, {poll_word(SITE_TIMER, 1), 1000}};
	struct trace_item items[] = {instant(5000, TRACE_POLL_END), wait(5500, 500, 0)};

	process_make(0, 6000);
	feed_context(0, items, 2, context, 2, true);
	finish();
	cr_assert_eq(timeline->sites[SITE_TIMER].callback.max, 4000);
	cr_assert_eq(timeline->workers[0].inside_ticks, 5000, "known since the poll began");
	cr_assert_eq(timeline->workers[0].parked_ticks, 500);
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
		samples[i] = (struct trace_sample){
		    .type = TRACE_SAMPLE_WORKER, .worker = 1, .tick = i * 1000, .a = 500 + i * 100, .b = i * i};
	process.sample_count = 5;
	FEED(0, poll(100, 50, SITE_TIMER, 1));
	finish();
	cr_assert(timeline->workers[0].sampled);
	cr_assert_eq(timeline->workers[0].cpu_ns, 400);
	cr_assert_eq(timeline->workers[0].sched_wait_ns, 16);
	cr_assert_eq(timeline->workers[0].sampled_ns, 4000);
	done();
}

/* ---- The pool ------------------------------------------------------------------------------------------------- */

Test(timeline, counts_items_that_are_no_callbacks)
{
	process_make(1, 9000);
	FEED(1, instant(10, TRACE_PARK), instant(1100, TRACE_UNPARK),
	     instant(1500, trace_word(0x1000 + OFFSET_FS, TRACE_ITEM_END)),
	     instant(1800, trace_word(0x2000 + OFFSET_FS, TRACE_ITEM_END)), instant(1800, TRACE_PARK));
	FEED(0, instant(1000, submit_word(SITE_STAT, 0x1000)), instant(1050, submit_word(SITE_STAT, 0x2000)),
	     poll(2000, 30, SITE_STAT, 0x1000), poll(2100, 40, SITE_STAT, 0x2000));
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

Test(timeline, counts_work_functions_once)
{
	process_make(1, 9000);
	FEED(0, instant(1000, submit_word(SITE_AFTER, 0x1000)), poll(3000, 30, SITE_AFTER, 0x1000));
	FEED(1, instant(10, TRACE_PARK), instant(1100, TRACE_UNPARK), poll(1200, 300, SITE_WORK, 0x1000),
	     instant(1510, trace_word(0x1000 + OFFSET_WORK, TRACE_ITEM_END)), instant(1520, TRACE_PARK));
	finish();
	cr_assert_eq(timeline->workers[1].items, 1);
	cr_assert_eq(timeline->workers[1].polls.count, 1);
	cr_assert_eq(timeline->sites[SITE_WORK].callback.sum, 300);
	cr_assert_eq(timeline->sites[SITE_AFTER].pool.count, 0);
	cr_assert_eq(timeline->sites[SITE_AFTER].callback.count, 1);
	cr_assert_eq(timeline->pool_wait.max, 200, "to the work function's own start");
	done();
}

Test(timeline, forgets_requests_that_need_no_work)
{
	process_make(1, 9000);
	FEED(0, instant(1000, submit_word(SITE_STAT, 0x1000)), instant(1100, submit_word(SITE_STAT, 0x2000)),
	     instant(1200, submit_word(SITE_STAT, 0x3000)), instant(1300, trace_word(0x1000, TRACE_REQUEST_CANCELLED)),
	     instant(1300, trace_word(0x2000, TRACE_IO_URING)), poll(1300, 10, SITE_STAT, 0x3000));
	FEED(1, instant(10, TRACE_PARK));
	finish();
	cr_assert_eq(timeline->pool_queued.max, 3);
	cr_assert_float_eq(timeline->pool_queued.mean, (100 * 1 + 100 * 2 + 100 * 3) / 9000.0, 1e-4);
	cr_assert_eq(timeline->sites[SITE_STAT].pool.count, 0);
	done();
}

Test(timeline, finds_sleepers_over_a_queue)
{
	options.idle_ns = 1000;
	process_make(2, 20000);
	FEED(0, instant(1000, submit_word(SITE_STAT, 0x1000)), instant(2000, submit_word(SITE_STAT, 0x2000)),
	     instant(15000, submit_word(SITE_STAT, 0x4000)));
	FEED(1, instant(10, TRACE_PARK), instant(5000, TRACE_UNPARK),
	     instant(6000, trace_word(0x1000 + OFFSET_FS, TRACE_ITEM_END)),
	     instant(8000, trace_word(0x2000 + OFFSET_FS, TRACE_ITEM_END)), instant(8000, TRACE_PARK),
	     instant(15500, TRACE_UNPARK), instant(16000, trace_word(0x4000 + OFFSET_FS, TRACE_ITEM_END)),
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

/* Where ends of items cannot be seen, a request that waits for its callback alone looks like one in the queue. */
Test(timeline, calls_nobody_a_sleeper_without_ends_of_items)
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

/* A turn stands for the callbacks that cannot be seen: the one that a program died in too. */
static void check_open_turn(uint32_t seal_reason, uint64_t turns)
{
	process_make(1, 9000);
	process.tier = TRACE_TIER_LIBC;
	process.sealed = true;
	process.seal_reason = seal_reason;
	FEED(0, instant(1000, TRACE_PARK), instant(2000, TRACE_UNPARK), instant(3000, TRACE_PARK),
	     instant(5000, trace_word(1, TRACE_UNPARK)));
	finish();
	cr_assert_eq(timeline->workers[0].polls.count, 1);
	cr_assert_eq(timeline->open.count, turns);
	if (turns)
		cr_assert_eq(timeline->open.spans[0].tick, 5000);
	done();
}

Test(timeline, names_the_turn_that_a_program_died_in)
{
	check_open_turn(TRACE_SEAL_DIED, 1);
	check_open_turn(TRACE_SEAL_EXIT, 0);
}

Test(timeline, begins_the_queue_anew_where_events_are_lost)
{
	process_make(1, 10000);
	FEED(0, instant(1000, submit_word(SITE_STAT, 0x1000)), instant(2000, trace_word(5, TRACE_LOST_FULL)));
	FEED(1, instant(10, TRACE_PARK));
	finish();
	cr_assert(timeline->pool_uncertain);
	cr_assert_float_eq(timeline->pool_queued.mean, 1000 / 10000.0, 1e-4);
	done();
}

Test(timeline, names_the_item_that_a_worker_died_in)
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

/* ---- Anything whatever ---------------------------------------------------------------------------------------- */

static uint64_t any_word(void)
{
	static const uint32_t codes[] = {TRACE_CODE_POLL, TRACE_CODE_SUBMIT, TRACE_CODE_SUBMIT - 1, TRACE_CODE_END};
	uint64_t object = random() % 3 ? (uint64_t)(random() % 4) * 0x100 : (uint64_t)random() << 20;

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
			feed_context(worker, items, 100, random() % 5 ? NULL : context, (size_t)random() % 70,
				     random() % 9 == 0);
			cr_assert_eq(timeline_settle(timeline, ticks[random() % 4]), 0);
		}
		finish();
		done();
	}
}

/* ---- A simulated pool ----------------------------------------------------------------------------------------- */

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
	record(simulation, worker, trace_word(simulation->object[worker] + OFFSET_FS, TRACE_ITEM_END));
	take_next(simulation, worker);
}

/* Does what is next: a submission at `submit`, or what a worker does earlier. Returns false when nothing is left. */
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
		uint64_t submit = simulation->now + 1 + chance(simulation, i / 300 % 2 ? 100 : 8000);
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
	cr_assert_float_eq(timeline->pool_queued.mean, simulation->depth_area / (double)(simulation->now - 1), 1e-6);
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

Test(timeline, replays_a_simulated_pool)
{
	check_simulation(1, 1);
	check_simulation(4, 2);
	check_simulation(8, 3);
}
