/* SPDX-License-Identifier: Apache-2.0
 *
 * How a function's first instructions are planned, refused and moved: by its bytes.
 */
#include <string.h>

#include <criterion/criterion.h>

#include "patch/entry_plan.h"

#define CODE_BYTES 128

/* A page of code that is only read, at a known place in its middle. */
static uint8_t code[4096] __attribute__((aligned(4096)));
static ElfW(Phdr) segment;

static struct elf_image image_of_code(void)
{
	segment = (ElfW(Phdr)){.p_type = PT_LOAD,
			       .p_flags = PF_R | PF_X,
			       .p_vaddr = (uintptr_t)code,
			       .p_filesz = sizeof(code)};
	return (struct elf_image){.segments = &segment, .segment_count = 1};
}

/* The plan for a function of these bytes, with `bytes` of them its own and what follows behind it.
 */
static struct entry_plan plan_for(const uint8_t *text, size_t text_bytes, size_t function_bytes,
				  unsigned int arguments)
{
	struct elf_image image = image_of_code();
	struct entry_plan plan;

	memset(code, 0xf4, sizeof(code)); /* hlt: no padding, and nothing to go on with */
	memcpy(code, text, text_bytes);
	entry_plan_make(&plan, &image,
			(struct elf_function){.address = (uintptr_t)code, .bytes = function_bytes},
			arguments);
	return plan;
}

#define PLAN(arguments, ...)                                                                       \
	({                                                                                         \
		const uint8_t text[] = {__VA_ARGS__};                                              \
		plan_for(text, sizeof(text), sizeof(text), arguments);                             \
	})

/* Of which the last bytes are padding behind the function. */
#define PLAN_PADDED(padding, ...)                                                                  \
	({                                                                                         \
		const uint8_t text[] = {__VA_ARGS__};                                              \
		plan_for(text, sizeof(text), sizeof(text) - (padding), 0);                         \
	})

#if defined(__x86_64__)

#define PUSH_RBP    0x55
#define MOV_RBP_RSP 0x48, 0x89, 0xe5
#define SUB_RSP_32  0x48, 0x83, 0xec, 0x20
#define RET	    0xc3
#define NOP5	    0x0f, 0x1f, 0x44, 0x00, 0x00
#define NOP3	    0x0f, 0x1f, 0x00

static void check_reason(struct entry_plan plan, enum entry_reason reason)
{
	if (!insn_is_known())
		cr_skip_test("built without a decoder");
	cr_assert_eq(plan.reason, reason, "it says: %s", entry_reason_text(plan.reason));
}

static void check_kept(struct entry_plan plan, size_t kept_bytes, size_t undo_bytes)
{
	check_reason(plan, ENTRY_GOOD);
	cr_assert_eq(plan.kept_bytes, kept_bytes);
	cr_assert_eq(plan.undo_bytes, undo_bytes);
}

Test(entry_plan, first_instruction_stays)
{
	check_kept(PLAN(1, PUSH_RBP, MOV_RBP_RSP, SUB_RSP_32, RET), 1, 1);
	/* push %r12 */
	check_kept(PLAN(1, 0x41, 0x54, MOV_RBP_RSP, SUB_RSP_32, RET), 2, 2);
	/* sub $32,%rsp */
	check_kept(PLAN(1, SUB_RSP_32, NOP5, RET), 4, 4);
	/* test %rsi,%rsi; testb $4,0x58(%rdi); cmpl $15,0x10(%rsi) */
	check_kept(PLAN(2, 0x48, 0x85, 0xf6, NOP5, RET), 3, 0);
	check_kept(PLAN(2, 0xf6, 0x47, 0x58, 0x04, NOP5, RET), 4, 0);
	check_kept(PLAN(2, 0x83, 0x7e, 0x10, 0x0f, NOP5, RET), 4, 0);
	/* mov 0x78(%rdi),%eax; xor %eax,%eax; mov $-22,%eax; mov %rdx,%r10 */
	check_kept(PLAN(2, 0x8b, 0x47, 0x78, NOP5, RET), 3, 0);
	check_kept(PLAN(2, 0x31, 0xc0, NOP5, RET), 2, 0);
	check_kept(PLAN(2, 0xb8, 0xea, 0xff, 0xff, 0xff, NOP5, RET), 5, 0);
	check_kept(PLAN(2, 0x49, 0x89, 0xd2, NOP5, RET), 3, 0);
	/* orl $1,0x58(%rdi), as uv_close begins at -O3 */
	check_kept(PLAN(2, 0x83, 0x4f, 0x58, 0x01, NOP5, RET), 4, 0);
	/* unpcklpd %xmm1,%xmm0 */
	check_kept(PLAN(2, 0x66, 0x0f, 0x14, 0xc1, NOP5, RET), 4, 0);
	/* endbr64, and then nothing else needs to stay */
	check_kept(PLAN(2, 0xf3, 0x0f, 0x1e, 0xfa, PUSH_RBP, MOV_RBP_RSP, NOP5, RET), 4, 0);
}

