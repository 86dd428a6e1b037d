/* SPDX-License-Identifier: Apache-2.0
 *
 * What the drain keeps for the flight recorder: dumps.c and triggers.c alone use it.
 */
#ifndef RECORDER_STATE_H
#define RECORDER_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "segment/recorder.h"

struct dumps {
	bool on;     /* there is a recorder */
	int due;     /* the place of a dump that is to be written now, or -1 */
	int writing; /* ... that is being written, or -1 */
	pthread_t thread;
	_Atomic uint32_t written; /* the thread is done */
	struct shared *shared;
	int error;	     /* of the last one */
	uint64_t suppressed; /* that dumps have told */
	bool keeps;	     /* the memory, as it could not be written */
	struct recorder_dump job;
};

#define TRIGGERS_NOTES 16 /* of the pool, over the time that an item may wait */

struct triggers {
	/* How much had been submitted to the pool, now and then. */
	struct {
		uint64_t ns, submitted;
	} notes[TRIGGERS_NOTES];
	uint32_t noted;	   /* so many, ever */
	bool pool_is_told; /* the items that wait now have triggered */
};

#endif
