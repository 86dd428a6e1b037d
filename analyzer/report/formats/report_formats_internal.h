/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of the formats that have a file of their own.
 */
#ifndef REPORT_FORMATS_INTERNAL_H
#define REPORT_FORMATS_INTERNAL_H

#include "report_formats.h"

typedef int format_step(struct report_output *output);
typedef int format_process(struct report_output *output, const struct report *report);

format_step junit_begin, junit_end;
format_process junit_process;

format_step sarif_begin, sarif_end;
format_process sarif_process;

format_process collapsed_process;

format_process pprof_process;
format_step pprof_end;

format_process stacks_process, stacks_json_process;

#endif
