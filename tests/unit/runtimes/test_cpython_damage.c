/* SPDX-License-Identifier: Apache-2.0
 *
 * preload/runtimes/cpython.c where memory is not what it should be: each word in turn is changed,
 * and each page cannot be read. What is told then is in order, and has no names but those that were
 * put there (python_memory.h).
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "python_memory.h"

static struct python_memory memory;
static struct script_stack stack;

#define EACH_VERSION(version)                                                                      \
	for (uint16_t i_ = 0, version; i_ < MEMORY_VERSIONS && (version = memory_versions[i_], 1); \
	     i_++)

static const char *function_at(uint32_t i)
{
	return stack.text + stack.frames[i].function;
}

static const char *file_at(uint32_t i)
{
	return stack.text + stack.frames[i].file;
}

static const struct {
	const char *function, *file;
} frames_put[] = {
    {"countPrimes", "/srv/app.py"}, {"Page.render", "/srv/page.py"}, {"<module>", "/srv/app.py"}};
#define FRAMES_PUT (sizeof(frames_put) / sizeof(frames_put[0]))

static void three_put(uint16_t version)
{
	memory_begin(&memory, version);
	for (size_t i = 0; i < FRAMES_PUT; i++)
		memory_add_frame(&memory,
				 memory_add_code(&memory,
						 memory_add_ascii(&memory, frames_put[i].function),
						 memory_add_ascii(&memory, frames_put[i].file),
						 10 * (uint32_t)i + 1),
				 3, i > 0);
}

static uint64_t word_at(const struct python_memory *from, uint64_t at)
{
	uint64_t word;

	memcpy(&word, from->bytes + at, sizeof(word));
	return word;
}

/* Whether this word is of a name: then names can be anything. */
static bool is_in_text(const struct python_memory *from, uint64_t at)
{
	for (uint64_t text = at & ~15ull; text && at - text < 96; text -= 16)
		if (word_at(from, text + 8) == from->python.text_type)
			return true;
	return false;
}

static bool is_it(uint32_t i, size_t put)
{
	const struct script_frame *frame = &stack.frames[i];

	return ((frame->flags & TRACE_SCRIPT_UNREADABLE) ||
		strcmp(function_at(i), frames_put[put].function) == 0) &&
	       (!frame->file || strcmp(file_at(i), frames_put[put].file) == 0);
}

/* What is told is in its order, with its names; some may be missing. */
static void told_check(uint64_t at, bool is_name, uint32_t reads)
{
	bool is_told = stack.status == TRACE_SCRIPT_WHOLE || stack.status == TRACE_SCRIPT_CUT;
	size_t put = 0;

	cr_assert_eq(is_told, stack.count > 0, "%lu: status %u", (unsigned long)at, stack.status);
	cr_assert_leq(reads, REMOTE_READS_MAX);
	cr_assert_leq(stack.count, FRAMES_PUT);
	for (uint32_t i = 0; i < stack.count && !is_name; i++, put++) {
		while (put < FRAMES_PUT && !is_it(i, put))
			put++;
		cr_assert_lt(put, FRAMES_PUT, "%lu: %s %s", (unsigned long)at, function_at(i),
			     file_at(i));
	}
}

/* Each word in turn, as it may be found while the program changes it. */
Test(cpython_damage, damaged_words_tell_no_other_names, .timeout = 120)
{
	EACH_VERSION(version)
	{
		static struct python_memory whole;

		three_put(version);
		whole = memory;
		for (uint64_t at = 0; at < whole.used; at += 8) {
			const uint64_t values[] = {0,
						   1,
						   UINT64_MAX,
						   1ull << 63,
						   0x7fffffffffffull,
						   MEMORY_BASE + MEMORY_BYTES - 8,
						   MEMORY_BASE + at,
						   MEMORY_BASE + at + 1,
						   memory.python.code_type,
						   whole.last};

			for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
				uint32_t reads;

				memory_put_u64(&memory, MEMORY_BASE + at, values[k]);
				memory_walk(&memory, &stack, &reads);
				told_check(at, is_in_text(&whole, at), reads);
			}
			memory_put(&memory, MEMORY_BASE + at, whole.bytes + at, 8);
		}
	}
}

Test(cpython_damage, pages_that_cannot_be_read_cost_what_is_on_them)
{
	EACH_VERSION(version)
	{
		three_put(version);
		for (uint64_t page = MEMORY_BASE; page < MEMORY_BASE + MEMORY_BYTES;
		     page += REMOTE_PAGE_BYTES) {
			uint32_t reads;

			memory.unreadable = page;
			memory_walk(&memory, &stack, &reads);
			told_check(page - MEMORY_BASE, false, reads);
		}
	}
}
