/* SPDX-License-Identifier: Apache-2.0
 *
 * See doing.h.
 */
#include "doing.h"

#include <stdbool.h>

static bool is_place(uint32_t code)
{
	return code == TRACE_PARK || code == TRACE_UNPARK || code == TRACE_TURN || code == TRACE_LOOP_ENTER ||
	       code == TRACE_LOOP_LEAVE;
}

struct record doing_find(const struct record *records, const struct laps *laps, uint64_t head, uint64_t back,
			 uint32_t *ended)
{
	*ended = 0;
	for (uint64_t i = 1; i <= back; i++) {
		struct record record = laps_record(laps, records, head - i);
		uint32_t code = trace_word_code(record.word);

		if (record.word == 0) /* gone: memory that was given back reads as zeroes */
			break;
		if (code == TRACE_POLL_END || code == TRACE_POLL_UNWOUND)
			++*ended;
		else if (doing_is_poll(record.word) && *ended > 0)
			--*ended;
		else if (doing_is_poll(record.word) || is_place(code))
			return record;
	}
	return (struct record){0};
}
