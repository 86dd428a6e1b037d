/* SPDX-License-Identifier: Apache-2.0
 *
 * CRC32C (Castagnoli), the checksum of file headers and blocks. Used by the writing side and by the
 * reader.
 */
#ifndef CRC32C_H
#define CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc`, which is 0 at the start: crc32c(crc32c(0, a), b) == crc32c(0, ab). */
uint32_t crc32c(uint32_t crc, const void *data, size_t bytes);

/* The same by table, whatever the processor can do: what the fast one is tested against. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t bytes);

#endif
