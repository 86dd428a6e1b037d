/* SPDX-License-Identifier: Apache-2.0
 *
 * Sites: one for each distinct (kind, callback, calling address). A hook gives libuv the site's
 * thunk in place of the callback. thunks.S holds the thunks; they jump to dispatch.c. Sites live
 * for ever and outlive a fork, because libuv keeps their thunks. Lock-free; a registration costs
 * one hash look-up.
 */
#ifndef SITE_H
#define SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "ring/shared.h"

typedef void (*site_callback)(void *a, void *b, void *c, void *d,
			      void *e); /* every libuv callback, at most five arguments */

struct site {
	site_callback callback; /* NULL: a request without a callback, of which only the submission
				   is recorded */
	void *caller;
	uint32_t kind;
	_Atomic uint32_t code; /* TRACE_CODE_POLL + index; 0 until the rest is there */
	bool is_uv; /* the callback is libuv's own: it is not wrapped, only the submission recorded
		     */
	bool due_unseen; /* a timer of a libuv whose calls of uv_timer_again may be inlined */
	bool ends_item;	 /* when it ends, so does an item of the pool, of which nothing else can be
			    seen */
	bool has_status; /* the callback's second argument is a status, by which a cancelled request
			    is known */
};

extern struct site site_table[TRACE_SITES_MAX];
extern const char site_thunks[], site_thunks_end[]; /* 16 bytes each on x86-64 and aarch64 alike */

/* The site of this registration, or NULL when all are taken (counted as untraced). */
struct site *site_get(enum trace_kind kind, void *callback, void *caller);

/* Whether its calls submit a request, which is recorded. */
bool site_kind_is_request(enum trace_kind kind);

/* Copies all sites into the shared memory of a process that begins to record. */
void site_publish_all(struct shared *shared);

static inline bool site_is_thunk(const void *address)
{
	return (uintptr_t)address - (uintptr_t)site_thunks <
	       (uintptr_t)(site_thunks_end - site_thunks);
}

static inline uint32_t site_index(const struct site *site)
{
	return site - site_table;
}

/* What to give libuv in the callback's place. */
static inline void *site_thunk(const struct site *site)
{
	return (void *)(site_thunks + 16 * (uintptr_t)site_index(site));
}

#endif
