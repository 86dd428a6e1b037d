/* SPDX-License-Identifier: Apache-2.0
 *
 * See report_formats.h. The formats that are short are here; JUnit, SARIF and collapsed stacks have
 * files of their own.
 */
#include "report_formats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/text/report_overview.h"
#include "report_formats_internal.h"
#include "report_html.h"

#define TOP_DEFAULT	 10
#define TOP_DEFAULT_JSON 1000
#define WHOLE_REPORTS	 5  /* of many processes */
#define OVERVIEW_ROWS	 40 /* ... unless --top asks for more */

static int nothing(struct report_output *output)
{
	(void)output;
	return 0;
}

/* ---- Text: an overview where there are many processes, else their reports -------------------- */

static int text_begin(struct report_output *output)
{
	if (output->processes < OVERVIEW_FROM)
		return 0;
	output->overview = overview_make(output->all ? SIZE_MAX : WHOLE_REPORTS);
	return output->overview ? 0 : -ENOMEM;
}

static int text_process(struct report_output *output, const struct report *report)
{
	if (output->overview)
		return overview_add(output->overview, report);
	if (output->printed > 0)
		fprintf(output->file, "\n%s\n\n",
			"----------------------------------------------------------------------");
	return report_print(report, output->file);
}

static int text_end(struct report_output *output)
{
	size_t rows = output->top > OVERVIEW_ROWS ? output->top : OVERVIEW_ROWS;

	return output->overview ? overview_print(output->overview, rows, output->file) : 0;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static int json_begin(struct report_output *output)
{
	output->list = report_list_make(output->trace);
	return output->list ? 0 : -ENOMEM;
}

static int json_process(struct report_output *output, const struct report *report)
{
	return report_list_add(output->list, report);
}

static int json_end(struct report_output *output)
{
	return report_list_print(output->list, output->file);
}

/* ---- Markdown -------------------------------------------------------------------------------- */

static int markdown_begin(struct report_output *output)
{
	fputs("# Findings\n\n", output->file);
	return 0;
}

static int markdown_process(struct report_output *output, const struct report *report)
{
	if (output->printed > 0)
		fputc('\n', output->file);
	return report_findings_markdown(report, output->file);
}

/* ---- HTML: of the trace as it is ------------------------------------------------------------- */

static int html_begin(struct report_output *output)
{
	return report_html_write(output->trace, output->path, output->file, &output->problem);
}

/* ---- The table ------------------------------------------------------------------------------- */

/* A row a format. */
/* clang-format off */
static const struct report_format formats[] = {
    {"text", "the report for people", TOP_DEFAULT, false, text_begin, NULL, NULL, text_process,
     text_end},
    {"json", "one object with all figures; of several processes {\"processes\": [...]}",
     TOP_DEFAULT_JSON, true, json_begin, NULL, NULL, json_process, json_end},
    {"markdown", "the findings, to paste into an issue", TOP_DEFAULT, false, markdown_begin, NULL,
     NULL, markdown_process, nothing},
    {"junit", "the findings as test cases in JUnit XML, for CI systems", TOP_DEFAULT, false,
     junit_begin, NULL, NULL, junit_process, junit_end},
    {"sarif", "the findings as SARIF 2.1.0, for code scanning", TOP_DEFAULT, false, sarif_begin,
     NULL, NULL, sarif_process, sarif_end},
    {"collapsed", "total times as collapsed stacks, for flame graphs", TOP_DEFAULT, false, nothing,
     NULL, NULL, collapsed_process, nothing},
    {"pprof", "what callbacks took, or their profile (UVTRACE_SAMPLE_HZ), for pprof", TOP_DEFAULT,
     false, nothing, pprof_open, pprof_over, pprof_process, pprof_end},
    {"otlp", "transactions as OpenTelemetry traces (OTLP/JSON)", TOP_DEFAULT, false, otlp_begin,
     otlp_open, otlp_over, otlp_process, otlp_end},
    {"perfetto", "the whole trace for ui.perfetto.dev and trace_processor", TOP_DEFAULT, false,
     nothing, perfetto_open, perfetto_over, perfetto_process, nothing},
    {"stacks", "what each thread was in at its newest stall sample, with its stack", TOP_DEFAULT,
     false, nothing, NULL, NULL, stacks_process, nothing},
    {"stacks-json", "the same as JSON, an object a process", TOP_DEFAULT, false, nothing, NULL,
     NULL, stacks_json_process, nothing},
    {"html", "the viewer page with the trace inside, for a browser", TOP_DEFAULT, true, html_begin,
     NULL, NULL, NULL, nothing},
};
/* clang-format on */

const struct report_format *report_format_at(size_t position)
{
	return position < COUNT(formats) ? &formats[position] : NULL;
}

const struct report_format *report_format_find(const char *name)
{
	for (size_t i = 0; i < COUNT(formats); i++) {
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	}
	return NULL;
}

const char *report_format_names(char text[REPORT_FORMAT_NAMES_BYTES])
{
	size_t length = 0;

	for (size_t i = 0; i < COUNT(formats); i++) {
		const char *before = i == 0 ? "" : i + 1 < COUNT(formats) ? ", " : " or ";
		length += (size_t)snprintf(text + length, REPORT_FORMAT_NAMES_BYTES - length,
					   "%s%s", before, formats[i].name);
	}
	return text;
}

int report_format_process(const struct report_format *format, struct report_output *output,
			  const struct report *report)
{
	int error = format->process(output, report);

	output->printed++;
	return error;
}

void report_output_free(struct report_output *output)
{
	free(output->own);
	report_list_free(output->list);
	overview_free(output->overview);
}
