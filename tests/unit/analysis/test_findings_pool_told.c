/* SPDX-License-Identifier: Apache-2.0
 *
 * What is told of a pool: who waited for whom, sizes that are promised or not, threads that are
 * stuck or woken for nothing.
 */
#include "findings_helper.h"

#define ARRIVALS_MAX 160

/* A thread that is busy for all of its 400 ms, on a CPU for so much of that, by samples. */
static void pool_make(uint64_t cpu_ns, uint64_t threads)
{
	samples[0] = (struct trace_sample){.type = TRACE_SAMPLE_CPUS, .tick = 2, .a = 64, .b = 2};
	samples[1] = (struct trace_sample){.type = TRACE_SAMPLE_WORKER, .worker = 2, .tick = 3};
	samples[2] = (struct trace_sample){
	    .type = TRACE_SAMPLE_WORKER, .worker = 2, .tick = 400 * MS, .a = cpu_ns};
	set_up(400 * MS, 3);
	workers[1].role = TRACE_ROLE_POOL;
	FEED(1, poll(1, 400 * MS, SITE_WRITE, 1));
	finish();
	timeline->pool_threads = threads;
	timeline->arrivals = calloc(ARRIVALS_MAX, sizeof(*timeline->arrivals));
	cr_assert_not_null(timeline->arrivals);
}

static struct timeline_arrival *pool_add(uint32_t site, uint64_t submit, uint64_t wait,
					 uint64_t run)
{
	struct timeline_arrival *arrival = &timeline->arrivals[timeline->arrival_count++];

	*arrival = (struct timeline_arrival){.submit_tick = submit,
					     .wait_ticks = wait,
					     .run_ticks = run,
					     .site = site,
					     .lookup = site == SITE_LOOKUP};
	histogram_add(&timeline->pool_wait, wait);
	histogram_add(&timeline->sites[site].pool_wait, wait);
	histogram_add(&timeline->sites[site].pool_run, run);
	return arrival;
}

/* Bursts of 20 pieces of 8 ms on two threads; behind them, if asked, somebody's small request. */
static void batch(bool other)
{
	pool_make(396 * MS, 2);
	for (uint64_t i = 0; i < 20; i++)
		pool_add(SITE_WRITE, 5, i / 2 * 8 * MS, 8 * MS);
	if (other)
		pool_add(SITE_READ, 5, 80 * MS, 1000);
	find(NULL, 0);
}

Test(findings_pool_told, warn_of_work_that_computes_where_others_wait)
{
	batch(false);
	const struct finding *found = finding_of(FINDING_POOL_CPU);
	cr_assert(found && found->severity == SEVERITY_NOTE, "a batch waits for itself");
	cr_assert(strstr(found->text.advice, "Only that work waits for itself"), "%s",
		  found->text.advice);
	done();
	batch(true);
	found = finding_of(FINDING_POOL_CPU);
	cr_assert(found && found->severity == SEVERITY_WARNING);
	cr_assert(strstr(found->text.title, "read behind them 80.0 ms"), "%s", found->text.title);
	cr_assert(strstr(found->text.evidence, "by kind: write 72.0 ms (of 20), read 80.0 ms (1)."),
		  "%s", found->text.evidence);
	done();
}

/* 20 lookups of 10 ms on half of four threads; others came when they could be served at once, or
 * not. */
static void lookups(uint64_t threads, uint64_t others_wait)
{
	uint64_t at_once = (threads + 1) / 2;

	pool_make(4 * MS, threads);
	for (uint64_t i = 0; i < 20; i++)
		pool_add(SITE_LOOKUP, 5, i / at_once * 10 * MS, 10 * MS);
	for (uint64_t i = 0; i < 4; i++)
		pool_add(SITE_READ, 6, others_wait, 1000);
	find(NULL, 0);
}

Test(findings_pool_told, say_that_lookups_starve_others_only_where_they_do)
{
	lookups(4, 0);
	const struct finding *found = finding_of(FINDING_POOL_DNS);
	cr_assert_not_null(found);
	cr_assert(strstr(found->text.title, "DNS lookups wait for each other"), "%s",
		  found->text.title);
	cr_assert(strstr(found->text.evidence, "getaddrinfo 90.0 ms (of 20)"), "%s",
		  found->text.evidence);
	cr_assert(strstr(found->text.advice, "UV_THREADPOOL_SIZE=40"), "%s", found->text.advice);
	done();
	lookups(1, 200 * MS);
	found = finding_of(FINDING_POOL_DNS);
	cr_assert_not_null(found);
	cr_assert(strstr(found->text.title, "DNS lookups starve the pool"), "%s",
		  found->text.title);
	cr_assert(strstr(found->text.title, "read behind them 200 ms"), "%s", found->text.title);
	done();
	/* Half of two threads is left to them; with both they would wait half as long. */
	pool_make(4 * MS, 2);
	for (uint64_t i = 0; i < 20; i++)
		pool_add(SITE_LOOKUP, 5, i * 10 * MS, 10 * MS);
	for (uint64_t i = 0; i < 9; i++)
		pool_add(SITE_READ, 6, i * 10 * MS, 10 * MS);
	find(NULL, 0);
	found = finding_of(FINDING_POOL_DNS);
	cr_assert_not_null(found);
	cr_assert(strstr(found->text.title, "DNS lookups wait for each other"), "%s",
		  found->text.title);
	done();
}

