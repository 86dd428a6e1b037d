/* SPDX-License-Identifier: Apache-2.0
 *
 * See pprof_rows.h.
 */
#include "pprof_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_FIRST    256
#define ROWS_BY_ALL   32768 /* so many may be told apart by everything ... */
#define ROWS_BY_PLACE 49152 /* ... and so many without the signature */
#define ROWS_MAX      65536 /* with what is told apart by callback alone */

static uint64_t hash_of(const struct pprof_row *row)
{
	uint64_t hash =
	    row->signature ^ (uint64_t)row->worker << 32 ^ row->depth << 1 ^ row->in_pool;

	for (uint32_t i = 0; i < row->depth; i++)
		hash = (hash ^ row->sites[i]) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

static bool same_row(const struct pprof_row *a, const struct pprof_row *b)
{
	return a->depth == b->depth && a->worker == b->worker && a->signature == b->signature &&
	       a->in_pool == b->in_pool &&
	       memcmp(a->sites, b->sites, a->depth * sizeof(a->sites[0])) == 0;
}

/* Its slot, or the free one that it would go to. */
static struct pprof_row *slot_find(const struct pprof_rows *rows, const struct pprof_row *row)
{
	size_t at = hash_of(row) & (rows->capacity - 1);

	while (rows->slots[at].depth > 0 && !same_row(&rows->slots[at], row))
		at = (at + 1) & (rows->capacity - 1);
	return &rows->slots[at];
}

static int grow(struct pprof_rows *rows)
{
	struct pprof_rows larger = {.capacity = rows->capacity ? rows->capacity * 2 : ROWS_FIRST,
				    .count = rows->count};

	if (rows->count * 2 < rows->capacity)
		return 0;
	larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < rows->capacity; i++) {
		if (rows->slots[i].depth > 0)
			*slot_find(&larger, &rows->slots[i]) = rows->slots[i];
	}
	free(rows->slots);
	*rows = larger;
	return 0;
}

int pprof_rows_add(struct pprof_rows *rows, const struct pprof_row *run)
{
	static const size_t limits[] = {ROWS_BY_ALL, ROWS_BY_PLACE, ROWS_MAX};
	struct pprof_row row = *run, *slot = NULL;
	int error = grow(rows);

	if (error)
		return error;
	for (size_t step = 0;; step++) {
		slot = slot_find(rows, &row);
		if (slot->depth > 0 || step == sizeof(limits) / sizeof(*limits) ||
		    rows->count < limits[step])
			break;
		row.signature = 0;
		row.worker = step > 0 ? PPROF_NOWHERE : row.worker;
		row.depth = step > 0 ? 1 : row.depth;
		row.sites[0] = step > 1 ? PPROF_NOWHERE : row.sites[0];
	}
	if (slot->depth == 0) {
		*slot = row;
		slot->count = slot->ticks = 0;
		rows->count++;
	}
	slot->count += run->count;
	slot->ticks += run->ticks;
	return 0;
}

void pprof_rows_free(struct pprof_rows *rows)
{
	free(rows->slots);
	*rows = (struct pprof_rows){0};
}
