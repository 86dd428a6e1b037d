/* SPDX-License-Identifier: Apache-2.0
 *
 * The program's own code, through /proc/self: compared with its file, and written.
 *
 * Rules: only where /proc is the kernel's. Protections of memory never change. A write is read
 * back, and who asks takes it back where one fails.
 */
#ifndef OWN_TEXT_H
#define OWN_TEXT_H

#include "elf_image.h"

/* The executable's file, mapped from one address of the image's code to another. */
struct own_file {
	const uint8_t *bytes; /* NULL: it cannot be read, or is another one */
	uintptr_t start;      /* the address in the image that bytes[0] stands for */
	size_t byte_count;
	void *mapping;
	size_t mapping_bytes;
};

/* Both ends lie in one segment of code. False: the file is not there, or is not this image's. */
bool own_file_open(struct own_file *file, const struct elf_image *image, uintptr_t start,
		   uintptr_t end);
void own_file_close(struct own_file *file);

/* Whether memory and file have the same bytes there. */
bool own_file_matches(const struct own_file *file, uintptr_t address, size_t bytes);

/* What the file has there; the address lies in it. */
const uint8_t *own_file_at(const struct own_file *file, uintptr_t address);

/* Whether this task is the only one of its process. */
bool own_task_is_alone(void);

/* A descriptor for own_text_write(); -1: there is none. */
int own_text_open(void);

/* Replaces bytes of code. False: memory does not hold them now. */
bool own_text_write(int fd, uintptr_t address, const uint8_t *code, size_t bytes);

#endif
