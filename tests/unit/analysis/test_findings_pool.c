/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings about the thread pool, requests, and handles that only grow.
 */
#include "findings_helper.h"

/* Eight requests of 10 ms that all come at once. */
static void arrivals_make(bool lookup)
{
	timeline->arrivals = calloc(8, sizeof(*timeline->arrivals));
	cr_assert_not_null(timeline->arrivals);
	timeline->arrival_count = 8;
	timeline->pool_threads = 4;
	for (size_t i = 0; i < 8; i++)
		timeline->arrivals[i] = (struct timeline_arrival){
		    .submit_tick = 5, .run_ticks = 10 * MS, .lookup = lookup};
}

Test(findings_pool, asks_what_other_pool_sizes_would_have_done)
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

/* ---- The pool -------------------------------------------------------------------------------- */

/* The second worker is one of the pool, busy for all of its 400 ms: on a CPU for so much of it, by
 * samples. */
static void pool_feed(uint64_t cpu_ns, uint64_t wait_ns, uint64_t cpus, uint64_t quota)
{
	samples[0] = (struct trace_sample){
	    .type = TRACE_SAMPLE_CPUS, .tick = 2, .a = 64, .b = cpus, .c = quota};
	samples[1] = (struct trace_sample){.type = TRACE_SAMPLE_WORKER, .worker = 2, .tick = 3};
	samples[2] = (struct trace_sample){
	    .type = TRACE_SAMPLE_WORKER, .worker = 2, .tick = 400 * MS, .a = cpu_ns, .b = wait_ns};
	set_up(400 * MS, cpu_ns + wait_ns > 0 ? 3 : 1);
	workers[1].role = TRACE_ROLE_POOL;
	FEED(1, poll(1, 400 * MS, SITE_WRITE, 1));
	finish();
	timeline->arrivals = calloc(40, sizeof(*timeline->arrivals));
	cr_assert_not_null(timeline->arrivals);
	timeline->arrival_count = 40;
	timeline->pool_threads = 4;
	for (size_t i = 0; i < 40; i++) {
		timeline->arrivals[i] = (struct timeline_arrival){.submit_tick = 5,
								  .run_ticks = 10 * MS,
								  .wait_ticks = i / 4 * 10 * MS,
								  .site = SITE_WRITE};
		histogram_add(&timeline->sites[SITE_WRITE].pool_wait, i / 4 * 10 * MS);
		histogram_add(&timeline->sites[SITE_WRITE].pool_run, 10 * MS);
		histogram_add(&timeline->pool_wait, i / 4 * 10 * MS);
	}
}

static const struct finding *pool_found(uint64_t cpu_ns, uint64_t wait_ns, uint64_t cpus,
					uint64_t quota)
{
	pool_feed(cpu_ns, wait_ns, cpus, quota);
	find(NULL, 0);
	return finding_of(FINDING_POOL_CPU) ? finding_of(FINDING_POOL_CPU)
					    : finding_of(FINDING_POOL_SMALL);
}

Test(findings_pool, advise_no_more_threads_than_cpus_for_work_that_computes)
{
	const struct finding *found = pool_found(150 * MS, 200 * MS, 2, 0);

	cr_assert_not_null(found);
	cr_assert_eq(found->id, FINDING_POOL_CPU);
	cr_assert(strstr(found->text.advice, "Do not raise UV_THREADPOOL_SIZE"), "%s",
		  found->text.advice);
	cr_assert(strstr(found->text.advice, "the same 2 CPUs"), "%s", found->text.advice);
	cr_assert(strstr(found->text.evidence, "for 88% of their busy time"), "%s",
		  found->text.evidence);
	done();
	found = pool_found(390 * MS, 0, 6, 0);
	cr_assert_eq(found->id, FINDING_POOL_SMALL);
	cr_assert(strstr(found->text.advice, "UV_THREADPOOL_SIZE=6:"), "%s", found->text.advice);
	done();
	found = pool_found(390 * MS, 0, 6, 1500);
	cr_assert_eq(found->id, FINDING_POOL_CPU);
	cr_assert(strstr(found->text.advice, "the same 1.5 CPUs"), "%s", found->text.advice);
	done();
}

Test(findings_pool, advise_more_threads_for_work_that_waits)
{
	const struct finding *found = pool_found(10 * MS, 2 * MS, 2, 0);

	cr_assert_eq(found->id, FINDING_POOL_SMALL);
	cr_assert(strstr(found->text.advice, "UV_THREADPOOL_SIZE=40"), "%s", found->text.advice);
	cr_assert(strstr(found->text.advice, "the work waits rather than computes."), "%s",
		  found->text.advice);
	done();
	found = pool_found(0, 0, 2, 0);
	cr_assert_eq(found->id, FINDING_POOL_SMALL);
	cr_assert(strstr(found->text.advice, "if the work waits rather than computes"), "%s",
		  found->text.advice);
	done();
}

