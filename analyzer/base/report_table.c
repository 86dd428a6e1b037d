/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables and pieces of text; see report_table.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "durations.h"
#include "report_table.h"

#define INDENT	     2
#define GAP	     2
#define FLEXIBLE_MIN 12
#define HIDDEN_BELOW 20 /* a column that may be left out is, rather than be narrower than this */
#define SHORT_HEAD   6	/* so much of the beginning is kept, and the ellipsis */
#define ELLIPSIS     "…"

/* ---- Characters ------------------------------------------------------------------------------ */

/* Bytes of the well-formed UTF-8 character at `text`, 0 where there is none (RFC 3629). */
static size_t character_bytes(const unsigned char *text)
{
	size_t bytes = text[0] < 0x80	? 1
		       : text[0] < 0xc2 ? 0
		       : text[0] < 0xe0 ? 2
		       : text[0] < 0xf0 ? 3
		       : text[0] < 0xf5 ? 4
					: 0;

	for (size_t i = 1; i < bytes; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return bytes;
}

/* Also the C1 controls, which some terminals obey. */
static bool character_is_control(const unsigned char *text)
{
	return text[0] < 0x20 || text[0] == 0x7f || (text[0] == 0xc2 && text[1] < 0xa0);
}

char *report_clean(const char *text)
{
	const unsigned char *from = (const unsigned char *)text;
	char *clean = malloc(strlen(text) + 1), *to = clean;

	while (clean && *from) {
		size_t bytes = character_bytes(from);
		if (bytes == 0 || character_is_control(from)) {
			*to++ = '?';
			from += bytes ? bytes : 1;
			continue;
		}
		memcpy(to, from, bytes);
		to += bytes;
		from += bytes;
	}
	if (clean)
		*to = '\0';
	return clean;
}

static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* The byte at which the character number `at` begins. */
static size_t text_offset(const char *text, size_t at)
{
	size_t offset = 0;

	for (; text[offset]; offset++) {
		if (((unsigned char)text[offset] & 0xc0) != 0x80 && at-- == 0)
			break;
	}
	return offset;
}

const char *report_count(uint64_t count, char text[REPORT_COUNT_BYTES])
{
	if (count >= 10000000)
		snprintf(text, REPORT_COUNT_BYTES, count < 1000000000 ? "%.1f M" : "%.0f M",
			 (double)count / 1e6);
	else if (count >= 1000000)
		snprintf(text, REPORT_COUNT_BYTES, "%" PRIu64 ",%03" PRIu64 ",%03" PRIu64,
			 count / 1000000, count / 1000 % 1000, count % 1000);
	else if (count >= 1000)
		snprintf(text, REPORT_COUNT_BYTES, "%" PRIu64 ",%03" PRIu64, count / 1000,
			 count % 1000);
	else
		snprintf(text, REPORT_COUNT_BYTES, "%" PRIu64, count);
	return text;
}

/* ---- Tables ---------------------------------------------------------------------------------- */

void table_begin(struct table *table, const struct table_column *columns, size_t column_count)
{
	*table = (struct table){.columns = columns, .column_count = column_count};
}

void table_add(struct table *table, const char *text)
{
	if ((table->cell_count & (table->cell_count - 1)) == 0) {
		size_t capacity = table->cell_count ? table->cell_count * 2 : 1;
		char **cells = realloc(table->cells, capacity * sizeof(*cells));
		if (!cells) {
			table->failed = true;
			return;
		}
		table->cells = cells;
	}
	char *clean = report_clean(text);
	if (clean)
		table->cells[table->cell_count++] = clean;
	else
		table->failed = true;
}

void table_add_duration(struct table *table, uint64_t ns)
{
	char text[DURATION_TEXT_BYTES];

	table_add(table, duration_format(ns, text));
}

void table_add_count(struct table *table, uint64_t count)
{
	char text[REPORT_COUNT_BYTES];

	table_add(table, report_count(count, text));
}

void table_add_percent(struct table *table, double fraction)
{
	char text[32];

	snprintf(text, sizeof(text), "%.1f%%", fraction * 100);
	table_add(table, text);
}

static size_t widths_measure(const struct table *table, size_t *widths)
{
	size_t total = INDENT + GAP * (table->column_count - 1);

	for (size_t column = 0; column < table->column_count; column++) {
		widths[column] = text_width(table->columns[column].title);
		for (size_t cell = column; cell < table->cell_count; cell += table->column_count) {
			size_t width = text_width(table->cells[cell]);
			widths[column] = width > widths[column] ? width : widths[column];
		}
		total += widths[column];
	}
	return total;
}

/* The column to take from next, column_count where there is none. */
static size_t column_to_shorten(const struct table *table, const size_t *widths)
{
	size_t best = table->column_count;

	for (size_t i = 0; i < table->column_count; i++) {
		int flexible = table->columns[i].flexible;
		if (!flexible || widths[i] <= (flexible > 1 ? 0 : FLEXIBLE_MIN))
			continue;
		if (best == table->column_count || flexible > table->columns[best].flexible ||
		    (flexible == table->columns[best].flexible && widths[i] > widths[best]))
			best = i;
	}
	return best;
}

/* A column that would be too narrow to say anything is left out: its width is 0. */
static void widths_fit(const struct table *table, size_t *widths, size_t total, size_t width)
{
	while (total > width) {
		size_t column = column_to_shorten(table, widths);
		if (column == table->column_count)
			return;
		bool hidden = table->columns[column].flexible > 1 && widths[column] <= HIDDEN_BELOW;
		size_t taken = hidden ? widths[column] + GAP : 1;
		total = total > taken ? total - taken : 0;
		widths[column] = hidden ? 0 : widths[column] - 1;
	}
}

/* What stays of a text that is too wide: where in the source it is ("name file:line"), but not in
 * which module
 * ("name (module)"), and as much of the name as there is room for. */
static void cell_print_short(FILE *out, const char *text, size_t width, bool last)
{
	const char *space = strrchr(text, ' ');
	size_t all = text_width(text), tail = width / 3;

	if (space && space > text && space[1] == '(') {
		all -= text_width(space);
		if (all <= width) {
			fprintf(out, "%.*s%*s", (int)(space - text), text,
				last ? 0 : (int)(width - all), "");
			return;
		}
	} else if (space) {
		tail =
		    text_width(space) < width - SHORT_HEAD ? text_width(space) : width - SHORT_HEAD;
	}
	size_t head = width - 1 - tail, end = text_offset(text, all),
	       from = text_offset(text, all - tail);
	fprintf(out, "%.*s" ELLIPSIS "%.*s", (int)text_offset(text, head), text, (int)(end - from),
		text + from);
}

static void cell_print(FILE *out, const char *text, size_t width, bool right, bool last)
{
	size_t have = text_width(text);

	if (have > width) {
		cell_print_short(out, text, width, last);
		return;
	}
	int pad = (int)(width - have);
	if (right)
		fprintf(out, "%*s%s", pad, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : pad, "");
}

static size_t last_shown(const struct table *table, const size_t *widths)
{
	size_t last = table->column_count - 1;

	while (last > 0 && widths[last] == 0)
		last--;
	return last;
}

static void row_print(const struct table *table, FILE *out, const size_t *widths, char **cells)
{
	size_t last = last_shown(table, widths);

	while (cells && last > 0 && cells[last][0] == '\0')
		last--;

	for (size_t i = 0; i <= last; i++) {
		const struct table_column *column = &table->columns[i];
		if (widths[i] == 0 && column->flexible > 1)
			continue;
		fprintf(out, "%*s", i == 0 ? INDENT : GAP, "");
		cell_print(out, cells ? cells[i] : column->title, widths[i], column->right,
			   i == last);
	}
	fputc('\n', out);
}

int table_print(struct table *table, FILE *out, size_t width)
{
	size_t *widths = calloc(table->column_count, sizeof(*widths));
	int error = table->failed || !widths ? -ENOMEM : 0;

	if (error == 0 && table->cell_count > 0) {
		widths_fit(table, widths, widths_measure(table, widths), width);
		row_print(table, out, widths, NULL);
		for (size_t cell = 0; cell + table->column_count <= table->cell_count;
		     cell += table->column_count)
			row_print(table, out, widths, table->cells + cell);
	}
	for (size_t cell = 0; cell < table->cell_count; cell++)
		free(table->cells[cell]);
	free(table->cells);
	free(widths);
	return error;
}

/* ---- Paragraphs ------------------------------------------------------------------------------ */

/* Bytes of the line that `text` begins with: up to the last blank that fits, or to the first one.
 */
static size_t line_bytes(const char *text, size_t width)
{
	size_t fits = 0, at = 0;

	for (;;) {
		size_t word = strcspn(text + at, " ");
		char *line = strndup(text, at + word);
		bool wide = !line || text_width(line) > width;
		free(line);
		if (wide && fits > 0)
			return fits;
		fits = at + word;
		if (wide || text[fits] == '\0')
			return fits;
		at = fits + 1;
	}
}

void report_paragraph(FILE *out, size_t width, const char *format, ...)
{
	va_list arguments;
	char *text, *clean = NULL;
	size_t indent = 0;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	if (text)
		clean = report_clean(text);
	for (const char *at = clean ? clean : "?"; *at;) {
		size_t bytes = line_bytes(at, width - indent);
		fprintf(out, "%*s%.*s\n", (int)indent, "", (int)bytes, at);
		at += bytes;
		at += *at == ' ';
		indent = INDENT;
	}
	free(clean);
	free(text);
}
