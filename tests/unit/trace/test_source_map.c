/* SPDX-License-Identifier: Apache-2.0
 *
 * Source maps: what an encoder of this test writes is read as it was meant, bad ones are none, and
 * scripts find theirs: named in the script, beside it, in it, or not at all.
 */
#include <sys/stat.h>
#include <time.h>

#include "../reader_helper.h"
#include "symbols/native/source_map.h"
#include "symbols/native/source_places.h"

static struct source_map *map;
static struct source_line found;

TestSuite(source_map, .init = dir_make, .fini = dir_remove);

/* ---- Mappings -------------------------------------------------------------------------------- */

struct text {
	char bytes[65536];
	size_t count;
};

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_number(struct text *text, long number)
{
	unsigned long left =
	    number < 0 ? (unsigned long)-number << 1 | 1 : (unsigned long)number << 1;

	do {
		text->bytes[text->count++] = digits[(left & 31) | (left > 31 ? 32 : 0)];
		left >>= 5;
	} while (left);
	text->bytes[text->count] = '\0';
}

static void put(struct text *text, const char *more)
{
	strcpy(text->bytes + text->count, more);
	text->count += strlen(more);
}

/* Each line is made of one to three pieces of it, of one or several lines. */
Test(source_map, gives_back_what_was_encoded)
{
	static struct text text;
	static struct {
		long source, first, last;
		bool several_sources;
	} lines[500];
	long source = 0, line = 0;

	srandom(11);
	put(&text,
	    ")]}'\n{\"version\":3,\"sourceRoot\":\"root\",\"sources\":[\"a.ts\",\"b.ts\",null],"
	    "\"mappings\":\"");
	for (size_t i = 0; i < 500; i++) {
		long pieces = random() % 4;
		for (long piece = 0; piece < pieces; piece++) {
			long to_source = random() % 20 ? source : random() % 2;
			long to_line = random() % 3 ? line : random() % 70000;
			put(&text, piece ? "," : "");
			put_number(&text, piece ? 4 : 0);
			put_number(&text, to_source - source);
			put_number(&text, to_line - line);
			put_number(&text, random() % 9);
			if (random() % 2)
				put_number(&text, random() % 3);
			source = to_source;
			line = to_line;
			if (piece == 0) {
				lines[i].source = source + 1;
				lines[i].first = lines[i].last = line;
			}
			lines[i].several_sources |= lines[i].source != source + 1;
			if (line != lines[i].first)
				lines[i].last = line;
		}
		put(&text, i % 7 ? ";" : ",A;");
	}
	put(&text, "\"}");
	map = source_map_parse(text.bytes, text.count);
	cr_assert_not_null(map);
	for (uint32_t i = 0; i < 500; i++) {
		bool told = lines[i].source && !lines[i].several_sources;
		cr_assert_eq(source_map_find(map, i + 1, &found), told, "line %u", i + 1);
		if (!told)
			continue;
		cr_assert_str_eq(found.source, lines[i].source == 1 ? "root/a.ts" : "root/b.ts");
		cr_assert_eq(found.line, lines[i].first + 1);
		cr_assert_eq(found.about, lines[i].first != lines[i].last);
	}
	cr_assert(!source_map_find(map, 0, &found));
	cr_assert(!source_map_find(map, 502, &found));
	source_map_free(map);
}

static void check_none(const char *text)
{
	map = source_map_parse(text, strlen(text));
	cr_assert_null(map, "%s", text);
}

