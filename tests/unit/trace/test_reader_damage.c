/* SPDX-License-Identifier: Apache-2.0
 *
 * Broken traces: every byte changed, cut at every length, garbage, contents that make no sense
 * under a right checksum. Nothing crashes, and what is not broken is still read.
 */
#include "../reader_helper.h"

#define COUNT	  300
#define PER_BLOCK 50

static struct record records[COUNT];
static size_t count;
static struct builder *builder;

static void setup(void)
{
	dir_make();
	srandom(3);
	builder = builder_new();
	count = stream_make(records, COUNT, 1 << 20);
	segment_make(builder, 7, records, count, PER_BLOCK);
}

static void teardown(void)
{
	builder_free(builder);
	dir_remove();
}

TestSuite(reader_damage, .init = setup, .fini = teardown);

/* Every event found is one of the records, in order, and none twice. Returns how many there are. */
static size_t assert_part(struct trace *trace, size_t process, size_t worker)
{
	struct events events = events_read(trace, process, worker, 100, 0);
	size_t at = 0, found = events.count;

	for (size_t i = 0; i < events.count; i++, at++) {
		while (at < count && (events.list[i].word != records[at].word ||
				      events.list[i].tick != records[at].counter >> HELPER_SHIFT))
			at++;
		cr_assert_lt(at, count, "event %zu of %zu is none of the records", i, events.count);
	}
	free(events.list);
	return found;
}

/* All that can be asked of a trace, without knowing what is in it. */
static void walk(struct trace *trace)
{
	for (size_t i = 0; i < trace->process_count; i++) {
		const struct trace_process *process = &trace->processes[i];

		cr_assert_leq(trace_ns(process, process->first_tick),
			      trace_ns(process, process->last_tick));
		for (size_t worker = 0; worker < process->worker_count; worker++) {
			struct events events = events_read(trace, i, worker, 64, 0);

			for (size_t k = 1; k < events.count; k++)
				cr_assert_leq(events.list[k - 1].tick, events.list[k].tick);
			free(events.list);
		}
	}
	trace_close(trace);
}

static bool is_events_block(size_t offset, uint32_t *events, size_t *bytes)
{
	struct trace_block_header header;

	memcpy(&header, builder->data + offset, sizeof(header));
	*events = header.event_count;
	*bytes = (sizeof(header) + header.payload_bytes + 7) & ~7u;
	return header.type == TRACE_BLOCK_EVENTS;
}

/* How many records lie in the block that has this byte; padding and the file header belong to none.
 */
static size_t records_at(size_t byte)
{
	size_t offset = sizeof(struct trace_file_header), bytes;
	uint32_t events;

	while (offset < builder->bytes) {
		bool has_events = is_events_block(offset, &events, &bytes);

		if (byte >= offset && byte < offset + bytes)
			return has_events ? events : 0;
		offset += bytes;
	}
	return 0;
}

Test(reader_damage, each_byte_costs_its_block_at_most, .timeout = 120)
{
	for (size_t at = 0; at < builder->bytes; at++) {
		struct trace *trace;

		builder->data[at] ^= 1 << at % 8;
		trace = open_bytes(builder->data, builder->bytes);
		builder->data[at] ^= 1 << at % 8;
		cr_assert_eq(trace->process_count, 1, "byte %zu", at);
		if (trace->processes[0].unit_shift == HELPER_SHIFT)
			cr_assert_geq(assert_part(trace, 0, 0), count - records_at(at), "byte %zu",
				      at);
		trace_close(trace);
	}
}

/* How many records lie in the blocks that are whole in the first `length` bytes. */
static size_t records_before(size_t length)
{
	size_t offset = sizeof(struct trace_file_header), bytes, found = 0;
	uint32_t events;

	while (offset + sizeof(struct trace_block_header) <= length) {
		bool has_events = is_events_block(offset, &events, &bytes);
		struct trace_block_header header;

		memcpy(&header, builder->data + offset, sizeof(header));
		if (offset + sizeof(header) + header.payload_bytes > length)
			break;
		found += has_events ? events : 0;
		offset += bytes;
	}
	return found;
}

