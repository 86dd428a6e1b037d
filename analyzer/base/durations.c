/* SPDX-License-Identifier: Apache-2.0
 *
 * Parsing and printing of durations. Neither looks at the locale: a decimal point is a point.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "durations.h"

struct unit {
	const char *name;
	uint64_t ns;
};

static const struct unit parsed_units[] = {
    {"ns", 1},	     {"us", 1000},	{"µs", 1000},	    {"μs", 1000},
    {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000},
};

static uint64_t unit_find(const char *name)
{
	for (size_t i = 0; i < sizeof(parsed_units) / sizeof(*parsed_units); i++) {
		if (strcmp(name, parsed_units[i].name) == 0)
			return parsed_units[i].ns;
	}
	return 0;
}

/* Digits after the point, as parts of `unit`; what lies below a nanosecond is cut off. */
static uint64_t fraction_parse(const char **at, uint64_t unit)
{
	uint64_t ns = 0;

	while (isdigit((unsigned char)**at)) {
		unit /= 10;
		ns += (uint64_t)(*(*at)++ - '0') * unit;
	}
	return ns;
}

static int whole_parse(const char **at, uint64_t *number)
{
	*number = 0;
	while (isdigit((unsigned char)**at)) {
		if (__builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, (uint64_t)(*(*at)++ - '0'), number))
			return -ERANGE;
	}
	return 0;
}

int duration_parse(const char *text, uint64_t *ns)
{
	const char *at = text;
	uint64_t whole;

	if (!isdigit((unsigned char)*at))
		return -EINVAL;
	int error = whole_parse(&at, &whole);
	if (error < 0)
		return error;
	const char *fraction = *at == '.' ? at + 1 : at;
	const char *name = fraction + strspn(fraction, "0123456789");
	if (*at == '.' && name == fraction)
		return -EINVAL;
	uint64_t unit = unit_find(name);
	if (unit == 0 && !(whole == 0 && *at == '\0'))
		return -EINVAL;
	if (__builtin_mul_overflow(whole, unit, &whole))
		return -ERANGE;
	if (*at != '.')
		fraction = "";
	return __builtin_add_overflow(whole, fraction_parse(&fraction, unit), ns) ? -ERANGE : 0;
}

static const struct unit printed_units[] = {
    {"ns", 1}, {"µs", 1000}, {"ms", 1000000}, {"s", 1000000000}};

/* Decimals that make three significant digits, after rounding to them. */
static int decimals_of(double value)
{
	if (value < 9.995)
		return 2;
	return value < 99.95 ? 1 : 0;
}

const char *duration_format(uint64_t ns, char text[DURATION_TEXT_BYTES])
{
	if (ns < 1000) {
		snprintf(text, DURATION_TEXT_BYTES, "%" PRIu64 " ns", ns);
		return text;
	}
	for (size_t i = 1; i < 4; i++) {
		double value = (double)ns / (double)printed_units[i].ns;
		if (value < (i < 3 ? 999.5 : 59.95)) {
			snprintf(text, DURATION_TEXT_BYTES, "%.*f %s", decimals_of(value), value,
				 printed_units[i].name);
			return text;
		}
	}
	uint64_t seconds = ns / 1000000000 + (ns % 1000000000 >= 500000000);
	if (seconds < 3600)
		snprintf(text, DURATION_TEXT_BYTES, "%" PRIu64 " min %" PRIu64 " s", seconds / 60,
			 seconds % 60);
	else
		snprintf(text, DURATION_TEXT_BYTES, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600,
			 seconds % 3600 / 60);
	return text;
}

const char *duration_format_limit(uint64_t ns, char text[DURATION_TEXT_BYTES])
{
	char *point, *end;

	duration_format(ns, text);
	point = strchr(text, '.');
	if (!point)
		return text;
	end = point + 1 + strspn(point + 1, "0123456789");
	char *kept = end;
	while (kept[-1] == '0')
		kept--;
	if (kept[-1] == '.')
		kept--;
	memmove(kept, end, strlen(end) + 1);
	return text;
}

const char *duration_format_offset(int64_t ns, char text[DURATION_TEXT_BYTES])
{
	uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	snprintf(text, DURATION_TEXT_BYTES, "%c%" PRIu64 ".%03" PRIu64 " s", ns < 0 ? '-' : '+',
		 size / 1000000000, size / 1000000 % 1000);
	return text;
}
