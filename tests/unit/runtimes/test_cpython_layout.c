/* SPDX-License-Identifier: Apache-2.0
 *
 * preload/runtimes/cpython_layout.c: which CPython's layout is known, and what is said of others.
 * cpython_lines.c: tables of lines that CPython 3.9, 3.10, 3.11 and 3.13 made, with the lines that
 * they told of them (co_lines(), dis.findlinestarts()).
 */
#include <criterion/criterion.h>
#include <string.h>

#include "python_memory.h"
#include "runtimes/cpython_lines.h"

static struct python_memory memory;
static char note[RUNTIME_NOTE_BYTES];

static void check_refused(uint32_t release, const char *expected)
{
	memory.release = release;
	note[0] = '\0';
	cr_assert_not(memory_choose(&memory, note), "%#x", release);
	cr_assert_str_eq(note, expected);
}

Test(cpython_layout, unknown_versions_are_refused)
{
	memory_begin(&memory, 311);
	check_refused(0x030700f0, "no names of Python functions for CPython 3.7");
	check_refused(0x03070000, "no names of Python functions for CPython 3.7");
	check_refused(0x030f00f0, "no names of Python functions for CPython 3.15");
	check_refused(0x04000000, "no names of Python functions for CPython 4.0");
	check_refused(0x030b00b3,
		      "no names of Python functions for CPython 3.11 before its release");
	check_refused(0x030d00a6,
		      "no names of Python functions for CPython 3.13 before its release");
}

Test(cpython_layout, candidates_and_releases_are_known)
{
	memory_begin(&memory, 311);
	memory.release = 0x030b00c2;
	cr_assert(memory_choose(&memory, note));
	memory.release = 0x030b0ff0;
	cr_assert(memory_choose(&memory, note));
	memory.release = 0x030b0000; /* from a file's name */
	cr_assert(memory_choose(&memory, note));
	cr_assert_eq(memory.python.layout.version, 311);
}

static void begin_313(void)
{
	memory_begin(&memory, 313);
	note[0] = '\0';
}

#define DOES_NOT_SAY "no names of Python functions: CPython 3.13 does not say where its data lies"

Test(cpython_layout, table_of_another_is_refused)
{
	begin_313();
	memory_put(&memory, memory.python.runtime, "y", 1);
	check_refused(memory.release, DOES_NOT_SAY);
	begin_313();
	memory_put_u64(&memory, memory.python.runtime + 8, 0x030e00f0);
	check_refused(memory.release, DOES_NOT_SAY);
	begin_313();
	memory.unreadable = MEMORY_BASE;
	check_refused(memory.release, "no names of Python functions: CPython 3.13 cannot be read");
}

Test(cpython_layout, build_without_the_lock_is_refused)
{
	begin_313();
	memory_put_u64(&memory, memory.python.runtime + 16, 1);
	check_refused(memory.release, "no names of Python functions: CPython 3.13 is built to run "
				      "without its lock (GIL)");
}

Test(cpython_layout, offsets_that_cannot_be_are_refused)
{
	for (uint64_t word = 3; word < MEMORY_WORDS; word++) {
		begin_313();
		uint64_t at = memory.python.runtime + 8 * word, value;

		memcpy(&value, memory.bytes + (at - MEMORY_BASE), sizeof(value));
		memory_put_u64(&memory, at, 1ull << 32);
		if (value != 0) /* one that is used */
			check_refused(memory.release, "no names of Python functions: CPython 3.13 "
						      "says what cannot be of where its data lies");
	}
}

