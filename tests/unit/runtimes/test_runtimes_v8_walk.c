/* SPDX-License-Identifier: Apache-2.0
 *
 * V8's frames on a stack, and code that it compiled, both made by hand (v8_heap_helper.h): what the
 * walk tells, and that it tells nothing where the stack does not end as it should.
 */
#include <criterion/criterion.h>

#include "v8_heap_helper.h"

#define STACK_AT    (HEAP_BASE + 8 * 40000ull) /* sp */
#define STACK_WORDS 512u
#define ISOLATE	    (HEAP_BASE + 8 * 50000ull)
#define POINTER	    (HEAP_BASE + 8 * 60000ull) /* the thread's */
#define EXIT_AT	    272			       /* in the isolate: the row's numbers */
#define HANDLER_AT  408
#define ARGUMENTS   1

static struct script_stack stack;
static struct runtime_thread thread;
static uint64_t script, top; /* the youngest frame so far */
static const char source[] = "one\ntwo\r\nthree\rfour\nfive\n";

static uint64_t *word(uint64_t address)
{
	return &heap_words[(address - HEAP_BASE) / 8];
}

/* Where C++ called V8: its frame is the outermost, and has a handler 88 bytes below. */
static void entry_make(uint64_t frame, uint64_t exit_before, uint64_t handler_before)
{
	*word(frame - 8) = MARKER_ENTRY << 1;
	*word(frame - 64) = exit_before;
	*word(frame - 88) = handler_before;
	*word(ISOLATE + HANDLER_AT) = frame - 88;
	top = frame;
}

/* V8 called C++. */
static void exit_make(uint64_t frame, uint64_t pc)
{
	*word(frame - 8) = MARKER_EXIT << 1;
	*word(frame - 16) = frame - 32;
	*word(frame) = top;
	*word(frame + 8) = pc;
	*word(ISOLATE + EXIT_AT) = frame;
	top = frame;
}

/* A function's frame, which the interpreter runs. */
static void frame_make(uint64_t frame, uint64_t sfi, int64_t offset, uint64_t pc)
{
	*word(frame - 8) = heap_object(TYPE_ARRAY, 2); /* context */
	*word(frame - 16) = heap_function(sfi);
	*word(frame - 24) = ARGUMENTS;
	*word(frame - 32) = *heap_at(sfi, 8);
	*word(frame - 40) = smi(offset + 64 - 1);
	*word(frame) = top;
	*word(frame + 8) = pc;
	top = frame;
}

static uint64_t function_make(const char *name, int32_t start, int32_t position)
{
	table_begin();
	table_step(1, start, -1);
	table_step(4, position, -1);
	return heap_sfi(name, start, script, heap_bytecodes(10, heap_table()));
}

static void setup(void)
{
	heap_begin();
	memset(&stack, 0, sizeof(stack));
	memcpy((uint8_t *)heap_words + (POINTER - HEAP_BASE) + IMAGE_VALUES_AT + 12 - 128,
	       &(uint64_t){ISOLATE}, 8);
	script = heap_script("/app.js", source);
	entry_make(STACK_AT + 8 * 400, 0, 0);
	frame_make(STACK_AT + 8 * 300, function_make("outer", 0, 5), 6, 0);
	frame_make(STACK_AT + 8 * 200, function_make("inner", 4, 16), 6, 0);
	exit_make(STACK_AT + 8 * 100, 0);
}

TestSuite(v8_walk, .init = setup);

static void walk(void)
{
	thread = (struct runtime_thread){.tid = 1,
					 .is_stopped = true,
					 .sp = STACK_AT,
					 .fp = STACK_AT + 8 * 200,
					 .pc = 0x10000,
					 .thread_pointer = POINTER,
					 .stack = word(STACK_AT),
					 .stack_words = STACK_WORDS};
	script_stack_clear(&stack);
	remote_forget(&heap_memory);
	runtime_v8.walk(&heap_memory, &thread, &stack);
	runtime_v8.lines(&heap_memory, &stack);
	cr_assert_leq(heap_memory.reads, REMOTE_READS_MAX);
}

