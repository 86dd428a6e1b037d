/* SPDX-License-Identifier: Apache-2.0
 *
 * See current_callback.h.
 */
#include "current_callback.h"

#include "format/open_stack.h"

struct record current_callback_find(const struct record *records, const struct laps *laps,
				    uint64_t head, uint64_t back, uint32_t *ended)
{
	*ended = 0;
	for (uint64_t i = 1; i <= back; i++) {
		struct record record = laps_record(laps, records, head - i);

		if (record.word == 0) /* gone: memory that was given back reads as zeroes */
			break;
		if (open_search(trace_code_effect(trace_word_code(record.word)), ended))
			return record;
	}
	return (struct record){0};
}
