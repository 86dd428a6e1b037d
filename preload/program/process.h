/* SPDX-License-Identifier: Apache-2.0
 *
 * What this process is to the tracer: not recording yet, recording (then `shared` is its ring
 * file), or given up. The state lies in a page that the kernel empties in a forked child
 * (MADV_WIPEONFORK), so that a child, however it was made, begins anew with files of its own and
 * never writes into its parent's rings.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "mark_names.h"
#include "ring/shared.h"
#include "thread.h"

enum process_state {
	PROCESS_IDLE,	  /* nothing made yet */
	PROCESS_STARTING, /* a thread makes the rings */
	PROCESS_RECORDING,
	PROCESS_FAILED, /* could not; the program runs untraced */
};

enum process_helper {
	HELPER_NONE, /* no drain yet */
	HELPER_MAKING,
	HELPER_MADE,
	HELPER_MISSING, /* neither process nor thread could be made; tried again */
};

struct process {
	_Atomic uint32_t state;		/* enum process_state, futex */
	_Atomic uint32_t helper;	/* enum process_helper */
	_Atomic uint32_t helpers;	/* made so far */
	_Atomic uint64_t made_ns;	/* when the last one was */
	_Atomic uint64_t asked_ns;	/* when the drain was last woken */
	_Atomic uint64_t loop_ended_ns; /* when it was woken because a loop had ended */
	_Atomic uint32_t still_count;	/* times that it was found not to have moved since */
	struct shared *_Atomic shared;
	struct thread *_Atomic others; /* what threads that are no workers share */
	_Atomic uint32_t others_state; /* 0: not made yet, 1: being made, 2: made or given up */
	uint32_t pid;
	struct mark_names names;
	struct thread threads[SHARED_RINGS_MAX]; /* the private half of each ring */
};

/* The page; until libtrace.c has made it a static one, which is idle, or says PROCESS_FAILED where
 * there is no memory. */
extern struct process *process;

/* Provided by libtrace.c, which alone knows all parts of the library:
 * reads the options and makes the page; runs once, from the constructor or from process_start(); */
void process_prepare(void);
/* fills in what the hooks know of libuv, before the ring file is seen by anybody; */
void process_describe(struct shared *shared);
/* copies what was registered before there was a ring file into it, when it can be seen. */
void process_publish(struct shared *shared);

/* Makes ring file and rings if that has not been done; false if this process cannot record. Slow;
 * errno is kept. */
bool process_start(void);

void process_count_untraced(void);
void process_count_untraced_mark(void);
/* Events of threads that have no ring, or before the first loop. May be called in a signal handler.
 */
void process_count_untraced_events(uint32_t count);

static inline struct shared *process_shared(void)
{
	return atomic_load(&process->shared);
}

#endif
