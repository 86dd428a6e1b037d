/* SPDX-License-Identifier: Apache-2.0
 *
 * The traces of tests/golden read as they always did: JSON lines and problems, byte for byte.
 * tests/golden/README.md says what they are.
 */
#include <dirent.h>

#include "jsonl/jsonl.h"
#include "../reader_helper.h"

static void enter_golden(void)
{
	char path[4096];

	dir_make();
	snprintf(path, sizeof(path), "%.*s../../golden",
		 (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__);
	cr_assert_eq(chdir(path), 0, "%s", path);
}

TestSuite(golden, .init = enter_golden, .fini = dir_remove);

static void put_problem(void *arg, const char *problem)
{
	struct json_out *out = arg;

	json_out_text(out, "problem: ");
	json_out_text(out, problem);
	json_out_text(out, "\n");
}

static void no_progress(void *arg, uint64_t done, uint64_t total)
{
	(void)arg, (void)done, (void)total;
}

/* What trace_to_jsonl would print, into a file. */
static void convert(const char *name, const char *to)
{
	static struct json_out out;
	const struct jsonl_watcher watcher = {put_problem, no_progress, &out};
	struct trace *trace = open_path(name);
	FILE *file = fopen(to, "w");

	cr_assert_not_null(file);
	out = (struct json_out){.fd = fileno(file)};
	if (trace->process_count > 0)
		cr_assert_eq(jsonl_convert(trace, &out, &watcher, false), 0);
	for (size_t i = 0; i < trace->problem_count; i++)
		put_problem(&out, trace->problems[i]);
	json_out_flush(&out);
	cr_assert_eq(out.error, 0);
	fclose(file);
	trace_close(trace);
}

static void assert_same(const char *name, const char *found_path, const char *expected_path)
{
	static char found[8192], expected[8192];
	FILE *found_file = fopen(found_path, "r"), *expected_file = fopen(expected_path, "r");
	size_t line = 1;

	cr_assert_not_null(found_file);
	cr_assert_not_null(expected_file, "%s", expected_path);
	for (;; line++) {
		bool more = fgets(expected, sizeof(expected), expected_file);

		cr_assert_eq(fgets(found, sizeof(found), found_file) != NULL, more, "%s: line %zu",
			     name, line);
		if (!more)
			break;
		cr_assert_str_eq(found, expected, "%s, line %zu:\n%s instead of\n%s", name, line,
				 found, expected);
	}
	fclose(found_file);
	fclose(expected_file);
}

Test(golden, each_reads_as_it_always_did)
{
	DIR *opened_dir = opendir(".");
	struct dirent *entry;
	size_t checked = 0;

	cr_assert_not_null(opened_dir);
	while ((entry = readdir(opened_dir))) {
		char expected[300];

		snprintf(expected, sizeof(expected), "%s.expected", entry->d_name);
		if (access(expected, F_OK) != 0)
			continue;
		convert(entry->d_name, in_dir("found"));
		assert_same(entry->d_name, in_dir("found"), expected);
		checked++;
	}
	closedir(opened_dir);
	cr_assert_eq(checked, 20);
}
