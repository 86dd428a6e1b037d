/* SPDX-License-Identifier: Apache-2.0
 *
 * Symbols of an ELF file by name: by DT_GNU_HASH among the exported ones, and by a walk of .symtab
 * where it has one; and the file's bytes by the addresses at which they are loaded.
 *
 * Rules: as in elf_file.h: read(2) only, and nothing in the file is believed.
 */
#ifndef ELF_NAMES_H
#define ELF_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#define ELF_NAMES_SEGMENTS_MAX 16

/* A part of the file and where it is loaded, in the file's own addresses. */
struct elf_names_segment {
	uint64_t address, offset, bytes;
};

struct elf_names {
	int fd; /* -1: not open */
	uint32_t segment_count;
	struct elf_names_segment segments[ELF_NAMES_SEGMENTS_MAX];
	uint64_t start;	    /* lowest address */
	uint64_t tls_bytes; /* of its thread-local variables, a multiple of their alignment */
	/* Addresses of the dynamic section's tables. */
	uint64_t symbols, strings, strings_bytes, hash;
	uint32_t bucket_count, first_symbol, bloom_words, bloom_shift;
};

struct elf_name {
	uint64_t address; /* in the file's own terms; of a thread-local variable its offset */
	uint64_t bytes;
};

/* Takes `fd` over. False: it is no ELF file with exported symbols that can be found by name; then
 * `fd` is closed. */
bool elf_names_open(struct elf_names *names, int fd);
void elf_names_close(struct elf_names *names);

/* An exported symbol. */
bool elf_names_find(const struct elf_names *names, const char *name, struct elf_name *found);

/* `count` symbols of .symtab, in one walk; those that are not there keep address 0. Takes some
 * milliseconds of a large file. */
void elf_names_find_static(const struct elf_names *names, const char *const *wanted,
			   struct elf_name *found, uint32_t count);

/* Bytes of the file that are loaded at an address; false where it has none there. */
bool elf_names_read(const struct elf_names *names, uint64_t address, void *to, uint64_t bytes);

#endif
