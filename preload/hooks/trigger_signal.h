/* SPDX-License-Identifier: Apache-2.0
 *
 * The signal that has the flight recorder dump: UVTRACE_TRIGGER=signal=USR2.
 */
#ifndef TRIGGER_SIGNAL_H
#define TRIGGER_SIGNAL_H

#include "ring/shared.h"

/* Takes it, where the program leaves it to the kernel. */
void trigger_signal_take(const struct shared *shared);

#endif
