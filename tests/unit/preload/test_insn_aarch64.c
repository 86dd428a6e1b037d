/* SPDX-License-Identifier: Apache-2.0
 *
 * The other machine's instructions, which need no decoder and so can be looked at here.
 */
#define INSN_FOR_AARCH64
#define insn_is_known	  aarch64_is_known
#define insn_decode	  aarch64_decode
#define insn_can_stay	  aarch64_can_stay
#define insn_branches_end aarch64_branches_end
#define insn_move	  aarch64_move
#define insn_put_jump	  aarch64_put_jump
#define insn_put_jump_far aarch64_put_jump_far
#include "patch/insn_aarch64.c"

#include <criterion/criterion.h>

#define AT ((uintptr_t)0x400000)
#define TO ((uintptr_t)0x3f0000)

static struct insn decoded(uint32_t word)
{
	return insn_decode((const uint8_t *)&word, sizeof(word), AT);
}

static size_t moved(uint32_t word, uint8_t *out)
{
	struct insn insn = decoded(word);

	return insn_move((const uint8_t *)&word, &insn, TO, out);
}

Test(insn_aarch64, flow)
{
	cr_assert_eq(decoded(0xa9bf7bfd).flow, INSN_NEXT);     /* stp x29, x30, [sp, -16]! */
	cr_assert_eq(decoded(0x14000004).flow, INSN_JUMP);     /* b +16 */
	cr_assert_eq(decoded(0x97ffffff).flow, INSN_CALL);     /* bl -4 */
	cr_assert_eq(decoded(0x54000041).flow, INSN_JUMP_IF);  /* b.ne +8 */
	cr_assert_eq(decoded(0xd61f0200).flow, INSN_INDIRECT); /* br x16 */
	cr_assert_eq(decoded(0xd63f0020).flow, INSN_CALL);     /* blr x1 */
	cr_assert_eq(decoded(0xd65f03c0).flow, INSN_RETURN);   /* ret */
	cr_assert_eq(decoded(0xd4200000).flow, INSN_TRAP);     /* brk 0 */
	cr_assert_eq(decoded(0x14000004).target, AT + 16);
	cr_assert_eq(decoded(0x97ffffff).target, AT - 4);
	cr_assert_eq(decoded(0x54000041).target, AT + 8);
	cr_assert_eq(decoded(0xb4000441).target, AT + 0x88); /* cbz x1, +0x88 */
	cr_assert_eq(decoded(0x3607ffe0).target, AT - 4);    /* tbz w0, 0, -4 */
	cr_assert(decoded(0xd503245f).is_landing);	     /* bti c */
}

/* cbz x1, far away: cbnz x1, +8; b. Likewise b.cond and tbz. */
Test(insn_aarch64, branch_with_a_condition_becomes_two)
{
	static const uint32_t words[] = {0xb4000441, 0x54000441, 0x36000441};
	static const uint32_t opposite[] = {0xb5000041, 0x54000040, 0x37000041};
	uint8_t out[INSN_MOVED_BYTES_MAX];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct insn jump;

		cr_assert_eq(moved(words[i], out), 8);
		cr_assert_eq(word_at(out), opposite[i], "%x", word_at(out));
		jump = insn_decode(out + 4, 4, TO + 4);
		cr_assert_eq(jump.flow, INSN_JUMP);
		cr_assert_eq(jump.target, decoded(words[i]).target);
	}
}

Test(insn_aarch64, what_depends_on_its_place_is_refused)
{
	uint8_t out[INSN_MOVED_BYTES_MAX];

	cr_assert_eq(moved(0x10000041, out), 0); /* adr x1, +8 */
	cr_assert_eq(moved(0x90000041, out), 0); /* adrp x1 */
	cr_assert_eq(moved(0x58000041, out), 0); /* ldr x1, +8 */
	cr_assert_eq(moved(0x94000001, out), 0); /* bl */
	cr_assert_eq(moved(0x5400044e, out), 0); /* b.al */
	cr_assert_eq(moved(0xa9bf7bfd, out), 4);
	cr_assert_eq(word_at(out), 0xa9bf7bfd);
}

Test(insn_aarch64, first_instruction)
{
	uint32_t bti = 0xd503245f, paciasp = 0xd503233f, stp = 0xa9bf7bfd;
	uint8_t undo[INSN_BYTES_MAX];
	size_t undo_bytes;
	struct insn insn = decoded(bti);

	cr_assert(insn_can_stay((uint8_t *)&bti, &insn, 1, undo, &undo_bytes) && undo_bytes == 0);
	insn = decoded(paciasp);
	cr_assert(insn_can_stay((uint8_t *)&paciasp, &insn, 1, undo, &undo_bytes));
	cr_assert_eq(undo_bytes, 4);
	cr_assert_eq(word_at(undo), 0xd50323bf); /* autiasp */
	insn = decoded(stp);
	cr_assert_not(insn_can_stay((uint8_t *)&stp, &insn, 1, undo, &undo_bytes));
}

/* adrp x1, page; add x1, x1, 0x123: what uv_version() and the callbacks' addresses are read
 * from. */
Test(insn_aarch64, addresses_and_constants)
{
	static const uint32_t pair[] = {0xb0000001, 0x91048c21};
	struct insn insn = insn_decode((const uint8_t *)pair, sizeof(pair), AT);

	cr_assert_eq(insn.data, AT + 0x1123, "%lx", (unsigned long)insn.data);
	cr_assert_eq(decoded(0x52866600).value, 0x3330);  /* mov w0, 0x3330 */
	cr_assert_eq(decoded(0x72a00020).value, 0x10000); /* movk w0, 1, lsl 16 */
}
