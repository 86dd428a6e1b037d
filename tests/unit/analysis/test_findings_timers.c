/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings about timers and wake-ups, and the measures that they rest on. A tick is a nanosecond.
 */
#include "findings_helper.h"

Test(findings_timers, measures_what_a_callback_stood_behind)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 3),
	     poll(100 * MS, 40 * MS, SITE_READ, 1), poll(140 * MS, 1000, SITE_TIMER, 2),
	     poll(141 * MS, 1000, SITE_TIMER, 3), wait(142 * MS, 1000, 2),
	     poll(143 * MS, 1000, SITE_ASYNC, 4), poll(143 * MS + 2000, 1000, SITE_ASYNC, 4),
	     poll(143 * MS + 4000, 1000, SITE_ASYNC, 4), wait(150 * MS, 200 * MS, 0));
	finish();
	const struct timeline_site_iterations *iterations = &timeline->sites[SITE_TIMER].iterations;
	cr_assert_eq(iterations->worst.delay, 41 * MS);
	cr_assert_eq(iterations->worst.behind, (uint32_t)SITE_READ);
	cr_assert_eq(iterations->worst.polls, 2u);
	/* Two behind it in the iteration, whose due times are not known; of three in the next one
	 * as many as its wait found ready at once, half as long each. */
	cr_assert_eq(timeline->sites[SITE_READ].iterations.delayed_ticks,
		     2 * 40 * MS + 2 * 20 * MS);
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
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(2, 98, 0), poll(100, 100, SITE_TIMER, 1),
	     wait(250, 100, 1), poll(350, 10, SITE_READ, 3), poll(370, 10, SITE_ASYNC, 7),
	     wait(400, 1000, 0));
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

/* ---- Timers by their due time ---------------------------------------------------------------- */

/* Due at 100 ms: a callback ran from 90 to 130, the loop waited until 131, another ran before it
 * until 135. */
Test(findings_timers, cuts_lateness_in_three)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 89 * MS, 1),
	     poll(90 * MS, 40 * MS, SITE_READ, 1), wait(130 * MS, 1 * MS, 1),
	     poll(131 * MS, 4 * MS, SITE_READ, 1), instant(135 * MS, 100, TRACE_TIMER_DUE),
	     poll(136 * MS, 1000, SITE_TIMER, 2), wait(140 * MS, 200 * MS, 0));
	finish();
	const struct timeline_timers *timers = &timeline->sites[SITE_TIMER].iterations.timers;
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

/* Started at 150 ms for 30 ms, by a uv_now of 110: libuv's due time is 140. What ran at 152 came 28
 * ms early; what ran at 190, where the loop waited on, 10 ms late. A due time that is another one's
 * tells nothing. */
Test(findings_timers, holds_timers_against_what_was_asked_for)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 109 * MS, 1),
	     instant(110 * MS, 1, TRACE_CODE_POLL + SITE_READ),
	     instant(150 * MS, 110, TRACE_LOOP_TIME), instant(150 * MS, 140, TRACE_TIMER_DUE),
	     instant(150 * MS, 0x20, TRACE_TIMER_START), instant(150 * MS, 110, TRACE_LOOP_TIME),
	     instant(150 * MS, 140, TRACE_TIMER_DUE), instant(150 * MS, 0x30, TRACE_TIMER_START),
	     instant(150 * MS, 110, TRACE_LOOP_TIME), instant(150 * MS, 140, TRACE_TIMER_DUE),
	     instant(150 * MS, 0x40, TRACE_TIMER_START), instant(151 * MS, 0, TRACE_POLL_END),
	     instant(151 * MS, 140, TRACE_TIMER_DUE), poll(152 * MS, 1000, SITE_TIMER, 0x20),
	     wait(153 * MS, 30 * MS, 0), instant(183 * MS, 140, TRACE_TIMER_DUE),
	     poll(190 * MS, 1000, SITE_TIMER, 0x30), instant(191 * MS, 185, TRACE_TIMER_DUE),
	     poll(195 * MS, 1000, SITE_TIMER, 0x40));
	finish();
	const struct timeline_timers *timers = &timeline->sites[SITE_TIMER].iterations.timers;
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
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 1),
	     instant(100 * MS, 50, TRACE_TIMER_DUE), poll(100 * MS, 1000, SITE_READ, 1),
	     poll(101 * MS, 1000, SITE_TIMER, 2), instant(102 * MS, 50, TRACE_TIMER_DUE),
	     instant(102 * MS, 7, TRACE_LOST_FULL), poll(103 * MS, 1000, SITE_TIMER, 2),
	     instant(104 * MS, 0xffffffffffff, TRACE_TIMER_DUE),
	     poll(105 * MS, 1000, SITE_TIMER, 2));
	finish();
	cr_assert_eq(timeline->sites[SITE_READ].iterations.timers.late.count, 0u);
	cr_assert_eq(timeline->sites[SITE_TIMER].iterations.timers.late.count, 1u);
	cr_assert_eq(timeline->sites[SITE_TIMER].iterations.timers.late.sum, 0u,
		     "due after the end of all times");
	done();
}

