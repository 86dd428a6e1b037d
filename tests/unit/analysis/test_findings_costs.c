/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocking callbacks whose cost is known by their own timer's runs, and those that the machine or
 * their own purpose explains. A tick is a nanosecond.
 */
#include "findings/findings_internal.h"
#include "findings_helper.h"

/* Runs 20, 20 and 40 ms apart in turn, of so long each, then one of 200 ms. */
static const struct finding *irregular_timer(bool of_node, uint64_t each)
{
	static char run_timers[] = "_ZN4node11Environment9RunTimersEP10uv_timer_s";
	uint64_t at = 0;

	set_up(1000 * MS, 0);
	sites[SITE_TIMER].callback_symbol = of_node ? run_timers : names[SITE_TIMER];
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 1; i <= 10; i++) {
		at += i % 3 ? 20 * MS : 40 * MS;
		FEED(0, wait(at - 5 * MS, 5 * MS, 0), poll(at, each, SITE_TIMER, 1));
	}
	FEED(0, wait(at + 20 * MS, 10 * MS, 0), poll(at + 30 * MS, 200 * MS, SITE_TIMER, 1),
	     wait(at + 240 * MS, 100 * MS, 0));
	finish();
	find(NULL, 0);
	sites[SITE_TIMER].callback_symbol = names[SITE_TIMER];
	return finding_of(FINDING_BLOCKED);
}

/* node's one timer serves all of a program's, however irregular that makes it. */
Test(findings_costs, the_one_timer_of_node_need_not_be_regular)
{
	cr_assert_eq(irregular_timer(true, 1000)->severity, SEVERITY_WARNING);
	cr_assert_geq(finding_of(FINDING_BLOCKED)->cost_ns, 160 * MS);
	done();
	cr_assert_eq(irregular_timer(false, 1000)->severity, SEVERITY_NOTE, "another's is not");
	done();
	cr_assert_eq(irregular_timer(true, 14 * MS)->severity, SEVERITY_NOTE, "a chain of slices");
	done();
}

/* A timer each 20 ms, so often; then its callback takes 200 ms. */
static enum severity regular_timer(uint64_t intervals)
{
	uint64_t last = 20 * MS * (intervals + 1);

	set_up(1000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t at = 20 * MS; at < last; at += 20 * MS)
		FEED(0, wait(at - 5 * MS, 5 * MS, 0), poll(at, 1000, SITE_TIMER, 1));
	FEED(0, wait(last - 5 * MS, 5 * MS, 0), poll(last, 200 * MS, SITE_TIMER, 1),
	     wait(last + 210 * MS, 50 * MS, 0));
	finish();
	find(NULL, 0);
	enum severity severity = finding_of(FINDING_BLOCKED)->severity;
	done();
	return severity;
}

Test(findings_costs, some_intervals_say_how_often_a_timer_is_due)
{
	cr_assert_eq(regular_timer(7), SEVERITY_NOTE);
	cr_assert_eq(regular_timer(8), SEVERITY_WARNING);
}

/* 90 ms, of which it waited for a CPU for so long and slept for the rest; somebody waited behind
 * it. */
static const struct finding *held(uint64_t wait_ns, const struct stall *stalls, size_t count)
{
	sample(0, 100 * MS, 0, 0);
	sample(1, 200 * MS, 0, wait_ns);
	set_up(2000 * MS, 2);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 104 * MS, 2),
	     poll(105 * MS, 90 * MS, SITE_READ, 1), poll(196 * MS, 1000, SITE_ASYNC, 2),
	     wait(200 * MS, 100 * MS, 0));
	finish();
	find(stalls, count);
	return finding_of(FINDING_BLOCKED_SYSCALL);
}

static const struct trace_stall in_fsync = {.syscall = 74};

/* The machine was busy: what it slept for may have waited for a CPU, too. */
Test(findings_costs, nobody_is_convicted_unseen_on_a_busy_machine)
{
	const struct stall stall = {.tick = 150 * MS,
				    .poll_tick = 105 * MS,
				    .ticks = 90 * MS,
				    .site = SITE_READ,
				    .cause = STALL_SYSCALL,
				    .stall_sample = &in_fsync};

	cr_assert_eq(held(40 * MS, NULL, 0)->severity, SEVERITY_WARNING);
	done();
	cr_assert_eq(held(55 * MS, NULL, 0)->severity, SEVERITY_NOTE);
	done();
	cr_assert_eq(held(55 * MS, &stall, 1)->severity, SEVERITY_WARNING, "this one was seen");
	done();
}

/* A callback of that thread in Atomics.wait() or another call, while another one waited. */
static enum severity waited(uint32_t tid, char *call)
{
	struct symbol_info user = {.name = "take", .text = "take app.js:3", .file = "app.js"};
	struct trace_script script = {.function = "take", .file = "app.js", .line = 3};
	struct stack_frame frame = {.symbol = &user, .script = &script};
	const struct stall stall = {
	    .tick = 150 * MS,
	    .poll_tick = 105 * MS,
	    .ticks = 90 * MS,
	    .site = SITE_READ,
	    .cause = STALL_SYSCALL,
	    .stall_sample = &in_fsync,
	    .script = {.user = &frame, .label = &user, .call_name = call},
	};
	enum severity severity;

	sample(0, 100 * MS, 0, 0);
	sample(1, 200 * MS, 0, 0);
	set_up(2000 * MS, 2);
	process.pid = 70;
	workers[0].tid = tid;
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 104 * MS, 2),
	     poll(105 * MS, 90 * MS, SITE_READ, 1), poll(196 * MS, 1000, SITE_ASYNC, 2),
	     wait(200 * MS, 100 * MS, 0));
	finish();
	find(&stall, 1);
	severity = finding_of(FINDING_BLOCKED_SYSCALL)->severity;
	done();
	return severity;
}

Test(findings_costs, a_worker_thread_may_wait_for_its_tasks)
{
	char atomics[] = "Atomics.wait", read[] = "fs.readSync";

	cr_assert_eq(waited(71, atomics), SEVERITY_NOTE);
	cr_assert_eq(waited(70, atomics), SEVERITY_WARNING, "the main thread may not");
	cr_assert_eq(waited(71, read), SEVERITY_WARNING);
}

/* A worker that lived for 100 of 2,000 ms, in uv_run for 90 of them. */
Test(findings_costs, a_loop_is_judged_by_its_own_life)
{
	set_up(2000 * MS, 0);
	workers[0].first_tick = 1000 * MS;
	workers[0].last_tick = 1100 * MS;
	FEED(0, instant(1010 * MS, 0x10, TRACE_LOOP_ENTER), wait(1011 * MS, 50 * MS, 1),
	     poll(1062 * MS, 1000, SITE_READ, 1), instant(1100 * MS, 0x10, TRACE_LOOP_LEAVE));
	finish();
	find(NULL, 0);
	cr_assert(was_inside(timeline, 0));
	done();
}
