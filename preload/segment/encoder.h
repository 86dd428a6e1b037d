/* SPDX-License-Identifier: Apache-2.0
 *
 * Ring records -> the payload of EVENTS blocks (docs/trace-format.md). The encoder knows nothing of
 * ring states, files or processes. It gets records and memory, and is the same in the drain, in
 * tests and in benchmarks.
 *
 * Rules: the records are not trusted. Any bytes give a block that a reader can decode, never an
 * access out of bounds. The memory given must outlast the call only.
 */
#ifndef ENCODER_H
#define ENCODER_H

#include <stdint.h>

#include "format/open_stack.h"
#include "ring/shared.h"

#define ENCODER_WORDS_MAX                                                                          \
	4096u /* words in one block; below TRACE_WORDS_MAX, so that the table stays in the cache   \
	       */
#define ENCODER_SLOTS		(ENCODER_WORDS_MAX * 2)
#define ENCODER_BLOCK_BYTES	(1u << 16) /* of payload that one block should have at most */
#define ENCODER_BLOCK_BYTES_MIN 4096u	   /* room that a block needs at least, header included */

/* Word -> index in the block being made. One for all workers of a drain: a block is of one worker.
 */
struct encoder_words {
	struct {
		uint64_t word; /* 0: free */
		uint32_t index;
	} slots[ENCODER_SLOTS];
	uint64_t object; /* of the last word defined */
	uint32_t count;
	uint16_t used[ENCODER_WORDS_MAX]; /* the slots of the words */
};

/* One for each worker. */
struct encoder {
	uint32_t worker;
	uint32_t unit_shift;
	uint64_t index;		/* of the worker's next record */
	uint64_t tick;		/* of the last record: time never goes back */
	struct open_stack open; /* after the last record */
	/* The longest since somebody set ticks to 0, and when it ended: a callback; what a loop ran
	 * from one wait to the next. */
	struct encoder_longest {
		uint64_t ticks, end;
	} poll, turn;
	uint64_t lost_tick; /* of the last gap */
	uint64_t turn_tick; /* when the last wait ended, or the loop was entered; 0: not known */
};

/* Records [first, first + count) of a ring of mask + 1 records (a power of two). */
struct encoder_source {
	const struct record *records;
	uint64_t mask;
	uint64_t first;
	uint64_t count;
};

void encoder_words_init(struct encoder_words *words);
void encoder_init(struct encoder *encoder, uint32_t worker, uint32_t unit_shift);

/* What is open, for whoever takes over; and the encoder as it was then. What is nested beyond
 * SHARED_OPEN_MAX comes back as a number. */
void encoder_save(const struct encoder *encoder, struct shared_open *open);
void encoder_restore(struct encoder *encoder, const struct shared_open *open);

/* Fills `block`, which has `bytes` bytes (at least ENCODER_BLOCK_BYTES_MIN), with a block header
 * and a payload, but for the checksum. Returns how many records it took: all or as many as fit, at
 * least one if there is one. A poll or a wait whose records are all there comes whole into one
 * block. */
uint64_t encoder_encode(struct encoder *encoder, struct encoder_words *words,
			const struct encoder_source *source, struct trace_block_header *block,
			uint32_t bytes);

#endif
