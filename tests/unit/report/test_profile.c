/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile's samples: which callback each fell into, and for how much time it stands. The truth
 * is the trace made here.
 */
#include "findings/profile.h"

#include "../reader_helper.h"

#define MS	 1000000ull
#define CALLBACK (TRACE_CODE_POLL + 2)

static struct builder *builder;

static void setup(void)
{
	dir_make();
	builder = builder_new();
	builder_header(builder, builder_default_header(77));
	builder_text(builder, TRACE_TEXT_OPTION, "UVTRACE_SAMPLE_HZ=100");
	builder_clock(builder, 20 * MS);
	builder_clock(builder, 2000 * MS);
	builder_kinds(builder, 72);
	builder_site(builder, 2, KIND_TIMER, 0x401000, 0x402000, "on_timer");
}

static void teardown(void)
{
	builder_free(builder);
	dir_remove();
}

TestSuite(profile_samples, .init = setup, .fini = teardown);

static uint64_t tick_at(uint64_t ns)
{
	return builder_counter(ns) >> HELPER_SHIFT;
}

/* Three callbacks of 100 ms each, one after the other, in a loop. */
static void worker_put(void)
{
	struct trace_worker_entry entry = {.worker = 1, .tid = 4711, .role = TRACE_ROLE_LOOP};
	const struct record records[] = {
	    {builder_counter(30 * MS), trace_word(0x7000, TRACE_LOOP_ENTER)},
	    {builder_counter(100 * MS), trace_word(0x100, CALLBACK)},
	    {builder_counter(200 * MS), trace_word(0, TRACE_POLL_END)},
	    {builder_counter(300 * MS), trace_word(0x200, CALLBACK)},
	    {builder_counter(400 * MS), trace_word(0, TRACE_POLL_END)},
	    {builder_counter(500 * MS), trace_word(0x300, CALLBACK)},
	    {builder_counter(600 * MS), trace_word(0, TRACE_POLL_END)},
	};
	size_t count = sizeof(records) / sizeof(*records);
	struct encoder encoder;

	encoder_init(&encoder, 1, HELPER_SHIFT);
	builder_events(builder, &encoder,
		       (struct encoder_source){records, (1ull << 40) - 1, 0, count});
	entry.recorded = count;
	builder_worker(builder, &entry, "loop");
}

/* One that computed, after so many that were due and not taken. */
static void sample_put(uint64_t ns, uint32_t suppressed)
{
	struct trace_stall_entry entry = {.entry_bytes = sizeof(entry),
					  .worker = 1,
					  .type = TRACE_STALL_LOOK,
					  .state = 'R',
					  .machine = TRACE_MACHINE_X86_64,
					  .poll_tick = tick_at(ns),
					  .base_tick = tick_at(ns),
					  .tick = tick_at(ns),
					  .syscall = -1,
					  .suppressed = suppressed};

	builder_block(builder, TRACE_BLOCK_PROFILE, &entry, sizeof(entry));
}

static void check_sample(const struct stall *sample, uint64_t poll_ms, uint64_t stands_for_ms)
{
	double expected = (double)tick_at(stands_for_ms * MS);

	cr_expect_eq(sample->site, 2);
	cr_expect_eq(sample->poll_tick, tick_at(poll_ms * MS));
	cr_expect_float_eq((double)sample->ticks, expected, expected / 1000, "%zu, not %.0f",
			   (size_t)sample->ticks, expected);
}

/* All callbacks together took 300 ms, which six periods share. */
Test(profile_samples, stand_for_those_that_were_not_taken)
{
	const struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	const char *path = in_dir("trace.77.0.bin");
	struct timeline *timeline;
	struct symbols *symbols;
	struct stalls *profile;
	struct trace *trace;

	worker_put();
	sample_put(50 * MS, 0);
	sample_put(150 * MS, 0);
	sample_put(310 * MS, 3);
	sample_put(590 * MS, 0);
	builder_write(builder, path);
	trace = trace_open(&path, 1, NULL, NULL);
	cr_assert_not_null(trace);
	timeline = timeline_read(trace, 0, &options, NULL, NULL);
	symbols = symbols_open(&trace->processes[0]);
	cr_assert(timeline && symbols);
	profile = profile_make(trace, timeline, symbols);
	cr_assert_eq(profile->count, 4);
	cr_expect_eq(profile->list[0].site, trace->processes[0].site_count, "in no callback");
	cr_expect_float_eq((double)profile->list[0].ticks, (double)tick_at(10 * MS), 100);
	check_sample(&profile->list[1], 100, 50);
	check_sample(&profile->list[2], 300, 200);
	check_sample(&profile->list[3], 500, 50);
	stalls_free(profile);
	symbols_close(symbols);
	timeline_free(timeline);
	trace_close(trace);
}
