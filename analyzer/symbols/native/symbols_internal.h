/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of the modules as libdw has them, for who unwinds (unwind.c): kept apart from
 * symbols.h, which needs no library.
 */
#ifndef SYMBOLS_INTERNAL_H
#define SYMBOLS_INTERNAL_H

#include <elfutils/libdwfl.h>

#include "symbols/symbols.h"

/* The file that an address' code came from; NULL where there is none that may be believed. *module:
 * what lay there, NULL if nothing did. */
Dwfl_Module *symbols_code(struct symbols *symbols, uint64_t address,
			  const struct trace_module **module);

/* The module is uvtrace's own library. */
bool symbols_is_ours(const struct trace_module *module);

#endif
