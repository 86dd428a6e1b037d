/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader's arrays and lines of text: growing them, problems, notes.
 *
 * Rules: an array's capacity is the power of two at or above its count, so the count alone says
 * when to grow. A line that cannot be kept for want of memory is counted as left out; nothing else
 * goes wrong because of it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader_internal.h"

#define LINES_MAX  20	/* kept of one file */
#define LINE_BYTES 4600 /* a path and what is said of it */

/* A new element at the end, zeroed; NULL when memory is out. */
void *reader_append(void *array_pointer, size_t *count, size_t element_bytes)
{
	char **array = array_pointer;

	if ((*count & (*count - 1)) == 0) {
		char *grown = reallocarray(*array, *count ? 2 * *count : 1, element_bytes);

		if (!grown)
			return NULL;
		*array = grown;
	}
	return memset(*array + (*count)++ * element_bytes, 0, element_bytes);
}

/* At least `wanted` elements, the new ones zeroed. For arrays that are addressed by number. */
int reader_resize(void *array_pointer, size_t *count, size_t wanted, size_t element_bytes)
{
	while (*count < wanted)
		if (!reader_append(array_pointer, count, element_bytes))
			return -ENOMEM;
	return 0;
}

int reader_text_set(char **text, const char *from, size_t bytes)
{
	char *copy = strndup(from, bytes);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

static void lines_add(char ***list, size_t *count, size_t *left_out, const char *format,
		      va_list arguments)
{
	char line[LINE_BYTES];
	char *copy;
	char **place;

	vsnprintf(line, sizeof(line), format, arguments);
	for (char *at = line; *at; at++)
		if (*at == '\n')
			*at = ' ';
	copy = strdup(line);
	place = copy ? reader_append(list, count, sizeof(*place)) : NULL;
	if (place)
		*place = copy;
	else
		*left_out += 1;
	if (!place)
		free(copy);
}

void reader_lines_add(struct reader_lines *lines, const char *format, ...)
{
	va_list arguments;

	if (lines->count >= LINES_MAX) {
		lines->left_out++;
		return;
	}
	va_start(arguments, format);
	lines_add(&lines->list, &lines->count, &lines->left_out, format, arguments);
	va_end(arguments);
}

void reader_problem(struct reader *reader, const char *format, ...)
{
	va_list arguments;
	size_t left_out = 0;

	va_start(arguments, format);
	lines_add(&reader->trace.problems, &reader->trace.problem_count, &left_out, format,
		  arguments);
	va_end(arguments);
}

static bool note_is_there(const struct trace_process *process, const char *note, uint64_t hash)
{
	size_t probe = 0, at;

	while ((at = reader_index_next(&process->indices->notes, hash, &probe)) != READER_NOWHERE)
		if (strcmp(process->notes[at], note) == 0)
			return true;
	return false;
}

int reader_note(struct trace_process *process, const char *format, ...)
{
	va_list arguments;
	char note[LINE_BYTES];
	char **place;
	uint64_t hash;

	va_start(arguments, format);
	vsnprintf(note, sizeof(note), format, arguments);
	va_end(arguments);
	hash = reader_hash(0, note, strlen(note));
	if (note_is_there(process, note, hash))
		return 0;
	place = reader_append(&process->notes, &process->note_count, sizeof(*place));
	if (!place)
		return -ENOMEM;
	*place = strdup(note);
	if (*place)
		return reader_index_add(&process->indices->notes, hash, process->note_count - 1);
	process->note_count--;
	return -ENOMEM;
}

void reader_lines_free(struct reader_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->list[i]);
	free(lines->list);
	*lines = (struct reader_lines){0};
}
