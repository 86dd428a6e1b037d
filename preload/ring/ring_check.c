/* SPDX-License-Identifier: Apache-2.0
 *
 * See ring_check.h. Each limit is one that the program keeps when it makes the file (shm.c,
 * config.def). A file beyond it is damaged, or somebody else made it. A ring holds 4 records to 1
 * GiB, a unit is 16 ns or less, texts are terminated. Sizes are compared without a sum that could
 * overflow.
 */
#include "ring_check.h"

#include <errno.h>
#include <string.h>

static bool is_of_this_version(const struct shared *shared)
{
	return memcmp(shared->magic, SHARED_MAGIC, sizeof(shared->magic)) == 0 &&
	       shared->version == SHARED_VERSION && shared->header_bytes == sizeof(*shared);
}

static bool is_power_of_two(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

static bool steps_fit(const struct shared *shared)
{
	uint64_t step_bytes = shared->step_bytes;

	return is_power_of_two(step_bytes) && step_bytes >= sizeof(struct record) &&
	       step_bytes <= shared->ring_bytes &&
	       shared->ring_bytes / step_bytes <= SHARED_STEPS_MAX;
}

static bool rings_fit(const struct shared *shared, uint64_t bytes)
{
	uint64_t ring_bytes = shared->ring_bytes, offset = shared->rings_offset;

	return shared->ring_count <= SHARED_RINGS_MAX &&
	       ring_bytes >= RING_CHECK_RECORDS_MIN * sizeof(struct record) &&
	       ring_bytes <= RING_CHECK_BYTES_MAX && is_power_of_two(ring_bytes) &&
	       offset >= sizeof(*shared) && offset % sizeof(struct record) == 0 &&
	       offset <= bytes && shared->ring_count * ring_bytes <= bytes - offset;
}

static bool clock_is_sane(const struct shared *shared)
{
	return shared->unit_shift <= RING_CHECK_SHIFT_MAX &&
	       shared->start.counter >> shared->unit_shift < RING_CHECK_TICK_MAX;
}

static bool is_terminated(const char *text, size_t bytes)
{
	return strnlen(text, bytes) < bytes;
}

static bool texts_end(const struct shared *shared)
{
	return is_terminated(shared->self_path, sizeof(shared->self_path)) &&
	       is_terminated(shared->options.path, sizeof(shared->options.path));
}

int ring_check(const struct shared *shared, uint64_t bytes)
{
	return bytes >= sizeof(*shared) && is_of_this_version(shared) && rings_fit(shared, bytes) &&
		       steps_fit(shared) && clock_is_sane(shared) && texts_end(shared)
		   ? 0
		   : -EPROTO;
}

bool ring_check_is_private(const struct stat *stat)
{
	return S_ISREG(stat->st_mode) && (stat->st_mode & 077) == 0 && stat->st_nlink == 1;
}
