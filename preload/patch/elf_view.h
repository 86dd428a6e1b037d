/* SPDX-License-Identifier: Apache-2.0
 *
 * An executable's file, mapped to be read as the loader would map it, at any address.
 *
 * Rules: nothing of it is executed. Bad files are refused with a negative errno.
 */
#ifndef ELF_VIEW_H
#define ELF_VIEW_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_VIEW_SEGMENTS_MAX 64

struct elf_view {
	ElfW(Phdr) segments[ELF_VIEW_SEGMENTS_MAX];
	size_t segment_count;
	uintptr_t bias;
	bool is_absolute; /* ET_EXEC */
	void *mapping;
	size_t mapping_bytes;
};

/* Returns 0 or -errno: -ENOEXEC for what is no executable of this kind of machine. */
int elf_view_open(struct elf_view *view, const char *path);
void elf_view_close(struct elf_view *view);

#endif
