/* SPDX-License-Identifier: Apache-2.0
 *
 * Workers: who they are, how they wait, what the pool's queue does.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness.h"

TestSuite(workers, .init = harness_enter, .fini = harness_leave, .timeout = 30);

static size_t count_role(const json_t *report, const char *role)
{
	const json_t *workers = json_object_get(report, "workers");
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(workers); i++)
		count += strcmp(event_text(json_array_get(workers, i), "role"), role) == 0;
	return count;
}

Test(workers, each_loop_thread_is_one)
{
	struct traced traced =
	    trace_program(&(struct run){.program = build_path("fixtures/threads")});
	json_t *report = analyze("uvtrace.data", NULL);
	const json_t *workers = json_object_get(report, "workers");
	size_t expected = (size_t)truth_value(traced.truth, "loop_workers");

	cr_assert_eq(count_role(report, "loop"), expected);
	cr_assert_eq(json_array_size(workers), expected);
	for (size_t i = 0; i < expected; i++) {
		const json_t *worker = json_array_get(workers, i);

		cr_assert_eq(event_number(worker, "polls"),
			     (uint64_t)truth_value(traced.truth, "polls_a_worker"));
		cr_assert_gt(event_number(worker, "parks"), 0);
		cr_assert_gt(event_number(worker, "parked_ns"), event_number(worker, "busy_ns"));
		cr_assert_gt(event_number(worker, "tid"), 0);
	}
}

/* A single-threaded program's worker has the process' own id as its thread. */
Test(workers, main_thread_has_the_pid)
{
	struct traced traced =
	    trace_program(&(struct run){.program = build_path("fixtures/timers")});
	json_t *report = analyze("uvtrace.data", NULL);
	const json_t *worker = json_array_get(json_object_get(report, "workers"), 0);

	cr_assert_eq(event_number(worker, "tid"), (uint64_t)traced.result.pid);
	cr_assert_str_eq(event_text(worker, "name"), "timers");
	cr_assert_str_eq(event_text(worker, "role"), "loop");
}

Test(workers, pool_threads_are_workers)
{
	struct traced traced =
	    trace_program(&(struct run){.program = build_path("fixtures/saturated")});
	json_t *report = analyze("uvtrace.data", NULL);

	cr_assert_eq(count_role(report, "pool"), (size_t)truth_value(traced.truth, "pool_workers"));
	cr_assert_eq(count_role(report, "loop"), 1);
	for (size_t i = 0; i < traced.trace.poll_count; i++)
		if (strcmp(traced.trace.polls[i].kind, "work") == 0)
			cr_assert_neq(traced.trace.polls[i].worker, 1, "work runs on the pool");
}

/* The wait that sees three sockets become readable says three. */
Test(workers, unpark_counts_ready_fds)
{
	struct traced traced =
	    trace_program(&(struct run){.program = build_path("fixtures/poll_fds")});
	uint64_t most = 0;

	for (size_t i = 0; i < traced.trace.event_count; i++) {
		uint64_t ready = event_number(traced.trace.events[i], "ready");

		if (ready > most)
			most = ready;
	}
	cr_assert_eq(most, (uint64_t)truth_value(traced.truth, "ready_max"));
}

static uint64_t submit_time(const struct trace *trace, const char *object)
{
	for (size_t i = 0; i < trace->event_count; i++)
		if (strcmp(event_text(trace->events[i], "event"), "RequestSubmit") == 0 &&
		    strcmp(event_text(trace->events[i], "object"), object) == 0)
			return event_number(trace->events[i], "timestamp_ns");
	cr_assert(false, "%s was never submitted", object);
	return 0;
}

/* Eight items of 50 ms on four threads: the last four waited for the first four. */
Test(workers, queue_wait_of_each_item)
{
	struct traced traced =
	    trace_program(&(struct run){.program = build_path("fixtures/saturated")});
	uint64_t longest_ns = 0, truth_ns = (uint64_t)truth_value(traced.truth, "waited_max_ns");
	size_t waited = 0;

	for (size_t i = 0; i < traced.trace.poll_count; i++) {
		const struct poll *poll = &traced.trace.polls[i];
		uint64_t wait_ns;

		if (strcmp(poll->kind, "work") != 0)
			continue;
		wait_ns = poll->start_ns - submit_time(&traced.trace, poll->object);
		waited += wait_ns > 25000000;
		if (wait_ns > longest_ns)
			longest_ns = wait_ns;
	}
	cr_assert_eq(waited, 4);
	cr_assert_leq(longest_ns, truth_ns + 50000);
	cr_assert_geq(longest_ns, truth_ns - truth_ns / 10);
}

/* The report's own sums agree with the events. */
Test(workers, report_agrees_with_events)
{
	struct traced traced = trace_program(&(struct run){.program = build_path("fixtures/slow")});
	json_t *report = analyze("uvtrace.data", NULL);
	const json_t *callbacks = json_object_get(report, "callbacks");
	uint64_t counted = 0;

	for (size_t i = 0; i < json_array_size(callbacks); i++) {
		const json_t *entry = json_array_get(callbacks, i);

		counted += event_number(entry, "count");
		cr_assert_eq(event_number(entry, "count"),
			     trace_count_polls(&traced.trace, event_text(entry, "kind"),
					       event_text(entry, "callback")));
		cr_assert_geq(event_number(entry, "max_ns"), event_number(entry, "p50_ns"));
	}
	cr_assert_eq(counted, traced.trace.poll_count);
	cr_assert_eq(event_number(report, "lost_events"), 0);
	cr_assert_eq(event_number(report, "pid"), (uint64_t)traced.result.pid);
	cr_assert_str_eq(event_text(report, "tier"),
			 getenv("HARNESS_FIXTURES") ? "full (patched)" : "full");
}

