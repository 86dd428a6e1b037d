/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole streams of records, sane and hostile, through the encoder, the writer and the reader, and
 * back to records.
 */
#include <unistd.h>

#include "segment/writer.h"
#include "encoder_helper.h"
#include "trace/reader.h"

TestSuite(encoder_streams, .init = encoder_setup, .timeout = 60);

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

static char dir[] = "/tmp/uvtrace_test_encoder_XXXXXX";

static void file_begin(struct writer *writer)
{
	static struct shared_options options = {.file_size_bytes = 1ull << 40,
						.total_size_bytes = 1ull << 40};
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
	cr_assert_not_null(mkdtemp(dir));
	snprintf(options.path, sizeof(options.path), "%s/trace.bin", dir);
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
		uint32_t bytes = ENCODER_BLOCK_BYTES_MIN +
				 (uint32_t)random() % (sizeof(out) - ENCODER_BLOCK_BYTES_MIN);

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
	const char *path = dir;
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
			events_add(&events,
				   items[i].shape == TRACE_SHAPE_WAIT ? end : items[i].tick,
				   items[i].word);
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
		tick = records[i].counter >> encoder.unit_shift > tick
			   ? records[i].counter >> encoder.unit_shift
			   : tick;
		events_add(&expected, tick, records[i].word);
	}
	found = file_read(&total);
	snprintf(command, sizeof(command), "rm -r %s", dir);
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

Test(encoder_streams, echo_stream_comes_back)
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
			stream[n++] = record_make(counter += some_ns(), (uint64_t)random() % 50,
						  TRACE_UNPARK);
		}
	}
	round_trip(stream, n);
}

Test(encoder_streams, nested_stream_comes_back)
{
	uint64_t counter = 1, n = 0;
	int depth = 0;

	while (n < STREAM) {
		counter += some_ns();
		if (depth < 20 && random() % 2) {
			stream[n++] = record_make(counter, (uint64_t)random() << 16,
						  depth % 4 ? READ : TRACE_LOOP_ENTER);
			depth++;
		} else if (depth > 0) {
			depth--;
			stream[n++] =
			    record_make(counter, 0, depth % 4 ? TRACE_POLL_END : TRACE_LOOP_LEAVE);
		}
	}
	round_trip(stream, n);
}

Test(encoder_streams, new_objects_all_the_time_come_back)
{
	uint64_t counter = 1;

	for (uint64_t n = 0; n < STREAM; n++)
		stream[n] =
		    record_make(counter += 100,
				((uint64_t)random() << 17 ^ (uint64_t)random()) & TRACE_OBJECT_MASK,
				n % 2 ? SUBMIT : WRITE);
	round_trip(stream, STREAM);
}

/* Any 16 bits may be a code, any time may follow any other. */
Test(encoder_streams, garbage_comes_back)
{
	static const uint32_t codes[] = {
	    READ, TRACE_POLL_END, SUBMIT, TRACE_PARK, TRACE_UNPARK, TRACE_LOOP_ENTER, 0, 40, 65535};

	for (uint64_t n = 0; n < STREAM; n++) {
		uint64_t counter =
		    ((uint64_t)random() << 33 ^ (uint64_t)random()) >> (random() % 30 + 14);
		uint32_t code = random() % 10 ? codes[random() % 9] : (uint32_t)random() & 0xffff;

		stream[n] = record_make(counter, random() % 2 ? 0 : (uint64_t)random(), code);
	}
	round_trip(stream, STREAM);
}
