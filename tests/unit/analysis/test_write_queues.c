/* SPDX-License-Identifier: Apache-2.0
 *
 * Queues of writes: which of them grow on.
 */
#include "growth_helper.h"

TestSuite(write_queues, .init = setup, .fini = teardown);

/* Each write waits behind the others. */
static void writes_put(uint64_t bytes, uint64_t limit)
{
	for (uint64_t i = 1; i <= STEPS; i++) {
		put(at_of(i), 0x1000 + i, SENT(ON_WRITE));
		put_queue(at_of(i), i > 1, 1, bytes * i < limit ? bytes * i : limit);
	}
}

Test(write_queues, writes_pile_up)
{
	const struct finding *finding;

	pending_ns = 1e9;
	writes_put(10000, UINT64_MAX);
	finish(0);
	finding = finding_of(FINDING_WRITE_QUEUE);
	cr_assert_not_null(finding);
	cr_assert_eq(finding->site, ON_WRITE);
	cr_assert_eq(fact_of(finding, FACT_queue_bytes), 10000 * STEPS);
	cr_assert_eq(fact_of(finding, FACT_writes), STEPS);
	cr_assert_str_eq(finding->text.culprit, "stdout (fd 1, pipe)");
	cr_assert_null(finding_of(FINDING_PENDING_REQUEST), "the same cause twice");
}

Test(write_queues, a_queue_with_a_limit_is_wanted)
{
	writes_put(100000, 1000000);
	finish(0);
	cr_assert_null(finding_of(FINDING_WRITE_QUEUE));
}

Test(write_queues, a_short_queue_is_no_matter)
{
	writes_put(100, UINT64_MAX);
	finish(0);
	cr_assert_null(finding_of(FINDING_WRITE_QUEUE));
}

/* Each write has what came while the one before was on its way: as node does. They are submitted in
 * the callback of the one before, or (`answers`) in one that reads. */
static void chain_put(bool answers)
{
	static const uint64_t at_ms[] = {0, 100, 600, 3000};
	static const uint64_t bytes[] = {300, 60000, 400000, 2000000};

	for (size_t i = 0; i < 4; i++) {
		uint64_t object = 0x1000 + i;

		if (i > 0)
			put(at_ms[i], object - 1, CODE(i == 1 ? ON_WRITE : ON_WRITE_AGAIN));
		if (answers) {
			put(at_ms[i], 0, TRACE_POLL_END);
			put(at_ms[i], 0x50, CODE(ON_READ));
		}
		put(at_ms[i], object, SENT(i == 0 ? ON_WRITE : ON_WRITE_AGAIN));
		put_queue(at_ms[i], false, 1, bytes[i]);
		put(at_ms[i], 0, TRACE_POLL_END);
	}
	finish(0);
}

Test(write_queues, each_write_takes_what_has_come_meanwhile)
{
	const struct finding *finding;

	chain_put(false);
	finding = finding_of(FINDING_WRITE_QUEUE);
	cr_assert_not_null(finding);
	cr_assert_eq(fact_of(finding, FACT_queue_bytes), 2000000);
	cr_assert_eq(fact_of(finding, FACT_queue_first_bytes), 300);
	cr_assert_eq(fact_of(finding, FACT_writes), 4);
}

Test(write_queues, answers_of_different_size_are_no_queue)
{
	chain_put(true);
	cr_assert_null(finding_of(FINDING_WRITE_QUEUE));
}

/* Each on a descriptor of its own. */
Test(write_queues, large_answers_to_many_are_no_queue)
{
	for (uint64_t i = 1; i <= STEPS; i++) {
		put(at_of(i), 0x1000 + i, SENT(ON_WRITE));
		put_queue(at_of(i), false, (int)(5 + i), 10000 * i);
	}
	finish(0);
	cr_assert_null(finding_of(FINDING_WRITE_QUEUE));
}
