/* SPDX-License-Identifier: Apache-2.0
 *
 * Ring records to blocks: single items against bytes worked out by hand from docs/trace-format.md, then whole
 * streams, sane and hostile, through the writer and the reader and back to records.
 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drain/encoder.h"
#include "trace/reader.h"
#include "format/trace_wire.h"
#include "drain/writer.h"

#define RING   4096u
#define READ   (TRACE_CODE_POLL + 3) /* a poll of site 3 */
#define WRITE  (TRACE_CODE_POLL + 300)
#define SUBMIT (TRACE_CODE_SUBMIT + 7)

struct block {
	struct trace_block_header header;
	uint8_t payload[ENCODER_BLOCK_BYTES];
};

static struct encoder encoder;
static struct encoder_words words;
static struct record ring[RING];
static struct block block;

static void setup(void)
{
	encoder_words_init(&words);
	encoder_init(&encoder, 9, 0);
	memset(ring, 0, sizeof(ring));
}

TestSuite(encoder, .init = setup);

static struct record record_make(uint64_t counter, uint64_t object, uint32_t code)
{
	return (struct record){counter, trace_word(object, code)};
}

static uint64_t encode(uint64_t first, uint64_t count)
{
	struct encoder_source source = {ring, RING - 1, first, count};

	return encoder_encode(&encoder, &words, &source, &block.header, sizeof(block));
}

static void assert_payload(const uint8_t *expected, size_t bytes)
{
	cr_assert_eq(block.header.payload_bytes, bytes, "%u bytes, not %zu", block.header.payload_bytes, bytes);
	for (size_t i = 0; i < bytes; i++)
		cr_assert_eq(block.payload[i], expected[i], "byte %zu: %02x, not %02x", i, block.payload[i],
			     expected[i]);
}

/* ---- Items by hand -------------------------------------------------------------------------------------- */

Test(encoder, poll)
{
	/* clang-format off */
	static const uint8_t expected[] = {
	    0x13, 67, 0, 0x00, 0x02, /* DEFINE: code 67; 0x100 - 0, zigzag 0x200, in 2 bytes */
	    0x00, 0, 40,             /* POLL, no gap, index 0, duration 40 */
	    0x14, 0, 10, 0x2c, 0x01, /* POLL, gap 10, duration 300 in 2 bytes */
	};
	/* clang-format on */

	ring[0] = record_make(1000, 0x100, READ);
	ring[1] = record_make(1040, 0, TRACE_POLL_END);
	ring[2] = record_make(1050, 0x100, READ);
	ring[3] = record_make(1350, 0, TRACE_POLL_END);
	cr_assert_eq(encode(0, 4), 4);
	assert_payload(expected, sizeof(expected));
	cr_assert_eq(block.header.magic, TRACE_BLOCK_MAGIC);
	cr_assert_eq(block.header.type, TRACE_BLOCK_EVENTS);
	cr_assert_eq(block.header.worker, 9);
	cr_assert_eq(block.header.event_count, 4);
	cr_assert_eq(block.header.first_index, 0);
	cr_assert_eq(block.header.first_tick, 1000);
	cr_assert_eq(block.header.last_tick, 1350);
	cr_assert_eq(block.header.context_count, 0);
}

Test(encoder, poll_with_an_event_inside)
{
	/* clang-format off */
	static const uint8_t expected[] = {
	    0x03, 67, 0, 16,                       /* DEFINE read, object 8 */
	    0x03, (uint8_t)SUBMIT, SUBMIT >> 8, 1, /* DEFINE submit, object 7: -1 */
	    0x80, 0, 1, 5,                         /* POLL with a second index */
	};
	/* clang-format on */

	ring[0] = record_make(1000, 8, READ);
	ring[1] = record_make(1000, 7, SUBMIT);
	ring[2] = record_make(1005, 0, TRACE_POLL_END);
	cr_assert_eq(encode(0, 3), 3);
	assert_payload(expected, sizeof(expected));
}

Test(encoder, event_inside_later_than_the_start_is_no_part_of_the_poll)
{
	/* clang-format off */
	static const uint8_t expected[] = {
	    0x03, 67, 0, 16, 0x02, 0,                          /* INSTANT start */
	    0x03, (uint8_t)SUBMIT, SUBMIT >> 8, 1, 0x06, 1, 1, /* INSTANT submit, gap 1 */
	    0x03, 1, 0, 13, 0x06, 2, 4,                        /* INSTANT end, object -7, gap 4 */
	};
	/* clang-format on */

	ring[0] = record_make(1000, 8, READ);
	ring[1] = record_make(1001, 7, SUBMIT);
	ring[2] = record_make(1005, 0, TRACE_POLL_END);
	cr_assert_eq(encode(0, 3), 3);
	assert_payload(expected, sizeof(expected));
}

