/* SPDX-License-Identifier: Apache-2.0
 *
 * CRC32C by the processor's own instruction if it has one (SSE4.2, ARMv8 CRC), otherwise by table,
 * eight bytes per step.
 *
 * Rules: the tables are made at compile time, so any thread may call it at any time.
 * A checksum is linear in its input. A table entry is the exclusive or of the entries of its
 * index's bits, so eight numbers describe a table of 256.
 */
#include "crc32c.h"

#include "trace_wire.h"

#define BIT(n, bit, value) ((n) >> (bit)&1 ? (value) : 0)
#define BITS8(n, a, b, c, d, e, f, g, h)                                                           \
	(BIT(n, 0, a) ^ BIT(n, 1, b) ^ BIT(n, 2, c) ^ BIT(n, 3, d) ^ BIT(n, 4, e) ^ BIT(n, 5, f) ^ \
	 BIT(n, 6, g) ^ BIT(n, 7, h))

/* BASISk: the checksum of one bit of a byte, k bytes of zero following. */
/* clang-format off */
#define BASIS0(n) \
	BITS8(n, 0xf26b8303u, 0xe13b70f7u, 0xc79a971fu, 0x8ad958cfu, \
	      0x105ec76fu, 0x20bd8edeu, 0x417b1dbcu, 0x82f63b78u)
#define BASIS1(n) \
	BITS8(n, 0x13a29877u, 0x274530eeu, 0x4e8a61dcu, 0x9d14c3b8u, \
	      0x3fc5f181u, 0x7f8be302u, 0xff17c604u, 0xfbc3faf9u)
#define BASIS2(n) \
	BITS8(n, 0xa541927eu, 0x4f6f520du, 0x9edea41au, 0x38513ec5u, \
	      0x70a27d8au, 0xe144fb14u, 0xc76580d9u, 0x8b277743u)
#define BASIS3(n) \
	BITS8(n, 0xdd45aab8u, 0xbf672381u, 0x7b2231f3u, 0xf64463e6u, \
	      0xe964b13du, 0xd725148bu, 0xaba65fe7u, 0x52a0c93fu)
#define BASIS4(n) \
	BITS8(n, 0x38116facu, 0x7022df58u, 0xe045beb0u, 0xc5670b91u, \
	      0x8f2261d3u, 0x1ba8b557u, 0x37516aaeu, 0x6ea2d55cu)
#define BASIS5(n) \
	BITS8(n, 0xef306b19u, 0xdb8ca0c3u, 0xb2f53777u, 0x6006181fu, \
	      0xc00c303eu, 0x85f4168du, 0x0e045bebu, 0x1c08b7d6u)
#define BASIS6(n) \
	BITS8(n, 0x68032cc8u, 0xd0065990u, 0xa5e0c5d1u, 0x4e2dfd53u, \
	      0x9c5bfaa6u, 0x3d5b83bdu, 0x7ab7077au, 0xf56e0ef4u)
#define BASIS7(n) \
	BITS8(n, 0x493c7d27u, 0x9278fa4eu, 0x211d826du, 0x423b04dau, \
	      0x847609b4u, 0x0d006599u, 0x1a00cb32u, 0x34019664u)
/* clang-format on */

#define ROW4(table, n) table(n), table((n) + 1), table((n) + 2), table((n) + 3)
#define ROW16(table, n)                                                                            \
	ROW4(table, n), ROW4(table, (n) + 4), ROW4(table, (n) + 8), ROW4(table, (n) + 12)
#define ROW64(table, n)                                                                            \
	ROW16(table, n), ROW16(table, (n) + 16), ROW16(table, (n) + 32), ROW16(table, (n) + 48)
#define TABLE(table)                                                                               \
	{                                                                                          \
		ROW64(table, 0), ROW64(table, 64), ROW64(table, 128), ROW64(table, 192)            \
	}

static const uint32_t tables[8][256] = {
    TABLE(BASIS0), TABLE(BASIS1), TABLE(BASIS2), TABLE(BASIS3),
    TABLE(BASIS4), TABLE(BASIS5), TABLE(BASIS6), TABLE(BASIS7),
};

static uint32_t table_byte(uint32_t crc, uint8_t byte)
{
	return crc >> 8 ^ tables[0][(crc ^ byte) & 255];
}

static uint32_t table_word(uint32_t crc, uint64_t word)
{
	uint64_t sum = word ^ crc;
	uint32_t next = 0;

	for (int i = 0; i < 8; i++)
		next ^= tables[7 - i][sum >> 8 * i & 255];
	return next;
}

uint32_t crc32c_portable(uint32_t crc, const void *data, size_t bytes)
{
	const uint8_t *at = data;

	crc = ~crc;
	for (; bytes >= 8; bytes -= 8, at += 8)
		crc = table_word(crc, get_u64(at));
	while (bytes-- > 0)
		crc = table_byte(crc, *at++);
	return ~crc;
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <nmmintrin.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Asked once: the instruction leaves a virtual machine. Not by the compiler's own way: that asks
 * before main(), in each program that the library is loaded into. */
static bool has_sse42(void)
{
	static _Atomic uint32_t known; /* 0: not asked yet, 1: no, 2: yes */
	uint32_t answer = atomic_load_explicit(&known, memory_order_relaxed);
	uint32_t a, b, c, d;

	if (!answer) {
		answer = __get_cpuid(1, &a, &b, &c, &d) && c & bit_SSE4_2 ? 2 : 1;
		atomic_store_explicit(&known, answer, memory_order_relaxed);
	}
	return answer == 2;
}

#define HARDWARE		  __attribute__((target("sse4.2")))
#define HARDWARE_THERE		  has_sse42()
#define HARDWARE_BYTE(crc, value) _mm_crc32_u8(crc, value)
#define HARDWARE_WORD(crc, value) ((uint32_t)_mm_crc32_u64(crc, value))
#elif defined(__aarch64__)
#include <sys/auxv.h>
#define HARDWARE		  __attribute__((target("+crc")))
#define HARDWARE_THERE		  (getauxval(AT_HWCAP) & 1 << 7) /* HWCAP_CRC32 */
#define HARDWARE_BYTE(crc, value) __builtin_aarch64_crc32cb(crc, value)
#define HARDWARE_WORD(crc, value) __builtin_aarch64_crc32cx(crc, value)
#endif

#ifdef HARDWARE
HARDWARE static uint32_t crc32c_hardware(uint32_t crc, const void *data, size_t bytes)
{
	const uint8_t *at = data;

	crc = ~crc;
	for (; bytes >= 8; bytes -= 8, at += 8)
		crc = HARDWARE_WORD(crc, get_u64(at));
	while (bytes-- > 0)
		crc = HARDWARE_BYTE(crc, *at++);
	return ~crc;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t bytes)
{
	if (HARDWARE_THERE)
		return crc32c_hardware(crc, data, bytes);
	return crc32c_portable(crc, data, bytes);
}
#else
uint32_t crc32c(uint32_t crc, const void *data, size_t bytes)
{
	return crc32c_portable(crc, data, bytes);
}
#endif
