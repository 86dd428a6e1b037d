/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings say no more than the trace shows: what is no spinning and no hot loop, what a callback did whose end was not
 * seen, how long one ran that the program died in.
 */
#include "findings_helper.h"

#define US 1000ull

/* ---- Spinning ------------------------------------------------------------------------------------------------- */

/* Calls of uv_run every 50 µs that take 20 µs each and do nothing. */
static void call_in_vain(uint64_t calls)
{
	set_up(calls * 50 * US, 0);
	for (uint64_t i = 0; i < calls; i++)
		FEED(0, instant(1 + i * 50 * US, 0x10, TRACE_LOOP_ENTER),
		     instant(1 + i * 50 * US + 20 * US, 0x10, TRACE_LOOP_LEAVE));
	finish();
	find(NULL, 0);
}

Test(findings_sure, count_uv_run_without_a_wait_as_an_empty_iteration)
{
	call_in_vain(600);
	cr_assert_eq(timeline->workers[0].turns, 600u);
	cr_assert_eq(timeline->workers[0].empty_turns, 600u);
	cr_assert_eq(timeline->workers[0].runs, 600u);
	cr_assert_eq(timeline->workers[0].empty_ticks, 12 * MS);
	const struct finding *spinning = finding_of("spinning");
	cr_assert_not_null(spinning);
	cr_assert(strstr(spinning->title, "uv_run is called again and again"));
	cr_assert(strstr(spinning->culprit, "worker 1"));
	cr_assert(strstr(spinning->evidence, "600 of its 600 loop iterations found nothing to do, 20000 a second"));
	done();
}

Test(findings_sure, need_many_empty_iterations_and_some_time_for_spinning)
{
	call_in_vain(299); /* 6 ms of them */
	cr_assert_null(finding_of("spinning"));
	cr_assert_eq(thresholds_set(&thresholds, "spinning_time=5ms"), 0);
	findings_free(findings);
	find(NULL, 0);
	cr_assert_null(finding_of("spinning"), "one less than spinning_least");
	cr_assert_eq(thresholds_set(&thresholds, "spinning_least=299"), 0);
	findings_free(findings);
	find(NULL, 0);
	cr_assert_not_null(finding_of("spinning"));
	done();
}

/* A timer is opened and closed: the loop runs once. */
Test(findings_sure, make_no_rate_of_a_program_that_ends_at_once)
{
	set_up(40 * US, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), instant(20 * US, 0, TRACE_TURN), poll(21 * US, US, SITE_TIMER, 1),
	     instant(30 * US, 0x10, TRACE_LOOP_LEAVE));
	finish();
	find(NULL, 0);
	cr_assert_eq(timeline->workers[0].empty_turns, 1u);
	cr_assert_eq(findings->count, 0u);
	done();
}

/* Who looks after the loop 60 times a second has time for other things. */
Test(findings_sure, measure_spinning_by_the_time_outside_of_uv_run_too)
{
	set_up(10000 * MS, 0);
	for (uint64_t i = 0; i < 600; i++)
		FEED(0, instant(1 + i * 16 * MS, 0x10, TRACE_LOOP_ENTER), instant(10 * US + i * 16 * MS, 0, TRACE_TURN),
		     instant(40 * US + i * 16 * MS, 0x10, TRACE_LOOP_LEAVE));
	finish();
	find(NULL, 0);
	cr_assert_eq(timeline->workers[0].empty_turns, 600u);
	cr_assert_eq(timeline->workers[0].empty_ticks, 600 * 30 * US);
	cr_assert_null(finding_of("spinning"));
	done();
}

