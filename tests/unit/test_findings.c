/* SPDX-License-Identifier: Apache-2.0
 *
 * Measures and findings on items made by hand (a tick is a nanosecond): what waited for what and how long is known
 * here by construction. Gates and thresholds: what is taken and what is refused.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "findings.h"
#include "gate.h"

#define MS 1000000ull

enum { SITE_TIMER, SITE_READ, SITE_ASYNC, SITE_WRITE, SITE_LOOKUP, SITE_COUNT };

static struct trace_kind_info kinds[KIND_COUNT];
static char names[SITE_COUNT][16] = {"on_timer", "on_read", "on_async", "on_write", "on_lookup"};
static struct trace_site sites[SITE_COUNT];
static struct trace_worker workers[2];
static struct trace_sample samples[8];
static struct trace_clock_range clock_range = {
    .end_tick = 1ull << 46, .end_ns = 1ull << 46, .rate = 1ull << TRACE_RATE_BITS};
static struct trace_process process;
static struct timeline *timeline;
static struct symbols *symbols;
static struct findings *findings;
static struct thresholds thresholds;

static void kind_add(uint8_t kind, char *name, uint8_t class, uint32_t site)
{
	kinds[kind] = (struct trace_kind_info){.name = name, .class = class};
	sites[site] = (struct trace_site){
	    .present = true, .kind = kind, .callback = 0x1000 + site, .callback_symbol = names[site]};
}

static void set_up(uint64_t last_tick, size_t sample_count)
{
	static char timer[] = "timer", reading[] = "read", async[] = "async", writing[] = "write",
		    lookup[] = "getaddrinfo";

	kind_add(KIND_TIMER, timer, KIND_CLASS_HANDLE, SITE_TIMER);
	kind_add(KIND_READ, reading, KIND_CLASS_HANDLE, SITE_READ);
	kind_add(KIND_ASYNC, async, KIND_CLASS_HANDLE, SITE_ASYNC);
	kind_add(KIND_WRITE, writing, KIND_CLASS_REQUEST, SITE_WRITE);
	kind_add(KIND_GETADDRINFO, lookup, KIND_CLASS_POOL, SITE_LOOKUP);
	for (uint32_t i = 0; i < 2; i++)
		workers[i] = (struct trace_worker){
		    .worker = i + 1, .role = i ? TRACE_ROLE_OTHER : TRACE_ROLE_LOOP, .start_tick = 1};
	process = (struct trace_process){
	    .exe = names[0],
	    .tier = TRACE_TIER_FULL,
	    .first_tick = 1,
	    .last_tick = last_tick,
	    .workers = workers,
	    .worker_count = 2,
	    .sites = sites,
	    .site_count = SITE_COUNT,
	    .kinds = kinds,
	    .kind_count = KIND_COUNT,
	    .samples = samples,
	    .sample_count = sample_count,
	    .clock_ranges = &clock_range,
	    .clock_range_count = 1,
	};
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	thresholds = thresholds_default();
	thresholds_apply(&thresholds, &options);
	timeline = timeline_make(&process, &options);
	symbols = symbols_open(&process);
	cr_assert(timeline && symbols);
}

static struct trace_item poll(uint64_t tick, uint64_t duration, uint32_t site, uint64_t object)
{
	return (struct trace_item){.tick = tick,
				   .duration = duration,
				   .word = trace_word(object, TRACE_CODE_POLL + site),
				   .shape = TRACE_SHAPE_POLL};
}

static struct trace_item wait(uint64_t tick, uint64_t duration, uint64_t ready)
{
	return (struct trace_item){
	    .tick = tick, .duration = duration, .word = trace_word(ready, TRACE_UNPARK), .shape = TRACE_SHAPE_WAIT};
}

static struct trace_item instant(uint64_t tick, uint64_t object, uint32_t code)
{
	return (struct trace_item){.tick = tick, .word = trace_word(object, code), .shape = TRACE_SHAPE_INSTANT};
}

#define FEED(worker, ...)                                                                                              \
	do {                                                                                                           \
		const struct trace_item items_[] = {__VA_ARGS__};                                                      \
		cr_assert_eq(                                                                                          \
		    timeline_feed(timeline, worker, items_, sizeof(items_) / sizeof(*items_), NULL, 0, false), 0);     \
	} while (0)

static void finish(void)
{
	for (size_t i = 0; i < process.worker_count; i++)
		cr_assert_eq(timeline_end_worker(timeline, i), 0);
	cr_assert_eq(timeline_finish(timeline), 0);
}

static void find(const struct stall *stalls, size_t stall_count)
{
	struct findings_input input = {.timeline = timeline,
				       .symbols = symbols,
				       .thresholds = &thresholds,
				       .stalls = stalls,
				       .stall_count = stall_count};

	findings = findings_make(&input);
	cr_assert_not_null(findings);
}

static void done(void)
{
	findings_free(findings);
	symbols_close(symbols);
	timeline_free(timeline);
	findings = NULL;
}

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

static void sample(size_t at, uint64_t tick, uint64_t cpu_ns, uint64_t wait_ns)
{
	samples[at] =
	    (struct trace_sample){.type = TRACE_SAMPLE_WORKER, .worker = 1, .tick = tick, .a = cpu_ns, .b = wait_ns};
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
