/* SPDX-License-Identifier: Apache-2.0
 *
 * One stack of native and script functions. Native frames are functions of this test, named as
 * those of V8 and CPython are; where all frames lie is made up. The truth is written beside each.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../own_modules_helper.h"
#include "symbols/stack.h"

#define SP 0x7ffd00001000ull
#define NATIVE(function, at)                                                                       \
	{                                                                                          \
		.address = (uint64_t)(uintptr_t)(function) + 1, .is_return = true, .sp = SP + (at) \
	}
#define FRAMES(list) list, sizeof(list) / sizeof(*(list))

int v8_json_parse(void), Builtins_InterpreterEntryTrampoline(void), Builtins_CEntry(void);
int node_read(void), _PyEval_EvalFrameDefault(void), _PyEval_Vector(void), PyObject_Call(void);
int uvloop_run(void);

#define FUNCTION(name)                                                                             \
	__attribute__((noinline)) int name(void)                                                   \
	{                                                                                          \
		static volatile int runs;                                                          \
		runs += __LINE__;                                                                  \
		return runs;                                                                       \
	}
FUNCTION(v8_json_parse)
FUNCTION(Builtins_InterpreterEntryTrampoline)
FUNCTION(Builtins_CEntry)
FUNCTION(node_read)
FUNCTION(_PyEval_EvalFrameDefault)
FUNCTION(_PyEval_Vector)
FUNCTION(PyObject_Call)
FUNCTION(uvloop_run)

static struct trace_module modules[MODULES_MAX];
static struct trace_process process;
static struct symbols *symbols;
static struct stack stack;
static struct trace_stall stall;

/* Addresses in libraries of these names, which are not there. */
#define OURS   0x10000ull
#define PLUGIN 0x20000ull
#define PYTHON 0x30000ull

static void module_add(uint64_t start, char *path)
{
	modules[process.module_count++] =
	    (struct trace_module){.start = start, .end = start + 4096, .path = path};
}

static void set_up(void)
{
	static char ours[] = "/usr/lib/libtrace.so", plugin[] = "/nowhere/plugin.so",
		    python_module[] = "/nowhere/libpython3.11.so.1.0";

	own_modules_read(&process, modules);
	module_add(OURS, ours);
	module_add(PLUGIN, plugin);
	module_add(PYTHON, python_module);
	symbols = symbols_open(&process);
}

static void tear_down(void)
{
	symbols_close(symbols);
}

TestSuite(stack, .init = set_up, .fini = tear_down, .timeout = 60);

/* The stack has these functions and no others, as in "a b c"; "?" before what was looked for. */
static void check(const char *expected)
{
	char got[1024] = "";

	for (size_t i = 0; i < stack.count; i++) {
		strcat(got, i ? " " : "");
		strcat(got, stack.frames[i].scanned ? "?" : "");
		strcat(got, stack.frames[i].symbol->name);
	}
	cr_assert_str_eq(got, expected);
}

static void splice(const struct unwind_frame *natives, size_t native_count,
		   struct trace_script *scripts, size_t script_count)
{
	stall.scripts = scripts;
	stall.script_count = (uint16_t)script_count;
	stall.script_status = TRACE_SCRIPT_WHOLE;
	stack_splice(symbols, &stall, natives, native_count, &stack);
}

static struct trace_script script(const char *name, uint8_t kind, uint64_t at)
{
	return (struct trace_script){
	    .function = name, .kind = kind, .frame = at ? SP + at : 0, .file = "/srv/app.js"};
}

/* Native code that JavaScript called, JavaScript that it had called before, and what is further
 * out; what stands for functions of scripts is not shown twice. */
Test(stack, javascript_lies_between_native_frames)
{
	const struct unwind_frame natives[] = {NATIVE(v8_json_parse, 0),
					       NATIVE(Builtins_CEntry, 0x80),
					       NATIVE(Builtins_InterpreterEntryTrampoline, 0x110),
					       NATIVE(Builtins_InterpreterEntryTrampoline, 0x190),
					       NATIVE(node_read, 0x210),
					       NATIVE(Builtins_CEntry, 0x300),
					       NATIVE(Builtins_InterpreterEntryTrampoline, 0x390),
					       NATIVE(uvloop_run, 0x490)};
	struct trace_script scripts[] = {script(NULL, TRACE_SCRIPT_EXIT, 0x100),
					 script("inlined", TRACE_SCRIPT_TURBOFAN, 0x180),
					 script("parse", TRACE_SCRIPT_TURBOFAN, 0x180),
					 script(NULL, TRACE_SCRIPT_ENTRY, 0x200),
					 script(NULL, TRACE_SCRIPT_EXIT, 0x380),
					 script("handler", TRACE_SCRIPT_INTERPRETED, 0x400),
					 script(NULL, TRACE_SCRIPT_ENTRY, 0x480)};

	stall = (struct trace_stall){.sp = SP, .frame_sp = SP + 0x1000};
	splice(FRAMES(natives), FRAMES(scripts));
	check("v8_json_parse inlined parse node_read handler uvloop_run");
	cr_assert(stack.is_whole);
}

