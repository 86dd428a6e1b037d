/* SPDX-License-Identifier: Apache-2.0
 *
 * See entry_plan.h.
 */
#include "entry_plan.h"

#include <string.h>

#define TRAP_BYTE 0xcc /* int3 */

static const char *const reason_texts[ENTRY_REASONS] = {
#define REASON(name, text) [ENTRY_##name] = (text),
#include "entry_reasons.def"
#undef REASON
};

const char *entry_reason_text(enum entry_reason reason)
{
	return reason < ENTRY_REASONS ? reason_texts[reason] : "of an unknown reason";
}

static const uint8_t *code_at(uintptr_t address)
{
	return (const uint8_t *)address;
}

/* Bytes that may be decoded from there on: 0 outside of the image's code. */
static size_t code_left(const struct elf_image *image, uintptr_t address)
{
	if (elf_image_has(image, address, INSN_BYTES_MAX, PF_X))
		return INSN_BYTES_MAX;
	return elf_image_has(image, address, INSN_JUMP_BYTES, PF_X) ? INSN_JUMP_BYTES : 0;
}

struct insn entry_insn(const struct elf_image *image, uintptr_t address)
{
	return insn_decode(code_at(address), code_left(image, address), address);
}

/* ---- The zone -------------------------------------------------------------------------------- */

/* The first instruction, where it can stay. On aarch64 it need not. */
static enum entry_reason plan_kept(struct entry_plan *plan, const struct elf_image *image,
				   unsigned int arguments)
{
	struct insn first = entry_insn(image, plan->entry);
	size_t undo_bytes;

	if (first.flow == INSN_UNKNOWN)
		return ENTRY_UNKNOWN_CODE;
	if (first.flow == INSN_TRAP)
		return ENTRY_BREAKPOINT;
	if (insn_can_stay(code_at(plan->entry), &first, arguments, plan->undo, &undo_bytes)) {
		plan->kept_bytes = first.bytes;
		plan->undo_bytes = (uint8_t)undo_bytes;
		return ENTRY_GOOD;
	}
	if (!INSN_FIRST_MUST_STAY)
		return ENTRY_GOOD;
	return first.flow == INSN_CALL ? ENTRY_BRANCH_IN_ZONE : ENTRY_FIRST_CANNOT_STAY;
}

static enum entry_reason movable(const struct insn *insn)
{
	switch (insn->flow) {
	case INSN_NEXT:
	case INSN_JUMP:
	case INSN_JUMP_IF:
	case INSN_RETURN:
		return ENTRY_GOOD;
	case INSN_UNKNOWN:
		return ENTRY_UNKNOWN_CODE;
	case INSN_TRAP:
		return ENTRY_BREAKPOINT;
	default:
		return ENTRY_BRANCH_IN_ZONE;
	}
}

/* The instructions that make room for the jump. Behind a function's end its padding may be used. */
static enum entry_reason plan_zone(struct entry_plan *plan, const struct elf_image *image)
{
	size_t at = plan->kept_bytes;

	while (at < (size_t)plan->kept_bytes + INSN_JUMP_BYTES) {
		struct insn insn = entry_insn(image, plan->entry + at);
		enum entry_reason reason = movable(&insn);

		if (plan->ends && !insn.is_padding)
			return ENTRY_TOO_SHORT;
		if (!plan->ends && at >= plan->function_bytes)
			return ENTRY_TOO_SHORT;
		if (!plan->ends && reason != ENTRY_GOOD)
			return reason;
		if (!insn.bytes)
			return ENTRY_UNKNOWN_CODE;
		at += insn.bytes;
		if (!plan->ends)
			plan->ends = insn.flow == INSN_JUMP || insn.flow == INSN_RETURN;
	}
	plan->zone_bytes = (uint8_t)at;
	return ENTRY_GOOD;
}

/* Nothing in the function leads back into the zone, its own start included: the jump there would be
 * taken for a call. Decoding is most of what a plan costs: only what might be such a branch is
 * looked at. */
static enum entry_reason check_body(const struct entry_plan *plan, const struct elf_image *image)
{
	uintptr_t at = plan->entry;
	uintptr_t end = at + insn_branches_end(code_at(at), plan->function_bytes, at, plan->entry,
					       plan->zone_bytes);

	while (at < end) {
		struct insn insn = entry_insn(image, at);

		if (insn.flow == INSN_UNKNOWN)
			return ENTRY_UNKNOWN_CODE;
		if (insn.target && insn.flow != INSN_CALL &&
		    insn.target - plan->entry < plan->zone_bytes)
			return ENTRY_JUMPS_INTO_ZONE;
		at += insn.bytes;
	}
	return ENTRY_GOOD;
}

