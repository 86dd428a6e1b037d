/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of stack.c (stack.h). Nobody else includes this.
 */
#ifndef STACK_INTERNAL_H
#define STACK_INTERNAL_H

#include "watch/thread_sample.h"
#include "target.h"

/* ---- stack_trace.c: the samples as a trace, in a directory that nobody else may see. -----------
 */

/* Signals that end this process wait until the directory is gone. False: a line was said. */
bool stack_trace_begin(const struct target *target);
void stack_trace_add(const struct thread_sample *sample);
/* Removes the directory. Returns a descriptor of the trace, or -1: a line was said. */
int stack_trace_end(void);

/* Has analyze_trace print the trace that is open there. Returns its exit status, or -errno: -ENOENT
 * it is neither beside this program nor in PATH. */
int stack_trace_explain(int trace, bool json);

/* ---- stack_text.c: a worker as well as can be told here. ------------------------------------- */

void stack_text_print(const struct target *target, const struct thread_sample *sample);

#endif