Test(cpython_layout, words_of_the_table_are_taken)
{
	begin_313();
	cr_assert_eq(memory.python.layout.runtime_interpreters, 2000);
	cr_assert_eq(memory.python.layout.code_name, 128);
	cr_assert_eq(memory.python.layout.code_first_line, 68);
	cr_assert_eq(memory.python.layout.frame_owner, 70);
	cr_assert_eq(memory.python.layout.text_other, 56);
	cr_assert_eq(memory.python.layout.cframe_frame, CPYTHON_NONE);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* Up to `end` bytes of instructions there is this line; 0: none. */
struct range {
	uint16_t end, line;
};

static const uint8_t lnotab[] = {0, 2,	 2,  1,	  2,  255, 2, 2, 2,  254, 4,  3,   4,  1,
				 2, 1,	 2,  255, 4,  2,   8, 1, 14, 1,	  14, 1,   16, 2,
				 4, 254, 14, 2,	  12, 1,   6, 1, 34, 127, 0,  127, 0,  48};
static const struct range lnotab_ranges[] = {{2, 4},	{4, 5},	   {6, 4},    {8, 6},	 {12, 4},
					     {16, 7},	{18, 8},   {20, 9},   {24, 8},	 {32, 10},
					     {46, 11},	{60, 12},  {76, 13},  {80, 15},	 {94, 13},
					     {106, 15}, {112, 16}, {146, 17}, {150, 319}};

static const uint8_t linetable[] = {
    2,	2,   2,	  1,   2, 255, 2, 2,  4, 254, 4,   3,	2,   1,	  2,   1,   4, 255, 8, 2, 10,
    1,	4,   255, 14,  2, 16,  1, 6,  2, 8,   128, 2,	253, 2,	  254, 12,  5, 6,   1, 6, 1,
    10, 255, 0,	  127, 0, 127, 4, 49, 0, 129, 0,   129, 16,  207, 0,   127, 0, 127, 4, 49};
static const struct range linetable_ranges[] = {
    {2, 4},    {4, 5},	   {6, 4},    {8, 6},	 {12, 4},   {16, 7},   {18, 8},
    {20, 9},   {24, 8},	   {32, 10},  {42, 11},	 {46, 10},  {60, 12},  {76, 13},
    {82, 15},  {90, 0},	   {92, 12},  {94, 10},	 {106, 15}, {112, 16}, {118, 17},
    {128, 16}, {132, 319}, {148, 16}, {152, 319}};

static const uint8_t locations_311[] = {
    128, 0, 224, 9,   10,  216, 9,   10,  241, 3,  1,	10,  11,  224, 11,  12,	 241,
    5,	 2, 10,	 13,  128, 65,	240, 6,	  8,   5,  14,	216, 13,  14,  216, 13,	 14,
    240, 3, 1,	 13,  16,  136, 1,   224, 17,  18, 240, 0,   1,	  9,   19,  240, 0,
    1,	 9, 19,	 136, 65,  216, 12,  13,  144, 17, 137, 70,  136, 65,  136, 65,	 240,
    3,	 1, 9,	 19,  248, 229, 11,  21,  240, 0,  1,	5,   17};
static const struct range locations_311_ranges[] = {
    {2, 2},  {4, 4},  {6, 5},	{10, 4},  {12, 6},  {18, 4}, {20, 7}, {22, 8},
    {24, 9}, {28, 8}, {36, 10}, {48, 11}, {50, 10}, {52, 0}, {66, 12}};

static const uint8_t locations_313[] = {
    128, 0,   224, 9,	10,  216, 9,  10, 241, 3,   1,	 10,  11, 224, 11,  12,	 241, 5,
    2,	 10,  13,  128, 65,  240, 6,  8,  5,   14,  216, 13,  14, 216, 13,  14,	 240, 3,
    1,	 13,  16,  136, 1,   227, 17, 18, 136, 65,  216, 12,  13, 137, 70,  138, 65,  242,
    3,	 0,   18,  19,	240, 10,  0,  13, 14,  136, 1,	 217, 9,  10,  136, 97,	 216, 12,
    13,	 136, 1,   247, 3,   0,	  10, 11, 240, 94,  9,	 0,   12, 13,  128, 72,	 248, 244,
    103, 9,   0,   12,	22,  243, 0,  1,  5,   17,  216, 15,  16, 140, 8,   224, 12,  13,
    137, 1,   251, 240, 7,   1,	  5,  17, 251, 240, 6,	 0,   13, 14,  137, 1,	 250, 223,
    9,	 10,  140, 17,	240, 94,  9,  0,  12,  13,  128, 72,  250};
static const struct range locations_313_ranges[] = {
    {2, 2},   {4, 4},	 {6, 5},   {10, 4},   {12, 6},	  {18, 4},   {20, 7},  {22, 8},
    {24, 9},  {28, 8},	 {38, 10}, {50, 11},  {56, 10},	  {60, 15},  {66, 16}, {70, 17},
    {86, 16}, {90, 319}, {92, 0},  {110, 12}, {122, 13},  {128, 15}, {136, 0}, {138, 12},
    {146, 0}, {152, 15}, {158, 0}, {184, 16}, {188, 319}, {194, 0}};

static uint32_t line_at(uint16_t version, const void *table, uint32_t bytes, int64_t at)
{
	static struct remote_memory remote;
	struct cpython_lines lines = {
	    .version = version, .address = MEMORY_BASE, .bytes = bytes, .first_line = 2, .at = at};

	memcpy(memory.bytes, table, bytes);
	memory_read = &memory;
	remote_init(&remote, 1, memory_source);
	return cpython_line(&remote, &lines);
}

static void check_lines(uint16_t version, const uint8_t *table, uint32_t bytes,
			const struct range *ranges, size_t count)
{
	uint32_t at = 0;

	for (size_t i = 0; i < count; i++)
		for (; at < ranges[i].end; at += 2)
			cr_assert_eq(line_at(version, table, bytes, version >= 311 ? at / 2 : at),
				     ranges[i].line, "%u: %u is at %u, not %u", version, at,
				     line_at(version, table, bytes, version >= 311 ? at / 2 : at),
				     ranges[i].line);
	cr_assert_eq(line_at(version, table, bytes, -1), 2);
	cr_assert_eq(line_at(version, table, bytes, -2), 0);
}

#define CHECK_LINES(version, table)                                                                \
	check_lines(version, table, sizeof(table), table##_ranges,                                 \
		    sizeof(table##_ranges) / sizeof(table##_ranges[0]))

Test(cpython_lines, are_those_that_python_tells)
{
	CHECK_LINES(308, lnotab);
	CHECK_LINES(309, lnotab);
	CHECK_LINES(310, linetable);
	CHECK_LINES(311, locations_311);
	CHECK_LINES(313, locations_313);
}

Test(cpython_lines, end_of_the_table_has_none)
{
	cr_assert_eq(line_at(313, locations_313, sizeof(locations_313), 97), 0);
	cr_assert_eq(line_at(310, linetable, sizeof(linetable), 152), 0);
	cr_assert_eq(line_at(313, locations_313, 0, 0), 0);
}

/* It does not begin with an entry; numbers without an end; lines below 1. */
Test(cpython_lines, damaged_tables_have_none)
{
	static uint8_t endless[4096];
	const uint8_t no_entry[] = {5, 6, 7}, before[] = {0x80 | 13 << 3, 63};

	cr_assert_eq(line_at(312, no_entry, sizeof(no_entry), 0), 0);
	cr_assert_eq(line_at(312, before, sizeof(before), 0), 0);
	memset(endless, 0x7f, sizeof(endless));
	endless[0] = 0x80 | 13 << 3;
	cr_assert_leq(line_at(312, endless, sizeof(endless), 0), INT32_MAX);
	cr_assert_eq(line_at(312, endless, sizeof(endless), 1), 0);
}

/* A table may be larger than what is read at once. */
Test(cpython_lines, are_found_far_into_a_table)
{
	static uint8_t table[6000];

	for (size_t i = 0; i < sizeof(table); i += 2) {
		table[i] = 0x80 | 13 << 3;
		table[i + 1] = 2;
	}
	cr_assert_eq(line_at(312, table, sizeof(table), 2999), 3002);
	cr_assert_eq(line_at(312, table, 5998, 2999), 0);
}

Test(cpython_lines, table_that_cannot_be_read_has_none)
{
	static uint8_t table[8192];

	for (size_t i = 0; i < sizeof(table); i += 2)
		table[i] = table[i + 1] = 2;
	cr_assert_eq(line_at(309, table, sizeof(table), 8000), 2 + 2 * 4000);
	memory.unreadable = MEMORY_BASE + REMOTE_PAGE_BYTES;
	cr_assert_eq(line_at(309, table, sizeof(table), 8000), 0);
}
