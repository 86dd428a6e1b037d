/* SPDX-License-Identifier: Apache-2.0
 *
 * The options as the environment gives them. Read once, at the library's start: programs overwrite
 * their environment and change their directory. A bad value keeps the default, and is said once, by
 * who records.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdint.h>

#include "ring/shared.h"

struct config {
	char path[SHARED_PATH_BYTES]; /* absolute */
	uint64_t writer;	      /* enum shared_writer */
	uint64_t file_size_bytes;
	uint64_t total_size_bytes;
	uint64_t recorder_size_bytes;
	uint64_t dumps_max;
	uint64_t triggers[SHARED_TRIGGERS];
	uint64_t trigger_every_ns;
	uint64_t rotate_seconds;
	uint64_t pending_seconds;
	uint64_t ring_size_bytes;
	uint64_t ring_total_bytes; /* 0: budget.h chooses */
	uint64_t drain;		   /* enum shared_drain */
	uint64_t enabled;
	uint64_t alloc;
	uint64_t patch;
	uint64_t stall_ms;
	uint64_t sample_hz;
	uint64_t log; /* enum shared_log */
};

extern struct config config;

/* Fills `config` from the environment; programs with more rights than their user get the defaults.
 * Runs once. */
void config_read(void);

/* Says what could not be used of the environment; once, also of a program that forks. Called when
 * recording begins: a program that never runs a loop says nothing. */
void config_say_bad(void);

#endif
