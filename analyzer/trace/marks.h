/* SPDX-License-Identifier: Apache-2.0
 *
 * Marks and spans of the program, put together from their events: trace_format.h says how they lie
 * in the stream.
 *
 * Rules: the events of one worker are given in stream order. Whoever knows of a gap calls
 * marks_forget(), so that nothing is put together from both sides of it; what is not whole is given
 * to nobody.
 */
#ifndef MARKS_H
#define MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "format/trace_tables.h"

struct mark_field {
	uint64_t value;
	uint32_t name;
};

struct mark {
	uint64_t tick;
	uint64_t value; /* of a span: its id */
	uint32_t code;	/* TRACE_MARK, TRACE_SPAN_BEGIN or TRACE_SPAN_END */
	uint32_t name;
	uint32_t field_count;
	struct mark_field fields[TRACE_MARK_FIELDS_MAX];
};

/* One of a worker in the making; zeroed: none. */
struct mark_parts {
	struct mark mark;
	uint32_t more; /* events that must still come */
};

static inline bool mark_is_part(uint64_t word)
{
	return trace_set_has(trace_mark_set, trace_word_code(word));
}

/* Takes the next event of a worker, which is part of a mark. True: parts->mark is whole. */
bool mark_take(struct mark_parts *parts, uint64_t tick, uint64_t word);

static inline void marks_forget(struct mark_parts *parts)
{
	parts->more = 0;
}

#endif
