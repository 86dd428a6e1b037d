/* SPDX-License-Identifier: Apache-2.0
 *
 * What the reader's tests share: directories of their own, streams of records, and the way back
 * from items to records, which must give what went in.
 */
#ifndef READER_HELPER_H
#define READER_HELPER_H

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../trace_builder.h"
#include "trace/reader.h"

#define HELPER_SHIFT 5

/* ---- Directories ----------------------------------------------------------------------------- */

static char dir[64];

static inline void dir_make(void)
{
	strcpy(dir, "/tmp/uvtrace_test_reader_XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

static inline int dir_remove_entry(const char *path, const struct stat *status, int type,
				   struct FTW *place)
{
	(void)status, (void)type, (void)place;
	return remove(path);
}

static inline void dir_remove(void)
{
	nftw(dir, dir_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* A path in the directory; the last few stay valid. */
static inline const char *in_dir(const char *name)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static inline void put_file(const char *name, const void *data, size_t bytes)
{
	FILE *file = fopen(in_dir(name), "wb");

	cr_assert_not_null(file);
	cr_assert_eq(fwrite(data, 1, bytes, file), bytes);
	cr_assert_eq(fclose(file), 0);
}

/* ---- Streams --------------------------------------------------------------------------------- */

/* A number of small length most of the time. */
static inline uint64_t some_number(void)
{
	return (uint64_t)random() >> (random() % 31);
}

/* What a loop worker records, well formed: loops, waits, polls with and without something inside,
 * nested ones. */
static inline size_t stream_make(struct record *records, size_t max, uint64_t counter)
{
	size_t n = 0;

	records[n++] = (struct record){counter, trace_word(0x7000, TRACE_LOOP_ENTER)};
	while (n + 8 < max) {
		uint64_t object = 0x555500000000 + (random() % 60) * 0x110;

		records[n++] = (struct record){counter += some_number(), trace_word(0, TRACE_PARK)};
		records[n++] = (struct record){counter += some_number(),
					       trace_word(random() % 9, TRACE_UNPARK)};
		records[n++] = (struct record){counter += some_number(),
					       trace_word(object, TRACE_CODE_POLL + random() % 7)};
		if (random() % 2)
			records[n++] =
			    (struct record){counter, trace_word(object + 8, TRACE_CODE_SUBMIT + 9)};
		if (random() % 5 == 0) {
			counter += some_number();
			records[n++] = (struct record){
			    counter, trace_word(object + 16, TRACE_CODE_POLL + 400)};
			records[n++] = (struct record){counter += some_number(),
						       trace_word(0, TRACE_POLL_END)};
		}
		records[n++] =
		    (struct record){counter += some_number(), trace_word(0, TRACE_POLL_END)};
	}
	return n;
}

/* The file of a process with one worker: header, tables, the records in blocks of about
 * `per_block`, clock, seal. */
static inline void segment_make(struct builder *builder, uint32_t pid, const struct record *records,
				size_t count, size_t per_block)
{
	struct trace_worker_entry worker = {
	    .worker = 1, .tid = pid, .role = TRACE_ROLE_LOOP, .recorded = count};
	struct encoder encoder;

	builder_header(builder, builder_default_header(pid));
	builder_text(builder, TRACE_TEXT_EXE, "/bin/test");
	builder_kinds(builder, 72);
	builder_site(builder, 1, KIND_TIMER, 0x1000, 0x2000, "on_timer");
	builder_clock(builder, 10000000);
	encoder_init(&encoder, 1, HELPER_SHIFT);
	for (size_t at = 0; at < count; at += per_block) {
		struct encoder_source source = {records, (1ull << 40) - 1, at,
						count - at < per_block ? count - at : per_block};

		builder_events(builder, &encoder, source);
	}
	builder_worker(builder, &worker, "main");
	builder_clock(builder, 10000000000);
	builder_seal(builder, TRACE_SEAL_EXIT, records[count - 1].counter >> HELPER_SHIFT, count,
		     0);
}

/* ---- Back to records ------------------------------------------------------------------------- */

struct event {
	uint64_t tick, word;
	bool after_gap;
	uint64_t missing;
};

struct events {
	struct event *list;
	size_t count;
};

static inline void events_add(struct events *events, uint64_t tick, uint64_t word)
{
	if ((events->count & (events->count - 1)) == 0)
		events->list = realloc(events->list, (events->count ? 2 * events->count : 1) *
							 sizeof(*events->list));
	events->list[events->count++] = (struct event){tick, word, false, 0};
}

/* Items as the records that they were made of: the end of a poll comes behind what is inside it. */
static inline void events_add_items(struct events *events, const struct trace_item *items,
				    size_t count, struct trace_item *open)
{
	for (size_t i = 0; i < count; i++) {
		const struct trace_item *item = &items[i];

		if (open->word && !item->inside) {
			events_add(events, open->tick + open->duration,
				   trace_word(0, TRACE_POLL_END));
			open->word = 0;
		}
		events_add(events, item->tick,
			   item->shape == TRACE_SHAPE_WAIT ? trace_word(0, TRACE_PARK)
							   : item->word);
		if (item->shape == TRACE_SHAPE_WAIT)
			events_add(events, item->tick + item->duration, item->word);
		if (item->shape == TRACE_SHAPE_POLL)
			*open = *item;
	}
}

/* Everything of one worker, read `batch` items at a time, in steps of time if `step` is not 0. */
static inline struct events events_read(struct trace *trace, size_t process, size_t worker,
					size_t batch, uint64_t step)
{
	struct trace_cursor *cursor = trace_cursor_open(trace, process, worker);
	uint64_t until = step ? step : UINT64_MAX,
		 end = trace->processes[process].workers[worker].last_tick;
	struct trace_item *items = malloc(batch * sizeof(*items)), open = {0};
	struct events events = {0};

	for (;;) {
		size_t count = trace_cursor_read(cursor, until, items, batch),
		       before = events.count, contexts;
		bool after_gap;

		if (count == 0 && until > end)
			break;
		if (count == 0) {
			until += step;
			continue;
		}
		cr_assert_leq(count, batch);
		trace_cursor_context(cursor, &contexts, &after_gap);
		if (open.word && !items[0].inside)
			before++;
		events_add_items(&events, items, count, &open);
		events.list[before].after_gap = after_gap;
		events.list[before].missing = trace_cursor_missing(cursor);
	}
	if (open.word)
		events_add(&events, open.tick + open.duration, trace_word(0, TRACE_POLL_END));
	free(items);
	trace_cursor_close(cursor);
	return events;
}

/* The events are these records, in this order. */
static inline void assert_events(const struct events *events, const struct record *records,
				 size_t count)
{
	uint64_t tick = 0;

	cr_assert_eq(events->count, count, "%zu events, not %zu", events->count, count);
	for (size_t i = 0; i < count; i++) {
		uint64_t now = records[i].counter >> HELPER_SHIFT;

		tick = now > tick ? now : tick;
		cr_assert_eq(
		    events->list[i].word, records[i].word, "word of event %zu: %llx, not %llx", i,
		    (unsigned long long)events->list[i].word, (unsigned long long)records[i].word);
		cr_assert_eq(events->list[i].tick, tick, "tick of event %zu", i);
	}
}

static inline struct trace *open_path(const char *path)
{
	struct trace *trace = trace_open(&path, 1, NULL, NULL);

	cr_assert_not_null(trace);
	return trace;
}

static inline struct trace *open_bytes(const void *data, size_t bytes)
{
	put_file("trace.1.0.bin", data, bytes);
	return open_path(in_dir("trace.1.0.bin"));
}

static inline void assert_problem(const struct trace *trace, const char *part)
{
	for (size_t i = 0; i < trace->problem_count; i++)
		if (strstr(trace->problems[i], part))
			return;
	cr_assert_fail("no problem says '%s', the first of %zu: %s", part, trace->problem_count,
		       trace->problem_count ? trace->problems[0] : "");
}

static inline void assert_no_problem(const struct trace *trace)
{
	cr_assert_eq(trace->problem_count, 0, "%s", trace->problem_count ? trace->problems[0] : "");
}

#endif
