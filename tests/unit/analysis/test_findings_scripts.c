/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings about callbacks of node and uvloop: the program's own function comes first, by stall
 * samples with functions of scripts. A tick is a nanosecond.
 */
#include "findings_helper.h"

static char object[] = "./fifo";
static const struct trace_stall in_openat = {.machine = TRACE_MACHINE_X86_64,
					     .syscall = 257,
					     .object = object},
				computing = {.machine = TRACE_MACHINE_X86_64, .syscall = -1};
static const struct trace_script
    user_script = {.function = "countPrimes", .file = "/srv/app.js", .line = 12, .first_line = 7},
    other_script = {.function = "parseBody", .file = "/srv/app.js", .line = 41, .first_line = 40};
static const struct symbol_info
    user_symbol = {"countPrimes", "/srv/app.js",	   12,	  true,
		   "JavaScript",  "countPrimes app.js:12", false, false},
    other_symbol = {"parseBody",  "/srv/app.js",	 41,	true,
		    "JavaScript", "parseBody app.js:41", false, false},
    caller_symbol = {"renderPage", "/srv/app.js",	   23,	  true,
		     "JavaScript", "renderPage app.js:23", false, false},
    label_symbol = {"onRequest",  "/srv/app.js",	 84,	true,
		    "JavaScript", "onRequest app.js:84", false, false};
static const struct stack_frame user = {.symbol = &user_symbol, .script = &user_script},
				other = {.symbol = &other_symbol, .script = &other_script},
				caller = {.symbol = &caller_symbol, .script = &other_script};
static char fs_read[] = "fs.readFileSync", json_parse[] = "JSON.parse";

static struct stall stall_at(uint64_t poll_tick, uint64_t ticks, enum stall_cause cause)
{
	return (struct stall){
	    .tick = poll_tick + ticks,
	    .poll_tick = poll_tick,
	    .ticks = ticks,
	    .site = SITE_READ,
	    .cause = cause,
	    .in = {.kind = cause == STALL_CPU ? STALL_IN_SCRIPT : STALL_IN_SYSCALL},
	    .stall_sample = cause == STALL_CPU ? &computing : &in_openat,
	    .script = {.user = &user, .caller = &caller}};
}

/* Two runs of node's one read callback. */
static void two_runs(void)
{
	set_up(900 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(2, 100 * MS - 2, 1),
	     poll(100 * MS, 61 * MS, SITE_READ, 1), wait(161 * MS, 39 * MS, 1),
	     poll(200 * MS, 80 * MS, SITE_READ, 1), wait(280 * MS, 500 * MS, 1));
	finish();
}

static const char *text_of(const struct finding *finding, enum fact_name name)
{
	const struct fact *fact = finding_fact(finding, name);

	return fact ? fact->text : NULL;
}

Test(findings_scripts, who_computes_is_told_by_who_called_it)
{
	struct stall stalls[] = {stall_at(100 * MS, 61 * MS, STALL_CPU),
				 stall_at(200 * MS, 80 * MS, STALL_CPU)};

	stalls[0].script.label = stalls[1].script.label = &label_symbol;
	two_runs();
	find(stalls, 2);
	const struct finding *finding = finding_of(FINDING_BLOCKED_CPU);
	cr_assert_not_null(finding);
	cr_assert_str_eq(finding->text.title, "renderPage app.js:23 blocked worker 1 (loop) for "
					      "80.0 ms: computing in countPrimes app.js:12.");
	cr_assert_str_eq(finding->text.culprit, "renderPage app.js:23");
	cr_assert_not_null(
	    strstr(finding->text.evidence, "The program's code began in onRequest app.js:84."));
	cr_assert_not_null(strstr(finding->text.evidence, "callback on_read"));
	cr_assert_str_eq(finding->file, "/srv/app.js");
	cr_assert_eq(finding->line, 12);
	cr_assert_str_eq(text_of(finding, FACT_function), "countPrimes");
	cr_assert_str_eq(text_of(finding, FACT_script_file), "/srv/app.js");
	cr_assert_eq(finding_fact(finding, FACT_script_line)->whole, 12);
	cr_assert_null(finding_fact(finding, FACT_reason));
	done();
}

