/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and paths of CPython's functions: of every width of characters, too long, and none.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <uchar.h>

#include "python_memory.h"

static struct python_memory memory;
static struct script_stack stack;

static const char *name_told(uint64_t name, uint64_t file)
{
	memory.last = 0;
	memory_add_frame(&memory, memory_add_code(&memory, name, file, 1), 0, true);
	memory_walk(&memory, &stack, NULL);
	cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE);
	cr_assert_eq(stack.count, 1);
	return stack.text + stack.frames[0].function;
}

static const char *file_told(uint64_t file)
{
	name_told(memory_add_ascii(&memory, "f"), file);
	return stack.text + stack.frames[0].file;
}

#define EACH_VERSION(version)                                                                      \
	for (uint16_t i_ = 0, version; i_ < MEMORY_VERSIONS && (version = memory_versions[i_], 1); \
	     i_++)

Test(cpython_texts, characters_of_every_width_become_utf8)
{
	EACH_VERSION(version)
	{
		memory_begin(&memory, version);
		uint64_t file = memory_add_ascii(&memory, "f.py");

		cr_assert_str_eq(name_told(memory_add_text(&memory,
							   "gr\xf6\xdf"
							   "e",
							   5, 1, false),
					   file),
				 "größe");
		cr_assert_str_eq(name_told(memory_add_text(&memory, u"内f", 2, 2, false), file),
				 "内f");
		cr_assert_str_eq(name_told(memory_add_text(&memory, U"𝒳é", 2, 4, false), file),
				 "𝒳é");
	}
}

Test(cpython_texts, control_characters_and_halves_become_question_marks)
{
	memory_begin(&memory, 312);
	uint64_t file = memory_add_ascii(&memory, "f.py");
	const uint16_t half[] = {'a', 0xd800, 'b'};

	cr_assert_str_eq(name_told(memory_add_text(&memory,
						   "a\n\0\x7f"
						   "b",
						   5, 1, true),
				   file),
			 "a???b");
	cr_assert_str_eq(name_told(memory_add_text(&memory, half, 3, 2, false), file), "a?b");
}

/* An instance of another class, an old str that is not compact, one that says it has 2^40
 * characters, one without any, and of widths that there are none of. */
Test(cpython_texts, what_is_no_str_is_an_unreadable_name)
{
	EACH_VERSION(version)
	{
		const struct cpython_layout *layout = &memory.python.layout;
		uint64_t texts[6], file;

		memory_begin(&memory, version);
		file = memory_add_ascii(&memory, "f.py");
		for (size_t i = 0; i < 6; i++)
			texts[i] = memory_add_ascii(&memory, "secret");
		memory_put_u64(&memory, texts[0] + 8, memory.python.bytes_type);
		memory_put_u32(&memory, texts[1] + layout->text_state, 1 << 2 | 1 << 6);
		memory_put_u64(&memory, texts[2] + layout->text_length, 1ull << 40);
		memory_put_u64(&memory, texts[3] + layout->text_length, 0);
		memory_put_u32(&memory, texts[4] + layout->text_state, 3 << 2 | 1 << 5);
		memory_put_u32(&memory, texts[5] + layout->text_state, 2 << 2 | 3 << 5);
		for (size_t i = 0; i < 6; i++) {
			cr_assert_str_eq(name_told(texts[i], file), "", "%zu", i);
			cr_assert(stack.frames[0].flags & TRACE_SCRIPT_UNREADABLE);
			cr_assert_str_eq(stack.text + stack.frames[0].file, "f.py");
		}
	}
}

Test(cpython_texts, long_names_lose_their_end)
{
	char name[400], expected[SCRIPT_FUNCTION_BYTES_MAX];

	memory_begin(&memory, 311);
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = (char)('a' + i % 26);
	memcpy(expected, name, sizeof(expected));
	expected[sizeof(expected) - 1] = '\0';
	cr_assert_str_eq(name_told(memory_add_text(&memory, name, sizeof(name), 1, true),
				   memory_add_ascii(&memory, "f.py")),
			 expected);
}

/* Up to what fits they are whole. */
Test(cpython_texts, long_paths_lose_their_beginning)
{
	char path[SCRIPT_FILE_BYTES_MAX + 1], expected[SCRIPT_FILE_BYTES_MAX + 8];

	memory_begin(&memory, 311);
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = (char)('a' + i % 26);
	path[SCRIPT_FILE_BYTES_MAX - 1] = '\0';
	cr_assert_str_eq(file_told(memory_add_ascii(&memory, path)), path);
	path[SCRIPT_FILE_BYTES_MAX - 1] = 'q';
	path[SCRIPT_FILE_BYTES_MAX] = '\0';
	snprintf(expected, sizeof(expected), "…%s", path + 4);
	cr_assert_str_eq(file_told(memory_add_ascii(&memory, path)), expected);
}

/* A path of two-byte characters that are three bytes in UTF-8: as many as fit. */
Test(cpython_texts, long_paths_are_cut_between_characters)
{
	char16_t path[200];
	const char *told;

	memory_begin(&memory, 311);
	for (size_t i = 0; i < 200; i++)
		path[i] = u'内';
	path[199] = 'z';
	told = file_told(memory_add_text(&memory, path, 200, 2, false));
	cr_assert_eq(strncmp(told, "…内内", 9), 0);
	cr_assert_str_eq(told + strlen(told) - 4, "内z");
	cr_assert_eq(strlen(told), SCRIPT_FILE_BYTES_MAX - 1);
}
