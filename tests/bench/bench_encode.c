/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_encode [TRACE]: how many ring records a second one core turns into blocks with checksums,
 * and how many bytes an event they take. The records are those of the busiest worker of a trace, or
 * else made up to look like an echo server's: 50 connections, polls of 0.2 to 6 µs, gaps of 1 to 3
 * µs, a write submitted in each read.
 *
 * One line: figure, target, whether it was reached. The best of some runs counts: others share the
 * machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "format/crc32c.h"
#include "segment/encoder.h"
#include "trace/reader.h"

#define RECORDS	    (1u << 20) /* like a ring: a power of two */
#define RUNS	    15
#define UNIT_SHIFT  5
#define CONNECTIONS 50
#define TARGET	    250e6

static struct record records[RECORDS];
static uint64_t record_count;

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static void add(uint64_t counter, uint64_t object, uint32_t code)
{
	if (record_count < RECORDS)
		records[record_count++] = (struct record){counter, trace_word(object, code)};
}

/* ---- An echo server, made up ----------------------------------------------------------------- */

#define TICKS_OF_NS(ns) ((uint64_t)((ns)*2.6))

static uint64_t between_ns(uint64_t low, uint64_t high)
{
	return TICKS_OF_NS(low + (uint64_t)random() % (high - low));
}

static void make_up_echo(void)
{
	uint64_t counter = 1000000000;

	srandom(1);
	while (record_count < RECORDS) {
		uint32_t ready = 1 + (uint32_t)random() % 30;

		add(counter += between_ns(200, 400), 0, TRACE_PARK);
		add(counter += between_ns(500, 20000), ready, TRACE_UNPARK);
		for (uint32_t i = 0; i < ready; i++) {
			uint64_t object =
			    0x55d0c0de0000 + (uint64_t)(random() % CONNECTIONS) * 0x2a0;

			add(counter += between_ns(1000, 3000), object, TRACE_CODE_POLL + 4);
			add(counter, object + 0x180, TRACE_CODE_SUBMIT + 6);
			add(counter += between_ns(1500, 6000), 0, TRACE_POLL_END);
			add(counter += between_ns(100, 300), object + 0x180, TRACE_CODE_POLL + 6);
			add(counter += between_ns(20, 200), 0, TRACE_POLL_END);
		}
	}
}

/* ---- What was recorded ----------------------------------------------------------------------- */

static void add_item(const struct trace_item *item)
{
	uint64_t start = item->tick << UNIT_SHIFT, end = (item->tick + item->duration)
							 << UNIT_SHIFT;

	if (item->shape == TRACE_SHAPE_WAIT)
		add(start, 0, TRACE_PARK);
	add(item->shape == TRACE_SHAPE_WAIT ? end : start, trace_word_object(item->word),
	    trace_word_code(item->word));
	if (item->shape == TRACE_SHAPE_POLL)
		add(end, 0, TRACE_POLL_END);
}

/* An event inside a poll follows it in the reader's order, but comes before its end in the ring. */
static void add_items(const struct trace_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add_item(&items[i]);
		if (record_count > 2 && items[i].shape == TRACE_SHAPE_INSTANT &&
		    records[record_count - 2].word == TRACE_POLL_END &&
		    records[record_count - 1].counter < records[record_count - 2].counter) {
			struct record end = records[record_count - 2];

			records[record_count - 2] = records[record_count - 1];
			records[record_count - 1] = end;
		}
	}
}

static int load(const char *path)
{
	struct trace *trace = trace_open(&path, 1, NULL, NULL);
	struct trace_item items[512];
	struct trace_cursor *cursor;
	size_t process = 0, worker = 0, count;

	if (!trace)
		return 1;
	for (size_t i = 0; i < trace->process_count; i++)
		for (size_t j = 0; j < trace->processes[i].worker_count; j++)
			if (trace->processes[i].workers[j].events >
			    trace->processes[process].workers[worker].events)
				process = i, worker = j;
	cursor = trace->process_count ? trace_cursor_open(trace, process, worker) : NULL;
	while (cursor && record_count < RECORDS &&
	       (count = trace_cursor_read(cursor, UINT64_MAX, items, 512)) > 0)
		add_items(items, count);
	trace_cursor_close(cursor);
	trace_close(trace);
	return record_count == 0;
}

/* ---- The measurement ------------------------------------------------------------------------- */

static struct {
	struct trace_block_header header;
	char payload[ENCODER_BLOCK_BYTES];
} block;
static struct encoder_words words;

static uint64_t encode_all(uint32_t *checksum)
{
	struct encoder_source source = {records, RECORDS - 1, 0, record_count};
	struct encoder encoder;
	uint64_t bytes = 0;

	encoder_init(&encoder, 1, UNIT_SHIFT);
	while (source.count > 0) {
		uint64_t taken =
		    encoder_encode(&encoder, &words, &source, &block.header, ENCODER_BLOCK_BYTES);
		uint32_t block_bytes = (uint32_t)sizeof(block.header) + block.header.payload_bytes;

		*checksum = crc32c(*checksum, &block, block_bytes);
		bytes += block_bytes;
		source.first += taken;
		source.count -= taken;
	}
	return bytes;
}

int main(int argc, char **argv)
{
	double best_s = 1e9;
	uint32_t checksum = 0;
	uint64_t bytes = 0;

	if (argc > 1 && load(argv[1])) {
		fprintf(stderr, "bench_encode: no events in %s\n", argv[1]);
		return 1;
	}
	if (argc == 1)
		make_up_echo();
	encoder_words_init(&words);
	for (int run = 0; run < RUNS; run++) {
		double start_s = now_s();

		bytes = encode_all(&checksum);
		start_s = now_s() - start_s;
		best_s = start_s < best_s ? start_s : best_s;
	}
	printf("encode: %.0f M events/s a core, %.2f ns an event, %.3f bytes an event (target %.0f "
	       "M: %s); checksum %x\n",
	       record_count / best_s / 1e6, best_s * 1e9 / record_count,
	       (double)bytes / record_count, TARGET / 1e6,
	       record_count / best_s >= TARGET ? "reached" : "not reached", checksum);
	return 0;
}