/* Unwinding knew no more: the script's functions are there all the same. */
Test(stack, scripts_are_shown_where_unwinding_has_gaps)
{
	struct unwind_frame natives[] = {NATIVE(v8_json_parse, 0), NATIVE(uvloop_run, 0x490)};
	struct trace_script scripts[] = {script(NULL, TRACE_SCRIPT_EXIT, 0x100),
					 script("parse", TRACE_SCRIPT_BASELINE, 0x180),
					 script(NULL, TRACE_SCRIPT_ENTRY, 0x200),
					 script("handler", TRACE_SCRIPT_INTERPRETED, 0x400)};

	stall = (struct trace_stall){.sp = SP};
	natives[1].scanned = true;
	splice(FRAMES(natives), FRAMES(scripts));
	check("v8_json_parse parse handler ?uvloop_run");
	cr_assert(!stack.is_whole, "where the callback ends is not known");
	splice(NULL, 0, FRAMES(scripts));
	check("parse handler");
}

Test(stack, what_is_beyond_the_callback_is_not_shown)
{
	const struct unwind_frame natives[] = {NATIVE(v8_json_parse, 0)};
	struct trace_script scripts[] = {script("own", TRACE_SCRIPT_BASELINE, 0x180),
					 script("main", TRACE_SCRIPT_INTERPRETED, 0x1000)};

	stall = (struct trace_stall){.sp = SP, .frame_sp = SP + 0x1000};
	splice(FRAMES(natives), FRAMES(scripts));
	check("v8_json_parse own");
}

/* What the thread does for uvtrace, and what uvtrace does between the program and libuv. */
Test(stack, own_code_is_no_function_of_the_program)
{
	const struct unwind_frame inside[] = {
	    {.address = OURS + 16, .sp = SP},
	    {.address = OURS + 64, .is_return = true, .sp = SP + 16},
	    NATIVE(uvloop_run, 32)};
	const struct unwind_frame between[] = {
	    NATIVE(node_read, 0), {.address = OURS + 16, .sp = SP + 16}, NATIVE(uvloop_run, 32)};

	stall = (struct trace_stall){.sp = SP, .frame_sp = SP + 0x1000};
	splice(FRAMES(inside), NULL, 0);
	check("(uvtrace) uvloop_run");
	splice(FRAMES(between), NULL, 0);
	check("node_read uvloop_run");
}

Test(stack, says_where_callers_are_not_known)
{
	struct unwind_frame natives[] = {NATIVE(v8_json_parse, 0), NATIVE(node_read, 32)};
	struct trace_script scripts[] = {script("handler", TRACE_SCRIPT_INTERPRETED, 0x400)};

	stall = (struct trace_stall){.sp = SP, .frame_sp = SP + 0x1000};
	natives[1].is_cut = true;
	splice(FRAMES(natives), NULL, 0);
	check("v8_json_parse node_read (callers unknown)");
	splice(FRAMES(natives), FRAMES(scripts));
	check("v8_json_parse node_read handler");
}

/* Addresses that cannot be give no order of frames. */
Test(stack, wild_addresses_keep_the_order_of_functions)
{
	const struct unwind_frame natives[] = {NATIVE(v8_json_parse, 0), NATIVE(node_read, 0x300)};
	struct trace_script scripts[] = {script("inner", TRACE_SCRIPT_BASELINE, 0x180),
					 script("outer", TRACE_SCRIPT_INTERPRETED, 0x80)};

	stall = (struct trace_stall){.sp = SP};
	splice(FRAMES(natives), FRAMES(scripts));
	check("v8_json_parse node_read inner outer");
	scripts[0].frame = scripts[1].frame = 0;
	splice(FRAMES(natives), FRAMES(scripts));
	check("v8_json_parse node_read inner outer");
}

static struct trace_script python(const char *name, uint8_t flags)
{
	return (struct trace_script){
	    .function = name, .kind = TRACE_SCRIPT_PYTHON, .flags = flags, .file = "/srv/app.py"};
}