Test(reader_damage, cut_anywhere_what_came_before_is_read, .timeout = 120)
{
	for (size_t length = 0; length < builder->bytes; length++) {
		struct trace *trace = open_bytes(builder->data, length);
		size_t found = 0;

		cr_assert_eq(trace->process_count, length >= sizeof(struct trace_file_header),
			     "length %zu", length);
		for (size_t i = 0; trace->process_count && i < trace->processes[0].worker_count;
		     i++)
			found += assert_part(trace, 0, i);
		cr_assert_eq(found, records_before(length), "length %zu", length);
		if (length < sizeof(struct trace_file_header))
			cr_assert_eq(trace->problem_count, 1);
		trace_close(trace);
	}
}

Test(reader_damage, place_of_the_damage_is_told)
{
	struct trace *trace;

	builder->data[sizeof(struct trace_file_header) + 70] ^= 1;
	trace = open_bytes(builder->data, builder->bytes);
	cr_assert_eq(trace->problem_count, 1);
	assert_problem(trace, "trace.1.0.bin: damaged from byte 128 to byte 216");
	cr_assert(trace->processes[0].sealed);
	trace_close(trace);
	builder->data[sizeof(struct trace_file_header) + 70] ^= 1;
	trace = open_bytes(builder->data, builder->bytes - 8);
	assert_problem(trace, "to its end");
	cr_assert(!trace->processes[0].sealed);
	trace_close(trace);
}

Test(reader_damage, many_damaged_places_are_not_told_one_by_one)
{
	struct trace *trace;

	builder->bytes = 0;
	builder_header(builder, builder_default_header(1));
	for (int i = 0; i < 200; i++) {
		builder_clock(builder, 1000 * i);
		builder_put(builder, "garbage!", 8);
	}
	builder_clock(builder, 1000000);
	trace = open_bytes(builder->data, builder->bytes);
	cr_assert_leq(trace->problem_count, 25);
	assert_problem(trace, "180 more damaged places");
	trace_close(trace);
}

Test(reader_damage, header_broken_segment_stays_with_its_process)
{
	struct trace *trace;

	put_file("trace.7.0.bin", builder->data, builder->bytes);
	builder->bytes = 0;
	segment_make(builder, 7, records, count, PER_BLOCK);
	builder->data[offsetof(struct trace_file_header, process_id)] ^= 1;
	put_file("trace.7.1.bin", builder->data, builder->bytes);
	trace = open_path(dir);
	cr_assert_eq(trace->process_count, 1);
	cr_assert_eq(trace->processes[0].events, count, "the same events in both");
	assert_problem(trace, "the file header is damaged");
	trace_close(trace);
}

/* ---- Right checksums over nonsense ----------------------------------------------------------- */

static void fill_random(unsigned char *to, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = random() % 3 ? random() % 8 : random();
}

Test(reader_damage, random_payloads_under_right_checksums, .timeout = 120)
{
	static unsigned char payload[4096];

	for (int round = 0; round < 3000; round++) {
		builder->bytes = 0;
		builder_header(builder, builder_default_header(1));
		for (uint16_t type = 0; type < 12; type++) {
			struct trace_block_header block = {
			    .type = type, .payload_bytes = random() % sizeof(payload)};

			fill_random(payload, block.payload_bytes);
			if (type == TRACE_BLOCK_EVENTS) {
				block.worker = random() % 4;
				block.event_count = random() % (block.payload_bytes + 1);
				block.first_index = random() % 2 ? (uint64_t)random() % 5000
								 : (uint64_t)random() << 31;
				block.first_tick = (uint64_t)random() << random() % 31;
				block.last_tick = block.first_tick + random();
				block.context_count = random() % (block.payload_bytes / 16 + 1);
			}
			builder_put_block(builder, &block, payload);
		}
		walk(open_bytes(builder->data, builder->bytes));
	}
}

