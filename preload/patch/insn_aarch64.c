/* SPDX-License-Identifier: Apache-2.0
 *
 * See insn.h: aarch64. Every instruction has four bytes, and the seven forms that depend on where
 * they lie are told by masks, so no decoder is needed.
 *
 * The first instruction need not stay: one aligned store of four bytes replaces it, and a kernel
 * probe that is set there later runs the file's instruction and goes on behind it.
 */
#include "insn.h"

#if defined(INSN_FOR_AARCH64)

#include <string.h>

bool insn_is_known(void)
{
	return true;
}

/* All of them: decoding costs next to nothing. */
size_t insn_branches_end(const uint8_t *code, size_t bytes, uintptr_t address, uintptr_t zone,
			 size_t zone_bytes)
{
	(void)code, (void)address, (void)zone, (void)zone_bytes;
	return bytes;
}

struct form {
	uint32_t mask, value;
	uint8_t flow;	  /* enum insn_flow */
	uint8_t at, bits; /* of the offset, in units of four bytes; 0: it has none */
};

static const struct form forms[] = {
    {0xfc000000, 0x14000000, INSN_JUMP, 0, 26},	   /* b */
    {0xfc000000, 0x94000000, INSN_CALL, 0, 26},	   /* bl */
    {0xff000000, 0x54000000, INSN_JUMP_IF, 5, 19}, /* b.cond, bc.cond */
    {0x7e000000, 0x34000000, INSN_JUMP_IF, 5, 19}, /* cbz, cbnz */
    {0x7e000000, 0x36000000, INSN_JUMP_IF, 5, 14}, /* tbz, tbnz */
    {0xfffffc1f, 0xd61f0000, INSN_INDIRECT, 0, 0}, /* br */
    {0xfffff800, 0xd71f0800, INSN_INDIRECT, 0, 0}, /* braa, brab */
    {0xfffff800, 0xd61f0800, INSN_INDIRECT, 0, 0}, /* braaz, brabz */
    {0xfffffc1f, 0xd63f0000, INSN_CALL, 0, 0},	   /* blr */
    {0xfffff800, 0xd73f0800, INSN_CALL, 0, 0},	   /* blraa, blrab */
    {0xfffff800, 0xd63f0800, INSN_CALL, 0, 0},	   /* blraaz, blrabz */
    {0xfffffc1f, 0xd65f0000, INSN_RETURN, 0, 0},   /* ret */
    {0xfffffbff, 0xd65f0bff, INSN_RETURN, 0, 0},   /* retaa, retab */
    {0xff000000, 0xd4000000, INSN_TRAP, 0, 0},	   /* svc, brk, hlt */
    {0xffff0000, 0x00000000, INSN_TRAP, 0, 0},	   /* udf */
};

/* adr, adrp, ldr literal, prfm literal. */
static const struct form pc_readers[] = {
    {0x1f000000, 0x10000000, INSN_NEXT, 0, 0},
    {0x3b000000, 0x18000000, INSN_NEXT, 0, 0},
};

static const struct form *form_find(const struct form *rows, size_t count, uint32_t word)
{
	for (size_t i = 0; i < count; i++)
		if ((word & rows[i].mask) == rows[i].value)
			return &rows[i];
	return NULL;
}

#define FORM(rows, word) form_find(rows, sizeof(rows) / sizeof((rows)[0]), word)

static uint32_t word_at(const uint8_t *code)
{
	uint32_t word;

	memcpy(&word, code, sizeof(word));
	return word;
}

static int64_t offset_of(const struct form *form, uint32_t word)
{
	uint32_t field = word << (32 - form->at - form->bits);

	return ((int64_t)(int32_t)field >> (32 - form->bits)) * 4;
}

#define NOP	0xd503201fu
#define PACIASP 0xd503233fu
#define KEY_B	0x40u /* makes it pacibsp */
#define UNSIGN	0x80u /* makes them autiasp and autibsp */

static bool is_landing(uint32_t word)
{
	return (word & 0xffffff3f) == 0xd503241f; /* bti, bti c, bti j, bti jc */
}

#define PAIR_WORDS 3 /* an adrp and its add are at most so far apart, or not taken for a pair */

/* The low 12 bits of the address whose page the adrp at `code` loads: those of the add to the same
 * register. -1: there is none near. */
static int adrp_low(const uint8_t *code, size_t bytes)
{
	uint32_t destination = word_at(code) & 31;

	for (size_t i = 1; i < PAIR_WORDS && (i + 1) * sizeof(uint32_t) <= bytes; i++) {
		uint32_t word = word_at(code + i * sizeof(word));

		if ((word & 0xffc003e0) == (0x91000000 | destination << 5))
			return (int)(word >> 10 & 4095);
	}
	return -1;
}

