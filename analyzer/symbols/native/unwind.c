/* SPDX-License-Identifier: Apache-2.0
 *
 * See unwind.h. One step at a time: by the call frame information of the frame's module
 * (unwind_cfi.c), else by a frame pointer that is known, else to the next word of the stack that is
 * a return address.
 *
 * A word is taken for a return address if it points behind a call of the function that the frame
 * before is in, or behind one by a pointer (calls.h). Where there is none, the stack ends.
 */
#include "symbols/unwind.h"

#include <string.h>

#include "calls.h"
#include "unwind_cfi.h"

#define WORD_BYTES 8
#define STACK_BYTES                                                                                \
	(1u << 20) /* above the stack pointer there is no code, and looks keep pointers to less of \
		      that */

/* ---- The stack ------------------------------------------------------------------------------- */

bool unwind_word(const struct trace_stall *stall, uint64_t address, uint64_t *value)
{
	uint64_t place = (address - stall->sp) / WORD_BYTES;
	uint32_t low = 0, high = stall->word_count;

	if (address < stall->sp || address % WORD_BYTES != stall->sp % WORD_BYTES)
		return false;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (trace_word_code(stall->words[middle]) < place)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == stall->word_count || trace_word_code(stall->words[low]) != place)
		return false;
	*value = trace_word_object(stall->words[low]);
	return true;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

/* To the caller whose return address is `value`, which lies at `at`. The word below it is the
 * caller's frame pointer, if it looks like one. */
static void scan_take(const struct trace_stall *stall, struct unwind_state *state, uint64_t at,
		      uint64_t value)
{
	uint64_t frame = 0;

	memset(state->known, 0, sizeof(state->known));
	if (unwind_word(stall, at - WORD_BYTES, &frame) && frame > at &&
	    frame - stall->sp < stall->stack_bytes)
		unwind_set(state, unwind_frame_register(stall->machine), frame);
	state->sp = at + WORD_BYTES;
	unwind_set(state, unwind_stack_register(stall->machine), state->sp);
	state->pc = value;
	state->is_return = true;
}

/* The first word behind a call of the function that the frame is in; where there is none, the first
 * one behind a call by a pointer. */
static bool step_scan(struct symbols *symbols, const struct trace_stall *stall,
		      struct unwind_state *state)
{
	uint64_t sp = state->sp, end = stall->frame_sp ? stall->frame_sp : UINT64_MAX;
	uint64_t pointer_at = 0, pointer_value = 0;

	for (uint32_t i = 0; i < stall->word_count; i++) {
		uint64_t at = stall->sp + trace_word_code(stall->words[i]) * WORD_BYTES;
		uint64_t value = trace_word_object(stall->words[i]);

		if (at < sp || at >= end)
			continue;
		enum call call =
		    call_before(symbols, stall->machine, value, state->pc - state->is_return);
		if (call == CALL_POINTER && !pointer_at) {
			pointer_at = at;
			pointer_value = value;
		}
		if (call != CALL_LEADS)
			continue;
		scan_take(stall, state, at, value);
		state->found = UNWIND_BY_CALL;
		return true;
	}
	if (!pointer_at)
		return false;
	scan_take(stall, state, pointer_at, pointer_value);
	state->found = UNWIND_BY_POINTER;
	return true;
}

/* Behind a call, or in code that was made at run time: what a look keeps is that or points into the
 * stack. */
static bool is_code(struct symbols *symbols, const struct trace_stall *stall, uint64_t address,
		    uint64_t inside)
{
	return symbols_code(symbols, address - 1).module
		   ? call_before(symbols, stall->machine, address, inside) != CALL_NONE
		   : address - stall->sp >= STACK_BYTES;
}

/* Code without call frame information, which a compiler has made at run time or brings along for
 * that, mostly keeps a frame pointer. */
static bool step_frame(struct symbols *symbols, const struct trace_stall *stall,
		       struct unwind_state *state)
{
	uint32_t number = unwind_frame_register(stall->machine);
	uint64_t frame = state->registers[number], before, address;