void entry_plan_make(struct entry_plan *plan, const struct elf_image *image,
		     struct elf_function function, unsigned int arguments)
{
	*plan = (struct entry_plan){.entry = function.address, .function_bytes = function.bytes};
	plan->reason = ENTRY_ABSENT;
	if (!function.address)
		return;
	plan->reason = plan_kept(plan, image, arguments);
	if (plan->reason == ENTRY_GOOD)
		plan->reason = plan_zone(plan, image);
	if (plan->reason == ENTRY_GOOD)
		plan->reason = check_body(plan, image);
}

/* ---- The pieces of code ---------------------------------------------------------------------- */

size_t entry_put_hook(const struct entry_plan *plan, uintptr_t wrapper, uint8_t *out)
{
	memcpy(out, plan->undo, plan->undo_bytes);
	insn_put_jump_far(out + plan->undo_bytes, wrapper);
	return plan->undo_bytes + INSN_JUMP_FAR_BYTES;
}

/* Where the instructions end that the trampoline repeats: in front of the padding. */
static size_t repeated_bytes(const struct entry_plan *plan)
{
	return plan->ends && plan->function_bytes < plan->zone_bytes ? plan->function_bytes
								     : plan->zone_bytes;
}

size_t entry_put_trampoline(const struct entry_plan *plan, uintptr_t at, uint8_t *out)
{
	size_t read = 0, written = 0;

	while (read < repeated_bytes(plan)) {
		const uint8_t *code = code_at(plan->entry + read);
		struct insn insn = insn_decode(code, plan->zone_bytes - read, plan->entry + read);
		size_t bytes = 0;

		if (insn.bytes && written + INSN_MOVED_BYTES_MAX <= ENTRY_TRAMPOLINE_BYTES_MAX)
			bytes = insn_move(code, &insn, at + written, out + written);
		if (!bytes)
			return 0;
		read += insn.bytes;
		written += bytes;
	}
	if (plan->ends)
		return written;
	if (written + INSN_JUMP_BYTES > ENTRY_TRAMPOLINE_BYTES_MAX)
		return 0;
	insn_put_jump(out + written, at + written, plan->entry + plan->zone_bytes);
	return written + INSN_JUMP_BYTES;
}

/* Both do the same: go to the same place, read the same data; else their bytes are the same. */
static bool same(const uint8_t *a, const struct insn *x, const uint8_t *b, const struct insn *y)
{
	if (x->flow != y->flow || x->condition != y->condition || x->target != y->target ||
	    x->reads_pc != y->reads_pc || x->data != y->data)
		return false;
	if (x->target)
		return true;
	if (x->bytes != y->bytes)
		return false;
	for (size_t i = 0; i < x->bytes; i++)
		if (a[i] != b[i] && !(x->reads_pc && i - x->operand_at < 4))
			return false;
	return true;
}

bool entry_trampoline_is_good(const struct entry_plan *plan, uintptr_t at, const uint8_t *code,
			      size_t bytes)
{
	size_t read = 0, seen = 0;
	struct insn last;

	while (read < repeated_bytes(plan)) {
		const uint8_t *old = code_at(plan->entry + read);
		struct insn was = insn_decode(old, plan->zone_bytes - read, plan->entry + read);
		struct insn is = insn_decode(code + seen, bytes - seen, at + seen);
		size_t is_bytes = is.bytes;

		if (INSN_IF_IS_TWO && was.flow == INSN_JUMP_IF) {
			/* The opposite condition, which skips a jump. */
			struct insn jump = insn_decode(
			    code + seen + is.bytes, bytes - seen - is.bytes, at + seen + is.bytes);

			if (is.flow != INSN_JUMP_IF || is.value != was.value ||
			    is.condition == was.condition || jump.flow != INSN_JUMP ||
			    is.target != at + seen + is.bytes + jump.bytes ||
			    jump.target != was.target)
				return false;
			is_bytes += jump.bytes;
		} else if (!was.bytes || !is.bytes || !same(old, &was, code + seen, &is)) {
			return false;
		}
		read += was.bytes;
		seen += is_bytes;
	}
	if (plan->ends)
		return seen == bytes;
	last = insn_decode(code + seen, bytes - seen, at + seen);
	return last.flow == INSN_JUMP && last.target == plan->entry + plan->zone_bytes &&
	       seen + last.bytes == bytes;
}

/* Behind the jump nothing is ever executed. */
void entry_put_zone(const struct entry_plan *plan, uintptr_t hook, uint8_t *out)
{
	size_t jump_end = plan->kept_bytes + INSN_JUMP_BYTES;

	memcpy(out, code_at(plan->entry), plan->kept_bytes);
	insn_put_jump(out + plan->kept_bytes, plan->entry + plan->kept_bytes, hook);
	memset(out + jump_end, TRAP_BYTE, plan->zone_bytes - jump_end);
}
