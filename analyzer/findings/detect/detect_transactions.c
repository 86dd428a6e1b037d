/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions whose slowest take several times their median, mostly by one cause. Signatures that
 * one callback makes slow are one finding, by the one that waited longest.
 *
 * Rules: no cause is told twice. Where another finding names the culprit, or the machine kept the
 * program from running, nothing is told here: that one says how many transactions it delayed
 * (transaction_cost.c).
 */
#include <stdlib.h>

#include "findings/findings_internal.h"
#include "findings/stall_scripts.h"
#include "transactions/transaction_items.h"
#include "transactions/transaction_tally.h"

struct slow {
	const struct transaction_signature *signature;
	const struct transaction_worst *worst;
	enum transaction_part part;
	uint32_t site;			    /* the culprit; site_count: nobody is named */
	double usual_ns, tail_ns, cause_ns; /* of one transaction, on average */
	double cost_ns;			    /* of all slow ones, beyond the median */
	uint64_t others;		    /* signatures that this makes slow, too */
};

/* ---- What the difference is ------------------------------------------------------------------ */

/* A callback, or the part by whomever: what of the difference most is. */
static struct transaction_item most_of(const struct transaction_items *more, uint32_t nobody)
{
	struct transaction_item most = {TRANSACTION_PARTS, nobody, 0};
	double parts[TRANSACTION_PARTS] = {0};

	for (size_t i = 0; i < more->count; i++)
		parts[more->list[i].part] += more->list[i].ticks;
	for (size_t part = 0; part < TRANSACTION_PARTS; part++) {
		if (parts[part] > most.ticks)
			most = (struct transaction_item){(enum transaction_part)part, nobody,
							 parts[part]};
	}
	for (size_t i = 0; i < more->count; i++) {
		const struct transaction_item *item = &more->list[i];
		if (item->part == most.part && item->ticks >= most.ticks / 2) {
			most.site = item->site;
			break;
		}
	}
	return most;
}

/* False: its tail is no longer than that, or by no one cause. */
static bool slow_make(const struct detection *detection,
		      const struct transaction_signature *signature, struct slow *slow)
{
	const struct timeline *timeline = detection->timeline;
	uint32_t nobody = (uint32_t)timeline->process->site_count;
	struct transaction_items median, more;

	if ((double)signature->count < limit(detection, LIMIT_transactions_least) ||
	    signature->median.count == 0 || signature->tail.count == 0)
		return false;
	transaction_items_make(timeline->process, &signature->median, &median);
	transaction_items_make(timeline->process, &signature->tail, &more);
	double unit = timeline_unit_ns(timeline);
	*slow = (struct slow){.signature = signature,
			      .worst =
				  transaction_tally_worst(detection->input->tally, signature->hash),
			      .usual_ns = median.ticks * unit,
			      .tail_ns = more.ticks * unit};
	double difference = slow->tail_ns - slow->usual_ns;
	if (slow->tail_ns < limit(detection, LIMIT_slow_tail) * slow->usual_ns ||
	    difference < limit(detection, LIMIT_slow_tail_note))
		return false;
	transaction_items_subtract(timeline->process, &more, &median);
	struct transaction_item most = most_of(&more, nobody);
	slow->part = most.part;
	slow->site = most.site == nobody && slow->worst ? slow->worst->sites[most.part] : most.site;
	slow->cause_ns = most.ticks * unit;
	slow->cost_ns = difference * (double)signature->tail.count;
	return slow->cause_ns >= limit(detection, LIMIT_cause_share) * difference;
}

/* ---- Whether another finding tells it -------------------------------------------------------- */

/* A finding blames the callback. What it says of how grave that is goes by more than is known here:
 * run-queue wait, and who waited. */
static bool is_named(struct detection *detection, uint32_t site)
{
	const struct trace_process *process = detection->timeline->process;
	const struct finding *finding;

	for (size_t id = 0; id < FINDING_COUNT && site < process->site_count; id++) {
		if (id == FINDING_SLOW_TRANSACTIONS)
			continue;
		for (size_t at = 0;
		     (finding = finding_next(detection, (enum finding_id)id, &at)) != NULL;) {
			if (finding->site < process->site_count &&
			    sites_share_callback(process, finding->site, site))
				return true;
		}
	}
	return false;
}

static bool found_one_of(struct detection *detection, const enum finding_id *ids, size_t count,
			 enum severity least)
{
	for (size_t i = 0; i < count; i++) {
		size_t at = 0;
		const struct finding *finding = finding_next(detection, ids[i], &at);
		if (finding && finding->severity >= least)
			return true;
	}
	return false;
}

/* Findings that explain a part, whoever is named. */
static bool part_is_explained(struct detection *detection, enum transaction_part part,
			      enum severity least)
{
	static const enum finding_id machine[] = {FINDING_THROTTLED, FINDING_STEAL,
						  FINDING_DESCHEDULED};
	static const enum finding_id loop[] = {FINDING_GIL, FINDING_GC, FINDING_LOOP_NOT_RUN,
					       FINDING_SPINNING, FINDING_HOT_LOOP};
	static const enum finding_id pool[] = {FINDING_POOL_DNS, FINDING_POOL_SMALL,
					       FINDING_POOL_CPU, FINDING_POOL_STUCK,
					       FINDING_IDLE_WITH_WORK};
	static const enum finding_id late[] = {FINDING_SLOW_WAKEUP, FINDING_LOOP_NOT_RUN};
#define ONE_OF(ids) found_one_of(detection, ids, sizeof(ids) / sizeof(*(ids)), least)

