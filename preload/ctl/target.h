/* SPDX-License-Identifier: Apache-2.0
 *
 * The process that a command of trace_ctl is about, and what its rings say of its threads.
 *
 * Rules: nothing in the ring file is used unchecked.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "ring/shared.h"

/* The process, by the number that we know it by; its ring has the one that it knows itself by. */
struct target {
	uint32_t pid;
	struct shared *shared;
	bool json; /* what is printed is for programs */
};

/* Says in a line why nothing comes of it. Returns 1. */
int target_fail(uint32_t pid, const char *what);

/* What the thread of a ring was in when the ring's head was there; {0, 0}: that is not known. */
struct record target_doing(struct shared *shared, uint32_t index, uint64_t head);

/* Print on standard output: such a record, with how long ago it was; "name" or "module+0xoffset",
 * from the process itself; "12.3 ms". */
void target_print_doing(const struct target *target, struct record record);
void target_print_address(const struct target *target, uint64_t address);
void target_print_duration(uint64_t ns);

#endif
