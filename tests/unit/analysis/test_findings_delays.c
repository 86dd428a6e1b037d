/* SPDX-License-Identifier: Apache-2.0
 *
 * What blocking callbacks cost others, and how sure it is what they did. A tick is a nanosecond.
 */
#include "findings_helper.h"

/* A blocking callback that began at 100 ms and ended at 300, of a loop that was woken for it. */
#define BLOCKED(site)                                                                              \
	instant(1, 0x10, TRACE_LOOP_ENTER), wait(2, 100 * MS - 2, 1),                              \
	    poll(100 * MS, 200 * MS, site, 1)

static uint64_t delayed(uint32_t site, uint64_t *polls)
{
	*polls = timeline->sites[site].iterations.delayed_polls;
	return timeline->sites[site].iterations.delayed_ticks;
}

static const struct finding *blocked(void)
{
	find(NULL, 0);
	return finding_of(FINDING_BLOCKED);
}

/* ---- Who waited ------------------------------------------------------------------------------ */

Test(findings_delays, what_waits_for_nothing_did_not_wait)
{
	uint64_t polls;

	set_up(400 * MS, 0);
	FEED(0, BLOCKED(SITE_READ), poll(300 * MS, 1000, SITE_CHECK, 2),
	     poll(300 * MS + 2000, 1000, SITE_CHECK, 3), wait(301 * MS, 50 * MS, 0));
	finish();
	cr_assert_eq(delayed(SITE_READ, &polls), 0u);
	cr_assert_eq(polls, 0u);
	const struct finding *finding = blocked();
	cr_assert_eq(finding->severity, SEVERITY_NOTE);
	cr_assert_eq(finding->cost_ns, 0u);
	done();
}

/* Due at 150: it waits for 150 of the 200 ms, in this iteration or in the next. */
Test(findings_delays, a_timer_waited_since_it_was_due)
{
	uint64_t polls;

	for (int next = 0; next < 2; next++) {
		set_up(400 * MS, 0);
		FEED(0, BLOCKED(SITE_READ));
		if (next)
			FEED(0, wait(300 * MS, 10 * MS, 0));
		FEED(0, instant(311 * MS, 150, TRACE_TIMER_DUE),
		     poll(311 * MS, 1000, SITE_TIMER, 2), wait(312 * MS, 50 * MS, 0));
		finish();
		uint64_t waited = (next ? 160 : 150) * MS; /* and overslept by 10 */
		cr_assert_eq(delayed(SITE_READ, &polls), waited, "next %d", next);
		cr_assert_eq(polls, 1u);
		cr_assert_eq(timeline->sites[SITE_TIMER].iterations.timers.blocked_ticks, waited);
		cr_assert_eq(blocked()->cost_ns, waited);
		cr_assert_eq(findings->list[0].severity, SEVERITY_WARNING, "below blocked_error");
		done();
	}
}

/* Due at 320; libuv waits from its old time, until 500: the timer is late by 180. */
Test(findings_delays, a_timer_waited_while_the_loop_overslept)
{
	uint64_t polls;

	set_up(600 * MS, 0);
	FEED(0, BLOCKED(SITE_READ), wait(300 * MS, 200 * MS, 0),
	     instant(500 * MS, 320, TRACE_TIMER_DUE), poll(500 * MS, 1000, SITE_TIMER, 2),
	     wait(501 * MS, 50 * MS, 0));
	finish();
	cr_assert_eq(delayed(SITE_READ, &polls), 180 * MS);
	cr_assert_eq(timeline->sites[SITE_TIMER].iterations.timers.blocked_ticks, 180 * MS);
	done();
}

/* The loop was left between, and run again. */
Test(findings_delays, a_timer_waited_though_the_loop_was_left)
{
	uint64_t polls;

	set_up(400 * MS, 0);
	FEED(0, BLOCKED(SITE_READ), instant(301 * MS, 0x10, TRACE_LOOP_LEAVE),
	     instant(302 * MS, 0x10, TRACE_LOOP_ENTER), instant(303 * MS, 150, TRACE_TIMER_DUE),
	     poll(303 * MS, 1000, SITE_TIMER, 2), wait(304 * MS, 50 * MS, 0));
	finish();
	cr_assert_eq(delayed(SITE_READ, &polls), 152 * MS);
	done();
}

