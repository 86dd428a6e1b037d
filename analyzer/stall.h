/* SPDX-License-Identifier: Apache-2.0
 *
 * One look at a callback that did not come back in time: what its thread was in, and for how long the callback had
 * run. Findings take these as proof where a trace has them.
 */
#ifndef STALL_H
#define STALL_H

#include <stddef.h>
#include <stdint.h>

enum stall_cause { STALL_UNKNOWN, STALL_SYSCALL, STALL_LOCK, STALL_CPU };

struct stall {
	uint64_t tick;	    /* of the look */
	uint64_t poll_tick; /* when the callback began */
	uint32_t site;
	size_t worker; /* position */
	enum stall_cause cause;
	const char *what; /* "flock(fd 7 = /var/lib/x.db)", the function on top, or "" */
};

#endif
