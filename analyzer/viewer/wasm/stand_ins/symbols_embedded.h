/* SPDX-License-Identifier: Apache-2.0
 *
 * Names that came with the trace, from a machine that had the program's files: lines of parts
 * separated by tabs, written by report/formats/report_html.c. "site", pid, site, 0 or 1 (the
 * caller), name, file, line, 0, 1 (named) or 2 (searched in
 * vain), module, text; "frame", pid, number of the stall
 * sample (those of the profile count on from there), 0 or 1 (scanned), the same of the function,
 * its stack pointer, 0, 1 (outermost) or 2 (cut); "variable", pid, address, 0, name; "place", pid,
 * line of a script, 0 or 1 (about), the script, and the function with the file and line that the
 * source map gives.
 */
#ifndef VIEWER_SYMBOLS_GIVEN_H
#define VIEWER_SYMBOLS_GIVEN_H

/* Before symbols_open(); takes `lines` over, for good. */
void symbols_give(char *lines);

#endif