/* Its own callback makes a timer of 220 ms late by 180: nobody else waited. */
Test(findings_delays, a_timer_that_makes_itself_late_keeps_nobody_else)
{
	uint64_t polls;

	set_up(600 * MS, 0);
	FEED(0, BLOCKED(SITE_TIMER), wait(300 * MS, 200 * MS, 0),
	     instant(500 * MS, 320, TRACE_TIMER_DUE), poll(500 * MS, 1000, SITE_TIMER, 1),
	     wait(501 * MS, 50 * MS, 0));
	finish();
	cr_assert_eq(delayed(SITE_TIMER, &polls), 0u);
	cr_assert_eq(timeline->sites[SITE_TIMER].iterations.timers.blocked_ticks, 180 * MS);
	done();
}

/* Not since before it was submitted, at 290 ms; where it was before, all the time. */
Test(findings_delays, a_request_waited_since_it_was_submitted)
{
	uint64_t polls;

	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(2, 100 * MS - 2, 1),
	     instant(100 * MS, 1, TRACE_CODE_POLL + SITE_READ),
	     instant(290 * MS, 0x77, TRACE_CODE_SUBMIT + SITE_WRITE),
	     instant(300 * MS, 0, TRACE_POLL_END), poll(301 * MS, 1000, SITE_WRITE, 0x77),
	     wait(302 * MS, 50 * MS, 0));
	finish();
	cr_assert_eq(delayed(SITE_READ, &polls), 10 * MS);
	cr_assert_eq(polls, 1u);
	done();
}

/* Two were ready behind it: each became ready some time meanwhile. A third read is of the same. */
Test(findings_delays, descriptors_waited_for_half_of_it)
{
	uint64_t polls;

	set_up(400 * MS, 0);
	FEED(0, BLOCKED(SITE_READ), wait(300 * MS, 1000, 2), poll(301 * MS, 1000, SITE_CHECK, 4),
	     poll(302 * MS, 1000, SITE_READ, 2), poll(303 * MS, 1000, SITE_READ, 3),
	     poll(304 * MS, 1000, SITE_READ, 3), wait(310 * MS, 50 * MS, 0));
	finish();
	cr_assert_eq(delayed(SITE_READ, &polls), 200 * MS);
	cr_assert_eq(polls, 2u);
	done();
	/* None of them where the loop had to wait for them. */
	set_up(400 * MS, 0);
	FEED(0, BLOCKED(SITE_READ), wait(300 * MS, 2 * MS, 2), poll(303 * MS, 1000, SITE_READ, 2),
	     wait(310 * MS, 50 * MS, 0));
	finish();
	cr_assert_eq(delayed(SITE_READ, &polls), 0u);
	done();
}

/* V8's tasks: the program does not wait for them. */
Test(findings_delays, a_runtimes_housekeeping_waits_for_nothing)
{
	static char flush[] = "_ZN4node22PerIsolatePlatformData10FlushTasksEP10uv_async_s";
	uint64_t polls;

	for (int housekeeping = 0; housekeeping < 2; housekeeping++) {
		set_up(400 * MS, 0);
		timeline_free(timeline);
		sites[SITE_ASYNC].callback_symbol = housekeeping ? flush : names[SITE_ASYNC];
		struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
		timeline = timeline_make(&process, &options);
		FEED(0, BLOCKED(SITE_READ), poll(301 * MS, 1000, SITE_ASYNC, 4),
		     wait(310 * MS, 50 * MS, 0));
		finish();
		cr_assert_eq(delayed(SITE_READ, &polls), housekeeping ? 0 : 200 * MS);
		done();
	}
}

