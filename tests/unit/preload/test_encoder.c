/* SPDX-License-Identifier: Apache-2.0
 *
 * Ring records to blocks: single items against bytes worked out by hand from docs/trace-format.md.
 */
#include "encoder_helper.h"

TestSuite(encoder, .init = encoder_setup);

static struct block block;

static uint64_t encode(uint64_t first, uint64_t count)
{
	struct encoder_source source = {ring, RING - 1, first, count};

	return encoder_encode(&encoder, &words, &source, &block.header, sizeof(block));
}

static void assert_payload(const uint8_t *expected, size_t bytes)
{
	cr_assert_eq(block.header.payload_bytes, bytes, "%u bytes, not %zu",
		     block.header.payload_bytes, bytes);
	for (size_t i = 0; i < bytes; i++)
		cr_assert_eq(block.payload[i], expected[i], "byte %zu: %02x, not %02x", i,
			     block.payload[i], expected[i]);
}

/* ---- Items by hand --------------------------------------------------------------------------- */

Test(encoder, poll)
{
	/* clang-format off */
	static const uint8_t expected[] = {
	    0x13, 67, 0, 0x00, 0x02, /* DEFINE: code 67; 0x100 - 0, zigzag 0x200, in 2 bytes */
	    0x00, 0, 40,             /* POLL, no gap, index 0, duration 40 */
	    0x14, 0, 10, 0x2c, 0x01, /* POLL, gap 10, duration 300 in 2 bytes */
	};
	/* clang-format on */

	ring[0] = record_make(1000, 0x100, READ);
	ring[1] = record_make(1040, 0, TRACE_POLL_END);
	ring[2] = record_make(1050, 0x100, READ);
	ring[3] = record_make(1350, 0, TRACE_POLL_END);
	cr_assert_eq(encode(0, 4), 4);
	assert_payload(expected, sizeof(expected));
	cr_assert_eq(block.header.magic, TRACE_BLOCK_MAGIC);
	cr_assert_eq(block.header.type, TRACE_BLOCK_EVENTS);
	cr_assert_eq(block.header.worker, 9);
	cr_assert_eq(block.header.event_count, 4);
	cr_assert_eq(block.header.first_index, 0);
	cr_assert_eq(block.header.first_tick, 1000);
	cr_assert_eq(block.header.last_tick, 1350);
	cr_assert_eq(block.header.context_count, 0);
}

Test(encoder, poll_with_an_event_inside)
{
	/* clang-format off */
	static const uint8_t expected[] = {
	    0x03, 67, 0, 16,                       /* DEFINE read, object 8 */
	    0x03, (uint8_t)SUBMIT, SUBMIT >> 8, 1, /* DEFINE submit, object 7: -1 */
	    0x80, 0, 1, 5,                         /* POLL with a second index */
	};
	/* clang-format on */

	ring[0] = record_make(1000, 8, READ);
	ring[1] = record_make(1000, 7, SUBMIT);
	ring[2] = record_make(1005, 0, TRACE_POLL_END);
	cr_assert_eq(encode(0, 3), 3);
	assert_payload(expected, sizeof(expected));
}

Test(encoder, event_inside_later_than_the_start_is_no_part_of_the_poll)
{
	/* clang-format off */
	static const uint8_t expected[] = {
	    0x03, 67, 0, 16, 0x02, 0,                          /* INSTANT start */
	    0x03, (uint8_t)SUBMIT, SUBMIT >> 8, 1, 0x06, 1, 1, /* INSTANT submit, gap 1 */
	    0x03, 1, 0, 13, 0x06, 2, 4,                        /* INSTANT end, object -7, gap 4 */
	};
	/* clang-format on */

	ring[0] = record_make(1000, 8, READ);
	ring[1] = record_make(1001, 7, SUBMIT);
	ring[2] = record_make(1005, 0, TRACE_POLL_END);
	cr_assert_eq(encode(0, 3), 3);
	assert_payload(expected, sizeof(expected));
}

Test(encoder, wait)
{
	/* clang-format off */
	static const uint8_t expected[] = {
	    0x03, TRACE_UNPARK, 0, 4,                          /* DEFINE unpark, 2 fds */
	    0x21, 0, 0x40, 0x42, 0x0f,                         /* WAIT, 1,000,000 in 3 bytes */
	    0x3d, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0,       /* WAIT, gap 2^32 + 1, lasts 2^33 */
	};
	/* clang-format on */

	ring[0] = record_make(5, 0, TRACE_PARK);
	ring[1] = record_make(1000005, 2, TRACE_UNPARK);
	ring[2] = record_make(1000005 + (1ull << 32) + 1, 0, TRACE_PARK);
	ring[3] = record_make(ring[2].counter + (1ull << 33), 2, TRACE_UNPARK);
	cr_assert_eq(encode(0, 4), 4);
	assert_payload(expected, sizeof(expected));
}

