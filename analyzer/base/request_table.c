/* SPDX-License-Identifier: Apache-2.0
 *
 * See request_table.h.
 */
#include "request_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 256u /* slots; a power of two */

static size_t slot_home(const struct request_table *table, uint64_t key)
{
	return (size_t)(key * 0x9e3779b97f4a7c15ull >> 32) & (table->capacity - 1);
}

static struct request *slot_find(const struct request_table *table, uint64_t key)
{
	size_t at = slot_home(table, key);

	while (table->slots[at].key != 0 && table->slots[at].key != key)
		at = (at + 1) & (table->capacity - 1);
	return &table->slots[at];
}

static int table_grow(struct request_table *table)
{
	struct request_table larger = {
	    .capacity = table->capacity ? table->capacity * 2 : ROOM_FIRST, .count = table->count};

	larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < table->capacity; i++) {
		if (table->slots[i].key != 0)
			*slot_find(&larger, table->slots[i].key) = table->slots[i];
	}
	free(table->slots);
	*table = larger;
	return 0;
}

struct request *request_table_add(struct request_table *table, uint64_t key)
{
	if (table->count * 2 >= table->capacity && table_grow(table) < 0)
		return NULL;
	struct request *slot = slot_find(table, key);
	table->count += slot->key == 0;
	return slot;
}

/* Those behind the hole move up, so that no probing ends too early. */
static void hole_close(struct request_table *table, size_t hole)
{
	for (size_t at = (hole + 1) & (table->capacity - 1); table->slots[at].key != 0;
	     at = (at + 1) & (table->capacity - 1)) {
		size_t home = slot_home(table, table->slots[at].key);
		if (((at - home) & (table->capacity - 1)) < ((at - hole) & (table->capacity - 1)))
			continue; /* its home lies behind the hole */
		table->slots[hole] = table->slots[at];
		hole = at;
	}
	table->slots[hole].key = 0;
}

struct request *request_table_find(const struct request_table *table, uint64_t key)
{
	if (table->count == 0 || key == 0)
		return NULL;
	struct request *slot = slot_find(table, key);
	return slot->key != 0 ? slot : NULL;
}

bool request_table_take(struct request_table *table, uint64_t key, struct request *taken)
{
	struct request *slot = request_table_find(table, key);

	if (!slot)
		return false;
	*taken = *slot;
	hole_close(table, (size_t)(slot - table->slots));
	table->count--;
	return true;
}

void request_table_empty(struct request_table *table)
{
	if (table->capacity > ROOM_FIRST)
		request_table_free(table);
	if (table->count > 0)
		memset(table->slots, 0, table->capacity * sizeof(*table->slots));
	table->count = 0;
}

void request_table_free(struct request_table *table)
{
	free(table->slots);
	*table = (struct request_table){0};
}