/* xor %ecx,%ecx: of four arguments the fourth is in it, of three none. */
Test(entry_plan, first_instruction_that_changes_an_argument_is_refused)
{
	check_kept(PLAN(3, 0x31, 0xc9, NOP5, RET), 2, 0);
	check_reason(PLAN(4, 0x31, 0xc9, NOP5, RET), ENTRY_FIRST_CANNOT_STAY);
	/* or $1,%esi; addl $1,0x58(%rdi) */
	check_reason(PLAN(2, 0x83, 0xce, 0x01, NOP5, RET), ENTRY_FIRST_CANNOT_STAY);
	check_reason(PLAN(2, 0x83, 0x47, 0x58, 0x01, NOP5, RET), ENTRY_FIRST_CANNOT_STAY);
	/* mov (%rdi),%rdi; mov %rsp,%rbp; xor %ebx,%ebx; mov %rax,(%rdi); unpcklps */
	check_reason(PLAN(1, 0x48, 0x8b, 0x3f, NOP5, RET), ENTRY_FIRST_CANNOT_STAY);
	check_reason(PLAN(1, MOV_RBP_RSP, NOP5, RET), ENTRY_FIRST_CANNOT_STAY);
	check_reason(PLAN(1, 0x31, 0xdb, NOP5, RET), ENTRY_FIRST_CANNOT_STAY);
	check_reason(PLAN(1, 0x48, 0x89, 0x07, NOP5, RET), ENTRY_FIRST_CANNOT_STAY);
	check_reason(PLAN(1, 0x0f, 0x14, 0xc1, NOP5, RET), ENTRY_FIRST_CANNOT_STAY);
}

Test(entry_plan, refused)
{
	/* gcc -pg -mfentry: call __fentry__ */
	check_reason(PLAN(1, 0xe8, 0, 0, 0, 0, PUSH_RBP, NOP5, RET), ENTRY_BRANCH_IN_ZONE);
	check_reason(PLAN(1, PUSH_RBP, 0xe8, 0, 0, 0, 0, RET), ENTRY_BRANCH_IN_ZONE);
	/* jmp *%rax; loop; syscall */
	check_reason(PLAN(1, PUSH_RBP, 0xff, 0xe0, NOP5, RET), ENTRY_BRANCH_IN_ZONE);
	check_reason(PLAN(1, PUSH_RBP, 0xe2, 0x05, NOP5, RET), ENTRY_BRANCH_IN_ZONE);
	check_reason(PLAN(1, PUSH_RBP, 0x0f, 0x05, NOP5, RET), ENTRY_BRANCH_IN_ZONE);
	check_reason(PLAN(1, 0xcc, MOV_RBP_RSP, NOP5, RET), ENTRY_BREAKPOINT);
	check_reason(PLAN(1, PUSH_RBP, 0xcc, NOP5, RET), ENTRY_BREAKPOINT);
	/* a byte that is no instruction in 64-bit mode: in the zone, and in front of what may lead
	 * back there */
	check_reason(PLAN(1, PUSH_RBP, 0x06, NOP5, RET), ENTRY_UNKNOWN_CODE);
	check_reason(PLAN(1, PUSH_RBP, NOP5, 0x06, 0xeb, 0xf8, RET), ENTRY_UNKNOWN_CODE);
	check_reason(PLAN(1, PUSH_RBP, NOP5, RET, 0x06), ENTRY_GOOD);
	check_reason(PLAN(1, PUSH_RBP, RET), ENTRY_TOO_SHORT);
	check_reason((struct entry_plan){.reason = ENTRY_ABSENT}, ENTRY_ABSENT);
}

Test(entry_plan, jumps_into_its_own_start)
{
	/* push; nop5; jmp to the nop5; jmp to the push; jne back to behind the zone */
	check_reason(PLAN(1, PUSH_RBP, NOP5, 0xeb, 0xf9), ENTRY_JUMPS_INTO_ZONE);
	check_reason(PLAN(1, PUSH_RBP, NOP5, 0xeb, 0xf8), ENTRY_JUMPS_INTO_ZONE);
	check_reason(PLAN(1, PUSH_RBP, NOP5, 0x75, 0xfe, RET), ENTRY_GOOD);
	/* jae, jrcxz, loop; jmp and je with four bytes of offset; xbegin */
	check_reason(PLAN(1, PUSH_RBP, NOP5, RET, 0x73, 0xf8), ENTRY_JUMPS_INTO_ZONE);
	check_reason(PLAN(1, PUSH_RBP, NOP5, RET, 0xe3, 0xf8), ENTRY_JUMPS_INTO_ZONE);
	check_reason(PLAN(1, PUSH_RBP, NOP5, RET, 0xe2, 0xf7), ENTRY_JUMPS_INTO_ZONE);
	check_reason(PLAN(1, PUSH_RBP, NOP5, RET, 0xe9, 0xf5, 0xff, 0xff, 0xff),
		     ENTRY_JUMPS_INTO_ZONE);
	check_reason(PLAN(1, PUSH_RBP, NOP5, RET, 0x0f, 0x84, 0xf4, 0xff, 0xff, 0xff),
		     ENTRY_JUMPS_INTO_ZONE);
	check_reason(PLAN(1, PUSH_RBP, NOP5, RET, 0xc7, 0xf8, 0xf4, 0xff, 0xff, 0xff),
		     ENTRY_JUMPS_INTO_ZONE);
	/* mov $0xf8eb,%eax: not an instruction's beginning */
	check_reason(PLAN(1, PUSH_RBP, NOP5, 0xb8, 0xeb, 0xf6, 0x00, 0x00, RET), ENTRY_GOOD);
	/* A call of itself is a call. */
	check_reason(PLAN(1, PUSH_RBP, NOP5, 0xe8, 0xf5, 0xff, 0xff, 0xff, RET), ENTRY_GOOD);
}

