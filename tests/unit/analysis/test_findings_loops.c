/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings about loop iterations: timer storms, crowded iterations, spinning.
 */
#include "findings_helper.h"

#define US 1000ull

/* ---- Spinning -------------------------------------------------------------------------------- */

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

Test(findings_loops, count_uv_run_without_a_wait_as_an_empty_iteration)
{
	call_in_vain(1500);
	cr_assert_eq(timeline->workers[0].iterations, 1500u);
	cr_assert_eq(timeline->workers[0].empty_iterations, 1500u);
	cr_assert_eq(timeline->workers[0].runs, 1500u);
	cr_assert_eq(timeline->workers[0].empty_ticks, 30 * MS);
	const struct finding *spinning = finding_of(FINDING_SPINNING);
	cr_assert(spinning && spinning->severity == SEVERITY_WARNING);
	cr_assert(strstr(spinning->text.title, "uv_run is called again and again"));
	cr_assert(strstr(spinning->text.culprit, "worker 1"));
	cr_assert(strstr(spinning->text.evidence,
			 "1500 of its 1500 loop iterations found nothing to do, 20000 a second"));
	done();
}

/* What is missing was no other work. */
Test(findings_loops, take_no_lost_events_for_other_work)
{
	call_in_vain(1500);
	cr_assert_eq(thresholds_set(&thresholds, "spinning=0.5"), 0);
	findings_free(findings);
	find(NULL, 0);
	cr_assert_null(finding_of(FINDING_SPINNING), "40% of the time");
	cr_assert_eq(thresholds_set(&thresholds, "spinning_gap=50us"), 0);
	findings_free(findings);
	find(NULL, 0);
	cr_assert_not_null(finding_of(FINDING_SPINNING), "one each 50 us");
	cr_assert_eq(thresholds_set(&thresholds, "spinning_gap=2us"), 0);
	workers[0].events = 3000;
	workers[0].lost = 1500;
	findings_free(findings);
	find(NULL, 0);
	cr_assert_not_null(finding_of(FINDING_SPINNING), "60% of what is there");
	done();
	workers[0].lost = 0;
}

Test(findings_loops, need_many_empty_iterations_and_some_time_for_spinning)
{
	call_in_vain(299); /* 6 ms of them */
	cr_assert_null(finding_of(FINDING_SPINNING));
	cr_assert_eq(thresholds_set(&thresholds, "spinning_time=5ms"), 0);
	findings_free(findings);
	find(NULL, 0);
	cr_assert_null(finding_of(FINDING_SPINNING), "one less than spinning_least");
	cr_assert_eq(thresholds_set(&thresholds, "spinning_least=299"), 0);
	findings_free(findings);
	find(NULL, 0);
	cr_assert_not_null(finding_of(FINDING_SPINNING));
	done();
}

/* A timer is opened and closed: the loop runs once. */
Test(findings_loops, make_no_rate_of_a_program_that_ends_at_once)
{
	set_up(40 * US, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), instant(20 * US, 0, TRACE_TURN),
	     poll(21 * US, US, SITE_TIMER, 1), instant(30 * US, 0x10, TRACE_LOOP_LEAVE));
	finish();
	find(NULL, 0);
	cr_assert_eq(timeline->workers[0].empty_iterations, 1u);
	cr_assert_eq(findings->count, 0u);
	done();
}

/* Who looks after the loop 60 times a second has time for other things. */
Test(findings_loops, measure_spinning_by_the_time_outside_of_uv_run_too)
{
	set_up(10000 * MS, 0);
	for (uint64_t i = 0; i < 600; i++)
		FEED(0, instant(1 + i * 16 * MS, 0x10, TRACE_LOOP_ENTER),
		     instant(10 * US + i * 16 * MS, 0, TRACE_TURN),
		     instant(40 * US + i * 16 * MS, 0x10, TRACE_LOOP_LEAVE));
	finish();
	find(NULL, 0);
	cr_assert_eq(timeline->workers[0].empty_iterations, 600u);
	cr_assert_eq(timeline->workers[0].empty_ticks, 600 * 30 * US);
	cr_assert_null(finding_of(FINDING_SPINNING));
	done();
}

/* A callback ran, the loop waited, an end was lost: not empty. Of a loop inside a callback nothing
 * is told. */
