/* SPDX-License-Identifier: Apache-2.0
 *
 * See segment_internal.h: the registry of sites and names. Sites that threads of the program
 * have entered in shared memory are copied once, and their symbols are looked for. Every segment is
 * told what its events refer to.
 */
#include "segment_internal.h"

#include <string.h>

#define SITES_BATCH 128 /* resolved at once */

/* ---- Sites ---------------------------------------------------------------------------------- */

static void put_site(struct segment *segment, uint32_t index, uint64_t now_ns)
{
	const struct segment_site *site = &segment->sites[index];
	struct module_text callback = site->callback_symbol.name, caller = site->caller_symbol.name;
	uint32_t bytes = (uint32_t)sizeof(struct trace_site_entry) + callback.bytes + caller.bytes;
	struct trace_site_entry *entry = entries_add(segment, &segment->entries, &bytes, now_ns);

	if (!entry)
		return;
	entry->entry_bytes = bytes;
	entry->site = (uint16_t)index;
	entry->kind = site->kind;
	entry->callback = site->callback;
	entry->caller = site->caller;
	entry->callback_offset = site->callback_symbol.offset;
	entry->caller_offset = site->caller_symbol.offset;
	entry->callback_symbol_bytes = callback.bytes;
	entry->caller_symbol_bytes = caller.bytes;
	memcpy(entry->text, segment_text(segment, callback), callback.bytes);
	memcpy(entry->text + callback.bytes, segment_text(segment, caller), caller.bytes);
}

/* At most half of a segment: where that is too little, some sites are told in other segments only.
 */
void segment_put_all_sites(struct segment *segment, uint64_t now_ns)
{
	entries_begin(&segment->entries, TRACE_BLOCK_SITES);
	for (uint32_t i = 0; i < segment->sites_end; i++) {
		if (segment->entries.header.payload_bytes + segment->writer.segment_bytes_max / 2 >
		    writer_space_left(&segment->writer))
			break;
		if (segment->sites[i].known)
			put_site(segment, i, now_ns);
	}
	entries_flush(segment, &segment->entries, now_ns);
}

/* Copies a site that has become ready. */
static bool site_take(struct segment *segment, uint32_t index)
{
	struct segment_site *site = &segment->sites[index];
	struct shared_site *shared = &segment->shared->sites[index];

	/* Acquire: pairs with the release of the thread that filled the site in. */
	if (site->known || atomic_load_explicit(&shared->ready, memory_order_acquire) != 1)
		return false;
	site->known = true;
	site->kind = (uint8_t)shared->kind;
	site->callback = shared->callback;
	site->caller = shared->caller;
	return true;
}

static bool address_is_strange(const struct segment *segment, uint64_t address)
{
	return address != 0 && !modules_find(&segment->modules, address);
}

/* A return address may be the first byte behind its function, so the byte before it is looked for.
 */
#define CALLER_BACK 1

static void sites_resolve(struct segment *segment, const uint32_t *sites, uint32_t count)
{
	struct module_symbol wanted[2 * SITES_BATCH] = {0};

	for (uint32_t i = 0; i < count; i++) {
		wanted[2 * i].address = segment->sites[sites[i]].callback;
		wanted[2 * i + 1].address = segment->sites[sites[i]].caller - CALLER_BACK;
		wanted[2 * i].tag = 2 * i;
		wanted[2 * i + 1].tag = 2 * i + 1;
	}
	modules_resolve(&segment->modules, wanted, 2 * count);
	for (uint32_t i = 0; i < 2 * count; i++) {
		struct segment_site *site = &segment->sites[sites[wanted[i].tag / 2]];

		if (wanted[i].tag % 2 == 0) {
			site->callback_symbol = wanted[i];
			continue;
		}
		wanted[i].offset += wanted[i].name.bytes > 0 ? CALLER_BACK : 0;
		site->caller_symbol = wanted[i];
	}
}

