/* SPDX-License-Identifier: Apache-2.0
 *
 * Causes that several callbacks have in common: one finding, which takes its part of their time. A
 * tick is a nanosecond.
 */
#include "findings_helper.h"

static char nothing[] = "";
static const struct trace_stall in_futex = {.machine = TRACE_MACHINE_X86_64,
					    .syscall = 202,
					    .object = nothing},
				computing = {.machine = TRACE_MACHINE_X86_64, .syscall = -1};

static struct stall stall_of(uint32_t site, uint64_t poll_tick, uint64_t ticks,
			     enum work_reason reason)
{
	bool waits = reason == REASON_GIL;

	return (struct stall){.tick = poll_tick + ticks,
			      .poll_tick = poll_tick,
			      .ticks = ticks,
			      .site = site,
			      .cause = waits ? STALL_SYSCALL : STALL_CPU,
			      .in = {.kind = waits ? STALL_IN_FUTEX : STALL_IN_UNKNOWN},
			      .stall_sample = waits ? &in_futex : &computing,
			      .script = {.reason = reason}};
}

/* Four runs of 60 ms; behind each of them another callback waits. */
static void four_runs(void)
{
	static const uint32_t of[] = {SITE_READ, SITE_TIMER, SITE_READ, SITE_TIMER};

	set_up(900 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(2, 100 * MS - 2, 1));
	for (uint64_t i = 0; i < 4; i++)
		FEED(0, poll((100 + 100 * i) * MS, 60 * MS, of[i], 1),
		     poll((160 + 100 * i) * MS, MS, SITE_WRITE, 2),
		     wait((161 + 100 * i) * MS, 39 * MS, 1));
	finish();
}

static size_t count_of(enum finding_id id)
{
	size_t count = 0;

	for (size_t i = 0; i < findings->count; i++)
		count += findings->list[i].id == id;
	return count;
}

static uint64_t whole(const struct finding *finding, enum fact_name name)
{
	const struct fact *fact = finding_fact(finding, name);

	return fact ? fact->whole : 0;
}

static double cost_of_all(void)
{
	double cost = 0;

	for (size_t i = 0; i < findings->count; i++)
		if (finding_cost(findings->list[i].id) == COST_OTHERS)
			cost += (double)findings->list[i].cost_ns;
	return cost;
}

Test(findings_joint, the_interpreter_lock_is_one_finding_for_all_callbacks)
{
	struct stall stalls[] = {stall_of(SITE_READ, 100 * MS, 60 * MS, REASON_GIL),
				 stall_of(SITE_TIMER, 200 * MS, 60 * MS, REASON_GIL),
				 stall_of(SITE_READ, 300 * MS, 60 * MS, REASON_GIL)};

	four_runs();
	find(stalls, 0);
	double cost = cost_of_all();
	done();
	four_runs();
	find(stalls, 3);
	const struct finding *finding = finding_of(FINDING_GIL);
	cr_assert_not_null(finding);
	cr_expect_eq(count_of(FINDING_GIL), 1u);
	cr_expect_eq(count_of(FINDING_BLOCKED_SYSCALL) + count_of(FINDING_BLOCKED), 0u);
	cr_expect_eq(whole(finding, FACT_callbacks), 2u);
	cr_expect_eq(whole(finding, FACT_runs), 4u);
	cr_expect_eq(whole(finding, FACT_not_sampled), 1u);
	cr_expect_eq(whole(finding, FACT_samples), 3u);
	cr_expect_float_eq((double)finding->cost_ns, cost, 2);
	cr_expect_not_null(strstr(finding->text.title, "interpreter lock (GIL)"));
	done();
}

/* One callback that waits for it, and one that computes: each is told. */
Test(findings_joint, what_has_another_cause_is_told_by_itself)
{
	struct stall stalls[] = {stall_of(SITE_READ, 100 * MS, 60 * MS, REASON_GIL),
				 stall_of(SITE_TIMER, 200 * MS, 60 * MS, REASON_NONE)};

	four_runs();
	find(stalls, 2);
	cr_expect_eq(count_of(FINDING_GIL), 1u);
	cr_expect_eq(count_of(FINDING_BLOCKED_CPU), 1u);
	cr_expect_eq(whole(finding_of(FINDING_GIL), FACT_callbacks), 1u);
	done();
}

