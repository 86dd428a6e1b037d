/* SPDX-License-Identifier: Apache-2.0
 *
 * What the patcher has to know of a machine's instructions: how long one is, where it leads, and
 * how it is written at another place. One implementation a machine: insn_x86_64.c, insn_aarch64.c.
 *
 * Rules: what is not surely understood is INSN_UNKNOWN, and who asks gives up.
 */
#ifndef INSN_H
#define INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum insn_flow {
	INSN_UNKNOWN, /* it could not be decoded */
	INSN_NEXT,    /* goes on with the next one */
	INSN_JUMP,    /* to `target` */
	INSN_JUMP_IF, /* to `target` or the next one */
	INSN_CALL,    /* direct or indirect */
	INSN_RETURN,
	INSN_INDIRECT, /* a jump to what a register or memory says */
	INSN_TRAP, /* a breakpoint, of a debugger or a kernel probe, or the end of a dead path */
	INSN_SHORT_IF, /* a branch that has no long form: loop, jrcxz, xbegin */
};

struct insn {
	uint8_t bytes;
	uint8_t flow;	    /* enum insn_flow */
	uint8_t operand_at; /* x86-64: where the 32 bits lie that are relative to the next insn */
	bool reads_pc;	    /* an operand's address is relative to the instruction: `data` */
	bool is_landing;    /* endbr64, bti: does nothing but allow indirect branches */
	bool is_padding;    /* nop, int3: fills up between functions */
	uint8_t condition;  /* of a JUMP_IF, as the machine numbers them */
	uint8_t has_value;  /* `value` is a constant operand */
	uint32_t value;	    /* aarch64: of a JUMP_IF what it tests; the opposite tests the same */
	uintptr_t target;   /* of a direct branch or call */
	uintptr_t data;
};

#define INSN_BYTES_MAX	     15
#define INSN_MOVED_BYTES_MAX 16 /* of one that insn_move() wrote */

/* A test of the other machine's code says INSN_FOR_AARCH64. */
#if defined(__aarch64__) && !defined(INSN_FOR_AARCH64)
#define INSN_FOR_AARCH64
#endif

#if !defined(INSN_FOR_AARCH64)
#define INSN_JUMP_BYTES	    5  /* a jump within INSN_REACH bytes */
#define INSN_JUMP_FAR_BYTES 14 /* to any address */
#define INSN_REACH	    ((uintptr_t)1 << 31)
/* Whether a jump may only be put behind the first instruction, and whether a moved branch with a
 * condition becomes two instructions. */
#define INSN_FIRST_MUST_STAY 1
#define INSN_IF_IS_TWO	     0
#else
#define INSN_JUMP_BYTES	     4
#define INSN_JUMP_FAR_BYTES  16
#define INSN_REACH	     ((uintptr_t)1 << 27)
#define INSN_FIRST_MUST_STAY 0
#define INSN_IF_IS_TWO	     1
#endif

/* Whether this build can decode: on x86-64 it needs Zydis. */
bool insn_is_known(void);

/* The instruction of at most `bytes` bytes at `code`, which runs at `address`. */
struct insn insn_decode(const uint8_t *code, size_t bytes, uintptr_t address);

/* How many of the bytes must be decoded to know whether a direct branch among them leads into
 * [zone, zone + zone_bytes): behind them no byte could be the beginning of one that does. */
size_t insn_branches_end(const uint8_t *code, size_t bytes, uintptr_t address, uintptr_t zone,
			 size_t zone_bytes);

/* Whether a function of so many integer arguments may have executed this, its first instruction,
 * before the wrapper is entered and again when the function itself is; if so, what undoes it is
 * written to `undo` (INSN_BYTES_MAX), and *undo_bytes says how long that is. */
bool insn_can_stay(const uint8_t *code, const struct insn *insn, unsigned int arguments,
		   uint8_t *undo, size_t *undo_bytes);

/* Writes the instruction so that it does at `to` what it does where it is; at most
 * INSN_MOVED_BYTES_MAX bytes. 0: that cannot be. */
size_t insn_move(const uint8_t *code, const struct insn *insn, uintptr_t to, uint8_t *out);

/* A jump; INSN_JUMP_BYTES. The distance is within INSN_REACH. */
void insn_put_jump(uint8_t *out, uintptr_t from, uintptr_t to);

/* A jump to anywhere, INSN_JUMP_FAR_BYTES, that a landing pad accepts. */
void insn_put_jump_far(uint8_t *out, uintptr_t to);

#endif