/* A timer that runs every 20 ms takes 200 ms once: nine runs are missed. */
Test(findings_delays, a_regular_timer_keeps_its_own_runs_waiting)
{
	set_up(1000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 1; i < 25; i++)
		FEED(0, wait(20 * MS * i - 10 * MS, 10 * MS, 0),
		     poll(20 * MS * i, 1000, SITE_TIMER, 1));
	FEED(0, wait(490 * MS, 10 * MS, 0), poll(500 * MS, 200 * MS, SITE_TIMER, 1),
	     wait(700 * MS, 100 * MS, 0));
	finish();
	const struct finding *finding = blocked();
	uint64_t usual = histogram_quantile(&timeline->sites[SITE_TIMER].iterations.interval, 0.5);
	cr_assert_eq(finding->cost_ns, 200 * MS - usual);
	cr_assert_eq(finding_fact(finding, FACT_missed)->whole, 200 * MS / usual);
	cr_assert_eq(finding->severity, SEVERITY_WARNING);
	cr_assert(strstr(finding->text.evidence, "runs of its own timer, due every"), "%s",
		  finding->text.evidence);
	done();
}

/* Where callbacks cannot be seen, nobody knows who waited. */
Test(findings_delays, what_cannot_be_seen_is_no_proof_that_nobody_waited)
{
	set_up(400 * MS, 0);
	process.tier = TRACE_TIER_LIBC;
	FEED(0, wait(2, 100 * MS - 2, 1), wait(300 * MS, 50 * MS, 0));
	finish();
	const struct finding *finding = blocked();
	cr_assert_eq(finding->severity, SEVERITY_WARNING);
	cr_assert_null(strstr(finding->text.evidence, "delayed 0"), "%s", finding->text.evidence);
	cr_assert_not_null(strstr(finding->text.evidence, "nor who waited for them"));
	cr_assert_null(finding_fact(finding, FACT_delayed));
	done();
}

/* ---- What only follows ----------------------------------------------------------------------- */

/* A timer of 20 ms is late by what the blocking callbacks took; a wake-up too. */
Test(findings_delays, what_follows_from_a_blocking_callback_is_a_note)
{
	set_up(4000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 1; i < 25; i++) {
		uint64_t tick = i * 100 * MS;
		FEED(0, wait(tick - 20 * MS, 20 * MS, 1), poll(tick, 60 * MS, SITE_READ, 1),
		     wait(tick + 60 * MS, 1000, 1),
		     instant(tick + 61 * MS, tick / MS, TRACE_TIMER_DUE),
		     poll(tick + 61 * MS, 1000, SITE_TIMER, 2),
		     poll(tick + 62 * MS, 1000, SITE_ASYNC, 3));
		FEED(1, instant(tick + MS, 3, TRACE_ASYNC_SEND));
	}
	finish();
	find(NULL, 0);
	cr_assert_eq(findings->list[0].id, FINDING_BLOCKED);
	cr_assert_eq(findings->list[0].severity, SEVERITY_ERROR);
	cr_assert_not_null(finding_of(FINDING_LATE_TIMERS));
	cr_assert_eq(finding_of(FINDING_LATE_TIMERS)->severity, SEVERITY_NOTE);
	cr_assert_not_null(finding_of(FINDING_SLOW_WAKEUP));
	cr_assert_eq(finding_of(FINDING_SLOW_WAKEUP)->severity, SEVERITY_NOTE);
	done();
}

/* One callback, registered in two places: one finding. */
Test(findings_delays, a_callback_registered_twice_is_one_cause)
{
	set_up(1000 * MS, 0);
	sites[SITE_ASYNC].kind = sites[SITE_READ].kind;
	sites[SITE_ASYNC].callback = sites[SITE_READ].callback;
	FEED(0, BLOCKED(SITE_READ), wait(300 * MS, 100 * MS, 1),
	     poll(400 * MS, 100 * MS, SITE_ASYNC, 1), wait(500 * MS, 100 * MS, 1));
	finish();
	const struct finding *finding = blocked();
	cr_assert_eq(findings->count, 1u);
	cr_assert_eq(finding_fact(finding, FACT_runs)->whole, 2u);
	done();
}

/* ---- Loops inside ---------------------------------------------------------------------------- */

/* From 100 to 300 ms in a callback that runs a loop, which waits from 110 to 290; a timer is due at
 * 150. */