Test(encoder, ticks_are_shifted_and_never_go_back)
{
	static const uint8_t expected[] = {0x03, 67, 0, 0, 0x00, 0, 0, 0x00, 0, 1};

	encoder_init(&encoder, 1, 5);
	ring[0] = record_make(3200, 0, READ);
	ring[1] = record_make(100, 0, TRACE_POLL_END); /* another CPU's clock, behind */
	ring[2] = record_make(3190, 0, READ);
	ring[3] = record_make(3232, 0, TRACE_POLL_END);
	cr_assert_eq(encode(0, 4), 4);
	assert_payload(expected, sizeof(expected));
	cr_assert_eq(block.header.first_tick, 100);
	cr_assert_eq(block.header.last_tick, 101);
	ring[4] = record_make(64, 0, READ);
	cr_assert_eq(encode(4, 1), 1);
	cr_assert_eq(block.header.first_tick, 101);
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

Test(encoder, open_poll_is_the_context_of_the_next_block)
{
	struct trace_context context;

	ring[0] = record_make(10, 0x55, TRACE_LOOP_ENTER);
	ring[1] = record_make(20, 0x77, READ);
	cr_assert_eq(encode(0, 2), 2);
	ring[2] = record_make(30, 0, TRACE_POLL_END);
	cr_assert_eq(encode(2, 1), 1);
	cr_assert_eq(block.header.first_index, 2);
	cr_assert_eq(block.header.context_count, 2);
	memcpy(&context, block.payload, sizeof(context));
	cr_assert_eq(context.word, ring[0].word);
	cr_assert_eq(context.tick, 10);
	memcpy(&context, block.payload + sizeof(context), sizeof(context));
	cr_assert_eq(context.word, ring[1].word);
	cr_assert_eq(context.tick, 20);
	ring[3] = record_make(40, 0, TRACE_PARK);
	cr_assert_eq(encode(3, 1), 1);
	cr_assert_eq(block.header.context_count, 1);
	cr_assert(encoder.open.parked);
}

Test(encoder, poll_at_the_rings_end_stays_whole)
{
	ring[RING - 1] = record_make(100, 1, READ);
	ring[0] = record_make(101, 0, TRACE_POLL_END);
	ring[1] = record_make(102, 0, TRACE_PARK);
	encoder.index = RING - 1;
	cr_assert_eq(encode(RING - 1, 3), 3);
	cr_assert_eq(block.header.first_index, RING - 1);
	cr_assert_eq(block.payload[4] & 3, TRACE_SHAPE_POLL);
}

Test(encoder, gap_that_is_too_long_begins_a_block)
{
	ring[0] = record_make(1, 1, READ);
	ring[1] = record_make(2, 0, TRACE_POLL_END);
	ring[2] = record_make(2 + (1ull << 48), 1, READ);
	ring[3] = record_make(3 + (1ull << 49), 0, TRACE_POLL_END);
	ring[4] = record_make(3 + (1ull << 49), 1, READ);
	cr_assert_eq(encode(0, 5), 2);
	cr_assert_eq(encode(2, 3), 1);
	cr_assert_eq(block.header.first_tick, 2 + (1ull << 48));
	cr_assert_eq(encode(3, 2), 2);
	cr_assert_eq(block.header.context_count, 1);
}

Test(encoder, small_room_takes_part_and_whole_polls)
{
	uint64_t taken = 0;

	for (uint32_t i = 0; i < RING; i++)
		ring[i] = record_make(i * 1000, i / 2 * 64, i % 2 ? TRACE_POLL_END : READ);
	for (uint32_t i = 1; i < RING; i += 2)
		ring[i].word = TRACE_POLL_END;
	while (taken < RING) {
		struct encoder_source source = {ring, RING - 1, taken, RING - taken};
		uint64_t some = encoder_encode(&encoder, &words, &source, &block.header,
					       ENCODER_BLOCK_BYTES_MIN);

		cr_assert_gt(some, 0);
		cr_assert_eq(some % 2, 0);
		cr_assert_leq(block.header.payload_bytes + sizeof(block.header),
			      ENCODER_BLOCK_BYTES_MIN);
		taken += some;
	}
	cr_assert_eq(taken, RING);
}

/* The ends of both polls were lost: leaving the loop ends them too. */
Test(encoder, end_closes_what_a_lost_event_left_open)
{
	ring[0] = record_make(1, 7, TRACE_LOOP_ENTER);
	ring[1] = record_make(2, 8, TRACE_LOOP_ENTER);
	ring[2] = record_make(3, 1, READ);
	ring[3] = record_make(4, 2, WRITE);
	ring[4] = record_make(5, 8, TRACE_LOOP_LEAVE);
	cr_assert_eq(encode(0, 5), 5);
	cr_assert_eq(encoder.open.count, 1);
	cr_assert_eq(encoder.open.list[0].word, trace_word(7, TRACE_LOOP_ENTER));
}
