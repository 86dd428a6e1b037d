/* SPDX-License-Identifier: Apache-2.0
 *
 * Aligned tables of text that fit a width, and the small pieces of text that reports are made of.
 *
 * Rules: widths are counted in characters (UTF-8), not bytes. What does not fit is shortened in its
 * middle, in the columns that say they may be. Cells are copied and cleaned: a trace may hold
 * anything.
 */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define REPORT_WIDTH	   100
#define REPORT_COUNT_BYTES 32

struct table_column {
	const char *title;
	bool right;   /* aligned to the right: numbers */
	int flexible; /* 0: never shortened; 1: may be; 2: before all others, and left out rather
			 than cut to nothing */
};

struct table {
	const struct table_column *columns;
	size_t column_count;
	char **cells;
	size_t cell_count;
	bool failed; /* memory was out: some cells are missing */
};

void table_begin(struct table *table, const struct table_column *columns, size_t column_count);
/* The next cell, row by row. */
void table_add(struct table *table, const char *text);
void table_add_duration(struct table *table, uint64_t ns);
void table_add_count(struct table *table, uint64_t count);
void table_add_percent(struct table *table, double fraction);
/* Prints it, two blanks in from the left (nothing where there are no rows), and frees it. Returns
 * -ENOMEM where something is missing. */
int table_print(struct table *table, FILE *out, size_t width);

/* What stands behind a word of which there are so many, and one of two words. */
static inline const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static inline const char *by_count(uint64_t count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}

/* A copy without control characters and without what is not UTF-8, each become a '?'. NULL: no
 * memory. */
char *report_clean(const char *text);
/* Prints text, broken at blanks into lines that fit the width; all but the first are set in. */
void report_paragraph(FILE *out, size_t width, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* 1,234,567, or 12.3 M from ten million on. Returns text. */
const char *report_count(uint64_t count, char text[REPORT_COUNT_BYTES]);

#endif
