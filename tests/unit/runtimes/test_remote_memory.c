/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages of another process's memory: bounds, budget, which pages are kept; and the frames and texts
 * that are made of them (script_stack.h).
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "runtimes/remote_memory.h"
#include "runtimes/script_stack.h"

#define BASE  0x100000ull
#define PAGES 600u

static struct remote_memory memory;
static struct script_stack stack;
static uint32_t asked; /* reads that reached the source */
static uint64_t last_bytes;

/* Every 8 bytes hold their own address; every third page from the 400th on cannot be read. */
static int64_t source(uint32_t pid, uint64_t address, void *to, uint64_t bytes)
{
	uint64_t page = (address - BASE) / REMOTE_PAGE_BYTES;

	cr_assert_eq(pid, 7);
	asked++;
	last_bytes = bytes;
	if (address < BASE || address + bytes > BASE + PAGES * REMOTE_PAGE_BYTES ||
	    (page >= 400 && page % 3 == 0))
		return -EFAULT;
	for (uint64_t i = 0; i < bytes; i++)
		((uint8_t *)to)[i] = (uint8_t)((address + i) / 8 * 8 >> 8 * ((address + i) % 8));
	return (int64_t)bytes;
}

static void setup(void)
{
	asked = 0;
	remote_init(&memory, 7, source);
	script_stack_clear(&stack);
}

TestSuite(remote_memory, .init = setup);
TestSuite(script_stack, .init = setup);

static uint64_t page(uint32_t number)
{
	return BASE + (uint64_t)number * REMOTE_PAGE_BYTES;
}

Test(remote_memory, words_are_what_lies_there)
{
	cr_assert_eq(remote_u64(&memory, BASE + 8), BASE + 8);
	cr_assert_eq(remote_u32(&memory, BASE + 16), (uint32_t)BASE + 16);
	cr_assert_eq(asked, 1);
	cr_assert_eq(last_bytes, REMOTE_PAGE_BYTES);
}

Test(remote_memory, a_word_may_lie_in_two_pages)
{
	uint64_t low = page(1) - 8, high = page(1);

	cr_assert_eq(remote_u64(&memory, page(1) - 4), low >> 32 | high << 32);
	cr_assert_eq(asked, 2);
}

Test(remote_memory, what_cannot_be_read_is_zero)
{
	uint64_t words[2] = {1, 1};

	cr_assert_eq(remote_u64(&memory, page(402)), 0);
	cr_assert_not(remote_read(&memory, page(402) - 8, words, sizeof(words)));
	cr_assert_eq(words[0], 0);
	cr_assert_eq(words[1], 0);
	cr_assert_eq(memory.reads_failed, 2);
}

/* The first page, the end of user space and what wraps around are not asked for. */
Test(remote_memory, addresses_of_nothing_are_not_asked_for)
{
	uint8_t byte;

	cr_assert_not(remote_read(&memory, 0, &byte, 1));
	cr_assert_not(remote_read(&memory, REMOTE_PAGE_BYTES - 1, &byte, 1));
	cr_assert_not(remote_read(&memory, 1ull << 47, &byte, 1));
	cr_assert_not(remote_read(&memory, UINT64_MAX, &byte, 1));
	cr_assert_not(remote_read(&memory, UINT64_MAX - 2, &byte, 1));
	cr_assert_eq(asked, 0);
}

Test(remote_memory, long_reads_go_around_the_pages)
{
	static uint8_t bytes[5 * REMOTE_PAGE_BYTES];

	cr_assert(remote_read(&memory, BASE + 8, bytes, sizeof(bytes)));
	cr_assert_eq(asked, 1);
	cr_assert_eq(last_bytes, sizeof(bytes));
	cr_assert_eq(bytes[sizeof(bytes) - 8], (uint8_t)((BASE + 8 + sizeof(bytes) - 8)));
}

Test(remote_memory, one_sample_makes_so_many_reads_and_no_more)
{
	for (uint32_t i = 0; i < REMOTE_READS_MAX + 50; i++)
		remote_u64(&memory, page(i % 300));
	cr_assert_eq(asked, REMOTE_READS_MAX);
	cr_assert_eq(remote_u64(&memory, page(399)), 0);
	remote_forget(&memory);
	cr_assert_eq(remote_u64(&memory, page(399)), page(399));
}

Test(remote_memory, another_sample_reads_again)
{
	remote_u64(&memory, BASE);
	remote_forget(&memory);
	cr_assert_eq(remote_u64(&memory, BASE), BASE);
	cr_assert_eq(asked, 2);
}

