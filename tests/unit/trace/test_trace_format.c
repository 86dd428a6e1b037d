/* SPDX-License-Identifier: Apache-2.0
 *
 * docs/trace-format.md held against the tables in C: each event and kind stands in it under its
 * number, and its example, byte for byte, is what it says.
 */
#include "../reader_helper.h"

static char *document;

/* The documents lie where this file's path leads to: ../../docs. */
static char *load(const char *name)
{
	char path[4096], *text;
	FILE *file;
	long bytes;

	snprintf(path, sizeof(path), "%.*s../../../docs/%s",
		 (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__, name);
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
	dir_make();
}

static void document_free(void)
{
	free(document);
	dir_remove();
}

TestSuite(trace_format, .init = document_load, .fini = document_free);

static void assert_stands(const char *text)
{
	cr_assert_not_null(strstr(document, text), "docs/trace-format.md does not have: %s", text);
}

static const struct {
	uint32_t code;
	const char *name, *jsonl, *effect;
	bool inner;
	const char *key, *text;
} events[] = {
#define EVENT(code, name, jsonl, effect, inner, crosses, object, key, text)                        \
	{code, #name, jsonl, #effect, TRACE_INNER_##inner, key, text},
#include "format/trace_events.def"
#undef EVENT
};

#define EVENTS (sizeof(events) / sizeof(events[0]))

/* "CLOSES_POLL" is "closes poll" in the document; a cell with nothing in it is one space. */
static void effect_write(const char *effect, char *cell)
{
	strcpy(cell, " ");
	if (strcmp(effect, "NONE") == 0)
		return;
	for (; *effect; effect++)
		snprintf(cell + strlen(cell), 2, "%c", *effect == '_' ? ' ' : *effect - 'A' + 'a');
	strcat(cell, " ");
}

Test(trace_format, each_event_stands_in_the_document)
{
	char row[400], effect[40];

	for (size_t i = 0; i < EVENTS; i++) {
		effect_write(events[i].effect, effect);
		snprintf(row, sizeof(row), "\n| %u | %s | %s |%s|%s| %s |\n", events[i].code,
			 events[i].name, events[i].jsonl, effect, events[i].inner ? " yes " : " ",
			 events[i].text);
		assert_stands(row);
	}
	snprintf(row, sizeof(row), "\n| %u + site |", TRACE_CODE_POLL);
	assert_stands(row);
	snprintf(row, sizeof(row), "\n| %u + site |", TRACE_CODE_SUBMIT);
	assert_stands(row);
	snprintf(row, sizeof(row), "\n| %u + site |", TRACE_CODE_HANDLE);
	assert_stands(row);
	snprintf(row, sizeof(row), "Codes from %u on\nare free.", TRACE_CODE_END);
	assert_stands(row);
}

Test(trace_format, the_document_has_no_other_events)
{
	const char *at = strstr(document, "| code | name | JSON name |");
	size_t rows = 0;

	cr_assert_not_null(at);
	for (at = strchr(at, '\n') + 1; *at == '|'; at = strchr(at, '\n') + 1)
		rows++;
	cr_assert_eq(rows,
		     1 + EVENTS + 3); /* the line below the head; polls, submissions, handles */
}

/* Codes are bits of the sets in trace_tables.h. */
Test(trace_format, sets_are_what_the_rows_say)
{
	for (size_t i = 0; i < EVENTS; i++) {
		uint32_t code = events[i].code;

		cr_assert_lt(code, TRACE_EVENT_CODES);
		cr_assert_eq(trace_code_is_inner(code), events[i].inner, "%s", events[i].name);
		cr_assert_eq(trace_code_nests(code), strcmp(events[i].effect, "NONE") != 0, "%s",
			     events[i].name);
		cr_assert_eq(trace_set_has(trace_crosses_set, code), trace_events[code].crosses);
		cr_assert_not(trace_code_is_inner(code) && trace_code_nests(code), "%s",
			      events[i].name);
		cr_assert_str_eq(trace_events[code].name, events[i].name);
	}
	cr_assert(trace_code_nests(TRACE_CODE_POLL) && trace_code_nests(TRACE_CODE_SUBMIT - 1));
	cr_assert_not(trace_code_nests(TRACE_CODE_POLL - 1) || trace_code_nests(TRACE_CODE_SUBMIT));
	cr_assert(trace_code_is_inner(TRACE_CODE_SUBMIT) &&
		  trace_code_is_inner(TRACE_CODE_HANDLE - 1));
	cr_assert_not(trace_code_is_inner(TRACE_CODE_HANDLE) || trace_code_is_inner(0));
}

/* The line of docs/jsonl.md that tells of an event; ends the test where there is none. */
static void jsonl_row(const char *text, const char *name, char *row, size_t bytes)
{
	char entry[100];

	snprintf(entry, sizeof(entry), "`%s`", name);
	for (const char *line = strstr(text, "## Events\n"); line; line = strchr(line, '\n')) {
		size_t length = strcspn(++line, "\n"),
		       first = length > 1 ? strcspn(line + 1, "|\n") + 1 : 0;

		snprintf(row, bytes, "%.*s", (int)length, line);
		if (*line == '|' && memmem(line, first, entry, strlen(entry)))
			return;
	}
	cr_assert_fail("docs/jsonl.md has no row of %s", entry);
}

Test(trace_format, each_json_name_stands_in_its_document)
{
	static const char *const others[] = {"PollStart", "RequestSubmit", "Unknown"};
	char *text = load("jsonl.md"), row[2000], key[100];

	for (size_t i = 0; i < EVENTS; i++) {
		jsonl_row(text, events[i].jsonl, row, sizeof(row));
		snprintf(key, sizeof(key), "`%s`", events[i].key);
		cr_assert(!*events[i].key || strstr(row, key),
			  "docs/jsonl.md does not say that %s has %s", events[i].jsonl, key);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		jsonl_row(text, others[i], row, sizeof(row));
	free(text);
}

Test(trace_format, roles_have_names)
{
	cr_assert_str_eq(trace_role_name(TRACE_ROLE_LOOP), "loop");
	cr_assert_str_eq(trace_role_name(TRACE_ROLE_POOL), "pool");
	cr_assert_str_eq(trace_role_name(TRACE_ROLE_OTHER), "other");
	cr_assert_null(trace_role_name(0));
	cr_assert_null(trace_role_name(TRACE_ROLE_OTHER + 1));
}

Test(trace_format, each_kind_stands_in_the_document)
{
	char entry[100];

	for (int kind = 1; kind < KIND_COUNT; kind++) {
		snprintf(entry, sizeof(entry), "`%s` %d", trace_kinds[kind].name, kind);
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
static size_t example_bytes(unsigned char *to, size_t capacity)
{
	const char *at = strstr(document, "```hex\n");
	size_t count = 0;

	cr_assert_not_null(at);
	for (at += 7; strncmp(at, "```", 3) != 0; at = strchr(at, '\n') + 1) {
		const char *remark = at + strcspn(at, ";\n");
		unsigned byte;
		int length;

		while (at < remark && sscanf(at, "%2x%n", &byte, &length) == 1) {
			cr_assert_lt(count, capacity);
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
	struct events found;

	cr_assert_eq(count, 328);
	assert_no_problem(trace);
	cr_assert_eq(trace->processes[0].pid, 4711);
	found = events_read(trace, 0, 0, 10, 0);
	assert_events(&found, expected, 8);
	free(found.list);
	trace_close(trace);
}
