/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings about callbacks that block a loop, time outside uv_run, and the callback in which a
 * program died. A tick is a nanosecond.
 */
#include "findings/findings_internal.h"
#include "findings_helper.h"

/* 60 ms in a callback, between two samples that lie 100 ms apart; the rest was parked. */
static void one_callback(uint64_t cpu_ns, uint64_t wait_ns)
{
	sample(0, 100 * MS, 0, 0);
	sample(1, 200 * MS, cpu_ns, wait_ns);
	set_up(400 * MS, 2);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 119 * MS, 1),
	     poll(120 * MS, 60 * MS, SITE_READ, 1), wait(180 * MS, 200 * MS, 0));
	finish();
}

Test(findings_blocked, tells_computing_from_sleeping)
{
	one_callback(58 * MS, MS);
	find(NULL, 0);
	cr_assert_eq(findings->list[0].id, FINDING_BLOCKED_CPU);
	done();
	one_callback(MS, MS);
	find(NULL, 0);
	cr_assert_eq(findings->list[0].id, FINDING_BLOCKED_SYSCALL);
	done();
}

Test(findings_blocked, does_not_blame_a_callback_that_was_not_run)
{
	one_callback(4 * MS, 55 * MS);
	find(NULL, 0);
	for (size_t i = 0; i < findings->count; i++)
		cr_assert_str_neq(findings->list[i].text.culprit, "on_read", "%s",
				  findings->list[i].id);
	done();
}

static const struct symbol_info mutex_lock = {.text = "pthread_mutex_lock"};

Test(findings_blocked, takes_a_stall_as_proof)
{
	const struct stall stall = {.tick = 150 * MS,
				    .poll_tick = 120 * MS,
				    .ticks = 30 * MS,
				    .site = SITE_READ,
				    .cause = STALL_LOCK,
				    .in = {.kind = STALL_IN_CODE, .own = &mutex_lock}};

	one_callback(MS, MS);
	find(&stall, 1);
	cr_assert_eq(findings->list[0].id, FINDING_BLOCKED_LOCK);
	cr_assert_float_eq(findings->list[0].confidence, 1, 1e-9);
	cr_assert_not_null(strstr(findings->list[0].text.evidence, "pthread_mutex_lock"));
	done();
}

static const struct trace_stall in_fsync = {.syscall = 74}, in_read = {.syscall = 0},
				computing = {.syscall = -1};

/* A function. */
#define IN(name) (&(const struct symbol_info){.text = name})

static struct stall stall_of(uint64_t poll_tick, uint64_t at, uint64_t ticks,
			     enum stall_cause cause, const struct symbol_info *what,
			     const struct trace_stall *stall_sample)
{
	return (struct stall){.tick = at,
			      .poll_tick = poll_tick,
			      .ticks = ticks,
			      .site = SITE_READ,
			      .cause = cause,
			      .in = {.kind = STALL_IN_CODE, .own = what},
			      .stall_sample = stall_sample};
}

/* What runs on the loop is the after_work callback; work is what the pool does. */
Test(findings_blocked, work_is_what_the_pool_does)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER),
	     instant(2, 0x40, TRACE_CODE_SUBMIT + SITE_AFTER), wait(1 * MS, 50 * MS, 1),
	     poll(60 * MS, 120 * MS, SITE_AFTER, 0x30), wait(190 * MS, 10 * MS, 1));
	finish();
	timeline->pending.spans = calloc(1, sizeof(*timeline->pending.spans));
	cr_assert_not_null(timeline->pending.spans);
	timeline->pending.count = 1;
	timeline->pending.spans[0] =
	    (struct timeline_span){.tick = 5, .duration = 390 * MS, .site = SITE_AFTER};
	timeline->options.pending_ns = 0;
	find(NULL, 0);
	const struct finding *blocked = finding_of(FINDING_BLOCKED);
	cr_assert(strstr(blocked->text.evidence,
			 "; kind after_work (on the loop, behind its work on the pool), "),
		  "%s", blocked->text.evidence);
	cr_assert_eq(strncmp(finding_of(FINDING_PENDING_REQUEST)->text.title,
			     "A request (work) for on_hashed ", 31),
		     0, "%s", finding_of(FINDING_PENDING_REQUEST)->text.title);
	done();
}

/* The 30 ms of the longest look name the cause; 29 ms of others are not passed over, 3 ms are. */
Test(findings_blocked, says_what_else_a_stuck_callback_was_in)
{
	struct stall stalls[] = {
	    stall_of(120 * MS, 150 * MS, 30 * MS, STALL_LOCK, IN("pthread_mutex_lock"), &computing),
	    stall_of(120 * MS, 160 * MS, 10 * MS, STALL_CPU, IN("parse_line"), &computing),
	    stall_of(120 * MS, 179 * MS, 19 * MS, STALL_SYSCALL, IN("fsync"), &in_fsync),
	};

	one_callback(MS, MS);
	find(stalls, 3);
	cr_assert_eq(findings->list[0].id, FINDING_BLOCKED_LOCK);
	cr_assert_not_null(strstr(findings->list[0].text.evidence,
				  "For 29.0 ms it was stalled elsewhere, mostly in fsync."));
	done();
	stalls[1].ticks = 2 * MS;
	stalls[2].ticks = MS;
	one_callback(MS, MS);
	find(stalls, 3);
	cr_assert_null(strstr(findings->list[0].text.evidence, "stalled elsewhere"));
	done();
	stalls[1].ticks = 40 * MS;
	one_callback(MS, MS);
	find(stalls, 3);
	cr_assert_null(finding_of(FINDING_BLOCKED_LOCK), "it computed for longer");
	cr_assert_not_null(finding_of(FINDING_BLOCKED_CPU));
	done();
}

