/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests to a ring file while its program runs: enable, flush, rotate. Shared by the program's
 * own calls (api.c) and trace_ctl.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>

#include "shared.h"

/* Wakes the drain, from any process. Async-signal-safe; errno is kept. */
void drain_wake(struct shared *shared);

/* Switches recording; returns whether it was on. */
bool control_enable(struct shared *shared, bool on);

/* Waits until everything recorded before is in a file. 0, or -ETIMEDOUT. */
int control_flush(struct shared *shared, int timeout_ms);

/* Asks for a new segment and waits as control_flush does. */
int control_rotate(struct shared *shared, int timeout_ms);

#endif
