/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_ctl PID stack: what each loop and each thread of the pool is doing now, with the functions
 * that it is in, like `py-spy dump`. Needs the ring file alone: whether a trace is written, whether
 * a helper is there, and whether recording is on makes no difference but to what is known of the
 * callback.
 *
 * stack.c takes a sample (watch/thread_sample.h) at each worker, one after the other. stack_trace.c
 * writes them as a trace of one file, which analyze_trace explains: it knows names, lines and
 * unwinding. Where there is no analyze_trace, stack_text.c prints what is known without.
 *
 * Rules: as those of a stall sample. What sleeps is not disturbed; what computes is stopped for
 * some microseconds, and how long that was is told. Nothing is written to the program or its trace.
 */
#ifndef STACK_H
#define STACK_H

#include "target.h"

/* Returns the exit status. */
int stack(const struct target *target);

#endif
