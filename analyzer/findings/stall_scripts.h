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

/* ---- What several samples share (stall_shared.c) --------------------------------------------- */

/* The function that explains what several samples were in: the deepest one of the program's own
 * that most of them share, by the time that they stand for, and what that had called. It says more
 * than the system call or the instruction that one of the samples has met. What was looked for on
 * the stack, what has no name and uvtrace's own code explain nothing. */
struct stall_shared {
	const struct stall *stall; /* a sample that has these frames; NULL: there is none */
	const struct stack_frame *own;
	const struct stack_frame *caller; /* the next one of the program's own; NULL: none */
	char *call;			  /* what `own` called; NULL: they do not agree */
};

/* 0 or -ENOMEM; the caller frees `call`. */
int stall_shared_find(const struct stall *const *samples, size_t count,
		      struct stall_shared *shared);

bool stall_frame_explains(const struct stack_frame *frame);
/* The outermost function inside frame `at` that explains; NULL: none does. */
const struct symbol_info *stall_call_before(const struct stall *stall, size_t at);
/* What libc calls it itself, "__GI___pthread_mutex_lock" or "__new_sem_wait_slow64.constprop.0", as
 * programs do. */
void stall_plain_name(char *plain, size_t bytes, const char *name);

#endif
