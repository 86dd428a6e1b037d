/* SPDX-License-Identifier: Apache-2.0
 *
 * Constants of libuv's in an executable. They tell that a libuv lies inside where its functions
 * have no names, or none under which they could be found.
 *
 * Rules: reads the executable's segments and nothing else.
 */
#ifndef STATIC_MARKS_H
#define STATIC_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patch/elf_image.h"

enum static_marks {
	MARKS_NONE,
	MARKS_LIKELY, /* what hardly anybody else has */
	MARKS_CERTAIN /* what libuv alone has */
};

/* Looks for what is certain in segments of at most `bytes_max` bytes of which `flags` are PF_R
 * alone. */
bool static_marks_are_certain(const struct elf_image *image, size_t bytes_max, uint32_t flags);

/* Looks in all constants, and in code too: old linkers put them there. */
enum static_marks static_marks_find(const struct elf_image *image);

#endif
