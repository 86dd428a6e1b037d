/* SPDX-License-Identifier: Apache-2.0
 *
 * Measures and findings on items made by hand (a tick is a nanosecond): what waited for what and how long is known
 * here by construction. Gates and thresholds: what is taken and what is refused.
 */
#include "findings_helper.h"

#include <errno.h>
#include <stdlib.h>

#include "report/formats/gate.h"

/* ---- Measures ------------------------------------------------------------------------------------------------- */

Test(findings, measures_what_a_callback_stood_behind)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 3), poll(100 * MS, 40 * MS, SITE_READ, 1),
	     poll(140 * MS, 1000, SITE_TIMER, 2), poll(141 * MS, 1000, SITE_TIMER, 3), wait(142 * MS, 1000, 2),
	     poll(143 * MS, 1000, SITE_TIMER, 2), wait(150 * MS, 200 * MS, 0));
	finish();
	const struct timeline_site_turns *turns = &timeline->sites[SITE_TIMER].turns;
	cr_assert_eq(turns->worst.delay, 41 * MS);
	cr_assert_eq(turns->worst.behind, (uint32_t)SITE_READ);
	cr_assert_eq(turns->worst.polls, 2u);
	/* Two behind it in the turn; two that the next wait found ready at once, half as long each. */
	cr_assert_eq(timeline->sites[SITE_READ].turns.held_ticks, 2 * 40 * MS + 2 * 20 * MS);
	cr_assert_eq(timeline->most_timers.timers, 2u);
	find(NULL, 0);
	cr_assert_str_eq(findings->list[0].id, "blocked");
	cr_assert_str_eq(findings->list[0].culprit, "on_read");
	cr_assert_eq(findings->list[0].cost_ns, 120 * MS);
	done();
}

Test(findings, cuts_a_wakeup_in_three)
{
	set_up(MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(2, 98, 0), poll(100, 100, SITE_TIMER, 1), wait(250, 100, 1),
	     poll(350, 10, SITE_READ, 3), poll(370, 10, SITE_ASYNC, 7), wait(400, 1000, 0));
	FEED(1, instant(150, 7, TRACE_ASYNC_SEND), instant(160, 7, TRACE_ASYNC_SEND),
	     instant(161, 8, TRACE_ASYNC_SEND));
	finish();
	const struct timeline_wakeups *wakeups = &timeline->sites[SITE_ASYNC].wakeups;
	cr_assert_eq(wakeups->latency.count, 1u);
	cr_assert_eq(wakeups->latency.sum, 220u);
	cr_assert_eq(wakeups->busy_ticks, 100u);
	cr_assert_eq(wakeups->kernel_ticks, 100u);
	cr_assert_eq(wakeups->queue_ticks, 20u);
	cr_assert_eq(wakeups->sends, 2u);
	cr_assert_eq(wakeups->coalesced, 1u);
	done();
}

Test(findings, follows_requests_to_their_end)
{
	set_up(9000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), instant(10, 5, TRACE_CODE_SUBMIT + SITE_WRITE),
	     instant(20, 6, TRACE_CODE_SUBMIT + SITE_WRITE), wait(30, 970, 1), poll(1010, 5, SITE_WRITE, 5));
	finish();
	cr_assert_eq(timeline->sites[SITE_WRITE].life.count, 1u);
	cr_assert_eq(timeline->sites[SITE_WRITE].life.sum, 1000u);
	cr_assert_eq(timeline->pending.count, 1u);
	cr_assert_eq(timeline->pending.spans[0].object, 6u);
	find(NULL, 0);
	cr_assert_str_eq(findings->list[0].id, "pending_request");
	cr_assert_str_eq(findings->list[0].culprit, "on_write");
	done();
}

Test(findings, says_nothing_of_requests_before_a_loss)
{
	set_up(9000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), instant(10, 5, TRACE_CODE_SUBMIT + SITE_WRITE),
	     instant(20, 17, TRACE_LOST_FULL), wait(30, 970, 1));
	finish();
	cr_assert_eq(timeline->pending.seen, 0u);
	done();
}

