/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings about what is short: the machine's time, descriptors, loops side by side, the trace
 * itself.
 */
#include "findings_helper.h"

#define US 1000ull

/* ---- The machine ----------------------------------------------------------------------------- */

/* Totals that ran before the trace did do not count. */
Test(findings_machine, tells_throttling_from_a_busy_machine)
{
	samples[0] = sample_of(TRACE_SAMPLE_CPUS, 0, 2, 4, 4, 500);
	samples[1] = sample_of(TRACE_SAMPLE_CGROUP, 0, 3, 1000, 900, 77000 * MS);
	samples[2] = sample_of(TRACE_SAMPLE_WORKER, 1, 4, 10 * MS, 5 * MS, 3);
	samples[3] = sample_of(TRACE_SAMPLE_CGROUP, 0, 200 * MS, 1010, 904, 77100 * MS);
	samples[4] = sample_of(TRACE_SAMPLE_CGROUP, 0, 390 * MS, 1020, 906, 77250 * MS);
	samples[5] = sample_of(TRACE_SAMPLE_WORKER, 1, 391 * MS, 110 * MS, 255 * MS, 30);
	set_up(400 * MS, 6);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 1));
	process.events = 3;
	finish();
	find(NULL, 0);
	cr_assert_eq(timeline->machine.periods, 20u);
	cr_assert_eq(timeline->machine.throttled_periods, 6u);
	cr_assert_eq(timeline->machine.throttled_ns, 250 * MS);
	cr_assert_eq(timeline->machine.worst_ns, 150 * MS);
	const struct finding *throttled = finding_of(FINDING_THROTTLED),
			     *descheduled = finding_of(FINDING_DESCHEDULED);
	cr_assert(throttled && throttled->severity == SEVERITY_WARNING);
	cr_assert_eq(throttled->cost_ns, 250 * MS);
	cr_assert(strstr(throttled->text.title, "0.5 CPUs"));
	cr_assert(strstr(throttled->text.title, "30%"));
	cr_assert_eq(throttled->from_ns, (int64_t)(200 * MS));
	cr_assert_eq(throttled->to_ns, (int64_t)(390 * MS));
	cr_assert(descheduled && descheduled->severity == SEVERITY_NOTE, "the quota explains it");
	done();
}

Test(findings_machine, tells_steal)
{
	samples[0] = sample_of(TRACE_SAMPLE_MACHINE, 0, 2, 5000 * MS, 9000 * MS, 300 * MS);
	samples[1] = sample_of(TRACE_SAMPLE_MACHINE, 0, 390 * MS, 5600 * MS, 9100 * MS, 500 * MS);
	samples[2] = sample_of(TRACE_SAMPLE_PRICE, 0, 391 * MS, 12500, 0, 0);
	set_up(400 * MS, 3);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 1));
	process.events = workers[0].events = 3;
	finish();
	find(NULL, 0);
	cr_assert_eq(timeline->machine.steal_ns, 200 * MS);
	const struct finding *steal = finding_of(FINDING_STEAL);
	cr_assert(steal && steal->severity == SEVERITY_WARNING);
	cr_assert(strstr(steal->text.title, "25%"));
	cr_assert(findings->overhead.measured);
	cr_assert_float_eq(findings->overhead.cost_ns, 37.5, 1e-6);
	done();
}

Test(findings_machine, counts_context_switches_of_the_range)
{
	samples[0] = sample_of(TRACE_SAMPLE_SWITCHES, 1, 2, 100, 10, 0);
	samples[1] = sample_of(TRACE_SAMPLE_SWITCHES, 1, 200 * MS, 150, 11, 0);
	samples[2] = sample_of(TRACE_SAMPLE_SWITCHES, 1, 390 * MS, 170, 16, 0);
	set_up(400 * MS, 3);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 1));
	finish();
	cr_assert(timeline->workers[0].switches.known);
	cr_assert_eq(timeline->workers[0].switches.voluntary, 70u);
	cr_assert_eq(timeline->workers[0].switches.involuntary, 6u);
	cr_assert_not(timeline->workers[1].switches.known);
	done();
}

/* ---- The trace ------------------------------------------------------------------------------- */

Test(findings_machine, do_not_call_a_trace_without_events_healthy)
{
	set_up(400 * MS, 0);
	process.events = 0;
	finish();
	find(NULL, 0);
	cr_assert(finding_of(FINDING_NO_EVENTS) &&
		  finding_of(FINDING_NO_EVENTS)->severity == SEVERITY_WARNING);
	done();
}

