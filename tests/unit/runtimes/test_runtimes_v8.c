/* SPDX-License-Identifier: Apache-2.0
 *
 * V8's layout, strings and tables of positions, in a heap that is made by hand (v8_heap_helper.h).
 */
#include <criterion/criterion.h>

#include "v8_heap_helper.h"

TestSuite(v8_layout, .init = heap_begin);
TestSuite(v8_strings, .init = heap_begin);
TestSuite(v8_positions, .init = heap_begin);

/* ---- Layout ---------------------------------------------------------------------------------- */

Test(v8_layout, a_version_that_is_not_listed_has_functions_alone)
{
	bool opened;
	const char *note;

	heap_symbols[1].value = 99;
	note = heap_layout(&opened);
	cr_assert(opened);
	cr_assert_not(v8_layout.has_lines);
	cr_assert_eq(v8_layout.type_sfi, TYPE_SFI);
	cr_assert_not_null(note);
	cr_assert_not_null(strstr(note, "no lines"));
	cr_assert_not_null(strstr(note, "V8 12.99"));
}

Test(v8_layout, compressed_pointers_are_refused)
{
	bool opened;
	const char *note;

	heap_symbols[2].value = 4;
	note = heap_layout(&opened);
	cr_assert_not(opened);
	cr_assert_not_null(note);
	cr_assert_not_null(strstr(note, "compressed pointers"));
}

Test(v8_layout, what_is_needed_and_is_not_exported_is_said)
{
	bool opened;
	const char *note;

	heap_symbols[7].name = DBG "something_else";
	note = heap_layout(&opened);
	cr_assert_not(opened);
	cr_assert_not_null(note);
	cr_assert_not_null(strstr(note, "V8 12.4 does not tell its layout"));
}

Test(v8_layout, what_is_exported_goes_before_the_table)
{
	bool opened;

	heap_symbols[19] = (struct image_symbol){DBG "CodeKindBaseline", 12};
	cr_assert_null(heap_layout(&opened));
	cr_assert_eq(v8_layout.kind_baseline, 12);
	cr_assert_eq(v8_layout.code_start, 40); /* the table's */
}

Test(v8_layout, a_number_that_is_none_is_not_taken)
{
	bool opened;

	heap_symbols[7].value = -1;
	cr_assert_not_null(heap_layout(&opened));
	cr_assert_not(opened);
	heap_symbols[7].value = 1 << 16;
	cr_assert_not_null(heap_layout(&opened));
	cr_assert_not(opened);
}

/* ---- Strings --------------------------------------------------------------------------------- */

static const char *text_of(uint64_t string)
{
	static char text[SCRIPT_FUNCTION_BYTES_MAX];

	remote_forget(&heap_memory);
	return v8_string(&heap_memory, string, text, sizeof(text)) ? text : NULL;
}

Test(v8_strings, of_one_and_two_bytes)
{
	const uint16_t two[] = {'n', 0xef, 0x3c0, 0xd83d, 0xde00, 0xd800, 'x', 7};

	cr_assert_str_eq(text_of(heap_string("renderPage")), "renderPage");
	cr_assert_str_eq(text_of(heap_string_of(TYPE_ONE_BYTE, "na\xefve", 5, 1)), "naïve");
	cr_assert_str_eq(text_of(heap_string_of(TYPE_TWO_BYTE, two, 8, 2)), "nïπ😀?x?");
	cr_assert_str_eq(text_of(heap_string_of(0, two, 1, 2)), "n");
}

Test(v8_strings, of_others)
{
	uint64_t a = heap_string("Module."), b = heap_string("_compile"), cons, text;

	cons = heap_string_made(TAG_CONS, 15, a, b);
	cr_assert_str_eq(text_of(cons), "Module._compile");
	cr_assert_str_eq(text_of(heap_string_made(TAG_THIN, 15, cons, 0)), "Module._compile");
	cr_assert_str_eq(text_of(heap_string_made(TAG_SLICED, 6, cons, smi(5))), "e._com");
	text = heap_take(2);
	memcpy(heap_at(text, 0), "outside", 7);
	cr_assert_str_eq(text_of(heap_string_made(TAG_EXTERNAL, 7, 0, text - 1)), "outside");
}

