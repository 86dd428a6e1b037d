/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings about callbacks whose end was not seen, the callback in which a program died, and time
 * outside uv_run.
 */
#include "findings_helper.h"

/* ---- What a callback did --------------------------------------------------------------------- */

static const struct finding *one_blocked(void)
{
	static const enum finding_id ids[] = {FINDING_BLOCKED, FINDING_BLOCKED_CPU,
					      FINDING_BLOCKED_LOCK, FINDING_BLOCKED_SYSCALL};
	const struct finding *found = NULL;

	find(NULL, 0);
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids) && !found; i++)
		found = finding_of(ids[i]);
	return found;
}

Test(findings_ends, do_not_say_of_what_came_back_that_it_did_not)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), poll(100 * MS, 40 * MS, SITE_READ, 1),
	     wait(150 * MS, 10 * MS, 1));
	finish();
	process.seal_reason = TRACE_SEAL_DIED;
	const struct finding *blocked = one_blocked();
	cr_assert(blocked && strstr(blocked->text.title, "for 40.0 ms: cause unknown."), "%s",
		  blocked->text.title);
	cr_assert_null(strstr(blocked->text.title, "not return"));
	done();
}

/* A callback that begins at 100 ms and has no end; its worker's last event but for what follows it.
 */
static void open_callback(const struct trace_item *behind)
{
	set_up(400 * MS, 0);
	workers[0].last_tick = 100 * MS;
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER),
	     instant(100 * MS, 1, TRACE_CODE_POLL + SITE_READ));
	if (behind)
		FEED(0, *behind);
	finish();
}

Test(findings_ends, say_of_what_is_open_at_the_end_that_it_did_not_come_back)
{
	const struct trace_item lost = instant(200 * MS, 7, TRACE_LOST_FULL);
	const struct finding *blocked;

	open_callback(NULL);
	process.seal_reason = TRACE_SEAL_EXIT;
	blocked = one_blocked();
	cr_assert(blocked && strstr(blocked->text.title, "for 300 ms: it did not return."), "%s",
		  blocked->text.title);
	done();
	open_callback(NULL);
	process.running = process.drained = true;
	blocked = one_blocked();
	cr_assert(blocked && strstr(blocked->text.title, "it has not returned yet."), "%s",
		  blocked->text.title);
	done();
	open_callback(&lost);
	process.seal_reason = TRACE_SEAL_EXIT;
	blocked = one_blocked();
	cr_assert(blocked && strstr(blocked->text.title, "cause unknown."), "%s",
		  blocked->text.title);
	done();
}

Test(findings_ends, find_nothing_in_a_callback_whose_end_is_missing)
{
	open_callback(NULL);
	process.seal_reason = TRACE_SEAL_EXIT;
	workers[0].missing = workers[0].missing_last = 3;
	cr_assert_null(one_blocked(), "its last events found no room");
	done();
	open_callback(NULL);
	cr_assert_null(one_blocked(), "the trace breaks off");
	done();
	open_callback(NULL);
	process.running = true;
	cr_assert_null(one_blocked(), "its newest events are in its ring");
	done();
	open_callback(NULL);
	process.seal_reason = TRACE_SEAL_DIED;
	workers[0].missing = workers[0].missing_last = 3;
	find(NULL, 0);
	cr_assert_null(finding_of(FINDING_DIED));
	done();
}

/* ---- How long it had run --------------------------------------------------------------------- */

static const struct finding *died(uint64_t seal_tick, bool salvaged)
{
	open_callback(NULL);
	process.seal_reason = salvaged ? 0 : TRACE_SEAL_DIED;
	process.seal_tick = seal_tick;
	process.salvaged = salvaged;
	find(NULL, 0);
	cr_assert_not_null(finding_of(FINDING_DIED));
	return finding_of(FINDING_DIED);
}

/* The helper notices after 300 ms that the program is gone: that is no time that anybody measured.
 */
