/* SPDX-License-Identifier: Apache-2.0
 *
 * See segment_scripts.h.
 */
#include "segment_scripts.h"

#include <string.h>

#include "segment_internal.h"

/* The place of a text in the table; count: it is not there. */
static uint32_t text_find(const struct segment_scripts *scripts, const char *text)
{
	uint32_t i = 0;

	while (i < scripts->count && strcmp(scripts->text + scripts->at[i], text) != 0)
		i++;
	return i;
}

static uint32_t text_add(struct segment_scripts *scripts, const char *text)
{
	size_t bytes = strlen(text) + 1;
	uint32_t i = text_find(scripts, text);

	if (i < scripts->count)
		return i;
	memcpy(scripts->text + scripts->bytes, text, bytes);
	scripts->at[i] = scripts->bytes;
	scripts->told[i] = false;
	scripts->bytes += (uint32_t)bytes;
	scripts->count++;
	return i;
}

/* Makes room for all texts of a stack at once: they must be in the table together. */
static void table_reserve(struct segment_scripts *scripts, const struct script_stack *stack)
{
	if (scripts->bytes + stack->text_bytes <= SCRIPT_TEXTS_BYTES &&
	    scripts->count + 2 * stack->count <= SCRIPT_TEXTS_MAX)
		return;
	scripts->first_id += scripts->count;
	scripts->count = scripts->bytes = 0;
}

static void text_put(struct segment *segment, const char *text, uint64_t now_ns)
{
	struct segment_scripts *scripts = &segment->scripts;
	uint32_t place, text_bytes = (uint32_t)strlen(text);
	uint32_t bytes = (uint32_t)sizeof(struct trace_script_text) + text_bytes;
	struct trace_script_text *entry;

	if (text_bytes == 0 || text_bytes > TRACE_SCRIPT_TEXT_BYTES_MAX)
		return;
	place = text_add(scripts, text);
	if (scripts->told[place])
		return;
	entry = entries_add(segment, &segment->entries, &bytes, now_ns);
	if (!entry)
		return;
	entry->entry_bytes = bytes;
	entry->id = scripts->first_id + place + 1;
	entry->text_bytes = text_bytes;
	memcpy(entry->text, text, text_bytes);
	scripts->told[place] = true;
}

void segment_put_script_texts(struct segment *segment, const struct script_stack *stack,
			      uint64_t now_ns)
{
	table_reserve(&segment->scripts, stack);
	entries_begin(&segment->entries, TRACE_BLOCK_SCRIPT_TEXTS);
	for (uint32_t i = 0; i < stack->count; i++) {
		text_put(segment, stack->text + stack->frames[i].function, now_ns);
		text_put(segment, stack->text + stack->frames[i].file, now_ns);
	}
	entries_flush(segment, &segment->entries, now_ns);
}

/* 0: it was not told. */
static uint32_t text_id(const struct segment_scripts *scripts, const char *text)
{
	uint32_t place = *text ? text_find(scripts, text) : scripts->count;

	return place < scripts->count && scripts->told[place] ? scripts->first_id + place + 1 : 0;
}

void segment_script_frames(const struct segment *segment, const struct script_stack *stack,
			   struct trace_script_frame *to)
{
	for (uint32_t i = 0; i < stack->count; i++) {
		const struct script_frame *frame = &stack->frames[i];

		to[i] = (struct trace_script_frame){
		    .frame = frame->frame,
		    .function = text_id(&segment->scripts, stack->text + frame->function),
		    .file = text_id(&segment->scripts, stack->text + frame->file),
		    .line = frame->line,
		    .first_line = frame->first_line,
		    .kind = frame->kind,
		    .flags = frame->flags,
		};
	}
}

void segment_scripts_begin(struct segment *segment)
{
	memset(segment->scripts.told, 0, sizeof(segment->scripts.told));
}

void segment_put_script_note(struct segment *segment, const char *note, uint64_t now_ns)
{
	struct segment_scripts *scripts = &segment->scripts;
	uint32_t i = 0;

	while (i < SCRIPT_NOTES_MAX && scripts->notes[i][0]) {
		if (strncmp(scripts->notes[i], note, SCRIPT_NOTE_BYTES - 1) == 0)
			return;
		i++;
	}
	if (i == SCRIPT_NOTES_MAX)
		return;
	strncpy(scripts->notes[i], note, SCRIPT_NOTE_BYTES - 1);
	preamble_put_note_now(segment, scripts->notes[i], now_ns);
}
