/* SPDX-License-Identifier: Apache-2.0
 *
 * See insn.h: x86-64, decoded by Zydis. Its minimal mode knows lengths, prefixes and operands, and
 * no mnemonics: the few instructions that matter here are told by their opcodes.
 */
#include "insn.h"

#if defined(__x86_64__)

#include <string.h>

#define PUT(out, type, value)                                                                      \
	({                                                                                         \
		type put_value = (type)(value);                                                    \
		memcpy(out, &put_value, sizeof(put_value));                                        \
	})

/* Direct branches: bytes of the opcode, and of the offset that follows and counts from its end. */
static bool is_branch(const uint8_t *code, size_t bytes, size_t *opcode_bytes, size_t *offset_bytes)
{
	uint8_t first = code[0], second = bytes > 1 ? code[1] : 0;
	bool is_near = first == 0xe9, is_long = first == 0x0f && (second & 0xf0) == 0x80;

	*opcode_bytes = is_long || (first == 0xc7 && second == 0xf8) ? 2 : 1;
	*offset_bytes = 4;
	if (is_near || *opcode_bytes == 2)
		return true;
	*offset_bytes = 1;
	return (first & 0xf0) == 0x70 || (first & 0xfc) == 0xe0 || first == 0xeb;
}

/* The bytes that one may begin with, its prefix included: a tenth of those of ordinary code. */
static const bool may_begin_branch[256] = {
    [0x0f] = true,	    [0x66] = true, [0x70 ... 0x7f] = true, [0xc7] = true,
    [0xe0 ... 0xe3] = true, [0xe9] = true, [0xeb] = true,
};

/* Where one at `code` would lead. */
static uintptr_t branch_target(const uint8_t *code, uintptr_t address, size_t opcode_bytes,
			       size_t offset_bytes)
{
	int32_t offset = (int8_t)code[opcode_bytes];

	if (offset_bytes == 4)
		memcpy(&offset, code + opcode_bytes, sizeof(offset));
	return address + opcode_bytes + offset_bytes + (uintptr_t)(intptr_t)offset;
}

/* With the prefix 66 the offset may have two bytes, on some processors. */
static bool is_short_near(const uint8_t *code, size_t bytes)
{
	return bytes > 2 && code[0] == 0x66 &&
	       (code[1] == 0xe9 || (code[1] == 0x0f && (code[2] & 0xf0) == 0x80));
}

size_t insn_branches_end(const uint8_t *code, size_t bytes, uintptr_t address, uintptr_t zone,
			 size_t zone_bytes)
{
	size_t end = 0, opcode_bytes, offset_bytes;

	for (size_t i = 0; i < bytes; i++) {
		if (!may_begin_branch[code[i]])
			continue;
		if (is_short_near(code + i, bytes - i))
			end = i + 1;
		if (is_branch(code + i, bytes - i, &opcode_bytes, &offset_bytes) &&
		    opcode_bytes + offset_bytes <= bytes - i &&
		    branch_target(code + i, address + i, opcode_bytes, offset_bytes) - zone <
			zone_bytes)
			end = i + 1;
	}
	return end;
}

#if defined(UVTRACE_HAVE_ZYDIS)

#include <Zydis/Zydis.h>

bool insn_is_known(void)
{
	return true;
}

#define RAX (1 << 0)
#define RCX (1 << 1)
#define RDX (1 << 2)
#define RSI (1 << 6)
#define RDI (1 << 7)
#define R8  (1 << 8)
#define R9  (1 << 9)
#define R10 (1 << 10)
#define R11 (1 << 11)

/* Where an instruction of one opcode byte leads; what is not here goes on with the next one. */
static const uint8_t flow_of_byte[256] = {
    [0x70 ... 0x7f] = INSN_JUMP_IF,
    [0xe0 ... 0xe3] = INSN_SHORT_IF,
    [0xe8] = INSN_CALL,
    [0xe9] = INSN_JUMP,
    [0xeb] = INSN_JUMP,
    [0xc2 ... 0xc3] = INSN_RETURN,
    [0xca ... 0xcb] = INSN_RETURN,
    [0xcf] = INSN_RETURN,
    [0xcc ... 0xce] = INSN_TRAP,
    [0xf1] = INSN_TRAP,
    [0xf4] = INSN_TRAP,
};