Test(findings_scripts, who_waits_is_told_by_its_own_name)
{
	struct stall stalls[] = {stall_at(200 * MS, 80 * MS, STALL_SYSCALL)};

	stalls[0].script.call_name = fs_read;
	two_runs();
	find(stalls, 1);
	cr_assert_str_eq(finding_of(FINDING_BLOCKED_SYSCALL)->text.title,
			 "countPrimes app.js:12 blocked worker 1 (loop) for 80.0 ms: off-CPU in "
			 "fs.readFileSync: openat(\"./fifo\").");
	done();
	stalls[0].script.call_name = NULL;
	two_runs();
	find(stalls, 1);
	cr_assert_str_eq(finding_of(FINDING_BLOCKED_SYSCALL)->text.title,
			 "countPrimes app.js:12 blocked worker 1 (loop) for 80.0 ms: off-CPU in "
			 "openat(\"./fifo\").");
	done();
}

/* Half of the time is not most of it. */
Test(findings_scripts, why_it_computes_holds_for_most_of_the_time)
{
	struct stall stalls[] = {stall_at(100 * MS, 61 * MS, STALL_CPU),
				 stall_at(200 * MS, 80 * MS, STALL_CPU)};

	stalls[0].script.call_name = stalls[1].script.call_name = json_parse;
	stalls[0].script.reason = REASON_GARBAGE;
	stalls[1].script.reason = REASON_JSON;
	two_runs();
	find(stalls, 2);
	const struct finding *finding = finding_of(FINDING_BLOCKED_CPU);
	cr_assert_eq(finding_fact(finding, FACT_reason)->whole, REASON_JSON);
	cr_assert_str_eq(finding->text.title,
			 "countPrimes app.js:12 blocked worker 1 (loop) for 80.0 ms: computing in "
			 "JSON.parse, parsing or writing JSON.");
	done();
	stalls[1].ticks = 61 * MS;
	two_runs();
	find(stalls, 2);
	cr_assert_null(finding_fact(finding_of(FINDING_BLOCKED_CPU), FACT_reason));
	done();
}

/* One function in one call is one cause, whether it computed there or waited for threads that help:
 * the one that most of the time went by in. */
Test(findings_scripts, one_call_is_one_cause)
{
	struct stall stalls[] = {stall_at(100 * MS, 61 * MS, STALL_SYSCALL),
				 stall_at(200 * MS, 80 * MS, STALL_CPU)};
	size_t blocking = 0;

	stalls[0].script.call_name = stalls[1].script.call_name = json_parse;
	two_runs();
	find(stalls, 2);
	for (size_t i = 0; i < findings->count; i++)
		blocking += finding_fact(&findings->list[i], FACT_runs) != NULL;
	cr_assert_eq(blocking, 1);
	cr_assert_not_null(finding_of(FINDING_BLOCKED_CPU));
	done();
	stalls[0].ticks = 81 * MS;
	two_runs();
	find(stalls, 2);
	cr_assert_not_null(finding_of(FINDING_BLOCKED_SYSCALL));
	cr_assert_null(finding_of(FINDING_BLOCKED_CPU));
	done();
	stalls[0].script.call_name = fs_read;
	two_runs();
	find(stalls, 2);
	cr_assert_not_null(finding_of(FINDING_BLOCKED_SYSCALL), "another call");
	cr_assert_not_null(finding_of(FINDING_BLOCKED_CPU));
	done();
}

/* node runs all requests in one callback: each function that blocks it is a finding. */
Test(findings_scripts, runs_are_told_apart_by_function)
{
	struct stall stalls[] = {stall_at(100 * MS, 61 * MS, STALL_CPU),
				 stall_at(200 * MS, 80 * MS, STALL_CPU)};
	size_t count = 0;

	stalls[1].script.user = &other;
	two_runs();
	find(stalls, 2);
	for (size_t i = 0; i < findings->count; i++)
		count += findings->list[i].id == FINDING_BLOCKED_CPU;
	cr_assert_eq(count, 2);
	done();
}

/* A callback that waits from 110 to 290 ms in a loop of its own, for a child process. */
static const struct finding *nested(const struct stall *stall)
{
	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(2, 100 * MS - 2, 1),
	     instant(100 * MS, 1, TRACE_CODE_POLL + SITE_READ),
	     instant(105 * MS, 0x20, TRACE_LOOP_ENTER), wait(110 * MS, 180 * MS, 1),
	     poll(290 * MS, 1000, SITE_CHILD, 5), instant(299 * MS, 0x20, TRACE_LOOP_LEAVE),
	     instant(300 * MS, 0, TRACE_POLL_END), wait(302 * MS, 50 * MS, 0));
	finish();
	find(stall, 1);
	return finding_of(FINDING_NESTED_LOOP);
}

