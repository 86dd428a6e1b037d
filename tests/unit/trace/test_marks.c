/* SPDX-License-Identifier: Apache-2.0
 *
 * Marks and spans: by name and over workers in the timeline; found inside a poll; and read back
 * from a file whose blocks cut through them.
 */
#include <jansson.h>

#include "marks_helper.h"
#include "timeline/poll_marks.h"
#include "../reader_helper.h"
#include "report/report.h"

/* ---- A trace --------------------------------------------------------------------------------- */

#define RECORDS_MAX 4096
enum { NAME_REQUEST, NAME_TICKS, NAME_BYTES, NAME_UNTOLD };
enum { SITE = 1, OBJECT = 0x5000 };

static struct builder *builder;
static struct record records[3][RECORDS_MAX];
static size_t counts[3];
static struct trace *trace;
static struct timeline *timeline;

static void setup(void)
{
	dir_make();
	builder = builder_new();
}

static void teardown(void)
{
	timeline_free(timeline);
	trace_close(trace);
	builder_free(builder);
	dir_remove();
}

TestSuite(named, .init = setup, .fini = teardown);

static void say_word(int worker, uint64_t ns, uint64_t word)
{
	records[worker][counts[worker]++] = (struct record){builder_counter(ns), word};
}

static void say(int worker, uint64_t ns, uint32_t code, uint32_t name, uint64_t value)
{
	struct mark mark = {.value = value, .code = code, .name = name, .field_count = 1};
	uint64_t words[4];
	size_t count;

	mark.fields[0] = (struct mark_field){value + 1, NAME_BYTES};
	count = words_of(&mark, words);
	for (size_t i = 0; i < count; i++)
		say_word(worker, ns, words[i]);
}

static void put_name(uint16_t name, const char *text)
{
	char payload[64] = {0};
	struct trace_name_entry *entry = (struct trace_name_entry *)payload;

	entry->name = name;
	entry->name_bytes = strlen(text);
	entry->entry_bytes = (sizeof(*entry) + entry->name_bytes + 7) & ~7u;
	memcpy(entry->text, text, entry->name_bytes);
	builder_block(builder, TRACE_BLOCK_NAMES, payload, entry->entry_bytes);
}

static void put_worker(uint32_t number, uint8_t role, size_t per_block)
{
	struct trace_worker_entry worker = {.worker = number,
					    .tid = number,
					    .role = role,
					    .start_tick = 1000000,
					    .recorded = counts[number]};
	struct encoder encoder;

	encoder_init(&encoder, number, HELPER_SHIFT);
	for (size_t at = 0; at < counts[number]; at += per_block) {
		size_t left = counts[number] - at;
		struct encoder_source source = {records[number], (1ull << 40) - 1, at,
						left < per_block ? left : per_block};

		builder_events(builder, &encoder, source);
	}
	builder_worker(builder, &worker, "");
}

/* Two workers, in blocks of so many records. */
static void build(size_t per_block)
{
	builder_header(builder, builder_default_header(1));
	builder_kinds(builder, 72);
	builder_site(builder, SITE, KIND_TIMER, 0x1000, 0x2000, "on_timer");
	builder_clock(builder, 12800000);
	put_name(NAME_REQUEST, "request");
	put_name(NAME_TICKS, "ticks");
	put_name(NAME_BYTES, "bytes");
	put_worker(1, TRACE_ROLE_LOOP, per_block);
	put_worker(2, TRACE_ROLE_POOL, per_block);
	builder_clock(builder, 20000000000);
	trace = open_bytes(builder->data, builder->bytes);
	assert_no_problem(trace);
}

static void read_timeline(const struct timeline_options *options)
{
	timeline = timeline_read(trace, 0, options, NULL, NULL);
	cr_assert_not_null(timeline);
}

#define MS	     1000000ull
#define NS_OF(ticks) timeline_ns(timeline, ticks)

static void assert_about(uint64_t ns, uint64_t wanted)
{
	cr_assert(ns + 32 >= wanted && ns <= wanted + 32, "%llu, not %llu", (unsigned long long)ns,
		  (unsigned long long)wanted);
}

/* Ids of 64 bits, over workers, overlapping; values beyond 63 bits. */
static void say_some(void)
{
	say_word(1, 100 * MS, trace_word(0x7000, TRACE_LOOP_ENTER));
	say(1, 110 * MS, TRACE_SPAN_BEGIN, NAME_REQUEST, UINT64_MAX);
	say(1, 120 * MS, TRACE_SPAN_BEGIN, NAME_REQUEST, 5);
	say(2, 130 * MS, TRACE_SPAN_END, NAME_REQUEST, UINT64_MAX);
	say_word(1, 140 * MS, trace_word(OBJECT, TRACE_CODE_POLL + SITE));
	say(1, 150 * MS, TRACE_MARK, NAME_TICKS, UINT64_MAX);
	say(1, 160 * MS, TRACE_SPAN_END, NAME_REQUEST, 5);
	say(1, 170 * MS, TRACE_MARK, NAME_TICKS, 3);
	say_word(1, 180 * MS, trace_word(0, TRACE_POLL_END));
	say(1, 190 * MS, TRACE_SPAN_END, NAME_REQUEST, 6);
	say(1, 200 * MS, TRACE_SPAN_BEGIN, NAME_REQUEST, 7);
	say(1, 210 * MS, TRACE_SPAN_BEGIN, NAME_REQUEST, 7);
	say(1, 220 * MS, TRACE_SPAN_END, NAME_REQUEST, 7);
	say(1, 230 * MS, TRACE_SPAN_BEGIN, NAME_REQUEST, 8);
	say(1, 240 * MS, TRACE_MARK, NAME_UNTOLD, 1);
	say_word(1, 250 * MS, trace_word(0x7000, TRACE_LOOP_LEAVE));
}

