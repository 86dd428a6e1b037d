/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose a function is: the program's own, a package's that it uses, or the language runtime's (V8
 * and node, CPython and its standard library). And what a function of these is for, so that a stack
 * says why the program computes: to collect garbage, to parse JSON.
 *
 * Rules: two tables say it all, by names and paths alone.
 */
#ifndef FUNCTION_ORIGIN_H
#define FUNCTION_ORIGIN_H

#include "stack_frame.h"

enum function_origin { ORIGIN_OWN, ORIGIN_PACKAGE, ORIGIN_RUNTIME };

/* Of a script's function. */
enum function_origin function_origin(const struct trace_script *script);

/* A native function that the program's author wrote, as far as can be told: it is of the executable
 * (its file's name) or has debug information, and is none of a runtime, of libuv or of libc. */
bool function_is_own(const struct symbol_info *native, const char *executable);
/* A native function of V8, node, CPython, Lua or libuv. */
bool function_is_runtime(const struct symbol_info *native);
/* One that runs functions of scripts and has no part of its own in what they do; or code made at
 * run time. */
bool function_is_interpreter(const struct symbol_info *native);

/* One of libc, the linker, or the kernel's own module. */
bool function_is_libc(const struct symbol_info *native);
/* ... of CPython's own file. */
bool function_is_of_python(const struct symbol_info *native);

/* The one function of CPython's own file that makes this system call, as programs call it; NULL:
 * there is none, or several. */
const char *function_name_of_call(const char *syscall);
/* What programs call a native function of the runtime: "time.sleep"; NULL: it is not known to be
 * one of those. */
const char *function_builtin_name(const struct symbol_info *native);
/* What the program calls it, as in "fs.readFileSync" or "json.dumps"; of others just its name. The
 * caller frees; NULL: no memory. */
char *function_public_name(const struct stack_frame *frame);

enum work_reason {
	REASON_NONE,
	REASON_GARBAGE,
	REASON_JSON,
	REASON_REGEXP,
	REASON_COMPRESSION,
	REASON_CRYPTO,
	REASON_COMPILE,
	REASON_REQUIRE,
	REASON_IMPORT,
	REASON_GIL,
	REASON_LOOKUP,
	REASON_SPAWN,
	REASON_CHILD,
	REASON_EXIT,
	REASON_COUNT
};

enum work_reason function_reason(const struct stack_frame *frame);
/* "garbage_collection": never changes. */
const char *work_reason_name(enum work_reason reason);

#endif
