/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings, what was looked for, what tracing cost, and the comparison with an older trace.
 * docs/findings.md says how each figure is reckoned. Where findings were not looked for, what rests
 * on them is null.
 */
#include "findings/advice.h"
#include "report/findings_text.h"
#include "report_json.h"

static json_t *fact_json(const struct report *report, const struct fact *fact)
{
	switch (fact_unit(fact->name)) {
	case FACT_UNIT_SHARE:
	case FACT_UNIT_NUMBER:
		return json_real(fact->number);
	case FACT_UNIT_SITE:
		return json_text(symbols_site(report->symbols, (uint32_t)fact->whole, false)->text);
	case FACT_UNIT_FLAG:
		return json_boolean(true);
	case FACT_UNIT_TEXT:
		return json_text(fact->text);
	case FACT_UNIT_STALL:
		return stall_what_json(fact->stall);
	case FACT_UNIT_ADVICE:
		return json_text(advice_id((enum advice)fact->whole));
	case FACT_UNIT_REASON:
		return json_text(work_reason_name((enum work_reason)fact->whole));
	default:
		return json_number(fact->whole);
	}
}

static json_t *facts_json(const struct report *report, const struct finding *finding)
{
	json_t *facts = json_object();

	for (size_t i = 0; facts && i < finding->fact_count; i++) {
		const struct fact *fact = &finding->facts[i];
		const struct json_pair pair = {fact_name(fact->name), fact_json(report, fact)};

		facts = json_add(facts, &pair, 1);
	}
	return facts;
}

static json_t *finding_json(const struct report *report, const struct finding *finding)
{
	const struct finding_text *text = &finding->text;
	/* Where callbacks cannot be seen, that no wait is known is no figure. */
	bool is_known = finding->cost_ns > 0 || !finding_fact(finding, FACT_tier_libc);
	const char *cost = is_known ? cost_text(finding_cost(finding->id)) : NULL;
	const struct json_pair pairs[] = {
	    {"id", json_text(finding_id_name(finding->id))},
	    {"severity", json_text(severity_name(finding->severity))},
	    {"title", json_text(text->title)},
	    {"culprit", json_text(text->culprit)},
	    {"file", json_text(finding->file)},
	    {"line", json_integer(finding->line)},
	    {"evidence", json_text(text->evidence)},
	    {"cost_ns", is_known ? json_number(finding->cost_ns) : json_null()},
	    {"cost", cost ? json_text(cost) : json_null()},
	    {"transactions", json_number_if(finding->delay.known, finding->delay.transactions)},
	    {"transactions_at_most", json_boolean(finding->delay.at_most)},
	    {"transactions_ns", json_number_if(finding->delay.known, finding->delay.ns)},
	    {"transactions_before", json_number_if(finding->delay.known, finding->delay.before)},
	    {"transactions_before_ns_at_most",
	     json_number_if(finding->delay.known, finding->delay.before_ns)},
	    {"confidence", json_real(finding->confidence)},
	    {"advice", json_text(text->advice)},
	    {"facts", facts_json(report, finding)},
	    {"anchor", json_text(finding_anchor(finding->id))},
	    {"from_ns", json_integer(finding->from_ns)},
	    {"to_ns", json_integer(finding->to_ns)},
	    {"worker", finding->worker ? json_number(finding->worker) : json_null()},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

json_t *findings_json(const struct report *report)
{
	const struct findings *findings = report->findings;
	json_t *list = findings ? json_array() : json_null();

	for (size_t i = 0; list && findings && i < findings->count; i++)
		json_array_append_new(list, finding_json(report, &findings->list[i]));
	return list;
}

json_t *checked_json(void)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < FINDING_COUNT; i++)
		json_array_append_new(list, json_text(finding_looks_for((enum finding_id)i)));
	return list;
}

json_t *unknown_json(const struct timeline *timeline)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < UNKNOWN_COUNT; i++) {
		if (findings_unknown(timeline, (enum unknown)i))
			json_array_append_new(list, json_text(unknown_text((enum unknown)i)));
	}
	return list;
}

json_t *overhead_json(const struct measures_overhead *overhead)
{
	const struct json_pair pairs[] = {
	    {"events", json_number(overhead->events)},
	    {"event_ns", json_real(overhead->event_ns)},
	    {"event_measured", json_boolean(overhead->measured)},
	    {"cost_ns", json_number((uint64_t)overhead->cost_ns)},
	    {"share_of_busy", overhead->busy_ns > 0
				  ? json_real(overhead->cost_ns / overhead->busy_ns)
				  : json_null()},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

/* ---- Baseline ---- */

static json_t *baseline_row_json(const struct baseline_row *row)
{
	const struct json_pair pairs[] = {
	    {"kind", json_text(row->kind)},
	    {"callback", json_text(row->callback)},
	    {"signature", row->signature ? json_text(row->signature) : json_null()},
	    {"in_pool", json_boolean(row->in_pool)},
	    {"count", json_number(row->count)},
	    {"old_count", json_number(row->old_count)},
	    {"p50_ns", json_number(row->p50_ns)},
	    {"old_p50_ns", json_number(row->old_p50_ns)},
	    {"p99_ns", json_number(row->p99_ns)},
	    {"old_p99_ns", json_number(row->old_p99_ns)},
	    {"worse_p50", json_boolean(row->worse_p50)},
	    {"worse_p99", json_boolean(row->worse_p99)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

json_t *baseline_json(const struct report *report)
{
	json_t *list = report->baseline ? json_array() : json_null();

	for (size_t i = 0; list && report->baseline && i < report->baseline_count; i++)
		json_array_append_new(list, baseline_row_json(&report->baseline[i]));
	return list;
}
