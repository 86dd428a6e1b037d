/* SPDX-License-Identifier: Apache-2.0
 *
 * See unwind.h. One step at a time: by the call frame information of the frame's module
 * (unwind_cfi.c), else by a frame pointer that is known, else to the next word of the stack that is
 * a return address.
 *
 * A word is taken for a return address if it points behind a call instruction, and that call, where
 * it says whom it calls, calls the function that the frame before is in.
 */
#include "symbols/unwind.h"

#include <string.h>

#include "symbols_internal.h"
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

/* ---- Calls ----------------------------------------------------------------------------------- */

/* The code at an address, as it lies in the file. */
static bool code_read(Dwfl_Module *file, uint64_t address, unsigned char *to, size_t bytes)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(file, &bias);
	size_t count = 0;

	if (!elf || elf_getphdrnum(elf, &count) != 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr segment;
		if (!gelf_getphdr(elf, (int)i, &segment) || segment.p_type != PT_LOAD ||
		    address - bias < segment.p_vaddr ||
		    address - bias + bytes > segment.p_vaddr + segment.p_filesz)
			continue;
		Elf_Data *data = elf_getdata_rawchunk(
		    elf, (int64_t)(segment.p_offset + (address - bias - segment.p_vaddr)), bytes,
		    ELF_T_BYTE);
		if (!data || !data->d_buf)
			return false;
		memcpy(to, data->d_buf, bytes);
		return true;
	}
	return false;
}

enum call { CALL_NONE, CALL_ANYBODY, CALL_KNOWN };

/* The call instruction that ends at this address of x86-64: direct (e8), or through a register or
 * memory (ff /2). */
static enum call call_x86_64(const unsigned char *before, uint64_t address, uint64_t *target)
{
	int32_t distance;

	if (before[2] == 0xe8) {
		memcpy(&distance, before + 3, sizeof(distance));
		*target = address + (uint64_t)(int64_t)distance;
		return CALL_KNOWN;
	}
	for (int bytes = 2; bytes <= 7; bytes++) {
		const unsigned char *at = before + 7 - bytes;
		if (at[0] == 0xff && (at[1] >> 3 & 7) == 2)
			return CALL_ANYBODY;
	}
	return CALL_NONE;
}

static enum call call_aarch64(const unsigned char *before, uint64_t address, uint64_t *target)
{
	uint32_t code;

	memcpy(&code, before + 3, sizeof(code));
	if ((code & 0xfc000000) == 0x94000000) { /* bl */
		*target = address - 4 + (uint64_t)((int64_t)(int32_t)(code << 6) >> 4);
		return CALL_KNOWN;
	}
	return (code & 0xfe9ff000) == 0xd61f0000 || (code & 0xfffff000) == 0xd63f0000 ? CALL_ANYBODY
										      : CALL_NONE;
}

/* Where the function around an address begins; 0 where that is not known. */
static uint64_t function_start(struct symbols *symbols, uint64_t address)
{
	struct symbols_code code = symbols_code(symbols, address);
	GElf_Off offset = 0;
	GElf_Sym symbol;

	if (!code.file ||
	    !dwfl_module_addrinfo(code.file, code.address, &offset, &symbol, NULL, NULL, NULL))
		return 0;
	return address - offset;
}

/* Whether a function that is in `inside` can have been called from just before `address`. */
static bool is_return_to(struct symbols *symbols, const struct trace_stall *stall, uint64_t address,
			 uint64_t inside)
{
	struct symbols_code code = symbols_code(symbols, address - 1);
	unsigned char before[7];
	uint64_t target = 0, called, current;

	if (!code.module)
		return false;
	if (!code.file ||
	    !code_read(code.file, code.address + 1 - sizeof(before), before, sizeof(before)))
		return code.file == NULL; /* nothing more can be said */
	enum call call = stall->machine == TRACE_MACHINE_AARCH64
			     ? call_aarch64(before, address, &target)
			     : call_x86_64(before, address, &target);
	if (call == CALL_NONE)
		return false;
	called = call == CALL_KNOWN ? function_start(symbols, target) : 0;
	current = function_start(symbols, inside);
	if (current && called == current)
		return true;
	if (current && function_start(symbols, address - 1) == current)
		return false; /* left over from a call that the function itself has made: recursion
			       * by a pointer is rare
			       */
	return !called || !current || called != target;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

/* The next word of the frame and of those above that may be a return address. The word below it is
 * the caller's frame pointer, if it looks like one. */
static bool step_scan(struct symbols *symbols, const struct trace_stall *stall,
		      struct unwind_state *state)
{
	uint64_t sp = state->sp, end = stall->frame_sp ? stall->frame_sp : UINT64_MAX;

	for (uint32_t i = 0; i < stall->word_count; i++) {
		uint64_t at = stall->sp + trace_word_code(stall->words[i]) * WORD_BYTES;
		uint64_t value = trace_word_object(stall->words[i]), frame = 0;

		if (at < sp || at >= end ||
		    !is_return_to(symbols, stall, value, state->pc - state->is_return))
			continue;
		memset(state->known, 0, sizeof(state->known));
		if (unwind_word(stall, at - WORD_BYTES, &frame) && frame > at &&
		    frame - stall->sp < stall->stack_bytes)
			unwind_set(state, unwind_frame_register(stall->machine), frame);
		state->sp = at + WORD_BYTES;
		unwind_set(state, unwind_stack_register(stall->machine), state->sp);
		state->pc = value;
		state->is_return = state->scanned = true;
		return true;
	}
	return false;
}

/* Behind a call, or in code that was made at run time: what a look keeps is that or points into the
 * stack. */
static bool is_code(struct symbols *symbols, const struct trace_stall *stall, uint64_t address,
		    uint64_t inside)
{
	return symbols_code(symbols, address - 1).module
		   ? is_return_to(symbols, stall, address, inside)
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
	state->is_return = state->scanned = true;
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
		state->scanned = false;
		return state->sp > sp && state->pc != 0;
	}
	if (state->is_beyond)
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

size_t unwind(struct symbols *symbols, const struct trace_stall *stall, struct unwind_frame *frames)
{
	struct unwind_state state;
	size_t count = 0;

	if (!stall->pc ||
	    (stall->machine != TRACE_MACHINE_X86_64 && stall->machine != TRACE_MACHINE_AARCH64))
		return 0;
	state_begin(stall, &state);
	do
		frames[count++] = (struct unwind_frame){.address = state.pc,
							.is_return = state.is_return,
							.scanned = state.scanned,
							.sp = state.sp};
	while (count < UNWIND_FRAMES_MAX && step(symbols, stall, &state) &&
	       !(frames[count - 1].is_outermost = is_outside(symbols, stall, &state)));
	return count;
}

const struct symbol_info *unwind_symbol(struct symbols *symbols, const struct unwind_frame *frame)
{
	return symbols_address(symbols, frame->address + !frame->is_return, true);
}
