/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds a libuv through the dynamic linker's symbols.
 */
#ifndef BY_SYMBOL_H
#define BY_SYMBOL_H

#include "libuv_functions.h"

/* Where to look, in the dynamic linker's own order. */
enum by_symbol_place {
	BY_SYMBOL_GLOBAL, /* what comes after us in the global scope serves every caller */
	BY_SYMBOL_CALLER, /* what the caller's own object is linked with */
	BY_SYMBOL_LOADED, /* a libuv.so.1 that somebody loaded */
	BY_SYMBOL_PLACES
};

struct by_symbol_found {
	void *uv_run; /* NULL: no libuv there */
	void *handle; /* for dlsym */
	bool opened;  /* the handle is to be given back */
};

/* Looks in one place, for code at `caller`. */
struct by_symbol_found by_symbol_look(enum by_symbol_place place, void *caller);

/* All functions, path and text range of the libuv that was found. It stays loaded for good, or its
 * addresses would go stale. */
void by_symbol_fill(const struct by_symbol_found *found, struct libuv_copy *copy);

/* Gives the handle back, so that the object can be unloaded as ever. */
void by_symbol_done(const struct by_symbol_found *found);

#endif