Test(findings_loops, take_no_other_call_of_uv_run_for_an_empty_one)
{
	set_up(100 * MS, 0);
	FEED(0, instant(1 * MS, 0x10, TRACE_LOOP_ENTER), poll(2 * MS, 5, SITE_TIMER, 1),
	     instant(3 * MS, 0x10, TRACE_LOOP_LEAVE), instant(4 * MS, 0x10, TRACE_LOOP_ENTER),
	     wait(5 * MS, 1 * MS, 0), instant(7 * MS, 0x10, TRACE_LOOP_LEAVE),
	     instant(8 * MS, 0x10, TRACE_LOOP_ENTER),
	     instant(9 * MS, 1, TRACE_CODE_POLL + SITE_READ),
	     instant(10 * MS, 0x20, TRACE_LOOP_ENTER), instant(11 * MS, 0x20, TRACE_LOOP_LEAVE),
	     instant(12 * MS, 0x10, TRACE_LOOP_LEAVE));
	finish();
	cr_assert_eq(timeline->workers[0].empty_iterations, 0u);
	cr_assert_eq(timeline->workers[0].iterations, 1u);
	cr_assert_eq(timeline->workers[0].runs, 4u);
	done();
}

/* Empty iterations of 50 µs for 40 ms, in each of which this callback runs for so long; once, a
 * callback of another idle handle did. */
static void never_wait(uint32_t site, uint64_t run_ns, size_t sample_count)
{
	set_up(800 * 50 * US, sample_count);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), instant(5, 0, TRACE_TURN),
	     poll(6, 3, SITE_IDLE, 2));
	for (uint64_t i = 0; i < 800; i++) {
		FEED(0, instant(10 + i * 50 * US, 0, TRACE_TURN));
		if (site < SITE_COUNT)
			FEED(0, poll(5 * US + i * 50 * US, run_ns, site, 1));
	}
	finish();
	find(NULL, 0);
}

/* An idle handle, or a timer that is due at once, keeps the loop from waiting. */
Test(findings_loops, name_the_callback_that_keeps_a_loop_from_waiting)
{
	never_wait(SITE_IDLE, US, 0);
	const struct finding *spinning = finding_of(FINDING_SPINNING);
	cr_assert(spinning && spinning->severity == SEVERITY_WARNING);
	cr_assert_str_eq(spinning->text.culprit, "on_idle");
	cr_assert(strstr(spinning->text.title, "it never waits, because of on_idle."), "%s",
		  spinning->text.title);
	cr_assert(strstr(spinning->text.advice, "uv_idle_stop"), "%s", spinning->text.advice);
	cr_assert_null(spinning->text.snippet, "it is about the whole recording");
	done();
	never_wait(SITE_TIMER, US, 0);
	spinning = finding_of(FINDING_SPINNING);
	cr_assert(spinning && spinning->severity == SEVERITY_WARNING);
	cr_assert_str_eq(spinning->text.culprit, "on_timer");
	cr_assert(strstr(spinning->text.advice, "timeout above 0"), "%s", spinning->text.advice);
	done();
}

/* That an idle handle ran once does not say that it is active. */
Test(findings_loops, make_a_note_of_spinning_without_a_culprit)
{
	never_wait(SITE_COUNT, 0, 0);
	const struct finding *spinning = finding_of(FINDING_SPINNING);
	cr_assert(spinning && spinning->severity == SEVERITY_NOTE);
	cr_assert_null(finding_fact(spinning, FACT_site));
	cr_assert(strstr(spinning->text.culprit, "worker 1"));
	done();
}

Test(findings_loops, take_short_work_in_idle_handles_for_work)
{
	never_wait(SITE_IDLE, 20 * US, 0);
	cr_assert_not_null(finding_of(FINDING_SPINNING));
	done();
	never_wait(SITE_IDLE, 21 * US, 0);
	cr_assert_null(finding_of(FINDING_SPINNING));
	done();
}

/* Samples say whether the thread was on a CPU, or wanted to be. */
Test(findings_loops, find_no_spinning_in_a_thread_that_sleeps)
{
	sample(0, 2, 0, 0);
	sample(1, 39 * MS, 5 * MS, 5 * MS);
	never_wait(SITE_IDLE, US, 2);
	cr_assert_null(finding_of(FINDING_SPINNING));
	done();
	sample(1, 39 * MS, 5 * MS, 20 * MS);
	never_wait(SITE_IDLE, US, 2);
	cr_assert_not_null(finding_of(FINDING_SPINNING));
	done();
	sample(1, 39 * MS, 10 * MS, 29 * MS);
	never_wait(SITE_IDLE, US, 2);
	cr_assert_null(finding_of(FINDING_DESCHEDULED), "less than cpu_wait_least");
	cr_assert_eq(thresholds_set(&thresholds, "cpu_wait_least=20ms"), 0);
	findings_free(findings);
	find(NULL, 0);
	cr_assert_eq(finding_of(FINDING_DESCHEDULED)->severity, SEVERITY_NOTE,
		     "a CPU of its own would be burnt");
	done();
}

