/* SPDX-License-Identifier: Apache-2.0
 *
 * preload/runtimes/cpython.c: what is read of a thread's functions, in every version's layout, out
 * of memory that is made here (python_memory.h). The truth is what was put there.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "python_memory.h"

static struct python_memory memory;
static struct script_stack stack;

#define EACH_VERSION(version)                                                                      \
	for (uint16_t i_ = 0, version; i_ < MEMORY_VERSIONS && (version = memory_versions[i_], 1); \
	     i_++)

static uint64_t code_add(const char *name, const char *file, uint32_t first_line)
{
	return memory_add_code(&memory, memory_add_ascii(&memory, name),
			       memory_add_ascii(&memory, file), first_line);
}

static void walk(void)
{
	memory_walk(&memory, &stack, NULL);
}

static const char *function_at(uint32_t i)
{
	return stack.text + stack.frames[i].function;
}

static const char *file_at(uint32_t i)
{
	return stack.text + stack.frames[i].file;
}

/* countPrimes, called by render, which sorted() called, in <module>. */
static void three_put(uint16_t version)
{
	memory_begin(&memory, version);
	memory_add_frame(&memory, code_add("countPrimes", "/srv/app.py", 10), 3, false);
	memory_add_frame(&memory, code_add("Page.render", "/srv/page.py", 200), 5, true);
	memory_add_frame(&memory, code_add("<module>", "/srv/app.py", 1), 40, true);
}

Test(cpython, each_version_tells_names_and_lines)
{
	EACH_VERSION(version)
	{
		three_put(version);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE, "%u", version);
		cr_assert_eq(stack.count, 3);
		cr_assert_str_eq(function_at(0), "countPrimes");
		cr_assert_str_eq(file_at(0), "/srv/app.py");
		cr_assert_eq(stack.frames[0].line, 14, "%u: %u", version, stack.frames[0].line);
		cr_assert_eq(stack.frames[0].first_line, 10);
		cr_assert_eq(stack.frames[0].kind, TRACE_SCRIPT_PYTHON);
		cr_assert_str_eq(function_at(1), "Page.render");
		cr_assert_eq(stack.frames[1].line, 206);
		cr_assert_str_eq(function_at(2), "<module>");
		cr_assert_eq(stack.frames[2].line, 42);
		cr_assert_eq(stack.frames[0].frame, 0);
	}
}

Test(cpython, frames_that_native_code_called_are_marked)
{
	EACH_VERSION(version)
	{
		three_put(version);
		walk();
		cr_assert_eq(stack.count, 3);
		cr_assert_eq(stack.frames[0].flags, version < 311 ? TRACE_SCRIPT_CALLED_BY_C : 0);
		cr_assert_eq(stack.frames[1].flags, TRACE_SCRIPT_CALLED_BY_C);
		cr_assert_eq(stack.frames[2].flags, TRACE_SCRIPT_CALLED_BY_C);
	}
}

Test(cpython, function_that_has_not_begun_is_at_its_first_line)
{
	EACH_VERSION(version)
	{
		memory_begin(&memory, version);
		memory_add_frame(&memory, code_add("f", "f.py", 77), -1, true);
		walk();
		cr_assert_eq(stack.frames[0].line, 77);
	}
}

Test(cpython, instruction_outside_of_the_function_has_no_line)
{
	EACH_VERSION(version)
	{
		memory_begin(&memory, version);
		memory_add_frame(&memory, code_add("f", "f.py", 77),
				 version < 311 ? -2 : MEMORY_INSTRUCTIONS, false);
		memory_add_frame(&memory, code_add("g", "f.py", 97), -30, true);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE);
		cr_assert_eq(stack.frames[0].line, 0);
		cr_assert_eq(stack.frames[1].line, 0);
		cr_assert_eq(stack.frames[1].first_line, 97);
	}
}

/* ---- Which thread ---------------------------------------------------------------------------- */

Test(cpython, thread_that_is_in_no_function_has_nothing_told)
{
	EACH_VERSION(version)
	{
		memory_begin(&memory, version);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_NONE);
		cr_assert_eq(stack.count, 0);
	}
}