static void check_some(void)
{
	const struct timeline_name *requests = &timeline->names[NAME_REQUEST],
				   *ticks = &timeline->names[NAME_TICKS];

	cr_assert_eq(requests->spans.count, 3);
	assert_about(NS_OF(requests->spans.max), 40 * MS);
	assert_about(NS_OF(requests->spans.min), 10 * MS);
	assert_about(NS_OF(requests->spans.sum), 70 * MS);
	cr_assert_eq(requests->slowest.id, 5);
	cr_assert_eq(requests->open, 1);
	cr_assert_eq(requests->begins_alone, 1);
	cr_assert_eq(requests->ends_alone, 1);
	cr_assert_eq(ticks->marks.count, 2);
	cr_assert_eq(ticks->marks.max, UINT64_MAX);
	cr_assert_eq(ticks->marks.min, 3);
	cr_assert_eq(timeline->names[timeline->process->name_count].marks.count, 1,
		     "of a name that nobody told");
}

Test(named, spans_and_values_by_name)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;

	say_some();
	build(1000);
	read_timeline(&options);
	check_some();
}

/* Each block holds one record, so each group lies in several, and in several parts. */
Test(named, blocks_that_cut_through)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;

	say_some();
	build(1);
	read_timeline(&options);
	check_some();
}

Test(named, of_a_range_and_of_a_worker)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;

	say_some();
	build(1000);
	options.from_ns = 155 * MS - 12800000;
	options.to_ns = 195 * MS - 12800000;
	read_timeline(&options);
	cr_assert_eq(timeline->names[NAME_TICKS].marks.count, 1);
	cr_assert_eq(timeline->names[NAME_REQUEST].spans.count, 1);
	assert_about(NS_OF(timeline->names[NAME_REQUEST].spans.max), 40 * MS);
	timeline_free(timeline);
	options = (struct timeline_options)TIMELINE_OPTIONS_DEFAULT;
	options.worker = 2;
	read_timeline(&options);
	cr_assert_eq(timeline->names[NAME_REQUEST].spans.count, 0, "they began on worker 1");
	cr_assert_eq(timeline->names[NAME_TICKS].marks.count, 0);
}

/* The end of id 5 was lost with what was lost, and so was the begin of the next span of that id. */
Test(named, what_was_on_its_way_when_events_were_lost)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;

	say(1, 110 * MS, TRACE_SPAN_BEGIN, NAME_REQUEST, 5);
	say_word(2, 120 * MS, trace_word(40, TRACE_LOST_FULL));
	say(1, 900 * MS, TRACE_SPAN_END, NAME_REQUEST, 5);
	build(1000);
	read_timeline(&options);
	cr_assert_eq(timeline->names[NAME_REQUEST].spans.count, 0);
	cr_assert_eq(timeline->names[NAME_REQUEST].begins_alone, 1);
	cr_assert_eq(timeline->names[NAME_REQUEST].ends_alone, 1);
}

Test(named, what_was_on_its_way_when_recording_was_off)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;

	say(1, 110 * MS, TRACE_SPAN_BEGIN, NAME_REQUEST, 5);
	say(1, 900 * MS, TRACE_SPAN_END, NAME_REQUEST, 5);
	builder_header(builder, builder_default_header(1));
	builder_clock(builder, 12800000);
	builder_sample(builder, TRACE_SAMPLE_RECORDING, 0,
		       builder_counter(200 * MS) >> HELPER_SHIFT, 0, 0, 0);
	builder_sample(builder, TRACE_SAMPLE_RECORDING, 0,
		       builder_counter(300 * MS) >> HELPER_SHIFT, 1, 0, 0);
	put_name(NAME_REQUEST, "request");
	put_worker(1, TRACE_ROLE_LOOP, 1000);
	builder_clock(builder, 20000000000);
	trace = open_bytes(builder->data, builder->bytes);
	read_timeline(&options);
	cr_assert_eq(timeline->names[NAME_REQUEST].spans.count, 0);
	cr_assert_eq(timeline->names[NAME_REQUEST].begins_alone, 1);
}

