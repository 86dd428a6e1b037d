/* SPDX-License-Identifier: Apache-2.0
 *
 * Records through encoder and reader and back: every record, in order, however it is read; gaps,
 * doubles, samples, tables. What is damaged has test_reader_damage.c, files test_reader_files.c.
 */
#include "../reader_helper.h"

#define COUNT 20000

static struct record records[COUNT];
static struct builder *builder;

static void setup(void)
{
	dir_make();
	srandom(7);
	builder = builder_new();
}

static void teardown(void)
{
	builder_free(builder);
	dir_remove();
}

TestSuite(reader, .init = setup, .fini = teardown);

static void check_reading(struct trace *trace, size_t count, size_t batch, uint64_t step)
{
	struct events events = events_read(trace, 0, 0, batch, step);

	assert_events(&events, records, count);
	free(events.list);
}

Test(reader, records_come_back_however_they_are_read)
{
	size_t count = stream_make(records, COUNT, 1 << 20);
	struct trace *trace;

	segment_make(builder, 7, records, count, 3000);
	trace = open_bytes(builder->data, builder->bytes);
	assert_no_problem(trace);
	cr_assert_eq(trace->process_count, 1);
	cr_assert_eq(trace->processes[0].worker_count, 1);
	cr_assert_eq(trace->processes[0].events, count);
	cr_assert_eq(trace->processes[0].missing, 0);
	cr_assert_eq(trace->bytes, builder->bytes);
	for (size_t batch = 1; batch < 6; batch++)
		check_reading(trace, count, batch, 0);
	check_reading(trace, count, 5000, 0);
	check_reading(trace, count, 7, 100000);
	check_reading(trace, count, 1, 3000000);
	trace_close(trace);
}

Test(reader, large_blocks_are_read_through_a_small_window)
{
	static struct record many[400000];
	size_t count = stream_make(many, sizeof(many) / sizeof(many[0]), 5);
	struct events events;
	struct trace *trace;

	segment_make(builder, 7, many, count, count);
	trace = open_bytes(builder->data, builder->bytes);
	events = events_read(trace, 0, 0, 1000, 0);
	assert_events(&events, many, count);
	free(events.list);
	trace_close(trace);
}

Test(reader, tells_what_it_knows_of_the_process)
{
	size_t count = stream_make(records, 100, 1 << 20);
	const struct trace_process *process;
	struct trace *trace;

	segment_make(builder, 4711, records, count, 100);
	trace = open_bytes(builder->data, builder->bytes);
	process = &trace->processes[0];
	cr_assert_eq(process->pid, 4711);
	cr_assert_str_eq(process->exe, "/bin/test");
	cr_assert_str_eq(process->libuv, "");
	cr_assert(process->sealed);
	cr_assert_eq(process->seal_reason, TRACE_SEAL_EXIT);
	cr_assert_eq(process->kind_count, KIND_COUNT);
	cr_assert_str_eq(process->kinds[KIND_FS_STAT].name, "fs_stat");
	cr_assert_eq(process->kinds[KIND_FS_STAT].work_req_offset, 72);
	cr_assert_eq(process->site_count, 2);
	cr_assert(!process->sites[0].present);
	cr_assert_str_eq(process->sites[1].callback_symbol, "on_timer");
	cr_assert_eq(process->sites[1].caller, 0x2000);
	cr_assert_str_eq(process->workers[0].name, "main");
	cr_assert_eq(process->workers[0].first_tick, records[0].counter >> 5);
	cr_assert_eq(process->last_tick, records[count - 1].counter >> 5);
	trace_close(trace);
}

Test(reader, later_entries_replace_earlier_ones)
{
	struct trace_worker_entry worker = {
	    .worker = 3, .role = TRACE_ROLE_POOL, .recorded = 5, .lost = 2};
	struct trace *trace;

	builder_header(builder, builder_default_header(1));
	builder_site(builder, 4, KIND_TIMER, 1, 2, "old");
	builder_site(builder, 4, KIND_IDLE, 3, 4, "new");
	builder_worker(builder, &worker, "first");
	worker.lost = 7;
	worker.end_tick = 99;
	builder_worker(builder, &worker, "second");
	builder_text(builder, TRACE_TEXT_NOTE, "mind the gap");
	builder_text(builder, TRACE_TEXT_NOTE, "mind the gap");
	builder_text(builder, TRACE_TEXT_UNSEEN, "something of the future");
	builder_text(builder, TRACE_TEXT_UNSEEN, "pool_items");
	builder_clock(builder, 1000000000);
	trace = open_bytes(builder->data, builder->bytes);
	cr_assert_str_eq(trace->processes[0].sites[4].callback_symbol, "new");
	cr_assert_eq(trace->processes[0].sites[4].kind, KIND_IDLE);
	cr_assert_eq(trace->processes[0].worker_count, 1);
	cr_assert_str_eq(trace->processes[0].workers[0].name, "second");
	cr_assert_eq(trace->processes[0].workers[0].end_tick, 99);
	cr_assert_eq(trace->processes[0].lost, 7);
	cr_assert_eq(trace->processes[0].note_count, 1);
	cr_assert(trace->processes[0].pool_items_unseen);
	cr_assert_eq(trace->processes[0].missing, 5, "recorded, and in no block");
	cr_assert(!trace->processes[0].sealed);
	trace_close(trace);
}

