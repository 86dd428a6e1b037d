/* SPDX-License-Identifier: Apache-2.0
 *
 * See spread.h.
 */
#include "spread.h"

#include <errno.h>
#include <stdlib.h>

#define NAMES_FIRST 4

void spread_bucket_clear(struct spread_bucket *bucket)
{
	free(bucket->behind.list);
	free(bucket->busy.list);
}

void spread_clear(struct spread *spread)
{
	histogram_clear(&spread->ticks);
	for (size_t i = 0; i < SPREAD_BUCKETS; i++) {
		if (spread->buckets[i])
			spread_bucket_clear(spread->buckets[i]);
		free(spread->buckets[i]);
	}
}

struct spread_bucket *spread_bucket_make(struct spread *spread, uint32_t place)
{
	return spread->buckets[place] = calloc(1, sizeof(*spread->buckets[place]));
}

static int names_grow(struct spread_names *names)
{
	uint32_t room = names->room ? names->room * 2 : NAMES_FIRST;
	struct transaction_behind *list = realloc(names->list, room * sizeof(*list));

	if (!list)
		return -ENOMEM;
	names->list = list;
	names->room = room;
	return 0;
}

int spread_name_new(struct spread_names *names, uint32_t site, uint64_t ticks)
{
	uint32_t least = 0;

	if (names->count < SPREAD_NAMES) {
		if (names->count == names->room && names_grow(names) < 0)
			return -ENOMEM;
		names->list[names->count++] = (struct transaction_behind){site, ticks};
		return 0;
	}
	for (uint32_t i = 1; i < names->count; i++)
		least = names->list[i].ticks < names->list[least].ticks ? i : least;
	if (names->list[least].ticks < ticks)
		names->list[least] = (struct transaction_behind){site, ticks};
	return 0;
}

static int names_join(struct spread_names *into, const struct spread_names *from)
{
	int error = 0;

	for (uint32_t i = 0; error == 0 && i < from->count; i++)
		error = spread_name(into, from->list[i].site, from->list[i].ticks);
	return error;
}

int spread_bucket_join(struct spread_bucket *into, const struct spread_bucket *from)
{
	int error = names_join(&into->behind, &from->behind);

	into->count += from->count;
	into->ticks += from->ticks;
	for (int i = 0; i < TRANSACTION_PARTS; i++)
		into->parts[i] += from->parts[i];
	return error < 0 ? error : names_join(&into->busy, &from->busy);
}

int spread_merge(struct spread *into, const struct spread *from)
{
	histogram_merge(&into->ticks, &from->ticks);
	for (uint32_t i = 0; i < SPREAD_BUCKETS; i++) {
		if (!from->buckets[i])
			continue;
		if (!into->buckets[i] && !spread_bucket_make(into, i))
			return -ENOMEM;
		if (spread_bucket_join(into->buckets[i], from->buckets[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int compare_longest_first(const void *a, const void *b)
{
	const struct transaction_behind *x = a, *y = b;

	if (x->ticks != y->ticks)
		return x->ticks > y->ticks ? -1 : 1;
	return x->site < y->site ? -1 : x->site > y->site;
}

static void names_tell(struct spread_names *names,
		       struct transaction_behind told[TRANSACTION_SHARE_NAMES])
{
	if (names->count > 1)
		qsort(names->list, names->count, sizeof(*names->list), compare_longest_first);
	for (uint32_t i = 0; i < names->count && i < TRANSACTION_SHARE_NAMES; i++)
		told[i] = names->list[i];
}

void spread_tell(struct spread_bucket *bucket, struct transaction_share *share)
{
	share->count = bucket->count;
	share->ticks = bucket->ticks;
	for (int i = 0; i < TRANSACTION_PARTS; i++)
		share->parts[i] = bucket->parts[i];
	names_tell(&bucket->behind, share->behind_by);
	names_tell(&bucket->busy, share->busy_by);
}