	if (!state->known[number] || frame < state->sp ||
	    !unwind_word(stall, frame + WORD_BYTES, &address) ||
	    !unwind_word(stall, frame, &before) || before <= frame ||
	    !is_code(symbols, stall, address, state->pc - state->is_return))
		return false;
	memset(state->known, 0, sizeof(state->known));
	unwind_set(state, number, before);
	state->sp = frame + 2 * WORD_BYTES;
	unwind_set(state, unwind_stack_register(stall->machine), state->sp);
	state->pc = address;
	state->is_return = true;
	state->found = UNWIND_BY_FRAME;
	return true;
}

/* To the caller. False at the end of what is known. A library's code that was interrupted may have
 * no frame (yet): then the pointer is its caller's, whom it would pass over. */
static bool step(struct symbols *symbols, const struct trace_stall *stall,
		 struct unwind_state *state)
{
	struct symbols_code code = symbols_code(symbols, state->pc - state->is_return);
	uint64_t sp = state->sp;

	if (code.file && unwind_cfi_step(code.file, code.address, stall, state)) {
		state->found = UNWIND_BY_RULES;
		return state->sp > sp && state->pc != 0;
	}
	if (state->is_beyond || state->is_end)
		return false;
	return ((!code.module || state->is_return) && step_frame(symbols, stall, state)) ||
	       step_scan(symbols, stall, state);
}

static void state_begin(const struct trace_stall *stall, struct unwind_state *state)
{
	*state = (struct unwind_state){.pc = stall->pc, .sp = stall->sp};
	for (uint32_t i = 0; i < stall->register_count; i++)
		if (stall->registers[i])
			unwind_set(state, i, stall->registers[i]);
	unwind_set(state, unwind_stack_register(stall->machine), stall->sp);
}

/* What called the callback is no part of it. Where its frame is not known, that is the first of
 * ours: a wrapper that the callback has called looks the same then. */
static bool is_outside(struct symbols *symbols, const struct trace_stall *stall,
		       const struct unwind_state *state)
{
	if (stall->frame_sp)
		return state->sp >= stall->frame_sp;
	return symbols_is_ours(symbols_code(symbols, state->pc - state->is_return).module);
}

/* A chain that ends in the very function of ours that called the callback is right: one that began
 * with a word left over does not get there. */
static bool has_landed(struct symbols *symbols, const struct unwind_state *state)
{
	return symbols_is_ours(symbols_code(symbols, state->pc - state->is_return).module);
}

/* What was found by looking for it proves nothing alone, and what follows from it no more. */
static void frames_judge(struct unwind_frame *frames, const enum unwind_found *found, size_t count,
			 bool landed)
{
	bool is_unsure = false;

	for (size_t i = 0; i < count; i++) {
		is_unsure |= found[i] == UNWIND_BY_CALL || found[i] == UNWIND_BY_POINTER;
		frames[i].scanned = found[i] == UNWIND_BY_FRAME || found[i] == UNWIND_BY_POINTER ||
				    (is_unsure && !landed);
	}
}

size_t unwind(struct symbols *symbols, const struct trace_stall *stall, struct unwind_frame *frames)
{
	enum unwind_found found[UNWIND_FRAMES_MAX];
	struct unwind_state state;
	bool goes_on = true, landed = false;
	size_t count = 0;

	if (!stall->pc ||
	    (stall->machine != TRACE_MACHINE_X86_64 && stall->machine != TRACE_MACHINE_AARCH64))
		return 0;
	state_begin(stall, &state);
	while (goes_on && count < UNWIND_FRAMES_MAX) {
		struct unwind_frame *frame = &frames[count];

		found[count++] = state.found;
		*frame = (struct unwind_frame){
		    .address = state.pc, .is_return = state.is_return, .sp = state.sp};
		goes_on = step(symbols, stall, &state);
		frame->is_cut = !goes_on && !state.is_end;
		if (goes_on && is_outside(symbols, stall, &state)) {
			frame->is_outermost = true;
			landed = has_landed(symbols, &state);
			goes_on = false;
		}
	}
	frames_judge(frames, found, count, landed);
	return count;
}

const struct symbol_info *unwind_symbol(struct symbols *symbols, const struct unwind_frame *frame)
{
	return symbols_address(symbols, frame->address + !frame->is_return, true);
}
