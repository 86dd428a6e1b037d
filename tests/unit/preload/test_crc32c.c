/* SPDX-License-Identifier: Apache-2.0
 *
 * CRC32C against published values (RFC 3720, appendix B.4), and the processor's way against the
 * table's.
 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/crc32c.h"

Test(crc32c, known_values)
{
	uint8_t bytes[32];

	cr_assert_eq(crc32c(0, "123456789", 9), 0xe3069283u);
	memset(bytes, 0, sizeof(bytes));
	cr_assert_eq(crc32c(0, bytes, 32), 0x8a9136aau);
	memset(bytes, 0xff, sizeof(bytes));
	cr_assert_eq(crc32c(0, bytes, 32), 0x62a8ab43u);
	for (int i = 0; i < 32; i++)
		bytes[i] = (uint8_t)i;
	cr_assert_eq(crc32c(0, bytes, 32), 0x46dd794eu);
	cr_assert_eq(crc32c_portable(0, bytes, 32), 0x46dd794eu);
}

Test(crc32c, both_ways_agree_at_every_length_and_alignment)
{
	static uint8_t bytes[70000];

	srandom(1);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)random();
	for (size_t length = 0; length < 300; length++)
		for (size_t start = 0; start < 8; start++)
			cr_assert_eq(crc32c(7, bytes + start, length),
				     crc32c_portable(7, bytes + start, length));
	for (size_t length = 300; length < sizeof(bytes) - 8; length += 997)
		cr_assert_eq(crc32c(1, bytes + 3, length), crc32c_portable(1, bytes + 3, length),
			     "%zu", length);
}

Test(crc32c, goes_on_from_a_part)
{
	static uint8_t bytes[40000];
	uint32_t whole;

	srandom(2);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)random();
	whole = crc32c(0, bytes, sizeof(bytes));
	for (size_t cut = 0; cut < sizeof(bytes); cut += 1009)
		cr_assert_eq(crc32c(crc32c(0, bytes, cut), bytes + cut, sizeof(bytes) - cut),
			     whole);
}