/* Eight requests of 10 ms that all come at once. */
static void arrivals_make(bool lookup)
{
	timeline->arrivals = calloc(8, sizeof(*timeline->arrivals));
	cr_assert_not_null(timeline->arrivals);
	timeline->arrival_count = 8;
	timeline->pool_threads = 4;
	for (size_t i = 0; i < 8; i++)
		timeline->arrivals[i] =
		    (struct timeline_arrival){.submit_tick = 5, .run_ticks = 10 * MS, .lookup = lookup};
}

Test(findings, asks_what_other_pool_sizes_would_have_done)
{
	struct measures_pool pool;

	set_up(MS, 0);
	arrivals_make(false);
	cr_assert_eq(measures_pool(timeline, MS, &pool), 0);
	cr_assert_eq(pool.sizes[0].threads, 1u);
	cr_assert_eq(pool.sizes[0].max_ns, 70 * MS);
	cr_assert_eq(pool.sizes[1].max_ns, 30 * MS);
	cr_assert_eq(pool.sizes[3].max_ns, 10 * MS);
	cr_assert_eq(pool.enough, 8u);
	done();
	/* Lookups may use half of the pool. */
	set_up(MS, 0);
	arrivals_make(true);
	cr_assert_eq(measures_pool(timeline, MS, &pool), 0);
	cr_assert_eq(pool.sizes[3].threads, 4u);
	cr_assert_eq(pool.sizes[3].max_ns, 30 * MS);
	cr_assert_eq(pool.enough, 16u);
	cr_assert(pool.cap_reached);
	done();
}

/* 60 ms in a callback, between two samples that lie 100 ms apart; the rest was parked. */
static void one_callback(uint64_t cpu_ns, uint64_t wait_ns)
{
	sample(0, 100 * MS, 0, 0);
	sample(1, 200 * MS, cpu_ns, wait_ns);
	set_up(400 * MS, 2);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 119 * MS, 1), poll(120 * MS, 60 * MS, SITE_READ, 1),
	     wait(180 * MS, 200 * MS, 0));
	finish();
}

Test(findings, tells_computing_from_sleeping)
{
	one_callback(58 * MS, MS);
	find(NULL, 0);
	cr_assert_str_eq(findings->list[0].id, "blocked_cpu");
	done();
	one_callback(MS, MS);
	find(NULL, 0);
	cr_assert_str_eq(findings->list[0].id, "blocked_syscall");
	done();
}

Test(findings, does_not_blame_a_callback_that_was_not_run)
{
	one_callback(4 * MS, 55 * MS);
	find(NULL, 0);
	for (size_t i = 0; i < findings->count; i++)
		cr_assert_str_neq(findings->list[i].culprit, "on_read", "%s", findings->list[i].id);
	done();
}

Test(findings, takes_a_stall_as_proof)
{
	const struct stall stall = {.tick = 150 * MS,
				    .poll_tick = 120 * MS,
				    .ticks = 30 * MS,
				    .site = SITE_READ,
				    .cause = STALL_LOCK,
				    .what = "pthread_mutex_lock"};

	one_callback(MS, MS);
	find(&stall, 1);
	cr_assert_str_eq(findings->list[0].id, "blocked_lock");
	cr_assert_float_eq(findings->list[0].confidence, 1, 1e-9);
	cr_assert_not_null(strstr(findings->list[0].evidence, "pthread_mutex_lock"));
	done();
}

static const struct trace_stall in_fsync = {.syscall = 74}, in_read = {.syscall = 0}, computing = {.syscall = -1};

static struct stall stall_of(uint64_t poll_tick, uint64_t at, uint64_t ticks, enum stall_cause cause, const char *what,
			     const struct trace_stall *look)
{
	return (struct stall){.tick = at,
			      .poll_tick = poll_tick,
			      .ticks = ticks,
			      .site = SITE_READ,
			      .cause = cause,
			      .what = what,
			      .look = look};
}

