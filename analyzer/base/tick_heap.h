/* SPDX-License-Identifier: Apache-2.0
 *
 * A binary heap of (tick, worker's position), the earliest on top: what merging streams by time
 * needs. The caller gives it room for one entry a worker.
 */
#ifndef TICK_HEAP_H
#define TICK_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct tick_heap_entry {
	uint64_t tick;
	size_t position;
};

struct tick_heap {
	struct tick_heap_entry *entries;
	size_t count;
};

static inline void tick_heap_sink(struct tick_heap *heap, size_t at)
{
	struct tick_heap_entry moving = heap->entries[at];

	for (;;) {
		size_t child = at * 2 + 1;
		if (child + 1 < heap->count &&
		    heap->entries[child + 1].tick < heap->entries[child].tick)
			child++;
		if (child >= heap->count || moving.tick <= heap->entries[child].tick)
			break;
		heap->entries[at] = heap->entries[child];
		at = child;
	}
	heap->entries[at] = moving;
}

static inline void tick_heap_push(struct tick_heap *heap, uint64_t tick, size_t position)
{
	size_t at = heap->count++;

	for (; at > 0 && heap->entries[(at - 1) / 2].tick > tick; at = (at - 1) / 2)
		heap->entries[at] = heap->entries[(at - 1) / 2];
	heap->entries[at] = (struct tick_heap_entry){tick, position};
}

/* The top one goes on at a later tick. */
static inline void tick_heap_move_top(struct tick_heap *heap, uint64_t tick)
{
	heap->entries[0].tick = tick;
	tick_heap_sink(heap, 0);
}

static inline void tick_heap_pop(struct tick_heap *heap)
{
	heap->entries[0] = heap->entries[--heap->count];
	if (heap->count > 0)
		tick_heap_sink(heap, 0);
}

#endif