/* Six runs of one callback: two computed, two were in fsync, one in read; at one nobody looked. */
Test(findings_blocked, tells_runs_of_one_callback_apart_by_what_they_were_in)
{
	const struct stall stalls[] = {
	    stall_of(100 * MS, 130 * MS, 40 * MS, STALL_CPU, IN("parse_line"), &computing),
	    stall_of(200 * MS, 230 * MS, 30 * MS, STALL_SYSCALL, IN("fsync(fd 3)"), &in_fsync),
	    stall_of(300 * MS, 330 * MS, 30 * MS, STALL_SYSCALL, IN("read(fd 4)"), &in_read),
	    stall_of(400 * MS, 430 * MS, 60 * MS, STALL_SYSCALL, IN("fsync(fd 5)"), &in_fsync),
	    stall_of(500 * MS, 530 * MS, 50 * MS, STALL_CPU, IN("sort_lines"), &computing),
	};
	const struct finding *found;

	set_up(900 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(2, 100 * MS - 2, 1),
	     poll(100 * MS, 40 * MS, SITE_READ, 1), wait(140 * MS, 60 * MS, 1),
	     poll(200 * MS, 30 * MS, SITE_READ, 1), wait(230 * MS, 70 * MS, 1),
	     poll(300 * MS, 30 * MS, SITE_READ, 1), wait(330 * MS, 70 * MS, 1),
	     poll(400 * MS, 60 * MS, SITE_READ, 1), wait(460 * MS, 40 * MS, 1),
	     poll(500 * MS, 50 * MS, SITE_READ, 1), wait(550 * MS, 50 * MS, 1),
	     poll(600 * MS, 25 * MS, SITE_READ, 1), wait(625 * MS, 200 * MS, 1));
	finish();
	find(stalls, 5);
	cr_assert_geq(findings->count, 3u);
	for (size_t i = 0; i < 3; i++) {
		found = &findings->list[i];
		cr_assert_str_eq(found->text.culprit, "on_read");
		if (strstr(
			found->text.title,
			"sort_lines")) { /* the heavier of two looks, of the longer of two runs */
			cr_assert_eq(found->id, FINDING_BLOCKED_CPU);
			cr_assert_not_null(strstr(found->text.title, "for 50.0 ms"));
			cr_assert_not_null(strstr(found->text.evidence,
						  "2 runs of 10 ms or longer, 90.0 ms together;"));
		} else if (strstr(found->text.title,
				  "fsync(fd 5)")) { /* 30 and 60, and the 25 of nobody knows what */
			cr_assert_eq(found->id, FINDING_BLOCKED_SYSCALL);
			cr_assert_not_null(
			    strstr(found->text.evidence,
				   "3 runs of 10 ms or longer, 115 ms together, 1 not sampled;"));
		} else {
			cr_assert_not_null(
			    strstr(found->text.title, "for 30.0 ms: off-CPU in read(fd 4)"));
			cr_assert_not_null(strstr(found->text.evidence,
						  "1 run of 10 ms or longer, 30.0 ms together;"));
			cr_assert_not_null(strstr(found->text.evidence, "1 stall sample;"));
		}
	}
	done();
}

/* ---- What it cost, and what explains it -------------------------------------------------------
 */

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

/* One call, seen in the kernel first and then computing, for longer; the CPU time of a run that
 * nobody saw says that it computed. That is one cause. */
Test(findings_costs, what_one_call_mostly_did_speaks_for_runs_that_nobody_saw)
{
	char call[] = "fs.statSync";
	struct symbol_info user = {.name = "walk", .text = "walk app.js:3", .file = "app.js"};
	struct trace_script script = {.function = "walk", .file = "app.js", .line = 3};
	struct stack_frame frame = {.symbol = &user, .script = &script};
	struct stall stalls[] = {{.tick = 120 * MS,
				  .poll_tick = 105 * MS,
				  .ticks = 30 * MS,
				  .cause = STALL_SYSCALL,
				  .stall_sample = &in_fsync},
				 {.tick = 220 * MS,
				  .poll_tick = 205 * MS,
				  .ticks = 40 * MS,
				  .cause = STALL_CPU,
				  .stall_sample = &computing}};

	for (size_t i = 0; i < 2; i++) {
		stalls[i].site = SITE_READ;
		stalls[i].script =
		    (struct stall_script){.user = &frame, .label = &user, .call_name = call};
	}
	for (size_t i = 0; i < 6; i++)
		sample(i, (i + 1) * 100 * MS, i * 90 * MS, 0);
	set_up(2000 * MS, 6);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 104 * MS, 1),
	     poll(105 * MS, 30 * MS, SITE_READ, 1), wait(140 * MS, 65 * MS, 1),
	     poll(205 * MS, 40 * MS, SITE_READ, 1), wait(250 * MS, 60 * MS, 1),
	     poll(310 * MS, 180 * MS, SITE_READ, 1), wait(500 * MS, 100 * MS, 0));
	finish();
	find(stalls, 2);
	cr_assert_eq(finding_fact(finding_of(FINDING_BLOCKED_CPU), FACT_runs)->whole, 3u);
	cr_assert_null(finding_of(FINDING_BLOCKED_SYSCALL));
	done();
}
