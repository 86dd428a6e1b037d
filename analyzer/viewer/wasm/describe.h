/* SPDX-License-Identifier: Apache-2.0
 *
 * Polls in words (JSON), for the C files that have more to say of one.
 */
#ifndef VIEWER_DESCRIBE_H
#define VIEWER_DESCRIBE_H

#include "viewer.h"

/* ---- iteration.c ----------------------------------------------------------------------------- */
/* How the iteration of a poll that began at a tick began, and what ran before it; null: not known.
 */
json_t *describe_iteration(size_t worker, uint64_t tick);

/* The outermost callbacks of the iteration of a loop that began at a tick, in order. */
struct iteration_reader {
	void (*take)(void *arg, const struct box *box);
	void *arg;
	uint64_t end; /* where the next wait begins; 0: that is not known */
};
void iteration_polls(size_t worker, uint64_t began, struct iteration_reader *reader);
/* When the iteration of what happened at a tick began; 0: not known. */
uint64_t iteration_began(size_t worker, uint64_t tick);

/* ---- wakes.c --------------------------------------------------------------------------------- */
/* Adds to `wakes` what woke a poll or work and what it woke. Returns the work on the pool that
 * belongs to it, or null. */
json_t *describe_wakes(json_t *wakes, size_t worker, const struct box *box);
/* The object that follows the life of what a poll is about: the request, not its part that the pool
 * knows. */
uint64_t life_of(const struct box *box);

#endif
