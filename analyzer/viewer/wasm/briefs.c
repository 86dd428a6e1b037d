/* SPDX-License-Identifier: Apache-2.0
 *
 * See briefs.h.
 */
#include "briefs.h"

#include <stdlib.h>

static bool make_room(struct briefs *briefs)
{
	size_t room = briefs->room ? briefs->room * 2 : 1024;
	struct brief *grown = realloc(briefs->list, room * sizeof(*grown));

	if (!grown)
		return false;
	briefs->list = grown;
	briefs->room = room;
	return true;
}

void briefs_add(struct briefs *briefs, const struct transaction *transaction)
{
	uint64_t ticks = transaction->end_tick - transaction->begin_tick;

	if (briefs->count >= BRIEFS_MAX || (briefs->count == briefs->room && !make_room(briefs))) {
		briefs->left_out++;
		return;
	}
	briefs->list[briefs->count++] = (struct brief){.id = transaction->id,
						       .begin_tick = transaction->begin_tick,
						       .ticks = ticks,
						       .signature = transaction->signature,
						       .number = -1};
	if (ticks > briefs->longest)
		briefs->longest = ticks;
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_begin(const void *a, const void *b)
{
	const struct brief *one = a, *other = b;
	int order = compare(one->begin_tick, other->begin_tick);

	return order ? order : compare(one->id, other->id);
}

struct numbered {
	uint64_t hash;
	int32_t number;
};

static int by_hash(const void *a, const void *b)
{
	return compare(((const struct numbered *)a)->hash, ((const struct numbered *)b)->hash);
}

void briefs_finish(struct briefs *briefs, const struct transactions *transactions)
{
	size_t count = transactions->signature_count;
	struct numbered *numbers = calloc(count + 1, sizeof(*numbers));

	for (size_t i = 0; numbers && i < count; i++)
		numbers[i] = (struct numbered){transactions->signatures[i].hash, (int32_t)i};
	if (numbers)
		qsort(numbers, count, sizeof(*numbers), by_hash);
	qsort(briefs->list, briefs->count, sizeof(*briefs->list), by_begin);
	for (size_t i = 0; numbers && i < briefs->count; i++) {
		struct numbered wanted = {.hash = briefs->list[i].signature};
		const struct numbered *found =
		    wanted.hash ? bsearch(&wanted, numbers, count, sizeof(*numbers), by_hash)
				: NULL;
		briefs->list[i].number = found ? found->number : -1;
	}
	free(numbers);
}

void briefs_free(struct briefs *briefs)
{
	free(briefs->list);
	*briefs = (struct briefs){0};
}

const struct brief *briefs_find(const struct briefs *briefs, uint64_t id)
{
	for (size_t i = 0; i < briefs->count; i++) {
		if (briefs->list[i].id == id)
			return &briefs->list[i];
	}
	return NULL;
}