/* The 30 ms of the longest look name the cause; 29 ms of others are not passed over, 3 ms are. */
Test(findings, says_what_else_a_stuck_callback_was_in)
{
	struct stall stalls[] = {
	    stall_of(120 * MS, 150 * MS, 30 * MS, STALL_LOCK, "pthread_mutex_lock", &computing),
	    stall_of(120 * MS, 160 * MS, 10 * MS, STALL_CPU, "parse_line", &computing),
	    stall_of(120 * MS, 179 * MS, 19 * MS, STALL_SYSCALL, "fsync", &in_fsync),
	};

	one_callback(MS, MS);
	find(stalls, 3);
	cr_assert_str_eq(findings->list[0].id, "blocked_lock");
	cr_assert_not_null(strstr(findings->list[0].evidence, "For 29.0 ms something else held it, mostly fsync."));
	done();
	stalls[1].ticks = 2 * MS;
	stalls[2].ticks = MS;
	one_callback(MS, MS);
	find(stalls, 3);
	cr_assert_null(strstr(findings->list[0].evidence, "something else"));
	done();
}

/* Six runs of one callback: two computed, two were in fsync, one in read; at one nobody looked. */
Test(findings, tells_runs_of_one_callback_apart_by_what_they_were_in)
{
	const struct stall stalls[] = {
	    stall_of(100 * MS, 130 * MS, 40 * MS, STALL_CPU, "parse_line", &computing),
	    stall_of(200 * MS, 230 * MS, 30 * MS, STALL_SYSCALL, "fsync(fd 3)", &in_fsync),
	    stall_of(300 * MS, 330 * MS, 30 * MS, STALL_SYSCALL, "read(fd 4)", &in_read),
	    stall_of(400 * MS, 430 * MS, 60 * MS, STALL_SYSCALL, "fsync(fd 5)", &in_fsync),
	    stall_of(500 * MS, 530 * MS, 50 * MS, STALL_CPU, "sort_lines", &computing),
	};
	const struct finding *found;

	set_up(900 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(2, 100 * MS - 2, 1), poll(100 * MS, 40 * MS, SITE_READ, 1),
	     wait(140 * MS, 60 * MS, 1), poll(200 * MS, 30 * MS, SITE_READ, 1), wait(230 * MS, 70 * MS, 1),
	     poll(300 * MS, 30 * MS, SITE_READ, 1), wait(330 * MS, 70 * MS, 1), poll(400 * MS, 60 * MS, SITE_READ, 1),
	     wait(460 * MS, 40 * MS, 1), poll(500 * MS, 50 * MS, SITE_READ, 1), wait(550 * MS, 50 * MS, 1),
	     poll(600 * MS, 25 * MS, SITE_READ, 1), wait(625 * MS, 200 * MS, 1));
	finish();
	find(stalls, 5);
	cr_assert_geq(findings->count, 3u);
	for (size_t i = 0; i < 3; i++) {
		found = &findings->list[i];
		cr_assert_str_eq(found->culprit, "on_read");
		if (strstr(found->title, "sort_lines")) { /* the heavier of two looks, of the longer of two runs */
			cr_assert_str_eq(found->id, "blocked_cpu");
			cr_assert_not_null(strstr(found->title, "for 50.0 ms"));
			cr_assert_not_null(strstr(found->evidence, "2 runs of 10.0 ms or longer, 90.0 ms together;"));
		} else if (strstr(found->title, "fsync(fd 5)")) { /* 30 and 60, and the 25 of nobody knows what */
			cr_assert_str_eq(found->id, "blocked_syscall");
			cr_assert_not_null(strstr(found->evidence, "3 runs of 10.0 ms or longer, 115 ms together, 1 of "
								   "which nobody looked at;"));
		} else {
			cr_assert_not_null(strstr(found->title, "for 30.0 ms: it was in read(fd 4)"));
			cr_assert_not_null(strstr(found->evidence, "1 run of 10.0 ms or longer, 30.0 ms together;"));
			cr_assert_not_null(strstr(found->evidence, "Looked at 1 time;"));
		}
	}
	done();
}

/* ---- What is typed -------------------------------------------------------------------------------------------- */

