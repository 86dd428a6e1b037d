/* SPDX-License-Identifier: Apache-2.0
 *
 * Small ELF files made in memory: exported integers that are found by DT_GNU_HASH.
 */
#ifndef ELF_IMAGE_HELPER_H
#define ELF_IMAGE_HELPER_H

#include <criterion/criterion.h>
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define IMAGE_BYTES	  32768u
#define IMAGE_DYNAMIC_AT  0x200u
#define IMAGE_HASH_AT	  0x400u
#define IMAGE_SYMBOLS_AT  0x1000u
#define IMAGE_STRINGS_AT  0x3000u
#define IMAGE_VALUES_AT	  0x6000u
#define IMAGE_SYMBOLS_MAX 128u

struct image_symbol {
	const char *name;
	int32_t value;
};

/* Its parts, so that a test can spoil one. */
struct elf_image {
	Elf64_Ehdr *header;
	Elf64_Phdr *segments; /* load, dynamic, thread-local */
	Elf64_Dyn *dynamic;
	uint32_t
	    *hash; /* counts: buckets, first symbol, bloom words, shift; bloom; bucket; chain */
	Elf64_Sym *symbols;
	char *strings;
	uint8_t bytes[IMAGE_BYTES] __attribute__((aligned(16)));
};

static inline uint32_t image_hash(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (uint8_t)*name;
	return hash;
}

static inline void image_headers_make(struct elf_image *image)
{
	*image->header = (Elf64_Ehdr){.e_type = ET_DYN,
				      .e_machine = EM_X86_64,
				      .e_phoff = sizeof(Elf64_Ehdr),
				      .e_ehsize = sizeof(Elf64_Ehdr),
				      .e_phentsize = sizeof(Elf64_Phdr),
				      .e_phnum = 3};
	memcpy(image->header->e_ident, ELFMAG, SELFMAG);
	image->header->e_ident[EI_CLASS] = ELFCLASS64;
	image->segments[0] = (Elf64_Phdr){
	    .p_type = PT_LOAD, .p_filesz = IMAGE_BYTES, .p_memsz = IMAGE_BYTES, .p_flags = PF_R};
	image->segments[1] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
					  .p_offset = IMAGE_DYNAMIC_AT,
					  .p_vaddr = IMAGE_DYNAMIC_AT,
					  .p_filesz = 5 * sizeof(Elf64_Dyn)};
	image->segments[2] = (Elf64_Phdr){.p_type = PT_TLS, .p_memsz = 100, .p_align = 64};
	image->dynamic[0] = (Elf64_Dyn){DT_SYMTAB, {IMAGE_SYMBOLS_AT}};
	image->dynamic[1] = (Elf64_Dyn){DT_STRTAB, {IMAGE_STRINGS_AT}};
	image->dynamic[2] = (Elf64_Dyn){DT_STRSZ, {IMAGE_VALUES_AT - IMAGE_STRINGS_AT}};
	image->dynamic[3] = (Elf64_Dyn){DT_GNU_HASH, {IMAGE_HASH_AT}};
	image->dynamic[4] = (Elf64_Dyn){DT_NULL, {0}};
}

static inline void image_make(struct elf_image *image, const struct image_symbol *symbols,
			      uint32_t count)
{
	uint32_t *chain, string = 1;

	cr_assert_leq(count, IMAGE_SYMBOLS_MAX);
	memset(image->bytes, 0, sizeof(image->bytes));
	image->header = (Elf64_Ehdr *)image->bytes;
	image->segments = (Elf64_Phdr *)(image->bytes + sizeof(Elf64_Ehdr));
	image->dynamic = (Elf64_Dyn *)(image->bytes + IMAGE_DYNAMIC_AT);
	image->hash = (uint32_t *)(image->bytes + IMAGE_HASH_AT);
	image->symbols = (Elf64_Sym *)(image->bytes + IMAGE_SYMBOLS_AT);
	image->strings = (char *)image->bytes + IMAGE_STRINGS_AT;
	image_headers_make(image);
	memcpy(image->hash, (uint32_t[]){1, 1, 1, 6, UINT32_MAX, UINT32_MAX, 1}, 28);
	chain = image->hash + 7;
	for (uint32_t i = 0; i < count; i++) {
		image->symbols[i + 1] = (Elf64_Sym){.st_name = string,
						    .st_info = STT_OBJECT,
						    .st_shndx = 1,
						    .st_value = IMAGE_VALUES_AT + 4 * i,
						    .st_size = 4};
		strcpy(image->strings + string, symbols[i].name);
		string += (uint32_t)strlen(symbols[i].name) + 1;
		memcpy(image->bytes + IMAGE_VALUES_AT + 4 * i, &symbols[i].value, 4);
		chain[i] = (image_hash(symbols[i].name) & ~1u) | (i + 1 == count);
	}
}

/* An open file with it. */
static inline int image_file(const struct elf_image *image, size_t bytes)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, image->bytes, bytes), (ssize_t)bytes);
	return fd;
}

#endif