Test(v8_strings, that_are_too_long_are_cut)
{
	static char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	cr_assert_eq(strlen(text_of(heap_string(text))), SCRIPT_FUNCTION_BYTES_MAX - 1);
}

Test(v8_strings, that_are_damaged_are_none)
{
	uint64_t a = heap_string("a"), cons = heap_string_made(TAG_CONS, 100, a, a), uncached;
	uint32_t length = 1u << 30;

	cr_assert_null(text_of(0));
	cr_assert_null(text_of(smi(7)));
	cr_assert_null(text_of(a + 1));
	cr_assert_null(text_of(heap_object(TYPE_SFI, 4)));
	cr_assert_null(text_of(0x10001));
	*heap_at(cons, 16) = cons; /* of itself */
	cr_assert_null(text_of(cons));
	cr_assert_null(text_of(heap_string_made(TAG_SLICED, 6, a, smi(-5))));
	cr_assert_null(text_of(heap_string_made(TAG_SLICED, 6, a, smi(50))));
	uncached = heap_string_made(TAG_EXTERNAL | 16, 6, 0, HEAP_BASE);
	cr_assert_null(text_of(uncached));
	memcpy((uint8_t *)heap_at(a, 0) + 12, &length, 4);
	cr_assert_null(text_of(a));
}

/* V8 has copied it and left the address of the copy in place of the map. */
Test(v8_strings, that_are_being_moved_are_read)
{
	uint64_t old = heap_string("moved"), copy = heap_string("moved");

	*heap_at(old, 0) = copy - 1;
	cr_assert_str_eq(text_of(old), "moved");
	*heap_at(old, 0) = heap_object(TYPE_SFI, 4) - 1;
	cr_assert_null(text_of(old));
}

/* V8 has not copied the one that leads to it: what lies there is no text. */
Test(v8_strings, that_led_to_others_are_those_when_they_are_moved)
{
	uint64_t name = heap_string("/app.js"), copy = heap_string("/app.js");
	uint64_t thin = heap_string_made(TAG_THIN, 7, name, 0);
	uint64_t both = heap_string_made(TAG_CONS, 11, thin, heap_string(":12 "));

	*heap_at(thin, 0) = name - 1;
	cr_assert_str_eq(text_of(thin), "/app.js");
	cr_assert_str_eq(text_of(both), "/app.js:12 ");
	*heap_at(name, 0) = copy - 1;
	memset(heap_at(name, 16), '?', 7);
	cr_assert_str_eq(text_of(thin), "/app.js");
	*heap_at(copy, 0) = thin - 1; /* in a circle */
	cr_assert_null(text_of(thin));
}

/* ---- Functions ------------------------------------------------------------------------------- */

Test(v8_strings, a_function_has_a_name_a_file_and_a_place)
{
	struct v8_function function;
	uint64_t script = heap_script("/app.js", "text"), bytecodes = heap_bytecodes(8, 0);
	uint64_t sfi = heap_sfi("render", 42, script, bytecodes);

	cr_assert(v8_function_read(&heap_memory, sfi, &function));
	cr_assert_str_eq(function.name, "render");
	cr_assert_str_eq(function.file, "/app.js");
	cr_assert_eq(function.start, 42);
	cr_assert_eq(function.bytecodes, bytecodes);
	cr_assert_eq(function.flags, 0);
	cr_assert_not(v8_function_read(&heap_memory, script, &function));
}

