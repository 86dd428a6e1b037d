/* SPDX-License-Identifier: Apache-2.0
 *
 * See calls.h. Where functions begin is looked up by function_starts.h; else it is asked of the
 * symbols.
 */
#include "calls.h"

#include "function_starts.h"

#include <string.h>

#define CODE_BYTES_MAX 16
#define NAME_MAX_BYTES 512

/* ---- The file -------------------------------------------------------------------------------- */

static Elf *elf_of(const struct symbols_code *code, uint64_t *address)
{
	GElf_Addr bias;
	Elf *elf = code->file ? dwfl_module_getelf(code->file, &bias) : NULL;

	*address = elf ? code->address - bias : 0;
	return elf;
}

/* ---- Where a function begins ----------------------------------------------------------------- */

/* 0: not known. */
static uint64_t function_start(struct symbols *symbols, uint64_t address)
{
	struct symbols_code code = symbols_code(symbols, address);
	uint64_t own;
	Elf *elf = elf_of(&code, &own);
	GElf_Off offset = 0;
	GElf_Sym symbol;

	if (!elf)
		return 0;
	uint64_t start = elf_function_start(elf, own);
	if (start)
		return address - (own - start);
	return dwfl_module_addrinfo(code.file, code.address, &offset, &symbol, NULL, NULL, NULL)
		   ? address - offset
		   : 0;
}

/* ---- Linked functions ------------------------------------------------------------------------ */

/* The name whose address the linker puts into this place; false: none. */
static bool linked_name(Elf *elf, uint64_t place, char *name, size_t bytes)
{
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
		GElf_Shdr header, symbols;
		Elf_Data *data, *names;
		GElf_Rela entry;
		GElf_Sym symbol;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_RELA ||
		    !(data = elf_getdata(section, NULL)))
			continue;
		Elf_Scn *of = elf_getscn(elf, header.sh_link);
		for (int i = 0; of && gelf_getrela(data, i, &entry); i++) {
			if (entry.r_offset != place || GELF_R_SYM(entry.r_info) == 0)
				continue;
			names = elf_getdata(of, NULL);
			const char *found =
			    gelf_getshdr(of, &symbols) &&
				    gelf_getsym(names, (int)GELF_R_SYM(entry.r_info), &symbol)
				? elf_strptr(elf, symbols.sh_link, symbol.st_name)
				: NULL;
			return found && (size_t)snprintf(name, bytes, "%s", found) < bytes;
		}
	}
	return false;
}

/* What a file exports by a name leads to the function that begins at an address of its own. */
static enum call name_leads(Elf *elf, const char *name, uint64_t start)
{
	enum call call = CALL_NONE;

	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
		GElf_Shdr header;
		GElf_Sym symbol;
		Elf_Data *data;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_DYNSYM ||
		    !(data = elf_getdata(section, NULL)))
			continue;
		for (int i = 0; gelf_getsym(data, i, &symbol); i++) {
			const char *here = symbol.st_shndx == SHN_UNDEF
					       ? NULL
					       : elf_strptr(elf, header.sh_link, symbol.st_name);
			if (!here || strcmp(here, name) != 0)
				continue;
			if (symbol.st_value == start)
				return CALL_LEADS;
			if (GELF_ST_TYPE(symbol.st_info) == STT_GNU_IFUNC)
				call = CALL_POINTER;
		}
	}
	return call;
}

/* A call by the function's address in a place of the caller's file. */
static enum call linked_leads(struct symbols *symbols, Elf *elf, uint64_t place, uint64_t inside)
{
	struct symbols_code code = symbols_code(symbols, inside);
	uint64_t start = function_start(symbols, inside), own;
	Elf *called = elf_of(&code, &own);
	char name[NAME_MAX_BYTES];

	if (!linked_name(elf, place, name, sizeof(name)))
		return CALL_POINTER;
	if (!called || !start)
		return CALL_UNKNOWN;
	return name_leads(called, name, own - (inside - start));
}

/* ---- Instructions ---------------------------------------------------------------------------- */

/* What a call instruction says. */
struct decoded {
	bool is_call, by_place;
	uint64_t target; /* of the file's own addresses; 0: by a pointer */
};

/* The call instruction that ends at this address of x86-64: direct (e8), or through a register or
 * memory (ff /2), of which ff 15 names the place. */
