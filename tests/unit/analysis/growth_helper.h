/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests of what only grows: a trace of four seconds of one loop, made by hand, and what is
 * found in it. A test puts records, in the order of time, and finishes.
 */
#ifndef GROWTH_HELPER_H
#define GROWTH_HELPER_H

#include "findings/detect/handle_lives.h"
#include "report/findings_text.h"
#include "../reader_helper.h"

#define MS_NS	   1000000ull
#define RECORDS	   20000
#define BEGIN_MS   10
#define SPAN_MS	   4000
#define STEPS	   400 /* one each 10 ms */
#define CODE(site) (TRACE_CODE_POLL + (site))
#define MADE(site) (TRACE_CODE_HANDLE + (site))
#define SENT(site) (TRACE_CODE_SUBMIT + (site))

enum {
	ON_TIMER = 1,
	ON_READ,
	TIMER_INIT,
	TCP_INIT,
	ON_EXIT,
	ON_CONNECTION,
	ON_WRITE,
	ON_WRITE_AGAIN,
	ON_ASYNC,
	PIPE_INIT,
};

static struct record records[RECORDS];
static size_t record_count;
static struct trace *trace;
static struct timeline *timeline;
static struct symbols *symbols;
static struct findings *findings;
static struct thresholds thresholds;
static double pending_ns; /* how long a request is waited for; 0: as always */

static inline void setup(void)
{
	dir_make();
	record_count = 0;
	pending_ns = 0;
}

static inline void teardown(void)
{
	findings_free(findings);
	symbols_close(symbols);
	timeline_free(timeline);
	trace_close(trace);
	dir_remove();
}

static inline void put(uint64_t ms, uint64_t object, uint32_t code)
{
	uint64_t counter = builder_counter((BEGIN_MS + ms) * MS_NS);

	/* Each has a time of its own. */
	if (record_count > 0 && counter <= records[record_count - 1].counter)
		counter = records[record_count - 1].counter + 320;
	records[record_count++] = (struct record){counter, trace_word(object, code)};
}

static inline void put_queue(uint64_t ms, bool behind, int fd, uint64_t bytes)
{
	put(ms, 0, 0);
	records[record_count - 1].word = trace_queue_word(behind, TRACE_STREAM_PIPE, fd, bytes);
}

static inline void run(uint64_t ms, uint64_t object, uint32_t site)
{
	put(ms, object, CODE(site));
	put(ms, 0, TRACE_POLL_END);
}

static inline void sites_put(struct builder *builder)
{
	builder_kinds(builder, 72);
	builder_site(builder, ON_TIMER, KIND_TIMER, 0x1000, 0x2000, "on_timer");
	builder_site(builder, ON_READ, KIND_READ, 0x1100, 0x2000, "on_read");
	builder_site(builder, TIMER_INIT, KIND_TIMER, 0, 0x2010, "");
	builder_site(builder, TCP_INIT, KIND_TCP, 0, 0x2020, "");
	builder_site(builder, ON_EXIT, KIND_PROCESS_EXIT, 0x1300, 0x2030, "on_exit");
	builder_site(builder, ON_CONNECTION, KIND_CONNECTION, 0x1400, 0x2040, "on_connection");
	builder_site(builder, ON_WRITE, KIND_WRITE, 0x1500, 0x2050, "on_write");
	builder_site(builder, ON_WRITE_AGAIN, KIND_WRITE, 0x1500, 0x2060, "on_write");
	builder_site(builder, ON_ASYNC, KIND_ASYNC, 0x1600, 0x2070, "on_async");
	builder_site(builder, PIPE_INIT, KIND_PIPE, 0, 0x2080, "");
}

/* Samples of active handles, one each 100 ms: `rise` more each time. */
static inline void samples_put(struct builder *builder, uint64_t rise)
{
	for (uint64_t i = 0; rise > 0 && i < SPAN_MS / 100; i++) {
		struct trace_sample sample = {
		    .entry_bytes = sizeof(sample),
		    .type = TRACE_SAMPLE_QUEUE,
		    .worker = 1,
		    .tick = builder_counter((BEGIN_MS + i * 100) * MS_NS) >> HELPER_SHIFT,
		    .b = rise * i,
		};
		builder_block(builder, TRACE_BLOCK_SAMPLES, &sample, sizeof(sample));
	}
}

/* Reads it and finds. */
static inline void finish(uint64_t rise)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	struct trace_worker_entry worker = {.worker = 1, .role = TRACE_ROLE_LOOP};
	struct builder *builder = builder_new();
	struct encoder encoder;

	put(SPAN_MS, 0, TRACE_TURN);
	builder_header(builder, builder_default_header(1));
	sites_put(builder);
	builder_clock(builder, BEGIN_MS * MS_NS);
	encoder_init(&encoder, 1, HELPER_SHIFT);
	builder_events(builder, &encoder,
		       (struct encoder_source){records, (1ull << 40) - 1, 0, record_count});
	worker.recorded = record_count;
	builder_worker(builder, &worker, "main");
	samples_put(builder, rise);
	builder_clock(builder, 10000000000);
	builder_write(builder, in_dir("t.1.0.bin"));
	builder_free(builder);
	trace = open_path(dir);
	thresholds = thresholds_default();
	if (pending_ns > 0)
		thresholds.values[LIMIT_pending] = pending_ns;
	thresholds_apply(&thresholds, &options);
	timeline = timeline_read(trace, 0, &options, NULL, NULL);
	symbols = symbols_open(timeline->process);
	struct findings_input input = {
	    .trace = trace, .timeline = timeline, .symbols = symbols, .thresholds = &thresholds};
	findings = findings_with_text(&input);
	cr_assert_not_null(findings);
}

static inline const struct finding *finding_of(enum finding_id id)
{
	for (size_t i = 0; i < findings->count; i++) {
		if (findings->list[i].id == id)
			return &findings->list[i];
	}
	return NULL;
}

static inline uint64_t fact_of(const struct finding *finding, enum fact_name name)
{
	const struct fact *fact = finding_fact(finding, name);

	return fact ? fact->whole : 0;
}

static inline uint64_t at_of(uint64_t step)
{
	return step * SPAN_MS / STEPS;
}

#endif
