/* SPDX-License-Identifier: Apache-2.0
 *
 * libuv's functions and code by the executable's own table of symbols, which knows static functions
 * too.
 */
#ifndef STATIC_NAMES_H
#define STATIC_NAMES_H

#include "patch/elf_symtab.h"
#include "static_parts.h"

/* Fills in the functions, which are not exported. */
void static_names_find(const struct elf_symtab *table, struct static_parts *parts);

/* Makes the range of code, which begins as that of the functions, hold what lies beside it and is
 * libuv's too. False: other code lies among libuv's, as where the program was optimized as a whole.
 */
bool static_names_extend(const struct elf_symtab *table, struct static_parts *parts);

#endif