/* All 40 wait 30 ms, which no queue explains. */
Test(findings_pool_told, promise_no_size_where_the_model_fails)
{
	pool_make(4 * MS, 4);
	for (uint64_t i = 0; i < 40; i++)
		pool_add(SITE_WRITE, 5 + i * 2 * MS, 30 * MS, 7 * MS);
	find(NULL, 0);
	const struct finding *found = finding_of(FINDING_POOL_SMALL);
	cr_assert_not_null(found);
	cr_assert_eq(found->severity, SEVERITY_NOTE, "with these threads nothing would wait");
	cr_assert(strstr(found->text.advice, "No size is promised: for the present 4 the model"),
		  "%s", found->text.advice);
	cr_assert(!strstr(found->text.advice, "UV_THREADPOOL_SIZE="), "%s", found->text.advice);
	done();
	/* 40 at once, of which the last waits 90 ms by the model. */
	pool_make(4 * MS, 4);
	for (uint64_t i = 0; i < 40; i++)
		pool_add(SITE_WRITE, 5, 200 * MS, 10 * MS);
	find(NULL, 0);
	found = finding_of(FINDING_POOL_SMALL);
	cr_assert(found && found->severity == SEVERITY_WARNING);
	cr_assert(strstr(found->text.advice, "No size is promised: for the present 4 the model"),
		  "%s", found->text.advice);
	done();
}

/* 20 at once that wait for two threads. Those that come when nothing waits waited 2 ms, the first,
 * which starts the pool, 5 ms. */
static const struct finding *promised(bool starts)
{
	pool_make(4 * MS, 2);
	workers[0].role = TRACE_ROLE_POOL;
	workers[0].start_tick = 6 + MS;
	workers[1].start_tick = starts ? 6 : 4;
	pool_add(SITE_WRITE, 5, 5 * MS, MS);
	for (uint64_t i = 0; i < 4; i++)
		pool_add(SITE_WRITE, 10 * MS + i * 10 * MS, 2 * MS, MS);
	for (uint64_t i = 0; i < 20; i++)
		pool_add(SITE_WRITE, 100 * MS, 2 * MS + i / 2 * 10 * MS, 10 * MS);
	find(NULL, 0);
	return finding_of(FINDING_POOL_SMALL);
}

Test(findings_pool_told, promise_a_wait_with_the_time_that_threads_take_to_wake)
{
	const struct finding *found = promised(false);

	cr_assert_not_null(found);
	cr_assert_eq(findings->pool.wake_ns, 2 * MS);
	cr_assert(strstr(found->text.advice, "UV_THREADPOOL_SIZE=20 would have brought the p99 "
					     "wait from 92.0 ms down to about 20.0 ms"),
		  "%s", found->text.advice);
	done();
	/* 18 threads more to start, at 1 ms each. */
	found = promised(true);
	cr_assert_not_null(found);
	cr_assert(strstr(found->text.advice, "down to about 23.0 ms"), "%s", found->text.advice);
	done();
}

/* 20 requests, of which the first takes 5 ms; where it starts the pool, one more came with it. */
static const struct finding *started(bool starts, uint64_t waited, uint64_t later_waited)
{
	pool_make(4 * MS, 2);
	workers[0].role = TRACE_ROLE_POOL;
	workers[0].start_tick = 6 + MS;
	workers[1].start_tick = starts ? 6 : 4;
	pool_add(SITE_WRITE, 5, 5 * MS, MS);
	pool_add(SITE_WRITE, 5 + MS, waited, MS);
	for (uint64_t i = 0; i < 18; i++)
		pool_add(SITE_WRITE, 20 * MS + i * 10 * MS, later_waited, MS);
	find(NULL, 0);
	return finding_of(FINDING_POOL_SMALL);
}

Test(findings_pool_told, the_start_of_the_pool_is_no_lack_of_threads)
{
	cr_assert_null(started(true, 4 * MS, MS / 10));
	done();
	cr_assert_not_null(started(false, 4 * MS, MS / 10), "the pool had started before");
	done();
	cr_assert_not_null(started(true, 12 * MS, MS / 10), "8 ms longer than the start took");
	done();
	cr_assert_not_null(started(true, 4 * MS, 3 * MS), "others wait after it");
	done();
}

/* With the most threads 64 lookups run at once, of 130: the last wait for two before them, as they
 * do where 48 run. */
