/* SPDX-License-Identifier: Apache-2.0
 *
 * What was found of a libuv in an executable: its functions and its code.
 */
#ifndef STATIC_PARTS_H
#define STATIC_PARTS_H

#include <stdbool.h>

#include "libuv_functions.h"
#include "libuv_text.h"
#include "patch/elf_image.h"

struct static_parts {
	struct elf_image image;
	bool is_exported;  /* the dynamic linker leads every module's calls here; else only the
			      executable's own */
	bool exports_some; /* of the names, without uv_run: an imitation may */
	struct elf_function functions[REAL_COUNT]; /* address 0: it has none of that name */
	struct elf_function loop_init;		   /* uv_loop_init */
	struct text_range text;			   /* from libuv's first function to its last */
};

#endif
