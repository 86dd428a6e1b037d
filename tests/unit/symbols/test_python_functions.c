/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of C functions out of CPython's own tables (python_functions.h). The truth is what a
 * running python says of its functions (tests/names/python_functions.py).
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbols/native/python_functions.h"

TestSuite(python_functions, .timeout = 60);

#define PYTHON "/usr/bin/python3"

/* The functions of a file; false: it cannot be read. */
static bool file_read(const char *path, struct python_functions *functions)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = fd >= 0 ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
	if (!elf)
		return false;
	python_functions_read(functions, elf);
	elf_end(elf);
	close(fd);
	return true;
}

/* One of the names, which are separated by spaces. */
static bool is_one_of(const char *name, const char *names)
{
	size_t length = strlen(name);

	for (const char *at = names; (at = strstr(at, name)); at++)
		if ((at == names || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

Test(python_functions, names_are_those_that_python_has_for_them)
{
	FILE *truth = popen(PYTHON " tests/names/python_functions.py", "r");
	struct python_functions functions;
	size_t all = 0, named = 0;
	char line[4096];

	if (!truth || !fgets(line, sizeof(line), truth))
		cr_skip_test("no " PYTHON);
	line[strcspn(line, "\n")] = '\0';
	cr_assert(file_read(line, &functions), "%s", line);
	while (fgets(line, sizeof(line), truth)) {
		char *names;
		uint64_t start = strtoull(line, &names, 16);
		const char *name = python_functions_find(&functions, start);

		line[strcspn(line, "\n")] = '\0';
		all++;
		named += name != NULL;
		if (name)
			cr_expect(is_one_of(name, names + 1), "%s is%s", name, names);
	}
	cr_expect_eq(pclose(truth), 0);
	cr_assert_gt(all, 400);
	/* What has two names has none here. */
	cr_expect_geq(named, all * 9 / 10, "%zu of %zu", named, all);
	python_functions_free(&functions);
}

/* The collector's way through an object; nothing begins at the next byte. */
Test(python_functions, types_say_how_the_collector_goes_through_them)
{
	struct python_functions functions;
	bool dict = false;

	if (!file_read(PYTHON, &functions))
		cr_skip_test("no " PYTHON);
	for (size_t i = 0; i < functions.count; i++) {
		dict |= strcmp(functions.list[i].name, "tp_traverse dict") == 0;
		cr_expect_null(python_functions_find(&functions, functions.list[i].start + 1));
	}
	cr_expect(dict);
	python_functions_free(&functions);
}

Test(python_functions, a_file_that_is_not_pythons_has_none)
{
	struct python_functions functions;

	cr_assert(file_read("/proc/self/exe", &functions));
	cr_expect_eq(functions.count, 0);
	python_functions_free(&functions);
}