Test(findings_pool, follows_requests_to_their_end)
{
	set_up(9000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), instant(10, 5, TRACE_CODE_SUBMIT + SITE_WRITE),
	     instant(20, 6, TRACE_CODE_SUBMIT + SITE_WRITE), wait(30, 970, 1),
	     poll(1010, 5, SITE_WRITE, 5));
	finish();
	cr_assert_eq(timeline->sites[SITE_WRITE].life.count, 1u);
	cr_assert_eq(timeline->sites[SITE_WRITE].life.sum, 1000u);
	cr_assert_eq(timeline->pending.count, 1u);
	cr_assert_eq(timeline->pending.spans[0].object, 6u);
	find(NULL, 0);
	cr_assert_eq(findings->list[0].id, FINDING_PENDING_REQUEST);
	cr_assert_str_eq(findings->list[0].text.culprit, "on_write");
	done();
}

Test(findings_pool, says_nothing_of_requests_before_a_loss)
{
	set_up(9000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), instant(10, 5, TRACE_CODE_SUBMIT + SITE_WRITE),
	     instant(20, 17, TRACE_LOST_FULL), wait(30, 970, 1));
	finish();
	cr_assert_eq(timeline->pending.seen, 0u);
	done();
}

/* ---- Requests -------------------------------------------------------------------------------- */

/* uv_cancel tells before the callback, libuv's own cancellation inside it. */
Test(findings_pool, tells_cancelled_requests_from_late_ones)
{
	set_up(40000 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER),
	     instant(1 * MS, 0xa0, TRACE_CODE_SUBMIT + SITE_WRITE),
	     instant(1 * MS, 0xb0, TRACE_CODE_SUBMIT + SITE_WRITE),
	     instant(1 * MS, 0xc0, TRACE_CODE_SUBMIT + SITE_WRITE),
	     instant(1 * MS, 0xd0, TRACE_CODE_SUBMIT + SITE_WRITE), wait(2 * MS, 7998 * MS, 1),
	     poll(8000 * MS, 1000, SITE_WRITE, 0xa0),
	     instant(8001 * MS, 0xb0, TRACE_REQUEST_CANCELLED),
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
	const struct finding *pending = finding_of(FINDING_PENDING_REQUEST);
	cr_assert(pending && strstr(pending->text.title, "never completed"));
	cr_assert(strstr(pending->text.evidence, "1 never completed") &&
		  strstr(pending->text.evidence, "1 completed late") &&
		  strstr(pending->text.evidence, "2 were cancelled"));
	done();
}

/* The limit is what the trace says, unless somebody asks for another. */
Test(findings_pool, goes_by_the_limit_of_the_trace)
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

Test(findings_pool, find_lookups_that_starve_the_pool)
{
	for (uint64_t lookups = 19; lookups <= 20; lookups++) {
		pool_feed(10 * MS, 2 * MS, 2, 0);
		for (size_t i = 0; i < lookups; i++) {
			timeline->arrivals[i].lookup = true;
			timeline->arrivals[i].site = SITE_LOOKUP;
			histogram_add(&timeline->sites[SITE_LOOKUP].pool_run, 10 * MS);
		}
		find(NULL, 0);
		cr_assert_eq(finding_of(FINDING_POOL_DNS) != NULL, lookups == 20,
			     "half of the work");
		cr_assert_eq(finding_of(FINDING_POOL_SMALL) != NULL, lookups == 19);
		if (lookups == 20)
			cr_assert(strstr(finding_of(FINDING_POOL_DNS)->text.culprit,
					 "getaddrinfo for on_lookup"));
		done();
	}
}

Test(findings_pool, ask_for_no_size_where_few_requests_waited)
{
	pool_feed(10 * MS, 2 * MS, 2, 0);
	timeline->arrival_count = 9;
	find(NULL, 0);
	cr_assert_null(finding_of(FINDING_POOL_SMALL));
	cr_assert_null(finding_of(FINDING_POOL_CPU));
	cr_assert_null(finding_of(FINDING_POOL_DNS));
	done();
}

/* Threads of the pool slept so long in all while three requests waited, one of them 5 ms. */
static void thread_sleeps(uint64_t worst, uint64_t all)
{
	timeline->pool_threads = 4;
	timeline->sleeps = (struct timeline_sleeps){
	    .count = 2,
	    .ticks = all,
	    .worst = {.tick = 100 * MS, .duration = worst, .worker = 1, .depth = 3, .sure = 3}};
	find(NULL, 0);
}

