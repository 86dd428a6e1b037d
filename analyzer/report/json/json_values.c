/* SPDX-License-Identifier: Apache-2.0
 *
 * What JSON objects are made of: texts, numbers, times, and the parts that many objects have (a
 * site, a span of time, a spread of durations).
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/report_table.h"
#include "report_json.h"

json_t *json_text(const char *text)
{
	char *clean = report_clean(text);
	json_t *json = clean ? json_string(clean) : NULL;

	free(clean);
	return json;
}

json_t *json_number(uint64_t number)
{
	return json_integer((json_int_t)number);
}

json_t *json_number_if(bool known, uint64_t number)
{
	return known ? json_number(number) : json_null();
}

json_t *json_address(uint64_t address)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	return json_text(text);
}

json_t *json_ticks(const struct timeline *timeline, uint64_t ticks)
{
	return json_number(timeline_ns(timeline, ticks));
}

json_t *json_add(json_t *object, const struct json_pair *pairs, size_t count)
{
	bool whole = object != NULL;

	for (size_t i = 0; i < count; i++) {
		if (object)
			whole &= json_object_set_new(object, pairs[i].key, pairs[i].value) == 0;
		else
			json_decref(pairs[i].value);
	}
	if (whole)
		return object;
	json_decref(object);
	return NULL;
}

json_t *site_add(const struct report *report, json_t *object, uint32_t site, bool in_pool)
{
	const struct symbol_info *callback = symbols_site(report->symbols, site, false);
	const struct symbol_info *caller = symbols_site(report->symbols, site, true);
	const struct json_pair pairs[] = {
	    {"kind", json_text(report_kind(report->timeline, site))},
	    {"callback", json_text(callback->name)},
	    {"file", json_text(callback->file)},
	    {"line", json_integer(callback->line)},
	    {"module", json_text(callback->module)},
	    {"caller", json_text(caller->name)},
	    {"caller_file", json_text(caller->file)},
	    {"caller_line", json_integer(caller->line)},
	    {"in_pool", json_boolean(in_pool)},
	};

	return json_add(object, pairs, COUNT(pairs));
}

json_t *script_json(const struct symbol_info *script)
{
	if (!script)
		return json_null();
	const struct json_pair pairs[] = {
	    {"function", json_text(script->name)},
	    {"file", *script->file ? json_text(script->file) : json_null()},
	    {"line", script->line > 0 ? json_integer(script->line) : json_null()},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

json_t *span_json(const struct timeline *timeline, const struct timeline_span *span)
{
	const struct json_pair pairs[] = {
	    {"worker", json_number(report_worker_number(timeline, span->worker))},
	    {"start_ns", json_integer(timeline_offset_ns(timeline, span->tick))},
	    {"duration_ns", json_number(timeline_span_ns(timeline, span))},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

/* How often, and how long: null where it never was. */
json_t *spread_json(const struct timeline *timeline, const struct histogram *histogram)
{
	const struct json_pair pairs[] = {
	    {"count", json_number(histogram->count)},
	    {"total_ns", json_ticks(timeline, histogram->sum)},
	    {"p50_ns", json_ticks(timeline, histogram_quantile(histogram, 0.5))},
	    {"p99_ns", json_ticks(timeline, histogram_quantile(histogram, 0.99))},
	    {"max_ns", json_ticks(timeline, histogram->max)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}