Test(findings_machine, go_by_share_and_time_of_steal)
{
	static const struct {
		uint64_t busy_ms, steal_ms;
		int severity; /* -1: nothing is found */
	} cases[] = {{400, 99, -1},
		     {4000, 110, -1},
		     {2000, 110, SEVERITY_NOTE},
		     {400, 110, SEVERITY_WARNING}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		samples[0] = sample_of(TRACE_SAMPLE_MACHINE, 0, 2, 0, 0, 0);
		samples[1] = sample_of(TRACE_SAMPLE_MACHINE, 0, 390 * MS, cases[i].busy_ms * MS, 0,
				       cases[i].steal_ms * MS);
		set_up(400 * MS, 2);
		FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 1));
		finish();
		find(NULL, 0);
		const struct finding *steal = finding_of(FINDING_STEAL);
		cr_assert_eq(steal ? (int)steal->severity : -1, cases[i].severity, "case %zu", i);
		done();
	}
}

/* 30 of 100 periods were stopped, for so long. */
static const struct finding *throttled(uint64_t throttled_periods, uint64_t throttled_ns)
{
	samples[0] = sample_of(TRACE_SAMPLE_CPUS, 0, 2, 4, 4, 500);
	samples[1] = sample_of(TRACE_SAMPLE_CGROUP, 0, 3, 0, 0, 0);
	samples[2] =
	    sample_of(TRACE_SAMPLE_CGROUP, 0, 390 * MS, 100, throttled_periods, throttled_ns);
	set_up(400 * MS, 3);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 1));
	finish();
	find(NULL, 0);
	return finding_of(FINDING_THROTTLED);
}

Test(findings_machine, find_throttling_from_its_thresholds_on)
{
	cr_assert_null(throttled(4, 60 * MS));
	done();
	cr_assert_null(throttled(30, 49 * MS));
	done();
	cr_assert_eq(throttled(5, 60 * MS)->severity, SEVERITY_NOTE);
	done();
	cr_assert_eq(throttled(20, 60 * MS)->severity, SEVERITY_WARNING);
	cr_assert_eq(thresholds_set(&thresholds, "throttled_wall=0.16"), 0);
	findings_free(findings);
	find(NULL, 0);
	cr_assert_eq(finding_of(FINDING_THROTTLED)->severity, SEVERITY_NOTE, "15% of the time");
	done();
	cr_assert_eq(throttled(50, 60 * MS)->severity, SEVERITY_ERROR);
	done();
}

static uint64_t samples_slices = 30;

/* The loop wanted to run for so long, in 391 ms. */
static const struct finding *descheduled(uint64_t wanted_ns, uint64_t wait_ns)
{
	samples[0] = sample_of(TRACE_SAMPLE_WORKER, 1, 4, 0, 0, 0);
	samples[1] = sample_of(TRACE_SAMPLE_WORKER, 1, 391 * MS, wanted_ns - wait_ns, wait_ns,
			       samples_slices);
	set_up(400 * MS, 2);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 1));
	finish();
	find(NULL, 0);
	return finding_of(FINDING_DESCHEDULED);
}

Test(findings_machine, find_run_queue_wait_from_its_thresholds_on)
{
	cr_assert_null(descheduled(200 * MS, 39 * MS));
	done();
	const struct finding *found = descheduled(200 * MS, 60 * MS);
	cr_assert_eq(found->severity, SEVERITY_NOTE);
	cr_assert_str_eq(
	    found->text.title,
	    "Worker 1 (loop) waited 60.0 ms in the run queue, 30% of its runnable time.");
	cr_assert_str_eq(cost_text(finding_cost(found->id)), "own delay");
	cr_assert_not(found->has_moment, "it is about the whole recording");
	done();
	cr_assert_eq(descheduled(380 * MS, 240 * MS)->severity, SEVERITY_WARNING);
	done();
	cr_assert_eq(descheduled(200 * MS, 190 * MS)->severity, SEVERITY_NOTE,
		     "it seldom wants to run");
	done();
	samples_slices = 241;
	cr_assert_eq(descheduled(380 * MS, 240 * MS)->severity, SEVERITY_NOTE,
		     "less than a ms each time");
	samples_slices = 30;
	done();
}

/* The machine is one cause. */
Test(findings_machine, tell_of_all_loops_that_waited_at_once)
{
	for (uint32_t i = 0; i < 4; i++)
		samples[i] = sample_of(TRACE_SAMPLE_WORKER, 1 + i % 2, 4 + i / 2 * 390 * MS, 0,
				       i < 2 ? 0 : (uint64_t)(40 + 60 * i) * MS, 30);
	set_up(400 * MS, 4);
	workers[1].role = TRACE_ROLE_LOOP;
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 1));
	FEED(1, instant(1, 0x20, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 1));
	finish();
	find(NULL, 0);
	const struct finding *found = finding_of(FINDING_DESCHEDULED);
	cr_assert_eq(findings->count, 1u);
	cr_assert_eq(found->worker, 2u);
	cr_assert_eq(found->cost_ns, 380 * MS);
	cr_assert(strstr(found->text.evidence, "So did 1 other loop, 380 ms together."), "%s",
		  found->text.evidence);
	done();
}

