/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk over V8's frames (runtimes.h, v8_internal.h).
 *
 * A thread that V8 has let run C++ has a frame that says so, and the isolate knows it; a thread
 * that runs JavaScript has the frame pointer. From there on every frame must be one of V8's: either
 * with a known marker, or of a function. At an entry frame, by which C++ called V8, the walk goes
 * on at the frame that was the youngest before. The stack is never searched for frames: memory
 * there holds whole old stacks.
 *
 * Frames, relative to the frame pointer (x86-64, all versions): 0 the caller's, +8 the return
 * address, -8 a marker or the context, -16 the closure (of an exit frame: its stack pointer), -24
 * the count of arguments, -32 the bytecodes, -40 the offset in them; of an entry frame -64 the
 * youngest exit frame before it.
 */
#include "v8_internal.h"

#include <stdio.h>
#include <string.h>

#define STACK_BYTES_MAX	  (8u << 20)
#define FRAMES_MAX	  400 /* that are looked at */
#define TOP_WORDS	  16  /* of the stack, in which a builtin without a frame has its caller */
#define FOREIGN_FRAMES	  8   /* of C++ that V8 called without an exit frame */
#define ARGUMENTS_MAX	  0xffff
#define ENTRY_EXIT_BYTES  64
#define FRAME_WORDS_BYTES 24 /* below the frame pointer, which every function's frame has */
#define PATTERN_BYTES	  100

/* ---- Words on the stack ---------------------------------------------------------------------- */

bool v8_on_stack(const struct v8_walk *walk, uint64_t address)
{
	return walk->low && address >= walk->low && address % 8 == 0 &&
	       address - walk->low < STACK_BYTES_MAX;
}

uint64_t v8_stack_word(const struct v8_walk *walk, uint64_t address)
{
	const struct runtime_thread *thread = walk->thread;
	uint64_t place = (address - thread->sp) / 8;

	if (!v8_on_stack(walk, address))
		return 0;
	return address >= thread->sp && place < thread->stack_words
		   ? thread->stack[place]
		   : remote_u64(walk->memory, address);
}

static uint8_t marker_of(const struct v8_walk *walk, uint64_t frame)
{
	uint64_t marker = v8_stack_word(walk, frame - 8);

	return marker % 2 == 0 && marker / 2 < V8_MARKERS ? v8_layout.markers[marker / 2]
							  : V8_MARKER_NONE;
}

static bool looks_like_function(const struct v8_walk *walk, uint64_t frame)
{
	uint64_t next = v8_stack_word(walk, frame);

	return next > frame && v8_on_stack(walk, next) &&
	       v8_is_object(v8_stack_word(walk, frame - 8)) &&
	       v8_is_object(v8_stack_word(walk, frame - 16)) &&
	       v8_stack_word(walk, frame - 24) <= ARGUMENTS_MAX;
}

/* ---- A frame --------------------------------------------------------------------------------- */

/* Where a frame is: its pointer, and the address that it goes on at; 0: not known. */
struct place {
	uint64_t frame, pc;
	bool is_return; /* pc is behind a call */
};

struct script_frame *v8_frame_add(struct v8_walk *walk, uint64_t frame, uint8_t kind,
				  const struct v8_function *function)
{
	struct script_frame *added = script_stack_add(walk->stack);

	if (!added)
		return NULL;
	added->frame = frame;
	added->kind = kind;
	if (!function)
		return added;
	added->flags = function->flags;
	if (!(added->flags & TRACE_SCRIPT_UNREADABLE)) /* or it is a part of one */
		added->function = script_stack_text(walk->stack, function->name);
	if (function->name[0] && !added->function) /* no room */
		added->flags |= TRACE_SCRIPT_UNREADABLE;
	added->file = script_stack_text(walk->stack, function->file);
	added->source = function->script;
	added->first_position = function->start;
	return added;
}

