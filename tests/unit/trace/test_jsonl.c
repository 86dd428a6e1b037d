/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON lines: each line is JSON, whatever is in the trace; all workers in order of time; what is
 * derived (starts of pool items, requests done, durations). The wording of each event is held by
 * the golden traces.
 */
#include <errno.h>

#include "jsonl_helper.h"

TestSuite(jsonl, .init = setup, .fini = teardown);

/* ---- Strings --------------------------------------------------------------------------------- */

Test(jsonl, any_bytes_are_valid_json)
{
	out.fd = open(in_dir("lines"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	for (int round = 0; round < 5000; round++) {
		char text[64] = {0};

		for (size_t i = 0; i + 1 < sizeof(text) && random() % 20; i++)
			text[i] =
			    random() % 2
				? random()
				: "\"\\\n\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xed\xa0"[random() %
										       14];
		json_out_text(&out, "{\"text\":");
		json_out_string(&out, text);
		json_out_text(&out, "}\n");
	}
	json_out_flush(&out);
	cr_assert_eq(out.error, 0);
	close(out.fd);
	load_lines(in_dir("lines"));
	cr_assert_eq(line_count, 5000);
}

Test(jsonl, valid_text_comes_back_as_it_was)
{
	static const char *const texts[] = {"plain",
					    "tab\there",
					    "\"quoted\" \\ back",
					    "\xc3\xa4\xe2\x82\xac",
					    "\xf0\x9f\x98\x80",
					    "\xf4\x8f\xbf\xbf",
					    "\xed\x9f\xbf",
					    "\xef\xbf\xbd",
					    ""};
	static const char *const broken[] = {"\xc0\xaf",	 "\xe0\x9f\xbf", "\xed\xa0\x80",
					     "\xf4\x90\x80\x80", "\xff",	 "\xc3"};
	size_t count = sizeof(texts) / sizeof(texts[0]);

	out.fd = open(in_dir("lines"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	for (size_t i = 0; i < count + sizeof(broken) / sizeof(broken[0]); i++) {
		json_out_text(&out, "{\"text\":");
		json_out_string(&out, i < count ? texts[i] : broken[i - count]);
		json_out_text(&out, "}\n");
	}
	json_out_flush(&out);
	close(out.fd);
	load_lines(in_dir("lines"));
	for (size_t i = 0; i < line_count; i++)
		if (i < count)
			cr_assert_str_eq(text_of(i, "text"), texts[i]);
		else
			cr_assert_not_null(strstr(text_of(i, "text"), "\xef\xbf\xbd"),
					   "broken text %zu", i - count);
}

Test(jsonl, full_device_is_an_error)
{
	struct trace *trace;
	static const struct jsonl_watcher watcher = {no_problem, no_progress, NULL};

	builder_header(builder, builder_default_header(1));
	builder_clock(builder, 1000000000);
	trace = open_bytes(builder->data, builder->bytes);
	out.fd = open("/dev/full", O_WRONLY);
	cr_assert_eq(jsonl_convert(trace, &out, &watcher, false), -ENOSPC);
	close(out.fd);
	trace_close(trace);
}

/* ---- Streams --------------------------------------------------------------------------------- */

static void put_worker(uint32_t number, uint8_t role, const struct record *records, size_t count)
{
	struct trace_worker_entry worker = {
	    .worker = number, .tid = number, .role = role, .recorded = count};
	struct encoder encoder;

	encoder_init(&encoder, number, HELPER_SHIFT);
	builder_events(builder, &encoder,
		       (struct encoder_source){records, (1ull << 40) - 1, 0, count});
	builder_worker(builder, &worker, "thread");
}

Test(jsonl, workers_are_merged_in_order_of_time)
{
	static struct record records[5][2000];
	size_t count[5], parks[5] = {0}, polls[5] = {0}, ends[5] = {0};
	json_int_t last = 0;

	begin_file(1);
	for (size_t i = 0; i < 5; i++) {
		count[i] = stream_make(records[i], 2000 - 300 * i, 1 << 20);
		put_worker(i + 1, TRACE_ROLE_LOOP, records[i], count[i]);
	}
	end_file("trace.bin");
	convert();
	cr_assert(is_event(0, "TraceStart"));
	for (size_t i = 1; i < line_count; i++) {
		json_int_t ns = number_of(i, "timestamp_ns");
		size_t worker = number_of(i, "worker") - 1;

		cr_assert_geq(ns, last, "line %zu", i);
		last = ns;
		parks[worker] += is_event(i, "WorkerPark");
		polls[worker] += is_event(i, "PollStart");
		ends[worker] += is_event(i, "PollEnd");
		if (is_event(i, "PollEnd"))
			cr_assert_not_null(json_object_get(lines[i], "duration_ns"));
		cr_assert_null(json_object_get(lines[i], "pid"), "one process");
	}
	for (size_t i = 0; i < 5; i++) {
		size_t expected_parks = 0, expected_polls = 0;

		for (size_t k = 0; k < count[i]; k++) {
			uint32_t code = trace_word_code(records[i][k].word);

			expected_parks += code == TRACE_PARK;
			expected_polls += trace_code_is_poll(code);
		}
		cr_assert_eq(parks[i], expected_parks);
		cr_assert_eq(polls[i], expected_polls);
		cr_assert_eq(ends[i], expected_polls);
	}
}

Test(jsonl, several_processes_carry_their_pid)
{
	static struct record records[500];
	size_t count = stream_make(records, 500, 1 << 20);
	size_t of_each[3] = {0};
	json_int_t last = 0;

	for (uint32_t pid = 1; pid <= 2; pid++) {
		begin_file(pid);
		put_worker(1, TRACE_ROLE_LOOP, records, count);
		end_file(pid == 1 ? "trace.1.bin" : "trace.2.bin");
	}
	convert();
	cr_assert(is_event(0, "TraceStart"));
	cr_assert(is_event(1, "TraceStart"));
	for (size_t i = 2; i < line_count; i++) {
		cr_assert_geq(number_of(i, "timestamp_ns"), last);
		last = number_of(i, "timestamp_ns");
		of_each[number_of(i, "pid")]++;
	}
	cr_assert_eq(of_each[1], of_each[2]);
	cr_assert_gt(of_each[1], count);
}

Test(jsonl, processes_of_two_boots_are_ordered_by_the_wall_clock)
{
	static const struct record records[2] = {{50000000, TRACE_LOOP_ENTER},
						 {60000000, TRACE_LOOP_LEAVE}};

	for (uint32_t pid = 1; pid <= 2; pid++) {
		struct trace_file_header header = builder_default_header(pid);

		builder->bytes = 0;
		header.boot_id[0] = pid;
		header.start_real_ns +=
		    pid == 1 ? 1000000000 : 0; /* later, though by its own clock it is earlier */
		header.clock = TRACE_CLOCK_MONOTONIC;
		builder_header(builder, header);
		put_worker(1, TRACE_ROLE_LOOP, records, 2);
		end_file(pid == 1 ? "trace.1.bin" : "trace.2.bin");
	}
	convert();
	for (size_t i = 2; i < line_count; i++)
		cr_assert_eq(number_of(i, "pid"), i < 2 + (line_count - 2) / 2 ? 2 : 1, "line %zu",
			     i);
}

/* ---- What is derived ------------------------------------------------------------------------- */

static void put_pool(const struct record *records, size_t count)
{
	begin_file(1);
	put_worker(1, TRACE_ROLE_POOL, records, count);
	end_file("trace.bin");
	convert();
}

Test(jsonl, pool_items_begin_where_the_worker_woke_up)
{
	static const struct record records[] = {
	    {1000000, TRACE_PARK},
	    {1100000, TRACE_UNPARK},
	    {1200000, 0x99ull << 16 | TRACE_ITEM_END},
	    {1300000, 0x98ull << 16 | TRACE_ITEM_END},
	    {1400000, TRACE_PARK},
	    {1500000, TRACE_UNPARK},
	    {1600000, TRACE_PARK},
	};
	static const char *const expected[] = {"WorkerPark",  "WorkerUnpark",  "PoolItemStart",
					       "PoolItemEnd", "PoolItemStart", "PoolItemEnd",
					       "WorkerPark",  "WorkerUnpark",  "WorkerPark"};

	put_pool(records, 7);
	cr_assert_eq(line_count, 2 + 9);
	for (size_t i = 0; i < 9; i++)
		cr_assert(is_event(i + 2, expected[i]), "line %zu: %s", i + 2,
			  text_of(i + 2, "event"));
	cr_assert_str_eq(text_of(4, "work"), "0x99");
	cr_assert_eq(number_of(4, "timestamp_ns"), number_of(3, "timestamp_ns"));
	cr_assert_str_eq(text_of(6, "work"), "0x98");
	cr_assert_eq(number_of(6, "timestamp_ns"), number_of(5, "timestamp_ns"));
}

Test(jsonl, worker_that_begins_with_an_item)
{
	static const struct record records[] = {{1200000, 0x99ull << 16 | TRACE_ITEM_END},
						{1400000, TRACE_PARK}};

	put_pool(records, 2);
	cr_assert(is_event(1, "WorkerStart"));
	cr_assert(is_event(2, "PoolItemStart"));
	cr_assert(is_event(3, "PoolItemEnd"));
}

Test(jsonl, item_of_many_events_begins_without_a_name)
{
	static struct record records[6000];

	records[0] = (struct record){1000000, TRACE_PARK};
	records[1] = (struct record){1000100, TRACE_UNPARK};
	for (size_t i = 2; i < 5999; i++)
		records[i] = (struct record){1000100 + 100 * i, trace_word(i, TRACE_ASYNC_SEND)};
	records[5999] = (struct record){2000000, 0x99ull << 16 | TRACE_ITEM_END};
	put_pool(records, 6000);
	cr_assert(is_event(4, "PoolItemStart"));
	cr_assert_null(json_object_get(lines[4], "work"));
	cr_assert_eq(count_events("PoolItemStart"), 1);
	cr_assert_eq(count_events("PoolItemEnd"), 1);
	cr_assert_eq(count_events("AsyncSend"), 5997);
}

Test(jsonl, missing_events_are_lost_and_open_polls_come_from_the_context)
{
	static const struct record records[] = {{320000, 0x5ull << 16 | (TRACE_CODE_POLL + 1)},
						{640000, 0x9ull << 16 | TRACE_ASYNC_SEND},
						{960000, TRACE_POLL_END}};
	struct encoder encoder;
	size_t bytes;

	begin_file(1);
	encoder_init(&encoder, 1, HELPER_SHIFT);
	builder_events(builder, &encoder, (struct encoder_source){records, 3, 0, 1});
	bytes = builder->bytes;
	builder_events(builder, &encoder, (struct encoder_source){records, 3, 1, 1});
	builder->bytes = bytes;
	builder_events(builder, &encoder, (struct encoder_source){records, 3, 2, 1});
	end_file("trace.bin");
	convert();
	cr_assert(is_event(2, "PollStart"));
	cr_assert(is_event(3, "Lost"));
	cr_assert_eq(number_of(3, "count"), 1);
	cr_assert(is_event(4, "PollEnd"));
	cr_assert_str_eq(text_of(4, "kind"), "timer");
	cr_assert_eq(number_of(4, "duration_ns"), 256000);
}

/* A ring that is full to the end has no room for an event that tells of it: the worker's entry
 * does. */
Test(jsonl, events_lost_at_the_end_are_told)
{
	static const struct record records[] = {{320000, 0x7ull << 16 | TRACE_LOST_FULL},
						{640000, 0x9ull << 16 | TRACE_ASYNC_SEND},
						{960000, 0x1ull << 16 | TRACE_LOST_DEPTH}};
	const struct trace_worker_entry worker = {
	    .worker = 1, .role = TRACE_ROLE_LOOP, .recorded = 3, .lost = 50};
	json_int_t told = 0;
	struct encoder encoder;

	begin_file(1);
	encoder_init(&encoder, 1, HELPER_SHIFT);
	builder_events(builder, &encoder, (struct encoder_source){records, 3, 0, 3});
	builder_worker(builder, &worker, "main");
	end_file("trace.bin");
	convert();
	for (size_t i = 0; i < line_count; i++)
		told += is_event(i, "Lost") ? number_of(i, "count") : 0;
	cr_assert_eq(told, 50);
	cr_assert(is_event(line_count - 1, "Lost"));
	cr_assert_eq(number_of(line_count - 1, "count"), 42);
	cr_assert_str_eq(text_of(line_count - 1, "reason"), "at an unknown time");
}
