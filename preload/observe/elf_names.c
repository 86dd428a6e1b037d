/* SPDX-License-Identifier: Apache-2.0
 *
 * See elf_names.h.
 */
#include "elf_names.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "elf_file.h"

#define PHDRS_MAX	   64
#define DYNAMIC_MAX	   256
#define CHAIN_MAX	   4096 /* symbols of one bucket that are looked at */
#define NAME_BYTES_MAX	   160
#define STATIC_SYMBOLS_MAX (1u << 20)
#define SYMBOLS_READ	   256
#define HASH_HEADER_BYTES  16

/* ---- Opening --------------------------------------------------------------------------------- */

static void segment_add(struct elf_names *names, const Elf64_Phdr *header)
{
	if (names->segment_count == ELF_NAMES_SEGMENTS_MAX)
		return;
	names->segments[names->segment_count++] =
	    (struct elf_names_segment){header->p_vaddr, header->p_offset, header->p_filesz};
	if (header->p_vaddr < names->start)
		names->start = header->p_vaddr;
}

static void tls_note(struct elf_names *names, const Elf64_Phdr *header)
{
	uint64_t align = header->p_align ? header->p_align : 1;

	if (header->p_memsz <= UINT64_MAX - align)
		names->tls_bytes = (header->p_memsz + align - 1) / align * align;
}

static void dynamic_note(struct elf_names *names, const Elf64_Dyn *entry)
{
	switch (entry->d_tag) {
	case DT_SYMTAB:
		names->symbols = entry->d_un.d_ptr;
		break;
	case DT_STRTAB:
		names->strings = entry->d_un.d_ptr;
		break;
	case DT_STRSZ:
		names->strings_bytes = entry->d_un.d_val;
		break;
	case DT_GNU_HASH:
		names->hash = entry->d_un.d_ptr;
		break;
	}
}

static void dynamic_read(struct elf_names *names, const Elf64_Phdr *header)
{
	Elf64_Dyn entry;

	for (uint64_t i = 0; i < DYNAMIC_MAX && i < header->p_filesz / sizeof(entry); i++) {
		if (!elf_read(names->fd, &entry, sizeof(entry),
			      header->p_offset + i * sizeof(entry)) ||
		    entry.d_tag == DT_NULL)
			return;
		dynamic_note(names, &entry);
	}
}

static void segments_read(struct elf_names *names, const Elf64_Phdr *headers, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (headers[i].p_type == PT_LOAD)
			segment_add(names, &headers[i]);
		else if (headers[i].p_type == PT_TLS)
			tls_note(names, &headers[i]);
		else if (headers[i].p_type == PT_DYNAMIC)
			dynamic_read(names, &headers[i]);
	}
}

static bool hash_read(struct elf_names *names)
{
	uint32_t header[HASH_HEADER_BYTES / sizeof(uint32_t)];

	if (!names->symbols || !names->strings || !names->hash ||
	    !elf_names_read(names, names->hash, header, sizeof(header)))
		return false;
	names->bucket_count = header[0];
	names->first_symbol = header[1];
	names->bloom_words = header[2];
	names->bloom_shift = header[3];
	return names->bucket_count > 0 && names->bloom_words > 0 && names->bloom_shift < 32;
}

bool elf_names_open(struct elf_names *names, int fd)
{
	Elf64_Ehdr header;
	Elf64_Phdr headers[PHDRS_MAX];

	*names = (struct elf_names){.fd = fd, .start = UINT64_MAX};
	if (elf_read(fd, &header, sizeof(header), 0) &&
	    memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
	    header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_phentsize == sizeof(headers[0]) &&
	    header.e_phnum <= PHDRS_MAX &&
	    elf_read(fd, headers, header.e_phnum * sizeof(headers[0]), header.e_phoff)) {
		segments_read(names, headers, header.e_phnum);
		if (hash_read(names))
			return true;
	}
	elf_names_close(names);
	return false;
}

void elf_names_close(struct elf_names *names)
{
	if (names->fd >= 0)
		close(names->fd);
	names->fd = -1;
}

bool elf_names_read(const struct elf_names *names, uint64_t address, void *to, uint64_t bytes)
{
	for (uint32_t i = 0; i < names->segment_count; i++) {
		const struct elf_names_segment *segment = &names->segments[i];
		uint64_t inside = address - segment->address;

		if (address >= segment->address && inside < segment->bytes &&
		    bytes <= segment->bytes - inside)
			return elf_read(names->fd, to, bytes, segment->offset + inside);
	}
	return false;
}

/* ---- Exported symbols ------------------------------------------------------------------------ */

static uint32_t gnu_hash(const char *name)
{
	uint32_t hash = 5381;

	for (const unsigned char *c = (const unsigned char *)name; *c; c++)
		hash = hash * 33 + *c;
	return hash;
}