/* The interpreter says in the frame which bytecodes it is in, and where. */
static bool interpreted_add(struct v8_walk *walk, const struct place *place,
			    const struct v8_function *function)
{
	uint64_t bytecodes = v8_stack_word(walk, place->frame - 32);
	int64_t offset = v8_smi(v8_stack_word(walk, place->frame - 40)), length;
	struct script_frame *added;

	if (!bytecodes || bytecodes != function->bytecodes || offset <= 0)
		return false;
	offset -= v8_layout.bytecodes_data - 1;
	length = v8_smi(v8_field(walk->memory, bytecodes, 8));
	if (offset < 0 || offset >= length)
		return false;
	added = v8_frame_add(walk, place->frame, TRACE_SCRIPT_INTERPRETED, function);
	if (added)
		added->position = v8_position_of_bytecode(walk->memory, bytecodes, offset);
	return true;
}

/* The code at a place, if it was made at run time. */
static bool code_at(struct v8_walk *walk, const struct place *place, struct v8_code *code)
{
	return place->pc && !runtimes_in_file(place->pc) &&
	       v8_code_find(walk->memory, place->pc - place->is_return, code);
}

/* The thread runs a builtin that has no frame: the function's code called it, and its return
 * address is near the top of the stack. */
static bool code_on_top(struct v8_walk *walk, struct place *place,
			const struct v8_function *function, struct v8_code *code)
{
	for (uint64_t at = walk->thread->sp;
	     at < place->frame && at < walk->thread->sp + 8 * TOP_WORDS; at += 8) {
		struct place caller = {place->frame, v8_stack_word(walk, at), true};

		if (caller.pc < REMOTE_PAGE_BYTES || v8_type(walk->memory, caller.pc) ||
		    !code_at(walk, &caller, code) || !v8_code_is_of(walk->memory, code, function))
			continue;
		*place = caller;
		return true;
	}
	return false;
}

static void unreadable_add(struct v8_walk *walk, const struct place *place, uint8_t flags)
{
	struct script_frame *added = v8_frame_add(walk, place->frame, TRACE_SCRIPT_FUNCTION, NULL);

	if (added)
		added->flags = TRACE_SCRIPT_UNREADABLE | flags;
}

/* A function of which it is not known how it runs. Code that was made at run time may have others
 * inlined; then one more is told, which cannot be read. (Of a version that is not listed that is
 * always so, and said once.) */
static void plain_add(struct v8_walk *walk, const struct place *place,
		      const struct v8_function *function)
{
	if (v8_layout.has_lines && place->pc && !runtimes_in_file(place->pc))
		unreadable_add(walk, place, TRACE_SCRIPT_INLINED);
	v8_frame_add(walk, place->frame, TRACE_SCRIPT_FUNCTION, function);
}

static void compiled_add(struct v8_walk *walk, const struct place *place,
			 const struct v8_function *function, const struct v8_code *code)
{
	uint64_t offset = place->pc - place->is_return - code->start;
	struct script_frame *added;

	if (code->kind == v8_layout.kind_baseline) {
		added = v8_frame_add(walk, place->frame, TRACE_SCRIPT_BASELINE, function);
		if (added && v8_code_is_of(walk->memory, code, function))
			added->position = v8_position_of_baseline(walk->memory, code,
								  function->bytecodes, offset);
		return;
	}
	if (code->kind < v8_layout.kind_baseline)
		v8_frame_add(walk, place->frame, TRACE_SCRIPT_FUNCTION, function);
	else if (!v8_optimised_add(walk, code, offset, place->frame, function->sfi))
		plain_add(walk, place, function);
}

/* The code that a frame goes on in. Of the youngest frame the thread may be in a builtin without a
 * frame, or at the beginning of a function that has none yet. */
static bool frame_code(struct v8_walk *walk, struct place *place,
		       const struct v8_function *function, struct v8_code *code)
{
	bool has_code = code_at(walk, place, code);

	if (place->is_return || !place->pc ||
	    (has_code && v8_code_is_of(walk->memory, code, function)))
		return has_code;
	return code_on_top(walk, place, function, code);
}

/* A function's frame. Code that was made at run time keeps the interpreter's words, which are then
 * old; but code of a kind before baseline is a copy of the interpreter's entry. */