Test(reader_damage, lengths_at_their_limits_under_right_checksums)
{
	static const uint64_t extremes[] = {0,		1,	    0x7fff,    0xffff,
					    0x7fffffff, 0xffffffff, INT64_MAX, UINT64_MAX};
	static const uint16_t types[] = {
	    TRACE_BLOCK_PROCESS, TRACE_BLOCK_KINDS,   TRACE_BLOCK_MODULES, TRACE_BLOCK_SITES,
	    TRACE_BLOCK_WORKERS, TRACE_BLOCK_SAMPLES, TRACE_BLOCK_CLOCK,   TRACE_BLOCK_SEAL};
	unsigned char payload[96];

	for (size_t type = 0; type < sizeof(types) / sizeof(types[0]); type++)
		for (size_t at = 0; at + 8 <= sizeof(payload); at += 2)
			for (size_t e = 0; e < sizeof(extremes) / sizeof(extremes[0]); e++) {
				builder->bytes = 0;
				builder_header(builder, builder_default_header(1));
				memset(payload, 0, sizeof(payload));
				payload[0] = sizeof(payload);
				memcpy(payload + at, &extremes[e], 8);
				builder_block(builder, types[type], payload, sizeof(payload));
				walk(open_bytes(builder->data, builder->bytes));
			}
}

Test(reader_damage, item_that_makes_no_sense_costs_the_rest_of_its_block)
{
	struct trace_block_header block = {.type = TRACE_BLOCK_EVENTS,
					   .worker = 1,
					   .event_count = 3,
					   .payload_bytes = 8,
					   .last_tick = 100};
	struct trace_item items[8];
	struct trace_cursor *cursor;
	struct trace *trace;
	size_t contexts;
	bool after_gap;

	builder->bytes = 0;
	builder_header(builder, builder_default_header(1));
	builder_put_block(builder, &block,
			  "\x03\x08\x00\x02\x02\x00\x02\x01"); /* word 1 was never defined */
	block.first_index = 3;
	block.event_count = 1;
	block.payload_bytes = 6;
	builder_put_block(builder, &block, "\x03\x08\x00\x02\x02\x00");
	trace = open_bytes(builder->data, builder->bytes);
	cursor = trace_cursor_open(trace, 0, 0);
	cr_assert_eq(trace_cursor_read(cursor, UINT64_MAX, items, 8), 1);
	cr_assert_eq(trace_cursor_read(cursor, UINT64_MAX, items, 8), 1);
	cr_assert_not_null(trace_cursor_context(cursor, &contexts, &after_gap));
	cr_assert(after_gap);
	cr_assert_not_null(
	    strstr(trace_cursor_problem(cursor), "makes no sense in the block at byte"));
	trace_cursor_close(cursor);
	trace_close(trace);
}

/* Blocks whose times contradict each other, with and without doubles: nothing is given out earlier
 * than what was. */
Test(reader_damage, time_that_goes_back_is_held)
{
	static const struct record forth[] = {{64000, 0x10 << 16 | TRACE_ASYNC_SEND},
					      {96000, 0x10 << 16 | (TRACE_CODE_POLL + 1)},
					      {128000, TRACE_POLL_END}};
	static const struct record back[] = {{3200, 0x10 << 16 | (TRACE_CODE_POLL + 1)},
					     {6400, TRACE_POLL_END},
					     {9600, 0x10 << 16 | TRACE_ASYNC_SEND}};

	for (uint64_t index = 0; index <= 3; index++) {
		struct events events;
		struct encoder encoder;
		struct trace *trace;

		builder->bytes = 0;
		builder_header(builder, builder_default_header(1));
		encoder_init(&encoder, 1, HELPER_SHIFT);
		builder_events(builder, &encoder, (struct encoder_source){forth, 3, 0, 3});
		encoder_init(&encoder, 1, HELPER_SHIFT);
		encoder.index = index;
		builder_events(builder, &encoder, (struct encoder_source){back, 3, 0, 3});
		trace = open_bytes(builder->data, builder->bytes);
		events = events_read(trace, 0, 0, 10, 0);
		cr_assert_eq(events.count, index + 3);
		for (size_t i = 3; i < events.count; i++) {
			cr_assert_eq(events.list[i].word, back[i - index].word);
			cr_assert_geq(events.list[i].tick, 4000, "event %zu from index %d", i,
				      (int)index);
			cr_assert_geq(events.list[i].tick, events.list[i - 1].tick);
		}
		free(events.list);
		trace_close(trace);
	}
}

