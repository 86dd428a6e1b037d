/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions: by signature, the reasons why some are cut, and whole ones with their steps. Where
 * they were not looked for, all of it is null.
 */
#include "report/transaction_text.h"
#include "report_json.h"
#include "transactions/transaction_tally.h"

static json_t *id_json(uint64_t id)
{
	char text[TRANSACTION_ID_CHARS];

	if (id == 0)
		return json_null();
	transaction_id_print(id, text);
	return json_text(text);
}

static json_t *parts_add(const struct report *report, json_t *object,
			 const uint64_t parts[TRANSACTION_PARTS])
{
	for (size_t part = 0; part < TRANSACTION_PARTS; part++) {
		const struct json_pair pair = {transaction_part_keys[part],
					       json_ticks(report->timeline, parts[part])};
		object = json_add(object, &pair, 1);
	}
	return object;
}

/* ---- Where the time went --------------------------------------------------------------------- */

static json_t *item_json(const struct report *report, const struct transaction_item *item)
{
	bool known = item->site < report->timeline->process->site_count;
	const struct json_pair pairs[] = {
	    {"callback", known ? json_text(transaction_callback(report, item->site)) : json_null()},
	    {"kind", known ? json_text(transaction_kind(report, item->site)) : json_null()},
	    {"ns", json_ticks(report->timeline, (uint64_t)item->ticks)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

static json_t *named_json(const struct report *report, const struct transaction_items *items,
			  enum transaction_part part)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < items->count; i++) {
		if (items->list[i].part == part)
			json_array_append_new(list, item_json(report, &items->list[i]));
	}
	return list;
}

/* Of one transaction, on average. */
static json_t *share_json(const struct report *report, const struct transaction_share *share)
{
	struct transaction_items items;

	if (share->count == 0)
		return json_null();
	transaction_items_make(report->timeline->process, share, &items);
	const struct json_pair whole[] = {
	    {"count", json_number(share->count)},
	    {"ns", json_number(timeline_ns(report->timeline, share->ticks) / share->count)},
	};
	json_t *object = json_add(json_object(), whole, COUNT(whole));
	for (size_t part = 0; part < TRANSACTION_PARTS; part++) {
		const struct json_pair sum = {
		    transaction_part_keys[part],
		    json_number(timeline_ns(report->timeline, share->parts[part]) / share->count)};
		object = json_add(object, &sum, 1);
	}
	const struct json_pair names[] = {
	    {"behind_by", named_json(report, &items, PART_BEHIND)},
	    {"pool_wait_by", named_json(report, &items, PART_POOL_WAIT)},
	};
	return json_add(object, names, COUNT(names));
}

/* ---- By signature ---------------------------------------------------------------------------- */

static json_t *kinds_json(const struct report *report,
			  const struct transaction_signature *signature)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < signature->site_count; i++)
		json_array_append_new(list,
				      json_text(transaction_kind(report, signature->sites[i])));
	return list;
}

static json_t *callbacks_of_json(const struct report *report,
				 const struct transaction_signature *signature)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < signature->site_count; i++)
		json_array_append_new(list,
				      json_text(transaction_callback(report, signature->sites[i])));
	return list;
}

static json_t *slowest_json(const struct report *report,
			    const struct transaction_signature *signature)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < signature->slowest_count; i++) {
		const struct transaction_brief *brief = &signature->slowest[i];
		const struct json_pair pairs[] = {
		    {"id", id_json(brief->id)},
		    {"start_ns",
		     json_integer(timeline_offset_ns(report->timeline, brief->begin_tick))},
		    {"duration_ns", json_ticks(report->timeline, brief->ticks)},
		};
		json_array_append_new(
		    list,
		    parts_add(report, json_add(json_object(), pairs, COUNT(pairs)), brief->parts));
	}
	return list;
}

