/* SPDX-License-Identifier: Apache-2.0
 *
 * See causes.h.
 */
#include "causes.h"

#include <errno.h>
#include <stdlib.h>

#define ROOM_FIRST 1024u /* slots; a power of two */

static size_t slot_home(const struct causes *causes, uint64_t key)
{
	return (size_t)(key * 0x9e3779b97f4a7c15ull >> 32) & (causes->capacity - 1);
}

static struct cause *slot_find(const struct causes *causes, uint64_t key)
{
	size_t at = slot_home(causes, key);

	while (causes->slots[at].key != 0 && causes->slots[at].key != key)
		at = (at + 1) & (causes->capacity - 1);
	return &causes->slots[at];
}

static int grow(struct causes *causes)
{
	struct causes larger = {.capacity = causes->capacity ? causes->capacity * 2 : ROOM_FIRST,
				.count = causes->count};

	if (larger.capacity > CAUSES_MAX)
		return -ENOMEM;
	larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < causes->capacity; i++) {
		if (causes->slots[i].key != 0)
			*slot_find(&larger, causes->slots[i].key) = causes->slots[i];
	}
	free(causes->slots);
	*causes = larger;
	return 0;
}

struct cause *causes_add(struct causes *causes, uint64_t key)
{
	struct cause *slot;

	if (causes->count * 2 >= causes->capacity && grow(causes) < 0)
		return causes_find(causes, key);
	slot = slot_find(causes, key);
	if (slot->key == 0) {
		causes->count++;
		*slot = (struct cause){.key = key, .live = UINT32_MAX};
	}
	return slot;
}

struct cause *causes_find(const struct causes *causes, uint64_t key)
{
	if (causes->count == 0)
		return NULL;
	struct cause *slot = slot_find(causes, key);
	return slot->key != 0 ? slot : NULL;
}

/* Those behind the hole move up, so that no probing ends too early. */
void causes_remove(struct causes *causes, struct cause *cause)
{
	size_t hole = (size_t)(cause - causes->slots);

	for (size_t at = (hole + 1) & (causes->capacity - 1); causes->slots[at].key != 0;
	     at = (at + 1) & (causes->capacity - 1)) {
		size_t home = slot_home(causes, causes->slots[at].key);
		if (((at - home) & (causes->capacity - 1)) < ((at - hole) & (causes->capacity - 1)))
			continue; /* its home lies behind the hole */
		causes->slots[hole] = causes->slots[at];
		hole = at;
	}
	causes->slots[hole].key = 0;
	causes->count--;
}

void causes_purge(struct causes *causes, uint32_t epoch)
{
	for (size_t i = 0; i < causes->capacity; i++) {
		/* What moves into the hole is looked at too. */
		while (causes->slots[i].key != 0 && causes->slots[i].epoch < epoch)
			causes_remove(causes, &causes->slots[i]);
	}
}

void causes_free(struct causes *causes)
{
	free(causes->slots);
	*causes = (struct causes){0};
}
