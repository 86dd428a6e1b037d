/* SPDX-License-Identifier: Apache-2.0
 *
 * Names for addresses of a traced process: function, file and line, ready to print. In this order:
 * the binary and its debug information (by build-id), the binary's own symbol tables, the symbols
 * that the trace recorded, module+0xoffset, the bare address. Outside of modules: what the program
 * has written of the code that it made (perf_map.h).
 *
 * Rules: a name never comes from a file that is not the one that ran: where build-ids differ, the
 * file is not looked at. Answers are kept, so asking twice is cheap. One `struct symbols` belongs
 * to one thread.
 */
#ifndef SYMBOLS_H
#define SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/reader.h"

/* No pointer here is ever NULL; all are valid until symbols_close(). */
struct symbol_info {
	const char *name;   /* "on_timer"; C++ demangled, without the parameters; "libfoo.so+0x1234"
			       as the last resort */
	const char *file;   /* source file as the debug information has it, "" where unknown */
	int line;	    /* 0 where unknown */
	bool named;	    /* false: no function is known, the name is a place */
	const char *module; /* file name of the module without directories, "JIT" for code made at
			       run time, else "" */
	const char *text;   /* ready to print: "on_timer demo.c:42", "uv__work_done (libuv.so.1)" */
	bool about;	    /* the line is that one, or near it */
	bool searched;	    /* the module's own file was: what it exports would have its name */
};

struct symbols;

/* NULL only when memory is out. `process` must outlive the result. */
struct symbols *symbols_open(const struct trace_process *process);
void symbols_close(struct symbols *symbols);

/* The callback of a site or, with `caller`, who registered it. Unknown sites get a text that says
 * so. */
const struct symbol_info *symbols_site(struct symbols *symbols, uint32_t site, bool caller);

/* Any address; a return address is looked up as the call before it. */
const struct symbol_info *symbols_address(struct symbols *symbols, uint64_t address,
					  bool return_address);

/* A function of a script where it was, or (`whole`) where it begins. */
const struct symbol_info *symbols_script(struct symbols *symbols, const struct trace_script *script,
					 bool whole);

/* The variable at an address of the process, as in "lock" or "locks+0x28"; NULL: none is known. The
 * caller frees. */
char *symbols_variable(struct symbols *symbols, uint64_t address);

#endif
