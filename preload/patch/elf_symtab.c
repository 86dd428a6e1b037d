/* SPDX-License-Identifier: Apache-2.0
 *
 * See elf_symtab.h.
 */
#include "elf_symtab.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTIONS_MAX 256
#define PAGE_BYTES   ((uint64_t)4096)

struct file {
	int fd;
	uint64_t bytes;
};

static bool file_has(const struct file *file, uint64_t offset, uint64_t bytes)
{
	return offset <= file->bytes && bytes <= file->bytes - offset;
}

static bool file_read(const struct file *file, uint64_t offset, void *out, size_t bytes)
{
	return file_has(file, offset, bytes) &&
	       pread(file->fd, out, bytes, (off_t)offset) == (ssize_t)bytes;
}

/* Maps a section's bytes as mapping `i` of the table. */
static const void *section_map(const struct file *file, const ElfW(Shdr) * section,
			       struct elf_symtab *table, int i)
{
	uint64_t skipped = section->sh_offset % PAGE_BYTES;
	uint8_t *memory;

	if (!section->sh_size || !file_has(file, section->sh_offset, section->sh_size))
		return NULL;
	memory = mmap(NULL, section->sh_size + skipped, PROT_READ, MAP_PRIVATE, file->fd,
		      (off_t)(section->sh_offset - skipped));
	if (memory == MAP_FAILED)
		return NULL;
	table->mappings[i] = memory;
	table->mapping_bytes[i] = section->sh_size + skipped;
	return memory + skipped;
}

/* The section of symbols, and the one with their names. */
static bool sections_find(const struct file *file, ElfW(Shdr) * symbols, ElfW(Shdr) * strings)
{
	ElfW(Ehdr) head;
	ElfW(Shdr) sections[SECTIONS_MAX];

	if (!file_read(file, 0, &head, sizeof(head)) || memcmp(head.e_ident, ELFMAG, SELFMAG) ||
	    head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_shentsize != sizeof(sections[0]) ||
	    head.e_shnum > SECTIONS_MAX ||
	    !file_read(file, head.e_shoff, sections, head.e_shnum * sizeof(sections[0])))
		return false;
	for (int i = 0; i < head.e_shnum; i++) {
		if (sections[i].sh_type != SHT_SYMTAB || sections[i].sh_link >= head.e_shnum)
			continue;
		*symbols = sections[i];
		*strings = sections[sections[i].sh_link];
		return symbols->sh_offset % sizeof(uint64_t) == 0;
	}
	return false;
}

bool elf_symtab_open(struct elf_symtab *table, int fd, size_t bytes_max)
{
	struct file file = {.fd = fd};
	ElfW(Shdr) symbols, strings;
	struct stat status;

	*table = (struct elf_symtab){0};
	if (fd < 0 || fstat(fd, &status) != 0)
		return false;
	file.bytes = (uint64_t)status.st_size;
	if (!sections_find(&file, &symbols, &strings) || symbols.sh_size > bytes_max)
		return false;
	table->symbols = section_map(&file, &symbols, table, 0);
	table->strings = section_map(&file, &strings, table, 1);
	table->count = symbols.sh_size / sizeof(ElfW(Sym));
	table->string_bytes = strings.sh_size;
	if (table->symbols && table->strings && !table->strings[table->string_bytes - 1])
		return true;
	elf_symtab_close(table);
	return false;
}

void elf_symtab_close(struct elf_symtab *table)
{
	for (int i = 0; i < 2; i++)
		if (table->mappings[i])
			munmap(table->mappings[i], table->mapping_bytes[i]);
	*table = (struct elf_symtab){0};
}

static const char *symbol_name(const struct elf_symtab *table, const ElfW(Sym) * symbol)
{
	return symbol->st_name < table->string_bytes ? table->strings + symbol->st_name : "";
}

bool elf_symtab_visit(const struct elf_symtab *table,
		      bool (*visit)(const struct elf_symbol *symbol, void *arg), void *arg)
{
	const char *source = "";

	for (size_t i = 0; i < table->count; i++) {
		const ElfW(Sym) *entry = &table->symbols[i];
		bool is_local = ELF64_ST_BIND(entry->st_info) == STB_LOCAL;
		struct elf_symbol symbol = {.address = entry->st_value, .bytes = entry->st_size};

		if (ELF64_ST_TYPE(entry->st_info) == STT_FILE)
			source = symbol_name(table, entry);
		if (ELF64_ST_TYPE(entry->st_info) != STT_FUNC || entry->st_shndx == SHN_UNDEF)
			continue;
		symbol.name = symbol_name(table, entry);
		symbol.source = is_local ? source : "";
		if (!visit(&symbol, arg))
			return false;
	}
	return true;
}