Test(findings, sets_thresholds)
{
	struct thresholds set = thresholds_default();

	cr_assert_eq(thresholds_set(&set, "blocked=50ms"), 0);
	cr_assert_float_eq(set.values[LIMIT_blocked], 50e6, 1);
	cr_assert_eq(thresholds_set(&set, "storm_timers=7"), 0);
	cr_assert_float_eq(set.values[LIMIT_storm_timers], 7, 1e-9);
	cr_assert_eq(thresholds_set(&set, "nothing=7"), -ENOENT);
	cr_assert_eq(thresholds_set(&set, "block=7ms"), -ENOENT);
	cr_assert_eq(thresholds_set(&set, "blocked"), -EINVAL);
	cr_assert_eq(thresholds_set(&set, "blocked=7"), -EINVAL);
	cr_assert_eq(thresholds_set(&set, "hot_loop=1.5"), -EINVAL);
	cr_assert_eq(thresholds_set(&set, "hot_loop=nan"), -EINVAL);
}

Test(findings, parses_gates)
{
	struct gate gate;

	cr_assert_eq(gate_parse(&gate, "long_poll>50ms"), 0);
	cr_assert_eq(gate_parse(&gate, "finding>=warning"), 0);
	cr_assert_eq(gate_parse(&gate, "finding==pool_dns"), 0);
	cr_assert_eq(gate_parse(&gate, "lost<=3"), 0);
	cr_assert_eq(gate_parse(&gate, "long_poll"), -EINVAL);
	cr_assert_eq(gate_parse(&gate, "long_poll>50"), -EINVAL);
	cr_assert_eq(gate_parse(&gate, "finding>pool_dns"), -EINVAL);
	cr_assert_eq(gate_parse(&gate, "lost>x"), -EINVAL);
	cr_assert_eq(gate_parse(&gate, "nothing>1"), -ENOENT);
	cr_assert_eq(gate_parse(&gate, ""), -ENOENT);
}

Test(findings, fails_a_gate_and_says_why)
{
	static const struct {
		const char *text;
		bool fails;
	} cases[] = {
	    {"long_poll>50ms", true},	{"long_poll>60ms", false},	{"long_poll>=60ms", true},
	    {"finding>=warning", true}, {"finding==blocked_cpu", true}, {"finding==pool_dns", false},
	    {"lost>0", false},
	};

	one_callback(58 * MS, MS);
	find(NULL, 0);
	struct report report = {.timeline = timeline, .symbols = symbols, .findings = findings};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct gate gate;
		char *why;
		cr_assert_eq(gate_parse(&gate, cases[i].text), 0);
		cr_assert_eq(gate_fails(&gate, &report, &why), cases[i].fails, "%s", cases[i].text);
		cr_assert_eq(why != NULL, cases[i].fails);
		free(why);
	}
	done();
}

/* ---- Timers by their due time --------------------------------------------------------------------------------- */

/* Due at 100 ms: a callback ran from 90 to 130, the loop waited until 131, another ran before it until 135. */
Test(findings, cuts_lateness_in_three)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 89 * MS, 1), poll(90 * MS, 40 * MS, SITE_READ, 1),
	     wait(130 * MS, 1 * MS, 1), poll(131 * MS, 4 * MS, SITE_READ, 1), instant(135 * MS, 100, TRACE_TIMER_DUE),
	     poll(136 * MS, 1000, SITE_TIMER, 2), wait(140 * MS, 200 * MS, 0));
	finish();
	const struct timeline_timers *timers = &timeline->sites[SITE_TIMER].turns.timers;
	cr_assert_eq(timers->late.count, 1u);
	cr_assert_eq(timers->late.max, 36 * MS);
	cr_assert_eq(timers->queue_ticks, 5 * MS);
	cr_assert_eq(timers->kernel_ticks, 1 * MS);
	cr_assert_eq(timers->busy_ticks, 30 * MS);
	cr_assert_eq(timers->worst.behind, (uint32_t)SITE_READ);
	cr_assert_eq(timers->worst.behind_ticks, 40 * MS);
	cr_assert_eq(timers->early.count, 0u);
	done();
}

