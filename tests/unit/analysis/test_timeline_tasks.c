/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading in parts, on several threads, must find what reading each worker from its first item to
 * its last finds.
 */
#include "../reader_helper.h"
#include "timeline/timeline.h"

#define LOOPS	2
#define POOL	3
#define WORKERS (LOOPS + POOL)
#define RECORDS 400000 /* of one loop: several parts */
#define OBJECTS 64
#define STORM	90000 /* timers in one iteration: it lies in several parts */

TestSuite(timeline_tasks, .init = dir_make, .fini = dir_remove);

struct source {
	struct record *records;
	size_t count, put;
	struct encoder encoder;
};

static uint64_t object_some(void)
{
	return 0x555500000000 + (uint64_t)(random() % OBJECTS) * 0x200;
}

static size_t storm_make(struct record *records, uint64_t *counter)
{
	size_t n = 0;

	while (n < 2 * STORM) {
		records[n++] = (struct record){ *counter += 10 + some_number() % 20,
						trace_word(0x9000, TRACE_CODE_POLL)};
		records[n++] = (struct record){ *counter += some_number() % 90, TRACE_POLL_END};
	}
	return n;
}

/* A loop that submits requests, with polls in polls and loops in polls. */
static size_t loop_make(struct record *records, uint64_t counter)
{
	size_t n = 0;
	bool stormed = false;

	records[n++] = (struct record){counter, trace_word(0x7000, TRACE_LOOP_ENTER)};
	while (n < RECORDS - 32) {
		if (!stormed && n > RECORDS / 4) {
			n += storm_make(&records[n], &counter);
			stormed = true;
		}
		records[n++] = (struct record){counter += some_number() % 5000, TRACE_PARK};
		records[n++] = (struct record){counter += some_number() % 50000,
					       trace_word(random() % 9, TRACE_UNPARK)};
		uint64_t object = object_some();
		records[n++] = (struct record){counter += some_number() % 500,
					       trace_word(object, TRACE_CODE_POLL + random() % 4)};
		if (random() % 3 == 0)
			records[n++] = (struct record){
			    counter, trace_word(object_some(), TRACE_CODE_SUBMIT + 2)};
		if (random() % 50 == 0) {
			records[n++] =
			    (struct record){counter += 10, trace_word(0x8000, TRACE_LOOP_ENTER)};
			records[n++] = (struct record){counter += 10, TRACE_PARK};
			records[n++] = (struct record){counter += some_number() % 9000,
						       trace_word(1, TRACE_UNPARK)};
			records[n++] =
			    (struct record){counter += 10, trace_word(object, TRACE_CODE_POLL + 1)};
			records[n++] =
			    (struct record){counter += some_number() % 900, TRACE_POLL_END};
			records[n++] =
			    (struct record){counter += 10, trace_word(0x8000, TRACE_LOOP_LEAVE)};
		}
		records[n++] = (struct record){counter += some_number() % 4000, TRACE_POLL_END};
	}
	records[n++] = (struct record){
	    counter += 10, trace_word(object_some(), TRACE_CODE_POLL + 1)}; /* never ends */
	return n;
}

static size_t pool_make(struct record *records, uint64_t counter)
{
	size_t n = 0;

	while (n < RECORDS / 4 - 32) {
		records[n++] = (struct record){counter += some_number() % 500, TRACE_PARK};
		records[n++] = (struct record){counter += some_number() % 90000, TRACE_UNPARK};
		for (long items = random() % 4; items > 0; items--) {
			uint64_t object = object_some();
			if (random() % 2) {
				records[n++] = (struct record){
				    counter += 20, trace_word(object, TRACE_CODE_POLL + 3)};
				records[n++] = (struct record){counter += some_number() % 9000,
							       TRACE_POLL_END};
			}
			records[n++] = (struct record){counter += some_number() % 9000,
						       trace_word(object + 72, TRACE_ITEM_END)};
		}
	}
	return n;
}

static void sources_make(struct source *sources)
{
	for (uint32_t i = 0; i < WORKERS; i++) {
		sources[i].records = calloc(RECORDS, sizeof(struct record));
		sources[i].count = i < LOOPS ? loop_make(sources[i].records, 40000000 + i * 1000)
					     : pool_make(sources[i].records, 40000000 + i * 1000);
		encoder_init(&sources[i].encoder, i + 1, HELPER_SHIFT);
	}
}

