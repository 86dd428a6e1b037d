/* SPDX-License-Identifier: Apache-2.0
 *
 * Recordings of samples (tests/names/v8_record.h), read again: what the fuzzer of V8's names works
 * on; and what it asks of texts.
 */
#ifndef FUZZ_RECORDED_H
#define FUZZ_RECORDED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../names/v8_record.h"

#define RECORDINGS_MAX 64u
#define WORDS_MAX      4096u
#define CHANGES_MAX    24u
#define CHANGE_BYTES   11u
#define STACK_MAX      (262144u / 8)
#define NAMES_MAX      65536u

/* A word that the reader reads: in memory, or of the thread's copied stack. */
struct place {
	uint64_t address;
	uint64_t value;
};

struct recorded {
	struct recording head;
	uint64_t *stack;
	struct recording_page *pages;
	uint64_t *addresses; /* of the pages */
	uint32_t place_count;
	struct place places[WORDS_MAX];
	uint32_t name_count;
	uint64_t *names; /* hashes of texts of strings, sorted */
};

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_names_v8: %s\n", what);
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
	free(of->names);
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

static uint64_t hash_of(const char *text)
{
	uint64_t hash = 14695981039346656037ull;

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 1099511628211ull;
	return hash;
}

static int hash_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

#endif