/* Started at 150 ms for 30 ms, by a uv_now of 110: libuv's due time is 140. What ran at 152 came 28 ms early; what ran
 * at 190, where the loop waited on, 10 ms late. A due time that is another one's tells nothing. */
Test(findings, holds_timers_against_what_was_asked_for)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 109 * MS, 1),
	     instant(110 * MS, 1, TRACE_CODE_POLL + SITE_READ), instant(150 * MS, 110, TRACE_LOOP_TIME),
	     instant(150 * MS, 140, TRACE_TIMER_DUE), instant(150 * MS, 0x20, TRACE_TIMER_START),
	     instant(150 * MS, 110, TRACE_LOOP_TIME), instant(150 * MS, 140, TRACE_TIMER_DUE),
	     instant(150 * MS, 0x30, TRACE_TIMER_START), instant(150 * MS, 110, TRACE_LOOP_TIME),
	     instant(150 * MS, 140, TRACE_TIMER_DUE), instant(150 * MS, 0x40, TRACE_TIMER_START),
	     instant(151 * MS, 0, TRACE_POLL_END), instant(151 * MS, 140, TRACE_TIMER_DUE),
	     poll(152 * MS, 1000, SITE_TIMER, 0x20), wait(153 * MS, 30 * MS, 0),
	     instant(183 * MS, 140, TRACE_TIMER_DUE), poll(190 * MS, 1000, SITE_TIMER, 0x30),
	     instant(191 * MS, 185, TRACE_TIMER_DUE), poll(195 * MS, 1000, SITE_TIMER, 0x40));
	finish();
	const struct timeline_timers *timers = &timeline->sites[SITE_TIMER].turns.timers;
	cr_assert_eq(timers->early.count, 1u);
	cr_assert_eq(timers->early.max, 28 * MS);
	cr_assert_eq(timers->worst_early.asked, 30 * MS);
	cr_assert_eq(timers->worst_early.site, (uint32_t)SITE_READ);
	cr_assert_eq(timers->late.count, 3u);
	cr_assert_eq(timers->late.min, 0u);
	cr_assert_eq(timers->late.max, 10 * MS);
	cr_assert_eq(timers->late.sum, 20 * MS);
	done();
}

/* A due time is the next timer's alone: whatever comes between, or a loss, takes it away. */
Test(findings, takes_no_due_time_for_another_callback)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 99 * MS, 1), instant(100 * MS, 50, TRACE_TIMER_DUE),
	     poll(100 * MS, 1000, SITE_READ, 1), poll(101 * MS, 1000, SITE_TIMER, 2),
	     instant(102 * MS, 50, TRACE_TIMER_DUE), instant(102 * MS, 7, TRACE_LOST_FULL),
	     poll(103 * MS, 1000, SITE_TIMER, 2), instant(104 * MS, 0xffffffffffff, TRACE_TIMER_DUE),
	     poll(105 * MS, 1000, SITE_TIMER, 2));
	finish();
	cr_assert_eq(timeline->sites[SITE_READ].turns.timers.late.count, 0u);
	cr_assert_eq(timeline->sites[SITE_TIMER].turns.timers.late.count, 1u);
	cr_assert_eq(timeline->sites[SITE_TIMER].turns.timers.late.sum, 0u, "due after the end of all times");
	done();
}

/* ---- Between two calls of uv_run ------------------------------------------------------------------------------ */

static const struct finding *not_run(void)
{
	for (size_t i = 0; i < findings->count; i++) {
		if (strcmp(findings->list[i].id, "loop_not_run") == 0)
			return &findings->list[i];
	}
	return NULL;
}

