/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan for one function: which of its first instructions stay, which are replaced by a jump,
 * and what the two pieces of code on the island are.
 *
 *   entry:       [kept] jump to the hook ... the rest of the function
 *   hook:        undo what the kept instruction did; jump to the wrapper
 *   trampoline:  [kept] the replaced instructions, moved; jump back to the rest
 *
 * The first instruction stays where it is, because the kernel runs it for a probe that is set there
 * later, and then goes on behind it: it must find an instruction there, not the middle of a jump.
 *
 * Rules: planning changes nothing. What cannot be told for sure is refused, with a reason.
 */
#ifndef ENTRY_PLAN_H
#define ENTRY_PLAN_H

#include "elf_image.h"
#include "insn.h"

/* REASON(name, text): why a function is not patched. The text follows "because ". */
enum entry_reason {
#define REASON(name, text) ENTRY_##name,
#include "entry_reasons.def"
#undef REASON
	ENTRY_REASONS
};

#define ENTRY_ZONE_BYTES_MAX (2 * INSN_BYTES_MAX + INSN_JUMP_BYTES)

struct entry_plan {
	uintptr_t entry;
	size_t function_bytes;
	uint8_t reason;	    /* enum entry_reason; ENTRY_GOOD: it can be patched */
	uint8_t kept_bytes; /* stay where they are */
	uint8_t zone_bytes; /* kept and replaced: nothing may jump into it */
	uint8_t undo_bytes;
	uint8_t undo[INSN_BYTES_MAX];
	bool ends; /* the replaced instructions do not go on behind the zone */
};

/* The instruction there; INSN_UNKNOWN outside of the image's code. */
struct insn entry_insn(const struct elf_image *image, uintptr_t address);

/* Fills in the plan for the function there, which takes so many integer arguments. */
void entry_plan_make(struct entry_plan *plan, const struct elf_image *image,
		     struct elf_function function, unsigned int arguments);

/* "because ": the text of a reason. */
const char *entry_reason_text(enum entry_reason reason);

/* What the pieces take on the island at most. */
#define ENTRY_HOOK_BYTES_MAX	   (INSN_BYTES_MAX + INSN_JUMP_FAR_BYTES + 1)
#define ENTRY_TRAMPOLINE_BYTES_MAX 96

/* Writes the hook, which will run at `at` and leads to `wrapper`. */
size_t entry_put_hook(const struct entry_plan *plan, uintptr_t wrapper, uint8_t *out);

/* Writes the trampoline, which will run at `at`. 0: an instruction cannot be moved there. */
size_t entry_put_trampoline(const struct entry_plan *plan, uintptr_t at, uint8_t *out);

/* Whether the trampoline at `at` does what the zone of the plan does: it is decoded again, and
 * compared instruction by instruction. */
bool entry_trampoline_is_good(const struct entry_plan *plan, uintptr_t at, const uint8_t *code,
			      size_t bytes);

/* What the zone holds when it is patched: `out` has zone_bytes. */
void entry_put_zone(const struct entry_plan *plan, uintptr_t hook, uint8_t *out);

#endif