static const struct finding *nested(uint64_t loop, uint32_t site)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(2, 100 * MS - 2, 1),
	     instant(100 * MS, 1, TRACE_CODE_POLL + SITE_READ),
	     instant(105 * MS, loop, TRACE_LOOP_ENTER), wait(110 * MS, 180 * MS, 1),
	     poll(290 * MS, 1000, site, 5), instant(299 * MS, loop, TRACE_LOOP_LEAVE),
	     instant(300 * MS, 0, TRACE_POLL_END), instant(301 * MS, 150, TRACE_TIMER_DUE),
	     poll(301 * MS, 1000, SITE_TIMER, 2), wait(302 * MS, 50 * MS, 0));
	finish();
	find(NULL, 0);
	return finding_of(FINDING_NESTED_LOOP);
}

Test(findings_delays, a_loop_inside_that_waits_is_told)
{
	const struct finding *finding = nested(0x20, SITE_ASYNC);

	cr_assert_not_null(finding);
	cr_assert_eq(finding->cost_ns, 150 * MS);
	cr_assert_eq(finding_fact(finding, FACT_nested_ns)->whole, 180 * MS);
	cr_assert(strstr(finding->text.title,
			 "on_read blocked worker 1 (loop) for 200 ms: it ran a loop of its own, "
			 "which waited for on_async (async)."),
		  "%s", finding->text.title);
	cr_assert_eq(findings->count, 1u);
	done();
	finding = nested(0x20, SITE_CHILD);
	cr_assert(strstr(finding->text.title, "which waited for a child process."), "%s",
		  finding->text.title);
	done();
}

/* The loop goes on: nobody waits for the callback. */
Test(findings_delays, a_callback_that_runs_its_own_loop_does_not_hold_it)
{
	cr_assert_null(nested(0x10, SITE_ASYNC));
	cr_assert_eq(timeline->blocking.count, 0u);
	done();
}

/* A thread runs one loop, computes, and runs another: nobody waited for that one. */
Test(findings_delays, two_loops_one_after_the_other_are_not_mixed)
{
	for (int same = 0; same < 2; same++) {
		uint64_t loop = same ? 0x10 : 0x20;
		set_up(400 * MS, 0);
		FEED(0, instant(10 * MS, 0x10, TRACE_LOOP_ENTER), instant(15 * MS, 0, TRACE_TURN),
		     instant(20 * MS, 0x10, TRACE_LOOP_LEAVE),
		     instant(120 * MS, loop, TRACE_LOOP_ENTER),
		     instant(120 * MS, 30, TRACE_TIMER_DUE), poll(120 * MS, 1000, SITE_TIMER, 1),
		     instant(121 * MS, 2, TRACE_TURN), instant(122 * MS, loop, TRACE_LOOP_LEAVE));
		finish();
		find(NULL, 0);
		cr_assert_eq(finding_of(FINDING_LOOP_NOT_RUN) != NULL, same != 0);
		done();
	}
}

/* ---- How sure it is -------------------------------------------------------------------------- */

static const struct trace_stall computing = {.syscall = -1};
static const struct symbol_info parse_line = {.text = "parse_line"};

static struct stall seen_at(uint64_t poll_tick)
{
	return (struct stall){.tick = poll_tick + 10 * MS,
			      .poll_tick = poll_tick,
			      .ticks = 30 * MS,
			      .site = SITE_READ,
			      .cause = STALL_CPU,
			      .in = {.kind = STALL_IN_CODE, .own = &parse_line},
			      .stall_sample = &computing};
}

/* Ten runs of 30 ms, of which samples saw so many. */
static void ten_runs(size_t seen)
{
	struct stall stalls[10];

	set_up(2000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 1; i <= 10; i++) {
		FEED(0, wait(i * 100 * MS - 20 * MS, 20 * MS, 1),
		     poll(i * 100 * MS, 30 * MS, SITE_READ, 1));
		stalls[i - 1] = seen_at(i * 100 * MS);
	}
	FEED(0, wait(1040 * MS, 100 * MS, 0));
	finish();
	find(stalls, seen);
}

Test(findings_delays, one_sample_does_not_convict)
{
	ten_runs(1);
	cr_assert_eq(finding_fact(finding_of(FINDING_BLOCKED_CPU), FACT_runs)->whole, 1u);
	cr_assert_eq(finding_fact(finding_of(FINDING_BLOCKED), FACT_runs)->whole, 9u);
	done();
	ten_runs(5);
	cr_assert_null(finding_of(FINDING_BLOCKED), "what was seen speaks for the rest");
	cr_assert_eq(finding_fact(finding_of(FINDING_BLOCKED_CPU), FACT_not_sampled)->whole, 5u);
	cr_assert_float_eq(finding_of(FINDING_BLOCKED_CPU)->confidence, 0.75, 0.011);
	done();
	ten_runs(10);
	cr_assert_float_eq(finding_of(FINDING_BLOCKED_CPU)->confidence, 1, 1e-9);
	done();
}

