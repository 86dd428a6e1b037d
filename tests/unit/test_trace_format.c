/* SPDX-License-Identifier: Apache-2.0
 *
 * docs/trace-format.md held against the tables in C: each event and kind stands in it under its number, and its
 * example, byte for byte, is what it says.
 */
#include "reader_helper.h"

static char *document;

/* The documents lie where this file's path leads to: ../../docs. */
static char *load(const char *name)
{
	char path[4096], *text;
	FILE *file;
	long bytes;

	snprintf(path, sizeof(path), "%.*s../../docs/%s", (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__, name);
	file = fopen(path, "r");
	cr_assert_not_null(file, "%s", path);
	fseek(file, 0, SEEK_END);
	bytes = ftell(file);
	rewind(file);
	text = calloc(1, bytes + 1);
	cr_assert_eq(fread(text, 1, bytes, file), (size_t)bytes);
	fclose(file);
	return text;
}

static void document_load(void)
{
	document = load("trace-format.md");
	folder_make();
}

static void document_free(void)
{
	free(document);
	folder_remove();
}

TestSuite(trace_format, .init = document_load, .fini = document_free);

static void assert_stands(const char *text)
{
	cr_assert_not_null(strstr(document, text), "docs/trace-format.md does not have: %s", text);
}

Test(trace_format, each_event_stands_in_the_document)
{
	static const struct {
		int code;
		const char *name, *jsonl;
	} events[] = {
#define EVENT(code, name, jsonl, object) {code, #name, jsonl},
#include "format/trace_events.def"
#undef EVENT
	};
	char row[200];

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		snprintf(row, sizeof(row), "\n| %d | %s | %s |", events[i].code, events[i].name, events[i].jsonl);
		assert_stands(row);
	}
	snprintf(row, sizeof(row), "\n| %u + site |", TRACE_CODE_POLL);
	assert_stands(row);
	snprintf(row, sizeof(row), "\n| %u + site |", TRACE_CODE_SUBMIT);
	assert_stands(row);
	snprintf(row, sizeof(row), "Codes from %u on\nare free.", TRACE_CODE_END);
	assert_stands(row);
}

Test(trace_format, each_json_name_stands_in_its_document)
{
	static const char *const names[] = {
#define EVENT(code, name, jsonl, object) jsonl,
#include "format/trace_events.def"
#undef EVENT
	    "PollStart", "RequestSubmit", "Unknown"};
	char *text = load("jsonl.md"), entry[100];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(entry, sizeof(entry), "`%s`", names[i]);
		cr_assert_not_null(strstr(text, entry), "docs/jsonl.md does not have %s", entry);
	}
	free(text);
}

Test(trace_format, each_kind_stands_in_the_document)
{
	static const char *const kinds[KIND_COUNT] = {
#define KIND(name, text, class) [KIND_##name] = text,
#include "format/trace_kinds.def"
#undef KIND
	};
	char entry[100];

	for (int kind = 1; kind < KIND_COUNT; kind++) {
		snprintf(entry, sizeof(entry), "`%s` %d", kinds[kind], kind);
		assert_stands(entry);
	}
}

Test(trace_format, version_stands_in_the_table)
{
	char row[100];

	snprintf(row, sizeof(row), "\n| %d | %d |", TRACE_VERSION, TRACE_READER_VERSION_MIN);
	assert_stands(row);
}

/* The bytes of the document's ```hex block; what follows a semicolon is a remark. */
static size_t example_bytes(unsigned char *to, size_t room)
{
	const char *at = strstr(document, "```hex\n");
	size_t count = 0;

	cr_assert_not_null(at);
	for (at += 7; strncmp(at, "```", 3) != 0; at = strchr(at, '\n') + 1) {
		const char *remark = at + strcspn(at, ";\n");
		unsigned byte;
		int length;

		while (at < remark && sscanf(at, "%2x%n", &byte, &length) == 1) {
			cr_assert_lt(count, room);
			to[count++] = byte;
			at += length + strspn(at + length, " ");
		}
	}
	return count;
}

Test(trace_format, example_is_what_the_document_says)
{
	static const struct record expected[] = {
	    {0x5000 << 5, TRACE_PARK},
	    {(0x5000 + 1000) << 5, 2 << 16 | TRACE_UNPARK},
	    {(0x5000 + 1010) << 5, 0x5581a0ull << 16 | (TRACE_CODE_POLL + 3)},
	    {(0x5000 + 1010) << 5, 0x5583c0ull << 16 | (TRACE_CODE_SUBMIT + 4)},
	    {(0x5000 + 1110) << 5, TRACE_POLL_END},
	    {(0x5000 + 1115) << 5, 0x5583c0ull << 16 | (TRACE_CODE_POLL + 4)},
	    {(0x5000 + 1500) << 5, TRACE_POLL_END},
	    {(0x5000 + 1510) << 5, 0x5581a0ull << 16 | TRACE_HANDLE_CLOSE},
	};
	unsigned char bytes[1000];
	size_t count = example_bytes(bytes, sizeof(bytes));
	struct trace *trace = open_bytes(bytes, count);
	struct events events;

	cr_assert_eq(count, 328);
	assert_no_problem(trace);
	cr_assert_eq(trace->processes[0].pid, 4711);
	events = events_read(trace, 0, 0, 10, 0);
	assert_events(&events, expected, 8);
	free(events.list);
	trace_close(trace);
}
