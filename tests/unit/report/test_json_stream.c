/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects written member by member (json_stream.c) against what jansson makes of the whole.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "report/json/report_json.h"

#define JSON_FLAGS (JSON_INDENT(2) | JSON_REAL_PRECISION(9))

/* A member of each sort: texts with what must be escaped, nested and empty ones. */
static json_t *member(size_t i)
{
	static const char *const texts[] = {
	    "\"a \\\"quoted\\\"\\nline\"",
	    "{\"x\": [1, 2.5, {\"y\": null}], \"z\": {}}",
	    "[]",
	    "[[], [true, false]]",
	    "123456789012",
	    "0.333333333333",
	};

	return json_loads(texts[i], JSON_DECODE_ANY, NULL);
}

#define MEMBERS 6

static const char *const keys[MEMBERS] = {"one", "two", "three", "four", "five", "six"};

static void pairs_add(struct json_stream *stream)
{
	for (size_t i = 0; i < MEMBERS; i++)
		json_stream_add(stream, &(struct json_pair){keys[i], member(i)}, 1);
}

static json_t *whole_make(void)
{
	json_t *whole = json_object();

	for (size_t i = 0; i < MEMBERS; i++)
		json_object_set_new(whole, keys[i], member(i));
	return whole;
}

static void check_same(struct json_stream *stream, json_t *whole)
{
	char *expected = json_dumps(whole, JSON_FLAGS);

	cr_assert_not(stream->failed);
	cr_expect_eq(stream->bytes, strlen(expected));
	cr_expect_arr_eq(stream->text, expected, strlen(expected), "%.*s", (int)stream->bytes,
			 stream->text);
	free(expected);
	free(stream->text);
	json_decref(whole);
}

Test(json_stream, members_are_as_of_the_whole)
{
	struct json_stream stream = {0};

	json_stream_begin(&stream);
	pairs_add(&stream);
	json_stream_end(&stream);
	check_same(&stream, whole_make());
}

/* Objects of several processes, and none. */
Test(json_stream, objects_are_as_of_the_whole)
{
	for (size_t count = 0; count <= 2; count++) {
		struct json_stream stream = {0}, objects[2] = {{0}};
		json_t *whole = json_object(), *list = json_array();

		for (size_t i = 0; i < count; i++) {
			json_stream_begin(&objects[i]);
			pairs_add(&objects[i]);
			json_stream_end(&objects[i]);
			json_array_append_new(list, whole_make());
		}
		json_stream_begin(&stream);
		json_stream_objects(&stream, "processes", objects, count);
		json_stream_end(&stream);
		json_object_set_new(whole, "processes", list);
		check_same(&stream, whole);
		for (size_t i = 0; i < count; i++)
			free(objects[i].text);
	}
}

/* ---- Rows: some are there ------------------------------------------------------------------- */

static size_t wanted_mask;

static bool is_wanted(const struct timeline *timeline, size_t i)
{
	(void)timeline;
	return wanted_mask >> i & 1;
}

static json_t *row_of(const struct timeline *timeline, size_t i)
{
	(void)timeline;
	return member(i);
}

Test(json_stream, rows_that_are_there_are_as_of_the_whole)
{
	for (wanted_mask = 0; wanted_mask < 1u << MEMBERS; wanted_mask++) {
		struct json_rows rows = {.key = "rows", .has = is_wanted, .row = row_of};
		struct json_stream stream = {0};
		json_t *whole = json_object(), *list = json_array();

		for (size_t i = 0; i < MEMBERS; i++)
			if (is_wanted(NULL, i))
				json_array_append_new(list, member(i));
		json_stream_begin(&stream);
		json_stream_rows(&stream, &rows, NULL, MEMBERS);
		json_stream_end(&stream);
		json_object_set_new(whole, "rows", list);
		check_same(&stream, whole);
	}
}

/* A value that could not be made, for want of memory, makes no text that looks whole. */
Test(json_stream, a_value_that_is_missing_is_told)
{
	struct json_stream stream = {0};

	json_stream_begin(&stream);
	json_stream_add(&stream, &(struct json_pair){"one", NULL}, 1);
	json_stream_end(&stream);
	cr_expect(stream.failed);
	free(stream.text);
}
