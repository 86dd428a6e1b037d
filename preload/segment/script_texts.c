/* SPDX-License-Identifier: Apache-2.0
 *
 * See script_texts.h.
 */
#include "script_texts.h"

#include <string.h>

/* count: it is not there. */
static uint32_t text_find(const struct script_texts *texts, const char *text)
{
	uint32_t i = 0;

	while (i < texts->count && strcmp(texts->text + texts->at[i], text) != 0)
		i++;
	return i;
}

uint32_t script_texts_add(struct script_texts *texts, const char *text)
{
	size_t bytes = strlen(text) + 1;
	uint32_t i = text_find(texts, text);

	if (i < texts->count)
		return i;
	memcpy(texts->text + texts->bytes, text, bytes);
	texts->at[i] = texts->bytes;
	texts->told[i] = false;
	texts->bytes += (uint32_t)bytes;
	texts->count++;
	return i;
}

void script_texts_reserve(struct script_texts *texts, const struct script_stack *stack)
{
	if (texts->bytes + stack->text_bytes <= SCRIPT_TEXTS_BYTES &&
	    texts->count + 2 * stack->count <= SCRIPT_TEXTS_MAX)
		return;
	texts->first_id += texts->count;
	texts->count = texts->bytes = 0;
}

uint32_t script_texts_id(const struct script_texts *texts, const char *text)
{
	uint32_t place = *text ? text_find(texts, text) : texts->count;

	return place < texts->count && texts->told[place] ? texts->first_id + place + 1 : 0;
}

void script_texts_begin(struct script_texts *texts)
{
	memset(texts->told, 0, sizeof(texts->told));
}