Test(findings_ends, tell_no_time_that_a_callback_had_run_when_the_program_died)
{
	const struct finding *finding = died(400 * MS, false);

	cr_assert(strstr(finding->text.evidence, "It had run for at most 300 ms"), "%s",
		  finding->text.evidence);
	cr_assert_eq(findings->count, 1u, "it did not hold the loop for that long");
	done();
	finding = died(0, true);
	cr_assert(strstr(finding->text.evidence, "How long it had run is unknown"), "%s",
		  finding->text.evidence);
	done();
	finding = died(100 * MS, false); /* saved later, from the ring */
	cr_assert(strstr(finding->text.evidence, "How long it had run is unknown"), "%s",
		  finding->text.evidence);
	done();
}

/* Only a signal that nobody sends to end a program in order is death. */
Test(findings_ends, tell_dying_from_ending)
{
	static const struct {
		uint64_t code, signal;
		enum severity severity;
		const char *title;
	} cases[] = {
	    {3, 0, SEVERITY_NOTE, "The program ended by _exit(3) while on_read ran."},
	    {0, 15, SEVERITY_NOTE, "The program ended by SIGTERM while on_read ran."},
	    {0, 11, SEVERITY_ERROR, "The program died of SIGSEGV while on_read ran."},
	    {0, 40, SEVERITY_ERROR, "The program died of signal 40 while on_read ran."},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		samples[0] = (struct trace_sample){.type = TRACE_SAMPLE_EXIT,
						   .tick = 400 * MS,
						   .a = cases[i].code,
						   .b = cases[i].signal};
		open_callback(NULL);
		process.sample_count = 1;
		process.seal_reason = TRACE_SEAL_DIED;
		process.seal_tick = 400 * MS;
		find(NULL, 0);
		cr_assert_eq(finding_of(FINDING_DIED)->severity, cases[i].severity, "%s",
			     cases[i].title);
		cr_assert_str_eq(finding_of(FINDING_DIED)->text.title, cases[i].title);
		done();
	}
	cr_assert_eq(died(400 * MS, false)->severity, SEVERITY_NOTE, "nobody saw how");
	done();
}

/* A callback of another loop ran too: which thread did it the kernel does not tell. */
Test(findings_ends, name_each_callback_in_which_the_program_may_have_died)
{
	samples[0] = (struct trace_sample){.type = TRACE_SAMPLE_EXIT, .tick = 400 * MS, .b = 6};
	set_up(400 * MS, 1);
	workers[0].last_tick = workers[1].last_tick = 100 * MS;
	workers[1].role = TRACE_ROLE_LOOP;
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER),
	     instant(100 * MS, 1, TRACE_CODE_POLL + SITE_READ));
	FEED(1, instant(1, 0x20, TRACE_LOOP_ENTER),
	     instant(100 * MS, 1, TRACE_CODE_POLL + SITE_TIMER));
	finish();
	process.seal_reason = TRACE_SEAL_DIED;
	process.seal_tick = 400 * MS;
	find(NULL, 0);
	const struct finding *finding = finding_of(FINDING_DIED);
	cr_assert_not_null(finding);
	cr_assert_str_eq(finding->text.title,
			 "The program died of SIGABRT while on_read and on_timer ran.");
	cr_assert_str_eq(finding->text.culprit, "on_read or on_timer");
	cr_assert_float_eq(finding->confidence, 0.5, 0.001);
	done();
}

/* Another worker went on for 50 ms; somebody looked after 80. */
Test(findings_ends, tell_how_long_it_had_run_at_least)
{
	static const struct trace_stall stall_sample = {.syscall = -1};
	static const struct symbol_info parse_line = {.text = "parse_line"};
	const struct stall stall = {.tick = 180 * MS,
				    .poll_tick = 100 * MS,
				    .ticks = 80 * MS,
				    .site = SITE_READ,
				    .cause = STALL_CPU,
				    .in = {.kind = STALL_IN_CODE, .own = &parse_line},
				    .stall_sample = &stall_sample};

	open_callback(NULL);
	process.seal_reason = TRACE_SEAL_DIED;
	process.seal_tick = 400 * MS;
	workers[1].last_tick = 150 * MS;
	find(NULL, 0);
	cr_assert(strstr(finding_of(FINDING_DIED)->text.evidence,
			 "for at least 50.0 ms, at most 300 ms"));
	cr_assert(strstr(finding_of(FINDING_BLOCKED)->text.title, "for 50.0 ms:"));
	findings_free(findings);
	find(&stall, 1);
	cr_assert(strstr(finding_of(FINDING_DIED)->text.evidence,
			 "for at least 80.0 ms, at most 300 ms"));
	cr_assert(strstr(finding_of(FINDING_BLOCKED_CPU)->text.title,
			 "for 80.0 ms: computing in parse_line"));
	done();
}