	if (part != PART_EXTERNAL && part != PART_POOL_WAIT && ONE_OF(machine))
		return true;
	if ((part == PART_OWN || part == PART_BEHIND || part == PART_KERNEL) &&
	    found_not_run(detection))
		return true;
	return (part == PART_BEHIND && ONE_OF(loop)) || (part == PART_POOL_WAIT && ONE_OF(pool)) ||
	       (part == PART_KERNEL && ONE_OF(late));
#undef ONE_OF
}

/* What its own callbacks or the work that it asked for take is what it does: only a note. */
static enum severity slow_severity(const struct detection *detection, const struct slow *slow)
{
	bool outside = slow->part == PART_EXTERNAL || slow->part == PART_POOL_RUN;
	double difference = slow->tail_ns - slow->usual_ns;

	if (slow->part == PART_OWN)
		return SEVERITY_NOTE;
	return difference >=
		       limit(detection, outside ? LIMIT_slow_tail_outside : LIMIT_slow_tail_least)
		   ? SEVERITY_WARNING
		   : SEVERITY_NOTE;
}

/* ---- Telling it ------------------------------------------------------------------------------ */

static void facts_of_cause(struct detection *detection, const struct slow *slow,
			   struct finding *finding)
{
	static const enum fact_name flags[TRANSACTION_PARTS] = {
	    [PART_OWN] = FACT_in_own,
	    [PART_BEHIND] = FACT_in_behind,
	    [PART_POOL_WAIT] = FACT_in_pool_wait,
	    [PART_POOL_RUN] = FACT_in_pool_run,
	    [PART_EXTERNAL] = FACT_in_external,
	    [PART_KERNEL] = FACT_in_kernel,
	};
	const struct stalls samples = {.list = (struct stall *)detection->input->stalls,
				       .count = detection->input->stall_count};
	const struct symbol_info *label = stalls_site_label(&samples, slow->site);

	fact_flag(finding, flags[slow->part], true);
	fact_ns(finding, FACT_cause_ns, slow->cause_ns);
	fact_number(finding, FACT_cause_share, slow->cause_ns / (slow->tail_ns - slow->usual_ns));
	if (slow->site >= detection->timeline->process->site_count)
		return;
	finding_blame(detection, finding, slow->site);
	if (label && slow->part != PART_POOL_WAIT && slow->part != PART_POOL_RUN)
		fact_text(finding, FACT_entered, label->text);
}

static void slow_tell(struct detection *detection, const struct slow *slow)
{
	const struct timeline *timeline = detection->timeline;
	const struct transaction_signature *signature = slow->signature;
	const struct transaction_brief *worst = signature->slowest;
	struct finding finding =
	    finding_make(detection, FINDING_SLOW_TRANSACTIONS, slow_severity(detection, slow));

	facts_of_cause(detection, slow, &finding);
	if (signature->slowest_count > 0 && slow->worst) {
		char id[TRANSACTION_ID_CHARS];
		transaction_id_print(worst->id, id);
		finding_place(detection, &finding, worst->begin_tick, worst->ticks,
			      slow->worst->worker);
		fact_text(&finding, FACT_transaction, id);
	} else {
		finding_everywhere(detection, &finding);
	}
	fact_whole(&finding, FACT_root, signature->sites[0]);
	fact_whole(&finding, FACT_transactions, signature->count);
	fact_whole(&finding, FACT_slowest, signature->tail.count);
	fact_ns(&finding, FACT_tail_ns, slow->tail_ns);
	fact_ns(&finding, FACT_median_ns, slow->usual_ns);
	fact_ticks(detection, &finding, FACT_tail_p99_ns,
		   histogram_quantile(&signature->ticks, 0.99));
	if (slow->others > 0)
		fact_whole(&finding, FACT_others, slow->others);
	(void)timeline;
	finding.cost_ns = whole_ns(slow->cost_ns);
	finding.confidence = 0.9;
	finding_add(detection, &finding);
}

static bool same_cause(const struct trace_process *process, const struct slow *a,
		       const struct slow *b)
{
	return a->part == b->part && sites_share_callback(process, a->site, b->site);
}

/* The list has one for each cause: by the signature that lost most. */
static size_t slow_join(const struct trace_process *process, struct slow *list, size_t count,
			const struct slow *slow)
{
	for (size_t i = 0; i < count; i++) {
		if (!same_cause(process, &list[i], slow))
			continue;
		uint64_t others = list[i].others + 1;
		double cost = list[i].cost_ns + slow->cost_ns;
		if (slow->cost_ns > list[i].cost_ns)
			list[i] = *slow;
		list[i].others = others;
		list[i].cost_ns = cost;
		return count;
	}
	list[count] = *slow;
	return count + 1;
}

void detect_transactions(struct detection *detection)
{
	const struct transactions *transactions = detection->input->transactions;
	const struct trace_process *process = detection->timeline->process;
	size_t count = 0;

	if (!transactions || !detection->input->tally)
		return;
	struct slow *list = calloc(transactions->signature_count + 1, sizeof(*list)), slow;
	for (size_t i = 0; list && i < transactions->signature_count; i++) {
		if (slow_make(detection, &transactions->signatures[i], &slow))
			count = slow_join(process, list, count, &slow);
	}
	for (size_t i = 0; i < count; i++) {
		enum severity severity = slow_severity(detection, &list[i]);
		if (!part_is_explained(detection, list[i].part, severity) &&
		    !is_named(detection, list[i].site))
			slow_tell(detection, &list[i]);
	}
	detection->findings->failed |= !list;
	free(list);
}