/* Out from 20 to 80 ms, and for a moment; the timer was due at 30 ms. */
Test(findings, names_a_loop_that_nobody_ran)
{
	set_up(400 * MS, 0);
	FEED(0, instant(10 * MS, 0x10, TRACE_LOOP_ENTER), instant(15 * MS, 0, TRACE_TURN),
	     instant(20 * MS, 0x10, TRACE_LOOP_LEAVE), instant(80 * MS, 0x10, TRACE_LOOP_ENTER),
	     instant(80 * MS, 30, TRACE_TIMER_DUE), poll(80 * MS, 1000, SITE_TIMER, 1), instant(81 * MS, 2, TRACE_TURN),
	     instant(82 * MS, 0x10, TRACE_LOOP_LEAVE), instant(83 * MS, 0x10, TRACE_LOOP_ENTER),
	     instant(84 * MS, 5, TRACE_TURN), instant(85 * MS, 0x10, TRACE_LOOP_LEAVE));
	finish();
	cr_assert_eq(timeline->away.count, 1u);
	cr_assert_eq(timeline->away.spans[0].tick, 20 * MS);
	cr_assert_eq(timeline->away.spans[0].duration, 60 * MS);
	cr_assert_eq(timeline->workers[0].away_late_ticks, 50 * MS);
	find(NULL, 0);
	const struct finding *finding = not_run();
	cr_assert_not_null(finding);
	cr_assert_eq(finding->severity, SEVERITY_ERROR, "15 %% of the time");
	cr_assert_eq(finding->cost_ns, 50 * MS + 2 * 30 * MS, "two descriptors waited for half of it on average");
	cr_assert_eq(finding->to_ns - finding->from_ns, 60 * MS);
	cr_assert_not_null(strstr(finding->evidence, "1 time 10.0 ms or longer between two calls of uv_run"));
	done();
}

/* Descriptors that are ready when it comes back may be what it waited for by itself: unless it computed. */
Test(findings, lets_a_program_wait_for_its_loop_by_itself)
{
	for (uint64_t cpu_ns = 1 * MS; cpu_ns <= 59 * MS; cpu_ns += 58 * MS) {
		sample(0, 20 * MS, 0, 0);
		sample(1, 80 * MS, cpu_ns, 0);
		set_up(400 * MS, 2);
		FEED(0, instant(10 * MS, 0x10, TRACE_LOOP_ENTER), instant(15 * MS, 0, TRACE_TURN),
		     instant(20 * MS, 0x10, TRACE_LOOP_LEAVE), instant(80 * MS, 0x10, TRACE_LOOP_ENTER),
		     instant(81 * MS, 1, TRACE_TURN), instant(82 * MS, 0x10, TRACE_LOOP_LEAVE));
		finish();
		cr_assert_eq(timeline->away.count, 1u);
		find(NULL, 0);
		cr_assert_eq(not_run() != NULL, cpu_ns > 30 * MS);
		done();
	}
}

/* Between loops that run inside a callback, where events are lost, and where nothing waited. */
Test(findings, takes_nothing_else_for_a_loop_that_nobody_ran)
{
	set_up(900 * MS, 0);
	FEED(0, instant(1 * MS, 0x10, TRACE_LOOP_ENTER), instant(2 * MS, 1, TRACE_CODE_POLL + SITE_READ),
	     instant(3 * MS, 0x20, TRACE_LOOP_ENTER), instant(4 * MS, 1, TRACE_TURN),
	     instant(5 * MS, 0x20, TRACE_LOOP_LEAVE), instant(95 * MS, 0x20, TRACE_LOOP_ENTER),
	     instant(96 * MS, 1, TRACE_TURN), instant(97 * MS, 0x20, TRACE_LOOP_LEAVE),
	     instant(98 * MS, 0, TRACE_POLL_END), instant(99 * MS, 0x10, TRACE_LOOP_LEAVE),
	     instant(120 * MS, 7, TRACE_LOST_FULL), instant(200 * MS, 0x10, TRACE_LOOP_ENTER),
	     instant(201 * MS, 1, TRACE_TURN), instant(202 * MS, 0x10, TRACE_LOOP_LEAVE),
	     instant(300 * MS, 0x10, TRACE_LOOP_ENTER), wait(301 * MS, 50 * MS, 1),
	     instant(400 * MS, 0x10, TRACE_LOOP_LEAVE), instant(500 * MS, 0x10, TRACE_LOOP_ENTER),
	     instant(501 * MS, 0, TRACE_TURN), instant(502 * MS, 0x10, TRACE_LOOP_LEAVE));
	finish();
	cr_assert_eq(timeline->away.count, 0u);
	done();
}

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
Test(findings, tells_throttling_from_a_busy_machine)
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
	const struct finding *throttled = finding_of("throttled"), *descheduled = finding_of("descheduled");
	cr_assert(throttled && throttled->severity == SEVERITY_WARNING);
	cr_assert_eq(throttled->cost_ns, 250 * MS);
	cr_assert(strstr(throttled->title, "0.5 CPUs"));
	cr_assert(strstr(throttled->title, "30%"));
	cr_assert_eq(throttled->from_ns, (int64_t)(200 * MS));
	cr_assert_eq(throttled->to_ns, (int64_t)(390 * MS));
	cr_assert(descheduled && descheduled->severity == SEVERITY_NOTE, "the quota explains it");
	done();
}

