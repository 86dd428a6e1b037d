/* SPDX-License-Identifier: Apache-2.0
 *
 * See function_origin.h.
 */
#include "function_origin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array)   (sizeof(array) / sizeof(*(array)))
#define PYTHON_LIBRARY "/lib/python3"

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* ---- Origins --------------------------------------------------------------------------------- */

enum place { BEGINS, HAS };

/* The first row that fits says whose a file is. */
static const struct {
	enum place place;
	const char *text;
	enum function_origin origin;
} file_origins[] = {
    {BEGINS, "node:", ORIGIN_RUNTIME},	      {BEGINS, "internal/", ORIGIN_RUNTIME},
    {BEGINS, "<frozen ", ORIGIN_RUNTIME},     {HAS, "/site-packages/", ORIGIN_PACKAGE},
    {HAS, "/dist-packages/", ORIGIN_PACKAGE}, {HAS, "/node_modules/", ORIGIN_PACKAGE},
    {BEGINS, "asyncio/", ORIGIN_RUNTIME},     {HAS, PYTHON_LIBRARY, ORIGIN_RUNTIME},
};

enum function_origin function_origin(const struct trace_script *script)
{
	if (script->kind == TRACE_SCRIPT_BUILTIN || script->kind == TRACE_SCRIPT_REGEXP)
		return ORIGIN_RUNTIME;
	for (size_t i = 0; script->file && i < COUNT(file_origins); i++)
		if (file_origins[i].place == BEGINS
			? begins(script->file, file_origins[i].text)
			: strstr(script->file, file_origins[i].text) != NULL)
			return file_origins[i].origin;
	return ORIGIN_OWN;
}

bool function_is_runtime(const struct symbol_info *native)
{
	static const char *const prefixes[] = {"Builtins_", "v8::",  "node::", "_Py",
					       "Py",	    "uv_",   "lua_",   "luaL_",
					       "luaV_",	    "luaD_", "luaB_",  "lj_"};

	for (size_t i = 0; i < COUNT(prefixes); i++)
		if (begins(native->name, prefixes[i]))
			return true;
	return function_is_interpreter(native);
}

bool function_is_own(const struct symbol_info *native, const char *executable)
{
	return native->named && (*native->file || strcmp(native->module, executable) == 0) &&
	       !function_is_libc(native) && !function_is_runtime(native) &&
	       !function_is_of_python(native) && !begins(native->module, "libuv.");
}

bool function_is_interpreter(const struct symbol_info *native)
{
	return begins(native->name, "Builtins_") || begins(native->name, "_PyEval_") ||
	       !*native->module || strcmp(native->module, "JIT") == 0;
}

bool function_is_libc(const struct symbol_info *native)
{
	static const char *const names[] = {"libc.",	 "libm.",    "libpthread", "ld-",
					    "libstdc++", "libgcc_s", "[vdso]"};

	for (size_t i = 0; i < COUNT(names); i++)
		if (begins(native->module, names[i]))
			return true;
	return false;
}

bool function_is_of_python(const struct symbol_info *native)
{
	return begins(native->module, "python") || begins(native->module, "libpython");
}

/* ---- What the program calls it --------------------------------------------------------------- */

