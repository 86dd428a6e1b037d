/* SPDX-License-Identifier: Apache-2.0
 *
 * The ring file. It is created in /dev/shm, or beside the trace if /dev/shm is not usable. It is
 * mapped and its descriptor closed at once, because a program may close or reuse any number.
 */
#ifndef SHM_H
#define SHM_H

#include "ring/shared.h"

/* How many rings of which size. */
struct shm_rings {
	uint64_t offset; /* of the first one */
	uint64_t bytes;	 /* of the file, for each: as far as one may grow */
	uint64_t step;	 /* bytes of memory that it takes at once */
	uint64_t count;
	uint64_t grow; /* bytes of memory that they share, beyond one step each */
	uint64_t held; /* bytes that dead programs have still taken */
};

/* Bytes that all rings may take together, in files beside or at `path`. */
uint64_t shm_total_bytes(const char *path, uint64_t memory_limit);

/* By config.h, with so much memory for all rings together. */
void shm_choose_rings(struct shm_rings *rings, uint64_t total_bytes);

/* Makes and maps the ring file for this process and fills in all that is known of it (shared.h,
 * "Identity"). NULL where that is impossible, which it says on standard error. */
struct shared *shm_create(void);

/* The options in the form that the drain reads. */
void shm_fill_options(struct shared_options *options);

#endif