Test(reader, what_comes_behind_a_seal_must_be_sealed_again)
{
	static const struct record record = {64000, TRACE_WORKER_END};
	struct encoder encoder;
	struct trace *trace;

	builder_header(builder, builder_default_header(1));
	builder_clock(builder, 1000000000);
	builder_seal(builder, TRACE_SEAL_EXIT, 1, 0, 0);
	encoder_init(&encoder, 1, HELPER_SHIFT);
	builder_events(builder, &encoder, (struct encoder_source){&record, 0, 0, 1});
	trace = open_bytes(builder->data, builder->bytes);
	cr_assert(!trace->processes[0].sealed);
	cr_assert_eq(trace->processes[0].events, 1);
	trace_close(trace);
	builder_seal(builder, TRACE_SEAL_EXIT, 2000, 1, 0);
	trace = open_bytes(builder->data, builder->bytes);
	cr_assert(trace->processes[0].sealed);
	trace_close(trace);
}

/* ---- Gaps ------------------------------------------------------------------------------------ */

/* Blocks of 100 records each, but for the ones left out. */
static void put_blocks(const struct record *from, size_t count, const bool *left_out)
{
	struct encoder encoder;

	encoder_init(&encoder, 1, HELPER_SHIFT);
	for (size_t at = 0; at + 100 <= count; at += 100) {
		size_t bytes = builder->bytes;

		builder_events(builder, &encoder,
			       (struct encoder_source){from, (1ull << 40) - 1, at, 100});
		if (left_out[at / 100])
			builder->bytes = bytes;
	}
}

Test(reader, gaps_are_missing_and_come_with_their_context)
{
	static const bool left_out[10] = {[0] = true, [4] = true, [5] = true, [9] = true};
	struct trace_worker_entry worker = {.worker = 1, .role = TRACE_ROLE_LOOP, .recorded = 1000};
	struct trace *trace;
	struct events events;

	cr_assert_geq(stream_make(records, 1100, 77), 1000);
	builder_header(builder, builder_default_header(1));
	builder_clock(builder, 1000000000);
	put_blocks(records, 1000, left_out);
	builder_worker(builder, &worker, "");
	trace = open_bytes(builder->data, builder->bytes);
	cr_assert_eq(trace->processes[0].events, 600);
	cr_assert_eq(trace->processes[0].missing, 400);
	events = events_read(trace, 0, 0, 10000, 0);
	cr_assert_eq(events.count, 600);
	for (size_t i = 0; i < events.count; i++) {
		size_t at = i < 300 ? i + 100 : i + 300;

		cr_assert_eq(events.list[i].word, records[at].word);
		cr_assert_eq(events.list[i].tick, records[at].counter >> 5);
		cr_assert_eq(events.list[i].after_gap, i == 0 || i == 300);
		cr_assert_eq(events.list[i].missing, i == 0 ? 100 : i == 300 ? 200 : 0);
	}
	free(events.list);
	trace_close(trace);
}

Test(reader, context_is_what_was_open)
{
	static const struct record opening[] = {{3200, 0x10 << 16 | TRACE_LOOP_ENTER},
						{6400, 0x20 << 16 | (TRACE_CODE_POLL + 5)}};
	static const struct record after = {9600, TRACE_POLL_END};
	const struct trace_context *context;
	struct trace_cursor *cursor;
	struct trace_item items[4];
	struct encoder encoder;
	struct trace *trace;
	size_t count, bytes;
	bool after_gap;

	builder_header(builder, builder_default_header(1));
	encoder_init(&encoder, 1, HELPER_SHIFT);
	bytes = builder->bytes;
	builder_events(builder, &encoder, (struct encoder_source){opening, 1, 0, 2});
	builder->bytes = bytes;
	builder_events(builder, &encoder, (struct encoder_source){&after, 0, 0, 1});
	trace = open_bytes(builder->data, builder->bytes);
	cursor = trace_cursor_open(trace, 0, 0);
	cr_assert_eq(trace_cursor_read(cursor, 300, items, 4), 0, "its tick is 300");
	cr_assert_null(trace_cursor_context(cursor, &count, &after_gap));
	cr_assert_eq(trace_cursor_read(cursor, 301, items, 4), 1);
	context = trace_cursor_context(cursor, &count, &after_gap);
	cr_assert_not_null(context);
	cr_assert(after_gap);
	cr_assert_eq(count, 2);
	cr_assert_eq(context[0].word, opening[0].word);
	cr_assert_eq(context[1].word, opening[1].word);
	cr_assert_eq(context[1].tick, 200);
	cr_assert_eq(trace_cursor_missing(cursor), 2);
	cr_assert_eq(trace_cursor_read(cursor, UINT64_MAX, items, 4), 0);
	cr_assert_null(trace_cursor_context(cursor, &count, &after_gap));
	trace_cursor_close(cursor);
	trace_close(trace);
}