Test(encoder, wait)
{
	/* clang-format off */
	static const uint8_t expected[] = {
	    0x03, TRACE_UNPARK, 0, 4,                          /* DEFINE unpark, 2 fds */
	    0x21, 0, 0x40, 0x42, 0x0f,                         /* WAIT, 1,000,000 in 3 bytes */
	    0x3d, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0,       /* WAIT, gap 2^32 + 1, duration 2^33 in 6 bytes each */
	};
	/* clang-format on */

	ring[0] = record_make(5, 0, TRACE_PARK);
	ring[1] = record_make(1000005, 2, TRACE_UNPARK);
	ring[2] = record_make(1000005 + (1ull << 32) + 1, 0, TRACE_PARK);
	ring[3] = record_make(ring[2].counter + (1ull << 33), 2, TRACE_UNPARK);
	cr_assert_eq(encode(0, 4), 4);
	assert_payload(expected, sizeof(expected));
}

Test(encoder, ticks_are_shifted_and_never_go_back)
{
	static const uint8_t expected[] = {0x03, 67, 0, 0, 0x00, 0, 0, 0x00, 0, 1};

	encoder_init(&encoder, 1, 5);
	ring[0] = record_make(3200, 0, READ);
	ring[1] = record_make(100, 0, TRACE_POLL_END); /* another CPU's clock, behind */
	ring[2] = record_make(3190, 0, READ);
	ring[3] = record_make(3232, 0, TRACE_POLL_END);
	cr_assert_eq(encode(0, 4), 4);
	assert_payload(expected, sizeof(expected));
	cr_assert_eq(block.header.first_tick, 100);
	cr_assert_eq(block.header.last_tick, 101);
	ring[4] = record_make(64, 0, READ);
	cr_assert_eq(encode(4, 1), 1);
	cr_assert_eq(block.header.first_tick, 101);
}

/* ---- Blocks --------------------------------------------------------------------------------------------- */

Test(encoder, open_poll_is_the_context_of_the_next_block)
{
	struct trace_context context;

	ring[0] = record_make(10, 0x55, TRACE_LOOP_ENTER);
	ring[1] = record_make(20, 0x77, READ);
	cr_assert_eq(encode(0, 2), 2);
	ring[2] = record_make(30, 0, TRACE_POLL_END);
	cr_assert_eq(encode(2, 1), 1);
	cr_assert_eq(block.header.first_index, 2);
	cr_assert_eq(block.header.context_count, 2);
	memcpy(&context, block.payload, sizeof(context));
	cr_assert_eq(context.word, ring[0].word);
	cr_assert_eq(context.tick, 10);
	memcpy(&context, block.payload + sizeof(context), sizeof(context));
	cr_assert_eq(context.word, ring[1].word);
	cr_assert_eq(context.tick, 20);
	ring[3] = record_make(40, 0, TRACE_PARK);
	cr_assert_eq(encode(3, 1), 1);
	cr_assert_eq(block.header.context_count, 1);
	cr_assert(encoder.open.parked);
}

Test(encoder, poll_at_the_rings_end_stays_whole)
{
	ring[RING - 1] = record_make(100, 1, READ);
	ring[0] = record_make(101, 0, TRACE_POLL_END);
	ring[1] = record_make(102, 0, TRACE_PARK);
	encoder.index = RING - 1;
	cr_assert_eq(encode(RING - 1, 3), 3);
	cr_assert_eq(block.header.first_index, RING - 1);
	cr_assert_eq(block.payload[4] & 3, TRACE_SHAPE_POLL);
}

Test(encoder, gap_that_is_too_long_begins_a_block)
{
	ring[0] = record_make(1, 1, READ);
	ring[1] = record_make(2, 0, TRACE_POLL_END);
	ring[2] = record_make(2 + (1ull << 48), 1, READ);
	ring[3] = record_make(3 + (1ull << 49), 0, TRACE_POLL_END);
	ring[4] = record_make(3 + (1ull << 49), 1, READ);
	cr_assert_eq(encode(0, 5), 2);
	cr_assert_eq(encode(2, 3), 1);
	cr_assert_eq(block.header.first_tick, 2 + (1ull << 48));
	cr_assert_eq(encode(3, 2), 2);
	cr_assert_eq(block.header.context_count, 1);
}

