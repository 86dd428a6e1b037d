/* SPDX-License-Identifier: Apache-2.0
 *
 * UVTRACE_TRIGGER: when the flight recorder dumps by itself. A list of the rows of one table:
 *     stall>200ms,pool_wait>500ms,loop_delay>1s,exit!=0,signal=USR2     or     none
 * The drain looks whether one holds (drain/triggers.c); a signal comes to hooks/trigger_signal.c.
 */
#ifndef TRIGGERS_H
#define TRIGGERS_H

#include <stdint.h>

#include "ring/shared.h"

/* Fills values[SHARED_TRIGGERS], as shared.h has them. 0 or -EINVAL: then nothing is changed. */
int triggers_parse(const char *text, uint64_t *values);

#endif
