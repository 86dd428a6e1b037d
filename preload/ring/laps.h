/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the records of a ring are. A worker writes its ring in laps. A lap begins at position 0 and
 * continues, record after record, as far as there is memory and the records of the lap before are
 * drained. So record n of a lap is at position n - (the lap's first record). The ring that many
 * threads share has no laps: record n is at n modulo its size, a power of two.
 *
 * At most two laps hold records that are not drained, because the worker begins a lap only when the
 * tail is in the one before. So two starts are enough; the larger one is the newest lap's. A reader
 * loads `head` (acquire), then the starts. The worker stores a start before it releases the first
 * head of that lap. So for each record below that head the reader has the start, unless a later lap
 * took its place in lap_start[]. That lap is the second after the record's. It begins only when the
 * tail has passed the first record of the lap between, so the record is drained. The reader is the
 * one who moves the tail, so this cannot happen to a record that it still has to read.
 *
 * Rules: nothing in shared memory is trusted: a position is always within the ring.
 */
#ifndef LAPS_H
#define LAPS_H

#include "shared.h"

struct laps {
	uint64_t capacity; /* records that ring_bytes hold */
	uint64_t size;	 /* records that the ring may hold as things are; a power of two where there
			    are no laps */
	uint64_t start;	 /* first record of the newest lap ... */
	uint64_t before; /* ... and of the one before; the same where there is none */
	uint32_t cycles; /* 1: no laps, record n at n modulo size */
};

/* Records that lie together. */
struct laps_run {
	const struct record *records;
	uint64_t count;
};

/* After head has been read. `capacity` is what the caller knows to be mapped, a power of two. */
static inline struct laps laps_read(const struct shared_ring *ring, uint64_t capacity)
{
	uint64_t a = atomic_load_explicit(&ring->lap_start[0], memory_order_relaxed);
	uint64_t b = atomic_load_explicit(&ring->lap_start[1], memory_order_relaxed);
	uint64_t size = atomic_load_explicit(&ring->size, memory_order_relaxed);
	struct laps laps = {.capacity = capacity,
			    .size = size > 0 && size < capacity ? size : capacity,
			    .start = a > b ? a : b,
			    .before = a > b ? b : a,
			    .cycles = ring->role == TRACE_ROLE_OTHER};

	if (laps.cycles)
		laps.size = 1ull << (63 - __builtin_clzll(laps.size));
	return laps;
}

/* Where record n lies, and how many lie behind each other from there on; 0: it is gone, or never
 * was. */
static inline uint64_t laps_at(const struct laps *laps, uint64_t n, uint64_t *position)
{
	uint64_t first = n >= laps->start ? laps->start : laps->before, count;

	if (laps->cycles) {
		*position = n & (laps->size - 1);
		return laps->size - *position;
	}
	*position = n - first;
	if (n < first || *position >= laps->capacity)
		return 0;
	count = laps->capacity - *position;
	return first != laps->start && laps->start - n < count ? laps->start - n : count;
}

/* Record n and those that lie behind it, at most `count`. `records` is where the ring's lie. */
static inline struct laps_run laps_run(const struct laps *laps, const struct record *records,
				       uint64_t n, uint64_t count)
{
	uint64_t position = 0, there = laps_at(laps, n, &position);

	return (struct laps_run){records + (there ? position : 0), there < count ? there : count};
}

/* One record; {0, 0} where it is gone. */
static inline struct record laps_record(const struct laps *laps, const struct record *records,
					uint64_t n)
{
	uint64_t position;

	return laps_at(laps, n, &position) ? records[position] : (struct record){0, 0};
}

/* Whether all of [from, to) are there. */
static inline int laps_hold(const struct laps *laps, uint64_t from, uint64_t to)
{
	uint64_t position, count;

	if (laps->cycles)
		return to - from <= laps->size;
	for (int lap = 0; lap < 2 && from < to; lap++) {
		count = laps_at(laps, from, &position);
		from = count < to - from ? from + count : to;
	}
	return from == to;
}

#endif