Test(findings_pool_told, promise_the_smallest_size_whose_wait_is_near_the_best)
{
	pool_make(4 * MS, 4);
	for (uint64_t i = 0; i < 130; i++)
		pool_add(SITE_LOOKUP, 5, i / 2 * 5 * MS, 5 * MS);
	find(NULL, 0);
	const struct finding *found = finding_of(FINDING_POOL_DNS);
	cr_assert_not_null(found);
	cr_assert_eq(findings->pool.enough, 0);
	cr_assert(strstr(found->text.advice, "UV_THREADPOOL_SIZE=96 would have brought the p99 "
					     "wait from 320 ms down to about 10.0 ms"),
		  "%s", found->text.advice);
	done();
}

/* Two lookups ended; of the six behind them two run and four wait, when the trace ends. */
Test(findings_pool_told, count_requests_that_had_not_ended)
{
	pool_make(4 * MS, 4);
	thresholds.values[LIMIT_pool_least] = 5;
	for (uint64_t i = 0; i < 8; i++) {
		struct timeline_arrival *arrival =
		    pool_add(SITE_LOOKUP, 5, i < 6 ? i / 2 * 150 * MS : 400 * MS - 5,
			     i < 4   ? 150 * MS
			     : i < 6 ? 100 * MS - 5
				     : 0);
		arrival->unended = i >= 4;
		arrival->unstarted = i >= 6;
	}
	timeline->pool_unended = 4;
	timeline->pool_unstarted = 2;
	find(NULL, 0);
	cr_assert(findings->pool.model_error < 0.01, "%g", findings->pool.model_error);
	cr_assert_eq(findings->pool.sizes[3].max_ns, 450 * MS, "not cut where the trace ends");
	const struct finding *found = finding_of(FINDING_POOL_DNS);
	cr_assert_not_null(found);
	cr_assert(strstr(found->text.evidence, "4 had not ended when the trace did"), "%s",
		  found->text.evidence);
	cr_assert(strstr(found->text.advice, "UV_THREADPOOL_SIZE=16"), "%s", found->text.advice);
	done();
}

/* ---- Threads --------------------------------------------------------------------------------- */

static void stuck(bool ended, uint64_t cpu_ns)
{
	pool_make(cpu_ns, 1);
	timeline->stuck = (struct timeline_stuck){.tick = 4,
						  .ticks = 395 * MS,
						  .queued = 11,
						  .workers = 4,
						  .site = SITE_TIMER,
						  .request_site = SITE_COUNT,
						  .worker = 1,
						  .ended = ended};
	timeline->options.pending_ns = 0;
	timeline->pending.spans = calloc(2, sizeof(*timeline->pending.spans));
	cr_assert_not_null(timeline->pending.spans);
	timeline->pending.count = 2;
	for (uint64_t i = 0; i < 2; i++)
		timeline->pending.spans[i] = (struct timeline_span){
		    .tick = 5, .duration = 390 * MS, .site = i ? SITE_WRITE : SITE_LOOKUP};
	find(NULL, 0);
}

Test(findings_pool_told, find_a_pool_that_is_stuck)
{
	stuck(false, 4 * MS);
	const struct finding *found = finding_of(FINDING_POOL_STUCK);
	cr_assert(found == &findings->list[0] && found->severity == SEVERITY_ERROR);
	cr_assert_str_eq(found->text.title, "All 4 threads of the pool have been in on_timer for "
					    "395 ms: 11 requests wait behind that.");
	const struct finding *pending = finding_of(FINDING_PENDING_REQUEST);
	cr_assert(pending && pending->site == SITE_WRITE, "of the pool nothing else is told");
	done();
	stuck(true, 4 * MS);
	cr_assert_eq(finding_of(FINDING_POOL_STUCK)->severity, SEVERITY_WARNING);
	done();
	stuck(false, 300 * MS);
	cr_assert_null(finding_of(FINDING_POOL_STUCK), "it computes");
	cr_assert_eq(finding_of(FINDING_PENDING_REQUEST)->site, SITE_LOOKUP);
	done();
}

static const struct finding *herd(uint64_t wakes, uint64_t in_vain, uint64_t vain_ticks)
{
	set_up(400 * MS, 0);
	finish();
	timeline->pool_threads = 4;
	timeline->pool_wakes = (struct timeline_wakes){wakes, in_vain, vain_ticks};
	find(NULL, 0);
	return finding_of(FINDING_POOL_HERD);
}

Test(findings_pool_told, find_threads_that_are_woken_for_nothing)
{
	const struct finding *found = herd(2000, 1000, MS);

	cr_assert(found && found->severity == SEVERITY_NOTE);
	cr_assert_str_eq(found->text.title,
			 "50% of the wake-ups of the pool's 4 threads found nothing to do.");
	done();
	cr_assert_eq(herd(2000, 1000, 21 * MS)->severity, SEVERITY_WARNING);
	done();
	cr_assert_null(herd(2001, 1000, MS), "fewer than half");
	done();
	cr_assert_null(herd(1000, 999, MS), "too few");
	done();
}
