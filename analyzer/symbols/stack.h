/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions that a thread was in at a stall sample: native ones (unwind.h) and those of scripts
 * that the trace holds, as one stack.
 *
 * Rules: script functions keep their order, whatever else is known. A native frame that stands for
 * script functions (an interpreter's, code made at run time) is not shown beside them. What
 * belongs to the caller of the callback is not shown, as far as it is known to. uvtrace's own
 * functions are no part of the program: where the thread was in them, one frame says so. Where the
 * stack ends because a caller cannot be told, a frame says that too.
 */
#ifndef STACK_H
#define STACK_H

#include "stack_frame.h"
#include "unwind.h"

#define STACK_FRAMES_MAX (UNWIND_FRAMES_MAX + TRACE_SCRIPT_FRAMES_MAX)

/* Innermost first. */
struct stack {
	struct stack_frame frames[STACK_FRAMES_MAX];
	size_t count;
	bool is_whole; /* its outermost script function is the callback's outermost one */
};

void stack_read(struct symbols *symbols, const struct trace_stall *stall, struct stack *stack);

/* The same of native frames that are known already. */
void stack_splice(struct symbols *symbols, const struct trace_stall *stall,
		  const struct unwind_frame *natives, size_t native_count, struct stack *stack);

#endif
