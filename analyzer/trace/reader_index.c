/* SPDX-License-Identifier: Apache-2.0
 *
 * Where in an array something stands, by a hash of what names it: for what a trace may have any
 * number of. Open addressing, linear probing; nothing is ever taken out.
 *
 * Rules: a zeroed struct is an empty index. Two things may have one hash: the caller compares. The
 * hash is mixed with an address, so that no file can be made whose names all fall together; the
 * order of what is found says nothing.
 */
#include <errno.h>
#include <stdlib.h>

#include "reader_internal.h"

#define ROOM_FIRST 64u /* slots; a power of two */

uint64_t reader_hash(uint64_t hash, const void *bytes, size_t count)
{
	static const char somewhere;
	const unsigned char *at = bytes;

	hash ^= (uint64_t)(uintptr_t)&somewhere;
	for (size_t i = 0; i < count; i++)
		hash = (hash ^ at[i]) * 0x100000001b3ull;
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

static void slot_put(struct reader_index *index, uint64_t hash, size_t position)
{
	size_t at = hash & (index->capacity - 1);

	while (index->slots[at].position != 0)
		at = (at + 1) & (index->capacity - 1);
	index->slots[at] = (struct reader_index_slot){hash, position + 1};
}

static int index_grow(struct reader_index *index)
{
	struct reader_index larger = {
	    .capacity = index->capacity ? index->capacity * 2 : ROOM_FIRST, .count = index->count};

	larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < index->capacity; i++)
		if (index->slots[i].position != 0)
			slot_put(&larger, index->slots[i].hash, index->slots[i].position - 1);
	free(index->slots);
	*index = larger;
	return 0;
}

int reader_index_add(struct reader_index *index, uint64_t hash, size_t position)
{
	if (index->count * 2 >= index->capacity && index_grow(index) < 0)
		return -ENOMEM;
	slot_put(index, hash, position);
	index->count++;
	return 0;
}

size_t reader_index_next(const struct reader_index *index, uint64_t hash, size_t *probe)
{
	while (index->capacity > 0) {
		const struct reader_index_slot *slot =
		    &index->slots[(hash + *probe) & (index->capacity - 1)];

		if (slot->position == 0)
			break;
		++*probe;
		if (slot->hash == hash)
			return slot->position - 1;
	}
	return READER_NOWHERE;
}

void reader_index_free(struct reader_index *index)
{
	free(index->slots);
	*index = (struct reader_index){0};
}
