/* SPDX-License-Identifier: Apache-2.0
 *
 * See segment.h: the frames of scripts behind a stall sample, their names, and what cannot be had
 * of a language runtime. Each text is told once in every segment that needs it.
 */
#include "segment_internal.h"

#include <string.h>

static void text_put(struct segment *segment, const char *text, uint64_t now_ns)
{
	struct script_texts *texts = &segment->script_texts;
	uint32_t place, text_bytes = (uint32_t)strlen(text);
	uint32_t bytes = (uint32_t)sizeof(struct trace_script_text) + text_bytes;
	struct trace_script_text *entry;

	if (text_bytes == 0 || text_bytes > TRACE_SCRIPT_TEXT_BYTES_MAX)
		return;
	place = script_texts_add(texts, text);
	if (texts->told[place])
		return;
	entry = entries_add(segment, &segment->entries, &bytes, now_ns);
	if (!entry)
		return;
	entry->entry_bytes = bytes;
	entry->id = texts->first_id + place + 1;
	entry->text_bytes = text_bytes;
	memcpy(entry->text, text, text_bytes);
	texts->told[place] = true;
}

void segment_put_script_texts(struct segment *segment, const struct script_stack *stack,
			      uint64_t now_ns)
{
	script_texts_reserve(&segment->script_texts, stack);
	entries_begin(&segment->entries, TRACE_BLOCK_SCRIPT_TEXTS);
	for (uint32_t i = 0; i < stack->count; i++) {
		text_put(segment, stack->text + stack->frames[i].function, now_ns);
		text_put(segment, stack->text + stack->frames[i].file, now_ns);
	}
	entries_flush(segment, &segment->entries, now_ns);
}

void segment_script_frames(const struct segment *segment, const struct script_stack *stack,
			   struct trace_script_frame *to)
{
	const struct script_texts *texts = &segment->script_texts;

	for (uint32_t i = 0; i < stack->count; i++) {
		const struct script_frame *frame = &stack->frames[i];

		to[i] = (struct trace_script_frame){
		    .frame = frame->frame,
		    .function = script_texts_id(texts, stack->text + frame->function),
		    .file = script_texts_id(texts, stack->text + frame->file),
		    .line = frame->line,
		    .first_line = frame->first_line,
		    .kind = frame->kind,
		    .flags = frame->flags,
		};
	}
}

void segment_put_script_note(struct segment *segment, const char *note, uint64_t now_ns)
{
	uint32_t i = 0;

	while (i < SEGMENT_SCRIPT_NOTES_MAX && segment->script_notes[i][0]) {
		if (strncmp(segment->script_notes[i], note, SEGMENT_SCRIPT_NOTE_BYTES - 1) == 0)
			return;
		i++;
	}
	if (i == SEGMENT_SCRIPT_NOTES_MAX)
		return;
	strncpy(segment->script_notes[i], note, SEGMENT_SCRIPT_NOTE_BYTES - 1);
	preamble_put_note_now(segment, segment->script_notes[i], now_ns);
}