/* Three sleeps of 60 ms and three spins of 30 ms are long polls, told apart by the CPU time of
 * their worker. */
Test(workers, long_polls_are_named)
{
	struct traced traced = trace_program(&(struct run){.program = build_path("fixtures/slow")});
	json_t *report = analyze("uvtrace.data", "--long-poll=25ms", NULL);
	const json_t *long_polls = json_object_get(report, "long_polls");
	size_t sleeps = 0, spins = 0;

	for (size_t i = 0; i < json_array_size(long_polls); i++) {
		const json_t *poll = json_array_get(long_polls, i);

		cr_assert_geq(event_number(poll, "duration_ns"), 25000000);
		cr_assert_str_eq(event_text(poll, "kind"), "timer");
		sleeps += name_is(event_text(poll, "callback"), "on_sleep");
		spins += name_is(event_text(poll, "callback"), "on_spin");
	}
	cr_assert_eq(sleeps, 3);
	cr_assert_eq(spins, 3);
	cr_assert_eq(traced.trace.open_polls, 0);
}

/* The trace's wall clock is ours. */
Test(workers, wall_clock_start)
{
	struct timespec before, after;
	struct traced traced;
	json_t *report;
	uint64_t start_ns;

	clock_gettime(CLOCK_REALTIME, &before);
	traced = trace_program(&(struct run){.program = build_path("fixtures/timers")});
	clock_gettime(CLOCK_REALTIME, &after);
	report = analyze("uvtrace.data", NULL);
	start_ns = event_number(report, "start_realtime_ns");
	cr_assert_geq(start_ns, (uint64_t)before.tv_sec * 1000000000u + (uint64_t)before.tv_nsec);
	cr_assert_leq(start_ns, (uint64_t)after.tv_sec * 1000000000u + (uint64_t)after.tv_nsec);
	traced_free(&traced);
}

/* A program that another preload shows another time: the trace's is the true one, whoever drains.
 */
static void check_faked_clock(const char *program, const char *how, const char *drain)
{
	struct run run = {.program = program, .args = {"300"}, .bare = true};
	struct timespec before, after;
	struct result result;
	uint64_t start_ns, ran_ns, span_ns;
	json_t *report;
	char *preload;

	cr_assert_gt(asprintf(&preload, "LD_PRELOAD=%s:%s", build_path("libtrace.so"),
			      build_path("fixtures/fake_clock.so")),
		     0);
	run.env[0] = preload;
	run.env[1] = how;
	run.env[2] = drain;
	clock_gettime(CLOCK_REALTIME, &before);
	result = run_well(&run);
	clock_gettime(CLOCK_REALTIME, &after);
	report = analyze("uvtrace.data", NULL);
	cr_assert_not_null(report);
	cr_expect_eq(json_array_size(json_object_get(report, "problems")), 0, "%s %s", how, drain);
	start_ns = event_number(report, "start_realtime_ns");
	span_ns = event_number(report, "duration_ns");
	ran_ns = (uint64_t)(after.tv_sec - before.tv_sec) * 1000000000u +
		 (uint64_t)(after.tv_nsec - before.tv_nsec);
	cr_expect_geq(start_ns, (uint64_t)before.tv_sec * 1000000000u, "%s %s", how, drain);
	cr_expect_leq(start_ns, (uint64_t)(after.tv_sec + 1) * 1000000000u, "%s %s", how, drain);
	cr_expect_gt(span_ns, 0);
	cr_expect_leq(span_ns, ran_ns, "%s %s: a trace of %lu ns of a program that ran for %lu ns",
		      how, drain, span_ns, ran_ns);
	result_free(&result);
	free(preload);
	harness_leave();
	harness_enter();
}

Test(workers, clock_of_another_preload)
{
	static const char *const drains[] = {"UVTRACE_DRAIN=process", "UVTRACE_DRAIN=thread"};

	for (int i = 0; i < 2; i++) {
		check_faked_clock(build_path("fixtures/timers"), "FAKE_CLOCK=fast", drains[i]);
		check_faked_clock(build_path("fixtures/flood"), "FAKE_CLOCK=frozen", drains[i]);
	}
}

Test(workers, accept_without_a_free_descriptor_is_recorded)
{
	struct traced traced =
	    trace_program(&(struct run){.program = build_path("fixtures/accept_limit")});
	int64_t refused = truth_value(traced.truth, "refused");
	size_t seen = 0;

	cr_assert_eq(refused, 20);
	for (size_t i = 0; i < traced.trace.event_count; i++) {
		const json_t *event = traced.trace.events[i];
		if (strcmp(event_text(event, "event"), "AcceptFailed") != 0)
			continue;
		seen++;
		cr_assert_eq((int64_t)event_number(event, "descriptor_limit"),
			     truth_value(traced.truth, "limit"));
	}
	cr_assert_eq((int64_t)seen, refused);
	traced_free(&traced);
}
