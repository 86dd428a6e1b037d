/* SPDX-License-Identifier: Apache-2.0
 *
 * Marks and spans are put together from their events, whole or not.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "marks_helper.h"

static uint64_t some_value(void)
{
	static const uint64_t edges[] = {0, 1, UINT32_MAX, 1ull << 32, INT64_MAX, UINT64_MAX};

	if (random() % 3 == 0)
		return edges[random() % 6];
	return (uint64_t)random() << 33 ^ (uint64_t)random();
}

static struct mark some_mark(void)
{
	struct mark mark = {.value = some_value(),
			    .code = TRACE_MARK + random() % 3,
			    .name = random() % 4096,
			    .field_count = random() % (TRACE_MARK_FIELDS_MAX + 1)};

	for (uint32_t i = 0; i < mark.field_count; i++)
		mark.fields[i] = (struct mark_field){some_value(), random() % 4096};
	return mark;
}

static void assert_same(const struct mark *mark, const struct mark *wanted)
{
	cr_assert_eq(mark->code, wanted->code);
	cr_assert_eq(mark->name, wanted->name);
	cr_assert_eq(mark->value, wanted->value);
	cr_assert_eq(mark->field_count, wanted->field_count);
	for (uint32_t i = 0; i < mark->field_count; i++) {
		cr_assert_eq(mark->fields[i].name, wanted->fields[i].name);
		cr_assert_eq(mark->fields[i].value, wanted->fields[i].value);
	}
}

Test(marks, are_put_together)
{
	struct mark_parts parts = {0};
	uint64_t words[2 + 2 * TRACE_MARK_FIELDS_MAX];

	srandom(1);
	for (uint64_t round = 0; round < 10000; round++) {
		struct mark mark = some_mark();
		size_t count = words_of(&mark, words);

		for (size_t i = 0; i < count; i++)
			cr_assert_eq(mark_take(&parts, round, words[i]), i + 1 == count);
		assert_same(&parts.mark, &mark);
		cr_assert_eq(parts.mark.tick, round);
	}
}

/* Nothing is made of both sides of a gap, whether somebody says where it is or not. */
Test(marks, what_is_not_whole_is_nothing)
{
	struct mark_parts parts = {0};
	uint64_t head = trace_mark_word(TRACE_MARK, 1, 1, 7), high = trace_word(1, TRACE_MARK_HIGH);
	uint64_t field = trace_mark_word(TRACE_MARK_FIELD, 2, 0, 8);

	cr_assert_not(mark_take(&parts, 10, high));
	cr_assert_not(mark_take(&parts, 10, field));
	cr_assert_not(mark_take(&parts, 10, head));
	cr_assert_not(mark_take(&parts, 11, high), "of another time");
	cr_assert_not(mark_take(&parts, 11, high));
	cr_assert_not(mark_take(&parts, 12, head));
	marks_forget(&parts);
	cr_assert_not(mark_take(&parts, 12, high));
	cr_assert_not(mark_take(&parts, 13, head));
	cr_assert_not(mark_take(&parts, 14, head));
	cr_assert(mark_take(&parts, 14, high));
	cr_assert_eq(parts.mark.value, 1ull << 32 | 7);
}

/* From a file anything may come. */
Test(marks, takes_any_words)
{
	struct mark_parts parts = {0};

	srandom(2);
	for (int i = 0; i < 1000000; i++) {
		uint32_t code = TRACE_MARK + random() % 5;
		uint64_t object = (uint64_t)random() << 20 ^ (uint64_t)random();

		if (mark_take(&parts, (uint64_t)random() % 2,
			      trace_word(object & TRACE_OBJECT_MASK, code)))
			cr_assert_leq(parts.mark.field_count, TRACE_MARK_FIELDS_MAX);
	}
}