/* As many as fit are kept, wherever they lie; the one that was not used for the longest goes. */
Test(remote_memory, pages_in_use_are_kept)
{
	for (uint32_t round = 0; round < 3; round++)
		for (uint32_t i = 0; i < REMOTE_PAGES; i++)
			cr_assert_eq(remote_u64(&memory, page(i * 7)), page(i * 7));
	cr_assert_eq(asked, REMOTE_PAGES);
	remote_u64(&memory, page(0));
	remote_u64(&memory, page(300));
	cr_assert_eq(asked, REMOTE_PAGES + 1);
	remote_u64(&memory, page(0));
	cr_assert_eq(asked, REMOTE_PAGES + 1);
	remote_u64(&memory, page(7));
	cr_assert_eq(asked, REMOTE_PAGES + 2);
}

/* A page that could not be read is not taken for one that was. */
Test(remote_memory, a_page_that_fails_is_not_kept)
{
	remote_u64(&memory, page(402));
	cr_assert_eq(remote_u64(&memory, page(402)), 0);
	cr_assert_eq(memory.reads_failed, 2);
}

/* ---- Frames and texts ------------------------------------------------------------------------ */

Test(script_stack, equal_texts_are_one)
{
	uint32_t a = script_stack_text(&stack, "one"), b = script_stack_text(&stack, "two");

	cr_assert_neq(a, 0);
	cr_assert_neq(a, b);
	cr_assert_eq(script_stack_text(&stack, "one"), a);
	cr_assert_eq(script_stack_text(&stack, ""), 0);
	cr_assert_str_eq(stack.text + b, "two");
}

Test(script_stack, texts_that_do_not_fit_are_left_out)
{
	char text[SCRIPT_FILE_BYTES_MAX];
	uint32_t kept = 0;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (uint32_t i = 0; i < 100; i++) {
		text[0] = (char)('0' + i);
		if (text[0] != '\\')
			kept += script_stack_text(&stack, text) != 0;
		cr_assert_leq(stack.text_bytes, SCRIPT_TEXT_BYTES);
	}
	cr_assert_eq(kept, (SCRIPT_TEXT_BYTES - 1) / sizeof(text));
}

Test(script_stack, frames_that_do_not_fit_are_said)
{
	for (uint32_t i = 0; i < TRACE_SCRIPT_FRAMES_MAX; i++)
		cr_assert_not_null(script_stack_add(&stack));
	cr_assert_eq(stack.status, TRACE_SCRIPT_NONE);
	cr_assert_null(script_stack_add(&stack));
	cr_assert_eq(stack.status, TRACE_SCRIPT_CUT);
	cr_assert_eq(stack.count, TRACE_SCRIPT_FRAMES_MAX);
}

static const char *text_of(uint32_t code_point)
{
	static char text[16];
	size_t used = 0;

	cr_assert(script_text_append(text, sizeof(text), &used, code_point));
	cr_assert_eq(strlen(text), used);
	return text;
}

Test(script_stack, code_points_become_utf_8)
{
	cr_assert_str_eq(text_of('a'), "a");
	cr_assert_str_eq(text_of(0xe9), "é");
	cr_assert_str_eq(text_of(0x20ac), "€");
	cr_assert_str_eq(text_of(0x1f600), "😀");
}

Test(script_stack, what_is_no_character_is_a_question_mark)
{
	const uint32_t none[] = {0, 0x1f, 0x7f, 0xd800, 0xdfff, 0x110000, UINT32_MAX};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		cr_assert_str_eq(text_of(none[i]), "?");
}

Test(script_stack, a_character_is_appended_whole_or_not_at_all)
{
	char text[4] = "";
	size_t used = 0;

	cr_assert(script_text_append(text, sizeof(text), &used, 'a'));
	cr_assert_not(script_text_append(text, sizeof(text), &used, 0x20ac));
	cr_assert(script_text_append(text, sizeof(text), &used, 0xe9));
	cr_assert_not(script_text_append(text, sizeof(text), &used, 'b'));
	cr_assert_str_eq(text, "aé");
}

Test(script_stack, stacks_are_compared_by_what_they_tell)
{
	static struct script_stack other;
	struct script_frame *frame;

	script_stack_clear(&other);
	script_stack_text(&other, "only here: the texts lie elsewhere");
	frame = script_stack_add(&stack);
	*frame = (struct script_frame){.function = script_stack_text(&stack, "f"), .line = 3};
	frame = script_stack_add(&other);
	*frame = (struct script_frame){.function = script_stack_text(&other, "f"), .line = 3};
	cr_assert(script_stacks_equal(&stack, &other));
	other.frames[0].line = 4;
	cr_assert_not(script_stacks_equal(&stack, &other));
	other.frames[0].line = 3;
	other.frames[0].function = script_stack_text(&other, "g");
	cr_assert_not(script_stacks_equal(&stack, &other));
}