Test(cpython, thread_of_another_interpreter_is_found)
{
	EACH_VERSION(version)
	{
		const struct cpython_layout *layout = &memory.python.layout;
		uint64_t first;

		three_put(version);
		first = memory_take(&memory, 128);
		memory_put_u64(&memory, first + layout->interpreter_next, memory.interpreter);
		if (layout->interpreter_threads != layout->interpreter_next)
			memory_put_u64(&memory, first + layout->interpreter_threads, 0);
		memory_put_u64(&memory, memory.python.runtime + layout->runtime_interpreters,
			       first);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE, "%u", version);
		cr_assert_eq(stack.count, 3);
	}
}

/* Of the same thread in two interpreters: the state without functions is passed over; of two with
 * some it is not known which one runs. */
Test(cpython, thread_with_functions_in_two_interpreters_is_not_guessed_at)
{
	EACH_VERSION(version)
	{
		const struct cpython_layout *layout = &memory.python.layout;
		uint64_t second, state;

		three_put(version);
		second = memory_take(&memory, 128);
		state = memory_add_state(&memory, second, MEMORY_TID, MEMORY_PTHREAD);
		memory_put_u64(&memory, memory.interpreter + layout->interpreter_next, second);
		memory_put_u64(&memory, second + layout->interpreter_threads, state);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE);
		memory.state = state;
		memory.last = 0;
		memory_add_frame(&memory, code_add("other", "o.py", 1), 0, true);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_LOST);
		cr_assert_eq(stack.count, 0);
	}
}

Test(cpython, list_of_threads_that_is_being_changed_tells_nothing)
{
	EACH_VERSION(version)
	{
		three_put(version);
		memory_put_u64(&memory, memory.state + memory.python.layout.thread_interpreter,
			       memory.interpreter + 64);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_LOST);
		cr_assert_eq(stack.count, 0);
		/* It goes around in a circle, before it comes to this thread. */
		three_put(version);
		memory_put_u64(&memory, memory.other + memory.python.layout.thread_next,
			       memory.other);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_LOST);
	}
}

/* ---- What is no frame ------------------------------------------------------------------------ */

Test(cpython, frame_without_a_code_object_loses_the_walk)
{
	EACH_VERSION(version)
	{
		uint64_t code;

		three_put(version);
		code = code_add("odd", "odd.py", 5);
		memory_add_frame(&memory, code, 0, true);
		walk();
		cr_assert_eq(stack.count, 4);
		memory_put_u64(&memory, code + 8, memory.python.text_type);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_LOST);
		cr_assert_eq(stack.count, 0);
	}
}

Test(cpython, walk_that_does_not_end_at_native_code_is_lost)
{
	EACH_VERSION(version)
	{
		if (version < 311)
			continue; /* there every frame was called by it */
		three_put(version);
		memory_add_frame(&memory, code_add("torn", "torn.py", 5), 0, false);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_LOST, "%u", version);
		cr_assert_eq(stack.count, 0);
	}
}

/* A generator that nobody calls is suspended: it was left while this was read. */
Test(cpython, generator_is_not_the_outermost)
{
	EACH_VERSION(version)
	{
		const struct cpython_layout *layout = &memory.python.layout;
		uint64_t frame;

		three_put(version);
		frame = memory_add_frame(&memory, code_add("values", "v.py", 5), 0, true);
		if (layout->frame_generator != CPYTHON_NONE)
			memory_put_u64(&memory, frame + layout->frame_generator, MEMORY_BASE);
		else
			memory_put(&memory, frame + layout->frame_owner, "\1", 1);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_LOST, "%u", version);
		memory_add_frame(&memory, code_add("user", "v.py", 15), 0, true);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE, "%u", version);
		cr_assert_str_eq(function_at(3), "values");
	}
}

/* A frame object of a coroutine that has ended says no more whose it is; its code does. */
Test(cpython, code_of_a_coroutine_is_not_the_outermost)
{
	static const uint32_t kinds[] = {0x20, 0x80, 0x200};

	for (uint16_t version = 308; version <= 310; version++) {
		for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
			uint64_t code;

			three_put(version);
			code = code_add("awaited", "a.py", 5);
			memory_put_u32(&memory, code + memory.python.layout.code_first_line - 4,
				       0x43 | kinds[i]);
			memory_add_frame(&memory, code, 0, true);
			walk();
			cr_assert_eq(stack.status, TRACE_SCRIPT_LOST, "%u", version);
		}
	}
}

static uint64_t innermost_put(void)
{
	uint64_t frame, at = memory.cframe + memory.python.layout.cframe_frame - MEMORY_BASE;

	memcpy(&frame, memory.bytes + at, sizeof(frame));
	return frame;
}

