/* SPDX-License-Identifier: Apache-2.0
 *
 * See boot_id.h.
 */
#include "boot_id.h"

#include <string.h>

#include "proc_file.h"

/* 16 for what is no digit. */
static uint8_t digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return (uint8_t)(digit - '0');
	return digit >= 'a' && digit <= 'f' ? (uint8_t)(digit - 'a' + 10) : 16;
}

bool boot_id_read(uint8_t id[16])
{
	char text[64];
	uint32_t digits = 0;

	proc_file_read("/proc/sys/kernel/random/boot_id", text, sizeof(text));
	memset(id, 0, 16);
	for (const char *at = text; *at && digits < 32; at++) {
		uint8_t value = digit_value(*at);

		if (value < 16) {
			id[digits / 2] = (uint8_t)(id[digits / 2] << 4 | value);
			digits++;
		}
	}
	if (digits < 32)
		memset(id, 0, 16);
	return digits == 32;
}
