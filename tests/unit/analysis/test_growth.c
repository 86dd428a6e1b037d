/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose handles a loop has ever more of: a trace with handles that are closed and handles that are
 * not.
 */
#include "findings/findings_internal.h"
#include "../reader_helper.h"

#define CODE_TIMER (TRACE_CODE_POLL + 1)
#define CODE_READ  (TRACE_CODE_POLL + 2)

static void setup(void)
{
	dir_make();
}

TestSuite(growth, .init = setup, .fini = dir_remove);

static size_t record_put(struct record *records, size_t at, uint64_t object, uint32_t code)
{
	records[at] =
	    (struct record){40000000 + builder_counter(at * 1000), trace_word(object, code)};
	return at + 1;
}

/* Five timers, four of them closed; three handles that read, one of them twice. */
static void trace_make(void)
{
	static const uint64_t readers[] = {0x20, 0x21, 0x22, 0x20};
	struct builder *builder = builder_new();
	struct record records[64];
	struct encoder encoder;
	size_t count = 0;

	for (uint64_t i = 0; i < 5; i++) {
		count = record_put(records, count, 0x10 + i, CODE_TIMER);
		count = record_put(records, count, 0, TRACE_POLL_END);
	}
	for (uint64_t i = 0; i < 4; i++)
		count = record_put(records, count, 0x10 + i, TRACE_HANDLE_CLOSE);
	for (size_t i = 0; i < 4; i++) {
		count = record_put(records, count, readers[i], CODE_READ);
		count = record_put(records, count, 0, TRACE_POLL_END);
	}
	builder_header(builder, builder_default_header(1));
	builder_kinds(builder, 72);
	builder_site(builder, 1, KIND_TIMER, 0x1000, 0x2000, "on_timer");
	builder_site(builder, 2, KIND_READ, 0x1100, 0x2000, "on_read");
	builder_clock(builder, 10000000);
	encoder_init(&encoder, 1, HELPER_SHIFT);
	builder_events(builder, &encoder,
		       (struct encoder_source){records, (1ull << 40) - 1, 0, count});
	builder_clock(builder, 10000000000);
	builder_write(builder, in_dir("t.1.0.bin"));
	builder_free(builder);
}

Test(growth, blames_whose_handles_were_not_closed)
{
	const struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	uint64_t handles = 0;

	trace_make();
	struct trace *trace = open_path(dir);
	struct timeline *timeline = timeline_read(trace, 0, &options, NULL, NULL);
	struct findings_input input = {.trace = trace, .timeline = timeline};
	cr_assert_eq(growth_culprit(&input, 0, &handles), 2u);
	cr_assert_eq(handles, 3u);
	timeline_free(timeline);
	trace_close(trace);
}