/* ---- Between two calls of uv_run ------------------------------------------------------------- */

/* Out from 20 to 80 ms, and for a moment; the timer was due at 30 ms. */
Test(findings_ends, names_a_loop_that_nobody_ran)
{
	set_up(400 * MS, 0);
	FEED(0, instant(10 * MS, 0x10, TRACE_LOOP_ENTER), instant(15 * MS, 0, TRACE_TURN),
	     instant(20 * MS, 0x10, TRACE_LOOP_LEAVE), instant(80 * MS, 0x10, TRACE_LOOP_ENTER),
	     instant(80 * MS, 30, TRACE_TIMER_DUE), poll(80 * MS, 1000, SITE_TIMER, 1),
	     instant(81 * MS, 2, TRACE_TURN), instant(82 * MS, 0x10, TRACE_LOOP_LEAVE),
	     instant(83 * MS, 0x10, TRACE_LOOP_ENTER), instant(84 * MS, 5, TRACE_TURN),
	     instant(85 * MS, 0x10, TRACE_LOOP_LEAVE));
	finish();
	cr_assert_eq(timeline->outside.count, 1u);
	cr_assert_eq(timeline->outside.spans[0].tick, 20 * MS);
	cr_assert_eq(timeline->outside.spans[0].duration, 60 * MS);
	cr_assert_eq(timeline->workers[0].outside_late_ticks, 50 * MS);
	find(NULL, 0);
	const struct finding *finding = finding_of(FINDING_LOOP_NOT_RUN);
	cr_assert_not_null(finding);
	cr_assert_eq(finding->severity, SEVERITY_ERROR, "15 %% of the time");
	cr_assert_eq(finding->cost_ns, 50 * MS + 2 * 30 * MS,
		     "two descriptors waited for half of it on average");
	cr_assert_eq(finding->to_ns - finding->from_ns, 60 * MS);
	cr_assert_not_null(strstr(finding->text.evidence, "1 time 10 ms or longer outside uv_run"));
	done();
}

/* It looks after its loop each so many ms; a timer was due after 2 of them. */
static void looks_now_and_then(uint64_t away_ms)
{
	set_up(4000 * MS, 0);
	for (uint64_t i = 0; i < 25; i++) {
		uint64_t at = 10 * MS + i * (away_ms + 60) * MS, due = at / MS + 2;
		FEED(0, instant(at - 2 * MS, 0x10, TRACE_LOOP_ENTER),
		     instant(at - 1 * MS, 0, TRACE_TURN), instant(at, 0x10, TRACE_LOOP_LEAVE));
		at += away_ms * MS;
		FEED(0, instant(at, 0x10, TRACE_LOOP_ENTER), instant(at, due, TRACE_TIMER_DUE),
		     poll(at, 1000, SITE_TIMER, 1), instant(at + 1 * MS, 1, TRACE_TURN));
		FEED(0, instant(at + 2 * MS, 0x10, TRACE_LOOP_LEAVE));
	}
	finish();
	find(NULL, 0);
}

/* The cause comes first, and what follows from it is a note; unless the cause is too short to be
 * more. */
Test(findings_ends, names_a_loop_that_nobody_ran_before_its_late_timers)
{
	for (uint64_t away_ms = 20; away_ms <= 60; away_ms += 40) {
		looks_now_and_then(away_ms);
		const struct finding *late = finding_of(FINDING_LATE_TIMERS),
				     *not_run = finding_of(FINDING_LOOP_NOT_RUN);
		cr_assert(late && not_run);
		cr_assert_eq(late->follows, away_ms == 60);
		cr_assert_eq(late->severity, away_ms == 60 ? SEVERITY_NOTE : SEVERITY_WARNING);
		cr_assert_eq(not_run->severity, away_ms == 60 ? SEVERITY_ERROR : SEVERITY_NOTE);
		done();
	}
}

