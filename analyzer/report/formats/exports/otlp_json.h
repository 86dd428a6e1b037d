/* SPDX-License-Identifier: Apache-2.0
 *
 * OTLP/JSON, the JSON form of OpenTelemetry's ExportTraceServiceRequest: spans and their
 * attributes, written one after the other.
 *
 * Rules: ids are hex, 64-bit integers are strings, enumerations are numbers, as the OTLP
 * specification has it. The document is one line, so that it can also be appended to a file of
 * such lines.
 */
#ifndef OTLP_JSON_H
#define OTLP_JSON_H

#include <stdbool.h>

#include "base/json_out.h"

/* OpenTelemetry's numbers. */
enum otlp_kind { OTLP_INTERNAL = 1, OTLP_SERVER = 2 };

struct otlp_trace_id {
	uint64_t high, low;
};

struct otlp_span {
	struct otlp_trace_id trace;
	uint64_t id, parent; /* parent 0: none */
	const char *name;
	enum otlp_kind kind;
	uint64_t start_real_ns, end_real_ns;
};

/* Attributes come between otlp_span_begin() and otlp_attributes_end(), links between that and
 * otlp_span_end(). */
struct otlp_json {
	struct json_out out;
	bool resources, spans, attributes, links; /* there is one before the next */
};

void otlp_json_begin(struct otlp_json *json, int fd);
/* Attributes of the resource come next, then otlp_scope_begin(). */
void otlp_resource_begin(struct otlp_json *json);
void otlp_scope_begin(struct otlp_json *json, const char *name, const char *version);
void otlp_resource_end(struct otlp_json *json);
void otlp_json_end(struct otlp_json *json);

void otlp_span_begin(struct otlp_json *json, const struct otlp_span *span);
void otlp_attributes_end(struct otlp_json *json);
void otlp_link(struct otlp_json *json, struct otlp_trace_id trace, uint64_t span,
	       const char *reason);
void otlp_span_end(struct otlp_json *json);

void otlp_text(struct otlp_json *json, const char *key, const char *text);
void otlp_number(struct otlp_json *json, const char *key, uint64_t number);
void otlp_flag(struct otlp_json *json, const char *key, bool flag);
/* An array of values; otlp_array_text() and otlp_array_number() add to it. */
void otlp_array_begin(struct otlp_json *json, const char *key);
void otlp_array_text(struct otlp_json *json, bool first, const char *text);
void otlp_array_number(struct otlp_json *json, bool first, uint64_t number);
void otlp_array_end(struct otlp_json *json);

#endif