/* Behind 0f: jcc; syscall and sysenter; ud2. */
static const uint8_t flow_of_0f[256] = {
    [0x80 ... 0x8f] = INSN_JUMP_IF,
    [0x05] = INSN_CALL,
    [0x34] = INSN_CALL,
    [0x0b] = INSN_TRAP,
};

/* ff, by ModRM.reg: call and jmp through a register or memory. */
static const uint8_t flow_of_ff[8] = {
    [2] = INSN_CALL, [3] = INSN_CALL, [4] = INSN_INDIRECT, [5] = INSN_INDIRECT};

static uint8_t flow_of(const ZydisDecodedInstruction *decoded)
{
	uint8_t flow = 0;

	if (decoded->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
		return INSN_NEXT;
	if (decoded->opcode_map == ZYDIS_OPCODE_MAP_0F)
		flow = flow_of_0f[decoded->opcode];
	else if (decoded->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && decoded->opcode == 0xff)
		flow = flow_of_ff[decoded->raw.modrm.reg];
	else if (decoded->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT)
		flow = decoded->opcode == 0xc7 && decoded->raw.modrm.reg == 7
			   ? INSN_SHORT_IF /* xbegin */
			   : flow_of_byte[decoded->opcode];
	return flow ? flow : INSN_NEXT;
}

static bool has_modrm(const ZydisDecodedInstruction *decoded)
{
	return decoded->attributes & ZYDIS_ATTRIB_HAS_MODRM;
}

/* xchg %eax,%eax in all its lengths, and the long nop 0f 1f. */
static bool is_nop(const ZydisDecodedInstruction *decoded)
{
	return decoded->encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY &&
	       ((decoded->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && decoded->opcode == 0x90) ||
		(decoded->opcode_map == ZYDIS_OPCODE_MAP_0F && decoded->opcode == 0x1f));
}

static bool decode(const uint8_t *code, size_t bytes, ZydisDecodedInstruction *decoded)
{
	ZydisDecoder decoder;

	return ZYAN_SUCCESS(
		   ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)) &&
	       ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, code, bytes, decoded));
}

struct insn insn_decode(const uint8_t *code, size_t bytes, uintptr_t address)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	ZydisDecodedInstruction decoded;
	struct insn insn = {0};

	if (!decode(code, bytes, &decoded))
		return insn;
	insn.bytes = decoded.length;
	insn.flow = flow_of(&decoded);
	insn.is_landing = insn.bytes == sizeof(endbr64) && !memcmp(code, endbr64, insn.bytes);
	insn.is_padding = is_nop(&decoded) || (insn.bytes == 1 && code[0] == 0xcc);
	if (insn.flow == INSN_JUMP_IF)
		insn.condition = decoded.opcode & 15;
	if (decoded.raw.imm[0].is_relative) {
		insn.target = address + insn.bytes + (uintptr_t)decoded.raw.imm[0].value.s;
	} else if (decoded.raw.imm[0].size == 32) {
		insn.has_value = true;
		insn.value = (uint32_t)decoded.raw.imm[0].value.u;
	}
	if (has_modrm(&decoded) && decoded.raw.modrm.mod == 0 && decoded.raw.modrm.rm == 5) {
		insn.reads_pc = true;
		insn.operand_at = decoded.raw.disp.offset;
		insn.data = address + insn.bytes + (uintptr_t)decoded.raw.disp.value;
	}
	return insn;
}

/* ---- The first instruction ------------------------------------------------------------------- */

/* Registers whose value at a function's start matters to nobody: it is no argument, and the caller
 * expects any value in it afterwards. */
static unsigned int free_registers(unsigned int arguments)
{
	static const uint16_t argument_registers[] = {RDI, RSI, RDX, RCX, R8, R9};
	unsigned int unused = RAX | R10 | R11;

	for (size_t i = arguments; i < sizeof(argument_registers) / sizeof(argument_registers[0]);
	     i++)
		unused |= argument_registers[i];
	return unused;
}