static void function_add(struct v8_walk *walk, struct place place,
			 const struct v8_function *function)
{
	struct v8_code code;
	bool has_code = frame_code(walk, &place, function, &code), may_interpret;

	may_interpret = has_code ? code.kind < v8_layout.kind_baseline
				 : !v8_layout.has_lines || !place.pc || !place.is_return ||
				       runtimes_in_file(place.pc);
	if (may_interpret && interpreted_add(walk, &place, function))
		return;
	if (has_code)
		compiled_add(walk, &place, function, &code);
	else
		plain_add(walk, &place, function);
}

static bool is_function_type(uint16_t type)
{
	return type >= v8_layout.first_function && type <= v8_layout.last_function;
}

static bool is_innermost(const struct script_stack *stack)
{
	for (uint32_t i = 0; i < stack->count; i++)
		if (stack->frames[i].kind != TRACE_SCRIPT_EXIT &&
		    stack->frames[i].kind != TRACE_SCRIPT_REGEXP)
			return false;
	return true;
}

/* Of a text's functions, which have the regular expression as their first argument. */
static bool is_of_text(const char *function)
{
	static const char *const names[] = {"match",	  "matchAll", "replace",
					    "replaceAll", "search",   "split"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(function, names[i]) == 0)
			return true;
	return false;
}

/* The regular expression that a builtin is called on or with; 0: none. */
static uint64_t regexp_of(const struct v8_walk *walk, uint64_t frame, const char *function)
{
	uint64_t on = v8_stack_word(walk, frame + 16), with = 0;

	if (!v8_layout.type_regexp || !v8_layout.regexp_source)
		return 0;
	if (v8_type(walk->memory, on) == v8_layout.type_regexp)
		return on;
	if (v8_stack_word(walk, frame - 24) >= 2 && is_of_text(function)) /* arguments */
		with = v8_stack_word(walk, frame + 24);
	return v8_type(walk->memory, with) == v8_layout.type_regexp ? with : 0;
}

/* What matches a regular expression is told with its pattern: test /a+b/. */
static void pattern_append(const struct v8_walk *walk, uint64_t frame, struct v8_function *function)
{
	uint64_t regexp = regexp_of(walk, frame, function->name);
	size_t used = strlen(function->name);
	char pattern[PATTERN_BYTES];
	bool is_cut;

	if (!regexp || used == 0 || used + PATTERN_BYTES + 8 > sizeof(function->name) ||
	    !v8_string(walk->memory, v8_field(walk->memory, regexp, v8_layout.regexp_source),
		       pattern, sizeof(pattern)))
		return;
	is_cut = strlen(pattern) + 5 > sizeof(pattern); /* so it may be */
	snprintf(function->name + used, sizeof(function->name) - used, " /%s%s", pattern,
		 is_cut ? "..." : "/");
}

static void builtin_add(struct v8_walk *walk, uint64_t frame, struct v8_function *function)
{
	if (is_innermost(walk->stack) && !(function->flags & TRACE_SCRIPT_UNREADABLE))
		pattern_append(walk, frame, function);
	v8_frame_add(walk, frame, TRACE_SCRIPT_BUILTIN, function);
}

/* What cannot be read is told as a function without a name. */
static void function_frame_add(struct v8_walk *walk, const struct place *place)
{
	uint64_t closure = v8_stack_word(walk, place->frame - 16);
	struct v8_function function;

	if (!is_function_type(v8_type(walk->memory, closure)) ||
	    !v8_function_read(walk->memory, v8_field(walk->memory, closure, v8_layout.function_sfi),
			      &function))
		unreadable_add(walk, place, 0);
	else if (function.script || function.bytecodes)
		function_add(walk, *place, &function);
	else
		builtin_add(walk, place->frame, &function);
}

/* The thread is at the beginning of a function, whose frame has no words yet. */
static bool is_being_made(const struct v8_walk *walk, const struct place *place)
{
	return place->pc && !place->is_return && place->frame - walk->low < FRAME_WORDS_BYTES &&
	       !runtimes_in_file(place->pc);
}

/* Before it had a marker, a regular expression's frame was known by its code alone. */
static bool is_regexp_code(struct v8_walk *walk, const struct place *place)
{
	struct v8_code code;

	return v8_layout.kind_regexp && code_at(walk, place, &code) &&
	       code.kind == v8_layout.kind_regexp;
}

/* ---- The walk -------------------------------------------------------------------------------- */

