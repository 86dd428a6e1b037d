/* SPDX-License-Identifier: Apache-2.0
 *
 * Causes on their way, by class and address: open addressing, linear probing, without tombstones.
 *
 * Rules: a zeroed struct is an empty table. It grows to CAUSES_MAX slots and no further: then
 * causes_add() has no place, and the caller gives up.
 */
#ifndef CAUSES_H
#define CAUSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cause_class {
	CLASS_REQUEST = 1, /* submitted */
	CLASS_ASYNC,	   /* sent, and not run since */
	CLASS_CLOSE,
	CLASS_CHILD,   /* spawned */
	CLASS_SPAN,    /* begun; the key is made of name and id */
	CLASS_STARTED, /* which transaction started a timer or a reading; tick and worker of its
			  root */
};

#define CAUSE_CLASS_BITS 3

#define CAUSES_MAX (1u << 19) /* slots; half of them may be used */

struct cause {
	uint64_t key;  /* 0: a free slot */
	uint64_t tick; /* submission, send, uv_close, ... */
	uint32_t live, step;
	uint32_t epoch; /* all that were made in an earlier one than now were cut */
	uint32_t worker;
};

struct causes {
	struct cause *slots;
	size_t capacity, count;
};

static inline uint64_t cause_key(enum cause_class class, uint64_t object)
{
	return object << CAUSE_CLASS_BITS | class;
}

/* The place of that key, new (live UINT32_MAX) or not. NULL: it is full, or no memory. */
struct cause *causes_add(struct causes *causes, uint64_t key);
/* NULL: it is not there. */
struct cause *causes_find(const struct causes *causes, uint64_t key);
/* Takes out those of earlier epochs. */
void causes_purge(struct causes *causes, uint32_t epoch);
void causes_remove(struct causes *causes, struct cause *cause);
void causes_free(struct causes *causes);

#endif
