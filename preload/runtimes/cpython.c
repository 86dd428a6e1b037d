/* SPDX-License-Identifier: Apache-2.0
 *
 * See cpython.h. A thread's state is found by the kernel's id of the thread (from 3.11 on), or by
 * its thread pointer, which is its pthread_self(). From there the frames are a list, innermost
 * first. Of each the code object has the names, and a table from which its line is found.
 *
 * Native code that calls Python leaves a mark among the frames: up to 3.10 each frame was called
 * so; in 3.11 the frame says so; from 3.12 on a frame lies behind it that is none of Python's
 * ("shim"). The outermost frame was called by native code: a list that ends otherwise was read
 * while it was being changed, and nothing of it is told.
 *
 * Rules: an object counts if its type is exactly what it should be. First all frames are followed,
 * then their names are read, then their lines, so that the bound on reads costs the least.
 */
#include "cpython.h"

#include "cpython_lines.h"
#include "cpython_text.h"
#include "thread_pointer.h"

#define INTERPRETERS_MAX 8
#define THREADS_MAX	 600
#define STEPS_MAX	 (2 * TRACE_SCRIPT_FRAMES_MAX + 2) /* frames and shims */
#define LINE_FIRST_MAX	 (INT32_MAX / 2)

/* Of every object, in all versions (held by scripts/python_offsets.py). */
#define OBJECT_SIZE 16

/* Who owns a frame: a generator; from OWNER_SHIM on it is none of Python's. */
#define OWNER_GENERATOR 1
#define OWNER_SHIM	3
#define OWNER_LAST	4

/* From when on instructions are counted by two bytes, and pointers in frames have a tag. */
#define VERSION_UNITS  310
#define VERSION_TAGGED 314
#define UNIT_BYTES     2
#define TAG_BITS       7ull

/* CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR of code objects. */
#define CODE_GENERATORS (0x20u | 0x80u | 0x200u)

struct python_frame {
	uint64_t frame, code, at;
	uint64_t name, file, lines, units; /* of the code object */
	uint32_t first_line;
	bool called_by_c;
	bool of_generator; /* or of a coroutine */
};

struct walk {
	const struct cpython *python;
	struct remote_memory *memory;
	uint64_t state;	 /* of the thread */
	uint64_t cframe; /* of the frames that are followed; where there are such */
	bool is_cut;	 /* there are more frames than are kept */
	uint32_t count;
	struct python_frame frames[TRACE_SCRIPT_FRAMES_MAX];
};

static bool has(uint16_t field)
{
	return field != CPYTHON_NONE;
}

static uint64_t word(struct walk *walk, uint64_t object, uint16_t field)
{
	return remote_u64(walk->memory, object + field);
}

static bool is_a(struct walk *walk, uint64_t object, uint64_t type)
{
	return cpython_is_a(walk->memory, object, type);
}

/* ---- The thread ------------------------------------------------------------------------------ */

/* The innermost frame of a state; 0: it is in none. */
static uint64_t innermost(struct walk *walk, uint64_t state)
{
	const struct cpython_layout *layout = &walk->python->layout;
	uint64_t frame = word(walk, state, layout->thread_frame);

	return frame && has(layout->cframe_frame) ? word(walk, frame, layout->cframe_frame) : frame;
}

/* What a state of the thread has in it, and where. */
struct search {
	uint16_t field;
	uint64_t value, frame;
	uint32_t count; /* of states with a frame */
};

/* A thread that uses several interpreters has as many states; those that are in no function are
 * of no interest. */
static void state_take(struct walk *walk, struct search *search, uint64_t state)
{
	uint64_t frame =
	    word(walk, state, search->field) == search->value ? innermost(walk, state) : 0;

	if (!frame)
		return;
	search->count++;
	search->frame = frame;
	walk->state = state;
}

/* False: the list cannot be followed. */
static bool states_take(struct walk *walk, struct search *search, uint64_t interpreter)
{
	const struct cpython_layout *layout = &walk->python->layout;
	uint64_t state = word(walk, interpreter, layout->interpreter_threads);

	for (uint32_t i = 0; state && i < THREADS_MAX; i++) {
		if (word(walk, state, layout->thread_interpreter) != interpreter)
			return false;
		state_take(walk, search, state);
		state = word(walk, state, layout->thread_next);
	}
	return state == 0;
}

