/* SPDX-License-Identifier: Apache-2.0
 *
 * The size of the rings, as it is chosen when the program begins: how many, how large each may
 * become, in which steps, and what all of them may take. budget.h says what there is for all.
 * Within these limits rings grow and shrink while the program runs: thread_capacity.c takes memory,
 * drain/rings_memory.c gives it back.
 */
#ifndef RING_SIZE_H
#define RING_SIZE_H

#include <stdbool.h>
#include <stdint.h>

struct ring_size {
	uint64_t offset; /* of the first ring in the file */
	uint64_t bytes;	 /* of the file, for each: as far as one may grow */
	uint64_t step;	 /* bytes of memory that it takes at once */
	uint64_t count;
	uint64_t grow; /* bytes of memory that they share, beyond one step each */
	uint64_t held; /* bytes that dead programs have still taken */
};

/* Bytes that all rings may take together, in files beside or at `path`. */
uint64_t ring_size_total(const char *path, uint64_t memory_limit);

/* Bytes that a flight recorder's segments may take at most beside the ring file `path`: half of the
 * place, a quarter of the memory limit. */
uint64_t ring_size_recorder(const char *path, uint64_t memory_limit);

/* By config.h, with so much memory for all rings together. */
void ring_size_choose(struct ring_size *rings, uint64_t total_bytes);

/* Growing beyond RLIMIT_FSIZE would send the program SIGXFSZ, so the file never does. 0 or -EFBIG.
 */
int ring_size_fit(struct ring_size *rings);

/* Whether the total is small for another reason than the memory limit. */
bool ring_size_is_scarce(uint64_t total_bytes, uint64_t memory_limit);

#endif
