/* SPDX-License-Identifier: Apache-2.0
 *
 * What reports are printed with: clean text, counts, sentences and tables that fit a width.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report_table.h"
#include "print_helper.h"

Test(report_table, cleans_text)
{
	static const char *const cases[][2] = {
	    {"on_timer", "on_timer"},
	    {"µs …", "µs …"},
	    {"a\x1b[31mb\n\t\x7f", "a?[31mb???"},
	    {"\xff\xc3-\xe2\x82", "\?\?-\?\?"},
	    {"\xc0\xaf\xed\xa0\x80", "?????"},
	    {"\xc2\x9b"
	     "31m",
	     "?31m"},
	    {"\xf0\x9f\x90\x9b", "\xf0\x9f\x90\x9b"},
	    {"", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *clean = report_clean(cases[i][0]);
		cr_assert_str_eq(clean, cases[i][1]);
		free(clean);
	}
}

Test(report_table, prints_counts)
{
	char text[REPORT_COUNT_BYTES];

	cr_assert_str_eq(report_count(0, text), "0");
	cr_assert_str_eq(report_count(999, text), "999");
	cr_assert_str_eq(report_count(1000, text), "1,000");
	cr_assert_str_eq(report_count(9999999, text), "9,999,999");
	cr_assert_str_eq(report_count(12345678, text), "12.3 M");
	cr_assert_str_eq(report_count(UINT64_MAX, text), "18446744073710 M");
}

Test(report_table, breaks_sentences_at_blanks)
{
	printing();
	report_paragraph(out, 20, "%s", "one two three four five six");
	report_paragraph(out, 20, "%s", "averyveryverylongwordthatdoesnotfit at all");
	report_paragraph(out, 20, "%s", "12345678901234567890");
	cr_assert_str_eq(what_was_printed(), "one two three four\n  five six\n"
					     "averyveryverylongwordthatdoesnotfit\n  at all\n"
					     "12345678901234567890\n");
	free(printed);
}

static void print_table(size_t width, const char *name, const char *caller)
{
	static const struct table_column columns[] = {
	    {"n", true, 0}, {"callback", false, 1}, {"registered by", false, 2}};
	struct table table;

	table_begin(&table, columns, 3);
	table_add(&table, "1");
	table_add(&table, name);
	table_add(&table, caller);
	printing();
	cr_assert_eq(table_print(&table, out, width), 0);
	what_was_printed();
}

Test(report_table, shortens_tables_where_it_hurts_least)
{
	print_table(100, "on_timer demo.c:1", "main demo.c:2");
	cr_assert_str_eq(
	    printed,
	    "  n  callback           registered by\n  1  on_timer demo.c:1  main demo.c:2\n");
	free(printed);
	print_table(40, "on_timer_µ demo.c:1", "a_very_long_function_name demo.c:2");
	cr_assert_str_eq(printed, "  n  callback\n  1  on_timer_µ demo.c:1\n", "%s", printed);
	free(printed);
	print_table(25, "a_very_long_function_name demo.c:2", "main");
	cr_assert_str_eq(printed, "  n  callback\n  1  a_very_lon… demo.c:2\n", "%s", printed);
	free(printed);
	print_table(25, "some_function (some_long_library.so)", "main");
	cr_assert_str_eq(printed, "  n  callback\n  1  some_function\n", "%s", printed);
	free(printed);
}

Test(report_table, prints_no_table_without_rows)
{
	static const struct table_column columns[] = {{"n", true, 0}};
	struct table table;

	table_begin(&table, columns, 1);
	printing();
	cr_assert_eq(table_print(&table, out, 80), 0);
	cr_assert_str_empty(what_was_printed());
	free(printed);
}
