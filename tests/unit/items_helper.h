/* SPDX-License-Identifier: Apache-2.0
 *
 * Items of a trace, made by hand.
 */
#ifndef ITEMS_HELPER_H
#define ITEMS_HELPER_H

#include "trace/reader.h"

static inline struct trace_item poll(uint64_t tick, uint64_t duration, uint32_t site,
				     uint64_t object)
{
	return (struct trace_item){.tick = tick,
				   .duration = duration,
				   .word = trace_word(object, TRACE_CODE_POLL + site),
				   .shape = TRACE_SHAPE_POLL};
}

static inline struct trace_item wait(uint64_t tick, uint64_t duration, uint64_t ready)
{
	return (struct trace_item){.tick = tick,
				   .duration = duration,
				   .word = trace_word(ready, TRACE_UNPARK),
				   .shape = TRACE_SHAPE_WAIT};
}

#endif
