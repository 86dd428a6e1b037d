/* SPDX-License-Identifier: Apache-2.0
 *
 * See poll_marks.h. The poll is found by its start and its word: what lies before it at the same
 * tick is not its own.
 */
#include "poll_marks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 256

struct reading {
	const struct timeline_span *poll;
	struct mark_parts parts;
	struct poll_marks marks;
	bool inside, over;
};

static void mark_keep(struct poll_marks *marks, const struct mark *mark)
{
	struct poll_mark kept = {
	    .value = mark->value, .name = mark->name, .span = mark->code != TRACE_MARK};

	for (size_t i = 0; i < marks->count; i++) {
		const struct poll_mark *other = &marks->list[i];
		if (other->value == kept.value && other->name == kept.name &&
		    other->span == kept.span)
			return;
	}
	if (marks->count < POLL_MARKS_MAX)
		marks->list[marks->count++] = kept;
	else
		marks->more++;
}

static void item_take(struct reading *reading, const struct trace_item *item)
{
	const struct timeline_span *poll = reading->poll;

	reading->over = item->tick > poll->tick + poll->duration;
	reading->inside |= item->tick == poll->tick &&
			   trace_word_object(item->word) == poll->object &&
			   trace_word_code(item->word) == TRACE_CODE_POLL + poll->site;
	if (reading->inside && !reading->over && item->shape == TRACE_SHAPE_INSTANT &&
	    mark_is_part(item->word) && mark_take(&reading->parts, item->tick, item->word))
		mark_keep(&reading->marks, &reading->parts.mark);
}

static void cursor_read(struct trace_cursor *cursor, struct reading *reading)
{
	struct trace_item items[BATCH];
	size_t count, context_count;
	bool after_gap;

	while (!reading->over &&
	       (count = trace_cursor_read(cursor, UINT64_MAX, items, BATCH)) > 0) {
		if (trace_cursor_context(cursor, &context_count, &after_gap) && after_gap)
			marks_forget(&reading->parts);
		for (size_t i = 0; i < count && !reading->over; i++)
			item_take(reading, &items[i]);
	}
}

struct poll_marks poll_marks_read(struct trace *trace, const struct timeline *timeline,
				  const struct timeline_span *poll)
{
	struct reading reading = {.poll = poll};
	struct trace_cursor *cursor;

	if (!trace || timeline->process->name_count == 0 || poll->in_pool)
		return reading.marks;
	cursor = trace_cursor_open_near(trace, (size_t)(timeline->process - trace->processes),
					poll->worker, poll->tick);
	if (cursor)
		cursor_read(cursor, &reading);
	trace_cursor_close(cursor);
	return reading.marks;
}

/* Spans, or marks; returns how many texts there are by now. */
static size_t texts_put(const struct trace_process *process, const struct poll_marks *marks,
			bool spans, size_t put, FILE *out)
{
	for (size_t i = 0; i < marks->count; i++) {
		const struct poll_mark *mark = &marks->list[i];
		const char *name = trace_name(process, mark->name);
		if (mark->span == spans)
			fprintf(out, spans ? "%s%s 0x%" PRIx64 : "%s%s %" PRIu64,
				put++ > 0 ? ", " : "", name ? name : "(unknown)", mark->value);
	}
	return put;
}

char *poll_marks_text(const struct trace_process *process, const struct poll_marks *marks)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = marks->count > 0 ? open_memstream(&text, &bytes) : NULL;

	if (!out)
		return NULL;
	texts_put(process, marks, false, texts_put(process, marks, true, 0, out), out);
	if (marks->more > 0)
		fprintf(out, " and %" PRIu64 " more", marks->more);
	fclose(out);
	return text;
}