/* A run of 60 ms, of which the first sample saw the wait and the second a computation. */
Test(findings_joint, the_interpreter_lock_is_named_for_most_of_the_time)
{
	struct stall stalls[] = {stall_of(SITE_READ, 100 * MS, 20 * MS, REASON_GIL),
				 stall_of(SITE_READ, 100 * MS, 40 * MS, REASON_NONE)};

	stalls[1].tick = 160 * MS;
	four_runs();
	find(stalls, 2);
	cr_expect_null(finding_of(FINDING_GIL));
	cr_expect_not_null(finding_of(FINDING_BLOCKED_CPU));
	done();
	stalls[0].tick += 20 * MS;
	stalls[0].ticks = 40 * MS;
	stalls[1].ticks = 20 * MS;
	four_runs();
	find(stalls, 2);
	cr_expect_not_null(finding_of(FINDING_GIL));
	done();
}

/* Three of five samples, a third of the reads' time and all of the timers'. */
Test(findings_joint, garbage_collection_takes_its_part_of_each_callback)
{
	struct stall stalls[] = {stall_of(SITE_READ, 100 * MS, 40 * MS, REASON_NONE),
				 stall_of(SITE_READ, 100 * MS, 20 * MS, REASON_GARBAGE),
				 stall_of(SITE_TIMER, 200 * MS, 60 * MS, REASON_GARBAGE),
				 stall_of(SITE_READ, 300 * MS, 60 * MS, REASON_NONE),
				 stall_of(SITE_TIMER, 400 * MS, 60 * MS, REASON_GARBAGE)};

	stalls[1].tick = 160 * MS;
	four_runs();
	find(stalls, 0);
	double cost = cost_of_all();
	done();
	four_runs();
	find(stalls, 5);
	const struct finding *finding = finding_of(FINDING_GC);
	cr_assert_not_null(finding);
	cr_expect_eq(count_of(FINDING_BLOCKED_CPU), 1u);
	cr_expect_eq(whole(finding, FACT_samples), 3u);
	cr_expect_eq(whole(finding, FACT_all_samples), 5u);
	cr_expect_eq(whole(finding, FACT_callbacks), 2u);
	cr_expect_eq(whole(finding, FACT_total_ns), 120 * MS + 120 * MS / 6);
	cr_expect_float_eq(cost_of_all(), cost, 4, "nothing is counted twice");
	done();
	stalls[1].script.reason = REASON_NONE; /* two samples prove little */
	four_runs();
	find(stalls, 5);
	cr_expect_null(finding_of(FINDING_GC));
	cr_expect_eq(count_of(FINDING_BLOCKED_CPU), 2u);
	done();
}

/* Callbacks of 5 ms, too short to block, and twelve samples of a profile, so many of which saw it.
 */
static const struct finding *profiled(size_t seen)
{
	static struct stall list[12];

	set_up(900 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(2, 100 * MS - 2, 1));
	for (uint64_t i = 0; i < 12; i++) {
		FEED(0, poll((100 + 10 * i) * MS, 5 * MS, SITE_TIMER, 1),
		     wait((105 + 10 * i) * MS, 5 * MS, 1));
		list[i] = stall_of(SITE_TIMER, (100 + 10 * i) * MS, 5 * MS,
				   i < seen ? REASON_GARBAGE : REASON_NONE);
	}
	finish();
	profile = list;
	profile_count = 12;
	find(NULL, 0);
	profile_count = 0;
	return finding_of(FINDING_GC);
}

Test(findings_joint, a_profile_shows_garbage_collection_in_short_callbacks)
{
	const struct finding *finding = profiled(4);

	cr_assert(finding && finding->severity == SEVERITY_NOTE);
	cr_expect_str_eq(finding->text.title,
			 "Garbage collection took 33% of the time of callbacks "
			 "on worker 1 (loop): about 20.0 ms.");
	cr_expect_str_eq(finding->text.evidence,
			 "4 of 12 samples of the profile were in it, mostly "
			 "in on_timer, kind timer.");
	done();
	cr_expect_not_null(profiled(3), "a quarter");
	done();
	cr_expect_null(profiled(2), "two samples prove little");
	done();
}

