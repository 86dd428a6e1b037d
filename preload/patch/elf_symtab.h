/* SPDX-License-Identifier: Apache-2.0
 *
 * The symbol table that a linker left in an executable's file (.symtab): also of functions that are
 * not exported, and of static ones, each after the name of its source file. It is not loaded with
 * the program, so it is mapped from the file.
 *
 * Rules: nothing is believed; every offset is checked against the file's size.
 */
#ifndef ELF_SYMTAB_H
#define ELF_SYMTAB_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_symtab {
	const ElfW(Sym) * symbols;
	size_t count;
	const char *strings;
	size_t string_bytes;
	void *mappings[2];
	size_t mapping_bytes[2];
};

/* One function. Addresses are the file's: without the bias. */
struct elf_symbol {
	const char *name;
	const char *source; /* of a static function: its source file; else "" */
	uintptr_t address;
	size_t bytes;
};

/* Maps the table of a file. False: it has none, or one of more than `bytes_max`. */
bool elf_symtab_open(struct elf_symtab *table, int fd, size_t bytes_max);
void elf_symtab_close(struct elf_symtab *table);

/* Calls `visit` for each function; stops where that returns false, and returns it. */
bool elf_symtab_visit(const struct elf_symtab *table,
		      bool (*visit)(const struct elf_symbol *symbol, void *arg), void *arg);

#endif