/* A callback ran, the loop waited, an end was lost: not empty. Of a loop inside a callback nothing is told. */
Test(findings_sure, take_no_other_call_of_uv_run_for_an_empty_one)
{
	set_up(100 * MS, 0);
	FEED(0, instant(1 * MS, 0x10, TRACE_LOOP_ENTER), poll(2 * MS, 5, SITE_TIMER, 1),
	     instant(3 * MS, 0x10, TRACE_LOOP_LEAVE), instant(4 * MS, 0x10, TRACE_LOOP_ENTER), wait(5 * MS, 1 * MS, 0),
	     instant(7 * MS, 0x10, TRACE_LOOP_LEAVE), instant(8 * MS, 0x10, TRACE_LOOP_ENTER),
	     instant(9 * MS, 1, TRACE_CODE_POLL + SITE_READ), instant(10 * MS, 0x20, TRACE_LOOP_ENTER),
	     instant(11 * MS, 0x20, TRACE_LOOP_LEAVE), instant(12 * MS, 0x10, TRACE_LOOP_LEAVE));
	finish();
	cr_assert_eq(timeline->workers[0].empty_turns, 0u);
	cr_assert_eq(timeline->workers[0].turns, 1u);
	cr_assert_eq(timeline->workers[0].runs, 4u);
	done();
}

/* ---- A hot loop ----------------------------------------------------------------------------------------------- */

/* Two loops for 100 ms: one reads all the time; the other waits, after so many callbacks of some kind. */
static void two_loops(uint32_t site, uint64_t runs)
{
	set_up(100 * MS, 0);
	workers[1].role = TRACE_ROLE_LOOP;
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 0; i < 90; i++)
		FEED(0, poll(1 * MS + i * MS, MS - 10, SITE_READ, 1));
	FEED(0, wait(95 * MS, 5 * MS, 0));
	FEED(1, instant(1, 0x20, TRACE_LOOP_ENTER));
	for (uint64_t i = 0; i < runs; i++)
		FEED(1, poll(1 * MS + i * 100, 50, site, 2));
	FEED(1, wait(2 * MS, 98 * MS, 0));
	finish();
	find(NULL, 0);
}

Test(findings_sure, compare_loops_that_do_the_same)
{
	two_loops(SITE_READ, 20);
	const struct finding *hot = finding_of("hot_loop");
	cr_assert_not_null(hot);
	cr_assert(strstr(hot->title, "the other loop that reads"));
	cr_assert(strstr(hot->evidence, "accepted 0 connections and read 90 times, the other 0 and 20;"));
	done();
	two_loops(SITE_READ, 9);
	cr_assert_null(finding_of("hot_loop"), "next to nothing");
	done();
	two_loops(SITE_ASYNC, 20);
	cr_assert_null(finding_of("hot_loop"), "a runtime's own loop");
	done();
	two_loops(SITE_TIMER, 20);
	cr_assert_null(finding_of("hot_loop"), "a scheduler");
	done();
}

Test(findings_sure, compare_no_loops_whose_callbacks_nobody_sees)
{
	two_loops(SITE_READ, 20);
	process.tier = TRACE_TIER_LIBC;
	findings_free(findings);
	find(NULL, 0);
	cr_assert_null(finding_of("hot_loop"));
	done();
}

/* ---- What a callback did -------------------------------------------------------------------------------------- */

static const struct finding *one_blocked(void)
{
	const struct finding *found = NULL;

	find(NULL, 0);
	for (size_t i = 0; i < findings->count; i++) {
		if (strncmp(findings->list[i].id, "blocked", 7) == 0)
			found = &findings->list[i];
	}
	return found;
}

Test(findings_sure, do_not_say_of_what_came_back_that_it_did_not)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), poll(100 * MS, 40 * MS, SITE_READ, 1), wait(150 * MS, 10 * MS, 1));
	finish();
	process.seal_reason = TRACE_SEAL_DIED;
	const struct finding *blocked = one_blocked();
	cr_assert(blocked && strstr(blocked->title, "for 40.0 ms: what it did is not known."), "%s", blocked->title);
	cr_assert_null(strstr(blocked->title, "come back"));
	done();
}

