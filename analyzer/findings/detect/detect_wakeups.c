/* SPDX-License-Identifier: Apache-2.0
 *
 * Wake-ups by uv_async_send: slow ones, and many sends that become one callback.
 */
#include "findings/findings_internal.h"

/* ---- Wake-ups -------------------------------------------------------------------------------- */

/* Another finding says why; the kernel did not run the thread; or no callback held the loop for so
 * long that it would be told of. */
static bool wakeup_is_explained(struct detection *detection, uint32_t site)
{
	const struct timeline_site *facts = &detection->timeline->sites[site];
	const struct timeline_wakeups *wakeups = &facts->wakeups;
	double p99_ns = ns_of(detection->timeline, histogram_quantile(&wakeups->latency, 0.99));

	return p99_ns < limit(detection, LIMIT_wakeup_long) ||
	       wakeups->kernel_ticks * 2 > wakeups->latency.sum || found_not_run(detection) ||
	       found_blocking(detection, facts->iterations.worst.behind) ||
	       found_blocking_meanwhile(detection, wakeups->worst_worker, wakeups->worst_tick,
					wakeups->worst_ticks);
}

static void wakeup_tell(struct detection *detection, uint32_t site)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_wakeups *wakeups = &timeline->sites[site].wakeups;
	bool inside = was_inside(timeline, wakeups->worst_worker);
	bool explained =
	    inside ? wakeup_is_explained(detection, site) : found(detection, FINDING_DESCHEDULED);
	struct finding finding = finding_make(detection, FINDING_SLOW_WAKEUP,
					      explained ? SEVERITY_NOTE : SEVERITY_WARNING);

	finding.follows = explained;
	finding_blame(detection, &finding, site);
	finding_place(detection, &finding, wakeups->worst_tick, wakeups->worst_ticks,
		      wakeups->worst_worker);
	fact_ticks(detection, &finding, FACT_latency_p99_ns,
		   histogram_quantile(&wakeups->latency, 0.99));
	fact_ticks(detection, &finding, FACT_latency_max_ns, wakeups->latency.max);
	fact_whole(&finding, FACT_sends, wakeups->sends);
	fact_whole(&finding, FACT_coalesced, wakeups->coalesced);
	facts_of_parts(&finding, wakeups->busy_ticks, wakeups->kernel_ticks, wakeups->queue_ticks,
		       (double)wakeups->latency.sum);
	fact_flag(&finding, FACT_outside, !inside);
	fact_flag(&finding, FACT_kernel_late, wakeups->kernel_ticks * 2 > wakeups->latency.sum);
	finding.cost_ns = whole_ns_of(timeline, wakeups->latency.sum);
	finding.confidence = 0.8;
	finding_add(detection, &finding);
}

void detect_wakeup(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;

	for (uint32_t i = 0; i < timeline->process->site_count; i++) {
		const struct histogram *latency = &timeline->sites[i].wakeups.latency;
		if (!timeline_waits_for_nothing(timeline, i) &&
		    (double)latency->count >= limit(detection, LIMIT_wakeup_least) &&
		    ns_of(timeline, histogram_quantile(latency, 0.99)) >=
			limit(detection, LIMIT_wakeup))
			wakeup_tell(detection, i);
	}
}

/* ---- Coalesced ------------------------------------------------------------------------------- */

static void coalesced_tell(struct detection *detection, uint32_t site)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_wakeups *wakeups = &timeline->sites[site].wakeups;
	struct finding finding = finding_make(detection, FINDING_COALESCED, SEVERITY_NOTE);

	finding_blame(detection, &finding, site);
	finding_everywhere(detection, &finding);
	fact_whole(&finding, FACT_sends, wakeups->sends);
	fact_whole(&finding, FACT_coalesced, wakeups->coalesced);
	fact_whole(&finding, FACT_runs, wakeups->latency.count);
	fact_number(&finding, FACT_sends_per_run,
		    (double)wakeups->sends / (double)wakeups->latency.count);
	finding.confidence = 0.9;
	finding_add(detection, &finding);
}

/* node empties its queues in each of its own callbacks. */
void detect_coalesced(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;

	for (uint32_t i = 0; i < timeline->process->site_count; i++) {
		const struct timeline_wakeups *wakeups = &timeline->sites[i].wakeups;
		if ((double)wakeups->sends >= limit(detection, LIMIT_coalesced_least) &&
		    (double)wakeups->coalesced >=
			limit(detection, LIMIT_coalesced_share) * (double)wakeups->sends &&
		    !is_of_node(detection, i))
			coalesced_tell(detection, i);
	}
}