Test(encoder, small_room_takes_part_and_whole_polls)
{
	uint64_t taken = 0;

	for (uint32_t i = 0; i < RING; i++)
		ring[i] = record_make(i * 1000, i / 2 * 64, i % 2 ? TRACE_POLL_END : READ);
	for (uint32_t i = 1; i < RING; i += 2)
		ring[i].word = TRACE_POLL_END;
	while (taken < RING) {
		struct encoder_source source = {ring, RING - 1, taken, RING - taken};
		uint64_t some = encoder_encode(&encoder, &words, &source, &block.header, ENCODER_BLOCK_BYTES_MIN);

		cr_assert_gt(some, 0);
		cr_assert_eq(some % 2, 0);
		cr_assert_leq(block.header.payload_bytes + sizeof(block.header), ENCODER_BLOCK_BYTES_MIN);
		taken += some;
	}
	cr_assert_eq(taken, RING);
}

/* ---- Whole streams through the reader ------------------------------------------------------------------- */

struct event {
	uint64_t tick, word;
};

struct events {
	struct event *list;
	size_t count, capacity;
};

static void events_add(struct events *events, uint64_t tick, uint64_t word)
{
	if (events->count == events->capacity) {
		events->capacity = events->capacity ? 2 * events->capacity : 1024;
		events->list = reallocarray(events->list, events->capacity, sizeof(*events->list));
		cr_assert_not_null(events->list);
	}
	events->list[events->count++] = (struct event){tick, word};
}

static int event_compare(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->tick != y->tick)
		return x->tick < y->tick ? -1 : 1;
	return (x->word > y->word) - (x->word < y->word);
}

static char folder[] = "/tmp/uvtrace_test_encoder_XXXXXX";

static void file_begin(struct writer *writer)
{
	static struct shared_options options = {.file_size_bytes = 1ull << 40, .total_size_bytes = 1ull << 40};
	struct trace_file_header header = {.version = TRACE_VERSION,
					   .reader_version_min = TRACE_READER_VERSION_MIN,
					   .header_bytes = sizeof(header),
					   .pid = 77,
					   .clock = TRACE_CLOCK_TSC,
					   .tier = TRACE_TIER_FULL};
	struct {
		struct trace_block_header header;
		struct trace_clock_pair pair;
		char slack[WRITER_BLOCK_SLACK];
	} clock = {.header = {.magic = TRACE_BLOCK_MAGIC,
			      .type = TRACE_BLOCK_CLOCK,
			      .header_bytes = sizeof(clock.header),
			      .payload_bytes = sizeof(clock.pair)}};

	memcpy(header.magic, TRACE_MAGIC, 8);
	cr_assert_not_null(mkdtemp(folder));
	snprintf(options.path, sizeof(options.path), "%s/trace.bin", folder);
	cr_assert_eq(writer_init(writer, &options, 77), 0);
	cr_assert_eq(writer_begin(writer, &header, 0), 0);
	cr_assert_eq(writer_append(writer, &clock.header, 0), 0);
}

/* Encodes so many records, some at a time. */
static void file_put(struct writer *writer, const struct record *records, uint64_t count)
{
	static struct block out;
	uint64_t written = 0, taken = 0;

	while (taken < count) {
		uint64_t some = (uint64_t)random() % RING;
		struct encoder_source source = {ring, RING - 1, taken, 0};
		uint32_t bytes = ENCODER_BLOCK_BYTES_MIN + (uint32_t)random() % (sizeof(out) - ENCODER_BLOCK_BYTES_MIN);

		for (; written < count && written < taken + some; written++)
			ring[written % RING] = records[written];
		source.count = written - taken;
		if (source.count == 0)
			continue;
		source.count = encoder_encode(&encoder, &words, &source, &out.header, bytes);
		cr_assert_gt(source.count, 0);
		cr_assert_eq(writer_append(writer, &out.header, 0), 0);
		taken += source.count;
	}
}

static struct events file_read(uint64_t *total)
{
	const char *path = folder;
	struct trace *trace = trace_open(&path, 1, NULL, NULL);
	struct events events = {0};
	struct trace_item items[100];
	struct trace_cursor *cursor;
	size_t count;

