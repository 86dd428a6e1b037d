/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of the formats that have a file of their own.
 */
#ifndef REPORT_FORMATS_INTERNAL_H
#define REPORT_FORMATS_INTERNAL_H

#include "report_formats.h"

typedef int format_step(struct report_output *output);
typedef int format_process(struct report_output *output, const struct report *report);
typedef int format_open(struct report_output *output, const struct report_source *source);
typedef void format_over(void *output, const struct transaction *transaction);

format_step junit_begin, junit_end;
format_process junit_process;

format_step sarif_begin, sarif_end;
format_process sarif_process;

format_process collapsed_process;

format_open pprof_open;
format_over pprof_over;
format_process pprof_process;
format_step pprof_end;

format_process stacks_process, stacks_json_process;

format_step otlp_begin, otlp_end;
format_open otlp_open;
format_over otlp_over;
format_process otlp_process;

format_open perfetto_open;
format_over perfetto_over;
format_process perfetto_process;

#endif
