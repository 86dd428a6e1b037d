/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of a language runtime that a thread is in: of JavaScript or of Python, as the
 * runtime's own data has them. A runtime fills this in (runtimes.h); the drain writes it behind the
 * stall sample (trace_format.h: struct trace_script_frame).
 *
 * Rules: memory is what the struct has; what does not fit is left out, and that is noted in
 * `status`. Texts are UTF-8 without control characters, and are names of functions and files alone.
 */
#ifndef SCRIPT_STACK_H
#define SCRIPT_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/trace_format.h"

#define SCRIPT_FUNCTION_BYTES_MAX 160
#define SCRIPT_FILE_BYTES_MAX	  320
#define SCRIPT_TEXT_BYTES	  16384

struct script_frame {
	uint64_t frame; /* where the frame lies on the native stack; 0: it does not lie there */
	uint32_t function, file;   /* offsets of texts; 0: not known */
	uint32_t line, first_line; /* from 1; 0: not known */
	uint8_t kind;		   /* enum trace_script_kind */
	uint8_t flags;		   /* TRACE_SCRIPT_... */
	/* For the runtime that made the frame, until its lines are known: */
	uint64_t source;
	int32_t position, first_position; /* in the source; -1: not known */
};

struct script_stack {
	uint8_t status; /* enum trace_script_status */
	uint32_t count;
	struct script_frame frames[TRACE_SCRIPT_FRAMES_MAX]; /* innermost first */
	uint32_t text_bytes;				     /* used; the first byte is 0 */
	char text[SCRIPT_TEXT_BYTES];
};

void script_stack_clear(struct script_stack *stack);

/* Another frame, zeroed, positions -1; NULL where there is no room: then `status` says so. */
struct script_frame *script_stack_add(struct script_stack *stack);

/* The offset of a text among those of the stack, the same for equal texts. 0: it is empty, or there
 * is no room. Control characters become '?'. */
uint32_t script_stack_text(struct script_stack *stack, const char *text);

/* Appends a code point as UTF-8 at to[*used], if it fits and leaves room for the end; returns
 * whether it did. What is no character becomes '?'. */
bool script_text_append(char *to, size_t bytes, size_t *used, uint32_t code_point);

/* Whether both have the same frames, with the same names. */
bool script_stacks_equal(const struct script_stack *a, const struct script_stack *b);

#endif
