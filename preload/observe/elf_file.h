/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads ELF files: program headers for bias and build-id, the section table for symbols.
 *
 * Rules: read(2) only, because a mapped file that shrinks would be a SIGBUS. The files are not
 * trusted: garbage gives no names, never an access out of bounds or an endless loop.
 */
#ifndef ELF_FILE_H
#define ELF_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>

#define ELF_BUILD_ID_BYTES 64

struct elf_file {
	uint64_t bias; /* address in memory - address in the file */
	uint16_t build_id_bytes;
	uint8_t build_id[ELF_BUILD_ID_BYTES];
};

/* The file as the process sees it, or -1. */
int elf_open(uint32_t pid, const char *path);

bool elf_read(int fd, void *to, uint64_t bytes, uint64_t offset);

/* The build id among these notes: its length, and in *id where it lies; 0 where there is none. */
uint32_t elf_build_id(const char *notes, uint64_t bytes, const char **id);

/* Fills in build-id, and the bias where code of it at this offset is mapped at `start`; leaves as
 * it is what the file does not tell. */
void elf_describe(int fd, uint64_t start, uint64_t offset, struct elf_file *file);

/* Whether the file is what was mapped, as far as can be told: it may have been replaced since. */
bool elf_is(int fd, const struct elf_file *file);

/* The symbol table to look in and its strings. False: there is none. */
bool elf_symbols(int fd, Elf64_Shdr *symbols, Elf64_Shdr *strings);

/* The table that has static symbols too, however large, and its strings. False: it was stripped. */
bool elf_symtab(int fd, Elf64_Shdr *symbols, Elf64_Shdr *strings);

#endif
