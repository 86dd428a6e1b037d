/* SPDX-License-Identifier: Apache-2.0
 *
 * See otlp_json.h.
 */
#include "otlp_json.h"

#define HEX_DIGITS 16

static void comma(struct otlp_json *json, bool *before)
{
	if (*before)
		json_out_bytes(&json->out, ",", 1);
	*before = true;
}

static void hex(struct otlp_json *json, uint64_t number)
{
	char digits[HEX_DIGITS];

	for (int i = HEX_DIGITS; i-- > 0; number >>= 4)
		digits[i] = "0123456789abcdef"[number & 15];
	json_out_bytes(&json->out, digits, HEX_DIGITS);
}

static void quoted_number(struct otlp_json *json, uint64_t number)
{
	json_out_bytes(&json->out, "\"", 1);
	json_out_number(&json->out, number);
	json_out_bytes(&json->out, "\"", 1);
}

/* ---- Values ---------------------------------------------------------------------------------- */

static void key_put(struct otlp_json *json, const char *key)
{
	comma(json, &json->attributes);
	json_out_text(&json->out, "{\"key\":");
	json_out_string(&json->out, key);
	json_out_text(&json->out, ",\"value\":");
}

static void text_value(struct otlp_json *json, const char *text)
{
	json_out_text(&json->out, "{\"stringValue\":");
	json_out_string(&json->out, text);
	json_out_bytes(&json->out, "}", 1);
}

static void number_value(struct otlp_json *json, uint64_t number)
{
	json_out_text(&json->out, "{\"intValue\":");
	quoted_number(json, number);
	json_out_bytes(&json->out, "}", 1);
}

void otlp_text(struct otlp_json *json, const char *key, const char *text)
{
	key_put(json, key);
	text_value(json, text);
	json_out_bytes(&json->out, "}", 1);
}

void otlp_number(struct otlp_json *json, const char *key, uint64_t number)
{
	key_put(json, key);
	number_value(json, number);
	json_out_bytes(&json->out, "}", 1);
}

void otlp_flag(struct otlp_json *json, const char *key, bool flag)
{
	key_put(json, key);
	json_out_text(&json->out, flag ? "{\"boolValue\":true}}" : "{\"boolValue\":false}}");
}

void otlp_array_begin(struct otlp_json *json, const char *key)
{
	key_put(json, key);
	json_out_text(&json->out, "{\"arrayValue\":{\"values\":[");
}

void otlp_array_text(struct otlp_json *json, bool first, const char *text)
{
	json_out_text(&json->out, first ? "" : ",");
	text_value(json, text);
}

void otlp_array_number(struct otlp_json *json, bool first, uint64_t number)
{
	json_out_text(&json->out, first ? "" : ",");
	number_value(json, number);
}

void otlp_array_end(struct otlp_json *json)
{
	json_out_text(&json->out, "]}}}");
}

/* ---- Spans ----------------------------------------------------------------------------------- */

static void ids_put(struct otlp_json *json, struct otlp_trace_id trace, uint64_t span)
{
	json_out_text(&json->out, "{\"traceId\":\"");
	hex(json, trace.high);
	hex(json, trace.low);
	json_out_text(&json->out, "\",\"spanId\":\"");
	hex(json, span);
	json_out_bytes(&json->out, "\"", 1);
}

void otlp_span_begin(struct otlp_json *json, const struct otlp_span *span)
{
	comma(json, &json->spans);
	ids_put(json, span->trace, span->id);
	if (span->parent) {
		json_out_text(&json->out, ",\"parentSpanId\":\"");
		hex(json, span->parent);
		json_out_bytes(&json->out, "\"", 1);
	}
	json_out_key_string(&json->out, "name", span->name);
	json_out_key_number(&json->out, "kind", span->kind);
	json_out_key(&json->out, "startTimeUnixNano");
	quoted_number(json, span->start_real_ns);
	json_out_key(&json->out, "endTimeUnixNano");
	quoted_number(json, span->end_real_ns);
	json_out_text(&json->out, ",\"attributes\":[");
	json->attributes = json->links = false;
}

void otlp_attributes_end(struct otlp_json *json)
{
	json_out_bytes(&json->out, "]", 1);
}

void otlp_link(struct otlp_json *json, struct otlp_trace_id trace, uint64_t span,
	       const char *reason)
{
	json_out_text(&json->out, json->links ? "," : ",\"links\":[");
	json->links = true;
	ids_put(json, trace, span);
	json_out_text(&json->out, ",\"attributes\":[");
	json->attributes = false;
	otlp_text(json, "uvtrace.link", reason);
	json_out_text(&json->out, "]}");
}

void otlp_span_end(struct otlp_json *json)
{
	json_out_text(&json->out, json->links ? "]}" : "}");
}

/* ---- The document ---------------------------------------------------------------------------- */

void otlp_json_begin(struct otlp_json *json, int fd)
{
	json->out.fd = fd;
	json_out_text(&json->out, "{\"resourceSpans\":[");
}

void otlp_resource_begin(struct otlp_json *json)
{
	comma(json, &json->resources);
	json_out_text(&json->out, "{\"resource\":{\"attributes\":[");
	json->attributes = json->spans = false;
}

void otlp_scope_begin(struct otlp_json *json, const char *name, const char *version)
{
	json_out_text(&json->out, "]},\"scopeSpans\":[{\"scope\":{\"name\":");
	json_out_string(&json->out, name);
	if (version[0])
		json_out_key_string(&json->out, "version", version);
	json_out_text(&json->out, "},\"spans\":[");
}

void otlp_resource_end(struct otlp_json *json)
{
	json_out_text(&json->out, "]}]}");
}

void otlp_json_end(struct otlp_json *json)
{
	json_out_text(&json->out, "]}\n");
	json_out_flush(&json->out);
}
