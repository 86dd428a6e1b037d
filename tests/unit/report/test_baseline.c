/* SPDX-License-Identifier: Apache-2.0
 *
 * Two traces compared by callback. Both are made by hand: how long each run took is known, drawn
 * from the same distribution (noise must not trip) or from a slower one (a regression must).
 */
#include "findings/findings.h"
#include "report/formats/baseline.h"
#include "../reader_helper.h"

#define RUNS	2000
#define RECORDS 4096 /* of two a run; a power of two */
#define US	1000ull

static struct timeline *timeline;
static struct symbols *symbols;
static struct trace *trace;
static struct baseline *baseline;
static struct baseline_row *rows;
static size_t row_count, worse_count;

/* Durations of the n-th run, in ns. */
typedef uint64_t duration_of(uint32_t n);

/* Skewed, as durations are: 40 us at least, 100 us on average, a long tail. Each call draws anew.
 */
static uint64_t noisy(uint32_t n)
{
	uint64_t ns = 40 * US;

	(void)n;
	for (int i = 0; i < 3; i++)
		ns += (uint64_t)random() % (40 * US);
	return random() % 50 == 0 ? ns * (2 + (uint64_t)random() % 8) : ns;
}

static uint64_t slower_by_half(uint32_t n)
{
	return noisy(n) * 3 / 2;
}

/* One run in twenty takes much longer: the median stays what it was. */
static uint64_t slower_tail(uint32_t n)
{
	return n % 20 == 0 ? 900 * US + (uint64_t)random() % (100 * US) : noisy(n);
}

static uint64_t slower_by_a_little(uint32_t n)
{
	return noisy(n) * 11 / 10;
}

static void trace_make(const char *name, duration_of *duration, uint32_t runs)
{
	struct builder *builder = builder_new();
	struct record *records = calloc(RECORDS, sizeof(*records));
	struct trace_worker_entry worker = {
	    .worker = 1, .tid = 1, .role = TRACE_ROLE_LOOP, .start_tick = 1000000};
	struct encoder encoder;
	uint64_t ns = 100000000;
	size_t n = 0;

	for (uint32_t i = 0; i < runs; i++) {
		records[n++] =
		    (struct record){builder_counter(ns), trace_word(0x5000, TRACE_CODE_POLL)};
		ns += duration(i);
		records[n++] = (struct record){builder_counter(ns), TRACE_POLL_END};
		ns += 10 * US;
	}
	builder_header(builder, builder_default_header(77));
	builder_clock(builder, 13000000);
	builder_clock(builder, ns + 1000000);
	builder_kinds(builder, 0);
	builder_site(builder, 0, KIND_READ, 0x1000, 0x2000, "on_read");
	worker.recorded = n;
	builder_worker(builder, &worker, "main");
	encoder_init(&encoder, 1, HELPER_SHIFT);
	builder_events(
	    builder, &encoder,
	    (struct encoder_source){.records = records, .mask = RECORDS - 1, .count = n});
	builder_write(builder, in_dir(name));
	builder_free(builder);
	free(records);
}

static struct thresholds thresholds;

static void compare(duration_of *old, duration_of *now, uint32_t runs)
{
	static const struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	const char *path;

	trace_make("old.bin", old, runs);
	trace_make("new.bin", now, runs);
	baseline = baseline_open(in_dir("old.bin"));
	cr_assert(baseline && !baseline_problem(baseline));
	path = in_dir("new.bin");
	trace = trace_open(&path, 1, NULL, NULL);
	cr_assert(trace && trace->process_count == 1);
	timeline = timeline_read(trace, 0, &options, NULL, NULL);
	symbols = symbols_open(&trace->processes[0]);
	rows = baseline_compare(baseline, timeline, NULL, symbols, &thresholds, &row_count,
				&worse_count);
	cr_assert_not_null(rows);
}

