/* SPDX-License-Identifier: Apache-2.0
 *
 * What reading costs is linear in the trace, whatever is in it: many workers, samples, modules,
 * requests, files, and clocks that are wrong by centuries.
 *
 * Rules: nothing here measures time. Each trace is so large that its test ends by a limit on its
 * CPU time where the cost is quadratic; linear, each takes a few seconds of it. So a busy machine
 * makes no difference.
 */
#include <pthread.h>
#include <sys/resource.h>

#include "report/formats/baseline.h"
#include "jsonl/jsonl.h"
#include "../reader_helper.h"
#include "report/report.h"
#include "timeline/timeline.h"

#define WORKERS	    100000u
#define STEP_TICKS  (1000u << HELPER_SHIFT) /* of the counter */
#define TEN_MINUTES 600
#define CPU_SECONDS 60

static struct builder *builder;

/* Each test is a process of its own. */
static void setup(void)
{
	const struct rlimit limit = {CPU_SECONDS, CPU_SECONDS};

	cr_assert_eq(setrlimit(RLIMIT_CPU, &limit), 0);
	dir_make();
	builder = builder_new();
}

static void teardown(void)
{
	builder_free(builder);
	dir_remove();
}

TestSuite(scale, .init = setup, .fini = teardown);

static void header_put(struct trace_file_header header)
{
	builder_header(builder, header);
	builder_kinds(builder, 72);
	builder_site(builder, 1, KIND_TIMER, 0x1000, 0x2000, "on_timer");
	builder_site(builder, 2, KIND_READ, 0x1100, 0x2000, "on_read");
	builder_site(builder, 3, KIND_FS_STAT, 0x1200, 0x2000, "on_stat");
}

static void records_put(uint32_t worker, const struct record *records, size_t count)
{
	struct encoder_source source = {records, (1ull << 40) - 1, 0, count};
	struct encoder encoder;

	encoder_init(&encoder, worker, HELPER_SHIFT);
	builder_events(builder, &encoder, source);
}

static void no_problem(void *arg, const char *problem)
{
	(void)arg;
	cr_assert_fail("%s", problem);
}

static void no_progress(void *arg, uint64_t done, uint64_t total)
{
	(void)arg, (void)done, (void)total;
}

struct lines {
	FILE *from;
	const char *text;
	size_t count; /* of lines that have the text */
};

static void *lines_count(void *arg)
{
	static char line[65536];
	struct lines *lines = arg;

	while (fgets(line, sizeof(line), lines->from))
		lines->count += strstr(line, lines->text) != NULL;
	return NULL;
}

/* How often the text is in what trace_to_jsonl would print of the directory; it is read as it
 * comes, as it may be more than a file should have. */
static size_t converted_count(const char *text)
{
	static const struct jsonl_watcher watcher = {no_problem, no_progress, NULL};
	static struct json_out out;
	struct trace *trace = open_path(dir);
	struct lines lines = {.text = text};
	pthread_t reader;
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	lines.from = fdopen(fds[0], "r");
	cr_assert_eq(pthread_create(&reader, NULL, lines_count, &lines), 0);
	out = (struct json_out){.fd = fds[1]};
	cr_assert_eq(jsonl_convert(trace, &out, &watcher, false), 0);
	close(fds[1]);
	pthread_join(reader, NULL);
	fclose(lines.from);
	trace_close(trace);
	return lines.count;
}

static struct timeline *analyze(struct trace *trace)
{
	const struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	struct timeline *timeline = timeline_read(trace, 0, &options, NULL, NULL);

	cr_assert_not_null(timeline);
	return timeline;
}

/* ---- Workers --------------------------------------------------------------------------------- */

/* A thread that lives for a few events, with samples at its start and its end. */
static void short_worker_put(uint32_t number, uint64_t at)
{
	const struct record records[] = {
	    {at, trace_word(0x7000, TRACE_LOOP_ENTER)},
	    {at += STEP_TICKS, trace_word(0x100, TRACE_CODE_SUBMIT + 3)},
	    {at += STEP_TICKS, trace_word(0x100, TRACE_CODE_POLL + 3)},
	    {at += STEP_TICKS, trace_word(0, TRACE_POLL_END)},
	    {at += STEP_TICKS, trace_word(0x7000, TRACE_LOOP_LEAVE)},
	};
	size_t count = sizeof(records) / sizeof(*records);
	struct trace_worker_entry entry = {.worker = number,
					   .role = TRACE_ROLE_LOOP,
					   .start_tick = records[0].counter >> HELPER_SHIFT,
					   .end_tick = at >> HELPER_SHIFT,
					   .recorded = count};

	records_put(number, records, count);
	builder_sample(builder, TRACE_SAMPLE_WORKER, number, entry.start_tick, 0, 0, 0);
	builder_sample(builder, TRACE_SAMPLE_WORKER, number, entry.end_tick, 1000, 10, 1);
	builder_worker(builder, &entry, "short");
}

