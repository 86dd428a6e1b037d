/* SPDX-License-Identifier: Apache-2.0
 *
 * A process made by hand, for tests of findings: two workers (a loop, and a thread that is none), a
 * site of each kind, items in nanoseconds. A test sets it up, feeds items, finishes, finds, and is
 * done.
 */
#ifndef FINDINGS_HELPER_H
#define FINDINGS_HELPER_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "report/findings_text.h"
#include "../items_helper.h"

#define MS 1000000ull

enum {
	SITE_TIMER,
	SITE_READ,
	SITE_ASYNC,
	SITE_WRITE,
	SITE_LOOKUP,
	SITE_IDLE,
	SITE_POLL,
	SITE_CONNECTION,
	SITE_CHECK,
	SITE_CHILD,
	SITE_AFTER,
	SITE_COUNT
};

static struct trace_kind_info kinds[KIND_COUNT];
static char names[SITE_COUNT][16] = {"on_timer",  "on_read",  "on_async", "on_write",
				     "on_lookup", "on_idle",  "on_ready", "on_client",
				     "on_check",  "on_child", "on_hashed"};
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

static inline void kind_add(uint8_t kind, char *name, uint8_t class, uint32_t site)
{
	kinds[kind] = (struct trace_kind_info){.name = name, .class = class};
	sites[site] = (struct trace_site){.present = true,
					  .kind = kind,
					  .callback = 0x1000 + site,
					  .callback_symbol = names[site]};
}

static inline void set_up(uint64_t last_tick, size_t sample_count)
{
	static char timer[] = "timer", reading[] = "read", async[] = "async", writing[] = "write",
		    lookup[] = "getaddrinfo", idle[] = "idle", polling[] = "poll",
		    connection[] = "connection", check[] = "check", child[] = "process_exit",
		    after[] = "after_work";

	kind_add(KIND_TIMER, timer, KIND_CLASS_HANDLE, SITE_TIMER);
	kind_add(KIND_READ, reading, KIND_CLASS_HANDLE, SITE_READ);
	kind_add(KIND_ASYNC, async, KIND_CLASS_HANDLE, SITE_ASYNC);
	kind_add(KIND_WRITE, writing, KIND_CLASS_REQUEST, SITE_WRITE);
	kind_add(KIND_GETADDRINFO, lookup, KIND_CLASS_POOL, SITE_LOOKUP);
	kind_add(KIND_IDLE, idle, KIND_CLASS_HANDLE, SITE_IDLE);
	kind_add(KIND_POLL, polling, KIND_CLASS_HANDLE, SITE_POLL);
	kind_add(KIND_CONNECTION, connection, KIND_CLASS_HANDLE, SITE_CONNECTION);
	kind_add(KIND_CHECK, check, KIND_CLASS_HANDLE, SITE_CHECK);
	kind_add(KIND_PROCESS_EXIT, child, KIND_CLASS_HANDLE, SITE_CHILD);
	kind_add(KIND_AFTER_WORK, after, KIND_CLASS_POOL, SITE_AFTER);
	for (uint32_t i = 0; i < 2; i++)
		workers[i] = (struct trace_worker){.worker = i + 1,
						   .role = i ? TRACE_ROLE_OTHER : TRACE_ROLE_LOOP,
						   .start_tick = 1};
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
	    .events = 1,
	};
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	thresholds = thresholds_default();
	thresholds_apply(&thresholds, &options);
	timeline = timeline_make(&process, &options);
	symbols = symbols_open(&process);
	cr_assert(timeline && symbols);
}

static inline struct trace_item instant(uint64_t tick, uint64_t object, uint32_t code)
{
	return (struct trace_item){
	    .tick = tick, .word = trace_word(object, code), .shape = TRACE_SHAPE_INSTANT};
}

#define FEED(worker, ...) FEED_MADE(timeline, worker, __VA_ARGS__)

static inline void finish(void)
{
	timeline_end(timeline);
}

static inline bool told_twice(const struct finding *a, const struct finding *b)
{
	uint64_t from = a->from_ns > b->from_ns ? a->from_ns : b->from_ns;
	uint64_t to = a->to_ns < b->to_ns ? a->to_ns : b->to_ns;
	uint64_t first = a->to_ns - a->from_ns, second = b->to_ns - b->from_ns;
	uint64_t shorter = first < second ? first : second;

	return a->severity != SEVERITY_NOTE && b->severity != SEVERITY_NOTE &&
	       finding_fact(a, FACT_site) && finding_fact(b, FACT_site) &&
	       strcmp(a->text.culprit, b->text.culprit) == 0 && to >= from &&
	       (to - from) * 10 > shorter * 8;
}

/* Of whatever a test has made: two findings above a note that blame the same callback for more than
 * 80 % of the time of one of them would tell one cause twice. */
static inline void assert_told_once(void)
{
	for (size_t i = 0; i < findings->count; i++)
		for (size_t k = 0; k < i; k++)
			cr_assert(!told_twice(&findings->list[k], &findings->list[i]),
				  "one cause is told twice: %s %s", findings->list[k].text.title,
				  findings->list[i].text.title);
}

/* Samples of a profile that findings may use; find() does. */
static const struct stall *profile;
static size_t profile_count;

static inline void find(const struct stall *stalls, size_t stall_count)
{
	struct findings_input input = {.timeline = timeline,
				       .symbols = symbols,
				       .thresholds = &thresholds,
				       .stalls = stalls,
				       .stall_count = stall_count,
				       .profile = profile,
				       .profile_count = profile_count};

	findings = findings_with_text(&input);
	cr_assert_not_null(findings);
	assert_told_once();
}

static inline void done(void)
{
	findings_free(findings);
	symbols_close(symbols);
	timeline_free(timeline);
	findings = NULL;
}

static inline void sample(size_t at, uint64_t tick, uint64_t cpu_ns, uint64_t wait_ns)
{
	samples[at] = (struct trace_sample){
	    .type = TRACE_SAMPLE_WORKER, .worker = 1, .tick = tick, .a = cpu_ns, .b = wait_ns};
}

/* The first of that id; NULL: none was found. */
static inline const struct finding *finding_of(enum finding_id id)
{
	for (size_t i = 0; i < findings->count; i++) {
		if (findings->list[i].id == id)
			return &findings->list[i];
	}
	return NULL;
}

/* What the helper read of the machine, the cgroup or a worker at that tick. */
static inline struct trace_sample sample_of(uint16_t type, uint32_t worker, uint64_t tick,
					    uint64_t a, uint64_t b, uint64_t c)
{
	return (struct trace_sample){.entry_bytes = sizeof(struct trace_sample),
				     .type = type,
				     .worker = worker,
				     .tick = tick,
				     .a = a,
				     .b = b,
				     .c = c};
}

#endif