static struct decoded decode_x86_64(const unsigned char *before, uint64_t address)
{
	int32_t distance;

	memcpy(&distance, before + 3, sizeof(distance));
	uint64_t target = address + (uint64_t)(int64_t)distance;
	if (before[2] == 0xe8)
		return (struct decoded){.is_call = true, .target = target};
	if (before[1] == 0xff && before[2] == 0x15)
		return (struct decoded){.is_call = true, .by_place = true, .target = target};
	for (int bytes = 2; bytes <= 7; bytes++) {
		const unsigned char *at = before + 7 - bytes;
		if (at[0] == 0xff && (at[1] >> 3 & 7) == 2)
			return (struct decoded){.is_call = true};
	}
	return (struct decoded){0};
}

static struct decoded decode_aarch64(const unsigned char *before, uint64_t address)
{
	uint32_t code;

	memcpy(&code, before + 3, sizeof(code));
	if ((code & 0xfc000000) == 0x94000000) /* bl */
		return (struct decoded){.is_call = true,
					.target = address - 4 +
						  (uint64_t)((int64_t)(int32_t)(code << 6) >> 4)};
	return (struct decoded){.is_call = (code & 0xfe9ff000) == 0xd61f0000 ||
					   (code & 0xfffff000) == 0xd63f0000};
}

/* The place that an entry of the PLT jumps by: behind endbr64 and bnd, jmp *place (ff 25). */
static uint64_t plt_x86_64(const unsigned char *code, uint64_t address)
{
	static const unsigned char endbr[] = {0xf3, 0x0f, 0x1e, 0xfa};
	size_t at = memcmp(code, endbr, sizeof(endbr)) == 0 ? sizeof(endbr) : 0;
	int32_t distance;

	at += code[at] == 0xf2;
	if (code[at] != 0xff || code[at + 1] != 0x25)
		return 0;
	memcpy(&distance, code + at + 2, sizeof(distance));
	return address + at + 6 + (uint64_t)(int64_t)distance;
}

/* adrp x16, page; ldr x17, [x16, offset] */
static uint64_t plt_aarch64(const unsigned char *code, uint64_t address)
{
	uint32_t adrp, ldr;

	memcpy(&adrp, code, sizeof(adrp));
	memcpy(&ldr, code + sizeof(adrp), sizeof(ldr));
	if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211)
		return 0;
	uint32_t pages = (adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3);
	int64_t distance = (int64_t)((uint64_t)pages << 43) >> 31;
	return (address & ~4095ull) + (uint64_t)distance + (ldr >> 10 & 0xfff) * 8;
}

static uint64_t plt_place(Elf *elf, uint16_t machine, uint64_t address)
{
	unsigned char code[CODE_BYTES_MAX];

	if (!elf_bytes_read(elf, address, code, sizeof(code)))
		return 0;
	return machine == TRACE_MACHINE_AARCH64 ? plt_aarch64(code, address)
						: plt_x86_64(code, address);
}

enum call call_before(struct symbols *symbols, uint16_t machine, uint64_t address, uint64_t inside)
{
	struct symbols_code code = symbols_code(symbols, address - 1);
	unsigned char before[7];
	uint64_t own, start, target;
	Elf *elf = elf_of(&code, &own);

	if (!code.module)
		return CALL_NONE;
	if (!elf || !elf_bytes_read(elf, own + 1 - sizeof(before), before, sizeof(before)))
		return elf ? CALL_NONE : CALL_UNKNOWN;
	struct decoded call = machine == TRACE_MACHINE_AARCH64 ? decode_aarch64(before, own + 1)
							       : decode_x86_64(before, own + 1);
	if (!call.is_call)
		return CALL_NONE;
	start = function_start(symbols, inside);
	if (call.by_place)
		return linked_leads(symbols, elf, call.target, inside);
	if (call.target) {
		target = address + (call.target - own - 1);
		if (start && start == target)
			return CALL_LEADS;
		uint64_t place = plt_place(elf, machine, call.target);
		if (place)
			return linked_leads(symbols, elf, place, inside);
		return start ? CALL_NONE : CALL_UNKNOWN;
	}
	/* Left over from a call that the function itself has made: recursion by a pointer is rare.
	 */
	return start && function_start(symbols, address - 1) == start ? CALL_NONE : CALL_POINTER;
}
