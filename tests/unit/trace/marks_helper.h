/* SPDX-License-Identifier: Apache-2.0
 *
 * Marks and spans as the library writes them.
 */
#ifndef MARKS_HELPER_H
#define MARKS_HELPER_H

#include "trace/marks.h"

/* The words of one. */
static inline size_t words_of(const struct mark *mark, uint64_t *words)
{
	size_t count = 0;

	for (uint32_t i = 0; i <= mark->field_count; i++) {
		uint64_t value = i == 0 ? mark->value : mark->fields[i - 1].value;
		uint32_t name = i == 0 ? mark->name : mark->fields[i - 1].name;

		words[count++] =
		    trace_mark_word(i == 0 ? mark->code : TRACE_MARK_FIELD, name, 0, value);
		if (value >> 32)
			words[count++] = trace_word(value >> 32, TRACE_MARK_HIGH);
	}
	words[0] |= trace_mark_word(0, 0, count - 1, 0);
	return count;
}

#endif
