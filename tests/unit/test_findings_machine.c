/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings about the machine and the trace itself.
 */
#include "findings_helper.h"

/* ---- The machine ---------------------------------------------------------------------------------------------- */

static struct trace_sample sample_of(uint16_t type, uint32_t worker, uint64_t tick, uint64_t a, uint64_t b, uint64_t c)
{
	return (struct trace_sample){.entry_bytes = sizeof(struct trace_sample),
				     .type = type,
				     .worker = worker,
				     .tick = tick,
				     .a = a,
				     .b = b,
				     .c = c};
}

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
	const struct finding *throttled = finding_of(FINDING_THROTTLED), *descheduled = finding_of(FINDING_DESCHEDULED);
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

/* ---- The trace ------------------------------------------------------------------------------------------------ */

Test(findings_machine, do_not_call_a_trace_without_events_healthy)
{
	set_up(400 * MS, 0);
	process.events = 0;
	finish();
	find(NULL, 0);
	cr_assert(finding_of(FINDING_NO_EVENTS) && finding_of(FINDING_NO_EVENTS)->severity == SEVERITY_WARNING);
	done();
}
