/* SPDX-License-Identifier: Apache-2.0
 *
 * analyze_trace --html: the viewer's page with a trace inside, and the names and source lines that only this machine
 * can know.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "trace/reader.h"

/* 0 or -errno; *problem then says what could not be read or written. */
int report_html_write(const struct trace *trace, const char *path, const char **problem);

#endif
