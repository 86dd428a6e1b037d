/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of the traced program, read by whole pages that are kept for one stall sample.
 *
 * Rules: what is read is never trusted. A read that fails leaves its target zeroed and is no error.
 * At most REMOTE_READS_MAX reads are made for one sample, so that no damaged heap can make a sample
 * long. No allocation.
 */
#ifndef REMOTE_MEMORY_H
#define REMOTE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REMOTE_PAGE_BYTES 4096u
#define REMOTE_PAGES	  32u
#define REMOTE_READS_MAX  256u

/* Reads up to `bytes` at an address of process `pid`; returns how many or -errno. Fits
 * stall_probe_read(). */
typedef int64_t (*remote_source)(uint32_t pid, uint64_t address, void *to, uint64_t bytes);

struct remote_memory {
	uint32_t pid;
	remote_source source;
	uint32_t reads, reads_failed; /* for this sample */
	uint32_t clock;
	uint32_t used_at[REMOTE_PAGES];	  /* when a page was asked for last */
	uint64_t addresses[REMOTE_PAGES]; /* 0: holds nothing */
	uint8_t pages[REMOTE_PAGES][REMOTE_PAGE_BYTES];
};

void remote_init(struct remote_memory *memory, uint32_t pid, remote_source source);

/* Begins another sample: nothing that was read before counts. */
void remote_forget(struct remote_memory *memory);

/* All of it or false; then `to` is zeroed. */
bool remote_read(struct remote_memory *memory, uint64_t address, void *to, size_t bytes);

/* 0 where it cannot be read. */
uint64_t remote_u64(struct remote_memory *memory, uint64_t address);
uint32_t remote_u32(struct remote_memory *memory, uint64_t address);

#endif