/* Where the innermost frame is taken from what has not been written yet. */
Test(cpython, frame_that_has_returned_is_lost)
{
	for (uint16_t version = 311; version <= 312; version++) {
		const struct cpython_layout *layout = &memory.python.layout;
		uint64_t first;

		three_put(version);
		first = innermost_put();
		memory_put_u64(&memory, memory.state + layout->thread_top, first);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_LOST, "%u", version);
		memory_put_u64(&memory, memory.state + layout->thread_top, first + 8);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE);
		memory_put_u64(&memory, memory.state + layout->thread_chunk, first);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_LOST);
		/* Of a generator it does not matter where it lies, but whether it runs. */
		memory_put(&memory, first + layout->frame_owner, "\1", 1);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE);
		memory_put(&memory, first - layout->frame_state, "\xff", 1);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_LOST);
	}
}

/* It is pushed, but who called it has not been written: there is what was there before. The frame
 * that is told to have called is another than the one in which native code was called. */
Test(cpython, frame_with_an_old_caller_is_lost)
{
	for (uint16_t version = 311; version <= 312; version++) {
		const struct cpython_layout *layout = &memory.python.layout;
		uint64_t pushed, caller;

		memory_begin(&memory, version);
		pushed = memory_add_frame(&memory, code_add("pushed", "p.py", 1), 0, false);
		memory_add_frame(&memory, code_add("values", "p.py", 11), 0, true);
		caller = memory_add_frame(&memory, code_add("caller", "p.py", 21), 0, false);
		memory_add_frame(&memory, code_add("<module>", "p.py", 1), 0, true);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE, "%u", version);
		cr_assert_eq(stack.count, 4);
		memory_put_u64(&memory, pushed + layout->frame_previous, caller);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_LOST, "%u", version);
	}
}

Test(cpython, frames_in_a_circle_are_lost)
{
	EACH_VERSION(version)
	{
		three_put(version);
		uint64_t frame = memory_add_frame(&memory, code_add("around", "a.py", 5), 0, false);

		memory_put_u64(&memory, frame + memory.python.layout.frame_previous, frame);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_LOST, "%u", version);
	}
}

Test(cpython, frame_object_of_another_type_is_lost)
{
	three_put(309);
	uint64_t frame = memory_add_frame(&memory, code_add("f", "f.py", 5), 0, true);

	memory_put_u64(&memory, frame + 8, memory.python.code_type);
	walk();
	cr_assert_eq(stack.status, TRACE_SCRIPT_LOST);
}

Test(cpython, owner_that_there_is_none_of_is_lost)
{
	three_put(313);
	uint64_t shim = memory_add_shim(&memory);

	walk();
	cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE);
	memory_put(&memory, shim + memory.python.layout.frame_owner, "\5", 1);
	walk();
	cr_assert_eq(stack.status, TRACE_SCRIPT_LOST);
	/* 3.11 has no shims. */
	three_put(311);
	uint64_t frame = memory_add_frame(&memory, code_add("f", "f.py", 5), 0, true);

	memory_put(&memory, frame + memory.python.layout.frame_owner, "\3", 1);
	walk();
	cr_assert_eq(stack.status, TRACE_SCRIPT_LOST);
}

static void recursion_put(uint16_t version, uint32_t depth)
{
	uint64_t code;

	memory_begin(&memory, version);
	code = code_add("again", "again.py", 5);
	for (uint32_t i = 0; i < depth; i++)
		memory_add_frame(&memory, code, (int)(i % 50), i + 1 == depth);
}

Test(cpython, deep_recursion_is_cut)
{
	EACH_VERSION(version)
	{
		recursion_put(version, TRACE_SCRIPT_FRAMES_MAX);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_WHOLE, "%u", version);
		cr_assert_eq(stack.count, TRACE_SCRIPT_FRAMES_MAX);
		recursion_put(version, TRACE_SCRIPT_FRAMES_MAX + 1);
		walk();
		cr_assert_eq(stack.status, TRACE_SCRIPT_CUT);
		cr_assert_eq(stack.count, TRACE_SCRIPT_FRAMES_MAX);
		cr_assert_str_eq(function_at(63), "again");
		cr_assert_eq(stack.frames[63].line, 5 + 13 + 1);
	}
}