static bool frame_add(struct v8_walk *walk, const struct place *place)
{
	static const uint8_t kinds[] = {[V8_MARKER_ENTRY] = TRACE_SCRIPT_ENTRY,
					[V8_MARKER_EXIT] = TRACE_SCRIPT_EXIT,
					[V8_MARKER_REGEXP] = TRACE_SCRIPT_REGEXP};
	uint8_t marker = marker_of(walk, place->frame);

	if (marker == V8_MARKER_OTHER)
		return true;
	if (marker != V8_MARKER_NONE)
		v8_frame_add(walk, place->frame, kinds[marker], NULL);
	else if (is_regexp_code(walk, place))
		v8_frame_add(walk, place->frame, TRACE_SCRIPT_REGEXP, NULL);
	else if (is_being_made(walk, place))
		unreadable_add(walk, place, 0);
	else if (looks_like_function(walk, place->frame))
		function_frame_add(walk, place);
	else
		return false;
	return true;
}

/* Goes out over V8's frames. True: it ended where C++ called V8 first, or the stack is full.
 * `foreign`: so many frames that are not V8's may come before the first. */
static bool chain_walk(struct v8_walk *walk, struct place place, uint32_t foreign)
{
	uint32_t before = walk->stack->count;

	for (uint32_t i = 0; i < FRAMES_MAX && v8_on_stack(walk, place.frame + 8); i++) {
		uint64_t next = v8_stack_word(walk, place.frame);
		bool is_entry = marker_of(walk, place.frame) == V8_MARKER_ENTRY;

		if (!frame_add(walk, &place) && (walk->stack->count > before || foreign-- == 0))
			return false;
		if (walk->stack->status == TRACE_SCRIPT_CUT)
			return true;
		if (is_entry) {
			next = v8_stack_word(walk, place.frame - ENTRY_EXIT_BYTES);
			if (!v8_entry_is_known(walk, place.frame))
				return false;
			if (!next)
				return !walk->has_handler || !walk->handler;
		}
		if (next <= place.frame)
			return false;
		place = is_entry ? (struct place){.frame = next}
				 : (struct place){next, v8_stack_word(walk, place.frame + 8), true};
	}
	return false;
}

/* From the registers: code of C++ that V8 called without a frame of its own may come first, where
 * it is known how the walk has to end. */
static bool walk_from(struct v8_walk *walk)
{
	const struct runtime_thread *thread = walk->thread;
	struct place place = {walk->exit, 0, false};
	uint32_t foreign = 0;

	if (!walk->exit) {
		place = (struct place){thread->fp, thread->pc, false};
		if (walk->has_handler && runtimes_in_file(thread->pc))
			foreign = FOREIGN_FRAMES;
	}
	return place.frame && chain_walk(walk, place, foreign);
}

static void v8_walk(struct remote_memory *memory, const struct runtime_thread *thread,
		    struct script_stack *stack)
{
	struct v8_walk walk = {.memory = memory, .thread = thread, .stack = stack};
	uint32_t before = stack->count;
	enum v8_root root = v8_root_find(&walk);
	bool is_certain = walk.has_handler; /* that there is JavaScript */

	if (root == V8_ROOT_NONE)
		return;
	if (root != V8_ROOT_ODD && walk_from(&walk)) {
		if (stack->status == TRACE_SCRIPT_NONE)
			stack->status = TRACE_SCRIPT_WHOLE;
		return;
	}
	/* Where no frame of V8's came, perhaps no JavaScript is on the stack. */
	if (is_certain || stack->count > before)
		stack->status = TRACE_SCRIPT_LOST;
	stack->count = before;
}

static bool v8_open(const struct runtime_module *module, struct remote_memory *memory,
		    char note[RUNTIME_NOTE_BYTES])
{
	(void)memory;
#if !defined(__x86_64__)
	snprintf(note, RUNTIME_NOTE_BYTES,
		 "JavaScript functions have no names: they can be read on x86-64 alone");
	return false;
#endif
	if (!v8_layout_read(&module->names, note))
		return false;
	v8_bytecode_sizes_read(&module->names);
	v8_root_read(module);
	return true;
}

const struct runtime runtime_v8 = {"V8", "v8dbg_SmiTag", v8_open, v8_walk, v8_lines};
