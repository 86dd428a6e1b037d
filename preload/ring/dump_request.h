/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking the flight recorder (UVTRACE_WRITER=recorder) for a dump: places in the ring file, which
 * the drain looks through. Whoever asks takes a free one, fills it in and wakes the drain.
 *
 * Rules: async-signal-safe, for a program may ask in a handler; errno is kept. What lies there is
 * copied and checked by who reads it.
 */
#ifndef DUMP_REQUEST_H
#define DUMP_REQUEST_H

#include "shared.h"

#define DUMP_REQUEST_ALL UINT64_MAX

struct dump_request {
	enum trace_dump_cause cause;
	const char *reason;
	uint64_t last_ns; /* before now; DUMP_REQUEST_ALL: everything that is in memory */
	uint64_t next_ns; /* and so long after */
	bool waits;	  /* dump_request_wait() follows */
};

/* The number of its place, -EOPNOTSUPP: no flight recorder, or -EAGAIN: too many are asked for. */
int dump_request(struct shared *shared, const struct dump_request *request);

/* A trigger holds: asks for what was and what comes then, but not within UVTRACE_TRIGGER_EVERY of
 * another; that is counted. */
#define DUMP_TRIGGER_LAST_NS 30000000000ull
#define DUMP_TRIGGER_NEXT_NS 5000000000ull
void dump_trigger(struct shared *shared, const char *reason);

/* Waits for the answer, for so long. 0 and the answer, or -ETIMEDOUT. */
int dump_request_wait(struct shared *shared, int place, uint64_t timeout_ns,
		      struct shared_dump *answer);

/* "DIRECTORY/NAME.PID.K.dump", of a trace's path. */
void dump_request_path(const char *trace_path, uint32_t pid, uint32_t number, char *text,
		       size_t bytes);

#endif
