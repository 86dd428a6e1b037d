/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of requests on their way, held against a list of what was put in. It is filled to its
 * half with keys that fall anywhere, so many of them lie behind others: taking one out of such a
 * chain must leave the rest to be found.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/request_table.h"

#define KEYS 5000

static uint64_t keys[KEYS];

static void fill(struct request_table *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct request *request = request_table_add(table, keys[i]);

		cr_assert_not_null(request);
		*request = (struct request){.key = keys[i], .submit_tick = i};
	}
}

static void setup(void)
{
	srandom(11);
	for (size_t i = 0; i < KEYS; i++)
		keys[i] = ((uint64_t)random() << 17 ^ (uint64_t)random() << 4 ^ i << 50) | 1;
}

TestSuite(request_table, .init = setup, .timeout = 20);

/* How many slots are taken whose neighbour before them is taken too. */
static size_t chained(const struct request_table *table)
{
	size_t count = 0;

	for (size_t i = 1; i < table->capacity; i++)
		count += table->slots[i].key != 0 && table->slots[i - 1].key != 0;
	return count;
}

Test(request_table, those_behind_one_that_is_taken_are_found)
{
	struct request_table table = {0};
	struct request taken;

	fill(&table, KEYS);
	cr_assert_eq(table.count, KEYS);
	cr_assert_gt(chained(&table), KEYS / 10, "this test needs keys that lie behind others");
	for (size_t i = 0; i < KEYS; i++) {
		size_t at = i * 3331 % KEYS;

		cr_assert(request_table_take(&table, keys[at], &taken));
		cr_assert_eq(taken.submit_tick, at);
		cr_assert_not(request_table_take(&table, keys[at], &taken), "it is there twice");
		for (size_t later = i + 1; later < KEYS && later < i + 20; later++) {
			const struct request *found =
			    request_table_find(&table, keys[later * 3331 % KEYS]);

			cr_assert_not_null(found, "lost when another was taken");
			cr_assert_eq(found->submit_tick, later * 3331 % KEYS);
		}
	}
	cr_assert_eq(table.count, 0);
	request_table_free(&table);
}

Test(request_table, a_key_is_there_once)
{
	struct request_table table = {0};

	fill(&table, 100);
	fill(&table, 100);
	cr_assert_eq(table.count, 100);
	cr_assert_null(request_table_find(&table, 0));
	cr_assert_null(request_table_find(&table, keys[100]));
	request_table_empty(&table);
	cr_assert_eq(table.count, 0);
	cr_assert_null(request_table_find(&table, keys[1]));
	fill(&table, KEYS);
	cr_assert_eq(request_table_find(&table, keys[KEYS - 1])->submit_tick, KEYS - 1);
	request_table_free(&table);
}
