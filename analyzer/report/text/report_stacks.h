/* SPDX-License-Identifier: Apache-2.0
 *
 * A stall sample for people: what the thread was in, and its stack. Part of the report, and all of
 * the format "stacks".
 */
#ifndef REPORT_STACKS_H
#define REPORT_STACKS_H

#include <stdio.h>

#include "findings/stall.h"

/* "       asleep in read(fd 7 = /var/lib/x.db)" */
void report_stack_what_print(const struct stall *stall, FILE *out);

/* The same, then a function a line, the innermost first. */
void report_stack_print(const struct stall *stall, FILE *out);

#endif