/* ---- Parts that are not there ---------------------------------------------------------------- */

static void healthy(void)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 1),
	     poll(100 * MS, 1000, SITE_READ, 1), wait(101 * MS, 99 * MS, 0));
}

Test(findings_machine, find_nothing_in_a_healthy_trace)
{
	healthy();
	finish();
	find(NULL, 0);
	for (int id = 0; id < FINDING_COUNT; id++)
		cr_assert_null(finding_of((enum finding_id)id), "%s",
			       finding_id_name((enum finding_id)id));
	done();
}

Test(findings_machine, find_lost_events)
{
	static const struct {
		uint64_t lost, missing;
		enum severity severity;
	} cases[] = {{1, 0, SEVERITY_NOTE}, {10, 2, SEVERITY_WARNING}, {0, 2000, SEVERITY_ERROR}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		healthy();
		process.events = 10000;
		process.lost = cases[i].lost;
		process.missing = cases[i].missing;
		finish();
		find(NULL, 0);
		const struct finding *lost = finding_of(FINDING_LOST_EVENTS);
		cr_assert(lost && lost->severity == cases[i].severity, "case %zu", i);
		cr_assert_eq(strstr(lost->text.advice, "UVTRACE_RING_SIZE") != NULL,
			     cases[i].lost > 0);
		done();
	}
}

Test(findings_machine, find_what_was_not_traced)
{
	healthy();
	process.tier = TRACE_TIER_LIBC;
	finish();
	find(NULL, 0);
	cr_assert(strstr(finding_of(FINDING_UNTRACED)->text.title, "Only waits are visible"));
	done();
	healthy();
	finish();
	timeline->untraced_callbacks = 1;
	find(NULL, 0);
	cr_assert_eq(finding_of(FINDING_UNTRACED)->severity, SEVERITY_WARNING);
	cr_assert(strstr(finding_of(FINDING_UNTRACED)->text.evidence,
			 "1 registration of callbacks and 0 threads"));
	done();
	healthy();
	finish();
	timeline->off_ticks = 5 * MS;
	find(NULL, 0);
	cr_assert_eq(finding_of(FINDING_UNTRACED)->severity, SEVERITY_NOTE);
	cr_assert(strstr(finding_of(FINDING_UNTRACED)->text.title,
			 "Recording was off for part of the time."));
	done();
}

Test(findings_machine, find_callbacks_that_were_left)
{
	healthy();
	FEED(0, instant(210 * MS, 1, TRACE_CODE_POLL + SITE_READ),
	     instant(211 * MS, 0, TRACE_POLL_UNWOUND));
	finish();
	find(NULL, 0);
	const struct finding *unwound = finding_of(FINDING_UNWOUND);
	cr_assert(unwound && unwound->severity == SEVERITY_NOTE);
	cr_assert(strstr(unwound->text.title, "1 callback was left through libuv"), "%s",
		  unwound->text.title);
	done();
}

/* ---- Clients that cannot be accepted --------------------------------------------------------- */

/* A listener accepts one client, then accept() fails so often: in libuv, or in a callback. */
static const struct finding *cannot_accept(uint64_t times, uint64_t descriptors, bool in_callback)
{
	set_up(100 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(10, 100 * US, 1),
	     poll(200 * US, 100, SITE_CONNECTION, 1));
	for (uint64_t i = 0; i < times; i++) {
		FEED(0, wait(MS + i * MS, 100 * US, 1));
		if (in_callback)
			FEED(0, instant(MS + i * MS + 200 * US, 2, TRACE_CODE_POLL + SITE_POLL));
		FEED(0, instant(MS + i * MS + 300 * US, descriptors, TRACE_ACCEPT_FAILED));
		if (in_callback)
			FEED(0, instant(MS + i * MS + 400 * US, 0, TRACE_POLL_END));
	}
	finish();
	find(NULL, 0);
	return finding_of(FINDING_ACCEPT_LIMIT);
}

