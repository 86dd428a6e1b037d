/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the functions of a large table of symbols begin, so that a second search does not read the
 * table again: node's has 110,000 symbols, and a program that ends waits for the names of its last
 * sites. A module's code is divided into parts of equal size; the functions that begin in one form
 * a chain.
 *
 * Rules: memory is what the struct has, 8 bytes for each symbol. What is found is only where to
 * look: the caller reads the symbol itself from the file, and checks it.
 */
#ifndef FUNCTION_INDEX_H
#define FUNCTION_INDEX_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>

#define FUNCTION_INDEX_SYMBOLS_MIN (1u << 12) /* shorter tables are read each time */
#define FUNCTION_INDEX_SYMBOLS_MAX (1u << 18)
#define FUNCTION_INDEX_PARTS	   4096

struct function_index_symbol {
	uint32_t offset; /* of its function, from the start of the code */
	uint32_t next;	 /* of the same part: number of the symbol + 1; 0: the last one */
};

struct function_index {
	uint64_t start, bytes; /* of the code */
	uint32_t symbol_count;
	unsigned int shift;		      /* a part is 1 << shift bytes long */
	uint32_t parts[FUNCTION_INDEX_PARTS]; /* as `next` */
	struct function_index_symbol symbols[FUNCTION_INDEX_SYMBOLS_MAX];
};

/* Whether a table of so many symbols, of that much code, can and should be indexed. */
bool function_index_fits(uint64_t symbol_count, uint64_t code_bytes);

void function_index_begin(struct function_index *index, uint64_t start, uint64_t bytes);

/* Symbols are added in the order of the table, functions or not. */
void function_index_add(struct function_index *index, const Elf64_Sym *symbol);

bool function_index_is_function(const Elf64_Sym *symbol);

/* The number of the symbol whose function begins next to `address`, not behind it, and before
 * `below`; of several with the same start the first of the table. UINT32_MAX: none does nearby. */
uint32_t function_index_find(const struct function_index *index, uint64_t address, uint64_t below);

#endif
