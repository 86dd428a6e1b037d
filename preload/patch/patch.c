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
	struct own_file file;
	uintptr_t start, end;

	zones_range(patch, &start, &end);
	if (start >= end || !own_file_open(&file, patch->image, start, end))
		return false;
	for (size_t i = 0; i < patch->count; i++)
		if (is_good(patch, i) &&
		    !own_file_matches(&file, patch->plans[i].entry, patch->plans[i].zone_bytes))
			patch->plans[i].reason = ENTRY_CHANGED;
	own_file_close(&file);
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
}

/* ---- Write ----------------------------------------------------------------------------------- */

struct old_zone {
	uint8_t bytes[ENTRY_ZONE_BYTES_MAX];
};

/* Puts the jump into function i; `old` is what was there. */
static bool write_one(const struct patch *patch, size_t i, int fd, struct old_zone *old)
{
	const struct entry_plan *plan = &patch->plans[i];
	uint8_t zone[ENTRY_ZONE_BYTES_MAX];

	memcpy(old->bytes, (void *)plan->entry, plan->zone_bytes);
	entry_put_zone(plan, patch->hooks[i], zone);
	return own_text_write(fd, plan->entry, zone, plan->zone_bytes);
}

static void write_back(const struct patch *patch, size_t count, int fd, const struct old_zone *old)
{
	for (size_t i = 0; i < count; i++)
		if (is_good(patch, i))
			own_text_write(fd, patch->plans[i].entry, old[i].bytes,
				       patch->plans[i].zone_bytes);
}

bool patch_write(const struct patch *patch)
{
	struct old_zone old[PATCH_FUNCTIONS_MAX];
	int fd = patch->count <= PATCH_FUNCTIONS_MAX ? own_text_open() : -1;
	size_t done = 0;

	if (fd < 0)
		return false;
	while (done < patch->count &&
	       (!is_good(patch, done) || write_one(patch, done, fd, &old[done])))
		done++;
	if (done < patch->count)
		write_back(patch, done + 1, fd, old);
	close(fd);
	return done == patch->count;
}
