/* SPDX-License-Identifier: Apache-2.0
 *
 * See script_stack.h.
 */
#include "script_stack.h"

#include <string.h>

void script_stack_clear(struct script_stack *stack)
{
	stack->status = TRACE_SCRIPT_NONE;
	stack->count = 0;
	stack->text_bytes = 1;
	stack->text[0] = '\0';
}

struct script_frame *script_stack_add(struct script_stack *stack)
{
	struct script_frame *frame = &stack->frames[stack->count];

	if (stack->count == TRACE_SCRIPT_FRAMES_MAX) {
		stack->status = TRACE_SCRIPT_CUT;
		return NULL;
	}
	stack->count++;
	*frame = (struct script_frame){.position = -1, .first_position = -1};
	return frame;
}

uint32_t script_stack_text(struct script_stack *stack, const char *text)
{
	size_t bytes = strlen(text) + 1;
	uint32_t at = stack->text_bytes;

	for (uint32_t other = 1; other < stack->text_bytes;
	     other += (uint32_t)strlen(stack->text + other) + 1)
		if (strcmp(stack->text + other, text) == 0)
			return other;
	if (bytes == 1 || bytes > SCRIPT_TEXT_BYTES - stack->text_bytes)
		return 0;
	memcpy(stack->text + at, text, bytes);
	stack->text_bytes += (uint32_t)bytes;
	return at;
}

bool script_text_append(char *to, size_t bytes, size_t *used, uint32_t c)
{
	uint8_t out[4];
	size_t count;

	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
	    (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		c = '?'; /* controls, ends of lines, what is no character */
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		count = 1;
	} else {
		count = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		for (size_t i = count - 1; i > 0; i--, c >>= 6)
			out[i] = (uint8_t)(0x80 | (c & 0x3f));
		out[0] = (uint8_t)((0xf00 >> count & 0xff) | c);
	}
	if (*used + count + 1 > bytes)
		return false;
	memcpy(to + *used, out, count);
	*used += count;
	to[*used] = '\0';
	return true;
}

static bool frames_equal(const struct script_stack *a, const struct script_stack *b, uint32_t i)
{
	const struct script_frame *x = &a->frames[i], *y = &b->frames[i];

	return x->frame == y->frame && x->kind == y->kind && x->flags == y->flags &&
	       x->position == y->position && x->line == y->line &&
	       strcmp(a->text + x->function, b->text + y->function) == 0 &&
	       strcmp(a->text + x->file, b->text + y->file) == 0;
}

bool script_stacks_equal(const struct script_stack *a, const struct script_stack *b)
{
	bool equal = a->status == b->status && a->count == b->count;

	for (uint32_t i = 0; equal && i < a->count; i++)
		equal = frames_equal(a, b, i);
	return equal;
}
