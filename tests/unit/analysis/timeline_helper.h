/* SPDX-License-Identifier: Apache-2.0
 *
 * What the timeline's tests share: a process with one loop worker and some pool workers, and items
 * made by hand; a tick is a nanosecond.
 */
#ifndef TIMELINE_HELPER_H
#define TIMELINE_HELPER_H

#include <criterion/criterion.h>
#include <string.h>

#include "timeline/timeline.h"
#include "../items_helper.h"

#define WORKERS_MAX 9

enum { SITE_TIMER, SITE_STAT, SITE_WORK, SITE_AFTER, SITE_WRITE, SITE_COUNT };
enum { OFFSET_FS = 336, OFFSET_WORK = 88 };

static struct trace_kind_info kinds[KIND_COUNT];
static struct trace_site sites[SITE_COUNT] = {
    [SITE_TIMER] = {.present = true, .kind = KIND_TIMER},
    [SITE_STAT] = {.present = true, .kind = KIND_FS_STAT},
    [SITE_WORK] = {.present = true, .kind = KIND_WORK},
    [SITE_AFTER] = {.present = true, .kind = KIND_AFTER_WORK},
    [SITE_WRITE] = {.present = true, .kind = KIND_WRITE},
};
static struct trace_worker workers[WORKERS_MAX];
static struct trace_sample samples[16];
static struct trace_clock_range clock_range = {
    .end_tick = 1ull << 46, .end_ns = 1ull << 46, .rate = 1ull << TRACE_RATE_BITS};
static struct trace_process process;
static struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
static struct timeline *timeline;

/* A process with one loop worker (position 0) and so many pool workers. */
static inline void process_make(size_t pool_workers, uint64_t last_tick)
{
	kinds[KIND_TIMER] = (struct trace_kind_info){.name = "timer", .class = KIND_CLASS_HANDLE};
	kinds[KIND_FS_STAT] = (struct trace_kind_info){
	    .name = "fs_stat", .class = KIND_CLASS_POOL, .work_req_offset = OFFSET_FS};
	kinds[KIND_WORK] = (struct trace_kind_info){.name = "work", .class = KIND_CLASS_WORKFN};
	kinds[KIND_AFTER_WORK] = (struct trace_kind_info){
	    .name = "after_work", .class = KIND_CLASS_POOL, .work_req_offset = OFFSET_WORK};
	kinds[KIND_WRITE] = (struct trace_kind_info){.name = "write", .class = KIND_CLASS_REQUEST};
	process = (struct trace_process){
	    .tier = TRACE_TIER_FULL,
	    .first_tick = 1,
	    .last_tick = last_tick,
	    .workers = workers,
	    .worker_count = 1 + pool_workers,
	    .sites = sites,
	    .site_count = SITE_COUNT,
	    .kinds = kinds,
	    .kind_count = KIND_COUNT,
	    .samples = samples,
	    .clock_ranges = &clock_range,
	    .clock_range_count = 1,
	};
	for (uint32_t i = 0; i <= pool_workers; i++)
		workers[i] =
		    (struct trace_worker){.worker = i + 1,
					  .role = i == 0 ? TRACE_ROLE_LOOP : TRACE_ROLE_POOL,
					  .start_tick = 1};
}

static inline uint64_t poll_word(uint32_t site, uint64_t object)
{
	return trace_word(object, TRACE_CODE_POLL + site);
}

static inline uint64_t submit_word(uint32_t site, uint64_t object)
{
	return trace_word(object, TRACE_CODE_SUBMIT + site);
}

static inline struct trace_item instant(uint64_t tick, uint64_t word)
{
	return (struct trace_item){.tick = tick, .word = word, .shape = TRACE_SHAPE_INSTANT};
}

static inline void feed_context(size_t worker, const struct trace_item *items, size_t count,
				const struct trace_context *context, size_t context_count,
				bool after_gap)
{
	if (!timeline)
		timeline = timeline_make(&process, &options);
	cr_assert_not_null(timeline);
	cr_assert_eq(
	    timeline_feed(timeline, worker, items, count, context, context_count, after_gap), 0);
}

static inline void feed(size_t worker, const struct trace_item *items, size_t count)
{
	feed_context(worker, items, count, NULL, 0, false);
}

#define FEED(worker, ...)                                                                          \
	do {                                                                                       \
		const struct trace_item items_[] = {__VA_ARGS__};                                  \
		feed(worker, items_, sizeof(items_) / sizeof(*items_));                            \
	} while (0)

static inline void finish(void)
{
	timeline_end(timeline);
}

static inline void done(void)
{
	timeline_free(timeline);
	timeline = NULL;
}

#endif
