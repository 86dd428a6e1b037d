/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of the modules as libdw has them, for who unwinds (unwind.c): kept apart from
 * symbols.h, which needs no library.
 */
#ifndef SYMBOLS_INTERNAL_H
#define SYMBOLS_INTERNAL_H

#include <elfutils/libdwfl.h>

#include "symbols/symbols.h"

/* Where an address' code came from. */
struct symbols_code {
	const struct trace_module *module; /* what lay there; NULL if nothing did */
	Dwfl_Module *file;		   /* NULL: there is none that may be believed */
	uint64_t address;		   /* what libdw calls it: an executable that is mapped at
					    * a second place keeps its own addresses there */
};

struct symbols_code symbols_code(struct symbols *symbols, uint64_t address);

/* The module is uvtrace's own library. */
bool symbols_is_ours(const struct trace_module *module);

#endif
