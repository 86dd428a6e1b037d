/* SPDX-License-Identifier: Apache-2.0
 *
 * The entry of a DUMP block: a part of trace_format.h, which includes it.
 */
#ifndef TRACE_DUMP_H
#define TRACE_DUMP_H

#include <stdint.h>

/* Segments of one dump of the flight recorder all begin with this. Times are CLOCK_MONOTONIC, as in
 * clock pairs. */
enum trace_dump_cause {
	TRACE_DUMP_ASKED = 1,	/* from outside: trace_ctl */
	TRACE_DUMP_PROGRAM = 2, /* by the program: uvtrace_dump() */
	TRACE_DUMP_TRIGGER = 3, /* UVTRACE_TRIGGER */
	TRACE_DUMP_DIED = 4,	/* the program died */
};
#define TRACE_DUMP_REASON_BYTES 128

/* The reason follows it. */
struct trace_dump {
	uint32_t entry_bytes;
	uint16_t cause; /* enum trace_dump_cause */
	uint16_t reason_bytes;
	uint64_t requested_from_ns; /* 0: all that was in memory */
	uint64_t requested_to_ns;
	uint64_t covered_from_ns; /* every event recorded between these is in the dump or lost */
	uint64_t covered_to_ns;
	uint64_t suppressed; /* dumps that triggers asked for in vain since the one before */
};

#endif