/* ---- What is found --------------------------------------------------------------------------- */

/* So many timers, each due while a callback of some length held the loop, 2 ms after it began. */
static void late_runs(uint64_t runs, uint64_t blocked_ms)
{
	set_up(10000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 0; i < runs; i++) {
		uint64_t ms = 100 * (i + 1);
		FEED(0, wait((ms - 90) * MS, 90 * MS, 1),
		     poll(ms * MS, blocked_ms * MS, SITE_READ, 1),
		     instant((ms + blocked_ms) * MS, ms + 2, TRACE_TIMER_DUE),
		     poll((ms + blocked_ms) * MS, 1000, SITE_TIMER, 2));
	}
	FEED(0, wait((100 * runs + 80) * MS, MS, 0));
	finish();
	find(NULL, 0);
}

Test(findings_timers, find_late_timers)
{
	late_runs(20, 14);
	const struct finding *late = finding_of(FINDING_LATE_TIMERS);
	cr_assert(late && late->severity == SEVERITY_WARNING,
		  "the callback before it is but a note");
	cr_assert(strstr(late->text.title, "The timer on_timer runs late: 12."), "%s",
		  late->text.title);
	cr_assert(strstr(late->text.evidence, "100% behind other callbacks of the iteration."),
		  "%s", late->text.evidence);
	cr_assert(strstr(late->text.advice, "Shorten what runs before it"), "%s",
		  late->text.advice);
	cr_assert_eq(late->cost_ns, 20 * 12 * MS);
	done();
	late_runs(19, 14);
	cr_assert_null(finding_of(FINDING_LATE_TIMERS), "too few");
	done();
	late_runs(20, 9);
	cr_assert_null(finding_of(FINDING_LATE_TIMERS), "not late enough");
	done();
}

Test(findings_timers, note_late_timers_that_another_finding_explains)
{
	late_runs(20, 40);
	const struct finding *late = finding_of(FINDING_LATE_TIMERS);
	cr_assert_not_null(finding_of(FINDING_BLOCKED));
	cr_assert(late && late->severity == SEVERITY_NOTE);
	done();
}

/* Without due times: every tenth interval is longer than the 100 ms of the others. */
static void intervals(uint64_t longer_ms)
{
	uint64_t tick = 100 * MS;

	set_up(10000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 0; i < 40; i++) {
		uint64_t gap = (i % 10 == 9 ? 100 + longer_ms : 100) * MS;
		FEED(0, wait(tick - gap + 1 * MS, gap - MS, 1), poll(tick, 1000, SITE_TIMER, 2));
		tick += (i % 10 == 8 ? 100 + longer_ms : 100) * MS;
	}
	FEED(0, wait(tick, MS, 0));
	finish();
	find(NULL, 0);
}

Test(findings_timers, find_regular_timers_that_are_late)
{
	intervals(20);
	const struct finding *late = finding_of(FINDING_LATE_TIMERS);
	cr_assert_not_null(late);
	cr_assert(strstr(late->text.title,
			 "The regular timer on_timer is late: 120 ms instead of 100 ms"),
		  "%s", late->text.title);
	cr_assert(strstr(late->text.evidence, "No callback delayed it"), "%s", late->text.evidence);
	cr_assert_float_eq(late->confidence, 0.6, 1e-9);
	done();
	intervals(5);
	cr_assert_null(finding_of(FINDING_LATE_TIMERS));
	done();
}

/* Each timer is started for 30 ms by a uv_now that is so old, and runs by that too early. */
static void early_runs(uint64_t runs, uint64_t stale_ms)
{
	set_up(10000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 0; i < runs; i++) {
		uint64_t now = 200 * i + 100, start = now + stale_ms, due = now + 30;
		FEED(0, wait((200 * i + 50) * MS, 50 * MS, 1),
		     instant(now * MS, 1, TRACE_CODE_POLL + SITE_READ),
		     instant(start * MS, now, TRACE_LOOP_TIME),
		     instant(start * MS, due, TRACE_TIMER_DUE),
		     instant(start * MS, 0x20 + i, TRACE_TIMER_START),
		     instant(start * MS + 1000, 0, TRACE_POLL_END),
		     wait(start * MS + 2000, (30 - stale_ms) * MS, 0),
		     instant(due * MS + 3000, due, TRACE_TIMER_DUE),
		     poll(due * MS + 4000, 1000, SITE_TIMER, 0x20 + i));
	}
	FEED(0, wait((200 * runs + 50) * MS, MS, 0));
	finish();
	find(NULL, 0);
}

