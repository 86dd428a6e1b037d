/* SPDX-License-Identifier: Apache-2.0
 *
 * See elf_image.h.
 */
#include "elf_image.h"

#include <string.h>

struct hash_header {
	uint32_t buckets, first_symbol, bloom_words, bloom_shift;
};

static bool segment_has(const ElfW(Phdr) * segment, uintptr_t address, size_t bytes, uint32_t flags)
{
	uintptr_t offset = address - segment->p_vaddr;

	return segment->p_type == PT_LOAD && (segment->p_flags & flags) == flags &&
	       offset < segment->p_filesz && bytes <= segment->p_filesz - offset;
}

bool elf_image_has(const struct elf_image *image, uintptr_t address, size_t bytes, uint32_t flags)
{
	for (size_t i = 0; i < image->segment_count; i++)
		if (segment_has(&image->segments[i], address - image->bias, bytes, flags))
			return true;
	return false;
}

/* The dynamic linker may have put the bias on already. */
static uintptr_t dynamic_address(const struct elf_image *image, const ElfW(Dyn) * entry)
{
	uintptr_t value = entry->d_un.d_ptr;

	return value >= image->bias ? value : value + image->bias;
}

static void dynamic_read(struct elf_image *image, const ElfW(Dyn) * entries, size_t count)
{
	for (size_t i = 0; i < count && entries[i].d_tag != DT_NULL; i++) {
		uintptr_t address = dynamic_address(image, &entries[i]);

		if (entries[i].d_tag == DT_SYMTAB)
			image->symbols = (const ElfW(Sym) *)address;
		else if (entries[i].d_tag == DT_STRTAB)
			image->strings = (const char *)address;
		else if (entries[i].d_tag == DT_STRSZ)
			image->string_bytes = entries[i].d_un.d_val;
		else if (entries[i].d_tag == DT_GNU_HASH)
			image->hash = (const uint32_t *)address;
	}
}

static bool aligned(const void *address, size_t bytes)
{
	return (uintptr_t)address % bytes == 0;
}

/* Whether the tables are there as far as their heads tell; what they point to is checked where it
 * is read. */
static bool tables_are_good(const struct elf_image *image)
{
	const struct hash_header *header = (const void *)image->hash;
	uint64_t words;

	if (!image->hash || !image->symbols || !image->strings ||
	    !aligned(image->hash, sizeof(uint64_t)) || !aligned(image->symbols, sizeof(uint64_t)) ||
	    !elf_image_has(image, (uintptr_t)image->strings, image->string_bytes, PF_R) ||
	    !image->string_bytes || image->strings[image->string_bytes - 1] ||
	    !elf_image_has(image, (uintptr_t)header, sizeof(*header), PF_R))
		return false;
	words = (uint64_t)header->bloom_words * 2 + header->buckets;
	return header->buckets && header->bloom_words &&
	       !(header->bloom_words & (header->bloom_words - 1)) &&
	       elf_image_has(image, (uintptr_t)(header + 1), words * sizeof(uint32_t), PF_R);
}

bool elf_image_read(struct elf_image *image, const ElfW(Phdr) * segments, size_t segment_count,
		    uintptr_t bias)
{
	const ElfW(Phdr) *dynamic = NULL;

	*image =
	    (struct elf_image){.segments = segments, .segment_count = segment_count, .bias = bias};
	for (size_t i = 0; i < segment_count; i++)
		if (segments[i].p_type == PT_DYNAMIC)
			dynamic = &segments[i];
	if (!dynamic || !aligned((void *)(dynamic->p_vaddr + bias), sizeof(uint64_t)) ||
	    !elf_image_has(image, dynamic->p_vaddr + bias, dynamic->p_filesz, PF_R))
		return false;
	dynamic_read(image, (const ElfW(Dyn) *)(dynamic->p_vaddr + bias),
		     dynamic->p_filesz / sizeof(ElfW(Dyn)));
	if (!tables_are_good(image))
		image->hash = NULL;
	return true;
}

/* ---- Look up by name ------------------------------------------------------------------------- */

static uint32_t name_hash(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (uint8_t)*name;
	return hash;
}

