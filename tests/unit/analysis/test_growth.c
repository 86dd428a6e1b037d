/* SPDX-License-Identifier: Apache-2.0
 *
 * Handles that only grow: those that ended and were not closed, and those that go on.
 */
#include "growth_helper.h"

TestSuite(growth, .init = setup, .fini = teardown);

/* ---- Handles that ended ---------------------------------------------------------------------- */

/* A connection each 10 ms, that ends 5 ms later; every `kept`th stays open. */
static void connections_put(uint64_t kept)
{
	for (uint64_t i = 0; i < STEPS; i++) {
		uint64_t object = 0x1000 + 0x100 * i;

		put(at_of(i), object, MADE(TCP_INIT));
		put(at_of(i), object, MADE(ON_READ));
		put(at_of(i) + 5, object, CODE(ON_READ));
		put(at_of(i) + 5, object, TRACE_HANDLE_END);
		if (i % kept != 0)
			put(at_of(i) + 5, object, TRACE_HANDLE_CLOSE);
		put(at_of(i) + 5, 0, TRACE_POLL_END);
	}
}

Test(growth, streams_that_were_told_their_end_are_left)
{
	const struct finding *finding;

	connections_put(2);
	finish(0);
	finding = finding_of(FINDING_UNCLOSED_HANDLES);
	cr_assert_not_null(finding);
	cr_assert_eq(finding->severity, SEVERITY_WARNING);
	cr_assert_eq(finding->site, TCP_INIT);
	cr_assert_eq(fact_of(finding, FACT_left), STEPS / 2);
	cr_assert_eq(fact_of(finding, FACT_told_end), STEPS / 2);
	cr_assert_eq(fact_of(finding, FACT_made), STEPS);
	cr_assert_eq(fact_of(finding, FACT_closed), STEPS / 2);
	cr_assert_eq(fact_of(finding, FACT_end_seen_by), ON_READ);
	/* 50 in each quarter, by one more or less at its edges. */
	cr_assert(fact_of(finding, FACT_growth) >= 98 && fact_of(finding, FACT_growth) <= 102);
	cr_assert_eq(fact_of(finding, FACT_least_1), 0);
	cr_assert(fact_of(finding, FACT_least_3) >= 98 && fact_of(finding, FACT_least_3) <= 102);
}

Test(growth, all_of_them_are_closed)
{
	connections_put(STEPS);
	finish(0);
	cr_assert_null(finding_of(FINDING_UNCLOSED_HANDLES));
}

/* The oldest are closed when there are 100. */
Test(growth, they_are_closed_later)
{
	for (uint64_t i = 0; i < STEPS; i++) {
		put(at_of(i), 0x1000 + i, MADE(TCP_INIT));
		put(at_of(i), 0x1000 + i, CODE(ON_READ));
		put(at_of(i), 0x1000 + i, TRACE_HANDLE_END);
		put(at_of(i), 0, TRACE_POLL_END);
		for (uint64_t j = i - 49; i % 100 == 99 && j <= i; j++)
			put(at_of(i), 0x1000 + j, TRACE_HANDLE_CLOSE);
		for (uint64_t j = i - 99; i % 100 == 99 && j < i - 49; j++)
			put(at_of(i), 0x1000 + j, TRACE_HANDLE_CLOSE);
	}
	finish(0);
	cr_assert_null(finding_of(FINDING_UNCLOSED_HANDLES));
}

/* All are closed when half of the time is over; there are more of them at the end all the same. */
Test(growth, they_become_fewer_once)
{
	for (uint64_t i = 0; i < STEPS; i++) {
		put(at_of(i), 0x1000 + i, MADE(TIMER_INIT));
		put(at_of(i), 0x1000 + i, TRACE_HANDLE_STOP);
		for (uint64_t j = 0; i == STEPS / 2 + 4 && j <= i; j++)
			put(at_of(i), 0x1000 + j, TRACE_HANDLE_CLOSE);
		for (uint64_t j = 0; i == STEPS / 2 + 8 && j < 3 * STEPS; j++) {
			put(at_of(i), 0x5000 + j, MADE(TIMER_INIT));
			put(at_of(i), 0x5000 + j, TRACE_HANDLE_STOP);
		}
	}
	finish(0);
	cr_assert_null(finding_of(FINDING_UNCLOSED_HANDLES));
}

/* What an end is, and what is none: `made` and `events` of each handle, and how many are left. */
static void handles_put(uint32_t site, const uint32_t *codes)
{
	for (uint64_t i = 0; i < STEPS; i++) {
		put(at_of(i), 0x1000 + i, MADE(site));
		for (size_t j = 0; codes[j] != 0; j++) {
			if (trace_code_is_poll(codes[j]))
				run(at_of(i), 0x1000 + i, codes[j] - TRACE_CODE_POLL);
			else
				put(at_of(i), 0x1000 + i, codes[j]);
		}
	}
	finish(0);
}

static void assert_left(enum fact_name how, enum severity severity)
{
	const struct finding *finding = finding_of(FINDING_UNCLOSED_HANDLES);

	cr_assert_not_null(finding);
	cr_assert_eq(fact_of(finding, FACT_left), STEPS);
	cr_assert_eq(fact_of(finding, how), STEPS);
	cr_assert_eq(finding->severity, severity);
}

