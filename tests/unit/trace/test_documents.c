/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of options and formats held against what users read: README.md, the manual pages in
 * docs/ and the launcher's
 * --help have each row, with its default and its text, and no row that the tables do not have.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/analyze_options.h"

/* ---- Documents ------------------------------------------------------------------------------- */

/* The source tree is where this file's path leads to. */
static void path_make(char path[4096], const char *name)
{
	snprintf(path, 4096, "%.*s../../../%s", (int)(strrchr(__FILE__, '/') + 1 - __FILE__),
		 __FILE__, name);
}

static char *read_all(FILE *file, const char *name)
{
	char *text = NULL;
	size_t bytes = 0;

	cr_assert_not_null(file, "%s", name);
	cr_assert_gt(getdelim(&text, &bytes, '\0', file), 0, "%s", name);
	return text;
}

static char *document_read(const char *name)
{
	char path[4096];

	path_make(path, name);
	FILE *file = fopen(path, "r");
	char *text = read_all(file, name);
	fclose(file);
	return text;
}

static char *launcher_help(void)
{
	char path[4096], command[4200];

	path_make(path, "scripts/uvtrace");
	snprintf(command, sizeof(command), "sh '%s' --help", path);
	FILE *output = popen(command, "r");
	char *text = read_all(output, command);
	cr_assert_eq(pclose(output), 0);
	return text;
}

static size_t count_of(const char *text, const char *part)
{
	size_t count = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		count++;
	return count;
}

static void check_row(const char *name, const char *text, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The document has this text, once. */
static void check_row(const char *name, const char *text, const char *format, ...)
{
	char row[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(row, sizeof(row), format, arguments);
	va_end(arguments);
	cr_expect_eq(count_of(text, row), 1, "%s does not have once: %s", name, row);
}

/* Text as a manual page has it: each dash is one that can be copied. Valid until the next call. */
static const char *roff(const char *text)
{
	static char escaped[512];
	size_t length = 0;

	for (; *text; text++) {
		if (*text == '-')
			escaped[length++] = '\\';
		escaped[length++] = *text;
	}
	escaped[length] = '\0';
	return escaped;
}

/* ---- The library and its launcher ------------------------------------------------------------ */

static const struct {
	const char *name, *fallback, *argument, *help;
} variables[] = {
#define OPTION(name, field, type, fallback, min, max, argument, help)                              \
	{name, fallback, argument, help},
#include "program/config.def"
#undef OPTION
};

Test(documents, readme_has_each_variable)
{
	char *readme = document_read("README.md");

	for (size_t i = 0; i < COUNT(variables); i++)
		check_row("README.md", readme, "\n| `%s` | `%s` | %s |\n", variables[i].name,
			  variables[i].fallback, variables[i].help);
	cr_expect_eq(count_of(readme, "\n| `UVTRACE_"), COUNT(variables));
	free(readme);
}

Test(documents, manual_has_each_variable)
{
	char *manual = document_read("docs/uvtrace.1");

	for (size_t i = 0; i < COUNT(variables); i++)
		check_row("docs/uvtrace.1", manual, "\n.TP\n.B %s=%s\n%s (default %s)\n",
			  variables[i].name, variables[i].argument, variables[i].help,
			  variables[i].fallback);
	cr_expect_eq(count_of(manual, "\n.B UVTRACE_"), COUNT(variables));
	free(manual);
}

/* "UVTRACE_FILE_SIZE": "file-size". */
static const char *option_of(const char *variable, char name[64])
{
	size_t length = 0;

	for (const char *at = variable + strlen("UVTRACE_"); *at; at++)
		name[length++] = *at == '_' ? '-' : *at | 0x20;
	name[length] = '\0';
	return name;
}

Test(documents, launcher_has_each_option)
{
	char *help = launcher_help(), name[64];

	for (size_t i = 0; i < COUNT(variables); i++)
		check_row("uvtrace --help", help, "\n  --%s=%s (default %s)\n      %s\n",
			  option_of(variables[i].name, name), variables[i].argument,
			  variables[i].fallback, variables[i].help);
	cr_expect_eq(count_of(help, " (default "), COUNT(variables));
	free(help);
}

/* ---- analyze_trace --------------------------------------------------------------------------- */

Test(documents, readme_has_each_option_of_analyze_trace)
{
	char *readme = document_read("README.md"), text[64];
	size_t count = 0;

	for (const struct analyze_option *option; (option = analyze_option_at(count)) != NULL;
	     count++) {
		const char *before = *option->fallback ? "`" : "",
			   *after = *option->fallback ? "` " : "";

		check_row("README.md", readme, "\n| `%s` | %s%s%s| %s |\n",
			  analyze_option_text(option, text, sizeof(text)), before, option->fallback,
			  after, option->help);
	}
	cr_expect_eq(count_of(readme, "\n| `--"), count);
	free(readme);
}

Test(documents, manual_has_each_option_of_analyze_trace)
{
	char *manual = document_read("docs/analyze_trace.1"), name[64], head[768];
	size_t count = 0;

	for (const struct analyze_option *option; (option = analyze_option_at(count)) != NULL;
	     count++) {
		analyze_option_text(option, name, sizeof(name));
		snprintf(head, sizeof(head), "\n.TP\n.B %s\n", roff(name));
		check_row("docs/analyze_trace.1", manual, "%s%s%s%s%s\n", head, roff(option->help),
			  *option->fallback ? " (default " : "", option->fallback,
			  *option->fallback ? ")" : "");
	}
	cr_expect_eq(count_of(manual, "\n.B \\-\\-"), count);
	free(manual);
}

Test(documents, formats_stand_in_readme_and_manual)
{
	char *readme = document_read("README.md"), *manual = document_read("docs/analyze_trace.1");

	for (size_t i = 0; report_format_at(i); i++) {
		const struct report_format *format = report_format_at(i);

		check_row("README.md", readme, "\n| `%s` | %s |\n", format->name, format->kind);
		check_row("docs/analyze_trace.1", manual, "\n.TP\n.B %s\n%s\n", format->name,
			  roff(format->kind));
	}
	free(readme);
	free(manual);
}
