/* SPDX-License-Identifier: Apache-2.0
 *
 * Durations: what is understood, what is refused, how they are printed.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>

#include "base/durations.h"

struct parsed {
	const char *text;
	uint64_t ns;
};

Test(durations, parses_numbers_with_units)
{
	static const struct parsed cases[] = {
	    {"0", 0},
	    {"0s", 0},
	    {"7ns", 7},
	    {"250us", 250000},
	    {"250µs", 250000},
	    {"1ms", 1000000},
	    {"1.5ms", 1500000},
	    {"0.25s", 250000000},
	    {"2.123456789s", 2123456789},
	    {"1.0000000019s", 1000000001},
	    {"3m", 180000000000},
	    {"18446744073709551615ns", UINT64_MAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t ns = 1;
		cr_assert_eq(duration_parse(cases[i].text, &ns), 0, "%s", cases[i].text);
		cr_assert_eq(ns, cases[i].ns, "%s is %" PRIu64, cases[i].text, ns);
	}
}

Test(durations, refuses_what_is_no_duration)
{
	static const char *const texts[] = {"",	     "ms",   "1",    "1.5",  "-1ms", "+1ms",
					    " 1ms",  "1 ms", "1ms ", "1.ms", ".5ms", "1e3s",
					    "1hour", "0x1s", "1,5s", "0.5",  "nan",  "1s1s"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		uint64_t ns;
		cr_assert_eq(duration_parse(texts[i], &ns), -EINVAL, "'%s'", texts[i]);
	}
}

Test(durations, refuses_what_does_not_fit)
{
	static const char *const texts[] = {"18446744073709551616ns", "18446744074s",
					    "99999999999999999999999s", "18446744073.999999999s",
					    "307445735m"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		uint64_t ns;
		cr_assert_eq(duration_parse(texts[i], &ns), -ERANGE, "'%s'", texts[i]);
	}
}

struct printed {
	uint64_t ns;
	const char *text;
};

Test(durations, prints_three_digits_in_the_unit_that_fits)
{
	static const struct printed cases[] = {
	    {0, "0 ns"},
	    {999, "999 ns"},
	    {1000, "1.00 µs"},
	    {9994, "9.99 µs"},
	    {9996, "10.0 µs"},
	    {99940, "99.9 µs"},
	    {99960, "100 µs"},
	    {999499, "999 µs"},
	    {999600, "1.00 ms"},
	    {250000000, "250 ms"},
	    {999600000, "1.00 s"},
	    {59900000000, "59.9 s"},
	    {59960000000, "1 min 0 s"},
	    {125000000000, "2 min 5 s"},
	    {3600000000000, "1 h 0 min"},
	    {UINT64_MAX, "5124095 h 34 min"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[DURATION_TEXT_BYTES];
		cr_assert_str_eq(duration_format(cases[i].ns, text), cases[i].text);
	}
}

Test(durations, prints_limits_without_zeros)
{
	char text[DURATION_TEXT_BYTES];

	cr_assert_str_eq(duration_format_limit(1000000, text), "1 ms");
	cr_assert_str_eq(duration_format_limit(2500000, text), "2.5 ms");
	cr_assert_str_eq(duration_format_limit(100000000, text), "100 ms");
	cr_assert_str_eq(duration_format_limit(0, text), "0 ns");
}

Test(durations, prints_offsets)
{
	char text[DURATION_TEXT_BYTES];

	cr_assert_str_eq(duration_format_offset(1234567890, text), "+1.234 s");
	cr_assert_str_eq(duration_format_offset(0, text), "+0.000 s");
	cr_assert_str_eq(duration_format_offset(-1500000000, text), "-1.500 s");
	cr_assert_str_eq(duration_format_offset(INT64_MIN, text), "-9223372036.854 s");
}
