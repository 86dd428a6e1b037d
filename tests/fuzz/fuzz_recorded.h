/* SPDX-License-Identifier: Apache-2.0
 *
 * Recordings of samples (tests/names/record.h), read again: what the fuzzers of names work on; and
 * what they ask of texts.
 */
#ifndef FUZZ_RECORDED_H
#define FUZZ_RECORDED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../names/record.h"

#define RECORDINGS_MAX 64u
#define WORDS_MAX      8192u
#define CHANGES_MAX    24u
#define CHANGE_BYTES   11u
#define STACK_MAX      (262144u / 8)
#define NAMES_MAX      65536u

/* A word that the reader reads in memory. */
struct place {
	uint64_t address;
	uint64_t value;
	uint64_t frames; /* which frames it was read for: a bit for each of `told` */
	uint64_t kind;	 /* of the object that has its type there */
	bool is_free;	 /* no name is read from it */
};

/* A frame as it is told. */
struct told {
	uint64_t frame, function, name; /* the last two: hashes of name and file, of the name */
	uint32_t line, position;
	uint8_t flags;
};

/* Hashes, sorted. */
struct hashes {
	uint32_t count, capacity;
	uint64_t *of;
};

struct recorded {
	struct recording head;
	uint64_t *stack;
	struct recording_page *pages;
	uint64_t *addresses; /* of the pages */
	uint32_t place_count;
	struct place places[WORDS_MAX];
	uint32_t exchange_count;
	uint32_t exchanges[WORDS_MAX]; /* which places may be exchanged */
	uint32_t told_count;
	struct told told[TRACE_SCRIPT_FRAMES_MAX]; /* where nothing is changed */
	struct hashes texts;			   /* of all strings that are there */
	struct hashes functions;		   /* of all functions: name and file */
	struct hashes text_words, name_words;	   /* addresses that these were read from */
};

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_names: %s\n", what);
	abort();
}

static const struct recording_page *page_at(const struct recorded *of, uint64_t address)
{
	for (uint32_t i = 0; i < of->head.page_count; i++)
		if (of->addresses[i] == address)
			return &of->pages[i];
	return NULL;
}

static bool recording_read(const char *path, struct recorded *to)
{
	FILE *file = fopen(path, "r");
	bool done = file && fread(&to->head, sizeof(to->head), 1, file) == 1 &&
		    to->head.magic == RECORD_MAGIC && to->head.stack_words <= STACK_MAX &&
		    to->head.page_count <= RECORD_PAGES;

	if (done) {
		to->stack = calloc(to->head.stack_words + 1, 8);
		to->pages = calloc(to->head.page_count + 1, sizeof(*to->pages));
		to->addresses = calloc(to->head.page_count + 1, sizeof(*to->addresses));
		done = fread(to->stack, 8, to->head.stack_words, file) == to->head.stack_words &&
		       fread(to->pages, sizeof(*to->pages), to->head.page_count, file) ==
			   to->head.page_count;
	}
	for (uint32_t i = 0; done && i < to->head.page_count; i++)
		to->addresses[i] = to->pages[i].address;
	if (file)
		fclose(file);
	return done;
}

static void recording_free(struct recorded *of)
{
	free(of->stack);
	free(of->pages);
	free(of->addresses);
	free(of->texts.of);
	free(of->functions.of);
	free(of->text_words.of);
	free(of->name_words.of);
	*of = (struct recorded){0};
}

/* ---- Texts ----------------------------------------------------------------------------------- */

static bool is_utf8(const char *text)
{
	const uint8_t *c = (const uint8_t *)text;

	while (*c) {
		uint32_t more = *c < 0x80 ? 0 : *c >= 0xf0 ? 3 : *c >= 0xe0 ? 2 : 1;

		if (*c < 0x20 || *c == 0x7f || (*c >= 0x80 && *c < 0xc2) || *c > 0xf4)
			return false;
		for (c++; more > 0; more--, c++)
			if ((*c & 0xc0) != 0x80)
				return false;
	}
	return true;
}

/* ---- Hashes ---------------------------------------------------------------------------------- */

#define HASH_BEGIN 14695981039346656037ull

static uint64_t hash_more(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 1099511628211ull;
	return hash;
}

static uint64_t hash_of(const char *text)
{
	return hash_more(HASH_BEGIN, text);
}

static uint64_t hash_of_function(const char *name, const char *file)
{
	return hash_more(hash_of(name) * 31 + 1, file);
}

static int hash_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void hashes_sort(struct hashes *of)
{
	uint32_t kept = 0;

	if (!of->count)
		return;
	qsort(of->of, of->count, sizeof(*of->of), hash_compare);
	for (uint32_t i = 0; i < of->count; i++)
		if (kept == 0 || of->of[i] != of->of[kept - 1])
			of->of[kept++] = of->of[i];
	of->count = kept;
}

/* Not yet sorted. One table gets the same ones again and again: they are taken out before it
 * grows. */
static void hash_add(struct hashes *to, uint64_t hash)
{
	if (to->count == to->capacity) {
		hashes_sort(to);
		if (to->count >= to->capacity / 2) {
			to->capacity = to->capacity ? to->capacity * 2 : NAMES_MAX;
			to->of = realloc(to->of, to->capacity * sizeof(*to->of));
		}
	}
	to->of[to->count++] = hash;
}

static bool hash_is_in(const struct hashes *of, uint64_t hash)
{
	return of->count && bsearch(&hash, of->of, of->count, sizeof(hash), hash_compare);
}

#endif