Test(findings_timers, find_early_timers)
{
	early_runs(5, 20);
	const struct finding *early = finding_of(FINDING_EARLY_TIMERS);
	cr_assert(early && early->severity == SEVERITY_WARNING);
	cr_assert(strstr(early->text.title, "before the 30.0 ms that were asked for"), "%s",
		  early->text.title);
	cr_assert(strstr(early->text.evidence, "5 runs came early"), "%s", early->text.evidence);
	done();
	early_runs(5, 10);
	cr_assert_eq(finding_of(FINDING_EARLY_TIMERS)->severity, SEVERITY_NOTE,
		     "by less than half");
	done();
	early_runs(4, 20);
	cr_assert_null(finding_of(FINDING_EARLY_TIMERS), "too few");
	done();
	early_runs(5, 4);
	cr_assert_null(finding_of(FINDING_EARLY_TIMERS), "next to nothing");
	done();
}

/* node starts its timer with what is left, by the same old uv_now. */
Test(findings_timers, find_no_early_timers_of_node)
{
	static char name[] = "node::Environment::RunTimers";

	early_runs(5, 20);
	sites[SITE_TIMER].callback_symbol = name;
	symbols_close(symbols);
	symbols = symbols_open(&process);
	findings_free(findings);
	find(NULL, 0);
	cr_assert_null(finding_of(FINDING_EARLY_TIMERS));
	done();
}

/* A timer repeats each 200 ms and works for so long: libuv waits for 200 ms behind that, since its
 * uv_now is of before. */
static void repeats(uint64_t runs, uint64_t work_ms)
{
	set_up((200 + work_ms) * (runs + 1) * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 0));
	for (uint64_t i = 0; i < runs; i++) {
		uint64_t at = 100 + (200 + work_ms) * i, due = i ? at - work_ms : at;
		FEED(0, instant(at * MS, due, TRACE_TIMER_DUE),
		     poll(at * MS, work_ms * MS, SITE_TIMER, 2),
		     wait((at + work_ms) * MS, 200 * MS, 0));
	}
	finish();
	find(NULL, 0);
}

Test(findings_timers, tell_waits_that_libuv_asked_for_from_those_of_the_kernel)
{
	repeats(21, 20);
	const struct timeline_timers *timers = &timeline->sites[SITE_TIMER].iterations.timers;
	const struct finding *late = finding_of(FINDING_LATE_TIMERS);
	cr_assert_eq(timers->old_ticks, 20 * 20 * MS);
	cr_assert_eq(timers->kernel_ticks, 0);
	cr_assert(late && late->severity == SEVERITY_WARNING, "nothing else is told");
	cr_assert(strstr(late->text.evidence, "100% because libuv asked to wait for longer"), "%s",
		  late->text.evidence);
	cr_assert(strstr(late->text.advice, "uv_update_time()"), "%s", late->text.advice);
	done();
}

/* ---- Drift ----------------------------------------------------------------------------------- */

/* Asked for each 20 ms, from the start of each run, and later by so much; every other one, if
 * asked, earlier by as much. */
static const struct finding *drifts(uint64_t runs, uint64_t late_ns, bool jitters)
{
	uint64_t at = 100 * MS, due = 100;

	set_up(10000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 0));
	for (uint64_t i = 0; i < runs; i++) {
		FEED(0, instant(at, due, TRACE_TIMER_DUE), poll(at, 1000, SITE_TIMER, 2),
		     wait(at + 2000, MS, 0));
		due = at / MS + 20;
		at += jitters && i % 2 ? 20 * MS - late_ns : 20 * MS + late_ns;
	}
	finish();
	find(NULL, 0);
	return finding_of(FINDING_DRIFT);
}

Test(findings_timers, note_timers_that_drift)
{
	const struct finding *drift = drifts(51, 700000, false);

	cr_assert(drift && drift->severity == SEVERITY_NOTE);
	cr_assert(strstr(drift->text.title, "its 50 runs came"), "%s", drift->text.title);
	cr_assert(strstr(drift->text.title, "than one each 20.0 ms would have"), "%s",
		  drift->text.title);
	done();
	cr_assert_null(drifts(50, 700000, false), "too few");
	done();
	cr_assert_null(drifts(51, 500000, false), "about on time");
	done();
	cr_assert_null(drifts(51, 1300000, true), "now later, now earlier");
	done();
}

/* ---- Wake-ups -------------------------------------------------------------------------------- */

