/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of code made at run time, from files written here as programs write them. Expected values
 * stand in the files.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "symbols/native/perf_map.h"

#define PID 4711u

static char dir[64], path[128];
static struct perf_map *map;

static void set_up(void)
{
	strcpy(dir, "/tmp/uvtrace_test_jit_XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/perf-%u.map", dir, PID);
}

static void tear_down(void)
{
	perf_map_free(map);
	unlink(path);
	rmdir(dir);
}

TestSuite(perf_map, .init = set_up, .fini = tear_down);

static void put(const char *text, size_t bytes)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	cr_assert_eq(fwrite(text, 1, bytes, file), bytes);
	fclose(file);
	cr_assert_eq(chmod(path, 0644), 0);
}

static void opened(const char *text)
{
	put(text, strlen(text));
	map = perf_map_open(dir, PID, geteuid(), 0);
	cr_assert_not_null(map);
}

static void check_name(uint64_t address, const char *name, uint64_t offset)
{
	struct jit_name found = perf_map_find(map, address);

	cr_assert_not_null(found.name, "%#lx", (unsigned long)address);
	cr_assert_str_eq(found.name, name);
	cr_assert_eq(found.offset, offset);
}

Test(perf_map, finds_what_lies_around_an_address)
{
	opened("7f0000001000 100 outer part\n7f0000002000 10 JS:*render /srv/app.js:3:7\n");
	check_name(0x7f0000001000, "outer part", 0);
	check_name(0x7f00000010ff, "outer part", 0xff);
	check_name(0x7f0000002004, "JS:*render /srv/app.js:3:7", 4);
	cr_assert_null(perf_map_find(map, 0x7f0000001100).name);
	cr_assert_null(perf_map_find(map, 0x7f0000000fff).name);
	cr_assert_null(perf_map_find(map, 0x7f0000002010).name);
	cr_assert_null(perf_map_find(NULL, 0x7f0000001000).name);
}

/* Code moves, and its place is used again: what was written last is what ran last. */
Test(perf_map, takes_the_last_of_those_that_overlap)
{
	opened("1000 1000 large\n1100 100 first\n1100 80 second\n1180 80 third\n1170 20 fourth\n");
	check_name(0x1050, "large", 0x50);
	check_name(0x1110, "second", 0x10);
	check_name(0x1175, "fourth", 5);
	check_name(0x1185, "fourth", 0x15);
	check_name(0x1195, "third", 0x15);
	check_name(0x1200, "large", 0x200);
}

Test(perf_map, passes_over_lines_that_make_no_sense)
{
	opened("\nhello\n1000\n1000 10\n1000 10 \n1000 0 empty\nffffffffffffffff 10 beyond\n 2000 "
	       "10 blank before\n"
	       "3000 10 good\n4000 zz bad\n5000 10 no end of line");
	check_name(0x3000, "good", 0);
	check_name(0x5001, "no end of line", 1);
	cr_assert_null(perf_map_find(map, 0x1000).name);
	cr_assert_null(perf_map_find(map, 0x4000).name);
	cr_assert_null(perf_map_find(map, UINT64_MAX).name);
}

Test(perf_map, bears_any_bytes)
{
	char bytes[4096];

	srandom(3);
	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] =
			    random() % 3 ? "0123456789abcdef \n"[random() % 18] : (char)random();
		put(bytes, sizeof(bytes));
		map = perf_map_open(dir, PID, geteuid(), 0);
		for (int k = 0; k < 100; k++)
			perf_map_find(map, (uint64_t)random() << (random() % 32));
		perf_map_free(map);
		map = NULL;
	}
}

/* Another process had the number before, or everybody could have written it. */
Test(perf_map, believes_no_file_of_others)
{
	uint64_t now_ns = (uint64_t)time(NULL) * 1000000000;
	char target[160];

	opened("1000 10 a\n");
	perf_map_free(map);
	map = perf_map_open(dir, PID, geteuid(), now_ns - 2000000000);
	cr_assert_not_null(map);
	cr_assert_null(perf_map_open(dir, PID, geteuid(), now_ns + 100000000000));
	cr_assert_null(perf_map_open(dir, PID + 1, geteuid(), 0));
	cr_assert_eq(chmod(path, 0666), 0);
	cr_assert_null(perf_map_open(dir, PID, geteuid(), 0));
	cr_assert_eq(chmod(path, 0644), 0);
	snprintf(target, sizeof(target), "%s/other", dir);
	cr_assert_eq(rename(path, target), 0);
	cr_assert_eq(symlink(target, path), 0);
	cr_assert_null(perf_map_open(dir, PID, geteuid(), 0));
	unlink(target);
}

Test(perf_map, cuts_names_of_javascript)
{
	static const struct {
		const char *name, *function, *file;
		int line;
	} cases[] = {
	    {"JS:*render /srv/app.js:12:20", "render", "/srv/app.js", 12},
	    {"JS:~ /srv/app.js:1:1", "(anonymous)", "/srv/app.js", 1},
	    {"JS:^get node:internal/timers:524:3", "get", "node:internal/timers", 524},
	    {"LazyCompile:*render /srv/a b.js:7", "render", "/srv/a b.js", 7},
	    {"Function:~Server.emit events.js:9:1", "Server.emit", "events.js", 9},
	    {"JS:~get size /srv/a b.js:3:1", "get size", "/srv/a b.js", 3},
	    {"JS:*render", "JS:*render", NULL, 0},
	    {"JS:*render :1:1", "JS:*render :1:1", NULL, 0},
	    {"JS:*render /srv/app.js:12345678901:20", "render", "/srv/app.js:12345678901", 20},
	    {"BytecodeHandler:Ldar", "BytecodeHandler:Ldar", NULL, 0},
	    {"py::main:/srv/app.py", "py::main:/srv/app.py", NULL, 0},
	    {"", "", NULL, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *function, *file;
		int line;

		jit_name_cut(cases[i].name, &function, &file, &line);
		cr_assert_str_eq(function, cases[i].function);
		cr_assert_eq(file != NULL, cases[i].file != NULL, "%s", cases[i].name);
		if (file)
			cr_assert_str_eq(file, cases[i].file);
		cr_assert_eq(line, cases[i].line, "%s", cases[i].name);
		free(function);
		free(file);
	}
}

/* In a public directory anybody may have made it: only the traced program's user, root and the
 * reader are asked. */
Test(perf_map, of_whom)
{
	const char *text = "1000 10 name\n";

	if (geteuid() != 0)
		cr_skip_test("only root can make files of other users");
	put(text, strlen(text));
	cr_assert_eq(chown(path, 65534, 65534), 0);
	cr_assert_null(perf_map_open(dir, PID, 0, 0), "anybody's");
	cr_assert_null(perf_map_open(dir, PID, 1000, 0), "not that user's");
	map = perf_map_open(dir, PID, 65534, 0);
	cr_assert_not_null(map, "the traced program's");
}