/* It was away for 40 ms, and one timer came late by so much. */
Test(findings_ends, note_a_loop_that_nobody_ran_where_little_waited_for_it)
{
	for (uint64_t late_ms = 9; late_ms <= 10; late_ms++) {
		set_up(1000 * MS, 0);
		FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), instant(1 * MS, 0, TRACE_TURN),
		     instant(2 * MS, 0x10, TRACE_LOOP_LEAVE),
		     instant(42 * MS, 0x10, TRACE_LOOP_ENTER),
		     instant(42 * MS, 42 - late_ms, TRACE_TIMER_DUE),
		     poll(42 * MS, 1000, SITE_TIMER, 1), wait(43 * MS, 900 * MS, 0));
		finish();
		find(NULL, 0);
		const struct finding *not_run = finding_of(FINDING_LOOP_NOT_RUN);
		cr_assert(not_run, "%d ms", (int)late_ms);
		cr_assert_eq(not_run->severity, late_ms < 10 ? SEVERITY_NOTE : SEVERITY_WARNING,
			     "%d ms: cost %d us", (int)late_ms, (int)(not_run->cost_ns / 1000));
		done();
	}
}

/* The program was away once, for as long; all other runs came late behind a callback. */
Test(findings_ends, leaves_late_timers_that_other_callbacks_delay)
{
	set_up(4000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), instant(1 * MS, 0x10, TRACE_LOOP_LEAVE),
	     instant(61 * MS, 0x10, TRACE_LOOP_ENTER), instant(61 * MS, 3, TRACE_TIMER_DUE),
	     poll(61 * MS, 1000, SITE_TIMER, 1));
	for (uint64_t i = 1; i < 30; i++) {
		uint64_t ms = 100 * i;
		FEED(0, wait(ms * MS - 20 * MS, 20 * MS, 1), poll(ms * MS, 15 * MS, SITE_READ, 1),
		     instant((ms + 15) * MS, ms + 1, TRACE_TIMER_DUE),
		     poll((ms + 15) * MS, 1000, SITE_TIMER, 1));
	}
	finish();
	find(NULL, 0);
	const struct finding *late = finding_of(FINDING_LATE_TIMERS),
			     *not_run = finding_of(FINDING_LOOP_NOT_RUN);
	cr_assert(late && late->severity == SEVERITY_WARNING);
	cr_assert(not_run && not_run->severity == SEVERITY_WARNING);
	done();
}

/* Descriptors that are ready when it comes back may be what it waited for by itself: unless it
 * computed. */
Test(findings_ends, lets_a_program_wait_for_its_loop_by_itself)
{
	for (uint64_t cpu_ns = 1 * MS; cpu_ns <= 59 * MS; cpu_ns += 58 * MS) {
		sample(0, 20 * MS, 0, 0);
		sample(1, 80 * MS, cpu_ns, 0);
		set_up(400 * MS, 2);
		FEED(0, instant(10 * MS, 0x10, TRACE_LOOP_ENTER), instant(15 * MS, 0, TRACE_TURN),
		     instant(20 * MS, 0x10, TRACE_LOOP_LEAVE),
		     instant(80 * MS, 0x10, TRACE_LOOP_ENTER), instant(81 * MS, 1, TRACE_TURN),
		     instant(82 * MS, 0x10, TRACE_LOOP_LEAVE));
		finish();
		cr_assert_eq(timeline->outside.count, 1u);
		find(NULL, 0);
		cr_assert_eq(finding_of(FINDING_LOOP_NOT_RUN) != NULL, cpu_ns > 30 * MS);
		done();
	}
}

/* Between loops that run inside a callback, where events are lost, and where nothing waited. */
Test(findings_ends, takes_nothing_else_for_a_loop_that_nobody_ran)
{
	set_up(900 * MS, 0);
	FEED(0, instant(1 * MS, 0x10, TRACE_LOOP_ENTER),
	     instant(2 * MS, 1, TRACE_CODE_POLL + SITE_READ),
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
	cr_assert_eq(timeline->outside.count, 0u);
	done();
}