/* ---- Doubles --------------------------------------------------------------------------------- */

/* Another drain takes over at `again` and writes what the one before it had written up to `end`
 * once more, from there in blocks of its own. */
static void check_doubles(size_t end, size_t again, size_t count)
{
	struct encoder encoder;
	struct trace *trace;

	builder->bytes = 0;
	builder_header(builder, builder_default_header(1));
	builder_clock(builder, 1000000000);
	encoder_init(&encoder, 1, HELPER_SHIFT);
	builder_events(builder, &encoder,
		       (struct encoder_source){records, (1ull << 40) - 1, 0, end});
	encoder.index = again;
	encoder.tick = 0;
	builder_events(builder, &encoder,
		       (struct encoder_source){records, (1ull << 40) - 1, again, count - again});
	trace = open_bytes(builder->data, builder->bytes);
	cr_assert_eq(trace->processes[0].events, count);
	cr_assert_eq(trace->processes[0].missing, 0);
	check_reading(trace, count, 100, 0);
	check_reading(trace, count, 1, 0);
	check_reading(trace, count, 3, 20000);
	trace_close(trace);
}

Test(reader, doubles_are_given_out_once)
{
	size_t count = stream_make(records, 200, 99);

	for (size_t end = 1; end < 40; end++)
		for (size_t again = 0; again <= end; again++)
			check_doubles(end, again, count);
}

/* ---- Samples --------------------------------------------------------------------------------- */

Test(reader, samples_are_in_order_and_single)
{
	struct trace *trace;

	builder_header(builder, builder_default_header(1));
	builder_sample(builder, TRACE_SAMPLE_QUEUE, 2, 500, 1, 2, 3);
	builder_sample(builder, TRACE_SAMPLE_QUEUE, 1, 400, 4, 5, 6);
	builder_sample(builder, TRACE_SAMPLE_QUEUE, 2, 500, 1, 2, 3);
	builder_sample(builder, TRACE_SAMPLE_RECORDING, 0, 300, 1, 0, 0);
	trace = open_bytes(builder->data, builder->bytes);
	cr_assert_eq(trace->processes[0].sample_count, 3);
	cr_assert_eq(trace->processes[0].samples[0].tick, 300);
	cr_assert_eq(trace->processes[0].samples[1].a, 4);
	cr_assert_eq(trace->processes[0].samples[2].worker, 2);
	cr_assert_eq(trace->processes[0].first_tick, 300);
	cr_assert_eq(trace->processes[0].last_tick, 500);
	trace_close(trace);
}

Test(reader, too_many_samples_are_thinned_evenly)
{
	enum { PER_BLOCK = 20000, BLOCKS = 60 };
	struct trace_sample *block = calloc(PER_BLOCK, sizeof(*block));
	size_t count[4] = {0}, first = 0, last = 0;
	struct trace *trace;

	builder_header(builder, builder_default_header(1));
	for (size_t b = 0; b < BLOCKS; b++) {
		for (size_t i = 0; i < PER_BLOCK; i++)
			block[i] = (struct trace_sample){.entry_bytes = sizeof(*block),
							 .type = TRACE_SAMPLE_WORKER,
							 .worker = i % 4,
							 .tick = b * PER_BLOCK + i};
		block[4].type = block[5].type = block[6].type = block[7].type =
		    TRACE_SAMPLE_RECORDING;
		builder_block(builder, TRACE_BLOCK_SAMPLES, block, PER_BLOCK * sizeof(*block));
	}
	trace = open_bytes(builder->data, builder->bytes);
	assert_problem(trace, "too many samples");
	cr_assert_leq(trace->processes[0].sample_count, 1u << 20);
	cr_assert_geq(trace->processes[0].sample_count, 1u << 19);
	for (size_t i = 0; i < trace->processes[0].sample_count; i++) {
		const struct trace_sample *sample = &trace->processes[0].samples[i];

		count[sample->worker]++;
		first += sample->tick < PER_BLOCK;
		last += sample->tick >= (BLOCKS - 1) * PER_BLOCK;
	}
	cr_assert(first <= last + 8 && last <= first + 8, "%zu at the start, %zu at the end", first,
		  last);
	for (size_t i = 0; i < 4; i++)
		cr_assert_leq(count[i], count[(i + 1) % 4] + BLOCKS);
	free(block);
	trace_close(trace);
}

