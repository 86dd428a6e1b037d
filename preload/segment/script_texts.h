/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of functions and files that script frames refer to: a table of texts, each with an id
 * and whether this segment has been told it.
 *
 * Rules: when the table is full it begins again; ids go on, so that none ever stands for two texts.
 */
#ifndef SCRIPT_TEXTS_H
#define SCRIPT_TEXTS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtimes/script_stack.h"

#define SCRIPT_TEXTS_MAX   1024
#define SCRIPT_TEXTS_BYTES 49152

struct script_texts {
	uint32_t first_id; /* of the text at place 0 */
	uint32_t count, bytes;
	uint32_t at[SCRIPT_TEXTS_MAX];
	bool told[SCRIPT_TEXTS_MAX]; /* in this segment */
	char text[SCRIPT_TEXTS_BYTES];
};

/* Makes room for all texts of a stack at once: they must be in the table together. */
void script_texts_reserve(struct script_texts *texts, const struct script_stack *stack);

/* The place of a text, which is added if it is new. There must be room. */
uint32_t script_texts_add(struct script_texts *texts, const char *text);

/* The id of a text that was told; 0: it was not, or it is empty. */
uint32_t script_texts_id(const struct script_texts *texts, const char *text);

/* A segment begins: nothing was told in it. */
void script_texts_begin(struct script_texts *texts);

#endif
