/* SPDX-License-Identifier: Apache-2.0
 *
 * Who drains this process' rings: makes the helper process or the thread, wakes it, and puts
 * another in the place of one that died.
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include "process.h"

/* Makes the helper (or the thread) that drains, once. Slow; errno is kept. */
void supervisor_start(void);

/* Whether it is time to make another drain: the helper process is no more, or never came to life;
 * or a while has gone since nothing at all could be made. A helper that somebody stopped, and that
 * has not moved for long, is killed. */
bool supervisor_drain_died(const struct shared *shared);

/* At exit, where nobody drains: does it here and now. */
void supervisor_drain_at_exit(void);

/* Wakes the drain; one that has died is replaced first: another goes on where it stopped. Slow;
 * errno is kept. */
void supervisor_wake(void);

/* A loop has nothing left to wait for, and the program may end soon: the drain comes now and then
 * at such a moment, so that the end has less to wait for. errno is kept. */
void supervisor_loop_ended(void);

/* The drain may sleep without a time-out while all workers wait: whoever goes on wakes it. */
static inline void supervisor_wake_if_asleep(const struct shared *shared)
{
	if (__builtin_expect(atomic_load_explicit(&shared->asleep, memory_order_relaxed), 0))
		supervisor_wake();
}

#endif
