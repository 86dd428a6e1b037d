/* SPDX-License-Identifier: Apache-2.0
 *
 * See cpython_text.h. A str has characters of one, two or four bytes, whichever its largest needs
 * (PEP 393).
 */
#include "cpython_text.h"

#include <string.h>

#include "script_stack.h"

#define TEXT_LENGTH_MAX	    (1u << 20)
#define CHARACTER_BYTES_MAX 4
#define OBJECT_TYPE	    8 /* of every object, in all versions */

bool cpython_is_a(struct remote_memory *memory, uint64_t object, uint64_t type)
{
	return object % 8 == 0 && remote_u64(memory, object + OBJECT_TYPE) == type;
}

struct text {
	uint64_t length, data;
	uint32_t width; /* bytes of a character: 1, 2, 4 */
};

#define STATE_KIND(state)    ((state) >> 2 & 7)
#define STATE_COMPACT(state) ((state) >> 5 & 1)
#define STATE_ASCII(state)   ((state) >> 6 & 1)
#define ELLIPSIS	     0x2026

static bool text_find(const struct cpython *python, struct remote_memory *memory, uint64_t object,
		      struct text *text)
{
	const struct cpython_layout *layout = &python->layout;
	uint32_t state;
	bool is_ascii;

	if (!cpython_is_a(memory, object, python->text_type))
		return false;
	state = remote_u32(memory, object + layout->text_state);
	is_ascii = STATE_ASCII(state);
	text->length = remote_u64(memory, object + layout->text_length);
	text->data = object + (is_ascii ? layout->text_ascii : layout->text_other);
	text->width = STATE_KIND(state);
	return STATE_COMPACT(state) && text->length && text->length <= TEXT_LENGTH_MAX &&
	       (text->width == 1 || (text->width == 2 && !is_ascii) ||
		(text->width == 4 && !is_ascii));
}

static uint32_t character(const uint8_t *data, uint32_t width)
{
	uint32_t value = 0;

	memcpy(&value, data, width);
	return value;
}

static size_t utf8_bytes(uint32_t character)
{
	return character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
}

/* From which of the last `count` characters on they fit into `bytes`. */
static uint64_t tail_start(const struct text *text, const uint8_t *data, uint64_t count,
			   size_t bytes)
{
	size_t used = 1;

	while (count > 0) {
		used += utf8_bytes(character(data + (count - 1) * text->width, text->width));
		if (used > bytes)
			break;
		count--;
	}
	return count;
}

bool cpython_text(const struct cpython *python, struct remote_memory *memory, uint64_t object,
		  bool is_path, char *to, size_t bytes)
{
	uint8_t data[SCRIPT_FILE_BYTES_MAX * CHARACTER_BYTES_MAX];
	uint64_t count, skipped, start = 0;
	struct text text;
	size_t used = 0;

	if (!text_find(python, memory, object, &text))
		return false;
	count = text.length < bytes ? text.length : bytes - 1;
	skipped = is_path ? text.length - count : 0;
	if (!remote_read(memory, text.data + skipped * text.width, data, count * text.width))
		return false;
	if (is_path && (skipped || tail_start(&text, data, count, bytes) > 0)) {
		start = tail_start(&text, data, count, bytes - utf8_bytes(ELLIPSIS));
		script_text_append(to, bytes, &used, ELLIPSIS);
	}
	while (
	    start < count &&
	    script_text_append(to, bytes, &used, character(data + start * text.width, text.width)))
		start++;
	return true;
}
