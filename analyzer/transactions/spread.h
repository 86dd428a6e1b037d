/* SPDX-License-Identifier: Apache-2.0
 *
 * What transactions of one signature spent their time on, by how long they took: four buckets an
 * octave, each with sums and with the callbacks that were waited for.
 *
 * Rules: a zeroed struct is an empty spread. Sums do not depend on the order in which transactions
 * come, nor on how they are divided among spreads that are merged, as long as no bucket has more
 * than SPREAD_NAMES callbacks; of more the shorter ones give way.
 */
#ifndef SPREAD_H
#define SPREAD_H

#include <stddef.h>

#include "base/histogram.h"
#include "transaction_share.h"

#define SPREAD_BUCKETS (64 * 4)
#define SPREAD_NAMES   64

struct spread_names {
	struct transaction_behind *list;
	uint32_t count, room;
};

struct spread_bucket {
	uint64_t count, ticks;
	uint64_t parts[TRANSACTION_PARTS];
	struct spread_names behind, busy;
};

struct spread {
	struct histogram ticks;
	struct spread_bucket *buckets[SPREAD_BUCKETS]; /* made when used */
};

void spread_clear(struct spread *spread);
void spread_bucket_clear(struct spread_bucket *bucket);

/* For a bucket that is not there yet; NULL: no memory. */
struct spread_bucket *spread_bucket_make(struct spread *spread, uint32_t place);

static inline uint32_t spread_place(uint64_t ticks)
{
	if (ticks < 4)
		return (uint32_t)ticks;
	uint32_t exponent = 63 - (uint32_t)__builtin_clzll(ticks);
	return (exponent - 1) * 4 + (uint32_t)(ticks >> (exponent - 2) & 3);
}

/* Counts one that took so long; its parts and names are the caller's to add. NULL: no memory. */
static inline struct spread_bucket *spread_add(struct spread *spread, uint64_t ticks)
{
	uint32_t place = spread_place(ticks);
	struct spread_bucket *bucket = spread->buckets[place];

	if (__builtin_expect(!bucket, 0) && !(bucket = spread_bucket_make(spread, place)))
		return NULL;
	histogram_add(&spread->ticks, ticks);
	bucket->count++;
	bucket->ticks += ticks;
	return bucket;
}

/* For a site that is not there yet. Errors: -ENOMEM. */
int spread_name_new(struct spread_names *names, uint32_t site, uint64_t ticks);

static inline int spread_name(struct spread_names *names, uint32_t site, uint64_t ticks)
{
	for (uint32_t i = 0; i < names->count; i++) {
		if (names->list[i].site == site) {
			names->list[i].ticks += ticks;
			return 0;
		}
	}
	return spread_name_new(names, site, ticks);
}

/* Errors: -ENOMEM. */
int spread_bucket_join(struct spread_bucket *into, const struct spread_bucket *from);
int spread_merge(struct spread *into, const struct spread *from);
/* The share that the bucket stands for, with its longest names. */
void spread_tell(struct spread_bucket *bucket, struct transaction_share *share);

#endif
