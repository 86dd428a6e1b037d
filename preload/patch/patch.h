/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes calls of the executable's own functions come to wrappers, by their plans: compare with the
 * file, build, write. Each step is a function, so that who uses it can check more in between.
 *
 * Rules: until patch_write() not one byte of the program has changed. patch_write() writes all or
 * nothing. One task alone runs meanwhile.
 */
#ifndef PATCH_H
#define PATCH_H

#include "elf_image.h"
#include "entry_plan.h"
#include "island.h"
#include "own_text.h"

#define PATCH_FUNCTIONS_MAX 128

struct patch {
	const struct elf_image *image;
	struct entry_plan *plans; /* one for each function, as the arrays below */
	void *const *wrappers;	  /* NULL: nobody asks for that function */
	uintptr_t *trampolines;	  /* what calls the function itself; 0 where it is not patched */
	uintptr_t *hooks;
	size_t count;
	struct island island;
	struct own_file file; /* from patch_compare() until the jumps are written */
};

/* Refuses functions whose code is not the file's. False: the file cannot be compared. After it
 * patch_drop() or patch_write(). */
bool patch_compare(struct patch *patch);

/* Writes hooks and trampolines to the island, decodes and compares them. False: there is no island,
 * or what is on it is not right. */
bool patch_build(struct patch *patch);

/* Puts the jumps into the functions: those of a page at once, where patch_compare() has the file.
 * False: that failed, and all are as they were. */
bool patch_write(struct patch *patch);

/* Gives the island back; nothing leads to it. */
void patch_drop(struct patch *patch);

/* How many functions have a wrapper and a good plan. */
size_t patch_good_count(const struct patch *patch);

#endif
