/* SPDX-License-Identifier: Apache-2.0
 *
 * See cpython_lines.h. Formats: Objects/lnotab_notes.txt in the sources of CPython up to 3.10,
 * Objects/locations.md from 3.11 on.
 *
 * Rules: a table is read from its beginning, a byte at a time, and never beyond its end: what is
 * in it says nothing of how long that takes.
 */
#include "cpython_lines.h"

#include <stdbool.h>

#define TABLE_BYTES_MAX	 65536u
#define CHUNK_BYTES	 512u
#define LINE_MAX	 INT32_MAX
#define VARINT_SHIFT_MAX 30 /* no line number has more bits */

struct table {
	struct remote_memory *memory;
	uint64_t address, bytes, at;
	uint64_t chunk_at, chunk_bytes; /* which bytes of it are in `chunk` */
	uint8_t chunk[CHUNK_BYTES];
};

/* The byte that is next; -1: there is none. */
static int table_peek(struct table *table)
{
	uint64_t left = table->bytes - table->at;

	if (table->at - table->chunk_at >= table->chunk_bytes) {
		table->chunk_at = table->at;
		table->chunk_bytes = left < CHUNK_BYTES ? left : CHUNK_BYTES;
		if (!remote_read(table->memory, table->address + table->at, table->chunk,
				 table->chunk_bytes))
			table->chunk_bytes = table->bytes = table->at = 0;
	}
	return table->at < table->bytes ? table->chunk[table->at - table->chunk_at] : -1;
}

static int table_next(struct table *table)
{
	int byte = table_peek(table);

	table->at += byte >= 0;
	return byte;
}

/* ---- From 3.11 on ---------------------------------------------------------------------------- */

/* An entry: a byte 1CCCCLLL (C: its code, L + 1: units), and bytes with the highest bit clear. */
#define ENTRY_BEGIN	   128
#define ENTRY_UNITS	   7
#define CODE_OF(byte)	   ((byte) >> 3 & 15)
#define CODE_ONE_LINE	   10 /* to 12: so many lines on, less this */
#define CODE_ONE_LINE_LAST 12
#define CODE_NO_COLUMNS	   13
#define CODE_LONG	   14
#define CODE_NONE	   15

/* Six bits a byte, the lowest first; bit 0 of the whole is the sign. */
static int64_t signed_varint(struct table *table)
{
	uint64_t value = 0;
	int byte = 64;

	for (int shift = 0; (byte & 64) && shift <= VARINT_SHIFT_MAX; shift += 6) {
		byte = table_next(table);
		if (byte < 0)
			return 0;
		value |= (uint64_t)(byte & 63) << shift;
	}
	return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

static int64_t line_step(struct table *table, int code)
{
	if (code == CODE_NO_COLUMNS || code == CODE_LONG)
		return signed_varint(table);
	return code >= CODE_ONE_LINE && code <= CODE_ONE_LINE_LAST ? code - CODE_ONE_LINE : 0;
}

static int64_t line_of_locations(struct table *table, const struct cpython_lines *lines)
{
	int64_t line = lines->first_line, end = 0;
	int head, rest;

	while ((head = table_next(table)) >= 0 && (head & ENTRY_BEGIN)) {
		end += (head & ENTRY_UNITS) + 1;
		line += line_step(table, CODE_OF(head));
		if (end > lines->at)
			return CODE_OF(head) == CODE_NONE ? 0 : line;
		while ((rest = table_peek(table)) >= 0 && !(rest & ENTRY_BEGIN))
			table->at++;
	}
	return 0;
}

/* ---- 3.10: pairs of bytes, how far and how many lines on, which holds for that range ----------
 */

#define STEP_NO_LINE INT8_MIN

static int64_t line_of_ranges(struct table *table, const struct cpython_lines *lines)
{
	int64_t line = lines->first_line, end = 0;
	int bytes, step;

	while ((bytes = table_next(table)) >= 0 && (step = table_next(table)) >= 0) {
		bool has_line = (int8_t)step != STEP_NO_LINE;

		end += bytes;
		line += has_line ? (int8_t)step : 0;
		if (end > lines->at)
			return has_line ? line : 0;
	}
	return 0;
}

/* ---- Before: the same pairs; the line holds from there on ------------------------------------ */

static int64_t line_of_lnotab(struct table *table, const struct cpython_lines *lines)
{
	int64_t line = lines->first_line, start = 0;
	int bytes, step;

	while ((bytes = table_next(table)) >= 0 && (step = table_next(table)) >= 0) {
		start += bytes;
		if (start > lines->at)
			break;
		line += (int8_t)step;
	}
	return line;
}

/* ---- ----------------------------------------------------------------------------------------- */

uint32_t cpython_line(struct remote_memory *memory, const struct cpython_lines *lines)
{
	struct table table = {.memory = memory, .address = lines->address, .bytes = lines->bytes};
	uint32_t failed = memory->reads_failed;
	int64_t line;

	if (lines->at < -1 || lines->bytes > TABLE_BYTES_MAX)
		return 0;
	if (lines->at == -1)
		return lines->first_line;
	line = lines->version >= 311   ? line_of_locations(&table, lines)
	       : lines->version == 310 ? line_of_ranges(&table, lines)
				       : line_of_lnotab(&table, lines);
	return line > 0 && line <= LINE_MAX && memory->reads_failed == failed ? (uint32_t)line : 0;
}
