/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_ctl PID dump: has the flight recorder of a process (UVTRACE_WRITER=recorder) write what it
 * has in memory, and prints where it is when it is complete.
 */
#ifndef DUMP_H
#define DUMP_H

#include <stdbool.h>

#include "target.h"

/* Takes --last, --next and --reason. False: bad usage, which has been said. */
bool dump_options(char **arguments, int count);

int dump(const struct target *target);

/* What status says of the flight recorder, where there is one. */
void dump_print_status(const struct shared *shared);

/* What a program had in memory that died with its helper has been written. */
void dump_tell_recovered(const struct shared *shared);

#endif