Test(v8_strings, a_function_without_a_name_has_what_it_was_assigned_to)
{
	struct v8_function function;
	uint64_t sfi = heap_sfi("", 42, 0, 0), scope = *heap_at(sfi, 16);

	*heap_at(scope, 8) = smi(1 << 12 | 1 << 14);
	*heap_at(scope, 48) = heap_string("Timeout.next");
	*heap_at(scope, 56) = smi(11);
	cr_assert(v8_function_read(&heap_memory, sfi, &function));
	cr_assert_str_eq(function.name, "Timeout.next");
	cr_assert_eq(function.flags, TRACE_SCRIPT_INFERRED);
	cr_assert_eq(function.start, 11);
}

Test(v8_strings, a_scope_that_is_damaged_makes_a_function_unreadable)
{
	struct v8_function function;
	uint64_t sfi = heap_sfi("render", 42, 0, 0), scope = *heap_at(sfi, 16);

	*heap_at(scope, 24) = smi(1 << 21); /* so many variables */
	cr_assert(v8_function_read(&heap_memory, sfi, &function));
	cr_assert_str_eq(function.name, "");
	cr_assert_eq(function.flags, TRACE_SCRIPT_UNREADABLE);
	*heap_at(scope, 24) = smi(1 << 19); /* they would lie outside */
	cr_assert(v8_function_read(&heap_memory, sfi, &function));
	cr_assert_eq(function.flags, TRACE_SCRIPT_UNREADABLE);
}

/* ---- Positions ------------------------------------------------------------------------------- */

static int32_t position_at(uint32_t length, uint64_t table, int64_t offset)
{
	uint64_t bytecodes = heap_bytecodes(length, table);

	remote_forget(&heap_memory);
	return v8_position_of_bytecode(&heap_memory, bytecodes, offset);
}

Test(v8_positions, are_those_of_the_last_entry_before)
{
	uint64_t table;

	table_begin();
	table_step(1, 100, -1); /* at 0: counting begins at -1 */
	table_step(5, 70, -1);
	table_step(300, 1000000, -1);
	table = heap_table();
	cr_assert_eq(position_at(400, table, 0), 100);
	cr_assert_eq(position_at(400, table, 4), 100);
	cr_assert_eq(position_at(400, table, 5), 70);
	cr_assert_eq(position_at(400, table, 304), 70);
	cr_assert_eq(position_at(400, table, 305), 1000000);
}

/* Of another version it is coded in another way: it shows where the steps lead out of the code. */
Test(v8_positions, of_a_table_that_leads_out_of_the_code_are_none)
{
	uint64_t table;

	table_begin();
	table_step(1, 100, -1);
	table_step(20, 70, -1);
	table = heap_table();
	cr_assert_eq(position_at(20, table, 3), -1);
	cr_assert_eq(position_at(21, table, 3), 100);
}

Test(v8_positions, of_a_table_that_was_cut_are_none)
{
	table_begin();
	table_step(1, 100, -1);
	table_step(20, 70, -1);
	table_used--;
	cr_assert_eq(position_at(100, heap_table(), 3), -1);
	table_bytes[0] |= 0x80;
	table_used = 1;
	cr_assert_eq(position_at(100, heap_table(), 3), -1);
}

Test(v8_positions, of_what_is_no_table_are_none)
{
	uint64_t table;

	table_begin();
	table_step(1, 100, -1);
	table = heap_table();
	cr_assert_eq(position_at(100, heap_string("abc"), 3), -1);
	cr_assert_eq(position_at(100, 0, 3), -1);
	*heap_at(table, 8) = smi(1 << 21);
	cr_assert_eq(position_at(100, table, 3), -1);
	*heap_at(table, 8) = smi(-1);
	cr_assert_eq(position_at(100, table, 3), -1);
}

Test(v8_positions, of_a_version_that_is_not_listed_are_none)
{
	table_begin();
	table_step(1, 100, -1);
	v8_layout.has_lines = false;
	cr_assert_eq(position_at(100, heap_table(), 3), -1);
}
