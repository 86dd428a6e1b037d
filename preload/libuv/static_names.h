/* SPDX-License-Identifier: Apache-2.0
 *
 * libuv's functions and code by the executable's own table of symbols, which knows static functions
 * too.
 */
#ifndef STATIC_NAMES_H
#define STATIC_NAMES_H

#include "patch/elf_symtab.h"
#include "static_parts.h"

/* Fills in the range of code, and the functions where they are not exported. False: other code
 * lies among libuv's, as where the program was optimized as a whole. */
bool static_names_read(const struct elf_symtab *table, struct static_parts *parts);

#endif