enum stay {
	STAY_READS,	 /* sets flags only: cmp, test */
	STAY_WRITES_REG, /* writes ModRM.reg: mov, lea, movzx */
	STAY_WRITES_RM,	 /* writes ModRM.rm, which must be a register: mov, xor */
	STAY_WRITES_LOW, /* writes the register of the opcode's low three bits: mov imm */
	STAY_PUSH,
	STAY_SUB_SP,	/* sub $imm,%rsp */
	STAY_SETS_BITS, /* or, and: a constant and memory, the same the second time */
	STAY_HIGH_HALF, /* unpcklpd: writes the upper half of a register, where no argument is */
};

struct stay_row {
	uint8_t map;
	uint8_t first, last;
	int8_t extension; /* ModRM.reg; -1: any */
	uint8_t stay;	  /* enum stay */
};

static const struct stay_row stay_rows[] = {
    {0, 0x38, 0x3d, -1, STAY_READS},	  {0, 0x80, 0x81, 7, STAY_READS},
    {0, 0x83, 0x83, 7, STAY_READS},	  {0, 0x84, 0x85, -1, STAY_READS},
    {0, 0xa8, 0xa9, -1, STAY_READS},	  {0, 0xf6, 0xf7, 0, STAY_READS},
    {0, 0x8a, 0x8b, -1, STAY_WRITES_REG}, {0, 0x8d, 0x8d, -1, STAY_WRITES_REG},
    {0, 0x31, 0x31, -1, STAY_WRITES_RM},  {0, 0x33, 0x33, -1, STAY_WRITES_REG},
    {0, 0x88, 0x89, -1, STAY_WRITES_RM},  {0, 0xc7, 0xc7, 0, STAY_WRITES_RM},
    {0, 0xb8, 0xbf, -1, STAY_WRITES_LOW}, {0, 0x50, 0x57, -1, STAY_PUSH},
    {0, 0x81, 0x81, 5, STAY_SUB_SP},	  {0, 0x83, 0x83, 5, STAY_SUB_SP},
    {1, 0xb6, 0xb7, -1, STAY_WRITES_REG}, {1, 0x14, 0x14, -1, STAY_HIGH_HALF},
    {0, 0x80, 0x81, 1, STAY_SETS_BITS},	  {0, 0x83, 0x83, 1, STAY_SETS_BITS},
    {0, 0x80, 0x81, 4, STAY_SETS_BITS},	  {0, 0x83, 0x83, 4, STAY_SETS_BITS},
};

static const struct stay_row *stay_find(const ZydisDecodedInstruction *decoded)
{
	for (size_t i = 0; i < sizeof(stay_rows) / sizeof(stay_rows[0]); i++) {
		const struct stay_row *row = &stay_rows[i];

		if (decoded->opcode_map ==
			(row->map ? ZYDIS_OPCODE_MAP_0F : ZYDIS_OPCODE_MAP_DEFAULT) &&
		    decoded->opcode >= row->first && decoded->opcode <= row->last &&
		    (row->extension < 0 || row->extension == decoded->raw.modrm.reg))
			return row;
	}
	return NULL;
}

static size_t undo_push(const uint8_t *code, const ZydisDecodedInstruction *decoded, uint8_t *undo)
{
	uint8_t pop = 0x58 + (decoded->opcode & 7);
	size_t prefix = decoded->length - 1u;

	memcpy(undo, code, prefix); /* a REX, for r8 to r15 */
	undo[prefix] = pop;
	return prefix + 1;
}

/* sub and add differ in ModRM.reg alone: 5 and 0. */
static size_t undo_sub(const uint8_t *code, const ZydisDecodedInstruction *decoded, uint8_t *undo)
{
	memcpy(undo, code, decoded->length);
	undo[decoded->raw.modrm.offset] &= (uint8_t) ~(7 << 3);
	return decoded->length;
}

static bool register_is_free(unsigned int number, unsigned int arguments)
{
	return free_registers(arguments) >> number & 1;
}

static bool rm_is_free(const ZydisDecodedInstruction *decoded, unsigned int arguments)
{
	return decoded->raw.modrm.mod == 3 &&
	       register_is_free(decoded->raw.modrm.rm | decoded->raw.rex.B << 3, arguments);
}