/* Each is sent when a callback of this length begins. */
static void wakeups(uint64_t count, uint64_t blocked_ns)
{
	set_up(10000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 1; i <= count; i++)
		FEED(0, wait(i * 100 * MS - 50 * MS, 50 * MS, 1),
		     poll(i * 100 * MS, blocked_ns, SITE_READ, 1),
		     wait(i * 100 * MS + blocked_ns, 10, 1),
		     poll(i * 100 * MS + blocked_ns + 20, 10, SITE_ASYNC, 7));
	FEED(0, wait(count * 100 * MS + 40 * MS, MS, 0));
	for (uint64_t i = 1; i <= count; i++)
		FEED(1, instant(i * 100 * MS, 7, TRACE_ASYNC_SEND));
	finish();
	find(NULL, 0);
}

Test(findings_timers, find_slow_wakeups)
{
	wakeups(10, 6 * MS);
	const struct finding *slow = finding_of(FINDING_SLOW_WAKEUP);
	cr_assert_not_null(slow);
	cr_assert(strstr(slow->text.title, "on_async ran 6.00 ms after uv_async_send() at p99"),
		  "%s", slow->text.title);
	cr_assert_str_eq(cost_text(finding_cost(slow->id)), "own delay");
	done();
	wakeups(9, 6 * MS);
	cr_assert_null(finding_of(FINDING_SLOW_WAKEUP), "too few");
	done();
	wakeups(10, 4 * MS);
	cr_assert_null(finding_of(FINDING_SLOW_WAKEUP), "fast enough");
	done();
}

/* Sent while the loop waited: of the wait only what is behind the send counts. */
Test(findings_timers, count_no_wait_before_the_send)
{
	set_up(MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(250, 100, 1), poll(350, 10, SITE_READ, 3),
	     poll(370, 10, SITE_ASYNC, 7), wait(400, 1000, 0));
	FEED(1, instant(300, 7, TRACE_ASYNC_SEND));
	finish();
	const struct timeline_wakeups *wakeups = &timeline->sites[SITE_ASYNC].wakeups;
	cr_assert_eq(wakeups->latency.sum, 70u);
	cr_assert_eq(wakeups->queue_ticks, 20u);
	cr_assert_eq(wakeups->kernel_ticks, 50u);
	cr_assert_eq(wakeups->busy_ticks, 0u);
	done();
}

Test(findings_timers, warn_of_wakeups_that_wait_long)
{
	wakeups(10, 24 * MS);
	cr_assert_eq(finding_of(FINDING_SLOW_WAKEUP)->severity, SEVERITY_NOTE);
	done();
	thresholds.values[LIMIT_blocked] = 100e6;
	wakeups(10, 26 * MS);
	thresholds = thresholds_default();
	cr_assert_not_null(finding_of(FINDING_SLOW_WAKEUP));
	done();
}

/* Sent at 100, while nobody runs the loop; uv_run is called at 5,000. */
Test(findings_timers, count_wakeups_from_the_first_run_of_the_loop)
{
	set_up(MS, 0);
	FEED(1, instant(100, 7, TRACE_ASYNC_SEND));
	FEED(0, instant(5000, 0x10, TRACE_LOOP_ENTER), wait(5100, 100, 1),
	     poll(5220, 10, SITE_ASYNC, 7), wait(5400, 1000, 0));
	finish();
	cr_assert_eq(timeline->sites[SITE_ASYNC].wakeups.latency.sum, 220u);
	cr_assert_eq(timeline->sites[SITE_ASYNC].wakeups.worst_tick, 5000u);
	done();
}

/* ---- Coalesced ------------------------------------------------------------------------------- */

/* So many sends, of which each callback answers so many. */
static const struct finding *sends(uint64_t count, uint64_t at_once)
{
	set_up(10000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 0; i < count; i++)
		FEED(1, instant((i / at_once + 1) * MS + i % at_once, 7, TRACE_ASYNC_SEND));
	for (uint64_t i = 0; i < count / at_once; i++)
		FEED(0, wait((i + 1) * MS - 1000, 2000, 1),
		     poll((i + 1) * MS + 2000, 10, SITE_ASYNC, 7));
	finish();
	find(NULL, 0);
	return finding_of(FINDING_COALESCED);
}

Test(findings_timers, note_sends_that_become_one_callback)
{
	const struct finding *found = sends(100, 2);

	cr_assert(found && found->severity == SEVERITY_NOTE);
	cr_assert_str_eq(found->text.title,
			 "100 uv_async_send became 50 runs of on_async: 2 at a time.");
	cr_assert(strstr(found->text.evidence, "or loses some"), "%s", found->text.evidence);
	done();
	cr_assert_null(sends(98, 2), "too few");
	done();
	cr_assert_null(sends(100, 1), "each has its own");
	done();
}
