/* SPDX-License-Identifier: Apache-2.0
 *
 * See time_text.h. In whole numbers: no locale decides what a point is.
 */
#include "time_text.h"

#include <errno.h>
#include <string.h>

#define MOST_NS (100ull * 366 * 86400 * 1000000000)

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {{"ns", 1},		{"us", 1000},	       {"ms", 1000000},
	     {"s", 1000000000}, {"m", 60000000000ull}, {"h", 3600000000000ull}};

/* The unit, or 0. */
static uint64_t unit_ns(const char *text, size_t bytes)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == bytes && memcmp(units[i].name, text, bytes) == 0)
			return units[i].ns;
	return 0;
}

int time_text_parse(const char *text, size_t bytes, uint64_t *ns)
{
	uint64_t whole = 0, part = 0, scale = 1, unit;
	size_t length = strnlen(text, bytes), at = 0, digits;

	for (; at < length && text[at] >= '0' && text[at] <= '9'; at++)
		if (whole <= MOST_NS)
			whole = whole * 10 + (uint64_t)(text[at] - '0');
	digits = at;
	if (digits > 0 && at < length && text[at] == '.')
		for (digits = 0, at++; at < length && text[at] >= '0' && text[at] <= '9';
		     at++, digits++) {
			if (scale >= 1000000)
				continue;
			part = part * 10 + (uint64_t)(text[at] - '0');
			scale *= 10;
		}
	unit = unit_ns(text + at, length - at);
	if (digits == 0 || unit == 0)
		return -EINVAL;
	if (whole > MOST_NS / unit)
		return -ERANGE;
	*ns = whole * unit + part * unit / scale;
	return 0;
}
