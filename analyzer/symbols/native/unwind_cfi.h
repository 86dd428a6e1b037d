/* SPDX-License-Identifier: Apache-2.0
 *
 * What unwind.c and unwind_cfi.c share: what is known of a frame, and the step to its caller by
 * call frame information.
 */
#ifndef UNWIND_CFI_H
#define UNWIND_CFI_H

#include <elfutils/libdwfl.h>

#include "trace/reader.h"

/* How a frame was found: by call frame information, by a frame pointer, or by looking for a word
 * behind a call of the function before, or behind a call of anybody. */
enum unwind_found { UNWIND_BY_RULES, UNWIND_BY_FRAME, UNWIND_BY_CALL, UNWIND_BY_POINTER };

struct unwind_state {
	uint64_t pc, sp;
	bool is_return; /* pc is a return address */
	bool is_end;	/* nobody called this function: the thread begins with it */
	enum unwind_found found;
	bool
	    is_beyond; /* the frame ends above what was seen of the stack: all of that is its own */
	bool known[TRACE_STALL_REGISTERS_MAX];
	uint64_t registers[TRACE_STALL_REGISTERS_MAX]; /* by DWARF's numbers */
};

static inline uint32_t unwind_stack_register(uint16_t machine)
{
	return machine == TRACE_MACHINE_AARCH64 ? 31 : 7;
}

static inline uint32_t unwind_frame_register(uint16_t machine)
{
	return machine == TRACE_MACHINE_AARCH64 ? 29 : 6;
}

static inline void unwind_set(struct unwind_state *state, uint32_t number, uint64_t value)
{
	state->registers[number] = value;
	state->known[number] = true;
}

/* A word of the stack; false where it was not kept. */
bool unwind_word(const struct trace_stall *stall, uint64_t address, uint64_t *value);

/* `address`: of the code in `file`. False, and the state is as it was but for is_beyond, where
 * there is no information or it needs what is not known. */
bool unwind_cfi_step(Dwfl_Module *file, uint64_t address, const struct trace_stall *stall,
		     struct unwind_state *state);

#endif
