/* SPDX-License-Identifier: Apache-2.0
 *
 * See function_starts.h.
 */
#include "function_starts.h"

#include <dwarf.h>
#include <string.h>

#define TABLE_BYTES 12 /* header of .eh_frame_hdr, as all linkers write it */

bool elf_bytes_read(Elf *elf, uint64_t address, void *to, size_t bytes)
{
	size_t count = 0;

	if (!elf || elf_getphdrnum(elf, &count) != 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr segment;
		if (!gelf_getphdr(elf, (int)i, &segment) || segment.p_type != PT_LOAD ||
		    address < segment.p_vaddr || bytes > segment.p_filesz ||
		    address - segment.p_vaddr > segment.p_filesz - bytes)
			continue;
		Elf_Data *data = elf_getdata_rawchunk(
		    elf, (int64_t)(segment.p_offset + (address - segment.p_vaddr)), bytes,
		    ELF_T_BYTE);
		if (!data || !data->d_buf)
			return false;
		memcpy(to, data->d_buf, bytes);
		return true;
	}
	return false;
}

static uint64_t table_address(Elf *elf)
{
	size_t count = 0;

	if (elf_getphdrnum(elf, &count) != 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr segment;
		if (gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_GNU_EH_FRAME)
			return segment.p_vaddr;
	}
	return 0;
}

/* The information of a function says how long it is: length, place of the common part, begin
 * relative to itself, bytes. Code without any may follow. */
static bool is_within(Elf *elf, uint64_t information, uint64_t start, uint64_t address)
{
	int32_t words[4];

	if (!elf_bytes_read(elf, information, words, sizeof(words)))
		return false;
	bool is_usual = information + 8 + (uint64_t)(int64_t)words[2] == start;
	return !is_usual || address - start < (uint32_t)words[3];
}

/* The table is sorted: pairs of where a function begins and where its information lies, both
 * relative to the table. 0: the file has none, or one of another form. */
uint64_t elf_function_start(Elf *elf, uint64_t address)
{
	uint64_t table = table_address(elf);
	unsigned char head[TABLE_BYTES];
	uint32_t count, low = 0;
	int32_t pair[2];

	if (!table || !elf_bytes_read(elf, table, head, sizeof(head)) || head[0] != 1 ||
	    head[2] != DW_EH_PE_udata4 || head[3] != (DW_EH_PE_datarel | DW_EH_PE_sdata4))
		return 0;
	memcpy(&count, head + 8, sizeof(count));
	for (uint32_t high = count; low < high;) {
		uint32_t middle = low + (high - low) / 2;

		if (!elf_bytes_read(elf, table + sizeof(head) + (uint64_t)middle * sizeof(pair),
				    pair, sizeof(pair)))
			return 0;
		if (table + (uint64_t)(int64_t)pair[0] <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 ||
	    !elf_bytes_read(elf, table + sizeof(head) + (uint64_t)(low - 1) * sizeof(pair), pair,
			    sizeof(pair)))
		return 0;
	uint64_t start = table + (uint64_t)(int64_t)pair[0];
	return is_within(elf, table + (uint64_t)(int64_t)pair[1], start, address) ? start : 0;
}