bool insn_can_stay(const uint8_t *code, const struct insn *insn, unsigned int arguments,
		   uint8_t *undo, size_t *undo_bytes)
{
	ZydisDecodedInstruction decoded;
	const struct stay_row *row;

	*undo_bytes = 0;
	if (insn->is_landing || (insn->is_padding && insn->flow == INSN_NEXT))
		return true;
	if (insn->flow != INSN_NEXT || !decode(code, insn->bytes, &decoded) ||
	    decoded.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
		return false;
	row = stay_find(&decoded);
	if (!row)
		return false;
	switch ((enum stay)row->stay) {
	case STAY_READS:
		return true;
	case STAY_WRITES_REG:
		return register_is_free(decoded.raw.modrm.reg | decoded.raw.rex.R << 3, arguments);
	case STAY_WRITES_RM:
		return rm_is_free(&decoded, arguments);
	case STAY_WRITES_LOW:
		return register_is_free((decoded.opcode & 7) | decoded.raw.rex.B << 3, arguments);
	case STAY_PUSH:
		*undo_bytes = undo_push(code, &decoded, undo);
		return insn->bytes == 1 || (insn->bytes == 2 && decoded.raw.rex.B);
	case STAY_SUB_SP:
		*undo_bytes = undo_sub(code, &decoded, undo);
		return decoded.raw.rex.W && decoded.raw.modrm.mod == 3 &&
		       decoded.raw.modrm.rm == 4 && !decoded.raw.rex.B;
	case STAY_SETS_BITS:
		return decoded.raw.modrm.mod != 3;
	case STAY_HIGH_HALF:
		return code[0] == 0x66; /* unpcklpd, not unpcklps */
	}
	return false;
}

/* ---- Moving ---------------------------------------------------------------------------------- */

static bool fits(int64_t distance)
{
	return distance == (int32_t)distance;
}

/* A branch, in its form with 32 bits. */
static size_t move_branch(const ZydisDecodedInstruction *decoded, const struct insn *insn,
			  uintptr_t to, uint8_t *out)
{
	size_t bytes = insn->flow == INSN_JUMP ? 5 : 6;
	int64_t distance = (int64_t)(insn->target - (to + bytes));

	if (!fits(distance))
		return 0;
	if (insn->flow == INSN_JUMP) {
		*out++ = 0xe9;
	} else {
		*out++ = 0x0f;
		*out++ = 0x80 | (decoded->opcode & 15);
	}
	PUT(out, int32_t, distance);
	return bytes;
}

size_t insn_move(const uint8_t *code, const struct insn *insn, uintptr_t to, uint8_t *out)
{
	ZydisDecodedInstruction decoded;
	int64_t distance;

	if (!decode(code, insn->bytes, &decoded))
		return 0;
	if (insn->flow == INSN_JUMP || insn->flow == INSN_JUMP_IF)
		return move_branch(&decoded, insn, to, out);
	if (insn->flow != INSN_NEXT && insn->flow != INSN_RETURN)
		return 0;
	memcpy(out, code, insn->bytes);
	if (!insn->reads_pc)
		return insn->bytes;
	distance = (int64_t)(insn->data - (to + insn->bytes));
	if (!fits(distance))
		return 0;
	PUT(out + insn->operand_at, int32_t, distance);
	return insn->bytes;
}

#else /* without Zydis nothing is decoded, so nothing is patched */

bool insn_is_known(void)
{
	return false;
}

struct insn insn_decode(const uint8_t *code, size_t bytes, uintptr_t address)
{
	(void)code, (void)bytes, (void)address;
	return (struct insn){0};
}

bool insn_can_stay(const uint8_t *code, const struct insn *insn, unsigned int arguments,
		   uint8_t *undo, size_t *undo_bytes)
{
	(void)code, (void)insn, (void)arguments, (void)undo, (void)undo_bytes;
	return false;
}

size_t insn_move(const uint8_t *code, const struct insn *insn, uintptr_t to, uint8_t *out)
{
	(void)code, (void)insn, (void)to, (void)out;
	return 0;
}

#endif

void insn_put_jump(uint8_t *out, uintptr_t from, uintptr_t to)
{
	*out++ = 0xe9;
	PUT(out, int32_t, to - (from + INSN_JUMP_BYTES));
}

/* jmp *0(%rip), then the address. */
void insn_put_jump_far(uint8_t *out, uintptr_t to)
{
	static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0};

	memcpy(out, jump, sizeof(jump));
	PUT(out + sizeof(jump), uint64_t, to);
}

#endif