static void put_some(struct builder *builder, struct source *source)
{
	size_t count = 1 + (size_t)random() % 20000;

	if (count > source->count - source->put)
		count = source->count - source->put;
	struct encoder_source records = {source->records, (1ull << 40) - 1, source->put, count};
	builder_events(builder, &source->encoder, records);
	source->put += count;
}

static void trace_make(const char *path)
{
	static const uint8_t kinds[] = {KIND_TIMER, KIND_READ, KIND_FS_STAT, KIND_WORK};
	struct builder *builder = builder_new();
	struct source sources[WORKERS] = {0};
	uint64_t last = 0, recorded = 0;

	builder_header(builder, builder_default_header(77));
	builder_kinds(builder, 72);
	for (uint16_t i = 0; i < 4; i++)
		builder_site(builder, i, kinds[i], 0x1000 + i, 0x2000 + i, "callback");
	builder_clock(builder, 12800000);
	sources_make(sources);
	for (int more = 1; more;) {
		more = 0;
		for (uint32_t i = 0; i < WORKERS; i++) {
			put_some(builder, &sources[i]);
			more |= sources[i].put < sources[i].count;
		}
	}
	for (uint32_t i = 0; i < WORKERS; i++) {
		uint64_t end = sources[i].records[sources[i].count - 1].counter;
		struct trace_worker_entry worker = {
		    .worker = i + 1,
		    .tid = i + 1,
		    .role = i < LOOPS ? TRACE_ROLE_LOOP : TRACE_ROLE_POOL,
		    .start_tick = sources[i].records[0].counter >> HELPER_SHIFT,
		    .recorded = sources[i].count};
		builder_worker(builder, &worker, "worker");
		last = end > last ? end : last;
		recorded += sources[i].count;
		free(sources[i].records);
	}
	builder_clock(builder, last / 5 * 2);
	builder_seal(builder, TRACE_SEAL_EXIT, last >> HELPER_SHIFT, recorded, 0);
	builder_write(builder, path);
	builder_free(builder);
}

static struct timeline *read_from_first_to_last(struct trace *trace,
						const struct timeline_options *options)
{
	const struct trace_process *process = &trace->processes[0];
	struct timeline *timeline = timeline_make(process, options);
	struct trace_item *items = calloc(1000, sizeof(*items));

	for (size_t worker = 0; worker < process->worker_count; worker++) {
		struct trace_cursor *cursor = trace_cursor_open(trace, 0, worker);
		size_t count;
		while ((count = trace_cursor_read(cursor, UINT64_MAX, items, 1000)) > 0) {
			size_t contexts;
			bool gap;
			const struct trace_context *context =
			    trace_cursor_context(cursor, &contexts, &gap);
			cr_assert_eq(
			    timeline_feed(timeline, worker, items, count, context, contexts, gap),
			    0);
		}
		trace_cursor_close(cursor);
		cr_assert_eq(timeline_end_worker(timeline, worker), 0);
	}
	cr_assert_eq(timeline_finish(timeline), 0);
	free(items);
	return timeline;
}

static void check_histograms(const struct histogram *a, const struct histogram *b)
{
	cr_assert_eq(a->count, b->count);
	cr_assert_eq(a->sum, b->sum);
	cr_assert_eq(a->min, b->min);
	cr_assert_eq(a->max, b->max);
	for (double quantile = 0; quantile <= 1; quantile += 0.125)
		cr_assert_eq(histogram_quantile(a, quantile), histogram_quantile(b, quantile));
}

static void check_tops(const struct timeline_top *a, const struct timeline_top *b)
{
	cr_assert_eq(a->seen, b->seen);
	cr_assert_eq(a->ticks, b->ticks);
	cr_assert_eq(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		cr_assert_eq(a->spans[i].tick, b->spans[i].tick);
		cr_assert_eq(a->spans[i].duration, b->spans[i].duration);
		cr_assert_eq(a->spans[i].worker, b->spans[i].worker);
		cr_assert_eq(a->spans[i].site, b->spans[i].site);
		cr_assert_eq(a->spans[i].depth, b->spans[i].depth);
		cr_assert_eq(a->spans[i].nested, b->spans[i].nested);
	}
}