/* A thousand at once, ended in another order. */
Test(named, many_at_once)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	uint32_t many = 1000;

	for (uint64_t i = 0; i < many; i++)
		say_word(1, (100 + i) * MS,
			 trace_mark_word(TRACE_SPAN_BEGIN, NAME_REQUEST, 0, i * 7919));
	for (uint64_t i = 0; i < many; i++)
		say_word(1, (2000 + i) * MS,
			 trace_mark_word(TRACE_SPAN_END, NAME_REQUEST, 0, i * 333 % many * 7919));
	build(100);
	read_timeline(&options);
	cr_assert_eq(timeline->names[NAME_REQUEST].spans.count, many);
	cr_assert_eq(timeline->names[NAME_REQUEST].open + timeline->names[NAME_REQUEST].ends_alone,
		     0);
	/* The sum of (2000 + j) - (100 + i) over all, each i and each j once. */
	assert_about(NS_OF(timeline->names[NAME_REQUEST].spans.sum) / many, 1900 * MS);
}

/* ---- Inside a poll --------------------------------------------------------------------------- */

static void check_poll_marks(size_t per_block)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	struct poll_marks marks;
	char *text;

	say_some();
	build(per_block);
	read_timeline(&options);
	cr_assert_eq(timeline->long_polls.count, 1);
	marks = poll_marks_read(trace, timeline, &timeline->long_polls.spans[0]);
	text = poll_marks_text(timeline->process, &marks);
	cr_assert_str_eq(text, "request 0x5, ticks 18446744073709551615, ticks 3");
	free(text);
}

Test(named, of_a_poll)
{
	check_poll_marks(1000);
}

Test(named, of_a_poll_in_many_blocks)
{
	check_poll_marks(1);
}

/* More than are kept are counted; one that ends as the poll begins, at the same tick, is not the
 * poll's. */
Test(named, of_a_poll_with_many)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	struct poll_marks marks;
	char *text;

	say(1, 100 * MS, TRACE_SPAN_END, NAME_REQUEST, 1);
	say_word(1, 100 * MS, trace_word(OBJECT, TRACE_CODE_POLL + SITE));
	for (uint64_t i = 0; i < 10; i++)
		say(1, (101 + i) * MS, TRACE_MARK, NAME_TICKS, i);
	say(1, 111 * MS, TRACE_MARK, NAME_TICKS, 2);
	say_word(1, 120 * MS, trace_word(0, TRACE_POLL_END));
	say(1, 121 * MS, TRACE_MARK, NAME_TICKS, 99);
	build(1000);
	read_timeline(&options);
	marks = poll_marks_read(trace, timeline, &timeline->long_polls.spans[0]);
	text = poll_marks_text(timeline->process, &marks);
	cr_assert_str_eq(text, "ticks 0, ticks 1, ticks 2, ticks 3 and 6 more");
	free(text);
}

/* ---- Reports --------------------------------------------------------------------------------- */

Test(named, in_both_reports)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	char *printed = NULL;
	size_t bytes;
	FILE *out;

	say_some();
	build(1000);
	read_timeline(&options);
	struct report report = {
	    .trace = trace, .timeline = timeline, .symbols = symbols_open(timeline->process)};
	out = open_memstream(&printed, &bytes);
	cr_assert_eq(report_print(&report, out), 0);
	fclose(out);
	cr_assert_not_null(
	    strstr(printed, "marks and spans: request 0x5, ticks 18446744073709551615, ticks 3"));
	cr_assert_not_null(strstr(printed, "request    span      3  20.0 ms    40.0 ms    40.0 ms"),
			   "%s", printed);
	cr_assert_not_null(
	    strstr(printed,
		   "request, not counted: 1 open at the end, 1 without an end, 1 without a begin"));
	free(printed);

	struct report_list *list = report_list_make(trace);
	out = open_memstream(&printed, &bytes);
	cr_assert_eq(report_list_add(list, &report), 0);
	cr_assert_eq(report_list_print(list, out), 0);
	fclose(out);
	json_t *json = json_loads(printed, 0, NULL),
	       *poll = json_array_get(json_object_get(json, "long_polls"), 0);
	const char *id;
	json_int_t count, open;
	double most;
	cr_assert_not_null(json);
	cr_assert_eq(json_unpack(json, "{s:[{s:I,s:I,s:{s:s}}]}", "spans", "count", &count, "open",
				 &open, "slowest", "id", &id),
		     0);
	cr_assert(count == 3 && open == 1 && strcmp(id, "0x5") == 0);
	cr_assert_eq(json_unpack(json, "{s:[{s:I,s:F}]}", "marks", "count", &count, "max", &most),
		     0);
	cr_assert(count == 2 && most > 1.8e19);
	cr_assert_eq(json_unpack(poll, "{s:[{s:s}]}", "spans", "id", &id), 0);
	cr_assert_str_eq(id, "0x5");
	cr_assert_eq(json_array_size(json_object_get(poll, "marks")), 2);
	json_decref(json);
	report_list_free(list);
	symbols_close(report.symbols);
	free(printed);
}