/* The thread's innermost frame in *frame, 0: it is in no function. False: cannot be told. */
static bool thread_find(struct walk *walk, const struct runtime_thread *thread, uint64_t *frame)
{
	const struct cpython_layout *layout = &walk->python->layout;
	struct search search = {.field = layout->thread_native, .value = thread->tid};
	uint64_t interpreter = word(walk, walk->python->runtime, layout->runtime_interpreters);

	if (!has(layout->thread_native)) {
		search.field = layout->thread_pthread;
		search.value = thread_pointer_of(walk->memory, thread);
	}
	for (uint32_t i = 0; search.value && interpreter && i < INTERPRETERS_MAX; i++) {
		if (!states_take(walk, &search, interpreter))
			return false;
		interpreter = word(walk, interpreter, layout->interpreter_next);
	}
	*frame = search.frame;
	if (has(layout->cframe_frame))
		walk->cframe = word(walk, walk->state, layout->thread_frame);
	return search.count <= 1;
}

/* ---- Its frames ------------------------------------------------------------------------------ */

static bool has_frame_objects(const struct cpython *python)
{
	return !has(python->layout.code_instructions);
}

/* False: nobody owns it whom there is. */
static bool owner_read(struct walk *walk, uint64_t frame, uint8_t *owner)
{
	const struct cpython_layout *layout = &walk->python->layout;

	*owner = 0;
	if (has(layout->frame_generator))
		*owner = word(walk, frame, layout->frame_generator) ? OWNER_GENERATOR : 0;
	return !has(layout->frame_owner) ||
	       (remote_read(walk->memory, frame + layout->frame_owner, owner, sizeof(*owner)) &&
		*owner <= (has(layout->frame_is_entry) ? OWNER_SHIM - 1 : OWNER_LAST));
}

/* 3.11 and 3.12 have the innermost frame in a struct on the native stack (cframe), which for some
 * instructions is in use before it has been filled in. What is in it then has returned long since:
 * it lies beyond the frames that are in use, or is of a generator that does not run. */
static bool is_live(struct walk *walk, uint64_t frame, uint8_t owner)
{
	const struct cpython_layout *layout = &walk->python->layout;
	uint8_t state = 1;

	if (!has(layout->cframe_frame))
		return true;
	if (owner != OWNER_GENERATOR)
		return frame > word(walk, walk->state, layout->thread_chunk) &&
		       frame < word(walk, walk->state, layout->thread_top);
	return remote_read(walk->memory, frame - layout->frame_state, &state, sizeof(state)) &&
	       state == 0;
}

/* Whether it needs no shim to say that native code called it. */
static bool is_entry(struct walk *walk, uint64_t frame)
{
	const struct cpython_layout *layout = &walk->python->layout;
	uint8_t entry = 0;

	if (has_frame_objects(walk->python))
		return true;
	if (has(layout->frame_is_entry))
		remote_read(walk->memory, frame + layout->frame_is_entry, &entry, sizeof(entry));
	return entry == 1;
}

/* Where it is: the address of the instruction, or up to 3.10 its number. */
static uint64_t frame_at(struct walk *walk, uint64_t frame)
{
	uint16_t at = walk->python->layout.frame_at;

	return has_frame_objects(walk->python)
		   ? (uint64_t)(int32_t)remote_u32(walk->memory, frame + at)
		   : word(walk, frame, at);
}

/* Read at once, as all of it lies on one page. */
static void code_take(struct walk *walk, struct python_frame *frame)
{
	const struct cpython_layout *layout = &walk->python->layout;

	frame->name = word(walk, frame->code, layout->code_name);
	frame->file = word(walk, frame->code, layout->code_file);
	frame->lines = word(walk, frame->code, layout->code_lines);
	frame->units = word(walk, frame->code, OBJECT_SIZE);
	frame->first_line = remote_u32(walk->memory, frame->code + layout->code_first_line);
}