/* CPU time says the same of the runs that nobody saw. */
Test(findings_delays, cpu_time_speaks_for_runs_that_nobody_saw)
{
	struct stall stall = seen_at(120 * MS);

	sample(0, 100 * MS, 0, 0);
	sample(1, 200 * MS, 58 * MS, 0);
	sample(2, 300 * MS, 58 * MS, 0);
	sample(3, 400 * MS, 116 * MS, 0);
	set_up(500 * MS, 4);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 119 * MS, 1),
	     poll(120 * MS, 30 * MS, SITE_READ, 1), wait(150 * MS, 170 * MS, 1),
	     poll(320 * MS, 60 * MS, SITE_READ, 1), wait(380 * MS, 100 * MS, 0));
	finish();
	find(&stall, 1);
	const struct finding *finding = finding_of(FINDING_BLOCKED_CPU);
	cr_assert_eq(findings->count, 1u);
	cr_assert_eq(finding_fact(finding, FACT_runs)->whole, 2u);
	cr_assert_float_eq(finding->confidence, 0.8, 0.011, "%f", finding->confidence);
	done();
}

/* ---- The beginning --------------------------------------------------------------------------- */

/* 60 ms in a function that uv_once called; `own`: one of the program. */
static enum severity waited_in_once(bool own)
{
	struct symbol_info symbols_of[] = {
	    {.name = "uv_sem_wait", .text = "uv_sem_wait", .file = "", .module = ""},
	    {.name = "init", .text = "init", .file = "", .module = ""},
	    {.name = "uv_once", .text = "uv_once", .file = "", .module = ""}};
	struct stack_frame frames[] = {{.symbol = &symbols_of[0]},
				       {.symbol = &symbols_of[1], .is_own = own},
				       {.symbol = &symbols_of[2]}};
	struct stall stall = seen_at(100 * MS);

	stall.ticks = 60 * MS;
	stall.frames = frames;
	stall.frame_count = 3;
	set_up(2000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	FEED(0, wait(80 * MS, 20 * MS, 2), poll(100 * MS, 60 * MS, SITE_READ, 1),
	     poll(160 * MS, 1000, SITE_ASYNC, 1), wait(1040 * MS, 100 * MS, 0));
	finish();
	find(&stall, 1);
	return finding_of(FINDING_BLOCKED_CPU)->severity;
}

Test(findings_delays, libuv_sets_itself_up_once)
{
	cr_assert_eq(waited_in_once(false), SEVERITY_NOTE);
	done();
	cr_assert_neq(waited_in_once(true), SEVERITY_NOTE, "what the program does there");
	done();
}

/* ---- The end --------------------------------------------------------------------------------- */

/* Open from 100 ms to the end at 400, in exit() or in something else. */
static const struct finding *open_at_exit(const char *function)
{
	struct symbol_info symbol = {.name = function, .text = function};
	struct stack_frame frame = {.symbol = &symbol};
	struct stall stall = seen_at(100 * MS);

	stall.frames = &frame;
	stall.frame_count = 1;
	set_up(400 * MS, 0);
	workers[0].last_tick = 100 * MS;
	process.seal_reason = TRACE_SEAL_EXIT;
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER),
	     instant(100 * MS, 1, TRACE_CODE_POLL + SITE_READ));
	finish();
	find(&stall, 1);
	return finding_of(FINDING_BLOCKED_CPU);
}

Test(findings_delays, the_end_of_the_program_keeps_nobody_waiting)
{
	const struct finding *finding = open_at_exit("exit");

	cr_assert_eq(finding->severity, SEVERITY_NOTE);
	cr_assert(strstr(finding->text.evidence, "ended by exit()"), "%s", finding->text.evidence);
	done();
	cr_assert_eq(open_at_exit("parse_line")->severity, SEVERITY_ERROR,
		     "another thread ended it");
	done();
}
