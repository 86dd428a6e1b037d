/* SPDX-License-Identifier: Apache-2.0
 *
 * See remote_memory.h. Long reads go around the pages that are kept.
 */
#include "remote_memory.h"

#include <string.h>

#define ADDRESS_END (1ull << 47) /* of user space */

void remote_init(struct remote_memory *memory, uint32_t pid, remote_source source)
{
	memory->pid = pid;
	memory->source = source;
	remote_forget(memory);
}

void remote_forget(struct remote_memory *memory)
{
	memory->reads = memory->reads_failed = memory->clock = 0;
	memset(memory->addresses, 0, sizeof(memory->addresses));
	memset(memory->used_at, 0, sizeof(memory->used_at));
}

static bool source_read(struct remote_memory *memory, uint64_t address, void *to, size_t bytes)
{
	if (memory->reads >= REMOTE_READS_MAX)
		return false;
	memory->reads++;
	if (memory->source(memory->pid, address, to, bytes) == (int64_t)bytes)
		return true;
	memory->reads_failed++;
	return false;
}

/* The page that was not asked for the longest gives way. */
static uint32_t page_oldest(const struct remote_memory *memory)
{
	uint32_t oldest = 0;

	for (uint32_t i = 1; i < REMOTE_PAGES; i++)
		if (memory->used_at[i] < memory->used_at[oldest])
			oldest = i;
	return oldest;
}

static const uint8_t *page_at(struct remote_memory *memory, uint64_t address)
{
	uint32_t place = 0;

	while (place < REMOTE_PAGES && memory->addresses[place] != address)
		place++;
	if (place == REMOTE_PAGES) {
		place = page_oldest(memory);
		memory->addresses[place] = 0;
		memory->used_at[place] = 0;
		if (!source_read(memory, address, memory->pages[place], REMOTE_PAGE_BYTES))
			return NULL;
		memory->addresses[place] = address;
	}
	memory->used_at[place] = ++memory->clock;
	return memory->pages[place];
}

static bool pages_read(struct remote_memory *memory, uint64_t address, char *to, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		uint64_t at = address + done, offset = at % REMOTE_PAGE_BYTES;
		const uint8_t *page = page_at(memory, at - offset);
		size_t part = REMOTE_PAGE_BYTES - offset;

		if (!page)
			return false;
		part = part < bytes - done ? part : bytes - done;
		memcpy(to + done, page + offset, part);
		done += part;
	}
	return true;
}

bool remote_read(struct remote_memory *memory, uint64_t address, void *to, size_t bytes)
{
	bool is_user =
	    address >= REMOTE_PAGE_BYTES && bytes < ADDRESS_END && address < ADDRESS_END - bytes;
	bool done =
	    is_user && (bytes > 2 * REMOTE_PAGE_BYTES ? source_read(memory, address, to, bytes)
						      : pages_read(memory, address, to, bytes));

	if (!done)
		memset(to, 0, bytes);
	return done;
}

uint64_t remote_u64(struct remote_memory *memory, uint64_t address)
{
	uint64_t value;

	remote_read(memory, address, &value, sizeof(value));
	return value;
}

uint32_t remote_u32(struct remote_memory *memory, uint64_t address)
{
	uint32_t value;

	remote_read(memory, address, &value, sizeof(value));
	return value;
}