static void assert_frame(uint32_t place, uint8_t kind, const char *name, uint32_t line)
{
	const struct script_frame *frame = &stack.frames[place];

	cr_assert_lt(place, stack.count);
	cr_assert_eq(frame->kind, kind, "%u: kind %u", place, frame->kind);
	cr_assert_str_eq(stack.text + frame->function, name);
	cr_assert_eq(frame->line, line, "%s: line %u", name, frame->line);
}

static void assert_nothing(uint8_t status)
{
	walk();
	cr_assert_eq(stack.count, 0);
	cr_assert_eq(stack.status, status, "status %u", stack.status);
}

Test(v8_walk, functions_files_and_lines)
{
	walk();
	cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE);
	cr_assert_eq(stack.count, 4);
	assert_frame(0, TRACE_SCRIPT_EXIT, "", 0);
	assert_frame(1, TRACE_SCRIPT_INTERPRETED, "inner", 4); /* \r\n is one end, \r is one */
	assert_frame(2, TRACE_SCRIPT_INTERPRETED, "outer", 2);
	assert_frame(3, TRACE_SCRIPT_ENTRY, "", 0);
	cr_assert_str_eq(stack.text + stack.frames[1].file, "/app.js");
	cr_assert_eq(stack.frames[1].first_line, 2);
	cr_assert_eq(stack.frames[2].frame, STACK_AT + 8 * 300);
}

Test(v8_walk, lines_that_v8_has_counted)
{
	uint64_t ends = heap_object(TYPE_ARRAY, 5);

	memcpy(heap_at(ends, 8), (uint64_t[]){smi(3), smi(2), smi(9), smi(30)}, 32);
	*heap_at(script, 56) = ends;
	walk();
	assert_frame(1, TRACE_SCRIPT_INTERPRETED, "inner", 3);
}

/* The stack was copied only so far: the rest is read. */
Test(v8_walk, a_stack_that_is_longer_than_its_copy)
{
	walk();
	thread.stack_words = 150;
	script_stack_clear(&stack);
	runtime_v8.walk(&heap_memory, &thread, &stack);
	cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE);
	cr_assert_eq(stack.count, 4);
}

/* A builtin, called on the object `on` and with `with`, is the innermost function. */
static const char *builtin_told(const char *name, uint64_t on, uint64_t with, uint64_t arguments)
{
	uint64_t frame = STACK_AT + 8 * 100;

	top = STACK_AT + 8 * 200;
	*word(frame - 8) = heap_object(TYPE_ARRAY, 2);
	*word(frame - 16) = heap_function(heap_sfi(name, 0, 0, 0));
	*word(frame - 24) = arguments;
	*word(frame + 16) = on;
	*word(frame + 24) = with;
	*word(frame) = top;
	top = frame;
	exit_make(STACK_AT + 8 * 50, 0);
	walk();
	return stack.text + stack.frames[1].function;
}

Test(v8_walk, what_matches_a_regular_expression_has_its_pattern)
{
	uint64_t text = heap_string("text"), regexp = heap_object(TYPE_REGEXP, 6);
	char pattern[121] = {0};

	*heap_at(regexp, 32) = heap_string("^a+$");
	cr_assert_str_eq(builtin_told("test", regexp, 0, 1), "test /^a+$/");
	cr_assert_str_eq(builtin_told("split", text, regexp, 2), "split /^a+$/");
	cr_assert_str_eq(builtin_told("split", text, regexp, 1), "split"); /* not an argument */
	cr_assert_str_eq(builtin_told("push", text, regexp, 2), "push");
	memset(pattern, 'a', sizeof(pattern) - 1);
	*heap_at(regexp, 32) = heap_string(pattern);
	cr_assert_str_eq(builtin_told("test", regexp, 0, 1) + 5 + 1 + 99, "...");
	*heap_at(regexp, 32) = regexp; /* no text */
	cr_assert_str_eq(builtin_told("test", regexp, 0, 1), "test");
}

