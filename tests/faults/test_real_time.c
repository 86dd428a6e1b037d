/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs that run before all others: their helper does not.
 */
#include <sched.h>

#include "faults.h"

TestSuite(fault_real_time, .init = harness_enter, .fini = harness_leave, .timeout = 60);

static int class_set(int class, int priority)
{
	struct sched_param param = {.sched_priority = priority};

	return sched_setscheduler(0, class, &param);
}

/* In the program's class it would take time, on the same processor, that is the program's. */
static void check_ordinary(int (*be_real_time)(void), int class)
{
	struct run run = {.program = build_path("fixtures/control"), .prepare = be_real_time};
	struct session session;

	if (be_real_time() != 0)
		cr_skip_test("needs the right to be real-time");
	class_set(SCHED_OTHER, 0);
	session = session_start(&run);
	session_say(&session, "tick 10", "ok");
	cr_expect_eq(sched_getscheduler(session.pid), class);
	cr_expect_eq(sched_getscheduler(fault_wait_for_helper(session.pid)), SCHED_OTHER);
	session_say(&session, "quit", NULL);
	cr_assert_eq(session_end(&session), 0);
}

static int be_fifo(void)
{
	return class_set(SCHED_FIFO, 1);
}

Test(fault_real_time, helper_of_fifo_is_ordinary)
{
	check_ordinary(be_fifo, SCHED_FIFO);
}

static int be_round_robin(void)
{
	return class_set(SCHED_RR, 1);
}

Test(fault_real_time, helper_of_round_robin_is_ordinary)
{
	check_ordinary(be_round_robin, SCHED_RR);
}