Test(growth, stopped_timers)
{
	handles_put(TIMER_INIT, (const uint32_t[]){MADE(ON_TIMER), TRACE_HANDLE_STOP, 0});
	assert_left(FACT_stopped, SEVERITY_WARNING);
}

Test(growth, timers_that_are_started_again)
{
	handles_put(TIMER_INIT,
		    (const uint32_t[]){MADE(ON_TIMER), TRACE_HANDLE_STOP, MADE(ON_TIMER), 0});
	cr_assert_null(finding_of(FINDING_UNCLOSED_HANDLES));
}

Test(growth, timers_that_ran_and_do_not_repeat)
{
	handles_put(TIMER_INIT, (const uint32_t[]){MADE(ON_TIMER), CODE(ON_TIMER), 0});
	assert_left(FACT_fired, SEVERITY_WARNING);
}

Test(growth, timers_that_repeat)
{
	handles_put(TIMER_INIT,
		    (const uint32_t[]){MADE(ON_TIMER), TRACE_TIMER_REPEATS, CODE(ON_TIMER), 0});
	cr_assert_null(finding_of(FINDING_UNCLOSED_HANDLES));
}

Test(growth, processes_that_are_over)
{
	handles_put(ON_EXIT, (const uint32_t[]){CODE(ON_EXIT), 0});
	assert_left(FACT_exited, SEVERITY_WARNING);
}

Test(growth, streams_that_are_not_read_may_be_in_use)
{
	handles_put(TCP_INIT, (const uint32_t[]){MADE(ON_READ), TRACE_HANDLE_STOP, 0});
	assert_left(FACT_paused, SEVERITY_NOTE);
}

Test(growth, wake_ups_do_not_end)
{
	handles_put(ON_ASYNC, (const uint32_t[]){CODE(ON_ASYNC), 0});
	cr_assert_null(finding_of(FINDING_UNCLOSED_HANDLES));
}

/* A handle's memory is another's now. */
Test(growth, memory_that_is_used_again)
{
	for (uint64_t i = 0; i < STEPS; i++) {
		put(at_of(i), 0x1000 + i % 2, MADE(TIMER_INIT));
		put(at_of(i), 0x1000 + i % 2, TRACE_HANDLE_STOP);
	}
	finish(0);
	cr_assert_null(finding_of(FINDING_UNCLOSED_HANDLES));
}

Test(growth, nothing_is_said_of_those_before_a_loss)
{
	for (uint64_t i = 0; i < STEPS; i++) {
		put(at_of(i), 0x1000 + i, MADE(TIMER_INIT));
		put(at_of(i), 0x1000 + i, TRACE_HANDLE_STOP);
		if (i == STEPS * 7 / 8)
			put(at_of(i), 1, TRACE_LOST_FULL);
	}
	finish(0);
	cr_assert_null(finding_of(FINDING_UNCLOSED_HANDLES));
}

/* ---- Active handles -------------------------------------------------------------------------- */

/* Timers that were started for later, and never ran. */
Test(growth, who_started_what_never_ran)
{
	const struct finding *finding;

	for (uint64_t i = 0; i < STEPS; i++) {
		put(at_of(i), 0x1000 + i, MADE(TIMER_INIT));
		put(at_of(i), 0x1000 + i, MADE(ON_TIMER));
	}
	finish(10);
	finding = finding_of(FINDING_HANDLE_GROWTH);
	cr_assert_not_null(finding);
	cr_assert_eq(finding->site, ON_TIMER);
	cr_assert_eq(fact_of(finding, FACT_left), STEPS);
	cr_assert_null(finding_of(FINDING_UNCLOSED_HANDLES));
}

/* Of a trace that does not know where handles were made: by the first callback that ran. */
Test(growth, blames_whose_handles_were_not_closed)
{
	const struct finding *finding;

	for (uint64_t i = 0; i < STEPS; i++) {
		run(at_of(i), 0x1000 + i, ON_TIMER);
		run(at_of(i), 0x5000 + i, ON_ASYNC);
		put(at_of(i), 0x5000 + i, TRACE_HANDLE_CLOSE);
	}
	finish(10);
	finding = finding_of(FINDING_HANDLE_GROWTH);
	cr_assert_not_null(finding);
	cr_assert_eq(finding->site, ON_TIMER);
	cr_assert_eq(fact_of(finding, FACT_left), STEPS);
}

/* `accepted`: others connected; else the program did. */
static void clients_put(bool accepted)
{
	for (uint64_t i = 0; i < STEPS; i++) {
		if (accepted)
			run(at_of(i), 0x50, ON_CONNECTION);
		put(at_of(i), 0x1000 + i, MADE(TCP_INIT));
		put(at_of(i), 0x1000 + i, MADE(ON_READ));
		put(at_of(i), 0x5000 + i, MADE(TIMER_INIT));
		put(at_of(i), 0x5000 + i, MADE(ON_TIMER));
	}
	finish(20);
}

Test(growth, clients_join_and_stay)
{
	clients_put(true);
	cr_assert_null(finding_of(FINDING_HANDLE_GROWTH));
	cr_assert_null(finding_of(FINDING_UNCLOSED_HANDLES));
}

Test(growth, connections_of_the_program_itself)
{
	clients_put(false);
	cr_assert_not_null(finding_of(FINDING_HANDLE_GROWTH));
}
