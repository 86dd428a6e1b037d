/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings about callbacks that block a loop, time outside uv_run, and the callback in which a
 * program died. A tick is a nanosecond.
 */
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