Test(v8_walk, what_calls_a_function_back_has_no_pattern)
{
	uint64_t regexp = heap_object(TYPE_REGEXP, 6);

	*heap_at(regexp, 32) = heap_string("^a+$");
	builtin_told("replace", regexp, 0, 1);
	top = STACK_AT + 8 * 100;
	frame_make(STACK_AT + 8 * 50, function_make("called", 0, 5), 6, 0);
	exit_make(STACK_AT + 8 * 20, 0);
	walk();
	cr_assert_str_eq(stack.text + stack.frames[1].function, "called");
	cr_assert_str_eq(stack.text + stack.frames[2].function, "replace");
}

/* Of one that may not be stopped nothing is known but its thread pointer. */
Test(v8_walk, a_thread_that_runs_on)
{
	thread = (struct runtime_thread){.tid = 1, .thread_pointer = POINTER};
	script_stack_clear(&stack);
	runtime_v8.walk(&heap_memory, &thread, &stack);
	cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE);
	cr_assert_eq(stack.count, 4);
}

/* The frames of another stack are there, whole, but nothing runs. */
Test(v8_walk, where_no_handler_is_no_javascript_runs)
{
	*word(ISOLATE + EXIT_AT) = 0;
	*word(ISOLATE + HANDLER_AT) = 0;
	assert_nothing(TRACE_SCRIPT_NONE);
}

/* In JavaScript, from the registers; an old entry frame is not the handler's. */
Test(v8_walk, an_entry_frame_without_a_handler_is_old)
{
	*word(ISOLATE + EXIT_AT) = 0;
	walk();
	cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE);
	*word(ISOLATE + HANDLER_AT) += 8 * 50;
	assert_nothing(TRACE_SCRIPT_LOST);
	*word(ISOLATE + HANDLER_AT) -= 8 * 100;
	assert_nothing(TRACE_SCRIPT_LOST);
}

Test(v8_walk, handlers_end_where_frames_end)
{
	*word(STACK_AT + 8 * 400 - 88) = STACK_AT + 8 * 450;
	assert_nothing(TRACE_SCRIPT_LOST);
}

/* C++ called V8, which called C++, which called V8. */
Test(v8_walk, goes_on_behind_an_entry)
{
	uint64_t exit = top, handler = *word(ISOLATE + HANDLER_AT);

	entry_make(STACK_AT + 8 * 90, exit, handler);
	frame_make(STACK_AT + 8 * 60, function_make("called", 0, 0), 6, 0);
	exit_make(STACK_AT + 8 * 20, 0);
	walk();
	cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE);
	cr_assert_eq(stack.count, 7);
	assert_frame(1, TRACE_SCRIPT_INTERPRETED, "called", 1);
	assert_frame(2, TRACE_SCRIPT_ENTRY, "", 0);
	assert_frame(6, TRACE_SCRIPT_ENTRY, "", 0);
}

Test(v8_walk, nothing_is_told_of_a_stack_that_does_not_end)
{
	*word(STACK_AT + 8 * 300) = STACK_AT + 8 * 200; /* inwards */
	assert_nothing(TRACE_SCRIPT_LOST);
	*word(STACK_AT + 8 * 300) = 12;
	assert_nothing(TRACE_SCRIPT_LOST);
	*word(STACK_AT + 8 * 100) = STACK_AT + 8 * 100; /* itself */
	assert_nothing(TRACE_SCRIPT_LOST);
}

Test(v8_walk, nothing_is_told_where_a_frame_is_unknown)
{
	*word(STACK_AT + 8 * 300 - 8) = 70 << 1;
	assert_nothing(TRACE_SCRIPT_LOST);
}

Test(v8_walk, nothing_is_told_where_the_exit_frame_is_none)
{
	*word(STACK_AT + 8 * 100 - 8) = MARKER_INTERNAL << 1;
	assert_nothing(TRACE_SCRIPT_LOST);
}

