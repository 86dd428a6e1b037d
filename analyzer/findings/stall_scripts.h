/* SPDX-License-Identifier: Apache-2.0
 *
 * What a stall sample says of functions of scripts: which function of the program's own it was in,
 * who called that, what it had called, and why that computes.
 *
 * Rules: the program's own functions are told before those of packages, and the runtime's never
 * stand for the program. What is not on the stack is NULL.
 */
#ifndef STALL_SCRIPTS_H
#define STALL_SCRIPTS_H

#include "stall.h"

/* Reads the sample's stack into `stall`. 0 or -ENOMEM. */
int stall_scripts_read(const struct trace_process *process, struct symbols *symbols,
		       struct stall *stall);

/* Two samples were in the same function of a script, or in one that their callbacks' own functions
 * have called, wherever in it, as far as that is known of both. */
bool stall_same_function(const struct stall *a, const struct stall *b);

bool stall_same_script(const struct trace_script *a, const struct trace_script *b);

/* Whom the samples at a site agree on as its function. NULL: there are none, or they differ. */
const struct symbol_info *stalls_site_label(const struct stalls *stalls, uint32_t site);
/* The function of one run of a callback, by its samples. */
const struct symbol_info *stalls_run_label(const struct stalls *stalls, size_t worker,
					   uint64_t poll_tick);

#endif
