/* SPDX-License-Identifier: Apache-2.0
 *
 * See stack.h.
 *
 * JavaScript: frames say where they lie on the stack. They come in runs: from where V8 called
 * native code (an exit frame; the innermost run may begin without) out to where native code called
 * V8 (an entry frame). Native frames lie between the runs, by their stack pointers.
 *
 * Python: each call of the interpreter is one native frame, in the place of which come the
 * functions that it ran, out to one that native code called.
 */
#include "stack.h"

#include <string.h>

#include "function_origin.h"
#include "symbols_text.h"

struct splice {
	struct symbols *symbols;
	const struct unwind_frame *natives;
	size_t native_count;
	const struct trace_script *scripts;
	size_t script_count;
	uint64_t frame_sp; /* 0: not known */
	struct stack *stack;
};

static const struct symbol_info *native_symbol(const struct splice *splice, size_t at)
{
	return unwind_symbol(splice->symbols, &splice->natives[at]);
}

static void put_native(const struct splice *splice, size_t at)
{
	struct stack *stack = splice->stack;

	if (stack->count < STACK_FRAMES_MAX)
		stack->frames[stack->count++] = (struct stack_frame){
		    .symbol = native_symbol(splice, at), .scanned = splice->natives[at].scanned};
}

static bool is_function(const struct trace_script *script)
{
	return script->kind != TRACE_SCRIPT_EXIT && script->kind != TRACE_SCRIPT_ENTRY &&
	       (script->kind <= TRACE_SCRIPT_PYTHON || script->function);
}

static void put_script(const struct splice *splice, const struct trace_script *script)
{
	struct stack *stack = splice->stack;

	if (is_function(script) && stack->count < STACK_FRAMES_MAX)
		stack->frames[stack->count++] = (struct stack_frame){
		    .symbol = symbols_script(splice->symbols, script, false), .script = script};
}

/* ---- JavaScript ------------------------------------------------------------------------------ */

/* Each frame lies further out than the one before; one that is inlined lies where its caller does.
 */
static bool frames_in_order(const struct splice *splice)
{
	uint64_t last = 0;

	for (size_t i = 0; i < splice->script_count; i++) {
		uint64_t frame = splice->scripts[i].frame;
		if (frame && frame < last)
			return false;
		last = frame ? frame : last;
	}
	return last != 0 || splice->script_count == 0;
}

/* How many are the callback's: the others lie where libuv's frames do. */
static size_t count_inside(const struct splice *splice)
{
	size_t inside = 0;

	for (size_t i = 0; i < splice->script_count; i++) {
		if (splice->frame_sp && splice->scripts[i].frame >= splice->frame_sp)
			break;
		if (splice->scripts[i].frame)
			inside = i + 1;
	}
	return inside;
}

/* The end of the run that begins with script `first`. */
static size_t run_end(const struct splice *splice, size_t first)
{
	size_t end = first;

	while (end < splice->script_count && splice->scripts[end].kind != TRACE_SCRIPT_ENTRY &&
	       (end == first || splice->scripts[end].kind != TRACE_SCRIPT_EXIT))
		end++;
	if (end < splice->script_count && splice->scripts[end].kind == TRACE_SCRIPT_ENTRY)
		end++;
	return end;
}

static uint64_t run_low(const struct splice *splice, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		if (splice->scripts[i].frame)
			return splice->scripts[i].frame;
	return 0;
}

static uint64_t run_high(const struct splice *splice, size_t first, size_t end)
{
	for (size_t i = end; i-- > first;)
		if (splice->scripts[i].frame)
			return splice->scripts[i].frame;
	return 0;
}

/* Code of V8's own, or made by it: what it did is told by the script frames around. */
static bool is_stand_in(const struct splice *splice, size_t at)
{
	const struct symbol_info *symbol = native_symbol(splice, at);

	return function_is_interpreter(symbol) || (at > 0 && !symbol->named);
}

/* Native frames up to the run, which begins at `low`: the last one may reach into it. */
static size_t put_natives_below(const struct splice *splice, size_t at, uint64_t low)
{
	for (; at < splice->native_count && splice->natives[at].sp <= low; at++) {
		bool reaches = at + 1 == splice->native_count || splice->natives[at + 1].sp > low;
		if (!reaches || !is_stand_in(splice, at))
			put_native(splice, at);
	}
	return at;
}

static void splice_javascript(struct splice *splice)
{
	size_t at = 0;

	if (!frames_in_order(splice)) {
		for (; at < splice->native_count; at++)
			put_native(splice, at);
		for (size_t i = 0; i < splice->script_count; i++)
			put_script(splice, &splice->scripts[i]);
		return;
	}
	splice->stack->is_whole = splice->frame_sp != 0;
	splice->script_count = count_inside(splice);
	for (size_t first = 0; first < splice->script_count;) {
		size_t end = run_end(splice, first);
		uint64_t high = run_high(splice, first, end);

		at = put_natives_below(splice, at, run_low(splice, first, end));
		for (; first < end; first++)
			put_script(splice, &splice->scripts[first]);
		while (at < splice->native_count && splice->natives[at].sp <= high)
			at++;
	}
	for (; at < splice->native_count; at++)
		put_native(splice, at);
}

