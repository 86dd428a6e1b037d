/* SPDX-License-Identifier: Apache-2.0
 *
 * Where functions of a file begin, by the table that unwinders use (.eh_frame_hdr), which stripped
 * files have too; and the file's bytes. Addresses are the file's own.
 */
#ifndef FUNCTION_STARTS_H
#define FUNCTION_STARTS_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that are loaded at an address; false where it has none there. */
bool elf_bytes_read(Elf *elf, uint64_t address, void *to, size_t bytes);

/* Where the function begins that an address is in; 0: not known. */
uint64_t elf_function_start(Elf *elf, uint64_t address);

#endif
