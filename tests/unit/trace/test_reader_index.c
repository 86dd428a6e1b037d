/* SPDX-License-Identifier: Apache-2.0
 *
 * The index by hash (reader_index.c): what was put in is found, and in few steps.
 */
#include <criterion/criterion.h>

#include "trace/reader_internal.h"

#define KEYS 20000

static uint64_t hash_of(uint32_t key)
{
	return reader_hash(0, &key, sizeof(key));
}

Test(reader_index, finds_each_in_few_steps)
{
	struct reader_index index = {0};
	size_t steps = 0;

	for (uint32_t i = 0; i < KEYS; i++)
		cr_assert_eq(reader_index_add(&index, hash_of(i), i), 0);
	for (uint32_t i = 0; i < KEYS; i++) {
		size_t probe = 0, position = reader_index_next(&index, hash_of(i), &probe);

		while (position != i && position != READER_NOWHERE)
			position = reader_index_next(&index, hash_of(i), &probe);
		cr_assert_eq(position, i);
		steps += probe;
	}
	/* Where at most half of the slots are in use, 1.5 are expected. */
	cr_expect_leq(steps, 4 * KEYS);
	reader_index_free(&index);
}

Test(reader_index, an_empty_one_has_nothing)
{
	struct reader_index index = {0};
	size_t probe = 0;

	cr_expect_eq(reader_index_next(&index, hash_of(1), &probe), READER_NOWHERE);
}
