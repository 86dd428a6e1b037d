/* SPDX-License-Identifier: Apache-2.0
 *
 * Formats for other programs: JUnit's XML and SARIF for CI systems, collapsed stacks for flame graphs.
 */
#include "report_formats.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "report/json/report_json.h"
#include "base/report_table.h"
#include "format/version.h"

/* ---- Text and markdown ---------------------------------------------------------------------------------------- */

static void nothing(FILE *out)
{
	(void)out;
}

static int text_add(const struct report *report, size_t number, FILE *out)
{
	if (number > 0)
		fprintf(out, "\n%s\n\n", "----------------------------------------------------------------------");
	return report_print(report, out);
}

static void markdown_begin(FILE *out)
{
	fputs("# Findings\n\n", out);
}

static int markdown_add(const struct report *report, size_t number, FILE *out)
{
	if (number > 0)
		fputc('\n', out);
	return report_findings_markdown(report, out);
}

/* ---- JUnit: what was looked for is a test, a finding above a note fails --------------------------------------- */

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

static void junit_begin(FILE *out)
{
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out);
}

static void junit_finding(const struct finding *finding, FILE *out)
{
	fputs("    <testcase classname=\"uvtrace\" name=\"", out);
	xml_text(out, finding_id_name(finding->id));
	fputs(": ", out);
	xml_text(out, finding->text.culprit);
	fprintf(out, "\">\n      <%s message=\"", finding->severity > SEVERITY_NOTE ? "failure" : "skipped");
	xml_text(out, finding->text.title);
	fputs("\">", out);
	xml_text(out, finding->text.evidence);
	fputc(' ', out);
	xml_text(out, finding->text.advice);
	fprintf(out, "</%s>\n    </testcase>\n", finding->severity > SEVERITY_NOTE ? "failure" : "skipped");
}

static int junit_add(const struct report *report, size_t number, FILE *out)
{
	const struct findings *findings = report->findings;
	size_t failures = 0;

	(void)number;
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

static void junit_end(FILE *out)
{
	fputs("</testsuites>\n", out);
}

/* ---- SARIF 2.1.0 ---------------------------------------------------------------------------------------------- */

static void sarif_begin(FILE *out)
{
	fputs("{\"version\": \"2.1.0\", \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n\"runs\": [",
	      out);
}

static void sarif_end(FILE *out)
{
	fputs("\n]}\n", out);
}

static json_t *message_json(const char *text)
{
	const struct json_pair pair = {"text", json_text(text ? text : "")};

	return json_add(json_object(), &pair, 1);
}

/* Results without a source line have no location. */
static json_t *locations_json(const struct finding *finding)
{
	json_t *locations = json_array();

	if (finding->line > 0 && *finding->file) {
		const struct json_pair line = {"startLine", json_integer(finding->line)};
		const struct json_pair uri = {"uri", json_text(finding->file)};
		const struct json_pair physical[] = {
		    {"artifactLocation", json_add(json_object(), &uri, 1)},
		    {"region", json_add(json_object(), &line, 1)},
		};
		const struct json_pair location = {"physicalLocation", json_add(json_object(), physical, 2)};
		json_array_append_new(locations, json_add(json_object(), &location, 1));
	}
	return locations;
}

static json_t *result_json(const struct finding *finding)
{
	char *text = NULL;
	const struct finding_text *texts = &finding->text;
	int length = asprintf(&text, "%s %s %s", texts->title, texts->evidence, texts->advice);
	const struct json_pair pairs[] = {
	    {"ruleId", json_text(finding_id_name(finding->id))},
	    {"level", json_text(severity_name(finding->severity))},
	    {"message", message_json(length < 0 ? texts->title : text)},
	    {"locations", locations_json(finding)},
	};

	if (length >= 0)
		free(text);
	return json_add(json_object(), pairs, COUNT(pairs));
}

static json_t *tool_json(void)
{
	const struct json_pair driver[] = {{"name", json_text("uvtrace")}, {"version", json_text(UVTRACE_VERSION)}};
	const struct json_pair tool = {"driver", json_add(json_object(), driver, COUNT(driver))};

	return json_add(json_object(), &tool, 1);
}

static int sarif_add(const struct report *report, size_t number, FILE *out)
{
	json_t *results = json_array();

	for (size_t i = 0; results && i < report->findings->count; i++)
		json_array_append_new(results, result_json(&report->findings->list[i]));
	const struct json_pair pairs[] = {{"tool", tool_json()}, {"results", results}};
	json_t *run = json_add(json_object(), pairs, COUNT(pairs));
	fputs(number > 0 ? ",\n" : "\n", out);
	int error = run && json_dumpf(run, out, JSON_INDENT(2)) == 0 ? 0 : -ENOMEM;
	json_decref(run);
	return error;
}

/* ---- Collapsed stacks: role;kind;who registered it;the callback, and its total in µs; then those of stalls ------ */

static void frame_print(FILE *out, const char *text, char end)
{
	char *clean = report_clean(text);

	for (char *at = clean; at && *at; at++) {
		if (*at == ';')
			*at = ':';
	}
	fprintf(out, "%s%c", clean ? clean : "?", end);
	free(clean);
}

static int collapsed_add(const struct report *report, size_t number, FILE *out)
{
	size_t count;
	struct report_row *rows = report_rows(report->timeline, &count);

	(void)number;
	for (size_t i = 0; rows && i < count; i++) {
		uint64_t us = timeline_ns(report->timeline, rows[i].durations->sum) / 1000;
		if (us == 0)
			continue;
		fprintf(out, "%s;", rows[i].in_pool ? "pool" : "callbacks");
		frame_print(out, report_kind(report->timeline, rows[i].site), ';');
		frame_print(out, symbols_site(report->symbols, rows[i].site, true)->text, ';');
		frame_print(out, symbols_site(report->symbols, rows[i].site, false)->text, ' ');
		fprintf(out, "%" PRIu64 "\n", us);
	}
	report_stalls_collapsed(report, out);
	free(rows);
	return rows ? 0 : -ENOMEM;
}

/* ---- The table ------------------------------------------------------------------------------------------------ */

const struct report_format *report_format_find(const char *name)
{
	static const struct report_format formats[] = {
	    {"text", nothing, text_add, nothing},	    {"markdown", markdown_begin, markdown_add, nothing},
	    {"junit", junit_begin, junit_add, junit_end},   {"sarif", sarif_begin, sarif_add, sarif_end},
	    {"collapsed", nothing, collapsed_add, nothing},
	};

	for (size_t i = 0; i < COUNT(formats); i++) {
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	}
	return NULL;
}