/* ---- Python ---------------------------------------------------------------------------------- */

/* One call of the interpreter, which a compiler may have cut in two. */
static bool is_evaluation(const struct symbol_info *symbol)
{
	static const char name[] = "_PyEval_EvalFrameDefault";
	size_t length = sizeof(name) - 1;

	return strncmp(symbol->name, name, length) == 0 &&
	       (symbol->name[length] == '\0' || symbol->name[length] == '.' ||
		symbol->name[length] == '+');
}

/* Functions up to the one that native code called. */
static size_t put_group(const struct splice *splice, size_t first)
{
	bool is_last = false;

	while (first < splice->script_count && !is_last) {
		is_last = splice->scripts[first].flags & TRACE_SCRIPT_CALLED_BY_C;
		put_script(splice, &splice->scripts[first++]);
	}
	return first;
}

/* Whether native frames are known out to the callback's outermost one: then what they have no place
 * for was there before the callback began. An interpreter whose file is missing may hide
 * evaluations; where there is one, their function has its name, which it exports. */
static bool natives_are_whole(const struct splice *splice)
{
	for (size_t i = 0; i < splice->native_count; i++) {
		const struct symbol_info *symbol = native_symbol(splice, i);
		if (splice->natives[i].scanned)
			return false;
		if (!symbol->named && !symbol->searched && function_is_of_python(symbol))
			return false;
	}
	return splice->native_count > 0 && splice->natives[splice->native_count - 1].is_outermost;
}

static void splice_python(struct splice *splice)
{
	size_t script = 0;

	splice->stack->is_whole = natives_are_whole(splice);
	for (size_t at = 0; at < splice->native_count; at++) {
		const struct symbol_info *symbol = native_symbol(splice, at);
		if (script < splice->script_count && is_evaluation(symbol))
			script = put_group(splice, script);
		else if (script == 0 || !function_is_interpreter(symbol))
			put_native(splice, at);
	}
	while (!splice->stack->is_whole && script < splice->script_count)
		put_script(splice, &splice->scripts[script++]);
}

/* ---- Both ------------------------------------------------------------------------------------ */

static bool is_ours(const struct stack_frame *frame)
{
	return !frame->script && symbols_is_our_library(frame->symbol->module);
}

/* How many of the innermost frames are uvtrace's own code, with what that called of libc. */
static size_t count_ours(const struct stack *stack)
{
	size_t inner = 0;

	while (inner < stack->count && !stack->frames[inner].script &&
	       function_is_libc(stack->frames[inner].symbol))
		inner++;
	if (inner == stack->count || !is_ours(&stack->frames[inner]))
		return 0;
	while (inner < stack->count && is_ours(&stack->frames[inner]))
		inner++;
	return inner;
}

/* What the thread does for uvtrace is told as that; what lies between the program and libuv is not
 * told. */
static void hide_ours(struct stack *stack)
{
	size_t inner = count_ours(stack), kept = 0;

	if (inner > 0)
		stack->frames[kept++] =
		    (struct stack_frame){.symbol = &symbols_uvtrace, .is_marker = true};
	for (size_t i = inner; i < stack->count; i++)
		if (!is_ours(&stack->frames[i]))
			stack->frames[kept++] = stack->frames[i];
	stack->count = kept;
}

/* Functions of scripts further out are known by other means. */
static void mark_cut(const struct splice *splice)
{
	struct stack *stack = splice->stack;

	if (splice->native_count == 0 || !splice->natives[splice->native_count - 1].is_cut ||
	    (stack->count > 0 && stack->frames[stack->count - 1].script) ||
	    stack->count == STACK_FRAMES_MAX)
		return;
	stack->frames[stack->count++] =
	    (struct stack_frame){.symbol = &symbols_callers_unknown, .is_marker = true};
}

void stack_splice(struct symbols *symbols, const struct trace_stall *stall,
		  const struct unwind_frame *natives, size_t native_count, struct stack *stack)
{
	struct splice splice = {.symbols = symbols,
				.natives = natives,
				.native_count = native_count,
				.scripts = stall->scripts,
				.script_count = stall->script_count,
				.frame_sp = stall->frame_sp,
				.stack = stack};

	stack->count = 0;
	stack->is_whole = false;
	if (stall->script_count > 0 && stall->scripts[0].kind == TRACE_SCRIPT_PYTHON)
		splice_python(&splice);
	else
		splice_javascript(&splice);
	hide_ours(stack);
	mark_cut(&splice);
	stack->is_whole &= stall->script_status == TRACE_SCRIPT_WHOLE;
}

void stack_read(struct symbols *symbols, const struct trace_stall *stall, struct stack *stack)
{
	struct unwind_frame natives[UNWIND_FRAMES_MAX];

	stack_splice(symbols, stall, natives, unwind(symbols, stall, natives), stack);
}