/* xor %ecx,%ecx; jmp: the rest of the zone is the padding behind. */
Test(entry_plan, short_function_uses_its_padding)
{
	struct entry_plan plan = PLAN_PADDED(6, 0x31, 0xc0, 0xeb, 0x10, NOP3, NOP3);

	check_kept(plan, 2, 0);
	cr_assert(plan.ends);
	check_reason(PLAN_PADDED(3, 0x31, 0xc0, 0xeb, 0x10, PUSH_RBP, 0x90, 0x90), ENTRY_TOO_SHORT);
}

static size_t trampoline_of(struct entry_plan *plan, uint8_t *out)
{
	size_t bytes = entry_put_trampoline(plan, (uintptr_t)code + 2048, out);

	cr_assert(entry_trampoline_is_good(plan, (uintptr_t)code + 2048, out, bytes));
	return bytes;
}

/* test %rsi,%rsi; je +0x20; lea 0x100(%rip),%rax: both lead to where they led. */
Test(entry_plan, trampoline_leads_to_the_same_places)
{
	struct entry_plan plan =
	    PLAN(2, 0x48, 0x85, 0xf6, 0x74, 0x20, 0x48, 0x8d, 0x05, 0x00, 0x01, 0x00, 0x00, RET);
	uint8_t out[ENTRY_TRAMPOLINE_BYTES_MAX];
	uintptr_t at = (uintptr_t)code + 2048;
	struct insn insn;
	size_t bytes;

	check_kept(plan, 3, 0);
	cr_assert_eq(plan.zone_bytes, 12);
	bytes = trampoline_of(&plan, out);
	cr_assert_eq(bytes, 3 + 6 + 7 + 5);
	insn = insn_decode(out + 3, bytes - 3, at + 3);
	cr_assert_eq(insn.flow, INSN_JUMP_IF);
	cr_assert_eq(insn.target, (uintptr_t)code + 5 + 0x20);
	insn = insn_decode(out + 9, bytes - 9, at + 9);
	cr_assert_eq(insn.data, (uintptr_t)code + 12 + 0x100);
	insn = insn_decode(out + 16, bytes - 16, at + 16);
	cr_assert_eq(insn.target, (uintptr_t)code + 12);
}

/* One wrong byte anywhere is seen. */
Test(entry_plan, wrong_trampoline_is_seen)
{
	struct entry_plan plan =
	    PLAN(2, 0x48, 0x85, 0xf6, 0x74, 0x20, 0x48, 0x8d, 0x05, 0x00, 0x01, 0x00, 0x00, RET);
	uint8_t out[ENTRY_TRAMPOLINE_BYTES_MAX];
	size_t bytes;

	check_kept(plan, 3, 0);
	bytes = trampoline_of(&plan, out);
	for (size_t i = 0; i < bytes; i++) {
		out[i] ^= 1;
		cr_assert_not(entry_trampoline_is_good(&plan, (uintptr_t)code + 2048, out, bytes),
			      "byte %zu", i);
		out[i] ^= 1;
	}
}

/* Behind the jump nothing is left that could be run. */
Test(entry_plan, zone_is_a_jump)
{
	struct entry_plan plan = PLAN(1, PUSH_RBP, MOV_RBP_RSP, SUB_RSP_32, RET);
	uint8_t zone[ENTRY_ZONE_BYTES_MAX];
	struct insn insn;

	check_kept(plan, 1, 1);
	cr_assert_eq(plan.undo[0], 0x5d); /* pop %rbp */
	entry_put_zone(&plan, (uintptr_t)code + 1024, zone);
	cr_assert_eq(zone[0], PUSH_RBP);
	insn = insn_decode(zone + 1, plan.zone_bytes - 1u, (uintptr_t)code + 1);
	cr_assert_eq(insn.flow, INSN_JUMP);
	cr_assert_eq(insn.target, (uintptr_t)code + 1024);
	for (size_t i = 6; i < plan.zone_bytes; i++)
		cr_assert_eq(zone[i], 0xcc);
}

#endif
