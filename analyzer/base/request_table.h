/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that are on their way, by address: open addressing, linear probing, without tombstones.
 *
 * Rules: a zeroed struct is an empty table and takes no memory. A key is never 0.
 */
#ifndef REQUEST_TABLE_H
#define REQUEST_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request {
	uint64_t key; /* 0: free slot */
	uint64_t submit_tick;
	uint32_t site;
	uint32_t worker : 31; /* position of the one that submitted it */
	uint32_t cancelled : 1;
};

struct request_table {
	struct request *slots;
	size_t capacity, count;
};

/* A place for a request of this key, to be filled in at once, the key too; what was there is
 * another's, or has the same key. NULL: no memory. */
struct request *request_table_add(struct request_table *table, uint64_t key);
/* The request itself, until the table changes; NULL where it is not there. */
struct request *request_table_find(const struct request_table *table, uint64_t key);
/* Takes a request out; false where it is not there. */
bool request_table_take(struct request_table *table, uint64_t key, struct request *taken);
/* Forgets all that is in it; gives a large table's memory back, so that doing it again costs
 * little. */
void request_table_empty(struct request_table *table);
void request_table_free(struct request_table *table);

#endif
