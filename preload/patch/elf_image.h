/* SPDX-License-Identifier: Apache-2.0
 *
 * An executable as it lies in memory: its segments and its exported symbols. The names are looked
 * up in its own DT_GNU_HASH, not by dlsym: the answer is surely this file's definition, with its
 * size. The file may also be mapped only to be read (elf_view.h).
 *
 * Rules: nothing is believed. Every table is checked against the readable segments before it is
 * read, and every name against the table of strings.
 */
#ifndef ELF_IMAGE_H
#define ELF_IMAGE_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_image {
	const ElfW(Phdr) * segments;
	size_t segment_count;
	uintptr_t bias; /* address in memory - address in the file */
	bool absolute;	/* ET_EXEC: its code holds addresses of the file as they are */
	const ElfW(Sym) * symbols;
	const char *strings;
	size_t string_bytes;
	const uint32_t *hash; /* DT_GNU_HASH; NULL: it exports nothing */
};

/* A function that is defined in the image; address 0: there is none. */
struct elf_function {
	uintptr_t address;
	size_t bytes;
};

/* Fills in all but `absolute`, which no program header tells. False: it has no dynamic section that
 * can be read. */
bool elf_image_read(struct elf_image *image, const ElfW(Phdr) * segments, size_t segment_count,
		    uintptr_t bias);

/* Whether that range lies in one segment with those flags (PF_R, PF_X), in the part that comes from
 * the file. */
bool elf_image_has(const struct elf_image *image, uintptr_t address, size_t bytes, uint32_t flags);

/* The exported function of that name, if it lies in code. */
struct elf_function elf_image_function(const struct elf_image *image, const char *name);

/* Calls `visit` for each exported function that begins in [start, end); stops where that returns
 * false, and returns it. */
bool elf_image_visit(const struct elf_image *image, uintptr_t start, uintptr_t end,
		     bool (*visit)(const char *name, struct elf_function function, void *arg),
		     void *arg);

#endif