static const uint32_t *hash_buckets(const struct hash_header *header)
{
	return (const uint32_t *)((const uint64_t *)(header + 1) + header->bloom_words);
}

/* Whether a symbol of that hash may be there. */
static bool bloom_has(const struct hash_header *header, uint32_t hash)
{
	uint64_t word = ((const uint64_t *)(header + 1))[hash / 64 % header->bloom_words];

	return word >> hash % 64 & word >> (hash >> (header->bloom_shift & 31)) % 64 & 1;
}

/* The chain's entry of a symbol: its hash, with the lowest bit set in the last of a bucket. NULL
 * beyond the table's end. */
static const uint32_t *chain_at(const struct elf_image *image, uint32_t symbol)
{
	const struct hash_header *header = (const void *)image->hash;
	const uint32_t *chain = hash_buckets(header) + header->buckets;

	if (symbol < header->first_symbol)
		return NULL;
	chain += symbol - header->first_symbol;
	return elf_image_has(image, (uintptr_t)chain, sizeof(*chain), PF_R) ? chain : NULL;
}

static const char *symbol_name(const struct elf_image *image, uint32_t symbol)
{
	uint32_t at = image->symbols[symbol].st_name;

	return at < image->string_bytes ? image->strings + at : "";
}

static bool symbol_is_there(const struct elf_image *image, uint32_t symbol)
{
	return elf_image_has(image, (uintptr_t)&image->symbols[symbol], sizeof(ElfW(Sym)), PF_R);
}

/* Address 0 unless the symbol is a function that is defined here. */
static struct elf_function symbol_function(const struct elf_image *image, const ElfW(Sym) * symbol)
{
	struct elf_function function = {symbol->st_value + image->bias, symbol->st_size};

	if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF ||
	    !elf_image_has(image, function.address, function.bytes, PF_X))
		return (struct elf_function){0};
	return function;
}

struct elf_function elf_image_function(const struct elf_image *image, const char *name)
{
	const struct hash_header *header = (const void *)image->hash;
	uint32_t hash = name_hash(name), symbol;
	const uint32_t *chain;

	if (!header || !bloom_has(header, hash))
		return (struct elf_function){0};
	symbol = hash_buckets(header)[hash % header->buckets];
	for (; (chain = chain_at(image, symbol)) != NULL; symbol++) {
		if ((*chain | 1) == (hash | 1) && symbol_is_there(image, symbol) &&
		    strcmp(symbol_name(image, symbol), name) == 0)
			return symbol_function(image, &image->symbols[symbol]);
		if (*chain & 1)
			break;
	}
	return (struct elf_function){0};
}

/* ---- All of them ----------------------------------------------------------------------------- */

/* One past the last symbol of the hash table: the end of the chain that begins last. */
static uint32_t symbol_end(const struct elf_image *image)
{
	const struct hash_header *header = (const void *)image->hash;
	const uint32_t *buckets = hash_buckets(header), *chain;
	uint32_t last = 0;

	for (uint32_t i = 0; i < header->buckets; i++)
		if (buckets[i] > last)
			last = buckets[i];
	while ((chain = chain_at(image, last)) != NULL && !(*chain & 1))
		last++;
	return chain ? last + 1 : 0;
}

bool elf_image_visit(const struct elf_image *image, uintptr_t start, uintptr_t end,
		     bool (*visit)(const char *name, struct elf_function function, void *arg),
		     void *arg)
{
	const struct hash_header *header = (const void *)image->hash;
	uint32_t symbol = header ? header->first_symbol : 0;
	uint32_t last = header ? symbol_end(image) : 0;

	if (symbol >= last || !elf_image_has(image, (uintptr_t)&image->symbols[symbol],
					     (last - (size_t)symbol) * sizeof(ElfW(Sym)), PF_R))
		return true;
	for (; symbol < last; symbol++) {
		const ElfW(Sym) *entry = &image->symbols[symbol];
		struct elf_function function;

		if (entry->st_value + image->bias - start >= end - start)
			continue;
		function = symbol_function(image, entry);
		if (function.address && !visit(symbol_name(image, symbol), function, arg))
			return false;
	}
	return true;
}
