/* SPDX-License-Identifier: Apache-2.0
 *
 * See patch.h.
 */
#include "patch.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "own_text.h"

#define PIECE_ALIGN ((size_t)16)
#define PAGE_BYTES  ((uintptr_t)4096)

static bool is_good(const struct patch *patch, size_t i)
{
	return patch->wrappers[i] && patch->plans[i].reason == ENTRY_GOOD;
}

size_t patch_good_count(const struct patch *patch)
{
	size_t count = 0;

	for (size_t i = 0; i < patch->count; i++)
		count += is_good(patch, i);
	return count;
}

/* ---- Compare --------------------------------------------------------------------------------- */

/* From the first to the last byte of the zones. */
static void zones_range(const struct patch *patch, uintptr_t *start, uintptr_t *end)
{
	*start = UINTPTR_MAX;
	*end = 0;
	for (size_t i = 0; i < patch->count; i++) {
		const struct entry_plan *plan = &patch->plans[i];

		if (!is_good(patch, i))
			continue;
		if (plan->entry < *start)
			*start = plan->entry;
		if (plan->entry + plan->zone_bytes > *end)
			*end = plan->entry + plan->zone_bytes;
	}
}

bool patch_compare(struct patch *patch)
{
	uintptr_t start, end;

	zones_range(patch, &start, &end);
	if (start >= end || !own_file_open(&patch->file, patch->image, start, end))
		return false;
	for (size_t i = 0; i < patch->count; i++)
		if (is_good(patch, i) && !own_file_matches(&patch->file, patch->plans[i].entry,
							   patch->plans[i].zone_bytes))
			patch->plans[i].reason = ENTRY_CHANGED;
	return true;
}

/* ---- Build ----------------------------------------------------------------------------------- */

static size_t piece_end(size_t at)
{
	return (at + PIECE_ALIGN - 1) & ~(PIECE_ALIGN - 1);
}

/* Both pieces of one function; the end of what is used of the island. */
static size_t build_one(struct patch *patch, size_t i, size_t at)
{
	uint8_t *code = patch->island.code;
	struct entry_plan *plan = &patch->plans[i];
	size_t bytes;

	patch->hooks[i] = (uintptr_t)code + at;
	at = piece_end(at + entry_put_hook(plan, (uintptr_t)patch->wrappers[i], code + at));
	bytes = entry_put_trampoline(plan, (uintptr_t)code + at, code + at);
	if (!bytes) {
		plan->reason = ENTRY_BRANCH_IN_ZONE;
		return at;
	}
	if (entry_trampoline_is_good(plan, (uintptr_t)code + at, code + at, bytes))
		patch->trampolines[i] = (uintptr_t)code + at;
	else
		plan->reason = ENTRY_UNKNOWN_CODE;
	return piece_end(at + bytes);
}

bool patch_build(struct patch *patch)
{
	size_t at = 0, piece = piece_end(ENTRY_HOOK_BYTES_MAX) + ENTRY_TRAMPOLINE_BYTES_MAX;

	if (!island_make(&patch->island, patch->image, patch_good_count(patch) * piece))
		return false;
	for (size_t i = 0; i < patch->count; i++) {
		patch->trampolines[i] = 0;
		if (is_good(patch, i))
			at = build_one(patch, i, at);
	}
	if (island_seal(&patch->island))
		return true;
	patch_drop(patch);
	return false;
}

void patch_drop(struct patch *patch)
{
	island_free(&patch->island);
	own_file_close(&patch->file);
}

/* ---- Write ----------------------------------------------------------------------------------- */

/* The functions to patch by their addresses, and what was in their zones. */
struct writing {
	const struct patch *patch;
	int fd;
	size_t count;
	uint8_t order[PATCH_FUNCTIONS_MAX];
	uint8_t old[PATCH_FUNCTIONS_MAX][ENTRY_ZONE_BYTES_MAX]; /* in that order */
};

static const struct entry_plan *plan_at(const struct writing *writing, size_t i)
{
	return &writing->patch->plans[writing->order[i]];
}

static void writing_begin(struct writing *writing, const struct patch *patch)
{
	writing->patch = patch;
	writing->count = 0;
	for (size_t i = 0; i < patch->count && i < PATCH_FUNCTIONS_MAX; i++) {
		size_t at = writing->count;

		if (!is_good(patch, i))
			continue;
		for (; at > 0 && plan_at(writing, at - 1)->entry > patch->plans[i].entry; at--)
			writing->order[at] = writing->order[at - 1];
		writing->order[at] = (uint8_t)i;
		writing->count++;
	}
	for (size_t i = 0; i < writing->count; i++)
		memcpy(writing->old[i], (void *)plan_at(writing, i)->entry,
		       plan_at(writing, i)->zone_bytes);
}

static uintptr_t zone_end(const struct writing *writing, size_t i)
{
	return plan_at(writing, i)->entry + plan_at(writing, i)->zone_bytes;
}

/* One past the last function that is written together with the first: those of one page with
 * nothing but the file's own bytes in between. So no probe that somebody has set there can be
 * written again after it is gone. */
static size_t group_end(const struct writing *writing, size_t first)
{
	uintptr_t page = plan_at(writing, first)->entry / PAGE_BYTES;
	size_t next = first + 1;

	for (; next < writing->count; next++) {
		uintptr_t before = zone_end(writing, next - 1);

		if ((zone_end(writing, next) - 1) / PAGE_BYTES != page ||
		    !own_file_matches(&writing->patch->file, before,
				      plan_at(writing, next)->entry - before))
			break;
	}
	return next;
}

/* Puts the jumps into functions [first, next), by one write. */
static bool group_write(const struct writing *writing, size_t first, size_t next)
{
	uintptr_t start = plan_at(writing, first)->entry, end = start;
	uint8_t code[PAGE_BYTES + ENTRY_ZONE_BYTES_MAX];

	for (size_t i = first; i < next; i++) {
		const struct entry_plan *plan = plan_at(writing, i);

		if (plan->entry > end)
			memcpy(code + (end - start), own_file_at(&writing->patch->file, end),
			       plan->entry - end);
		entry_put_zone(plan, writing->patch->hooks[writing->order[i]],
			       code + (plan->entry - start));
		end = zone_end(writing, i);
	}
	return own_text_write(writing->fd, start, code, end - start);
}

static void write_back(const struct writing *writing, size_t count)
{
	for (size_t i = 0; i < count; i++)
		own_text_write(writing->fd, plan_at(writing, i)->entry, writing->old[i],
			       plan_at(writing, i)->zone_bytes);
}

static bool write_all(const struct writing *writing)
{
	size_t next;

	for (size_t first = 0; first < writing->count; first = next) {
		next = group_end(writing, first);
		if (!group_write(writing, first, next)) {
			write_back(writing, next);
			return false;
		}
	}
	return true;
}

bool patch_write(struct patch *patch)
{
	struct writing writing = {.fd = own_text_open()};
	bool written;

	if (writing.fd < 0)
		return false;
	writing_begin(&writing, patch);
	written = write_all(&writing);
	close(writing.fd);
	own_file_close(&patch->file);
	return written;
}