/* Empty calls of uv_run are a small part of what the thread does. */
Test(findings_loops, find_no_spinning_where_the_program_computes_between_calls)
{
	set_up(400 * MS, 0);
	for (uint64_t i = 0; i < 5000; i++)
		FEED(0, instant(1 + i * 80 * US, 0x10, TRACE_LOOP_ENTER),
		     instant(1 + i * 80 * US + 19 * US, 0x10, TRACE_LOOP_LEAVE));
	finish();
	find(NULL, 0);
	cr_assert(timeline->workers[0].empty_ticks > 90 * MS);
	cr_assert_null(finding_of(FINDING_SPINNING));
	done();
}

/* ---- Descriptors that are always ready ------------------------------------------------------- */

/* 100,000 iterations of 2 µs: a wait, and a run of one of so many handles' callbacks. */
static void ready_again(uint32_t site, uint64_t handles, uint64_t wait_ns, uint64_t run_ns)
{
	uint64_t round = 2 * US > wait_ns + run_ns ? 2 * US : wait_ns + run_ns + 10;

	set_up(100001 * round, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 0; i < 100000; i++)
		FEED(0, wait(10 + i * round, wait_ns, 1),
		     poll(10 + i * round + wait_ns, run_ns, site, 0x100 * (1 + i % handles)));
	finish();
	find(NULL, 0);
}

Test(findings_loops, find_a_descriptor_that_is_always_ready)
{
	ready_again(SITE_POLL, 1, 400, 12);
	const struct finding *spin = finding_of(FINDING_READY_SPIN);
	cr_assert(spin && spin->severity == SEVERITY_WARNING);
	cr_assert_str_eq(spin->text.culprit, "on_ready");
	cr_assert(strstr(spin->text.title, "on_ready ran 50000"), "%s", spin->text.title);
	cr_assert(strstr(spin->text.evidence, "100000 runs of 12 ns each"), "%s",
		  spin->text.evidence);
	done();
}

Test(findings_loops, find_no_descriptor_that_is_served)
{
	ready_again(SITE_POLL, 1, 400, 1500);
	cr_assert_null(finding_of(FINDING_READY_SPIN), "its callback does something");
	done();
	ready_again(SITE_POLL, 1, 21 * US, 12);
	cr_assert_null(finding_of(FINDING_READY_SPIN), "the loop waits for it");
	done();
	ready_again(SITE_POLL, 2, 400, 12);
	cr_assert_null(finding_of(FINDING_READY_SPIN), "it is one or the other");
	done();
	ready_again(SITE_READ, 1, 400, 12);
	cr_assert_null(finding_of(FINDING_READY_SPIN), "libuv reads for it");
	done();
}

/* A read handle whose callback is told of an error in each of 100,000 iterations, or in every
 * second one. The error is inside the callback's item, or between its start and its end. */
static void failed_again(bool fused, uint64_t every)
{
	struct trace_item failed = instant(0, 0x100, TRACE_HANDLE_END);

	set_up(100001 * 2 * US, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 0; i < 100000; i++) {
		uint64_t at = 10 + i * 2 * US;

		failed.tick = at + 400;
		failed.inside = fused;
		FEED(0, wait(at, 400, 1));
		if (i % every > 0)
			FEED(0, poll(at + 400, 1500, SITE_READ, 0x100));
		else if (fused)
			FEED(0, poll(at + 400, 1500, SITE_READ, 0x100), failed);
		else
			FEED(0, instant(at + 400, 0x100, TRACE_CODE_POLL + SITE_READ), failed,
			     instant(at + 1900, 0, TRACE_POLL_END));
	}
	finish();
	find(NULL, 0);
}

Test(findings_loops, find_a_handle_that_cannot_be_read)
{
	failed_again(true, 1);
	const struct finding *spin = finding_of(FINDING_READY_SPIN);
	cr_assert(spin && spin->severity == SEVERITY_WARNING);
	cr_assert(strstr(spin->text.evidence, "100000 runs of 1.50 µs"), "%s", spin->text.evidence);
	cr_assert(strstr(spin->text.evidence, "UV_ENOBUFS"), "%s", spin->text.evidence);
	cr_assert(strstr(spin->text.advice, "alloc callback"), "%s", spin->text.advice);
	done();
	failed_again(false, 1);
	cr_assert_not_null(finding_of(FINDING_READY_SPIN));
	done();
	failed_again(true, 2);
	cr_assert_null(finding_of(FINDING_READY_SPIN), "it is read every second time");
	done();
}

/* More events than can be kept come of the spinning. */
Test(findings_loops, take_lost_events_for_a_consequence_of_spinning)
{
	ready_again(SITE_POLL, 1, 400, 12);
	process.lost = process.events = 1000;
	findings_free(findings);
	find(NULL, 0);
	cr_assert_eq(finding_of(FINDING_LOST_EVENTS)->severity, SEVERITY_NOTE);
	cr_assert_eq(findings->list[0].id, FINDING_READY_SPIN);
	done();
	process.lost = 0;
}

