/* SPDX-License-Identifier: Apache-2.0
 *
 * JUnit XML for CI systems: each finding is a test case, and one above a note is a failure.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/report_table.h"
#include "report_formats_internal.h"

static void xml_text(FILE *out, const char *text)
{
	char *clean = report_clean(text ? text : "");

	for (const char *at = clean ? clean : ""; *at; at++) {
		if (*at == '<')
			fputs("&lt;", out);
		else if (*at == '>')
			fputs("&gt;", out);
		else if (*at == '&')
			fputs("&amp;", out);
		else if (*at == '"')
			fputs("&quot;", out);
		else
			fputc(*at, out);
	}
	free(clean);
}

int junit_begin(struct report_output *output)
{
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", output->file);
	return 0;
}

static void junit_finding(const struct finding *finding, FILE *out)
{
	fputs("    <testcase classname=\"uvtrace\" name=\"", out);
	xml_text(out, finding_id_name(finding->id));
	fputs(": ", out);
	xml_text(out, finding->text.culprit);
	fprintf(out, "\">\n      <%s message=\"",
		finding->severity > SEVERITY_NOTE ? "failure" : "skipped");
	xml_text(out, finding->text.title);
	fputs("\">", out);
	xml_text(out, finding->text.evidence);
	fputc(' ', out);
	xml_text(out, finding->text.advice);
	fprintf(out, "</%s>\n    </testcase>\n",
		finding->severity > SEVERITY_NOTE ? "failure" : "skipped");
}

int junit_process(struct report_output *output, const struct report *report)
{
	const struct findings *findings = report->findings;
	FILE *out = output->file;
	size_t failures = 0;

	for (size_t i = 0; i < findings->count; i++)
		failures += findings->list[i].severity > SEVERITY_NOTE;
	fputs("  <testsuite name=\"", out);
	xml_text(out, report->timeline->process->exe);
	fprintf(out, ", process %" PRIu32 "\" tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\">\n",
		report->timeline->process->pid, findings->count ? findings->count : 1, failures,
		findings->count - failures);
	for (size_t i = 0; i < findings->count; i++)
		junit_finding(&findings->list[i], out);
	if (findings->count == 0)
		fputs("    <testcase classname=\"uvtrace\" name=\"no problem found\"/>\n", out);
	fputs("  </testsuite>\n", out);
	return 0;
}

int junit_end(struct report_output *output)
{
	fputs("</testsuites>\n", output->file);
	return 0;
}