/* Code of a generator, a coroutine or both. A frame object of one that has ended no longer says
 * whose it was, but lies in wait for the next. Up to 3.10 the flags stand before the first line
 * (CPython's Include/code.h and cpython/code.h). */
static bool is_generator_code(struct walk *walk, uint64_t code)
{
	const struct cpython_layout *layout = &walk->python->layout;
	uint64_t flags = code + layout->code_first_line - sizeof(uint32_t);

	return has_frame_objects(walk->python) && remote_u32(walk->memory, flags) & CODE_GENERATORS;
}

static bool is_taken(const struct walk *walk, uint64_t frame)
{
	for (uint32_t i = 0; i < walk->count; i++)
		if (walk->frames[i].frame == frame)
			return true;
	return false;
}

static bool frame_take(struct walk *walk, uint64_t frame, uint8_t owner)
{
	const struct cpython *python = walk->python;
	uint64_t tag = python->layout.version >= VERSION_TAGGED ? TAG_BITS : 0;
	struct python_frame *taken = &walk->frames[walk->count];

	if (is_taken(walk, frame) || (walk->count == 0 && !is_live(walk, frame, owner)))
		return false;
	walk->is_cut = walk->count == TRACE_SCRIPT_FRAMES_MAX;
	if (walk->is_cut)
		return true;
	walk->count++;
	taken->frame = frame;
	taken->code = word(walk, frame, python->layout.frame_code) & ~tag;
	taken->at = frame_at(walk, frame);
	taken->called_by_c = is_entry(walk, frame);
	taken->of_generator = owner == OWNER_GENERATOR || is_generator_code(walk, taken->code);
	code_take(walk, taken);
	return is_a(walk, taken->code, python->code_type) &&
	       (!has_frame_objects(python) || is_a(walk, frame, python->frame_type));
}

/* One frame or shim; false: it is neither. `is_native`: native code lies behind it. */
static bool step(struct walk *walk, uint64_t frame, bool *is_native)
{
	uint8_t owner;

	if (frame % 8 != 0 || !owner_read(walk, frame, &owner))
		return false;
	*is_native = owner >= OWNER_SHIM || is_entry(walk, frame);
	if (owner < OWNER_SHIM)
		return frame_take(walk, frame, owner);
	if (walk->count)
		walk->frames[walk->count - 1].called_by_c = true;
	return true;
}

/* What native code calls first is a function. A generator that has no caller does not run: it was
 * taken for one that does, because it did when its address was read. */
static bool is_outermost(const struct python_frame *frame)
{
	return frame->called_by_c && !frame->of_generator;
}

/* Whether native code was called by this frame, or by none. In 3.11 and 3.12 each run of the
 * interpreter has a cframe, which says in which frame it is: one whose predecessor has not been
 * written yet, or is no more what it was, does not lead there. */
static bool is_caller(struct walk *walk, uint64_t frame)
{
	const struct cpython_layout *layout = &walk->python->layout;

	if (!has(layout->cframe_frame))
		return true;
	walk->cframe = word(walk, walk->cframe, layout->cframe_previous);
	return word(walk, walk->cframe, layout->cframe_frame) == frame;
}

static enum trace_script_status frames_follow(struct walk *walk, uint64_t frame)
{
	for (uint32_t i = 0; frame && i < STEPS_MAX && !walk->is_cut; i++) {
		bool is_native = false;

		if (!step(walk, frame, &is_native))
			return TRACE_SCRIPT_LOST;
		frame = word(walk, frame, walk->python->layout.frame_previous);
		if (is_native && !is_caller(walk, frame))
			return TRACE_SCRIPT_LOST;
	}
	if (walk->is_cut)
		return TRACE_SCRIPT_CUT;
	if (frame || (walk->count && !is_outermost(&walk->frames[walk->count - 1])))
		return TRACE_SCRIPT_LOST;
	return walk->count ? TRACE_SCRIPT_WHOLE : TRACE_SCRIPT_NONE;
}

/* ---- Their names ----------------------------------------------------------------------------- */

