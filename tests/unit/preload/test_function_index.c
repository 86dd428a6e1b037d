/* SPDX-License-Identifier: Apache-2.0
 *
 * The index of functions against a search through the whole table: functions at random places,
 * inside of each other, at one address, and symbols that are none.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "observe/function_index.h"

#define START	    0x400000ull
#define CODE_BYTES  (1u << 20)
#define SYMBOLS	    5000
#define BACK_SURELY (62 * (CODE_BYTES / FUNCTION_INDEX_PARTS)) /* so far back it looks for sure */

static struct function_index function_index_tested;
static Elf64_Sym symbols[SYMBOLS];

static void setup(void)
{
	srandom(5);
	function_index_begin(&function_index_tested, START, CODE_BYTES);
	for (uint32_t i = 0; i < SYMBOLS; i++) {
		/* Every seventh is data, some lie outside, some begin where the one before does. */
		symbols[i] = (Elf64_Sym){
		    .st_info = ELF64_ST_INFO(STB_LOCAL, i % 7 ? STT_FUNC : STT_OBJECT),
		    .st_shndx = i % 11 ? 1 : SHN_UNDEF,
		    .st_value = START - 4096 + (uint64_t)random() % (CODE_BYTES + 8192),
		};
		if (i % 5 == 0 && i > 0)
			symbols[i].st_value = symbols[i - 1].st_value;
		function_index_add(&function_index_tested, &symbols[i]);
	}
}

TestSuite(function_index, .init = setup);

static uint32_t search(uint64_t address, uint64_t below)
{
	uint32_t found = UINT32_MAX;

	for (uint32_t i = 0; i < SYMBOLS; i++) {
		uint64_t start = symbols[i].st_value;

		if (function_index_is_function(&symbols[i]) && start >= START && start <= address &&
		    start < below && (found == UINT32_MAX || start > symbols[found].st_value))
			found = i;
	}
	return found;
}

Test(function_index, the_nearest_function_is_found)
{
	uint32_t compared = 0;

	for (int i = 0; i < 3000; i++) {
		uint64_t address = START + (uint64_t)random() % CODE_BYTES, below = UINT64_MAX;

		for (int nested = 0; nested < 3; nested++) {
			uint32_t expected = search(address, below);

			if (expected == UINT32_MAX ||
			    address - symbols[expected].st_value > BACK_SURELY)
				break;
			cr_assert_eq(function_index_find(&function_index_tested, address, below),
				     expected);
			below = symbols[expected].st_value;
			compared++;
		}
	}
	cr_assert_gt(compared, 8000u);
}

Test(function_index, outside_of_the_code_is_nothing)
{
	cr_assert_eq(function_index_find(&function_index_tested, START - 1, UINT64_MAX),
		     UINT32_MAX);
	cr_assert_eq(function_index_find(&function_index_tested, START + CODE_BYTES, UINT64_MAX),
		     UINT32_MAX);
	cr_assert_eq(function_index_find(&function_index_tested, START + 5000, START), UINT32_MAX);
}

Test(function_index, what_fits)
{
	cr_assert(function_index_fits(FUNCTION_INDEX_SYMBOLS_MAX, UINT32_MAX));
	cr_assert_not(function_index_fits(FUNCTION_INDEX_SYMBOLS_MAX + 1, 4096));
	cr_assert_not(function_index_fits(FUNCTION_INDEX_SYMBOLS_MIN - 1, 4096));
	cr_assert_not(function_index_fits(FUNCTION_INDEX_SYMBOLS_MAX, 0));
	cr_assert_not(function_index_fits(FUNCTION_INDEX_SYMBOLS_MAX, 1ull << 32));
}
