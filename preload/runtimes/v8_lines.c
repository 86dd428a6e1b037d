/* SPDX-License-Identifier: Apache-2.0
 *
 * From positions in a script's source to lines (v8_internal.h). Done when the thread has been let
 * go, as a source may be long.
 *
 * Rules: the thread runs meanwhile and may move the source: lines count only if the script still
 * has the same source, of the same type and length, afterwards. Sources that are longer than
 * SOURCE_UNITS_MAX up to the position have no lines.
 */
#include "v8_internal.h"

#include <string.h>

#define SOURCE_UNITS_MAX (1u << 20)
#define CHUNK_BYTES	 16384u
#define ENDS_MAX	 (1u << 16)
#define ENDS_CHUNK	 512u
#define STRING_LENGTH_AT 12
#define ARRAY_LENGTH_AT	 8
#define ARRAY_DATA_AT	 16

/* The text of a script in one piece. */
struct source {
	uint64_t string, text;
	uint32_t length; /* in units */
	uint32_t unit;	 /* bytes */
};

/* The string in whose place another one stands for now: a thin one's, or a cons one's that was made
 * flat, whose second part is empty then. */
static uint64_t string_behind(struct remote_memory *memory, uint64_t string, uint16_t type)
{
	uint64_t second;

	if ((type & 7) == v8_layout.string_thin)
		return v8_field(memory, string, 16);
	if ((type & 7) != v8_layout.string_cons)
		return 0;
	second = v8_field(memory, string, 24);
	return remote_u32(memory, second - 1 + STRING_LENGTH_AT) == 0 ? v8_field(memory, string, 16)
								      : 0;
}

/* A sequential or an external string, perhaps behind others. */
static bool source_open(struct remote_memory *memory, uint64_t script, struct source *source)
{
	uint16_t type = 0;
	uint64_t next = v8_field(memory, script, v8_layout.script_source);

	for (uint32_t depth = 0; next && depth < 3; depth++) {
		source->string = v8_string_place(memory, next);
		type = v8_type(memory, source->string);
		if (type == 0 || type >= 128)
			return false;
		next = string_behind(memory, source->string, type);
	}
	source->length = remote_u32(memory, source->string - 1 + STRING_LENGTH_AT);
	source->unit = type & 8 ? 1 : 2;
	source->text = (type & 7) == 0 ? source->string - 1 + 16
		       : (type & 7) == v8_layout.string_external && !(type & 16)
			   ? v8_field(memory, source->string, 24)
			   : 0;
	return source->text != 0;
}

/* ---- Counting -------------------------------------------------------------------------------- */

/* A position whose line is wanted. */
struct wanted {
	int32_t position;
	uint32_t *line;
};

#define WANTED_MAX (2 * TRACE_SCRIPT_FRAMES_MAX)

struct line_count {
	struct wanted list[WANTED_MAX];
	uint32_t count;
	int32_t last; /* the greatest position */
};

static void wanted_add(struct line_count *lines, int32_t position, uint32_t *line)
{
	if (position < 0)
		return;
	lines->list[lines->count++] = (struct wanted){position, line};
	lines->last = position > lines->last ? position : lines->last;
	*line = 1;
}

/* A line ends at this position. */
static void line_end(struct line_count *lines, int64_t at)
{
	for (uint32_t i = 0; i < lines->count; i++)
		*lines->list[i].line += at < lines->list[i].position;
}

/* As V8 counts: \n, \r, \r\n and two characters of Unicode end a line. */
static void chunk_count(struct line_count *lines, const uint8_t *chunk, uint32_t units,
			uint32_t unit, int64_t at, uint32_t *before)
{
	for (uint32_t i = 0; i < units; i++) {
		uint32_t c = unit == 1 ? chunk[i] : chunk[2 * i] | (uint32_t)chunk[2 * i + 1] << 8;

		if ((c == '\n' && *before != '\r') || c == '\r' || c == 0x2028 || c == 0x2029)
			line_end(lines, at + i);
		*before = c;
	}
}

static bool source_count(struct remote_memory *memory, const struct source *source,
			 struct line_count *lines)
{
	static uint8_t chunk[CHUNK_BYTES];
	uint32_t before = 0, units = CHUNK_BYTES / source->unit, end = (uint32_t)lines->last;

	if (end > source->length || end > SOURCE_UNITS_MAX)
		return false;
	for (uint32_t at = 0; at < end; at += units) {
		uint32_t some = end - at < units ? end - at : units;

		if (!remote_read(memory, source->text + (uint64_t)at * source->unit, chunk,
				 (size_t)some * source->unit))
			return false;
		chunk_count(lines, chunk, some, source->unit, at, &before);
	}
	return true;
}

/* V8 keeps the ends of lines of scripts for which somebody has asked: an array of Smis. */
static bool ends_count(struct remote_memory *memory, uint64_t script, struct line_count *lines)
{
	uint64_t ends = v8_field(memory, script, v8_layout.script_line_ends);
	int64_t count = v8_smi(v8_field(memory, ends, ARRAY_LENGTH_AT));
	uint64_t words[ENDS_CHUNK];

	if (!v8_layout.type_fixed_array || v8_type(memory, ends) != v8_layout.type_fixed_array ||
	    count <= 0 || count > ENDS_MAX)
		return false;
	for (int64_t at = 0; at < count; at += ENDS_CHUNK) {
		int64_t some = count - at < ENDS_CHUNK ? count - at : ENDS_CHUNK;

		if (!remote_read(memory, ends - 1 + ARRAY_DATA_AT + 8 * (uint64_t)at, words,
				 8 * (size_t)some))
			return false;
		for (int64_t i = 0; i < some; i++)
			line_end(lines, v8_smi(words[i]));
	}
	return true;
}

/* ---- A script -------------------------------------------------------------------------------- */

static void lines_forget(const struct line_count *lines)
{
	for (uint32_t i = 0; i < lines->count; i++)
		*lines->list[i].line = 0;
}

static void lines_restart(const struct line_count *lines)
{
	for (uint32_t i = 0; i < lines->count; i++)
		*lines->list[i].line = 1;
}

static void script_count(struct remote_memory *memory, uint64_t script, struct line_count *lines)
{
	struct source source = {0}, now = {0};
	bool done;

	remote_forget(memory);
	done = v8_type(memory, script) == v8_layout.type_script &&
	       source_open(memory, script, &source);
	if (done && !ends_count(memory, script, lines)) {
		lines_restart(lines);
		done = source_count(memory, &source, lines);
	}
	remote_forget(memory);
	if (!done || v8_type(memory, script) != v8_layout.type_script ||
	    !source_open(memory, script, &now) || now.string != source.string ||
	    now.text != source.text || now.length != source.length)
		lines_forget(lines);
}

void v8_lines(struct remote_memory *memory, struct script_stack *stack)
{
	static struct line_count lines;

	for (uint32_t i = 0; v8_layout.has_lines && i < stack->count; i++) {
		uint64_t script = stack->frames[i].source;

		if (!script)
			continue;
		lines.count = 0;
		lines.last = 0;
		for (uint32_t k = i; k < stack->count; k++) {
			struct script_frame *frame = &stack->frames[k];

			if (frame->source != script)
				continue;
			frame->source = 0;
			wanted_add(&lines, frame->position, &frame->line);
			wanted_add(&lines, frame->first_position, &frame->first_line);
		}
		script_count(memory, script, &lines);
	}
}