Test(findings_pool, find_threads_that_sleep_while_requests_wait)
{
	set_up(400 * MS, 0);
	finish();
	thread_sleeps(5 * MS, 320 * MS);
	const struct finding *idle = finding_of(FINDING_IDLE_WITH_WORK);
	cr_assert(idle && idle->severity == SEVERITY_WARNING);
	cr_assert_str_eq(
	    idle->text.title,
	    "Pool thread 2 slept for 5.00 ms while up to 3 requests waited for a thread.");
	cr_assert_eq(idle->cost_ns, 320 * MS);
	done();
	set_up(400 * MS, 0);
	finish();
	thread_sleeps(5 * MS, 319 * MS);
	idle = finding_of(FINDING_IDLE_WITH_WORK);
	cr_assert(idle && idle->severity == SEVERITY_NOTE, "a fifth of the time of four threads");
	done();
	pool_feed(10 * MS, 2 * MS, 2, 0); /* nobody sleeps */
	find(NULL, 0);
	cr_assert_null(finding_of(FINDING_IDLE_WITH_WORK));
	done();
}

/* p99 is 90 ms. */
Test(findings_pool, note_a_small_pool_whose_threads_were_not_run)
{
	pool_feed(10 * MS, 2 * MS, 2, 0);
	thread_sleeps(50 * MS, 50 * MS);
	cr_assert_eq(finding_of(FINDING_POOL_SMALL)->severity, SEVERITY_NOTE);
	done();
	pool_feed(10 * MS, 2 * MS, 2, 0);
	thread_sleeps(30 * MS, 30 * MS);
	cr_assert_eq(finding_of(FINDING_POOL_SMALL)->severity, SEVERITY_WARNING);
	done();
}

/* ---- What only grows ------------------------------------------------------------------------- */

/* One sample a quarter. */
static void grow(uint64_t by, bool comes_back)
{
	for (uint64_t i = 0; i < 4; i++) {
		uint64_t more = i == 3 ? by : i * by / 4;
		samples[i] = (struct trace_sample){.type = TRACE_SAMPLE_QUEUE,
						   .worker = 1,
						   .tick = (i * 100 + 50) * MS,
						   .a = comes_back && i == 2 ? 5 : 5 + more,
						   .b = comes_back && i == 2 ? 7 : 7 + more};
	}
	set_up(400 * MS, 4);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER));
	for (uint64_t i = 0; i < 40; i++)
		FEED(0, instant(2 + i, 0x100 + i, TRACE_CODE_SUBMIT + SITE_WRITE));
	for (uint64_t i = 0; i < 5; i++)
		FEED(0, instant(100 + i, 0x200 + i, TRACE_CODE_SUBMIT + SITE_LOOKUP));
	finish();
	find(NULL, 0);
}

Test(findings_pool, find_what_only_grows)
{
	grow(50, false);
	const struct finding *handles = finding_of(FINDING_HANDLE_GROWTH),
			     *requests = finding_of(FINDING_REQUEST_GROWTH);
	cr_assert(handles && handles->severity == SEVERITY_WARNING);
	cr_assert_str_eq(handles->text.title,
			 "Worker 1's active handles only grow: 50 more at the end.");
	cr_assert(requests && requests->severity == SEVERITY_WARNING);
	cr_assert_str_eq(requests->text.culprit, "on_write", "40 of the 50");
	cr_assert(strstr(requests->text.evidence, "At least 5, 17, 30, 55 in the quarters"), "%s",
		  requests->text.evidence);
	done();
	grow(49, false);
	cr_assert_null(finding_of(FINDING_HANDLE_GROWTH));
	cr_assert_null(finding_of(FINDING_REQUEST_GROWTH));
	done();
	grow(80, true);
	cr_assert_null(finding_of(FINDING_HANDLE_GROWTH));
	cr_assert_null(finding_of(FINDING_REQUEST_GROWTH));
	done();
}

/* Of requests that pile up the oldest are no finding of their own; of others they are. */
Test(findings_pool, tell_once_of_requests_that_pile_up)
{
	size_t told = 0;

	grow(50, false);
	timeline->options.pending_ns = 100 * MS;
	findings_free(findings);
	find(NULL, 0);
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];
		if (finding->id != FINDING_PENDING_REQUEST)
			continue;
		told++;
		cr_assert_eq(finding->severity,
			     finding->site == SITE_WRITE ? SEVERITY_NOTE : SEVERITY_WARNING);
	}
	cr_assert_eq(told, 2u);
	done();
}

Test(findings_pool, blame_nobody_who_explains_too_little)
{
	grow(100, false);
	cr_assert(strstr(finding_of(FINDING_REQUEST_GROWTH)->text.culprit, "worker 1"),
		  "40 of 100");
	done();
}

Test(findings_pool, find_no_pending_request_before_the_limit)
{
	set_up(5900 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), instant(10, 6, TRACE_CODE_SUBMIT + SITE_WRITE),
	     wait(30, 970, 1));
	finish();
	find(NULL, 0);
	cr_assert_null(finding_of(FINDING_PENDING_REQUEST));
	done();
}
