/* SPDX-License-Identifier: Apache-2.0
 *
 * Durations as people write and read them: "1ms", "2.5s" on the command line, "250 ms", "12.3 µs"
 * in reports.
 */
#ifndef DURATIONS_H
#define DURATIONS_H

#include <stdint.h>

#define DURATION_TEXT_BYTES 32

/* A number, whole or decimal, and a unit: ns, us, µs, ms, s, m (minutes); 0 needs no unit.
 * 0, -EINVAL where it is something else, -ERANGE where it does not fit 64 bits. */
int duration_parse(const char *text, uint64_t *ns);

/* Three significant digits in the unit that fits, whole numbers below 1 µs, minutes and hours in
 * two parts. Returns text. */
const char *duration_format(uint64_t ns, char text[DURATION_TEXT_BYTES]);

/* The same without zeros at the end: "1 ms". Returns text. */
const char *duration_format_limit(uint64_t ns, char text[DURATION_TEXT_BYTES]);

/* A point in time after the start: "+1.234 s". Returns text. */
const char *duration_format_offset(int64_t ns, char text[DURATION_TEXT_BYTES]);

#endif
