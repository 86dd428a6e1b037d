/* SPDX-License-Identifier: Apache-2.0
 *
 * See marks.h.
 */
#include "marks.h"

static void mark_begin(struct mark_parts *parts, uint64_t tick, uint64_t word)
{
	parts->more = trace_mark_more(word);
	parts->mark = (struct mark){
	    .tick = tick,
	    .value = trace_mark_low(word),
	    .code = trace_word_code(word),
	    .name = trace_mark_name(word),
	};
}

/* False where it cannot go on so: a writer that knows more than we do, or damage. */
static bool mark_go_on(struct mark *mark, uint64_t word)
{
	struct mark_field *fields = mark->fields;

	if (trace_word_code(word) == TRACE_MARK_FIELD) {
		if (mark->field_count == TRACE_MARK_FIELDS_MAX)
			return false;
		fields[mark->field_count++] =
		    (struct mark_field){trace_mark_low(word), trace_mark_name(word)};
		return true;
	}
	uint64_t *value =
	    mark->field_count > 0 ? &fields[mark->field_count - 1].value : &mark->value;
	if (*value >> 32 != 0 || trace_word_object(word) >> 32 != 0)
		return false;
	*value |= trace_word_object(word) << 32;
	return true;
}

bool mark_take(struct mark_parts *parts, uint64_t tick, uint64_t word)
{
	uint32_t code = trace_word_code(word);

	if (code != TRACE_MARK_HIGH && code != TRACE_MARK_FIELD) {
		mark_begin(parts, tick, word);
		return parts->more == 0;
	}
	if (parts->more == 0)
		return false; /* its beginning is missing */
	if (tick != parts->mark.tick || !mark_go_on(&parts->mark, word)) {
		marks_forget(parts);
		return false;
	}
	return --parts->more == 0;
}