/* Modules of node that a program loads by this name. */
static bool is_public_module(const char *name, size_t bytes)
{
	static const char *const names[] = {
	    "assert", "buffer", "child_process", "cluster", "crypto", "dgram", "dns",  "events",
	    "fs",     "http",	"http2",	 "https",   "net",    "os",    "path", "process",
	    "stream", "timers", "tls",		 "url",	    "util",   "vm",    "zlib",
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (strlen(names[i]) == bytes && memcmp(names[i], name, bytes) == 0)
			return true;
	return false;
}

/* "node:fs" and "node:internal/fs/utils" are of "fs". */
static char *node_name(const char *file, const char *function)
{
	static const char internal[] = "internal/";
	const char *module = file + (begins(file, "node:") ? 5 : 0);
	char *name;

	module += begins(module, internal) ? sizeof(internal) - 1 : 0;
	size_t bytes = strcspn(module, "/.");
	if (!is_public_module(module, bytes) || strchr(function, '.') || *function == '(')
		return strdup(function);
	return asprintf(&name, "%.*s.%s", (int)bytes, module, function) < 0 ? NULL : name;
}

/* ".../lib/python3.11/json/__init__.py" is "json", "<frozen importlib._bootstrap>" what it says. */
static char *python_name(const char *file, const char *function)
{
	const char *at = strstr(file, PYTHON_LIBRARY), *module;
	char *name;
	int length;

	if (begins(file, "<frozen "))
		length =
		    asprintf(&name, "%.*s.%s", (int)strcspn(file + 8, ">"), file + 8, function);
	else if (at && (module = strchr(at + sizeof(PYTHON_LIBRARY) - 1, '/')))
		length = asprintf(&name, "%s", module + 1);
	else
		return strdup(function);
	if (length < 0 || begins(file, "<frozen "))
		return length < 0 ? NULL : name;
	char *end = strstr(name, "/__init__.py");
	end = end ? end : strstr(name, ".py");
	if (end)
		*end = '\0';
	for (char *slash = name; (slash = strchr(slash, '/'));)
		*slash = '.';
	char *whole;
	length = asprintf(&whole, "%s.%s", name, function);
	free(name);
	return length < 0 ? NULL : whole;
}

/* Functions of CPython in C and of V8 in C++, as programs call them. */
const char *function_builtin_name(const struct symbol_info *native)
{
	static const struct {
		const char *native, *script;
	} names[] = {
	    {"v8::internal::Builtin_JsonParse", "JSON.parse"},
	    {"v8::internal::Builtin_JsonStringify", "JSON.stringify"},
	    {"v8::internal::Builtin_AtomicsWait", "Atomics.wait"},
	    {"PyThread_acquire_lock_timed", "lock.acquire"},
	    {"time_sleep", "time.sleep"},
	    {"sock_recv", "socket.recv"},
	    {"sock_recv_into", "socket.recv_into"},
	    {"sock_send", "socket.send"},
	    {"sock_sendall", "socket.sendall"},
	    {"sock_connect", "socket.connect"},
	    {"sock_accept", "socket.accept"},
	    {"fcntl_flock", "fcntl.flock"},
	    {"os_read", "os.read"},
	    {"os_write", "os.write"},
	    {"os_fsync", "os.fsync"},
	    {"os_waitpid", "os.waitpid"},
	    {"os_open", "os.open"},
	    {"select_select", "select.select"},
	    {"builtin_sorted", "sorted"},
	    {"builtin_sum", "sum"},
	    {"list_sort", "list.sort"},
	    {"list_sort_impl", "list.sort"},
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(names[i].native, native->name) == 0)
			return names[i].script;
	return NULL;
}

const char *function_name_of_call(const char *syscall)
{
	static const struct {
		const char *syscall, *python;
	} names[] = {
	    {"clock_nanosleep", "time.sleep"},
	    {"flock", "fcntl.flock"},
	    {"fsync", "os.fsync"},
	    {"fdatasync", "os.fdatasync"},
	    {"connect", "socket.connect"},
	    {"unlink", "os.unlink"},
	    {"rename", "os.rename"},
	    {"mkdir", "os.mkdir"},
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(names[i].syscall, syscall) == 0)
			return names[i].python;
	return NULL;
}

char *function_public_name(const struct stack_frame *frame)
{
	const struct trace_script *script = frame->script;
	const char *name = frame->symbol->name, *known;

	if (!script)
		return strdup((known = function_builtin_name(frame->symbol)) ? known : name);
	if (function_origin(script) != ORIGIN_RUNTIME || !script->file)
		return strdup(function_origin(script) == ORIGIN_PACKAGE ? frame->symbol->text
									: name);
	return script->kind == TRACE_SCRIPT_PYTHON ? python_name(script->file, name)
						   : node_name(script->file, name);
}

/* ---- Reasons --------------------------------------------------------------------------------- */

enum where { NATIVE, MODULE, SCRIPT };

/* By how a native function's or its module's name begins, or by a part of a script's file. */
static const struct {
	enum where where;
	const char *text;
	enum work_reason reason;
} reasons[] = {
    {NATIVE, "v8::internal::Heap::", REASON_GARBAGE},
    {NATIVE, "v8::internal::Scavenge", REASON_GARBAGE},
    {NATIVE, "v8::internal::MarkCompact", REASON_GARBAGE},
    {NATIVE, "v8::internal::MarkingVisitor", REASON_GARBAGE},
    {NATIVE, "v8::internal::IncrementalMarking", REASON_GARBAGE},
    {NATIVE, "v8::internal::GCTracer", REASON_GARBAGE},
    {NATIVE, "v8::internal::Evacuator", REASON_GARBAGE},
    {NATIVE, "v8::internal::Sweeper", REASON_GARBAGE},
    {NATIVE, "gc_collect", REASON_GARBAGE},
    {NATIVE, "_PyGC_", REASON_GARBAGE},
    {NATIVE, "gc.collect", REASON_GARBAGE},
    {NATIVE, "tp_traverse ", REASON_GARBAGE},
    {NATIVE, "v8::internal::Json", REASON_JSON},
    {NATIVE, "v8::internal::Builtin_Json", REASON_JSON},
    {NATIVE, "v8::internal::Builtin_Impl_Json", REASON_JSON},
    {NATIVE, "v8::internal::RegExp", REASON_REGEXP},
    {NATIVE, "v8::internal::NativeRegExp", REASON_REGEXP},
    {NATIVE, "v8::internal::IrregexpInterpreter", REASON_REGEXP},
    {NATIVE, "v8::internal::Runtime_RegExp", REASON_REGEXP},
    {NATIVE, "Builtins_RegExp", REASON_REGEXP},
    {NATIVE, "sre_", REASON_REGEXP},
    {NATIVE, "pattern_", REASON_REGEXP},
    {NATIVE, "re.Pattern.", REASON_REGEXP},
    {NATIVE, "re.Scanner.", REASON_REGEXP},
    {SCRIPT, "/re/", REASON_REGEXP},
    {SCRIPT, "/re.py", REASON_REGEXP},
    {MODULE, "libz.so", REASON_COMPRESSION},
    {MODULE, "libbrotli", REASON_COMPRESSION},
    {MODULE, "libzstd", REASON_COMPRESSION},
    {NATIVE, "node::zlib", REASON_COMPRESSION},
    {NATIVE, "zlib.", REASON_COMPRESSION},
    {NATIVE, "Cr_z_", REASON_COMPRESSION},
    {NATIVE, "deflate", REASON_COMPRESSION},
    {NATIVE, "inflate", REASON_COMPRESSION},
    {SCRIPT, "node:zlib", REASON_COMPRESSION},
    {SCRIPT, "/gzip.py", REASON_COMPRESSION},
    {MODULE, "libcrypto", REASON_CRYPTO},
    {NATIVE, "node::crypto", REASON_CRYPTO},
    {NATIVE, "EVP_", REASON_CRYPTO},
    {NATIVE, "PKCS5_", REASON_CRYPTO},
    {NATIVE, "ossl_", REASON_CRYPTO},
    {SCRIPT, "node:internal/crypto/", REASON_CRYPTO},
    {SCRIPT, "node:crypto", REASON_CRYPTO},
    {SCRIPT, "/hashlib.py", REASON_CRYPTO},
    {NATIVE, "v8::internal::Compiler", REASON_COMPILE},
    {NATIVE, "v8::internal::Parse", REASON_COMPILE},
    {NATIVE, "v8::internal::interpreter::BytecodeGenerator", REASON_COMPILE},
    {NATIVE, "v8::internal::compiler::", REASON_COMPILE},
    {NATIVE, "_PyAST_Compile", REASON_COMPILE},
    {NATIVE, "_PyParser_", REASON_COMPILE},
    {SCRIPT, "node:internal/modules/", REASON_REQUIRE},
    {SCRIPT, "<frozen importlib", REASON_IMPORT},
    {NATIVE, "take_gil", REASON_GIL},
    {NATIVE, "PyEval_RestoreThread", REASON_GIL},
    {NATIVE, "PyEval_AcquireThread", REASON_GIL},
    {NATIVE, "PyGILState_Ensure", REASON_GIL},
    {NATIVE, "getaddrinfo", REASON_LOOKUP},
    {NATIVE, "gethostby", REASON_LOOKUP},
    {NATIVE, "getnameinfo", REASON_LOOKUP},
    {NATIVE, "uv_spawn", REASON_SPAWN},
    {NATIVE, "node::ProcessWrap::Spawn", REASON_SPAWN},
    {NATIVE, "node::SyncProcess", REASON_CHILD},
    {NATIVE, "__libc_system", REASON_CHILD},
    {NATIVE, "do_system", REASON_CHILD},
    {NATIVE, "uv__threadpool_cleanup", REASON_EXIT},
    {NATIVE, "uv_library_shutdown", REASON_EXIT},
    {NATIVE, "__run_exit_handlers", REASON_EXIT},
    {NATIVE, "node::DefaultProcessExitHandler", REASON_EXIT},
    {NATIVE, "v8::JSON::", REASON_JSON},
    {NATIVE, "py_encode_", REASON_JSON},
    {NATIVE, "encoder_listencode", REASON_JSON},
    {NATIVE, "_parse_object_unicode", REASON_JSON},
    {NATIVE, "scan_once_unicode", REASON_JSON},
    {NATIVE, "_json.", REASON_JSON},
    {SCRIPT, "/json/", REASON_JSON},
};

static bool reason_fits(size_t at, const struct stack_frame *frame)
{
	switch (reasons[at].where) {
	case NATIVE:
		return !frame->script && begins(frame->symbol->name, reasons[at].text);
	case MODULE:
		return !frame->script && begins(frame->symbol->module, reasons[at].text);
	default:
		return frame->script && frame->script->file &&
		       function_origin(frame->script) == ORIGIN_RUNTIME &&
		       strstr(frame->script->file, reasons[at].text);
	}
}

/* What was looked for on the stack may be left over from another call: it proves nothing. */
enum work_reason function_reason(const struct stack_frame *frame)
{
	if (frame->script && frame->script->kind == TRACE_SCRIPT_REGEXP)
		return REASON_REGEXP;
	for (size_t i = 0; !frame->scanned && i < COUNT(reasons); i++)
		if (reason_fits(i, frame))
			return reasons[i].reason;
	return REASON_NONE;
}

const char *work_reason_name(enum work_reason reason)
{
	static const char *const names[REASON_COUNT] = {
	    [REASON_NONE] = "",
	    [REASON_GARBAGE] = "garbage_collection",
	    [REASON_JSON] = "json",
	    [REASON_REGEXP] = "regular_expression",
	    [REASON_COMPRESSION] = "compression",
	    [REASON_CRYPTO] = "cryptography",
	    [REASON_COMPILE] = "compilation",
	    [REASON_REQUIRE] = "require",
	    [REASON_IMPORT] = "import",
	    [REASON_GIL] = "gil",
	    [REASON_LOOKUP] = "lookup",
	    [REASON_SPAWN] = "spawn",
	    [REASON_CHILD] = "child",
	    [REASON_EXIT] = "exit",
	};

	return names[reason];
}
