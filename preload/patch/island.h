/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory for code within reach of an executable: directly below it, because the heap grows above.
 *
 * Rules: it is never writable and executable at once. Nothing that is there already is replaced.
 */
#ifndef ISLAND_H
#define ISLAND_H

#include "elf_image.h"

struct island {
	uint8_t *code; /* NULL: there is none */
	size_t bytes;
};

/* Writable memory of so many bytes, from which every address of the image's code is within reach.
 * False: there is no place. */
bool island_make(struct island *island, const struct elf_image *image, size_t bytes);

/* Makes it executable. False: the kernel refuses that. */
bool island_seal(const struct island *island);

void island_free(struct island *island);

#endif