	for (size_t i = 0; i < trace->problem_count; i++)
		cr_assert_null(strstr(trace->problems[i], "damage"), "%s", trace->problems[i]);
	cr_assert_eq(trace->process_count, 1);
	cr_assert_eq(trace->processes[0].worker_count, 1);
	*total = trace->processes[0].workers[0].events;
	cursor = trace_cursor_open(trace, 0, 0);
	while ((count = trace_cursor_read(cursor, UINT64_MAX, items, 100)) > 0) {
		for (size_t i = 0; i < count; i++) {
			uint64_t end = items[i].tick + items[i].duration;

			if (items[i].shape == TRACE_SHAPE_WAIT)
				events_add(&events, items[i].tick, TRACE_PARK);
			events_add(&events, items[i].shape == TRACE_SHAPE_WAIT ? end : items[i].tick, items[i].word);
			if (items[i].shape == TRACE_SHAPE_POLL)
				events_add(&events, end, TRACE_POLL_END);
		}
	}
	trace_cursor_close(cursor);
	trace_close(trace);
	return events;
}

/* What goes in must come out: same words at the same ticks, in order of time. */
static void round_trip(const struct record *records, uint64_t count)
{
	struct events expected = {0}, found;
	uint64_t tick = 0, total;
	struct writer writer;
	char command[100];

	file_begin(&writer);
	file_put(&writer, records, count);
	writer_seal(&writer);
	for (uint64_t i = 0; i < count; i++) {
		tick =
		    records[i].counter >> encoder.unit_shift > tick ? records[i].counter >> encoder.unit_shift : tick;
		events_add(&expected, tick, records[i].word);
	}
	found = file_read(&total);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert_eq(system(command), 0);
	qsort(expected.list, expected.count, sizeof(struct event), event_compare);
	qsort(found.list, found.count, sizeof(struct event), event_compare);
	cr_assert_eq(total, count);
	cr_assert_eq(found.count, expected.count, "%zu, not %zu", found.count, expected.count);
	for (size_t i = 0; i < found.count; i++) {
		cr_assert_eq(found.list[i].tick, expected.list[i].tick, "event %zu", i);
		cr_assert_eq(found.list[i].word, expected.list[i].word, "event %zu", i);
	}
	free(expected.list);
	free(found.list);
}

#define STREAM 100000u

static struct record stream[STREAM];

static uint64_t some_ns(void)
{
	return (uint64_t)random() >> (random() % 31);
}

Test(encoder, echo_stream_comes_back)
{
	uint64_t counter = 1000000, n = 0;

	encoder_init(&encoder, 1, 5);
	while (n + 4 < STREAM) {
		uint64_t object = 0x55550000000 + (uint64_t)(random() % 50) * 0x110;

		stream[n++] = record_make(counter += some_ns(), object, READ);
		if (random() % 2)
			stream[n++] = record_make(counter, object + 8, SUBMIT);
		stream[n++] = record_make(counter += some_ns(), 0, TRACE_POLL_END);
		if (random() % 3 == 0) {
			stream[n++] = record_make(counter += some_ns(), 0, TRACE_PARK);
			stream[n++] = record_make(counter += some_ns(), (uint64_t)random() % 50, TRACE_UNPARK);
		}
	}
	round_trip(stream, n);
}

Test(encoder, nested_stream_comes_back)
{
	uint64_t counter = 1, n = 0;
	int depth = 0;

	while (n < STREAM) {
		counter += some_ns();
		if (depth < 20 && random() % 2) {
			stream[n++] =
			    record_make(counter, (uint64_t)random() << 16, depth % 4 ? READ : TRACE_LOOP_ENTER);
			depth++;
		} else if (depth > 0) {
			depth--;
			stream[n++] = record_make(counter, 0, depth % 4 ? TRACE_POLL_END : TRACE_LOOP_LEAVE);
		}
	}
	round_trip(stream, n);
}

Test(encoder, new_objects_all_the_time_come_back)
{
	uint64_t counter = 1;

	for (uint64_t n = 0; n < STREAM; n++)
		stream[n] =
		    record_make(counter += 100, ((uint64_t)random() << 17 ^ (uint64_t)random()) & TRACE_OBJECT_MASK,
				n % 2 ? SUBMIT : WRITE);
	round_trip(stream, STREAM);
}

/* Any 16 bits may be a code, any time may follow any other. */
Test(encoder, garbage_comes_back)
{
	static const uint32_t codes[] = {READ, TRACE_POLL_END, SUBMIT, TRACE_PARK, TRACE_UNPARK, TRACE_LOOP_ENTER, 0,
					 40,   65535};

	for (uint64_t n = 0; n < STREAM; n++) {
		uint64_t counter = ((uint64_t)random() << 33 ^ (uint64_t)random()) >> (random() % 30 + 14);
		uint32_t code = random() % 10 ? codes[random() % 9] : (uint32_t)random() & 0xffff;

		stream[n] = record_make(counter, random() % 2 ? 0 : (uint64_t)random(), code);
	}
	round_trip(stream, STREAM);
}
