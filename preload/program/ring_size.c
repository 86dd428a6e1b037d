/* SPDX-License-Identifier: Apache-2.0
 *
 * See ring_size.h. Where memory is short, the steps become smaller first, then the rings fewer.
 * There is one ring at least, or none (-EFBIG) where files may not be that large.
 */
#include "ring_size.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "budget.h"
#include "config.h"
#include "ring/shared.h"
#include "ring/steps.h"

#define RING_BYTES_MIN 16384
#define RINGS_WANTED   8     /* rather smaller ones than fewer */
#define STEP_BYTES     16384 /* of memory that a worker takes at once, ... */
#define STEP_BYTES_MIN 8192  /* ... where there is little; more than twice the headroom */

static uint64_t room_at(const char *path)
{
	struct statvfs file_system;

	return statvfs(path, &file_system) == 0
		   ? (uint64_t)file_system.f_bavail * file_system.f_bsize
		   : UINT64_MAX;
}

uint64_t ring_size_recorder(const char *path, uint64_t memory_limit)
{
	uint64_t half = room_at(path) / 2;

	return memory_limit / 4 < half ? memory_limit / 4 : half;
}

/* The user's own value is used as it is. */
uint64_t ring_size_total(const char *path, uint64_t memory_limit)
{
	uint64_t room;

	if (config.ring_total_bytes)
		return config.ring_total_bytes;
	room = room_at(path);
	room = room > sizeof(struct shared) ? room - sizeof(struct shared) : 0;
	return budget_bytes(memory_limit, room);
}

void ring_size_choose(struct ring_size *rings, uint64_t total_bytes)
{
	rings->offset = sizeof(struct shared) + STEPS_PAGE_BYTES - 1;
	rings->offset -= rings->offset % STEPS_PAGE_BYTES;
	rings->bytes = config.ring_size_bytes;
	rings->step = STEP_BYTES;
	rings->count = SHARED_RINGS_MAX;
	while (rings->bytes / rings->step > SHARED_STEPS_MAX)
		rings->step *= 2;
	/* Half of it is for the first steps, so that each ring has one. */
	while (rings->step > STEP_BYTES_MIN && total_bytes / 2 / rings->step < SHARED_RINGS_MAX)
		rings->step /= 2;
	if (total_bytes / 2 / rings->step < rings->count)
		rings->count = total_bytes / 2 / rings->step;
	rings->count += rings->count == 0;
	while (rings->bytes / rings->step > SHARED_STEPS_MAX)
		rings->bytes /= 2;
	rings->grow =
	    total_bytes > rings->count * rings->step ? total_bytes - rings->count * rings->step : 0;
}

int ring_size_fit(struct ring_size *rings)
{
	struct rlimit limit;
	uint64_t room = UINT64_MAX;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		room = limit.rlim_cur > rings->offset ? limit.rlim_cur - rings->offset : 0;
	while (rings->bytes > RING_BYTES_MIN && room / rings->bytes < RINGS_WANTED)
		rings->bytes /= 2;
	if (rings->step > rings->bytes)
		rings->step = rings->bytes;
	if (room / rings->bytes < rings->count)
		rings->count = room / rings->bytes;
	return rings->count ? 0 : -EFBIG;
}

bool ring_size_is_scarce(uint64_t total_bytes, uint64_t memory_limit)
{
	return !config.ring_total_bytes && total_bytes < budget_bytes(memory_limit, UINT64_MAX) &&
	       total_bytes < RINGS_WANTED * config.ring_size_bytes;
}
