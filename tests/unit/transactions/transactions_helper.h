/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of transactions share: a process with two loop workers and pool workers, sites of
 * all kinds, items made by hand (a tick is a nanosecond), and what came out: each transaction, with
 * its steps, as it was told. Each one told is checked: its parts add up.
 */
#ifndef TRANSACTIONS_HELPER_H
#define TRANSACTIONS_HELPER_H

#include <criterion/criterion.h>
#include <string.h>

#include "../items_helper.h"
#include "transactions/transactions.h"

/* One site of each kind is made, and its number is the kind's; a second one of some. */
enum { SITE_READ_B = KIND_COUNT, SITE_TIMER_B, SITE_WRITE_SYNC, SITE_TCP_MADE, SITES };
enum { LOOP_A, LOOP_B, POOL_A, POOL_B, WORKERS };
enum { OFFSET_FS = 336, OFFSET_WORK = 88 };
#define TOLD_MAX   64
#define STEPS_TOLD 32

struct told {
	struct transaction facts;
	struct transaction_step steps[STEPS_TOLD];
};

static struct trace_kind_info kinds[KIND_COUNT];
static struct trace_site sites[SITES];
static struct trace_worker workers[WORKERS];
static struct trace_sample samples[4];
static struct trace_clock_range clock_range = {
    .end_tick = 1ull << 46, .end_ns = 1ull << 46, .rate = 1ull << TRACE_RATE_BITS};
static struct trace_process process;
static struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
static struct transactions_options wanted = TRANSACTIONS_OPTIONS_DEFAULT;
static struct timeline *timeline;
static struct transactions *transactions;
static struct told told[TOLD_MAX];
static size_t told_count;
static bool silent; /* too many to be kept; they are checked all the same */

static inline void tell(void *arg, const struct transaction *transaction)
{
	static struct told one;
	struct told *next = silent ? &one : &told[told_count];
	uint64_t sum = 0;

	(void)arg;
	cr_assert_lt(told_count, TOLD_MAX);
	told_count += !silent;
	next->facts = *transaction;
	for (size_t i = 0; i < transaction->step_count; i++) {
		const struct transaction_step *step = &transaction->steps[i];
		uint64_t wait = 0;
		for (int j = 0; j < TRANSACTION_PARTS; j++)
			wait += step->parts[j];
		cr_assert_eq(wait, step->tick - step->caused_tick, "parts of step %zu", i);
		cr_assert(i == 0 ? step->parent == TRANSACTION_NO_STEP : step->parent < i);
		if (i < STEPS_TOLD)
			next->steps[i] = *step;
	}
	next->facts.steps = next->steps;
	for (int i = 0; i < TRANSACTION_PARTS; i++)
		sum += transaction->parts[i];
	if (transaction->cut == CUT_NONE)
		cr_assert_eq(sum, transaction->end_tick - transaction->begin_tick);
}

static inline void process_open(void);

static inline void process_make(uint64_t last_tick)
{
	for (uint32_t i = 1; i < KIND_COUNT; i++) {
		kinds[i] = (struct trace_kind_info){.name = (char *)trace_kinds[i].name,
						    .class = trace_kinds[i].class};
		if (kinds[i].class == KIND_CLASS_POOL)
			kinds[i].work_req_offset =
			    strncmp(kinds[i].name, "fs_", 3) == 0 ? OFFSET_FS : OFFSET_WORK;
		sites[i] = (struct trace_site){
		    .present = true, .kind = (uint8_t)i, .callback = 0x1000 + i};
	}
	sites[SITE_READ_B] =
	    (struct trace_site){.present = true, .kind = KIND_READ, .callback = 0x2000};
	sites[SITE_TIMER_B] =
	    (struct trace_site){.present = true, .kind = KIND_TIMER, .callback = 0x2001};
	sites[SITE_WRITE_SYNC] = (struct trace_site){.present = true, .kind = KIND_WRITE};
	sites[SITE_TCP_MADE] = (struct trace_site){.present = true, .kind = KIND_TCP};
	process = (struct trace_process){
	    .tier = TRACE_TIER_FULL,
	    .first_tick = 1,
	    .last_tick = last_tick,
	    .workers = workers,
	    .worker_count = WORKERS,
	    .sites = sites,
	    .site_count = SITES,
	    .kinds = kinds,
	    .kind_count = KIND_COUNT,
	    .samples = samples,
	    .clock_ranges = &clock_range,
	    .clock_range_count = 1,
	};
	for (uint32_t i = 0; i < WORKERS; i++)
		workers[i] =
		    (struct trace_worker){.worker = i + 1,
					  .role = i >= POOL_A ? TRACE_ROLE_POOL : TRACE_ROLE_LOOP,
					  .start_tick = 1};
	process_open();
}

static inline void process_open(void)
{
	wanted.over = tell;
	transactions = transactions_make(&process, &options, &wanted);
	cr_assert_not_null(transactions);
	struct timeline_options watched = options;
	watched.watch = transactions_watch(transactions);
	timeline = timeline_make(&process, &watched);
	cr_assert_not_null(timeline);
}

static inline struct trace_item instant(uint64_t tick, uint64_t word)
{
	return (struct trace_item){.tick = tick, .word = word, .shape = TRACE_SHAPE_INSTANT};
}

/* Inside the callback before it, at its start. */
static inline struct trace_item inside(uint64_t tick, uint64_t word)
{
	return (struct trace_item){
	    .tick = tick, .word = word, .shape = TRACE_SHAPE_INSTANT, .inside = 1};
}

static inline struct trace_item start(uint64_t tick, uint32_t site, uint64_t object)
{
	return instant(tick, trace_word(object, TRACE_CODE_POLL + site));
}

static inline struct trace_item end(uint64_t tick)
{
	return instant(tick, TRACE_POLL_END);
}

static inline uint64_t submit(uint32_t site, uint64_t object)
{
	return trace_word(object, TRACE_CODE_SUBMIT + site);
}

static inline uint64_t handle(uint32_t site, uint64_t object)
{
	return trace_word(object, TRACE_CODE_HANDLE + site);
}

static inline struct trace_item enter(uint64_t tick)
{
	return instant(tick, trace_word(7, TRACE_LOOP_ENTER));
}

#define FEED(worker, ...) FEED_MADE(timeline, worker, __VA_ARGS__)

static inline void finish(void)
{
	timeline_end(timeline);
	cr_assert_eq(transactions_finish(transactions, timeline), 0);
}

static inline void done(void)
{
	transactions_free(transactions);
	timeline_free(timeline);
	told_count = 0;
}

#endif
