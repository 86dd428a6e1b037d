/* SPDX-License-Identifier: Apache-2.0
 *
 * See function_index.h.
 */
#include "function_index.h"

#include <string.h>

#define PARTS_BACK 64 /* that are looked at: a function may begin long before the address */

bool function_index_fits(uint64_t symbol_count, uint64_t code_bytes)
{
	return symbol_count >= FUNCTION_INDEX_SYMBOLS_MIN &&
	       symbol_count <= FUNCTION_INDEX_SYMBOLS_MAX && code_bytes > 0 &&
	       code_bytes <= UINT32_MAX;
}

void function_index_begin(struct function_index *index, uint64_t start, uint64_t bytes)
{
	index->start = start;
	index->bytes = bytes;
	index->symbol_count = 0;
	index->shift = 0;
	while ((bytes - 1) >> index->shift >= FUNCTION_INDEX_PARTS)
		index->shift++;
	memset(index->parts, 0, sizeof(index->parts));
}

bool function_index_is_function(const Elf64_Sym *symbol)
{
	int type = ELF64_ST_TYPE(symbol->st_info);

	return symbol->st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC);
}

void function_index_add(struct function_index *index, const Elf64_Sym *symbol)
{
	uint64_t offset = symbol->st_value - index->start;
	uint32_t number = index->symbol_count;
	uint32_t *part;

	if (number == FUNCTION_INDEX_SYMBOLS_MAX)
		return;
	index->symbol_count++;
	if (offset >= index->bytes || !function_index_is_function(symbol))
		return;
	part = &index->parts[offset >> index->shift];
	index->symbols[number] = (struct function_index_symbol){(uint32_t)offset, *part};
	*part = number + 1;
}

/* The one of a part that begins last in front of `end`. A chain begins with the table's last
 * symbol. */
static uint32_t part_find(const struct function_index *index, uint64_t part, uint64_t end)
{
	uint32_t found = UINT32_MAX, best = 0;

	for (uint32_t next = index->parts[part]; next; next = index->symbols[next - 1].next) {
		uint32_t offset = index->symbols[next - 1].offset;

		if (offset >= end || (found != UINT32_MAX && offset < best))
			continue;
		found = next - 1;
		best = offset;
	}
	return found;
}

uint32_t function_index_find(const struct function_index *index, uint64_t address, uint64_t below)
{
	uint64_t offset = address - index->start, end = below - index->start, last;
	uint32_t found = UINT32_MAX;

	if (offset >= index->bytes || end == 0)
		return UINT32_MAX;
	end = end <= offset ? end : offset + 1;
	last = (end - 1) >> index->shift;
	for (uint64_t back = 0; found == UINT32_MAX && back <= last && back < PARTS_BACK; back++)
		found = part_find(index, last - back, end);
	return found;
}