/* One after the other, numbered upwards or downwards. */
static void short_workers_put(bool downwards)
{
	header_put(builder_default_header(1));
	builder_clock(builder, 10000000);
	for (uint32_t i = 0; i < WORKERS; i++)
		short_worker_put(downwards ? WORKERS - i : i + 1,
				 40000000 + (uint64_t)i * STEP_TICKS);
	builder_clock(builder, 10000000000);
	builder_write(builder, in_dir("t.1.0.bin"));
}

static void assert_short_workers(void)
{
	struct trace *trace = open_path(dir);
	struct timeline *timeline = analyze(trace);
	uint64_t polls = 0, windows = 0;

	cr_assert_eq(trace->processes[0].worker_count, WORKERS);
	for (size_t i = 0; i < WORKERS; i++) {
		cr_assert_eq(trace->processes[0].workers[i].worker, i + 1);
		polls += timeline->workers[i].polls.count;
		windows += timeline->workers[i].window_count;
	}
	cr_assert_eq(polls, WORKERS);
	cr_assert_eq(windows, WORKERS);
	cr_assert_eq(timeline->pool_wait.count, 0);
	timeline_free(timeline);
	trace_close(trace);
}

Test(scale, workers_that_come_and_go)
{
	short_workers_put(false);
	assert_short_workers();
}

Test(scale, workers_numbered_downwards)
{
	short_workers_put(true);
	assert_short_workers();
}

/* ---- Clocks ---------------------------------------------------------------------------------- */

/* A request that is never done, and events for so many seconds. */
static void pending_put(uint32_t pid, uint64_t real_ns, uint64_t seconds, const char *name)
{
	struct trace_file_header header = builder_default_header(pid);
	const struct record records[] = {
	    {40000000, trace_word(0x7000, TRACE_LOOP_ENTER)},
	    {40001000, trace_word(0x100, TRACE_CODE_SUBMIT + 3)},
	    {40002000, trace_word(0, TRACE_PARK)},
	    {40000000 + builder_counter(seconds * 1000000000), trace_word(0, TRACE_UNPARK)},
	};

	header.boot_id[0] = (uint8_t)pid;
	header.start_real_ns = real_ns;
	header_put(header);
	records_put(1, records, 4);
	builder_clock(builder, 10000000);
	builder_clock(builder, 10000000000);
	builder_write(builder, in_dir(name));
}

Test(scale, wall_clocks_that_are_centuries_apart)
{
	pending_put(1, 1700000000012800000ull, TEN_MINUTES, "t.1.0.bin");
	pending_put(2, UINT64_MAX - 7, TEN_MINUTES, "t.2.0.bin");
	pending_put(3, 0, TEN_MINUTES, "t.3.0.bin");
	/* After 6, 12, 24, 48, 96, 192 and 384 seconds, each. */
	cr_assert_eq(converted_count("RequestPending"), 3 * 7);
}

/* ---- Requests -------------------------------------------------------------------------------- */

#define REQUESTS 500000u

/* Many on their way at once, and so many gaps and ends of others meanwhile that looking over them
 * each time would not end. */
Test(scale, requests_on_their_way_and_gaps)
{
	struct record *records = calloc(REQUESTS, sizeof(*records));
	uint64_t at = 40000000;

	header_put(builder_default_header(1));
	for (uint32_t i = 0; i < REQUESTS; i++)
		records[i] =
		    (struct record){at + i, trace_word(0x1000 + 16 * i, TRACE_CODE_SUBMIT + 3)};
	records_put(1, records, REQUESTS);
	for (uint32_t i = 0; i < REQUESTS; i += 2) {
		at += builder_counter(2000000000); /* two seconds: a look would be due */
		records[i] = (struct record){at, trace_word(1, TRACE_LOST_FULL)};
		records[i + 1] = (struct record){at + 32, trace_word(0x100, TRACE_CODE_SUBMIT + 3)};
	}
	records_put(2, records, REQUESTS);
	builder_clock(builder, 10000000);
	builder_clock(builder, 10000000000);
	builder_write(builder, in_dir("t.1.0.bin"));
	free(records);

	struct trace *trace = open_path(dir);
	struct timeline *timeline = analyze(trace);
	cr_assert_eq(timeline->sites[3].pending,
		     1); /* what was begun before the last gap may have ended */
	timeline_free(timeline);
	trace_close(trace);
	/* Half a million seconds: 6, 12, ... 393216. */
	cr_assert_eq(converted_count("RequestPending"), REQUESTS * 17);
}