static bool in_bloom(const struct elf_names *names, uint32_t hash)
{
	uint64_t word, at = names->hash + HASH_HEADER_BYTES +
			    (uint64_t)(hash / 64 % names->bloom_words) * sizeof(word);

	return elf_names_read(names, at, &word, sizeof(word)) && (word >> hash % 64 & 1) &&
	       (word >> (hash >> names->bloom_shift) % 64 & 1);
}

/* The symbol is what is asked for, and defined here. */
static bool symbol_is(const struct elf_names *names, uint32_t index, const char *name,
		      struct elf_name *found)
{
	char text[NAME_BYTES_MAX];
	size_t bytes = strlen(name) + 1;
	Elf64_Sym symbol;

	if (bytes > sizeof(text) ||
	    !elf_names_read(names, names->symbols + (uint64_t)index * sizeof(symbol), &symbol,
			    sizeof(symbol)) ||
	    symbol.st_shndx == SHN_UNDEF || symbol.st_name >= names->strings_bytes ||
	    !elf_names_read(names, names->strings + symbol.st_name, text, bytes) ||
	    memcmp(text, name, bytes) != 0)
		return false;
	*found = (struct elf_name){symbol.st_value, symbol.st_size};
	return true;
}

bool elf_names_find(const struct elf_names *names, const char *name, struct elf_name *found)
{
	uint32_t hash = gnu_hash(name), index, other;
	uint64_t buckets = names->hash + HASH_HEADER_BYTES + 8ull * names->bloom_words;
	uint64_t chain = buckets + 4ull * names->bucket_count;

	if (!in_bloom(names, hash) ||
	    !elf_names_read(names, buckets + 4ull * (hash % names->bucket_count), &index,
			    sizeof(index)) ||
	    index < names->first_symbol)
		return false;
	for (uint32_t i = 0; i < CHAIN_MAX; i++, index++) {
		if (!elf_names_read(names, chain + 4ull * (index - names->first_symbol), &other,
				    sizeof(other)))
			return false;
		if ((other | 1) == (hash | 1) && symbol_is(names, index, name, found))
			return true;
		if (other & 1)
			return false;
	}
	return false;
}

/* ---- .symtab --------------------------------------------------------------------------------- */

struct static_walk {
	const struct elf_names *names;
	Elf64_Shdr strings;
	const char *const *wanted;
	struct elf_name *found;
	uint32_t count, missing;
};

static void static_match(struct static_walk *walk, const Elf64_Sym *symbol)
{
	char text[NAME_BYTES_MAX + 1] = "";
	uint64_t left = walk->strings.sh_size - symbol->st_name;

	if (symbol->st_name >= walk->strings.sh_size ||
	    !elf_read(walk->names->fd, text, left < NAME_BYTES_MAX ? left : NAME_BYTES_MAX,
		      walk->strings.sh_offset + symbol->st_name))
		return;
	for (uint32_t i = 0; i < walk->count; i++) {
		if (walk->found[i].address || strcmp(text, walk->wanted[i]) != 0)
			continue;
		walk->found[i] = (struct elf_name){symbol->st_value, symbol->st_size};
		walk->missing--;
	}
}

static void static_walk(struct static_walk *walk, const Elf64_Shdr *section)
{
	Elf64_Sym symbols[SYMBOLS_READ];
	uint64_t count = section->sh_size / sizeof(symbols[0]);

	count = count < STATIC_SYMBOLS_MAX ? count : STATIC_SYMBOLS_MAX;
	for (uint64_t i = 0; i < count && walk->missing; i += SYMBOLS_READ) {
		uint64_t some = count - i < SYMBOLS_READ ? count - i : SYMBOLS_READ;

		if (!elf_read(walk->names->fd, symbols, some * sizeof(symbols[0]),
			      section->sh_offset + i * sizeof(symbols[0])))
			return;
		/* Variables only: what is looked for is data, and most symbols are functions. */
		for (uint64_t k = 0; k < some && walk->missing; k++)
			if (ELF64_ST_TYPE(symbols[k].st_info) == STT_OBJECT ||
			    ELF64_ST_TYPE(symbols[k].st_info) == STT_TLS)
				static_match(walk, &symbols[k]);
	}
}

void elf_names_find_static(const struct elf_names *names, const char *const *wanted,
			   struct elf_name *found, uint32_t count)
{
	struct static_walk walk = {
	    .names = names, .wanted = wanted, .found = found, .count = count, .missing = count};
	Elf64_Shdr section;

	memset(found, 0, count * sizeof(*found));
	if (elf_symtab(names->fd, &section, &walk.strings))
		static_walk(&walk, &section);
}