Test(findings_loops, find_clients_that_no_descriptor_is_left_for)
{
	const struct finding *found = cannot_accept(10, 64, false);
	cr_assert(found && found->severity == SEVERITY_ERROR);
	cr_assert_str_eq(found->text.culprit, "on_client");
	cr_assert_str_eq(found->text.title,
			 "Clients were turned away: accept() failed 10 times, as all 64 "
			 "descriptors of the process were in use (EMFILE).");
	cr_assert(strstr(found->text.evidence, "Within 9.00 ms on worker 1 (loop); it accepted 1 "
					       "connection in all"),
		  "%s", found->text.evidence);
	cr_assert(strstr(found->text.evidence, "no callback runs"));
	cr_assert_eq(found->from_ns, (int64_t)(1300 * US));
	done();
	found = cannot_accept(9, 0, true);
	cr_assert(found && found->severity == SEVERITY_WARNING);
	cr_assert_str_eq(found->text.culprit, "on_ready", "who called accept()");
	cr_assert(strstr(found->text.title, "the system had no file left"), "%s",
		  found->text.title);
	cr_assert_null(strstr(found->text.evidence, "no callback runs"));
	done();
	cr_assert_null(cannot_accept(0, 64, false));
	done();
}

/* ---- A hot loop ------------------------------------------------------------------------------ */

/* Two loops for 100 ms: one reads all the time; the other waits, after so many callbacks of some
 * kind. */
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

Test(findings_loops, compare_loops_that_do_the_same)
{
	two_loops(SITE_READ, 20);
	const struct finding *hot = finding_of(FINDING_HOT_LOOP);
	cr_assert_not_null(hot);
	cr_assert(strstr(hot->text.title, "the other loop that reads"));
	cr_assert(strstr(hot->text.evidence,
			 "accepted 0 connections and read 90 times, the other 0 and 20;"));
	done();
	two_loops(SITE_READ, 9);
	cr_assert_null(finding_of(FINDING_HOT_LOOP), "next to nothing");
	done();
	two_loops(SITE_ASYNC, 20);
	cr_assert_null(finding_of(FINDING_HOT_LOOP), "a runtime's own loop");
	done();
	two_loops(SITE_TIMER, 20);
	cr_assert_null(finding_of(FINDING_HOT_LOOP), "a scheduler");
	done();
}

/* Two loops accept on one port, and one of them is kept busy by what it accepted. */
static void two_listeners(uint64_t hot, uint64_t other)
{
	set_up(100 * MS, 0);
	workers[1].role = TRACE_ROLE_LOOP;
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 0; i < hot; i++)
		FEED(0, poll(10 + i * 100, 50, SITE_CONNECTION, 1));
	FEED(0, poll(1 * MS, 90 * MS, SITE_READ, 1), wait(95 * MS, 5 * MS, 0));
	FEED(1, instant(1, 0x20, TRACE_LOOP_ENTER));
	for (uint64_t i = 0; i < other; i++)
		FEED(1, poll(10 + i * 100, 50, SITE_CONNECTION, 2));
	FEED(1, wait(2 * MS, 98 * MS, 0));
	finish();
	find(NULL, 0);
}

Test(findings_loops, advise_by_what_the_other_loops_accept)
{
	two_listeners(8, 4);
	const struct finding *hot = finding_of(FINDING_HOT_LOOP);
	cr_assert_not_null(hot);
	cr_assert(strstr(hot->text.advice, "spread by number, not by load"));
	cr_assert_null(strstr(hot->text.advice, "SO_REUSEPORT"), "they all accept");
	done();
	two_listeners(8, 3);
	cr_assert(strstr(finding_of(FINDING_HOT_LOOP)->text.advice, "most come to this one"));
	done();
	two_listeners(8, 2);
	cr_assert_null(finding_of(FINDING_HOT_LOOP), "next to nothing");
	done();
}

/* A second listener, for something else. */
Test(findings_loops, compare_loops_that_run_the_same_callbacks)
{
	two_loops(SITE_POLL, 20);
	cr_assert_eq(timeline->workers[1].reads, 20u);
	cr_assert_null(finding_of(FINDING_HOT_LOOP));
	findings_free(findings);
	sites[SITE_POLL].kind = KIND_READ;
	find(NULL, 0);
	cr_assert_null(finding_of(FINDING_HOT_LOOP), "another callback that reads");
	findings_free(findings);
	sites[SITE_POLL] = sites[SITE_READ];
	find(NULL, 0);
	cr_assert_not_null(finding_of(FINDING_HOT_LOOP), "registered in two places");
	done();
}

Test(findings_loops, compare_no_loops_whose_callbacks_nobody_sees)
{
	two_loops(SITE_READ, 20);
	process.tier = TRACE_TIER_LIBC;
	findings_free(findings);
	find(NULL, 0);
	cr_assert_null(finding_of(FINDING_HOT_LOOP));
	done();
}
