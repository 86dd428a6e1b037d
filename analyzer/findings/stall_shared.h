/* SPDX-License-Identifier: Apache-2.0
 *
 * The function that explains what several samples were in: the deepest one of the program's own
 * that most of them share, by the time that they stand for, and what that had called. It says more
 * than the system call or the instruction that one of the samples has met.
 *
 * Rules: what was looked for on the stack, what has no name and uvtrace's own code explain nothing.
 */
#ifndef STALL_SHARED_H
#define STALL_SHARED_H

#include "stall.h"

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
