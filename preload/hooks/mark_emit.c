/* SPDX-License-Identifier: Apache-2.0
 *
 * See mark_emit.h. A name takes the next free entry of the table, is filled in, then published by a
 * compare-and-swap into the hash. The loser of a race for the same name leaves its entry unused.
 */
#include "mark_emit.h"

#include <string.h>

#include "program/process.h"
#include "program/thread.h"
#include "uvtrace.h"
#include "program/hotpath.h"

#define SLOTS	 (2 * TRACE_NAMES_MAX)
#define NO_NAME	 UINT32_MAX
#define TEXT_MAX (sizeof(((struct shared_name *)0)->text) - 1)
/* A mark or span and its fields, each with a MARK_HIGH. */
#define WORDS_MAX (2 + 2 * TRACE_MARK_FIELDS_MAX)

_Static_assert(THREAD_HEADROOM > TRACE_DEPTH_MAX + WORDS_MAX + 8, "marks fit behind what is open");

/* ---- Names ----------------------------------------------------------------------------------- */

static uint32_t name_hash(const char *text, size_t bytes)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ (unsigned char)text[i]) * 16777619u;
	return hash % SLOTS;
}

static bool name_is(const struct shared_name *name, const char *text, size_t bytes)
{
	return memcmp(name->text, text, bytes) == 0 && name->text[bytes] == 0;
}

static uint32_t name_make(struct shared *shared, const char *text, size_t bytes)
{
	uint32_t index = atomic_load(&shared->name_count) < TRACE_NAMES_MAX
			     ? atomic_fetch_add(&shared->name_count, 1)
			     : TRACE_NAMES_MAX;

	if (index >= TRACE_NAMES_MAX)
		return NO_NAME;
	memcpy(shared->names[index].text, text, bytes);
	return index;
}

/* By what it says; made where it is new. */
static uint32_t name_find(struct shared *shared, const char *text, size_t bytes)
{
	uint32_t slot = name_hash(text, bytes), made = NO_NAME;

	for (uint32_t tries = 0; tries < SLOTS; tries++, slot = (slot + 1) % SLOTS) {
		_Atomic uint32_t *place = &process->names.slots[slot];
		/* Acquire: pairs with the swap below, before which the text was filled in. */
		uint32_t entry = atomic_load_explicit(place, memory_order_acquire);

		if (!entry) {
			if (made == NO_NAME && (made = name_make(shared, text, bytes)) == NO_NAME)
				return NO_NAME;
			if (atomic_compare_exchange_strong(place, &entry, made + 1)) {
				/* Release: pairs with the acquire in name_is_ready(). */
				atomic_store_explicit(&shared->names[made].ready, 1,
						      memory_order_release);
				return made;
			}
		}
		if (name_is(&shared->names[entry - 1], text, bytes))
			return entry - 1;
	}
	return NO_NAME;
}

/* Most names are literals: the same address, with the same text in it. */
static uint32_t name_index(struct shared *shared, const char *text)
{
	uint64_t address = (uintptr_t)text & TRACE_OBJECT_MASK;
	_Atomic uint64_t *cached =
	    &process->names.cache[(address * 0x9e3779b97f4a7c15ull >> 32) % MARK_CACHE];
	/* Acquire: pairs with the store below; the text is there. */
	uint64_t entry = atomic_load_explicit(cached, memory_order_acquire);
	uint32_t index;

	if (likely(entry >> 16 == address && entry) &&
	    strcmp(shared->names[(entry & 0xffff) - 1].text, text) == 0)
		return (entry & 0xffff) - 1;
	index = name_find(shared, text, strnlen(text, TEXT_MAX));
	if (index == NO_NAME)
		process_count_untraced_mark();
	else
		atomic_store_explicit(cached, address << 16 | (index + 1), memory_order_release);
	return index;
}

/* ---- Records --------------------------------------------------------------------------------- */

static uint32_t words_put(uint64_t *words, uint32_t code, uint32_t name, uint64_t value)
{
	words[0] = trace_mark_word(code, name, 0, value);
	words[1] = trace_word(value >> 32, TRACE_MARK_HIGH);
	return 1 + (value >> 32 != 0);
}

static uint32_t words_put_field(struct shared *shared, uint64_t *words,
				const struct uvtrace_field *field)
{
	uint32_t name = name_index(shared, field->name ? field->name : "");

	return name == NO_NAME ? 0 : words_put(words, TRACE_MARK_FIELD, name, field->value);
}

static void words_emit(const uint64_t *words, uint32_t count)
{
	struct thread *thread = thread_current;

	if (unlikely(!thread->ring)) {
		thread_foreign_emit(words, count);
		return;
	}
	if (unlikely(thread->busy)) {
		thread_count_lost(thread, RING_LOST_REENTRANT, count);
		return;
	}
	thread = thread_reserve(count, thread->role);
	if (!thread)
		return;
	thread_heal(thread, thread_sp());
	thread_put_all(thread, clock_read(thread->clock), words, count);
}

void mark_emit(uint32_t code, const char *name, uint64_t value, const struct uvtrace_field *fields,
	       uint32_t count)
{
	struct shared *shared = process_shared();
	uint64_t words[WORDS_MAX];
	uint32_t index, used;

	if (unlikely(!shared)) {
		process_count_untraced_mark();
		return;
	}
	if (!atomic_load_explicit(&shared->enabled, memory_order_relaxed))
		return;
	index = name_index(shared, name ? name : "");
	if (unlikely(index == NO_NAME))
		return;
	used = words_put(words, code, index, value);
	for (uint32_t i = 0; i < count && i < TRACE_MARK_FIELDS_MAX; i++)
		used += words_put_field(shared, words + used, &fields[i]);
	for (uint32_t i = TRACE_MARK_FIELDS_MAX; i < count; i++)
		process_count_untraced_mark();
	words[0] |= trace_mark_word(0, 0, used - 1, 0);
	words_emit(words, used);
}
