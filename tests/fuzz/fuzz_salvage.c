/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target: an input as a ring that a crash left. The shared structure is large and mostly zero, so an input
 * holds what is not: its first fields, one ring's struct, some sites, then records.
 */
#include "fuzz_input.h"
#include "shared.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define HEAD_BYTES    offsetof(struct shared, libuv_path)
#define RING_BYTES    4096u
#define RINGS	      2u
#define SITES_BYTES   (3 * sizeof(struct shared_site))
#define RECORDS_BYTES (RINGS * RING_BYTES)

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
	memset(shared->boot_id, 0, sizeof(shared->boot_id)); /* of another boot: no process is looked for */
}

/* Rings that may hold records: indices near each other, a state that is one. */
static void make_rings_sane(struct shared *shared)
{
	for (uint32_t i = 0; i < RINGS; i++) {
		struct shared_ring *ring = &shared->rings[i];

		ring->head &= 0xffff;
		ring->tail = ring->head - (ring->tail & (RING_BYTES / sizeof(struct record) - 1));
		ring->state = RING_LIVE + ring->state % 2;
		for (uint32_t cause = 0; cause < RING_LOST_CAUSES; cause++)
			ring->lost[cause] &= 0xffff;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct {
		struct shared shared;
		uint8_t records[RECORDS_BYTES];
	} file __attribute__((aligned(64)));
	bool sane = bytes > 0 && data[0] % 4 != 0;

	memset(&file, 0, sizeof(file));
	make_sane(&file.shared);
	take(&file.shared, HEAD_BYTES, &data, &bytes);
	if (sane)
		make_sane(&file.shared);
	take(file.shared.rings, RINGS * sizeof(struct shared_ring), &data, &bytes);
	if (sane)
		make_rings_sane(&file.shared);
	take(&file.shared.site_count, sizeof(file.shared.site_count), &data, &bytes);
	take(file.shared.sites, SITES_BYTES, &data, &bytes);
	take(file.records, RECORDS_BYTES, &data, &bytes);
	input_read((const uint8_t *)&file, sizeof(file));
	return 0;
}