Test(findings, tells_steal)
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
	const struct finding *steal = finding_of("steal");
	cr_assert(steal && steal->severity == SEVERITY_WARNING);
	cr_assert(strstr(steal->title, "25%"));
	cr_assert(findings->overhead.measured);
	cr_assert_float_eq(findings->overhead.cost_ns, 37.5, 1e-6);
	done();
}

Test(findings, counts_context_switches_of_the_range)
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

Test(findings, do_not_call_a_trace_without_events_healthy)
{
	set_up(400 * MS, 0);
	process.events = 0;
	finish();
	find(NULL, 0);
	cr_assert(finding_of("no_events") && finding_of("no_events")->severity == SEVERITY_WARNING);
	done();
}

/* ---- Requests ------------------------------------------------------------------------------------------------- */

/* uv_cancel tells before the callback, libuv's own cancellation inside it. */
Test(findings, tells_cancelled_requests_from_late_ones)
{
	set_up(40000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), instant(1 * MS, 0xa0, TRACE_CODE_SUBMIT + SITE_WRITE),
	     instant(1 * MS, 0xb0, TRACE_CODE_SUBMIT + SITE_WRITE),
	     instant(1 * MS, 0xc0, TRACE_CODE_SUBMIT + SITE_WRITE),
	     instant(1 * MS, 0xd0, TRACE_CODE_SUBMIT + SITE_WRITE), wait(2 * MS, 7998 * MS, 1),
	     poll(8000 * MS, 1000, SITE_WRITE, 0xa0), instant(8001 * MS, 0xb0, TRACE_REQUEST_CANCELLED),
	     poll(8002 * MS, 1000, SITE_WRITE, 0xb0), poll(8003 * MS, 1000, SITE_WRITE, 0xc0),
	     instant(8003 * MS, 0xc0, TRACE_REQUEST_CANCELLED), wait(8004 * MS, 1000 * MS, 0));
	process.events = 15;
	finish();
	find(NULL, 0);
	cr_assert_eq(timeline->slow_requests.count, 3u);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(timeline->slow_requests.spans[i].cancelled,
			     timeline->slow_requests.spans[i].object != 0xa0);
	cr_assert_eq(timeline->pending.count, 1u);
	cr_assert_eq(timeline->pending.spans[0].object, 0xd0u);
	const struct finding *pending = finding_of("pending_request");
	cr_assert(pending && strstr(pending->title, "was never done"));
	cr_assert(strstr(pending->evidence, "1 had no end") && strstr(pending->evidence, "1 completed late") &&
		  strstr(pending->evidence, "2 were cancelled"));
	done();
}

/* The limit is what the trace says, unless somebody asks for another. */
Test(findings, goes_by_the_limit_of_the_trace)
{
	process.pending_ns = 0;
	set_up(40000 * MS, 0);
	cr_assert_eq(timeline->options.pending_ns, READER_PENDING_NS);
	done();
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	process.pending_ns = 2000 * MS;
	timeline = timeline_make(&process, &options);
	cr_assert_eq(timeline->options.pending_ns, 2000 * MS);
	timeline_free(timeline);
	options.pending_ns = 50 * MS;
	timeline = timeline_make(&process, &options);
	cr_assert_eq(timeline->options.pending_ns, 50 * MS);
	timeline_free(timeline);
	timeline = NULL;
}
