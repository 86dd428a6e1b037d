/* SPDX-License-Identifier: Apache-2.0
 *
 * See site.h. A site takes the next free entry of the table, is filled in, then published by a
 * compare-and-swap into the hash. The loser of a race for the same key leaves its site unused,
 * which is rare and harmless.
 */
#include "site.h"

#include <errno.h>
#include <stdatomic.h>

#include "format/trace_tables.h"
#include "program/process.h"
#include "ring/steps.h"
#include "libuv/libuv_text.h"
#include "thunks_size.h"
#include "program/hotpath.h"

#define SLOTS (2 * TRACE_SITES_MAX)

_Static_assert(sizeof(struct site) == SITE_BYTES, "thunks.S multiplies by this");

struct site site_table[TRACE_SITES_MAX];

static _Atomic uint32_t site_slots[SLOTS]; /* 0: empty, else index + 1 */
static _Atomic uint32_t site_count;

static const bool kind_has_status[KIND_COUNT] = {
    [KIND_WRITE] = true,
    [KIND_CONNECT] = true,
    [KIND_SHUTDOWN] = true,
    [KIND_UDP_SEND] = true,
};

/* An item ends with its work function, which is libuv's own but for uv_queue_work: then its
 * callback must do. */
static bool kind_ends_item(enum trace_kind kind)
{
	return trace_kinds[kind].class == KIND_CLASS_WORKFN ||
	       (trace_kinds[kind].class == KIND_CLASS_POOL && kind != KIND_AFTER_WORK);
}

bool site_kind_is_request(enum trace_kind kind)
{
	return trace_kinds[kind].class == KIND_CLASS_REQUEST ||
	       trace_kinds[kind].class == KIND_CLASS_POOL;
}

static uint32_t site_hash(enum trace_kind kind, const void *callback, const void *caller)
{
	uint64_t key = ((uintptr_t)callback * 0x9e3779b97f4a7c15ull) ^ ((uintptr_t)caller + kind);

	return (key * 0xff51afd7ed558ccdull >> 32) % SLOTS;
}

static bool site_matches(const struct site *site, enum trace_kind kind, void *callback,
			 void *caller)
{
	return (void *)site->callback == callback && site->caller == caller && site->kind == kind;
}

static void site_publish(struct shared *shared, const struct site *site)
{
	struct shared_site *copy = &shared->sites[site_index(site)];
	uint32_t count = atomic_load(&shared->site_count);
	int saved_errno = errno;
	int error = steps_back_site(shared, site_index(site));

	errno = saved_errno;
	if (error) /* its callbacks are recorded without a name */
		return;
	copy->kind = site->kind;
	copy->callback = (uintptr_t)site->callback;
	copy->caller = (uintptr_t)site->caller;
	atomic_store_explicit(&copy->ready, 1,
			      memory_order_release); /* pairs with the acquire in site_take() */
	while (count <= site_index(site) &&
	       !atomic_compare_exchange_weak(&shared->site_count, &count, site_index(site) + 1))
		;
}

void site_publish_all(struct shared *shared)
{
	uint32_t count = atomic_load(&site_count);

	for (uint32_t i = 0; i < count && i < TRACE_SITES_MAX; i++)
		/* One that is being filled in publishes itself: it stores its code before it looks
		 * for `shared`. */
		if (atomic_load(&site_table[i].code))
			site_publish(shared, &site_table[i]);
}

static struct site *site_make(enum trace_kind kind, void *callback, void *caller)
{
	uint32_t index = atomic_load(&site_count) < TRACE_SITES_MAX
			     ? atomic_fetch_add(&site_count, 1)
			     : TRACE_SITES_MAX;
	struct site *site = &site_table[index];
	struct shared *shared;

	if (unlikely(index >= TRACE_SITES_MAX))
		return NULL;
	site->callback = (site_callback)callback;
	site->caller = caller;
	site->kind = kind;
	/* The callback tells libuv's own calls from the user's, not the caller: where uv_walk's
	 * function ends in uv_close, the compiler makes that a jump, and libuv seems to have
	 * called. */
	site->is_uv = libuv_is_text(callback);
	site->has_status = kind_has_status[kind];
	site->due_unseen = kind == KIND_TIMER && libuv_is_patched;
	site->ends_item = !libuv_own_calls_seen && kind_ends_item(kind);
	atomic_store(&site->code, TRACE_CODE_POLL + index);
	shared = process_shared();
	if (shared)
		site_publish(shared, site);
	return site;
}

struct site *site_get(enum trace_kind kind, void *callback, void *caller)
{
	struct site *made = NULL;
	uint32_t slot;

	slot = site_hash(kind, callback, caller);
	for (uint32_t tries = 0; tries < SLOTS; tries++, slot = (slot + 1) % SLOTS) {
		uint32_t entry = atomic_load_explicit(
		    &site_slots[slot], memory_order_acquire); /* pairs with the swap below */

		if (!entry) {
			if (!made && !(made = site_make(kind, callback, caller)))
				break;
			if (atomic_compare_exchange_strong(&site_slots[slot], &entry,
							   site_index(made) + 1))
				return made;
		}
		if (site_matches(&site_table[entry - 1], kind, callback, caller))
			return &site_table[entry - 1];
	}
	process_count_untraced();
	return NULL;
}
