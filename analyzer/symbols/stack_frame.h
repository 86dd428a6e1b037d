/* SPDX-License-Identifier: Apache-2.0
 *
 * One function of a stack (stack.h), native or of a script.
 */
#ifndef STACK_FRAME_H
#define STACK_FRAME_H

#include "symbols.h"

struct stack_frame {
	const struct symbol_info *symbol;
	bool scanned;	/* a return address that was looked for on the stack: it may be left over
			   from an earlier call */
	bool is_own;	/* the program's own function: see function_origin.h */
	bool is_marker; /* no function: "(uvtrace)", "(callers unknown)" */
	const struct trace_script *script; /* NULL: a native function */
};

#endif
