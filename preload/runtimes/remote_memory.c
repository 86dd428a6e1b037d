/* SPDX-License-Identifier: Apache-2.0
 *
 * See remote_memory.h. A page has one place in the table, by its address: two that collide are read
 * again by turns. Long reads go around the table.
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
	memory->reads = memory->reads_failed = 0;
	for (uint32_t i = 0; i < REMOTE_PAGES; i++)
		memory->pages[i].address = 0;
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

static const struct remote_page *page_at(struct remote_memory *memory, uint64_t address)
{
	uint64_t mixed = address / REMOTE_PAGE_BYTES * 0x9e3779b97f4a7c15ull;
	struct remote_page *page = &memory->pages[(mixed >> 32) % REMOTE_PAGES];

	if (page->address == address)
		return page;
	page->address = 0;
	if (!source_read(memory, address, page->bytes, REMOTE_PAGE_BYTES))
		return NULL;
	page->address = address;
	return page;
}

static bool pages_read(struct remote_memory *memory, uint64_t address, char *to, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		uint64_t at = address + done, offset = at % REMOTE_PAGE_BYTES;
		const struct remote_page *page = page_at(memory, at - offset);
		size_t part = REMOTE_PAGE_BYTES - offset;

		if (!page)
			return false;
		part = part < bytes - done ? part : bytes - done;
		memcpy(to + done, page->bytes + offset, part);
		done += part;
	}
	return true;
}

bool remote_read(struct remote_memory *memory, uint64_t address, void *to, size_t bytes)
{
	bool is_user = address >= REMOTE_PAGE_BYTES && bytes < ADDRESS_END &&
		       address < ADDRESS_END - bytes;
	bool done = is_user && (bytes > 2 * REMOTE_PAGE_BYTES
					? source_read(memory, address, to, bytes)
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