/* What adr points to, or adrp (the bit 31) with its add; 0: that is not known. */
static uintptr_t adr_target(const uint8_t *code, size_t bytes, uintptr_t address)
{
	uint32_t word = word_at(code);
	int64_t offset = ((int64_t)(int32_t)(word << 8) >> 13) * 4 + (word >> 29 & 3);
	int low;

	if (!(word >> 31))
		return address + (uintptr_t)offset;
	low = adrp_low(code, bytes);
	return low < 0 ? 0
		       : (address & ~(uintptr_t)4095) + (uintptr_t)(offset * 4096) + (uintptr_t)low;
}

/* movz and movk of the lower 32 bits: what they load. */
static void read_constant(struct insn *insn, uint32_t word)
{
	bool is_movz_or_movk = (word & 0x5f800000) == 0x52800000;

	if (!is_movz_or_movk || word & 1u << 22)
		return;
	insn->has_value = 1;
	insn->value = (word >> 5 & 0xffff) << (word & 1u << 21 ? 16 : 0);
}

static uint32_t offset_field(const struct form *form)
{
	return ((1u << form->bits) - 1) << form->at;
}

/* The bit that makes a condition the opposite: of b.cond; of cbz and tbz. */
static uint32_t opposite_bit(const struct form *form)
{
	return form->value == 0x54000000 ? 1u : 1u << 24;
}

static void read_condition(struct insn *insn, const struct form *form, uint32_t word)
{
	insn->condition = (word & opposite_bit(form)) != 0;
	insn->value = word & ~offset_field(form) & ~opposite_bit(form);
}

struct insn insn_decode(const uint8_t *code, size_t bytes, uintptr_t address)
{
	struct insn insn = {0};
	const struct form *form;
	uint32_t word;

	if (bytes < sizeof(word))
		return insn;
	word = word_at(code);
	form = FORM(forms, word);
	insn.bytes = sizeof(word);
	insn.flow = form ? form->flow : INSN_NEXT;
	insn.is_landing = is_landing(word);
	insn.is_padding = word == NOP || word == 0;
	if (form && form->bits)
		insn.target = address + (uintptr_t)offset_of(form, word);
	insn.reads_pc = FORM(pc_readers, word) != NULL;
	if ((word & pc_readers[0].mask) == pc_readers[0].value)
		insn.data = adr_target(code, bytes, address);
	read_constant(&insn, word);
	if (insn.flow == INSN_JUMP_IF)
		read_condition(&insn, form, word);
	return insn;
}

/* Only what the entry must begin with stays: a landing pad, and the signing of the return address,
 * which is one too. */
bool insn_can_stay(const uint8_t *code, const struct insn *insn, unsigned int arguments,
		   uint8_t *undo, size_t *undo_bytes)
{
	uint32_t word = word_at(code), unsign = word | UNSIGN;

	(void)arguments;
	*undo_bytes = 0;
	if (insn->is_landing)
		return true;
	if ((word & ~KEY_B) != PACIASP)
		return false;
	memcpy(undo, &unsign, sizeof(unsign));
	*undo_bytes = sizeof(unsign);
	return true;
}

/* Those with a condition have too short a reach: the opposite condition skips a jump. */
static size_t move_jump_if(const struct insn *insn, const struct form *form, uint32_t word,
			   uintptr_t to, uint8_t *out)
{
	word = ((word ^ opposite_bit(form)) & ~offset_field(form)) | 2u << form->at;
	memcpy(out, &word, sizeof(word));
	insn_put_jump(out + sizeof(word), to + sizeof(word), insn->target);
	return 2 * sizeof(word);
}

size_t insn_move(const uint8_t *code, const struct insn *insn, uintptr_t to, uint8_t *out)
{
	uint32_t word = word_at(code);
	const struct form *form = FORM(forms, word);
	int64_t distance = (int64_t)(insn->target - to);

	if (insn->reads_pc || (insn->target && (distance > (int64_t)INSN_REACH - 8 ||
						-distance > (int64_t)INSN_REACH)))
		return 0;
	if (insn->flow == INSN_JUMP_IF)
		return form->value == 0x54000000 && (word & 15) >= 14
			   ? 0 /* always */
			   : move_jump_if(insn, form, word, to, out);
	if (insn->flow == INSN_JUMP) {
		insn_put_jump(out, to, insn->target);
		return INSN_JUMP_BYTES;
	}
	if (insn->flow != INSN_NEXT && insn->flow != INSN_RETURN)
		return 0;
	memcpy(out, code, insn->bytes);
	return insn->bytes;
}

void insn_put_jump(uint8_t *out, uintptr_t from, uintptr_t to)
{
	uint32_t word = 0x14000000 | ((uint32_t)((to - from) >> 2) & 0x03ffffff);

	memcpy(out, &word, sizeof(word));
}

/* ldr x16, +8; br x16; the address. */
void insn_put_jump_far(uint8_t *out, uintptr_t to)
{
	static const uint32_t jump[] = {0x58000050, 0xd61f0200};
	uint64_t address = to;

	memcpy(out, jump, sizeof(jump));
	memcpy(out + sizeof(jump), &address, sizeof(address));
}

#endif
