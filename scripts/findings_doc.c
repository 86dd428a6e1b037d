/* SPDX-License-Identifier: Apache-2.0
 *
 * findings_doc < docs/findings.md: prints the page anew from the tables (meanings.def,
 * thresholds.def). What stands between a line "<!-- findings: HEADING -->" or "<!-- thresholds -->"
 * and the next "<!-- end -->" is replaced; all else stays. `make docs` writes the page so, and
 * `make lint` compares. Exit 1: a heading has no findings, or an end is missing.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "findings/findings.h"
#include "findings/thresholds.h"

#define COLUMNS 100

#define FINDINGS_MARK	"<!-- findings: "
#define THRESHOLDS_MARK "<!-- thresholds -->"
#define END_MARK	"<!-- end -->"

static const struct meaning {
	const char *family;
	enum finding_id id;
	const char *when, *severity, *cost, *confidence, *example, *not_meant;
} meanings[] = {
#define FAMILY(heading)	   {.family = (heading), .id = FINDING_COUNT},
#define MEANING(name, ...) {NULL, FINDING_##name, __VA_ARGS__},
#include "findings/meanings/meanings.def"
};

#define MEANINGS (sizeof(meanings) / sizeof(*meanings))

/* A paragraph or an item of a list; words go on in lines of their own, below its text. */
static void text_print(const char *indent, const char *text)
{
	size_t column = strlen(indent);
	bool is_first = true;

	fputs(indent, stdout);
	for (size_t length; *text; text += length + strspn(text + length, " ")) {
		length = strcspn(text, " ");
		if (!is_first && column + 1 + length > COLUMNS) {
			printf("\n%*s", (int)strlen(indent), "");
			column = strlen(indent);
		} else if (!is_first) {
			putchar(' ');
			column++;
		}
		fwrite(text, 1, length, stdout);
		column += length;
		is_first = false;
	}
	putchar('\n');
}

/* Prints what the format gives as one paragraph or item. */
__attribute__((format(printf, 2, 3))) static void line_print(const char *indent, const char *format,
							     ...)
{
	char line[8192];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	text_print(indent, line);
}

static void meaning_print(const struct meaning *meaning)
{
	line_print("", "**`%s`** is found when: %s.", finding_id_name(meaning->id), meaning->when);
	putchar('\n');
	line_print("- ", "Severity: %s. Confidence: %s.", meaning->severity, meaning->confidence);
	if (*meaning->cost)
		line_print("- ", "Cost: %s.", meaning->cost);
	line_print("- ", "Example: *%s*", meaning->example);
	line_print("- ", "It does not mean %s", meaning->not_meant);
	putchar('\n');
}

static bool family_print(const char *heading, size_t length)
{
	bool is_found = false, is_in = false;

	for (size_t i = 0; i < MEANINGS; i++) {
		const char *family = meanings[i].family;

		if (family) {
			is_in = strlen(family) == length && strncmp(family, heading, length) == 0;
			continue;
		}
		if (is_in)
			meaning_print(&meanings[i]);
		is_found |= is_in;
	}
	return is_found;
}

static void thresholds_table_print(void)
{
	static const char *const texts[] = {
#define THRESHOLD(name, value, unit, text) text,
#include "findings/thresholds.def"
	};
	const struct thresholds defaults = thresholds_default();
	char value[THRESHOLD_TEXT_BYTES];

	puts("| name | default | |\n|---|---|---|");
	for (int i = 0; i < LIMIT_COUNT; i++)
		printf("| `%s` | %s | %s |\n", threshold_name((enum threshold)i),
		       threshold_format((enum threshold)i, defaults.values[i], value), texts[i]);
}

/* What the mark on this line asks for. */
static bool block_print(const char *line)
{
	const char *heading = line + strlen(FINDINGS_MARK), *end = strstr(line, " -->");

	if (strncmp(line, FINDINGS_MARK, strlen(FINDINGS_MARK)) == 0)
		return end && family_print(heading, (size_t)(end - heading));
	thresholds_table_print();
	return true;
}

static bool is_mark(const char *line)
{
	return strncmp(line, FINDINGS_MARK, strlen(FINDINGS_MARK)) == 0 ||
	       strncmp(line, THRESHOLDS_MARK, strlen(THRESHOLDS_MARK)) == 0;
}

int main(void)
{
	char line[4096];
	bool is_kept = true;

	while (fgets(line, sizeof(line), stdin)) {
		is_kept |= strncmp(line, END_MARK, strlen(END_MARK)) == 0;
		if (is_kept)
			fputs(line, stdout);
		if (!is_kept || !is_mark(line))
			continue;
		is_kept = false;
		if (!block_print(line)) {
			fprintf(stderr, "findings_doc: no findings: %s", line);
			return 1;
		}
	}
	if (!is_kept)
		fprintf(stderr, "findings_doc: %s is missing\n", END_MARK);
	return is_kept ? 0 : 1;
}