/* A callback that begins at 100 ms and has no end; its worker's last event but for what follows it. */
static void open_callback(const struct trace_item *behind)
{
	set_up(400 * MS, 0);
	workers[0].last_tick = 100 * MS;
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), instant(100 * MS, 1, TRACE_CODE_POLL + SITE_READ));
	if (behind)
		FEED(0, *behind);
	finish();
}

Test(findings_sure, say_of_what_is_open_at_the_end_that_it_did_not_come_back)
{
	const struct trace_item lost = instant(200 * MS, 7, TRACE_LOST_FULL);
	const struct finding *blocked;

	open_callback(NULL);
	process.seal_reason = TRACE_SEAL_EXIT;
	blocked = one_blocked();
	cr_assert(blocked && strstr(blocked->title, "for 300 ms: it did not come back."), "%s", blocked->title);
	done();
	open_callback(NULL);
	process.running = process.drained = true;
	blocked = one_blocked();
	cr_assert(blocked && strstr(blocked->title, "it has not come back yet."), "%s", blocked->title);
	done();
	open_callback(&lost);
	process.seal_reason = TRACE_SEAL_EXIT;
	blocked = one_blocked();
	cr_assert(blocked && strstr(blocked->title, "what it did is not known."), "%s", blocked->title);
	done();
}

Test(findings_sure, find_nothing_in_a_callback_whose_end_is_missing)
{
	open_callback(NULL);
	process.seal_reason = TRACE_SEAL_EXIT;
	workers[0].missing = workers[0].missing_last = 3;
	cr_assert_null(one_blocked(), "its last events found no room");
	done();
	open_callback(NULL);
	cr_assert_null(one_blocked(), "the trace breaks off");
	done();
	open_callback(NULL);
	process.running = true;
	cr_assert_null(one_blocked(), "its newest events are in its ring");
	done();
	open_callback(NULL);
	process.seal_reason = TRACE_SEAL_DIED;
	workers[0].missing = workers[0].missing_last = 3;
	find(NULL, 0);
	cr_assert_null(finding_of("died"));
	done();
}

/* ---- How long it had run -------------------------------------------------------------------------------------- */

static const struct finding *died(uint64_t seal_tick, bool salvaged)
{
	open_callback(NULL);
	process.seal_reason = salvaged ? 0 : TRACE_SEAL_DIED;
	process.seal_tick = seal_tick;
	process.salvaged = salvaged;
	find(NULL, 0);
	cr_assert_not_null(finding_of("died"));
	return finding_of("died");
}

/* The helper notices after 300 ms that the program is gone: that is no time that anybody measured. */
Test(findings_sure, tell_no_time_that_a_callback_had_run_when_the_program_died)
{
	const struct finding *finding = died(400 * MS, false);

	cr_assert(strstr(finding->evidence, "It had run for 300 ms at most"), "%s", finding->evidence);
	cr_assert_eq(findings->count, 1u, "it did not hold the loop for that long");
	done();
	finding = died(0, true);
	cr_assert(strstr(finding->evidence, "How long it had run is not known"), "%s", finding->evidence);
	done();
	finding = died(100 * MS, false); /* saved later, from the ring */
	cr_assert(strstr(finding->evidence, "How long it had run is not known"), "%s", finding->evidence);
	done();
}

/* Another worker went on for 50 ms; somebody looked after 80. */
Test(findings_sure, tell_how_long_it_had_run_at_least)
{
	static const struct trace_stall look = {.syscall = -1};
	const struct stall stall = {.tick = 180 * MS,
				    .poll_tick = 100 * MS,
				    .ticks = 80 * MS,
				    .site = SITE_READ,
				    .cause = STALL_CPU,
				    .what = "parse_line",
				    .look = &look};

	open_callback(NULL);
	process.seal_reason = TRACE_SEAL_DIED;
	process.seal_tick = 400 * MS;
	workers[1].last_tick = 150 * MS;
	find(NULL, 0);
	cr_assert(strstr(finding_of("died")->evidence, "for 50.0 ms at least, and for 300 ms at most"));
	cr_assert(strstr(finding_of("blocked")->title, "for 50.0 ms:"));
	findings_free(findings);
	find(&stall, 1);
	cr_assert(strstr(finding_of("died")->evidence, "for 80.0 ms at least, and for 300 ms at most"));
	cr_assert(strstr(finding_of("blocked_cpu")->title, "for 80.0 ms: it computed in parse_line"));
	done();
}

