/* SPDX-License-Identifier: Apache-2.0
 *
 * What the encoder's tests share: a ring, an encoder that reads it, and a block that it writes.
 */
#ifndef ENCODER_HELPER_H
#define ENCODER_HELPER_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "segment/encoder.h"
#include "format/trace_wire.h"

#define RING   4096u
#define READ   (TRACE_CODE_POLL + 3) /* a poll of site 3 */
#define WRITE  (TRACE_CODE_POLL + 300)
#define SUBMIT (TRACE_CODE_SUBMIT + 7)

struct block {
	struct trace_block_header header;
	uint8_t payload[ENCODER_BLOCK_BYTES];
};

static struct encoder encoder;
static struct encoder_words words;
static struct record ring[RING];

static inline void encoder_setup(void)
{
	encoder_words_init(&words);
	encoder_init(&encoder, 9, 0);
	memset(ring, 0, sizeof(ring));
}

static inline struct record record_make(uint64_t counter, uint64_t object, uint32_t code)
{
	return (struct record){counter, trace_word(object, code)};
}

#endif