/* ---- Others' work on the machine --------------------------------------------------------------
 */

/* The loop waited for 240 ms of the 380 that it wanted; so much of all CPUs' time was idle, so much
 * spent, and the program may use so many of four CPUs. */
static const struct finding *on_machine(uint64_t idle_ns, uint64_t busy_ns, uint64_t allowed)
{
	samples[0] = sample_of(TRACE_SAMPLE_CPUS, 0, 2, 4, allowed, 0);
	samples[1] = sample_of(TRACE_SAMPLE_MACHINE, 0, 3, 5000 * MS, 9000 * MS, 0);
	samples[2] = sample_of(TRACE_SAMPLE_WORKER, 1, 4, 0, 0, 0);
	samples[3] = sample_of(TRACE_SAMPLE_WORKER, 1, 391 * MS, 140 * MS, 240 * MS, 30);
	samples[4] = sample_of(TRACE_SAMPLE_MACHINE, 0, 392 * MS, 5000 * MS + busy_ns,
			       9000 * MS + idle_ns, 0);
	set_up(400 * MS, 5);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 1));
	finish();
	find(NULL, 0);
	return finding_of(FINDING_DESCHEDULED);
}

Test(findings_full_machine, do_not_warn_of_the_run_queue_of_a_full_machine)
{
	static const struct {
		uint64_t idle_ms, busy_ms, allowed;
		enum severity severity;
		const char *says;
	} cases[] = {
	    {150, 1450, 4, SEVERITY_NOTE, "Others' work kept all CPUs of the machine busy."},
	    {170, 1430, 4, SEVERITY_WARNING, NULL}, /* some were idle */
	    {0, 1600, 3, SEVERITY_WARNING, NULL},   /* it may not use them all */
	    {0, 270, 4, SEVERITY_WARNING, NULL},    /* it is the program that fills it */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct finding *found =
		    on_machine(cases[i].idle_ms * MS, cases[i].busy_ms * MS, cases[i].allowed);

		cr_assert_eq(found->severity, cases[i].severity, "case %zu", i);
		cr_assert_eq(strstr(found->text.evidence, "all CPUs of the machine") != NULL,
			     cases[i].says != NULL, "%s", found->text.evidence);
		cr_assert_eq(strstr(found->text.advice, "Run less beside it") != NULL,
			     cases[i].says != NULL, "%s", found->text.advice);
		done();
	}
}

/* 20 timers, each due while a callback held the loop for 14 ms, 2 ms after it began. */
static void late_runs(void)
{
	set_up(10000 * MS, 2);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 0; i < 20; i++) {
		uint64_t ms = 100 * (i + 1);
		FEED(0, wait((ms - 90) * MS, 90 * MS, 1), poll(ms * MS, 14 * MS, SITE_READ, 1),
		     instant((ms + 14) * MS, ms + 2, TRACE_TIMER_DUE),
		     poll((ms + 14) * MS, 1000, SITE_TIMER, 2));
	}
	finish();
	find(NULL, 0);
}

/* 20 runs were late by 12 ms each: half of that the loop waited in the run queue, or a bit less. */
Test(findings_full_machine, note_late_timers_whose_loop_waited_for_a_cpu)
{
	for (uint64_t wait_ms = 119; wait_ms <= 120; wait_ms++) {
		samples[0] = sample_of(TRACE_SAMPLE_WORKER, 1, 2, 0, 0, 0);
		samples[1] =
		    sample_of(TRACE_SAMPLE_WORKER, 1, 1900 * MS, 1800 * MS, wait_ms * MS, 0);
		late_runs();
		const struct finding *late = finding_of(FINDING_LATE_TIMERS);
		cr_assert_eq(late->severity, wait_ms < 120 ? SEVERITY_WARNING : SEVERITY_NOTE,
			     "%d ms", (int)wait_ms);
		done();
	}
}
