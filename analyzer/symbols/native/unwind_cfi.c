/* SPDX-License-Identifier: Apache-2.0
 *
 * One step by call frame information (unwind_cfi.h): libdw finds the rules, here they are worked
 * out on registers and words of which many are not known. The operations are those that compilers
 * and libc's hand-written code use; a rule with another one is a rule that cannot be worked out.
 */
#include "unwind_cfi.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

#define STACK_MAX 32
#define PC_MASK	  0xffffffffffffull /* without a return address's signature */

/* An expression being worked out. */
struct machine {
	const struct trace_stall *stall;
	const struct unwind_state *state;
	uint64_t cfa;
	uint64_t stack[STACK_MAX];
	size_t depth;
	bool is_value; /* the result is the value itself, not where it lies */
};

static bool push(struct machine *machine, uint64_t value)
{
	if (machine->depth == STACK_MAX)
		return false;
	machine->stack[machine->depth++] = value;
	return true;
}

static bool push_register(struct machine *machine, uint64_t number, uint64_t offset)
{
	if (number >= TRACE_STALL_REGISTERS_MAX || !machine->state->known[number])
		return false;
	return push(machine, machine->state->registers[number] + offset);
}

/* The two topmost values become one. */
static bool combine(struct machine *machine, uint8_t operation)
{
	uint64_t a, b, *to;

	if (machine->depth < 2)
		return false;
	b = machine->stack[--machine->depth];
	to = &machine->stack[machine->depth - 1];
	a = *to;
	switch (operation) {
	case DW_OP_plus:
		*to = a + b;
		return true;
	case DW_OP_minus:
		*to = a - b;
		return true;
	case DW_OP_and:
		*to = a & b;
		return true;
	case DW_OP_or:
		*to = a | b;
		return true;
	case DW_OP_mul:
		*to = a * b;
		return true;
	case DW_OP_shl:
		*to = b < 64 ? a << b : 0;
		return true;
	case DW_OP_shr:
		*to = b < 64 ? a >> b : 0;
		return true;
	case DW_OP_ge:
		*to = (int64_t)a >= (int64_t)b;
		return true;
	default:
		return false;
	}
}

static bool load(struct machine *machine)
{
	return machine->depth > 0 && unwind_word(machine->stall, machine->stack[machine->depth - 1],
						 &machine->stack[machine->depth - 1]);
}

static bool operate(struct machine *machine, const Dwarf_Op *op)
{
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
		return push(machine, op->atom - DW_OP_lit0);
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		return push_register(machine, op->atom - DW_OP_breg0, op->number);
	if (op->atom >= DW_OP_const1u && op->atom <= DW_OP_consts)
		return push(machine, op->number);
	switch (op->atom) {
	case DW_OP_call_frame_cfa:
		return push(machine, machine->cfa);
	case DW_OP_bregx:
		return push_register(machine, op->number, op->number2);
	case DW_OP_regx:
		machine->is_value = true;
		return push_register(machine, op->number, 0);
	case DW_OP_plus_uconst:
		return push(machine, op->number) && combine(machine, DW_OP_plus);
	case DW_OP_deref:
		return load(machine);
	case DW_OP_dup:
		return machine->depth > 0 && push(machine, machine->stack[machine->depth - 1]);
	case DW_OP_drop:
		return machine->depth > 0 && machine->depth--;
	case DW_OP_stack_value:
		machine->is_value = true;
		return machine->depth > 0;
	default:
		return combine(machine, op->atom);
	}
}

static bool work_out(struct machine *machine, const Dwarf_Op *ops, size_t count, uint64_t *result)
{
	machine->depth = 0;
	machine->is_value = false;
	for (size_t i = 0; i < count; i++)
		if (!operate(machine, &ops[i]))
			return false;
	if (machine->depth == 0)
		return false;
	*result = machine->stack[machine->depth - 1];
	return true;
}

/* A register as the caller had it; false where it is not known. */
static bool register_before(struct machine *machine, Dwarf_Frame *frame, uint32_t number,
			    uint64_t *value)
{
	Dwarf_Op capacity[3], *ops;
	size_t count;

	if (dwarf_frame_register(frame, (int)number, capacity, &ops, &count) != 0)
		return false;
	if (count == 0) { /* ops: undefined; NULL: the same */
		*value = machine->state->registers[number];
		return ops == NULL && machine->state->known[number];
	}
	if (!work_out(machine, ops, count, value))
		return false;
	return machine->is_value || unwind_word(machine->stall, *value, value);
}

/* The rule for it says that the caller had none. */
static bool is_undefined(Dwarf_Frame *frame, int number)
{
	Dwarf_Op capacity[3], *ops;
	size_t count;

	return number >= 0 && dwarf_frame_register(frame, number, capacity, &ops, &count) == 0 &&
	       count == 0 && ops != NULL;
}

static bool frame_find(Dwfl_Module *file, uint64_t address, Dwarf_Frame **frame)
{
	Dwarf_Addr bias;
	Dwarf_CFI *cfi = dwfl_module_eh_cfi(file, &bias);

	if (cfi && dwarf_cfi_addrframe(cfi, address - bias, frame) == 0)
		return true;
	cfi = dwfl_module_dwarf_cfi(file, &bias);
	return cfi && dwarf_cfi_addrframe(cfi, address - bias, frame) == 0;
}

static bool frame_step(Dwarf_Frame *frame, const struct trace_stall *stall,
		       struct unwind_state *state)
{
	struct machine machine = {.stall = stall, .state = state};
	uint32_t stack = unwind_stack_register(stall->machine),
		 count = stall->machine == TRACE_MACHINE_AARCH64 ? 32 : 17;
	struct unwind_state before = {0};
	bool is_signal = false;
	int return_register = dwarf_frame_info(frame, NULL, NULL, &is_signal);
	Dwarf_Op *ops;
	size_t op_count;

	if (dwarf_frame_cfa(frame, &ops, &op_count) != 0 ||
	    !work_out(&machine, ops, op_count, &machine.cfa))
		return false;
	for (uint32_t i = 0; i < count; i++)
		before.known[i] = register_before(&machine, frame, i, &before.registers[i]);
	state->is_end = is_undefined(frame, return_register);
	if (return_register < 0 || (uint32_t)return_register >= count ||
	    !before.known[return_register]) {
		state->is_beyond = machine.cfa > stall->sp + stall->stack_bytes;
		return false;
	}
	if (!before.known[stack])
		unwind_set(&before, stack, machine.cfa);
	before.pc = before.registers[return_register] & PC_MASK;
	before.sp = before.registers[stack];
	before.is_return = !is_signal;
	*state = before;
	return true;
}

bool unwind_cfi_step(Dwfl_Module *file, uint64_t address, const struct trace_stall *stall,
		     struct unwind_state *state)
{
	Dwarf_Frame *frame = NULL;
	bool stepped = frame_find(file, address, &frame) && frame_step(frame, stall, state);

	free(frame);
	return stepped;
}