Test(v8_walk, a_closure_that_is_none_is_unreadable)
{
	uint64_t other = heap_object(TYPE_ARRAY, 6);

	*heap_at(other, 32) = function_make("not_this", 0, 0);
	*word(STACK_AT + 8 * 300 - 16) = other;
	walk();
	cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE);
	assert_frame(2, TRACE_SCRIPT_FUNCTION, "", 0);
	cr_assert_eq(stack.frames[2].flags, TRACE_SCRIPT_UNREADABLE);
}

/* What the interpreter left there, of another function or outside of its bytecodes. */
Test(v8_walk, an_offset_that_is_none_has_no_line)
{
	*word(STACK_AT + 8 * 200 - 40) = smi(64 - 1 + 10);
	*word(STACK_AT + 8 * 300 - 32) = heap_bytecodes(10, 0);
	walk();
	assert_frame(1, TRACE_SCRIPT_FUNCTION, "inner", 0);
	assert_frame(2, TRACE_SCRIPT_FUNCTION, "outer", 0);
}

Test(v8_walk, more_frames_than_fit)
{
	uint64_t sfi = function_make("again", 0, 0);

	entry_make(STACK_AT + 8 * 3000, 0, 0);
	for (uint32_t i = 0; i < TRACE_SCRIPT_FRAMES_MAX + 10; i++)
		frame_make(STACK_AT + 8 * (2900 - 10 * i), sfi, 6, 0);
	exit_make(STACK_AT + 8 * 1000, 0);
	walk();
	cr_assert_eq(stack.status, TRACE_SCRIPT_CUT);
	cr_assert_eq(stack.count, TRACE_SCRIPT_FRAMES_MAX);
	assert_frame(63, TRACE_SCRIPT_INTERPRETED, "again", 1);
}

/* ---- Compiled code --------------------------------------------------------------------------- */

#define CODE_AT	   (HEAP_BASE + 8 * 30000ull) /* a multiple of 64 */
#define CODE_BYTES 1024u

/* Of optimised code, with its header; the table of positions is what table_step() has made. */
static uint64_t code_make(uint32_t kind, uint64_t sfi)
{
	uint64_t code = heap_object(TYPE_CODE, 10), map = *heap_at(heap_object(TYPE_STREAM, 1), 0);
	uint64_t deopt = heap_object(TYPE_ARRAY, 14);

	*word(CODE_AT - 32) = map;
	*word(CODE_AT - 24) = code;
	*heap_at(code, 8) = deopt;
	*heap_at(code, 16) = heap_table();
	*heap_at(code, 40) = CODE_AT;
	memcpy(heap_at(code, 48), (uint32_t[]){kind, CODE_BYTES}, 8);
	*heap_at(deopt, 8) = smi(12);
	*heap_at(deopt, 16 + 8 * 6) = sfi;
	return deopt;
}

/* As in the row: in `sfi` at two places `first` is inlined, and in that `second`. */
static void inlined_make(uint64_t deopt, uint64_t first, uint64_t second)
{
	uint64_t literals = heap_object(TYPE_ARRAY, 4);
	/* Where they were called: in the function itself; in `first`. */
	const uint64_t calls[] = {(5 + 1) << 1, 0, ((16 + 1) << 1) | 1ull << 31, 1};

	memcpy(heap_at(literals, 8), (uint64_t[]){smi(2), first, second}, 24);
	*heap_at(deopt, 16 + 8) = smi(2);
	*heap_at(deopt, 16 + 8 * 2) = literals;
	*heap_at(deopt, 16 + 8 * 7) = heap_bytes((const uint8_t *)calls, sizeof(calls));
}

static uint64_t optimised_make(uint32_t kind)
{
	uint64_t sfi = function_make("outer", 0, 0), deopt;
	uint64_t first = function_make("first", 4, 0), second = function_make("second", 9, 0);

	table_begin();
	table_step(9, 2, -1);
	table_step(100, 22, 1);
	deopt = code_make(kind, sfi);
	inlined_make(deopt, first, second);
	top = STACK_AT + 8 * 400;
	frame_make(STACK_AT + 8 * 300, sfi, 6, 0);
	exit_make(STACK_AT + 8 * 100, CODE_AT + 200);
	return deopt;
}

