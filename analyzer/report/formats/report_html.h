/* SPDX-License-Identifier: Apache-2.0
 *
 * analyze_trace --html: the viewer's page with a trace inside, and the names and source lines that
 * only this machine can know.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <stdio.h>

#include "trace/reader.h"

/* Writes the file `path`, or to `out` where it is NULL. 0 or -errno; *problem then says what could
 * not be read or written. */
int report_html_write(const struct trace *trace, const char *path, FILE *out, const char **problem);

#endif
