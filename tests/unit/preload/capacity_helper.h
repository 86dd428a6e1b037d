/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of a worker's ring share: a ring file in memory, a thread that writes into its
 * first ring, and the drain's view of it.
 */
#ifndef CAPACITY_HELPER_H
#define CAPACITY_HELPER_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring/laps.h"
#include "drain/rings.h"
#include "ring/steps.h"
#include "program/process.h"
#include "program/thread.h"

#define STEP_BYTES   8192u
#define RING_BYTES   (16 * STEP_BYTES)
#define RING_RECORDS (RING_BYTES / sizeof(struct record))
#define RINGS	     2u
#define OFFSET	     ((sizeof(struct shared) + 4095) & ~4095ull)

static struct shared *shared;
static struct thread thread;
static struct drain *drain;
static struct shared_ring *ring;

static void begin(uint64_t grow_bytes)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);

	cr_assert_eq(ftruncate(fd, (off_t)(OFFSET + RINGS * RING_BYTES)), 0);
	shared = mmap(NULL, OFFSET + RINGS * RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(shared, MAP_FAILED);
	close(fd);
	shared->rings_offset = OFFSET;
	shared->ring_bytes = RING_BYTES;
	shared->ring_count = RINGS;
	shared->step_bytes = STEP_BYTES;
	shared->grow_bytes = grow_bytes;
	shared->share_steps = 16;
	ring = &shared->rings[0];
	ring->role = TRACE_ROLE_LOOP;
	thread = (struct thread){
	    .records = shared_ring_records(shared, 0), .shared = shared, .role = TRACE_ROLE_LOOP};
	cr_assert_eq(thread_capacity_begin(&thread, 0), 0);
	thread.ring = ring;
	thread_capacity_find(&thread, 0);
	drain = calloc(1, sizeof(*drain));
	drain->shared = shared;
	drain->ring_count = drain->ring_max = RINGS;
	drain->rings_offset = OFFSET;
	drain->ring_bytes = RING_BYTES;
	drain->ring_records = RING_RECORDS;
	drain->step_bytes = STEP_BYTES;
	drain->workers[0].worker = 1;
	drain->workers[0].role = TRACE_ROLE_LOOP;
}

#endif
