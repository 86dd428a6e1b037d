/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of functions and files that script frames refer to, and what cannot be had of a
 * language runtime: each text is told once in every segment that needs it.
 *
 * Rules: as in segment.h. When the table is full it begins again; ids go on, so that none ever
 * stands for two texts.
 */
#ifndef SEGMENT_SCRIPTS_H
#define SEGMENT_SCRIPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtimes/script_stack.h"

#define SCRIPT_TEXTS_MAX	1024
#define SCRIPT_TEXTS_BYTES	49152
#define SCRIPT_NOTES_MAX	2
#define SCRIPT_NOTE_BYTES	160

struct segment;

struct segment_scripts {
	uint32_t first_id; /* of the text at place 0 */
	uint32_t count, bytes;
	uint32_t at[SCRIPT_TEXTS_MAX];
	bool told[SCRIPT_TEXTS_MAX]; /* in this segment */
	char text[SCRIPT_TEXTS_BYTES];
	char notes[SCRIPT_NOTES_MAX][SCRIPT_NOTE_BYTES]; /* "" from the first free one on */
};

/* Tells the texts of a stack that this segment has not been told. Begins blocks of its own. */
void segment_put_script_texts(struct segment *segment, const struct script_stack *stack,
			      uint64_t now_ns);

/* The frames of a stack as a trace has them. The texts must have been told. */
void segment_script_frames(const struct segment *segment, const struct script_stack *stack,
			   struct trace_script_frame *to);

/* A segment begins: nothing was told in it. */
void segment_scripts_begin(struct segment *segment);

/* What every report must repeat; told once in every segment. */
void segment_put_script_note(struct segment *segment, const char *note, uint64_t now_ns);

#endif
