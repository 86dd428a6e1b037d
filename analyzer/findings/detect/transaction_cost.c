/* SPDX-License-Identifier: Apache-2.0
 *
 * What findings cost those who wait: how many transactions each delayed, and for how long together.
 * A table says of which findings that can be told, and how.
 *
 * Rules: of a transaction counts what of its critical path went by behind the finding's callback,
 * or for a thread of the pool, if that is LIMIT_transaction_wait or more; apart from these, whose
 * data may have lain there for so long while the callback ran, before their turn. Where several
 * findings blame one callback, each has its part of that time, by what they cost; how many they
 * delayed is then known of all together only ("at most").
 */
#include "findings/findings_internal.h"
#include "transactions/transaction_tally.h"

enum counted { NOT_COUNTED, BY_CALLBACK, BY_POOL };

static const enum counted counted[FINDING_COUNT] = {
    [FINDING_BLOCKED] = BY_CALLBACK,	  [FINDING_BLOCKED_SYSCALL] = BY_CALLBACK,
    [FINDING_BLOCKED_CPU] = BY_CALLBACK,  [FINDING_BLOCKED_LOCK] = BY_CALLBACK,
    [FINDING_NESTED_LOOP] = BY_CALLBACK,  [FINDING_TIMER_STORM] = BY_CALLBACK,
    [FINDING_CROWDED_TURN] = BY_CALLBACK, [FINDING_POOL_DNS] = BY_POOL,
    [FINDING_POOL_SMALL] = BY_POOL,	  [FINDING_POOL_CPU] = BY_POOL,
};

/* Of all sites that share the callback. */
static struct transaction_delay delay_behind(const struct detection *detection, uint32_t site)
{
	const struct trace_process *process = detection->timeline->process;
	struct transaction_delay delay = {0};

	for (uint32_t i = 0; i < process->site_count; i++) {
		if (!sites_share_callback(process, i, site))
			continue;
		delay.transactions += detection->input->tally->behind[i].transactions;
		delay.ticks += detection->input->tally->behind[i].ticks;
		delay.before += detection->input->tally->behind[i].before;
		delay.before_ticks += detection->input->tally->behind[i].before_ticks;
	}
	return delay;
}

/* What all findings that count the same delay cost together, and how many they are. */
static double cost_of_all(const struct detection *detection, const struct finding *like,
			  uint64_t *several)
{
	const struct trace_process *process = detection->timeline->process;
	double cost = 0;

	*several = 0;
	for (size_t i = 0; i < detection->findings->count; i++) {
		const struct finding *finding = &detection->findings->list[i];
		if (counted[finding->id] != counted[like->id] ||
		    (counted[like->id] == BY_CALLBACK &&
		     !sites_share_callback(process, finding->site, like->site)))
			continue;
		cost += (double)finding->cost_ns;
		++*several;
	}
	return cost;
}

static void finding_count(const struct detection *detection, struct finding *finding)
{
	struct transaction_delay delay = counted[finding->id] == BY_POOL
					     ? detection->input->tally->pool
					     : delay_behind(detection, finding->site);
	uint64_t several;
	double all = cost_of_all(detection, finding, &several);
	double share = several < 2 ? 1
		       : all > 0   ? (double)finding->cost_ns / all
				   : 1 / (double)several;

	finding->delay.known = true;
	finding->delay.at_most = several > 1 && delay.transactions + delay.before > 0;
	finding->delay.transactions = delay.transactions;
	finding->delay.ns = whole_ns(share * ns_of(detection->timeline, delay.ticks));
	finding->delay.before = delay.before;
	finding->delay.before_ns = whole_ns(share * ns_of(detection->timeline, delay.before_ticks));
}

void transactions_count(struct detection *detection)
{
	const struct findings_input *input = detection->input;

	if (!input->tally || !input->transactions || input->transactions->count == 0)
		return;
	for (size_t i = 0; i < detection->findings->count; i++) {
		if (counted[detection->findings->list[i].id] != NOT_COUNTED)
			finding_count(detection, &detection->findings->list[i]);
	}
}

uint64_t finding_waited_ns(const struct finding *finding)
{
	return finding->delay.known ? finding->delay.ns + finding->delay.before_ns / 2
				    : finding->cost_ns;
}