/* Tells a batch of sites, and before it what modules they lie in. */
static void sites_tell(struct segment *segment, const uint32_t *sites, uint32_t count,
		       uint64_t now_ns)
{
	bool strange = false;

	for (uint32_t i = 0; i < count; i++)
		strange |= address_is_strange(segment, segment->sites[sites[i]].callback) ||
			   address_is_strange(segment, segment->sites[sites[i]].caller);
	if (strange)
		modules_read(&segment->modules);
	sites_resolve(segment, sites, count);
	preamble_put_modules(segment, now_ns);
	entries_begin(&segment->entries, TRACE_BLOCK_SITES);
	for (uint32_t i = 0; i < count; i++)
		put_site(segment, sites[i], now_ns);
	entries_flush(segment, &segment->entries, now_ns);
}

void segment_update_sites(struct segment *segment, uint64_t now_ns)
{
	/* Acquire: pairs with the release of the thread that took the site. */
	uint32_t end = atomic_load_explicit(&segment->shared->site_count, memory_order_acquire);
	uint32_t batch[SITES_BATCH], count = 0;

	end = end < TRACE_SITES_MAX ? end : TRACE_SITES_MAX;
	for (uint32_t i = segment->sites_seen; i < end; i++) {
		if (!site_take(segment, i))
			continue;
		segment->sites_end = i + 1 > segment->sites_end ? i + 1 : segment->sites_end;
		batch[count++] = i;
		if (count == SITES_BATCH) {
			sites_tell(segment, batch, count, now_ns);
			count = 0;
		}
	}
	if (count > 0)
		sites_tell(segment, batch, count, now_ns);
	while (segment->sites_seen < end && segment->sites[segment->sites_seen].known)
		segment->sites_seen++;
}

/* ---- Names ---------------------------------------------------------------------------------- */

static void put_name(struct segment *segment, uint32_t index, uint64_t now_ns)
{
	const struct shared_name *name = &segment->shared->names[index];
	uint32_t name_bytes = (uint32_t)strnlen(name->text, sizeof(name->text));
	uint32_t bytes = (uint32_t)sizeof(struct trace_name_entry) + name_bytes;
	struct trace_name_entry *entry = entries_add(segment, &segment->entries, &bytes, now_ns);

	if (!entry)
		return;
	entry->entry_bytes = bytes;
	entry->name = (uint16_t)index;
	entry->name_bytes = (uint16_t)name_bytes;
	memcpy(entry->text, name->text, name_bytes);
}

/* Of each segment three quarters at most are about other things than events: where names do not fit
 * into that, some are told in other segments only. */
static bool has_room_for_names(const struct segment *segment)
{
	return segment->entries.header.payload_bytes + segment->writer.segment_bytes_max / 4 <=
	       writer_space_left(&segment->writer);
}

static bool name_is_ready(const struct segment *segment, uint32_t index)
{
	/* Acquire: pairs with the release of the thread that filled the text in. */
	return atomic_load_explicit(&segment->shared->names[index].ready, memory_order_acquire) ==
	       1;
}

void segment_update_names(struct segment *segment, uint64_t now_ns)
{
	uint32_t end = atomic_load_explicit(&segment->shared->name_count, memory_order_acquire);

	end = end < TRACE_NAMES_MAX ? end : TRACE_NAMES_MAX;
	if (segment->names_seen >= end)
		return;
	entries_begin(&segment->entries, TRACE_BLOCK_NAMES);
	for (uint32_t i = segment->names_seen; i < end; i++) {
		if (segment->names_told[i] || !name_is_ready(segment, i))
			continue;
		if (has_room_for_names(segment))
			put_name(segment, i, now_ns);
		segment->names_told[i] = true;
	}
	entries_flush(segment, &segment->entries, now_ns);
	while (segment->names_seen < end && segment->names_told[segment->names_seen])
		segment->names_seen++;
}

void segment_put_all_names(struct segment *segment, uint64_t now_ns)
{
	memset(segment->names_told, 0, sizeof(segment->names_told));
	segment->names_seen = 0;
	segment_update_names(segment, now_ns);
}