/* Beside it a loop that watches descriptors too, and waits. */
Test(findings_loops, a_loop_that_spins_is_not_told_as_hot_again)
{
	set_up(200 * MS, 0);
	workers[1].role = TRACE_ROLE_LOOP;
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 0; i < 99000; i++)
		FEED(0, wait(10 + i * 2 * US, 400, 1),
		     poll(10 + i * 2 * US + 400, 12, SITE_POLL, 0x100));
	FEED(1, instant(1, 0x20, TRACE_LOOP_ENTER));
	for (uint64_t i = 0; i < 20; i++)
		FEED(1, poll(MS + i * 100, 50, SITE_POLL, 0x200));
	FEED(1, wait(2 * MS, 198 * MS, 0));
	finish();
	find(NULL, 0);
	cr_assert_eq(finding_of(FINDING_READY_SPIN)->severity, SEVERITY_WARNING);
	cr_assert_eq(finding_of(FINDING_HOT_LOOP)->severity, SEVERITY_NOTE);
	done();
}

/* ---- Full iterations ------------------------------------------------------------------------- */

/* One iteration: so many timers, then so many reads. */
static void one_iteration(uint64_t timers, uint64_t timer_ns, uint64_t reads, uint64_t read_ns)
{
	uint64_t tick = 100 * MS;

	set_up(2000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 1));
	for (uint64_t i = 0; i < timers; i++, tick += timer_ns)
		FEED(0, poll(tick, timer_ns, SITE_TIMER, 2));
	for (uint64_t i = 0; i < reads; i++, tick += read_ns)
		FEED(0, poll(tick, read_ns, SITE_READ, 3));
	FEED(0, wait(tick, 100 * MS, 0));
	finish();
	find(NULL, 0);
}

Test(findings_loops, find_a_timer_storm)
{
	one_iteration(100, 100 * US, 0, 0);
	const struct finding *storm = finding_of(FINDING_TIMER_STORM);
	cr_assert(storm && storm->severity == SEVERITY_WARNING);
	cr_assert_str_eq(
	    storm->text.title,
	    "100 timers fired in one loop iteration, most of them on_timer: 10.0 ms in a row.");
	cr_assert_eq(finding_fact(storm, FACT_timers)->whole, 100u);
	cr_assert_eq(storm->cost_ns, 500 * MS, "each waits for half of the others");
	done();
	one_iteration(100, 100 * US, 1, 20 * MS);
	cr_assert_not_null(finding_of(FINDING_TIMER_STORM), "what is long is no timer");
	done();
	one_iteration(99, 110 * US, 0, 0);
	cr_assert_null(finding_of(FINDING_TIMER_STORM), "too few");
	done();
	one_iteration(100, 99 * US, 0, 0);
	cr_assert_null(finding_of(FINDING_TIMER_STORM), "too short");
	done();
}

/* 100 timers in one iteration, of which one takes most of the time. */
Test(findings_loops, one_long_timer_is_no_storm)
{
	set_up(2000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 1),
	     poll(100 * MS, 50 * MS, SITE_TIMER, 2));
	for (uint64_t i = 0; i < 99; i++)
		FEED(0, poll(150 * MS + i * 100 * US, 100 * US, SITE_TIMER, 2));
	FEED(0, wait(160 * MS, 100 * MS, 0));
	finish();
	find(NULL, 0);
	cr_assert_null(finding_of(FINDING_TIMER_STORM));
	done();
}

Test(findings_loops, find_a_crowded_iteration)
{
	one_iteration(0, 0, 25, MS);
	const struct finding *crowded = finding_of(FINDING_CROWDED_TURN);
	cr_assert(crowded && crowded->severity == SEVERITY_WARNING);
	cr_assert_str_eq(
	    crowded->text.title,
	    "25 callbacks ran in one loop iteration for 25.0 ms, most of that in on_read.");
	done();
	one_iteration(0, 0, 24, MS);
	cr_assert_null(finding_of(FINDING_CROWDED_TURN), "too short");
	done();
	one_iteration(0, 0, 3, 10 * MS);
	cr_assert_null(finding_of(FINDING_CROWDED_TURN), "one callback took a quarter of it");
	done();
}

Test(findings_loops, call_no_iteration_crowded_that_is_mostly_timers)
{
	one_iteration(14, MS, 16, MS);
	cr_assert_not_null(finding_of(FINDING_CROWDED_TURN));
	done();
	one_iteration(16, MS, 14, MS);
	cr_assert_null(finding_of(FINDING_CROWDED_TURN));
	done();
}