static void code_name(struct walk *walk, const struct python_frame *code,
		      struct script_stack *stack, struct script_frame *frame)
{
	char name[SCRIPT_FUNCTION_BYTES_MAX], file[SCRIPT_FILE_BYTES_MAX];

	if (cpython_text(walk->python, walk->memory, code->name, false, name, sizeof(name)))
		frame->function = script_stack_text(stack, name);
	if (cpython_text(walk->python, walk->memory, code->file, true, file, sizeof(file)))
		frame->file = script_stack_text(stack, file);
	frame->first_line = code->first_line <= LINE_FIRST_MAX ? code->first_line : 0;
}

/* A function that called itself was read already; NULL: this one was not. */
static const struct script_frame *same_code(const struct walk *walk, uint32_t i,
					    const struct script_frame *frames)
{
	for (uint32_t k = 0; k < i; k++)
		if (walk->frames[k].code == walk->frames[i].code)
			return &frames[k];
	return NULL;
}

static void frame_name(struct walk *walk, uint32_t i, struct script_stack *stack,
		       struct script_frame *frames)
{
	const struct script_frame *same = same_code(walk, i, frames);
	struct script_frame *frame = &frames[i];

	if (same) {
		frame->function = same->function;
		frame->file = same->file;
		frame->first_line = same->first_line;
	} else {
		code_name(walk, &walk->frames[i], stack, frame);
	}
	frame->kind = TRACE_SCRIPT_PYTHON;
	frame->flags = (uint8_t)((walk->frames[i].called_by_c ? TRACE_SCRIPT_CALLED_BY_C : 0) |
				 (frame->function ? 0 : TRACE_SCRIPT_UNREADABLE));
}

/* ---- Their lines ----------------------------------------------------------------------------- */

/* The instruction as its table of lines counts; below -1: it is none of this code. */
static int64_t instruction_of(struct walk *walk, const struct python_frame *frame)
{
	const struct cpython_layout *layout = &walk->python->layout;
	int64_t at;

	if (has_frame_objects(walk->python))
		return layout->version >= VERSION_UNITS && (int64_t)frame->at > 0
			   ? (int64_t)frame->at * UNIT_BYTES
			   : (int64_t)frame->at;
	at = (int64_t)(frame->at - (frame->code + layout->code_instructions));
	at = at >= 0 ? at / UNIT_BYTES : at == -UNIT_BYTES ? -1 : -2;
	return at < (int64_t)frame->units ? at : -2;
}

static void frame_line(struct walk *walk, const struct python_frame *frame,
		       struct script_frame *told)
{
	const struct cpython_layout *layout = &walk->python->layout;
	struct cpython_lines lines = {
	    .version = layout->version,
	    .address = frame->lines + layout->bytes_data,
	    .bytes = word(walk, frame->lines, layout->bytes_length),
	    .first_line = told->first_line,
	    .at = instruction_of(walk, frame),
	};

	if (is_a(walk, frame->lines, walk->python->bytes_type))
		told->line = cpython_line(walk->memory, &lines);
}

/* ---- ----------------------------------------------------------------------------------------- */

static void frames_tell(struct walk *walk, struct script_stack *stack)
{
	struct script_frame *frames = &stack->frames[stack->count];
	uint32_t added = 0;

	while (added < walk->count && script_stack_add(stack))
		added++;
	for (uint32_t i = 0; i < added; i++)
		frame_name(walk, i, stack, frames);
	for (uint32_t i = 0; i < added; i++)
		frame_line(walk, &walk->frames[i], &frames[i]);
}

void cpython_walk(const struct cpython *python, struct remote_memory *memory,
		  const struct runtime_thread *thread, struct script_stack *stack)
{
	struct walk walk = {.python = python, .memory = memory};
	enum trace_script_status status = TRACE_SCRIPT_LOST;
	uint64_t frame;

	if (thread_find(&walk, thread, &frame))
		status = frames_follow(&walk, frame);
	if (status == TRACE_SCRIPT_NONE)
		return;
	stack->status = (uint8_t)status;
	if (status != TRACE_SCRIPT_LOST)
		frames_tell(&walk, stack);
}