Test(source_map, with_an_error_is_none)
{
	check_none("");
	check_none(")]}'");
	check_none("{");
	check_none("[]");
	check_none("{\"version\":2,\"sources\":[\"a\"],\"mappings\":\"AAAA\"}");
	check_none("{\"version\":3,\"sources\":[\"a\"]}");
	check_none("{\"version\":3,\"sources\":7,\"mappings\":\"AAAA\"}");
	check_none("{\"version\":3,\"sources\":[\"a\"],\"mappings\":\"AAA\"}");
	check_none("{\"version\":3,\"sources\":[\"a\"],\"mappings\":\"AAAAAA\"}");
	check_none("{\"version\":3,\"sources\":[\"a\"],\"mappings\":\"A!AA\"}");
	check_none("{\"version\":3,\"sources\":[\"a\"],\"mappings\":\"ACAA\"}");
	check_none("{\"version\":3,\"sources\":[\"a\"],\"mappings\":\"AADA\"}");
	check_none("{\"version\":3,\"sources\":[\"a\"],\"mappings\":\"AAggggggggggA\"}");
	check_none("{\"version\":3,\"sources\":[\"a\"],\"mappings\":\"AAg\"}");
}

/* ---- Places ---------------------------------------------------------------------------------- */

#define MAP "{\"version\":3,\"sources\":[\"../src/app.ts\"],\"mappings\":\"AAUA;AACA,IACA\"}"

static void put_text(const char *name, const char *text)
{
	put_file(name, text, strlen(text));
}

/* Where a script's first line was written, in the test's directory; "" where that is not told. */
static const char *place_of(const char *script, uint64_t started_s)
{
	static char file[512];
	struct source_places *places = source_places_open(started_s * 1000000000);
	struct script_place place = {0};
	bool told = source_places_find(places, script, 1, &place);

	cr_assert_eq(source_places_find(places, script, 1, &(struct script_place){0}), told);
	snprintf(file, sizeof(file), "%s", told ? place.file : "");
	cr_assert(!told || place.line == 11);
	free(place.file);
	source_places_close(places);
	return strncmp(file, dir, strlen(dir)) == 0 ? file + strlen(dir) : file;
}

Test(source_map, is_found_by_its_script)
{
	static const char *const endings[] = {
	    "\n//# sourceMappingURL=named.map\n", "\n/*# sourceMappingURL=named.map*/",
	    "//# sourceMappingURL=old.map\n//# sourceMappingURL=named.map", ""};
	uint64_t later = (uint64_t)time(NULL) + 5;
	char url[512];

	cr_assert_eq(mkdir(in_dir("dist"), 0700), 0);
	put_text("dist/named.map", MAP);
	put_text("dist/app.js.map", MAP);
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		put_text("dist/app.js", endings[i][0] ? endings[i] : "x");
		cr_assert_str_eq(place_of(in_dir("dist/app.js"), later), "/src/app.ts", "%zu", i);
	}
	snprintf(url, sizeof(url), "file://%s", in_dir("dist/app.js"));
	cr_assert_str_eq(place_of(url, later), "/src/app.ts");
}

Test(source_map, in_its_script_is_read_too)
{
	put_text("app.js",
		 "f()\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,"
		 "eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbImluLnRzIl0sIm1hcHBpbmdzIjoiQUFVQSJ9\n");
	cr_assert_str_eq(place_of(in_dir("app.js"), (uint64_t)time(NULL) + 5), "/in.ts");
}

/* A script that was changed since is not the one that ran; what is no file is not opened. */
Test(source_map, that_is_not_sure_is_not_taken)
{
	uint64_t now = (uint64_t)time(NULL);

	put_text("app.js", "//# sourceMappingURL=app.map\n");
	put_text("app.map", MAP);
	cr_assert_str_neq(place_of(in_dir("app.js"), now + 5), "");
	cr_assert_str_eq(place_of(in_dir("app.js"), now - 60), "", "it is newer");
	put_text("app.js", "//# sourceMappingURL=http://example.org/app.map\n");
	cr_assert_str_eq(place_of(in_dir("app.js"), now + 5), "");
	put_text("app.js", "//# sourceMappingURL=missing.map\n");
	cr_assert_str_eq(place_of(in_dir("app.js"), now + 5), "");
	cr_assert_eq(mkfifo(in_dir("pipe.js"), 0600), 0);
	cr_assert_str_eq(place_of(in_dir("pipe.js"), now + 5), "", "opening it would block");
	cr_assert_str_eq(place_of("node:fs", now + 5), "");
	cr_assert_str_eq(place_of("app.js", now + 5), "");
}
