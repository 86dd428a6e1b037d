/* SPDX-License-Identifier: Apache-2.0
 *
 * See stall_scripts.h.
 */
#include "stall_scripts.h"
#include "symbols/stack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/syscalls.h"

/* Whether a function is the program's, to the second degree at most. */
static bool is_of(const struct stack_frame *frame, enum function_origin most)
{
	return frame->script && frame->symbol->named && function_origin(frame->script) <= most;
}

/* The innermost one from `at` on; frame_count: none. */
static size_t function_from(const struct stall *stall, size_t at, enum function_origin most)
{
	while (at < stall->frame_count && !is_of(&stall->frames[at], most))
		at++;
	return at;
}

/* The program's own functions, else those of packages. */
static enum function_origin origin_there(const struct stall *stall)
{
	return function_from(stall, 0, ORIGIN_OWN) < stall->frame_count ? ORIGIN_OWN
									: ORIGIN_PACKAGE;
}

/* What stands for the call that was made: the outermost function inside it that programs have a
 * name for. */
static const struct stack_frame *call_before(const struct stall *stall, size_t user)
{
	for (size_t i = user; i-- > 0;) {
		const struct stack_frame *frame = &stall->frames[i];
		if (frame->script ? frame->symbol->named
				  : function_builtin_name(frame->symbol) != NULL)
			return frame;
		if (frame->script)
			break;
	}
	return NULL;
}

/* CPython's functions are not in its file's table of names. It sleeps in one of them where all that
 * lies between the script's function and libc is CPython's own. */
static const char *call_by_syscall(const struct stall *stall, size_t user)
{
	const struct trace_stall *sample = stall->stall_sample;
	const char *name = syscall_name(sample->machine, sample->syscall);
	bool is_python = false;

	for (size_t i = 0; i < user; i++) {
		const struct stack_frame *frame = &stall->frames[i];
		if (frame->script || frame->scanned ||
		    (is_python && !function_is_of_python(frame->symbol)))
			return NULL;
		is_python |= function_is_of_python(frame->symbol);
	}
	return is_python && name && sample->register_count == 0 ? function_name_of_call(name)
								: NULL;
}

static int call_name(const struct stall *stall, size_t user, char **name)
{
	const struct stack_frame *call = call_before(stall, user);
	const char *known = call ? NULL : call_by_syscall(stall, user);

	if (!call && !known)
		return 0;
	*name = call ? function_public_name(call) : strdup(known);
	return *name ? 0 : -ENOMEM;
}

static enum work_reason reason_before(const struct stall *stall, size_t user)
{
	enum work_reason reason = REASON_NONE;

	for (size_t i = 0; i < user && reason == REASON_NONE; i++)
		reason = function_reason(&stall->frames[i]);
	return reason;
}

static int story_make(struct symbols *symbols, struct stall *stall, bool is_whole)
{
	enum function_origin origin = origin_there(stall);
	struct stall_script *script = &stall->script;
	size_t user = function_from(stall, 0, origin), caller, outermost = user;

	script->reason = reason_before(stall, user);
	if (user == stall->frame_count)
		return 0;
	caller = function_from(stall, user + 1, origin);
	script->user = &stall->frames[user];
	script->caller = caller < stall->frame_count ? &stall->frames[caller] : NULL;
	if (call_name(stall, user, &script->call_name) != 0)
		return -ENOMEM;
	for (size_t i = caller; i < stall->frame_count; i = function_from(stall, i + 1, origin))
		outermost = i;
	if (is_whole)
		script->label = symbols_script(symbols, stall->frames[outermost].script, true);
	return 0;
}

/* Functions of scripts come before native ones. */
static void own_find(const struct trace_process *process, struct stall *stall)
{
	enum function_origin origin = origin_there(stall);
	bool has_scripts = function_from(stall, 0, origin) < stall->frame_count;
	const char *slash = strrchr(process->exe ? process->exe : "", '/');
	const char *executable = slash ? slash + 1 : process->exe ? process->exe : "";

	for (size_t i = 0; i < stall->frame_count; i++) {
		struct stack_frame *frame = &stall->frames[i];

		frame->is_own = has_scripts
				    ? is_of(frame, origin)
				    : !frame->script && !frame->is_marker && !frame->scanned &&
					  function_is_own(frame->symbol, executable);
	}
}

int stall_scripts_read(const struct trace_process *process, struct symbols *symbols,
		       struct stall *stall)
{
	struct stack stack;

	stack_read(symbols, stall->stall_sample, &stack);
	stall->frames = calloc(stack.count + 1, sizeof(*stall->frames));
	if (!stall->frames)
		return -ENOMEM;
	stall->frame_count = stack.count;
	memcpy(stall->frames, stack.frames, stack.count * sizeof(*stall->frames));
	own_find(process, stall);
	return story_make(symbols, stall, stack.is_whole);
}

static bool text_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool stall_same_script(const struct trace_script *a, const struct trace_script *b)
{
	return a->first_line == b->first_line && text_same(a->function, b->function) &&
	       text_same(a->file, b->file);
}

/* The outermost one of the program's own is of all that a callback does. */
static bool is_deep(const struct stall *stall, size_t at)
{
	const struct stack_frame *frame = &stall->frames[at];

	return frame->is_own && frame->script &&
	       function_from(stall, at + 1, origin_there(stall)) < stall->frame_count;
}

/* Samples that fell into different helpers of one function were in that. */
static bool deep_function_same(const struct stall *a, const struct stall *b)
{
	for (size_t i = 0; i < a->frame_count; i++)
		for (size_t k = 0; is_deep(a, i) && k < b->frame_count; k++)
			if (is_deep(b, k) &&
			    stall_same_script(a->frames[i].script, b->frames[k].script))
				return true;
	return false;
}

bool stall_same_function(const struct stall *a, const struct stall *b)
{
	const struct trace_script *x = a->script.user ? a->script.user->script : NULL;
	const struct trace_script *y = b->script.user ? b->script.user->script : NULL;

	return !x || !y || stall_same_script(x, y) || deep_function_same(a, b);
}

/* Labels of the same function may come from different segments of its ids: compared by text. */
static bool label_agrees(const struct symbol_info **label, const struct stall *stall)
{
	if (!stall->script.label)
		return false;
	if (!*label)
		*label = stall->script.label;
	return strcmp((*label)->text, stall->script.label->text) == 0;
}

const struct symbol_info *stalls_site_label(const struct stalls *stalls, uint32_t site)
{
	const struct symbol_info *label = NULL;

	for (size_t i = 0; stalls && i < stalls->count; i++)
		if (stalls->list[i].site == site && !label_agrees(&label, &stalls->list[i]))
			return NULL;
	return label;
}

const struct symbol_info *stalls_run_label(const struct stalls *stalls, size_t worker,
					   uint64_t poll_tick)
{
	const struct symbol_info *label = NULL;

	for (size_t i = 0; stalls && i < stalls->count; i++)
		if (stalls->list[i].worker == worker && stalls->list[i].poll_tick == poll_tick &&
		    !label_agrees(&label, &stalls->list[i]))
			return NULL;
	return label;
}
