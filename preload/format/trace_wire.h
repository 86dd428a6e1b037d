/* SPDX-License-Identifier: Apache-2.0
 *
 * How numbers are stored in a trace: little-endian, at any address. put_x and get_x are in one file
 * so that writer and reader cannot drift apart. See docs/trace-format.md.
 *
 * Rules: no function here checks bounds; the caller has made sure that the bytes are there. A
 * variable-length number may be stored with put_u64 and the pointer advanced by its length only. Or
 * it is loaded with get_u64 and masked by wire_mask. Both need eight readable bytes, whatever the
 * length.
 */
#ifndef TRACE_WIRE_H
#define TRACE_WIRE_H

#include <stdint.h>
#include <string.h>

#include "trace_format.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "a big-endian host needs byte swaps in this file");

/* Lengths of an item's fields by the class in its control byte (trace_format.h). */
#define WIRE_GAP_BYTES	    0x6210u /* bits 2-3: 0, 1, 2, 6 */
#define WIRE_DURATION_BYTES 0x6321u /* bits 4-5: 1, 2, 3, 6; also of a DEFINE's object */

static inline uint32_t wire_gap_bytes(uint32_t class)
{
	return WIRE_GAP_BYTES >> 4 * class & 15;
}

static inline uint32_t wire_duration_bytes(uint32_t class)
{
	return WIRE_DURATION_BYTES >> 4 * class & 15;
}

static inline void put_u16(void *to, uint16_t value)
{
	memcpy(to, &value, sizeof(value));
}

static inline uint16_t get_u16(const void *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline void put_u32(void *to, uint32_t value)
{
	memcpy(to, &value, sizeof(value));
}

static inline uint32_t get_u32(const void *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

static inline void put_u64(void *to, uint64_t value)
{
	memcpy(to, &value, sizeof(value));
}

static inline uint64_t get_u64(const void *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

/* The low `bytes` bytes, 0 to 8. */
static inline uint64_t wire_mask(uint32_t bytes)
{
	return bytes == 0 ? 0 : UINT64_MAX >> (64 - 8 * bytes);
}

/* Exactly `bytes` bytes, 0 to 8, where there may be no more. */
static inline void put_bytes(void *to, uint64_t value, uint32_t bytes)
{
	memcpy(to, &value, bytes);
}

static inline uint64_t get_bytes(const void *from, uint32_t bytes)
{
	uint64_t value = 0;

	memcpy(&value, from, bytes);
	return value;
}

/* The difference of two objects, modulo 2^48, as a signed 48-bit number: small differences of
 * either sign become small numbers. */
static inline uint64_t put_zigzag48(uint64_t difference)
{
	uint64_t sign = -(difference >> 47 & 1);

	return (difference << 1 ^ sign) & TRACE_OBJECT_MASK;
}

static inline uint64_t get_zigzag48(uint64_t zigzag)
{
	return (zigzag >> 1 ^ -(zigzag & 1)) & TRACE_OBJECT_MASK;
}

#endif