/* ---- What a newer writer may add ------------------------------------------------------------- */

Test(reader, unknown_things_are_passed_over)
{
	static const struct {
		struct trace_sample sample;
		uint64_t more;
	} longer = {
	    {.entry_bytes = 56, .type = TRACE_SAMPLE_QUEUE, .worker = 1, .tick = 10, .a = 77}, 1};
	size_t count = stream_make(records, 200, 99);
	struct trace_file_header header = builder_default_header(1);
	struct encoder encoder;
	struct trace *trace;

	header.version = TRACE_VERSION + 5;
	builder_header(builder, header);
	builder_block(builder, 77, "what is this?", 13);
	builder_text(builder, 99, "a key of the future");
	builder_block(builder, TRACE_BLOCK_SAMPLES, &longer, sizeof(longer));
	builder_sample(builder, 55, 0, 11, 1, 2, 3);
	builder_clock(builder, 1000000000);
	encoder_init(&encoder, 1, HELPER_SHIFT);
	builder_events(builder, &encoder,
		       (struct encoder_source){records, (1ull << 40) - 1, 0, count});
	trace = open_bytes(builder->data, builder->bytes);
	assert_no_problem(trace);
	cr_assert_eq(trace->processes[0].sample_count, 2);
	cr_assert_eq(trace->processes[0].samples[0].a, 77);
	check_reading(trace, count, 100, 0);
	trace_close(trace);
}

Test(reader, extensions_between_items_are_skipped)
{
	enum { LONG = 65000 };
	static unsigned char payload[2 * LONG + 100];
	struct trace_block_header block = {
	    .type = TRACE_BLOCK_EVENTS, .worker = 1, .event_count = 2, .last_tick = 1};
	struct trace_item items[4];
	struct trace_cursor *cursor;
	struct trace *trace;
	size_t n = 0;

	builder_header(builder, builder_default_header(1));
	memcpy(payload, "\x03\x08\x00\x02", 4); /* DEFINE AsyncSend of object 1 */
	n = 4;
	for (int i = 0; i < 2; i++) { /* more than is looked at at once */
		memcpy(payload + n, (unsigned char[]){0x0f, LONG & 255, LONG >> 8}, 3);
		memset(payload + n + 3, 0x02, LONG); /* would be items */
		n += 3 + LONG;
	}
	memcpy(payload + n, "\x02\x00", 2); /* INSTANT */
	n += 2;
	memcpy(payload + n, "\x0f\x01\x00\xff", 4);
	n += 4;
	memcpy(payload + n, "\x02\x00", 2);
	n += 2;
	block.payload_bytes = n;
	builder_put_block(builder, &block, payload);
	trace = open_bytes(builder->data, builder->bytes);
	cursor = trace_cursor_open(trace, 0, 0);
	cr_assert_eq(trace_cursor_read(cursor, UINT64_MAX, items, 4), 2);
	cr_assert_eq(items[1].word, trace_word(1, TRACE_ASYNC_SEND));
	cr_assert_null(trace_cursor_problem(cursor));
	trace_cursor_close(cursor);
	trace_close(trace);
}

/* ---- Names ----------------------------------------------------------------------------------- */

Test(reader, events_have_names)
{
	cr_assert_str_eq(trace_event_name(trace_word(5, TRACE_PARK)), "WorkerPark");
	cr_assert_str_eq(trace_event_name(trace_word(5, TRACE_LOST_DEPTH)), "Lost");
	cr_assert_str_eq(trace_event_name(trace_word(5, TRACE_CODE_POLL)), "PollStart");
	cr_assert_str_eq(trace_event_name(trace_word(5, TRACE_CODE_SUBMIT - 1)), "PollStart");
	cr_assert_str_eq(trace_event_name(trace_word(5, TRACE_CODE_SUBMIT)), "RequestSubmit");
	cr_assert_str_eq(trace_event_name(trace_word(5, TRACE_CODE_END)), "Unknown");
	cr_assert_str_eq(trace_event_name(trace_word(5, 60)), "Unknown");
	cr_assert_str_eq(trace_event_name(0), "Unknown");
}
