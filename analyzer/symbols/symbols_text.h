/* SPDX-License-Identifier: Apache-2.0
 *
 * What symbols.c and its stand-in in the page (viewer/wasm/stand_ins/symbols_embedded.c) share: the
 * texts of what has no name, and names made of what the trace itself says. Strings that are made
 * here are the caller's; NULL: no memory.
 */
#ifndef SYMBOLS_TEXT_H
#define SYMBOLS_TEXT_H

#include "symbols.h"

extern const struct symbol_info symbols_unknown_site, symbols_tail_call, symbols_no_callback;
/* In a stack: uvtrace's own code, and functions that could not be told. */
extern const struct symbol_info symbols_uvtrace, symbols_callers_unknown;

/* Of a site that the trace does not explain: an iteration of the loop where callbacks cannot be
 * seen. */
const struct symbol_info *symbols_absent_site(const struct trace_process *process, bool caller);
/* The newest module that an address lies in; NULL: none. */
const struct trace_module *symbols_module(const struct trace_process *process, uint64_t address);
/* The file name of a path. */
const char *symbols_base_name(const char *path);
/* The module of this name is uvtrace's own library. */
bool symbols_is_our_library(const char *name);
/* Where no function is known: "libfoo.so+0x1234", or the bare address. */
char *symbols_place_name(const struct trace_module *module, uint64_t address);
/* Takes `name` (NULL: stays NULL) over, and adds how far into the function an address lies. */
char *symbols_name_at(char *name, uint64_t offset);
/* As in symbol_info.text. `placed`: the name is a place. */
char *symbols_text(const char *name, bool placed, const char *file, int line, const char *module);

#endif
