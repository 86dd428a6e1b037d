/* SPDX-License-Identifier: Apache-2.0
 *
 * A transaction's signature: the sites of its steps in pre-order, each step's children in the order
 * of their causes, so that it does not depend on which of them ended first. What repeats at once,
 * up to FOLD_MAX sites, is there once.
 */
#include "transactions_internal.h"

#define FOLD_MAX 8

static bool ends_twice(const struct folding *folding, size_t length)
{
	const uint32_t *end = folding->sites + folding->count;

	for (size_t i = 1; i <= length; i++) {
		if (end[-(ptrdiff_t)i] != end[-(ptrdiff_t)(i + length)])
			return false;
	}
	return true;
}

void fold_add(struct folding *folding, uint32_t site)
{
	if (folding->count == TRANSACTION_SIGNATURE_SITES)
		return;
	folding->sites[folding->count++] = site;
	for (size_t length = 1; length <= FOLD_MAX && length * 2 <= folding->count; length++) {
		if (ends_twice(folding, length)) {
			folding->count -= length;
			length = 0; /* what is left may repeat too */
		}
	}
}

uint64_t fold_hash(const struct folding *folding)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < folding->count; i++) {
		hash = (hash ^ folding->sites[i]) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	return hash | 1;
}

/* The sites of its steps in pre-order, folded. */
static void signature_fold(engine *e, const struct live *live, struct folding *folding)
{
	uint32_t *first = e->order, *next = e->order + live->count, at = 0;

	for (uint32_t i = 0; i < live->count; i++)
		first[i] = NONE;
	for (uint32_t i = live->count; i-- > 1;) {
		uint32_t parent = live->steps[i].parent;
		next[i] = first[parent];
		first[parent] = i;
	}
	next[0] = NONE;
	while (at != NONE) {
		if (live->steps[at].tick != 0)
			fold_add(folding, live->steps[at].site);
		if (first[at] != NONE) {
			at = first[at];
			continue;
		}
		while (at != NONE && next[at] == NONE)
			at = live->steps[at].parent;
		at = at != NONE ? next[at] : NONE;
	}
}

/* Most transactions are like one before, step by step: then it is not folded again. */
struct signature *signature_of(engine *e, const struct live *live)
{
	uint64_t hash = live->count;

	for (uint32_t i = 0; i < live->count; i++) {
		const struct step *step = &live->steps[i];
		uint64_t ran = step->tick != 0 ? step->site : NONE;
		hash = (hash ^ ran ^ (uint64_t)(i - step->parent) << 32) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	struct shape *shape = &e->shapes[hash & (SHAPES - 1)];
	if (shape->hash == hash && shape->signature)
		return shape->signature;
	struct folding folding;
	folding.count = 0;
	signature_fold(e, live, &folding);
	shape->hash = hash;
	shape->signature = statistics_signature(e, &folding);
	return shape->signature;
}
