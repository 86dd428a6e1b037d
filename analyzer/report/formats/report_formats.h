/* SPDX-License-Identifier: Apache-2.0
 *
 * What analyze_trace can print: a table of formats, each begun, given one process after the other, and ended.
 */
#ifndef REPORT_FORMATS_H
#define REPORT_FORMATS_H

#include "report/report.h"

struct report_format {
	const char *name;
	void (*begin)(FILE *out);
	int (*add)(const struct report *report, size_t number, FILE *out); /* number: from 0 on */
	void (*end)(FILE *out);
};

/* NULL: there is none of that name. "json" is not among these: it is one object (report_list). */
const struct report_format *report_format_find(const char *name);

#endif