/* The longest gaps that there are, until a tick would not fit any more. */
Test(reader_damage, ticks_do_not_overflow)
{
	enum { ITEMS = 100000 };
	unsigned char *payload = malloc(4 + ITEMS * 8);
	struct trace_block_header block = {
	    .type = TRACE_BLOCK_EVENTS, .worker = 1, .event_count = ITEMS};
	struct events events;
	struct trace *trace;

	memcpy(payload, "\x03\x08\x00\x02", 4);
	for (size_t i = 0; i < ITEMS; i++)
		memcpy(payload + 4 + 8 * i, "\x0e\x00\xff\xff\xff\xff\xff\xff", 8);
	builder->bytes = 0;
	builder_header(builder, builder_default_header(1));
	block.payload_bytes = 4 + ITEMS * 8;
	block.first_tick = (1ull << 62) - 5 * (1ull << 48);
	block.last_tick = (1ull << 62) - 1;
	builder_put_block(builder, &block, payload);
	trace = open_bytes(builder->data, builder->bytes);
	events = events_read(trace, 0, 0, 4, 0);
	cr_assert_lt(events.count, 10);
	cr_assert_gt(events.count, 2);
	for (size_t i = 1; i < events.count; i++)
		cr_assert_gt(events.list[i].tick, events.list[i - 1].tick);
	free(events.list);
	trace_close(trace);
	free(payload);
}

/* So many false headers, each of a block as long as may be, between the file's header and its
 * blocks, which lie in the reach of them all. Returns the events that are found. */
static size_t behind_false_headers(size_t headers)
{
	enum { BYTES = 8 << 20, BLOCKS_AT = 512 << 10 };
	const size_t first = sizeof(struct trace_file_header);
	const struct trace_block_header block = {.magic = TRACE_BLOCK_MAGIC,
						 .type = TRACE_BLOCK_EVENTS,
						 .header_bytes = 64,
						 .payload_bytes = TRACE_BLOCK_BYTES_MAX};
	unsigned char *data = calloc(1, BYTES);
	struct trace *trace;
	size_t found;

	memcpy(data, builder->data, first);
	for (size_t i = 0; i < headers; i++)
		memcpy(data + first + i * sizeof(block), &block, sizeof(block));
	memcpy(data + BLOCKS_AT, builder->data + first, builder->bytes - first);
	trace = open_bytes(data, BYTES);
	found = trace->process_count > 0 && trace->processes[0].worker_count > 0
		    ? assert_part(trace, 0, 0)
		    : 0;
	trace_close(trace);
	free(data);
	return found;
}

/* Each costs the checksum of its block: few are tried, after which such a block is passed over
 * whole, so that a file cannot cost more than some times its length. */
Test(reader_damage, false_block_headers_cost_linear_time)
{
	cr_expect_eq(behind_false_headers(32), count);
	cr_expect_eq(behind_false_headers(2048), 0);
}

/* ---- Holes ----------------------------------------------------------------------------------- */

#define HOLE_BYTES (1ull << 40)

/* A file with a hole between its blocks and one at its end. Read byte by byte they would take
 * hours. */
Test(reader_damage, holes_are_passed_over_unread, .timeout = 60)
{
	size_t first = sizeof(struct trace_file_header);
	struct trace_block_header header;
	char problem[128];
	struct trace *trace;
	FILE *file;

	memcpy(&header, builder->data + first, sizeof(header));
	first += (header.header_bytes + header.payload_bytes + 7) & ~7u;
	put_file("trace.1.0.bin", builder->data, first);
	file = fopen(in_dir("trace.1.0.bin"), "r+b");
	cr_assert_eq(fseeko(file, (off_t)(first + HOLE_BYTES), SEEK_SET), 0);
	cr_assert_eq(fwrite(builder->data + first, 1, builder->bytes - first, file),
		     builder->bytes - first);
	cr_assert_eq(fclose(file), 0);
	cr_assert_eq(truncate(in_dir("trace.1.0.bin"), (off_t)(3 * HOLE_BYTES)), 0);
	trace = open_path(dir);
	snprintf(problem, sizeof(problem), "trace.1.0.bin: damaged from byte %zu to byte %llu",
		 first, (unsigned long long)(first + HOLE_BYTES));
	assert_problem(trace, problem);
	snprintf(problem, sizeof(problem), "cut off or damaged from byte %llu to its end",
		 (unsigned long long)(builder->bytes + HOLE_BYTES));
	assert_problem(trace, problem);
	cr_assert_eq(assert_part(trace, 0, 0), count);
	trace_close(trace);
}