Test(v8_walk, functions_inlined_in_optimised_code)
{
	optimised_make(12);
	walk();
	cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE);
	cr_assert_eq(stack.count, 5);
	assert_frame(1, TRACE_SCRIPT_TURBOFAN, "second", 5);
	assert_frame(2, TRACE_SCRIPT_TURBOFAN, "first", 4);
	assert_frame(3, TRACE_SCRIPT_TURBOFAN, "outer", 2);
	cr_assert_eq(stack.frames[1].flags, TRACE_SCRIPT_INLINED);
	cr_assert_eq(stack.frames[2].flags, TRACE_SCRIPT_INLINED);
	cr_assert_eq(stack.frames[3].flags, 0);
}

Test(v8_walk, lines_of_maglev_are_about)
{
	optimised_make(11);
	walk();
	assert_frame(1, TRACE_SCRIPT_MAGLEV, "second", 5);
	cr_assert_eq(stack.frames[3].flags, TRACE_SCRIPT_LINE_ABOUT);
}

/* Then it is not known what is inlined there: one more that cannot be read is told. */
static void assert_unknown_inlined(uint8_t kind)
{
	walk();
	cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE);
	cr_assert_eq(stack.count, 4);
	assert_frame(1, kind, "", 0);
	cr_assert_eq(stack.frames[1].flags, TRACE_SCRIPT_UNREADABLE | TRACE_SCRIPT_INLINED);
	assert_frame(2, kind, "outer", 0);
}

Test(v8_walk, code_that_is_not_found)
{
	optimised_make(12);
	*word(CODE_AT - 24) = script;
	assert_unknown_inlined(TRACE_SCRIPT_FUNCTION);
}

Test(v8_walk, code_that_does_not_hold_the_place)
{
	optimised_make(12);
	memcpy((uint8_t *)heap_at(*word(CODE_AT - 24), 48) + 4, &(uint32_t){150}, 4);
	assert_unknown_inlined(TRACE_SCRIPT_FUNCTION);
}

Test(v8_walk, code_of_another_function)
{
	uint64_t deopt = optimised_make(12);

	*heap_at(deopt, 16 + 8 * 6) = function_make("another", 0, 0);
	assert_unknown_inlined(TRACE_SCRIPT_FUNCTION);
}

Test(v8_walk, code_without_positions)
{
	optimised_make(12);
	*heap_at(*word(CODE_AT - 24), 16) = 0;
	assert_unknown_inlined(TRACE_SCRIPT_TURBOFAN);
}

Test(v8_walk, inlined_functions_that_lead_in_a_circle)
{
	uint64_t deopt = optimised_make(12), calls = *heap_at(deopt, 16 + 8 * 7);

	*heap_at(calls, 16 + 16) = ((16 + 1) << 1) | 2ull << 31; /* the second, in itself */
	assert_unknown_inlined(TRACE_SCRIPT_FUNCTION);
	*heap_at(calls, 16 + 16) = ((16 + 1) << 1) | 9ull << 31; /* in one that is not there */
	assert_unknown_inlined(TRACE_SCRIPT_FUNCTION);
}

Test(v8_walk, an_inlined_function_that_is_none)
{
	uint64_t deopt = optimised_make(12);

	*heap_at(*heap_at(deopt, 16 + 8 * 2), 24) = script;
	assert_unknown_inlined(TRACE_SCRIPT_FUNCTION);
}

/* Far from any header: the search ends, and leaves reads for the other frames. */
Test(v8_walk, a_search_for_code_ends)
{
	optimised_make(12);
	*word(STACK_AT + 8 * 100 + 8) = CODE_AT + 8 * 9000;
	assert_unknown_inlined(TRACE_SCRIPT_FUNCTION);
}