static json_t *signature_json(const struct report *report,
			      const struct transaction_signature *signature)
{
	const struct timeline *timeline = report->timeline;
	const struct histogram *ticks = &signature->ticks;
	double seconds = (double)timeline_ns(timeline, timeline->range_ticks) / 1e9;
	bool any = signature->site_count > 0;
	const struct transaction_worst *worst =
	    report->tally ? transaction_tally_worst(report->tally, signature->hash) : NULL;
	const struct json_pair pairs[] = {
	    {"signature", kinds_json(report, signature)},
	    {"callbacks", callbacks_of_json(report, signature)},
	    {"root_kind",
	     any ? json_text(transaction_kind(report, *signature->sites)) : json_null()},
	    {"root_callback",
	     any ? json_text(transaction_callback(report, *signature->sites)) : json_null()},
	    {"count", json_number(signature->count)},
	    {"cut", json_number(signature->cut)},
	    {"per_second",
	     seconds > 0 ? json_real((double)signature->count / seconds) : json_null()},
	    {"total_ns", json_ticks(timeline, ticks->sum)},
	    {"p50_ns", json_ticks(timeline, histogram_quantile(ticks, 0.5))},
	    {"p99_ns", json_ticks(timeline, histogram_quantile(ticks, 0.99))},
	    {"max_ns", json_ticks(timeline, ticks->max)},
	    {"median", share_json(report, &signature->median)},
	    {"tail", share_json(report, &signature->tail)},
	    {"all", share_json(report, &signature->all)},
	    {"before", json_number_if(report->tally, worst ? worst->before : 0)},
	    {"before_ns_at_most",
	     json_number_if(report->tally, worst ? timeline_ns(timeline, worst->before_ticks) : 0)},
	    {"slowest", slowest_json(report, signature)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

json_t *transactions_json(const struct report *report)
{
	const struct transactions *transactions = report->transactions;
	json_t *list = transactions ? json_array() : json_null();

	for (size_t i = 0; list && transactions && i < transactions->signature_count &&
			   i < report->timeline->options.top;
	     i++)
		json_array_append_new(list, signature_json(report, &transactions->signatures[i]));
	return list;
}

json_t *transaction_totals_json(const struct report *report)
{
	const struct transactions *transactions = report->transactions;
	json_t *cut = json_object();

	if (!transactions) {
		json_decref(cut);
		return json_null();
	}
	for (size_t i = CUT_NONE + 1; i < TRANSACTION_CUTS; i++) {
		const struct json_pair pair = {transaction_cut_keys[i],
					       json_number(transactions->cut[i])};
		cut = json_add(cut, &pair, 1);
	}
	const struct json_pair pairs[] = {
	    {"count", json_number(transactions->count)},
	    {"signatures", json_number(transactions->signature_count)},
	    {"cut", cut},
	    {"cut_count", json_number(transactions->cut_count)},
	    {"unsigned", json_number(transactions->unsigned_count)},
	};
	return json_add(json_object(), pairs, COUNT(pairs));
}

/* ---- One of them whole ----------------------------------------------------------------------- */

static json_t *named_of_json(const struct report *report, const struct transaction_behind *named,
			     size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < count && named[i].ticks > 0; i++) {
		struct transaction_item item = {PART_BEHIND, named[i].site, (double)named[i].ticks};
		json_array_append_new(list, item_json(report, &item));
	}
	return list;
}

static json_t *step_json(const struct report *report, const struct transaction_step *step)
{
	const struct timeline *timeline = report->timeline;
	const struct json_pair pairs[] = {
	    {"parent",
	     step->parent == TRANSACTION_NO_STEP ? json_null() : json_number(step->parent)},
	    {"cause", json_text(transaction_cause_keys[step->cause])},
	    {"kind", json_text(transaction_kind(report, step->site))},
	    {"callback", json_text(transaction_callback(report, step->site))},
	    {"worker", json_number(report_worker_number(timeline, step->worker))},
	    {"caused_ns", json_integer(timeline_offset_ns(timeline, step->caused_tick))},
	    {"ready_ns", json_integer(timeline_offset_ns(timeline, step->ready_tick))},
	    {"start_ns", json_integer(timeline_offset_ns(timeline, step->tick))},
	    {"duration_ns", json_ticks(timeline, step->end_tick - step->tick)},
	    {"in_path", json_boolean(step->in_path)},
	    {"coalesced", json_number(step->coalesced)},
	    {"linked", id_json(step->linked_id)},
	    {"behind_by", named_of_json(report, step->behind, COUNT(step->behind))},
	    {"pool_wait_by", named_of_json(report, step->busy, COUNT(step->busy))},
	};

	return parts_add(report, json_add(json_object(), pairs, COUNT(pairs)), step->parts);
}

json_t *transaction_json(const struct report *report)
{
	const struct timeline *timeline = report->timeline;
	const struct transaction *asked = report->transactions ? report->transactions->asked : NULL;
	json_t *steps = asked ? json_array() : NULL;

	if (!asked)
		return json_null();
	for (size_t i = 0; steps && i < asked->step_count; i++)
		json_array_append_new(steps, step_json(report, &asked->steps[i]));
	const struct json_pair pairs[] = {
	    {"id", id_json(asked->id)},
	    {"start_ns", json_integer(timeline_offset_ns(timeline, asked->begin_tick))},
	    {"duration_ns", json_ticks(timeline, asked->end_tick - asked->begin_tick)},
	    {"cut", asked->cut ? json_text(transaction_cut_keys[asked->cut]) : json_null()},
	    {"before_ns_at_most", json_ticks(timeline, asked->before_ticks)},
	    {"started_by", id_json(asked->started_by)},
	    {"steps", steps},
	};
	return parts_add(report, json_add(json_object(), pairs, COUNT(pairs)), asked->parts);
}