static void check_workers(const struct timeline_worker *a, const struct timeline_worker *b)
{
	check_histograms(&a->polls, &b->polls);
	check_histograms(&a->ready, &b->ready);
	cr_assert_eq(a->inside_ticks, b->inside_ticks);
	cr_assert_eq(a->parked_ticks, b->parked_ticks);
	cr_assert_eq(a->callback_ticks, b->callback_ticks);
	cr_assert_eq(a->parks, b->parks);
	cr_assert_eq(a->items, b->items);
	cr_assert_eq(a->nested, b->nested);
	cr_assert_eq(a->unended, b->unended);
	cr_assert_eq(a->slowest.tick, b->slowest.tick);
	cr_assert_eq(a->slowest.duration, b->slowest.duration);
}

static void check_iterations(const struct timeline_iteration *a, const struct timeline_iteration *b)
{
	cr_assert_eq(a->tick, b->tick);
	cr_assert_eq(a->worker, b->worker);
	cr_assert_eq(a->polls, b->polls);
	cr_assert_eq(a->ticks, b->ticks);
	cr_assert_eq(a->timers, b->timers);
	cr_assert_eq(a->timer_ticks, b->timer_ticks);
	cr_assert_eq(a->longest_ticks, b->longest_ticks);
}

static void check_both_ways(struct trace *trace, const struct timeline_options *options)
{
	struct timeline *whole = read_from_first_to_last(trace, options);
	struct timeline *parts = timeline_read(trace, 0, options, NULL, NULL);

	for (size_t i = 0; i < WORKERS; i++)
		check_workers(&whole->workers[i], &parts->workers[i]);
	for (size_t i = 0; i <= whole->process->site_count; i++) {
		check_histograms(&whole->sites[i].callback, &parts->sites[i].callback);
		check_histograms(&whole->sites[i].pool, &parts->sites[i].pool);
	}
	check_tops(&whole->long_polls, &parts->long_polls);
	check_tops(&whole->idle, &parts->idle);
	check_tops(&whole->open, &parts->open);
	check_iterations(&whole->most_timers, &parts->most_timers);
	check_iterations(&whole->crowded, &parts->crowded);
	check_histograms(&whole->iteration_ticks, &parts->iteration_ticks);
	check_histograms(&whole->iteration_timers, &parts->iteration_timers);
	cr_assert_eq(whole->most_timers.timer_site, parts->most_timers.timer_site);
	check_histograms(&whole->pool_wait, &parts->pool_wait);
	cr_assert_eq(whole->pool_queued.max, parts->pool_queued.max);
	cr_assert_eq(whole->pool_queued.mean, parts->pool_queued.mean);
	cr_assert_eq(whole->pool_running.mean, parts->pool_running.mean);
	cr_assert_eq(whole->ready_fds.mean, parts->ready_fds.mean);
	timeline_free(whole);
	timeline_free(parts);
}

Test(timeline_tasks, find_what_reading_from_first_to_last_finds)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	const char *path = in_dir("trace.77.1.bin");

	srandom(1);
	trace_make(path);
	struct trace *trace = trace_open(&path, 1, NULL, NULL);
	cr_assert_eq(trace->process_count, 1);
	cr_assert_eq(trace->problem_count, 0, "%s", trace->problem_count ? trace->problems[0] : "");
	cr_assert_gt(trace_parts(&trace->processes[0].workers[0], 65536, NULL), 4,
		     "several parts a loop");
	options.long_poll_ns = 1000;
	options.idle_ns = 1000;
	options.top = 200;
	check_both_ways(trace, &options);
	struct timeline *timeline = timeline_read(trace, 0, &options, NULL, NULL);
	cr_assert_geq(timeline->most_timers.timers, STORM);
	timeline_free(timeline);
	options.from_ns = 200000000;
	options.to_ns = 600000000;
	check_both_ways(trace, &options);
	options.worker = 2;
	check_both_ways(trace, &options);
	trace_close(trace);
}

/* Of a part in which two sites were even, one of the two stands for it. */
Test(timeline_tasks, keep_a_site_of_a_part_that_was_even)
{
	struct timeline_majority part = {0}, all = {0};

	for (uint32_t i = 0; i < 4; i++)
		majority_add(&part, 7 + i % 2, 1);
	majority_add(&all, part.site, part.votes);
	cr_expect_eq(part.votes, 0);
	cr_expect(all.site == 7 || all.site == 8, "site %u", all.site);
}