/* Where a sample saw them, of just that run. */
Test(findings_scripts, who_runs_a_loop_of_its_own_is_told)
{
	static char exec_sync[] = "child_process.execSync";
	struct stall stall = stall_at(100 * MS, 30 * MS, STALL_SYSCALL);

	stall.script = (struct stall_script){.user = &user, .call_name = exec_sync};
	const struct finding *finding = nested(&stall);
	cr_assert_not_null(finding);
	cr_assert_str_eq(finding->text.title,
			 "countPrimes app.js:12 blocked worker 1 (loop) for 200 ms: it ran a loop "
			 "of its own in child_process.execSync, which waited for a child process.");
	cr_assert_eq(findings->count, 1u);
	done();
	stall.poll_tick = 50 * MS;
	cr_assert_str_eq(nested(&stall)->text.culprit, "on_read");
	done();
}

/* Two runs of that callback, each of which waits for a child process in a loop of its own. */
static void nested_runs(const struct stall *stalls, size_t count)
{
	set_up(900 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(2, 100 * MS - 2, 1),
	     instant(100 * MS, 1, TRACE_CODE_POLL + SITE_READ),
	     instant(105 * MS, 0x20, TRACE_LOOP_ENTER), wait(110 * MS, 180 * MS, 1),
	     poll(290 * MS, 1000, SITE_CHILD, 5), instant(299 * MS, 0x20, TRACE_LOOP_LEAVE),
	     instant(300 * MS, 0, TRACE_POLL_END), wait(302 * MS, 98 * MS, 1),
	     instant(400 * MS, 1, TRACE_CODE_POLL + SITE_READ),
	     instant(405 * MS, 0x20, TRACE_LOOP_ENTER), wait(410 * MS, 80 * MS, 1),
	     poll(490 * MS, 1000, SITE_CHILD, 5), instant(499 * MS, 0x20, TRACE_LOOP_LEAVE),
	     instant(500 * MS, 0, TRACE_POLL_END), wait(502 * MS, 98 * MS, 0));
	finish();
	find(stalls, count);
}

static size_t nested_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < findings->count; i++)
		count += findings->list[i].id == FINDING_NESTED_LOOP;
	return count;
}

/* Each function that runs a loop is a finding, with the duration of its own runs. */
Test(findings_scripts, functions_that_run_a_loop_are_told_apart)
{
	static char spawn_sync[] = "child_process.spawnSync";
	struct stall stalls[] = {stall_at(100 * MS, 30 * MS, STALL_SYSCALL),
				 stall_at(400 * MS, 30 * MS, STALL_SYSCALL)};

	stalls[0].script = (struct stall_script){.user = &user, .call_name = spawn_sync};
	stalls[1].script = (struct stall_script){.user = &other, .call_name = spawn_sync};
	nested_runs(stalls, 2);
	cr_assert_eq(nested_count(), 2u);
	cr_assert_str_eq(
	    findings->list[0].text.title,
	    "countPrimes app.js:12 blocked worker 1 (loop) for 200 ms: it ran a loop "
	    "of its own in child_process.spawnSync, which waited for a child process.");
	cr_assert_str_eq(findings->list[1].text.culprit, "parseBody app.js:41");
	cr_assert_eq(finding_fact(&findings->list[1], FACT_duration_ns)->whole, 100 * MS);
	done();
	stalls[1].script.user = &user;
	stalls[1].cause = STALL_CPU; /* it starts the process */
	nested_runs(stalls, 2);
	cr_assert_eq(nested_count(), 1u, "one function");
	done();
}

/* What one function is seen in speaks for a run that nobody saw, where most was seen; how sure that
 * is goes by it. */
Test(findings_scripts, a_loop_that_nobody_saw_goes_with_what_was_seen)
{
	struct stall stall = stall_at(100 * MS, 30 * MS, STALL_SYSCALL);

	nested_runs(&stall, 1);
	cr_assert_eq(nested_count(), 1u);
	const struct finding *finding = finding_of(FINDING_NESTED_LOOP);
	cr_assert_str_eq(finding->text.culprit, "countPrimes app.js:12");
	cr_assert_eq(finding_fact(finding, FACT_not_sampled)->whole, 1u);
	cr_assert_float_eq(finding->confidence, 0.83, 0.001);
	done();
	stall = stall_at(400 * MS, 30 * MS, STALL_SYSCALL);
	nested_runs(&stall, 1);
	cr_assert_eq(nested_count(), 2u, "200 of 300 ms were not seen");
	cr_assert_float_eq(finding_of(FINDING_NESTED_LOOP)->confidence, 1, 0.001);
	done();
}