static void done(void)
{
	free(rows);
	symbols_close(symbols);
	timeline_free(timeline);
	trace_close(trace);
	baseline_close(baseline);
}

static void set_up(void)
{
	dir_make();
	thresholds = thresholds_default();
}

/* Chance alone decides: any difference that is sure counts. */
static void set_up_strict(void)
{
	set_up();
	thresholds.values[LIMIT_worse] = 1;
	thresholds.values[LIMIT_worse_least] = 0;
}

TestSuite(baseline, .init = set_up, .fini = dir_remove);

/* A hundred pairs drawn from the same distribution: three standard deviations on both sides let
 * none of them through.
 */
Test(baseline, noise_does_not_trip, .init = set_up_strict)
{
	for (unsigned seed = 1; seed <= 100; seed++) {
		srandom(seed);
		compare(noisy, noisy, RUNS);
		cr_assert_eq(row_count, 1);
		cr_assert_eq(worse_count, 0, "seed %u", seed);
		done();
	}
}

/* ... and with few runs, where chance has the most to say. */
Test(baseline, noise_of_few_runs_does_not_trip, .init = set_up_strict)
{
	for (unsigned seed = 1; seed <= 200; seed++) {
		srandom(seed);
		compare(noisy, noisy, 40);
		cr_assert_eq(worse_count, 0, "seed %u", seed);
		done();
	}
}

Test(baseline, finds_a_slower_callback)
{
	for (unsigned seed = 1; seed <= 20; seed++) {
		srandom(seed);
		compare(noisy, slower_by_half, RUNS);
		cr_assert_eq(worse_count, 1, "seed %u", seed);
		cr_assert(rows[0].worse_p50);
		cr_assert_eq(rows[0].count, RUNS);
		cr_assert_eq(rows[0].old_count, RUNS);
		cr_assert_float_eq((double)rows[0].p50_ns / (double)rows[0].old_p50_ns, 1.5, 0.1);
		done();
	}
}

Test(baseline, finds_a_longer_tail)
{
	for (unsigned seed = 1; seed <= 20; seed++) {
		srandom(seed);
		compare(noisy, slower_tail, RUNS);
		cr_assert(rows[0].worse_p99 && !rows[0].worse_p50, "seed %u", seed);
		cr_assert_geq(rows[0].p99_ns, 890 * US);
		done();
	}
}

/* A tenth is less than what counts as worse, sure as it may be; what got faster is not worse at
 * all. */
Test(baseline, leaves_small_changes_and_gains_in_peace)
{
	thresholds.values[LIMIT_worse_least] = 0;
	srandom(1);
	compare(noisy, slower_by_a_little, RUNS);
	cr_assert_eq(worse_count, 0);
	done();
	compare(slower_by_half, noisy, RUNS);
	cr_assert_eq(worse_count, 0);
	cr_assert(strstr(rows[0].callback, "on_read"));
	cr_assert_str_eq(rows[0].kind, "read");
	done();
}

static uint64_t short_runs(uint32_t n)
{
	return noisy(n) / 20;
}

static uint64_t short_runs_doubled(uint32_t n)
{
	return noisy(n) / 10;
}

/* Twice as long, and surely so, but by microseconds: that is less than anybody waits for. */
Test(baseline, leaves_what_is_little_in_itself_in_peace)
{
	srandom(1);
	compare(short_runs, short_runs_doubled, RUNS);
	cr_assert_eq(row_count, 1);
	cr_assert_eq(worse_count, 0);
	done();
	thresholds.values[LIMIT_worse_least] = 1000;
	compare(short_runs, short_runs_doubled, RUNS);
	cr_assert_eq(worse_count, 1);
	done();
}

Test(baseline, says_what_cannot_be_read)
{
	put_file("garbage.bin", "no trace", 8);
	baseline = baseline_open(in_dir("garbage.bin"));
	cr_assert(baseline && baseline_problem(baseline));
	baseline_close(baseline);
}