/* ---- The pool ------------------------------------------------------------------------------------------------- */

/* The second worker is one of the pool, busy for all of its 400 ms: on a CPU for so much of it, by samples. */
static const struct finding *pool_found(uint64_t cpu_ns, uint64_t wait_ns, uint64_t cpus, uint64_t quota)
{
	samples[0] = (struct trace_sample){.type = TRACE_SAMPLE_CPUS, .tick = 2, .a = 64, .b = cpus, .c = quota};
	samples[1] = (struct trace_sample){.type = TRACE_SAMPLE_WORKER, .worker = 2, .tick = 3};
	samples[2] = (struct trace_sample){
	    .type = TRACE_SAMPLE_WORKER, .worker = 2, .tick = 400 * MS, .a = cpu_ns, .b = wait_ns};
	set_up(400 * MS, cpu_ns + wait_ns > 0 ? 3 : 1);
	workers[1].role = TRACE_ROLE_POOL;
	FEED(1, poll(1, 400 * MS, SITE_WRITE, 1));
	finish();
	timeline->arrivals = calloc(40, sizeof(*timeline->arrivals));
	cr_assert_not_null(timeline->arrivals);
	timeline->arrival_count = 40;
	timeline->pool_threads = 4;
	for (size_t i = 0; i < 40; i++) {
		timeline->arrivals[i] = (struct timeline_arrival){.submit_tick = 5, .run_ticks = 10 * MS};
		histogram_add(&timeline->pool_wait, i / 4 * 10 * MS);
	}
	find(NULL, 0);
	return finding_of("pool_cpu") ? finding_of("pool_cpu") : finding_of("pool_small");
}

Test(findings_sure, advise_no_more_threads_than_cpus_for_work_that_computes)
{
	const struct finding *found = pool_found(150 * MS, 200 * MS, 2, 0);

	cr_assert_not_null(found);
	cr_assert_str_eq(found->id, "pool_cpu");
	cr_assert(strstr(found->advice, "Do not raise UV_THREADPOOL_SIZE"), "%s", found->advice);
	cr_assert(strstr(found->advice, "the same 2 CPUs"), "%s", found->advice);
	cr_assert(strstr(found->evidence, "for 88% of their busy time"), "%s", found->evidence);
	done();
	found = pool_found(390 * MS, 0, 6, 0);
	cr_assert_str_eq(found->id, "pool_small");
	cr_assert(strstr(found->advice, "UV_THREADPOOL_SIZE=6:"), "%s", found->advice);
	done();
	found = pool_found(390 * MS, 0, 6, 1500);
	cr_assert_str_eq(found->id, "pool_cpu");
	cr_assert(strstr(found->advice, "the same 1.5 CPUs"), "%s", found->advice);
	done();
}

Test(findings_sure, advise_more_threads_for_work_that_waits)
{
	const struct finding *found = pool_found(10 * MS, 2 * MS, 2, 0);

	cr_assert_str_eq(found->id, "pool_small");
	cr_assert(strstr(found->advice, "UV_THREADPOOL_SIZE=40"), "%s", found->advice);
	cr_assert(strstr(found->advice, "the work waits rather than computes."), "%s", found->advice);
	done();
	found = pool_found(0, 0, 2, 0);
	cr_assert_str_eq(found->id, "pool_small");
	cr_assert(strstr(found->advice, "if the work waits rather than computes"), "%s", found->advice);
	done();
}
