/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of JSON lines share: a trace made by hand, and the lines that are made of it, read
 * by another library than the one that writes them.
 */
#ifndef JSONL_HELPER_H
#define JSONL_HELPER_H

#include <fcntl.h>
#include <jansson.h>

#include "jsonl/jsonl.h"
#include "../reader_helper.h"

#define LINES_MAX 20000

static struct builder *builder;
static struct json_out out;
static json_t *lines[LINES_MAX];
static size_t line_count;

static inline void setup(void)
{
	dir_make();
	srandom(21);
	builder = builder_new();
}

static inline void teardown(void)
{
	for (size_t i = 0; i < line_count; i++)
		json_decref(lines[i]);
	builder_free(builder);
	dir_remove();
}

static inline void no_problem(void *arg, const char *problem)
{
	(void)arg;
	cr_assert_fail("%s", problem);
}

static inline void no_progress(void *arg, uint64_t done, uint64_t total)
{
	(void)arg, (void)done, (void)total;
}

static inline void load_lines(const char *path)
{
	FILE *file = fopen(path, "r");
	static char line[65536];

	while (fgets(line, sizeof(line), file)) {
		json_error_t error;

		cr_assert_lt(line_count, (size_t)LINES_MAX);
		lines[line_count] = json_loads(line, 0, &error);
		cr_assert_not_null(lines[line_count++], "%s: %s", error.text, line);
	}
	fclose(file);
}

/* Every line of what is in the directory. */
static inline void convert(void)
{
	static const struct jsonl_watcher watcher = {no_problem, no_progress, NULL};
	struct trace *trace = open_path(dir);

	out = (struct json_out){.fd = open(in_dir("lines"), O_WRONLY | O_CREAT | O_TRUNC, 0600)};
	cr_assert_geq(out.fd, 0);
	cr_assert_eq(jsonl_convert(trace, &out, &watcher, false), 0);
	close(out.fd);
	trace_close(trace);
	load_lines(in_dir("lines"));
}

static inline const char *text_of(size_t line, const char *key)
{
	const char *text = json_string_value(json_object_get(lines[line], key));

	return text ? text : "";
}

static inline json_int_t number_of(size_t line, const char *key)
{
	return json_integer_value(json_object_get(lines[line], key));
}

static inline bool is_event(size_t line, const char *event)
{
	return strcmp(text_of(line, "event"), event) == 0;
}

static inline size_t count_events(const char *event)
{
	size_t count = 0;

	for (size_t i = 0; i < line_count; i++)
		count += is_event(i, event);
	return count;
}

static inline void begin_file(uint32_t pid)
{
	builder->bytes = 0;
	builder_header(builder, builder_default_header(pid));
	builder_kinds(builder, 72);
	for (uint16_t site = 0; site < 7; site++)
		builder_site(builder, site, site % 2 ? KIND_TIMER : KIND_WRITE, 0x1000 + site, 0,
			     "callback");
	builder_clock(builder, 10000000000);
}

static inline void end_file(const char *name)
{
	put_file(name, builder->data, builder->bytes);
}

#endif
