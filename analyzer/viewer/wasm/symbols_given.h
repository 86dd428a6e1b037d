/* SPDX-License-Identifier: Apache-2.0
 *
 * Names that came with the trace, from a machine that had the program's files: lines of pid, site, 0 or 1 (the
 * caller), name, file, line, 0 or 1 (named), module, text, separated by tabs. analyzer/report_html.c writes them.
 */
#ifndef VIEWER_SYMBOLS_GIVEN_H
#define VIEWER_SYMBOLS_GIVEN_H

/* Before symbols_open(); takes `lines` over, for good. */
void symbols_give(char *lines);

#endif
