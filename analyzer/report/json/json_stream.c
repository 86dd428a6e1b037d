/* SPDX-License-Identifier: Apache-2.0
 *
 * An object as text, member by member: a value is made, added and freed before the next is made. So
 * memory holds the text and one value, however many workers there are.
 *
 * Rules: the text is what jansson makes of the whole object, byte by byte. A value that is missing
 * makes the object fail: memory was out.
 */
#include <stdlib.h>
#include <string.h>

#include "report_json.h"

#define INDENT 2

static void put(struct json_stream *stream, const char *from, size_t bytes)
{
	if (stream->bytes + bytes > stream->capacity && !stream->failed) {
		size_t capacity = (stream->bytes + bytes) * 2;
		char *grown = realloc(stream->text, capacity);
		stream->failed = !grown;
		stream->text = grown ? grown : stream->text;
		stream->capacity = grown ? capacity : stream->capacity;
	}
	if (stream->failed)
		return;
	memcpy(stream->text + stream->bytes, from, bytes);
	stream->bytes += bytes;
}

static void put_indented(struct json_stream *stream, const char *from, size_t bytes)
{
	static const char spaces[] = "        ";
	const char *end = from + bytes, *line;

	/* No string holds a newline as such: each begins a line. */
	while ((line = memchr(from, '\n', (size_t)(end - from)))) {
		put(stream, from, (size_t)(line + 1 - from));
		put(stream, spaces, stream->depth * INDENT);
		from = line + 1;
	}
	put(stream, from, (size_t)(end - from));
}

static int dump_take(const char *from, size_t bytes, void *stream)
{
	put_indented(stream, from, bytes);
	return 0;
}

static void value_add(struct json_stream *stream, json_t *value)
{
	if (!value ||
	    json_dump_callback(value, dump_take, stream,
			       JSON_INDENT(INDENT) | JSON_REAL_PRECISION(9) | JSON_ENCODE_ANY) != 0)
		stream->failed = true;
	json_decref(value);
}

static void key_add(struct json_stream *stream, const char *key)
{
	if (stream->members++ > 0)
		put(stream, ",", 1);
	put_indented(stream, "\n\"", 2);
	put(stream, key, strlen(key));
	put(stream, "\": ", 3);
}

void json_stream_begin(struct json_stream *stream)
{
	put(stream, "{", 1);
	stream->depth = 1;
}

void json_stream_add(struct json_stream *stream, const struct json_pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		key_add(stream, pairs[i].key);
		value_add(stream, pairs[i].value);
	}
}

void json_stream_end(struct json_stream *stream)
{
	stream->depth = 0;
	put(stream, "\n}", 2);
}

static void array_begin(struct json_stream *stream, const char *key)
{
	key_add(stream, key);
	put(stream, "[", 1);
	stream->depth++;
}

static void item_begin(struct json_stream *stream, bool first)
{
	if (!first)
		put(stream, ",", 1);
	put_indented(stream, "\n", 1);
}

static void array_end(struct json_stream *stream, bool empty)
{
	stream->depth--;
	if (!empty)
		put_indented(stream, "\n", 1);
	put(stream, "]", 1);
}

void json_stream_objects(struct json_stream *stream, const char *key, struct json_stream *objects,
			 size_t count)
{
	array_begin(stream, key);
	for (size_t i = 0; i < count; i++) {
		item_begin(stream, i == 0);
		put_indented(stream, objects[i].text, objects[i].bytes);
	}
	array_end(stream, count == 0);
}

void json_stream_rows(struct json_stream *stream, const struct json_rows *rows,
		      const struct timeline *timeline, size_t count)
{
	bool empty = true;

	array_begin(stream, rows->key);
	for (size_t i = 0; i < count; i++) {
		if (!rows->has(timeline, i))
			continue;
		item_begin(stream, empty);
		value_add(stream, rows->row(timeline, i));
		empty = false;
	}
	array_end(stream, empty);
}
