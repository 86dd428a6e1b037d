/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target: an input as a ring that a crash left. The shared structure is large and mostly
 * zero, so an input blocking what is not: its first fields, one ring's struct, some sites, then
 * records.
 */
#include "fuzz_input.h"
#include "ring/shared.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define RING_BYTES    4096u
#define RINGS	      2u
#define SITES	      3u
#define NAMES	      3u
#define RECORDS_BYTES (RINGS * RING_BYTES)

/* Of the file, in the order in which an input gives them. */
static const struct {
	size_t offset, bytes;
} parts[] = {
    {0, offsetof(struct shared, libuv_path)},
    {offsetof(struct shared, rings), RINGS * sizeof(struct shared_ring)},
    {offsetof(struct shared, site_count), sizeof(uint32_t)},
    {offsetof(struct shared, sites), SITES * sizeof(struct shared_site)},
    {sizeof(struct shared), RECORDS_BYTES},
    {offsetof(struct shared, name_count), sizeof(uint32_t)},
    {offsetof(struct shared, names), NAMES * sizeof(struct shared_name)},
};

/* The next part of the input; what it does not have is left as it was. */
static void take(void *to, size_t wanted, const uint8_t **data, size_t *bytes)
{
	size_t part = *bytes < wanted ? *bytes : wanted;

	memcpy(to, *data, part);
	*data += part;
	*bytes -= part;
}

/* What must be right for the reader to look any further. */
static void make_sane(struct shared *shared)
{
	memcpy(shared->magic, SHARED_MAGIC, 8);
	shared->version = SHARED_VERSION;
	shared->header_bytes = sizeof(*shared);
	shared->rings_offset = sizeof(*shared);
	shared->ring_bytes = RING_BYTES;
	shared->ring_count = RINGS;
	shared->unit_shift &= 7;
	memset(shared->boot_id, 0,
	       sizeof(shared->boot_id)); /* of another boot: no process is looked for */
	shared->site_count %= 2 * SITES;
	shared->name_count %= 2 * NAMES;
}

/* Rings that may hold records: indices near each other, a state that is one. */
static void make_rings_sane(struct shared *shared)
{
	for (uint32_t i = 0; i < RINGS; i++) {
		struct shared_ring *ring = &shared->rings[i];

		ring->head &= 0xffff;
		ring->tail = ring->head - (ring->tail & (RING_BYTES / sizeof(struct record) - 1));
		for (int lap = 0; lap < 2; lap++)
			ring->lap_start[lap] =
			    ring->head -
			    (ring->lap_start[lap] & (2 * RING_BYTES / sizeof(struct record) - 1));
		ring->state = RING_LIVE + ring->state % 2;
		for (uint32_t cause = 0; cause < RING_LOST_CAUSES; cause++)
			ring->lost[cause] &= 0xffff;
	}
}

/* Only what an input may have changed: the rest of the file is zero from the beginning on. */
static const char *save(const void *file, size_t bytes)
{
	const char *path;
	int fd = input_file(&path);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		input_put(fd, (const char *)file + parts[i].offset, parts[i].bytes,
			  parts[i].offset);
	if (ftruncate(fd, bytes) != 0)
		abort();
	return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct {
		struct shared shared;
		uint8_t records[RECORDS_BYTES];
	} file __attribute__((aligned(64)));
	bool sane = bytes > 0 && data[0] % 4 != 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		memset((char *)&file + parts[i].offset, 0, parts[i].bytes);
	make_sane(&file.shared);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		take((char *)&file + parts[i].offset, parts[i].bytes, &data, &bytes);
		if (sane)
			make_sane(&file.shared);
	}
	if (sane)
		make_rings_sane(&file.shared);
	input_read(save(&file, sizeof(file)));
	return 0;
}
