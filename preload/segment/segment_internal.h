/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a segment, which segment.c puts together: preamble.c tells what the process is,
 * segment_sites.c which sites and names the events refer to, segment_scripts.c the texts of
 * scripts. Nobody else includes this.
 */
#ifndef SEGMENT_INTERNAL_H
#define SEGMENT_INTERNAL_H

#include "segment.h"

/* Reads what the preamble tells, once: executable, command line, modules. */
void preamble_read(struct segment *segment);

/* Tell it in a segment that has just begun. */
void preamble_put_process(struct segment *segment, uint64_t now_ns);
void preamble_put_kinds(struct segment *segment, uint64_t now_ns);

/* A note in a block of its own. */
void preamble_put_note_now(struct segment *segment, const char *note, uint64_t now_ns);

/* Tells the modules that this segment has not been told. */
void preamble_put_modules(struct segment *segment, uint64_t now_ns);

/* Tell every site, and every name, that is known. */
void segment_put_all_sites(struct segment *segment, uint64_t now_ns);
void segment_put_all_names(struct segment *segment, uint64_t now_ns);

static inline const char *segment_text(const struct segment *segment, struct module_text text)
{
	return segment->modules.text + text.at;
}

#endif
