/* SPDX-License-Identifier: Apache-2.0
 *
 * SARIF 2.1.0 for code scanning: each process is a run, each finding a result.
 */
#include <errno.h>
#include <stdlib.h>

#include "format/version.h"
#include "report/json/report_json.h"
#include "report_formats_internal.h"

int sarif_begin(struct report_output *output)
{
	fputs("{\"version\": \"2.1.0\", "
	      "\"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n\"runs\": [",
	      output->file);
	return 0;
}

int sarif_end(struct report_output *output)
{
	fputs("\n]}\n", output->file);
	return 0;
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
		const struct json_pair location = {"physicalLocation",
						   json_add(json_object(), physical, 2)};
		json_array_append_new(locations, json_add(json_object(), &location, 1));
	}
	return locations;
}

static json_t *result_json(const struct finding *finding)
{
	char *text = NULL;
	int length = asprintf(&text, "%s %s %s", finding->text.title, finding->text.evidence,
			      finding->text.advice);
	const struct json_pair pairs[] = {
	    {"ruleId", json_text(finding_id_name(finding->id))},
	    {"level", json_text(severity_name(finding->severity))},
	    {"message", message_json(length < 0 ? finding->text.title : text)},
	    {"locations", locations_json(finding)},
	};

	if (length >= 0)
		free(text);
	return json_add(json_object(), pairs, COUNT(pairs));
}

static json_t *tool_json(void)
{
	const struct json_pair driver[] = {{"name", json_text("uvtrace")},
					   {"version", json_text(UVTRACE_VERSION)}};
	const struct json_pair tool = {"driver", json_add(json_object(), driver, COUNT(driver))};

	return json_add(json_object(), &tool, 1);
}

int sarif_process(struct report_output *output, const struct report *report)
{
	json_t *results = json_array();

	for (size_t i = 0; results && i < report->findings->count; i++)
		json_array_append_new(results, result_json(&report->findings->list[i]));
	const struct json_pair pairs[] = {{"tool", tool_json()}, {"results", results}};
	json_t *run = json_add(json_object(), pairs, COUNT(pairs));
	fputs(output->printed > 0 ? ",\n" : "\n", output->file);
	int error = run && json_dumpf(run, output->file, JSON_INDENT(2)) == 0 ? 0 : -ENOMEM;
	json_decref(run);
	return error;
}
