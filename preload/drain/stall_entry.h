/* SPDX-License-Identifier: Apache-2.0
 *
 * What a trace is told of a stuck callback: one entry for each look at it, one when it has ended.
 */
#ifndef STALL_ENTRY_H
#define STALL_ENTRY_H

#include "watchdog.h"

/* Writes what the looker saw. */
void stall_write_look(struct watchdog *watchdog);

/* After looks at it, the poll is over; `tid` ran it. */
void stall_write_end(struct watchdog *watchdog, const struct watchdog_poll *poll, uint32_t tid);

#endif