/* Two calls of the interpreter within the callback; the third group was there before it. */
Test(stack, python_stands_in_the_place_of_its_interpreter)
{
	struct unwind_frame natives[] = {NATIVE(node_read, 0),
					 NATIVE(_PyEval_EvalFrameDefault, 0x80),
					 NATIVE(_PyEval_Vector, 0x200),
					 NATIVE(PyObject_Call, 0x280),
					 NATIVE(_PyEval_EvalFrameDefault, 0x300),
					 NATIVE(uvloop_run, 0x480)};
	struct trace_script scripts[] = {python("inner", 0),
					 python("middle", TRACE_SCRIPT_CALLED_BY_C),
					 python("handler", TRACE_SCRIPT_CALLED_BY_C),
					 python("<module>", TRACE_SCRIPT_CALLED_BY_C)};

	stall = (struct trace_stall){.sp = SP, .frame_sp = SP + 0x1000};
	natives[5].is_outermost = true;
	splice(FRAMES(natives), FRAMES(scripts));
	check("node_read inner middle PyObject_Call handler uvloop_run");
	cr_assert(stack.is_whole);
	natives[5].is_outermost = false;
	splice(FRAMES(natives), FRAMES(scripts));
	check("node_read inner middle PyObject_Call handler uvloop_run <module>");
	cr_assert(!stack.is_whole, "the callback may have more");
	splice(NULL, 0, FRAMES(scripts));
	check("inner middle handler <module>");
}

/* The callback is native code that calls no Python: what ran before it is not its own. */
Test(stack, python_that_the_callback_does_not_run_is_not_shown)
{
	struct unwind_frame natives[] = {NATIVE(node_read, 0), NATIVE(uvloop_run, 0x80)};
	struct trace_script scripts[] = {python("<module>", TRACE_SCRIPT_CALLED_BY_C)};

	stall = (struct trace_stall){.sp = SP, .frame_sp = SP + 0x1000};
	natives[1].is_outermost = true;
	splice(FRAMES(natives), FRAMES(scripts));
	check("node_read uvloop_run");
}

/* A function without a name may be an evaluation where it is Python's, and is none elsewhere. */
Test(stack, functions_of_python_without_names_may_hide_evaluations)
{
	struct unwind_frame natives[] = {NATIVE(node_read, 0), NATIVE(PLUGIN, 0x80),
					 NATIVE(uvloop_run, 0x100)};
	struct trace_script scripts[] = {python("<module>", TRACE_SCRIPT_CALLED_BY_C)};

	stall = (struct trace_stall){.sp = SP, .frame_sp = SP + 0x1000};
	natives[2].is_outermost = true;
	splice(FRAMES(natives), FRAMES(scripts));
	cr_assert(stack.is_whole);
	natives[1].address = PYTHON + 1;
	splice(FRAMES(natives), FRAMES(scripts));
	cr_assert_not(stack.is_whole);
}

/* ---- Names ----------------------------------------------------------------------------------- */

static void check_text(struct trace_script of, const char *text)
{
	cr_assert_str_eq(symbols_script(symbols, &of, false)->text, text);
}

Test(stack, functions_have_names_that_can_be_read)
{
	struct trace_script one = script("countPrimes", TRACE_SCRIPT_MAGLEV, 0);

	one.line = 12;
	one.first_line = 7;
	check_text(one, "countPrimes app.js:12");
	cr_assert_str_eq(symbols_script(symbols, &one, true)->text, "countPrimes app.js:7");
	cr_assert_str_eq(symbols_script(symbols, &one, false)->file, "/srv/app.js");
	one.flags = TRACE_SCRIPT_LINE_ABOUT;
	check_text(one, "countPrimes app.js, about line 12");
	one = script(NULL, TRACE_SCRIPT_TURBOFAN, 0);
	one.line = 80;
	check_text(one, "(anonymous) app.js:80");
	one.flags = TRACE_SCRIPT_UNREADABLE;
	check_text(one, "(unknown function) app.js:80");
	one = (struct trace_script){.function = "sort", .kind = TRACE_SCRIPT_BUILTIN};
	check_text(one, "sort");
	one = (struct trace_script){.function = "Module._compile", .line = 3};
	one.file = "node:internal/modules/cjs/loader";
	check_text(one, "Module._compile node:internal/modules/cjs/loader:3");
	one.function = "a\nb";
	cr_assert_null(strchr(symbols_script(symbols, &one, false)->text, '\n'));
}
