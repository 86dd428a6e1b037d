/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool's threads: asleep while requests wait, all stuck in their work, woken for nothing.
 */
#include "findings/findings_internal.h"

#include <string.h>

static double confidence_of(const struct timeline *timeline, double known)
{
	return timeline->pool_uncertain || timeline->process->pool_items_unseen ? 0.5 : known;
}

/* ---- Asleep ---------------------------------------------------------------------------------- */

/* They are a part of all threads' time. */
static bool sleeps_matter(const struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	double all = (double)timeline->range_ticks * (double)timeline->pool_threads;

	return (double)timeline->sleeps.ticks >= limit(detection, LIMIT_idle_share) * all;
}

void detect_idle(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_sleeps *sleeps = &timeline->sleeps;
	const struct timeline_span *worst = &sleeps->worst;

	if (sleeps->count == 0)
		return;
	struct finding finding =
	    finding_make(detection, FINDING_IDLE_WITH_WORK,
			 sleeps_matter(detection) ? SEVERITY_WARNING : SEVERITY_NOTE);
	finding_place(detection, &finding, worst->tick, worst->duration, worst->worker);
	fact_ticks(detection, &finding, FACT_duration_ns, worst->duration);
	fact_whole(&finding, FACT_requests, worst->sure);
	fact_whole(&finding, FACT_runs, sleeps->count);
	fact_ticks(detection, &finding, FACT_total_ns, sleeps->ticks);
	finding.cost_ns = whole_ns_of(timeline, sleeps->ticks);
	finding.confidence = confidence_of(timeline, 0.8);
	finding_add(detection, &finding);
}

/* ---- Stuck ----------------------------------------------------------------------------------- */

/* What all pool threads did meanwhile. Below 0: samples do not tell. */
static double computing_share(const struct timeline *timeline, const struct timeline_stuck *stuck)
{
	double span = 0, computing = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		struct timeline_span of_worker = {
		    .tick = stuck->tick, .duration = stuck->ticks, .worker = i};
		if (timeline->process->workers[i].role != TRACE_ROLE_POOL)
			continue;
		struct measures_time time = measures_span(timeline, &of_worker);
		if (!time.known)
			continue;
		span += time.span_ns;
		computing += time.cpu.about + time.wait.about;
	}
	return span > 0 ? computing / span : -1;
}

/* The last look at one of them; NULL: there was none. */
static const struct stall *stuck_sample(const struct detection *detection,
					const struct timeline_stuck *stuck)
{
	const struct stall *last = NULL;

	for (size_t i = 0; i < detection->input->stall_count; i++) {
		const struct stall *stall = &detection->input->stalls[i];
		size_t worker = stall->worker;
		if (worker >= detection->timeline->process->worker_count ||
		    detection->timeline->process->workers[worker].role != TRACE_ROLE_POOL ||
		    stall->tick < stuck->tick || stall->tick > stuck->tick + stuck->ticks)
			continue;
		if (!last || stall->tick > last->tick)
			last = stall;
	}
	return last;
}

static void stuck_tell(struct detection *detection, const struct timeline_stuck *stuck,
		       double computing)
{
	const struct timeline *timeline = detection->timeline;
	const struct stall *sample = stuck_sample(detection, stuck);
	struct finding finding = finding_make(detection, FINDING_POOL_STUCK,
					      stuck->ended ? SEVERITY_WARNING : SEVERITY_ERROR);
	double waited = ns_of(timeline, stuck->ticks) * (double)stuck->queued;
	uint32_t site =
	    stuck->site < timeline->process->site_count ? stuck->site : stuck->request_site;

	finding_place(detection, &finding, stuck->tick, stuck->ticks, stuck->worker);
	fact_flag(&finding, FACT_in_work, stuck->site < timeline->process->site_count);
	if (site < timeline->process->site_count)
		finding_blame(detection, &finding, site);
	fact_ticks(detection, &finding, FACT_duration_ns, stuck->ticks);
	fact_whole(&finding, FACT_threads, stuck->workers);
	fact_whole(&finding, FACT_requests, stuck->queued);
	fact_flag(&finding, FACT_ended, stuck->ended);
	if (sample)
		fact_stall(&finding, FACT_what, sample);
	if (computing >= 0)
		fact_number(&finding, FACT_computing_share, computing);
	finding.cost_ns = whole_ns(waited);
	finding.confidence = confidence_of(timeline, computing >= 0 || sample ? 0.9 : 0.7);
	finding_add(detection, &finding);
}

static bool is_lookup(const struct detection *detection, uint32_t site)
{
	return strncmp(site_kind(detection, site), "get", 3) == 0;
}

/* Work that computes is not stuck, only long; lookups are told as such. */
void detect_stuck(struct detection *detection)
{
	const struct timeline_stuck *stuck = &detection->timeline->stuck;

	if (stuck->ticks == 0 || is_lookup(detection, stuck->request_site))
		return;
	double computing = computing_share(detection->timeline, stuck);
	if (computing < limit(detection, LIMIT_cause_share))
		stuck_tell(detection, stuck, computing);
}

/* ---- Woken for nothing ----------------------------------------------------------------------- */

void detect_herd(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_wakes *wakes = &timeline->pool_wakes;
	double share = wakes->count ? (double)wakes->in_vain / (double)wakes->count : 0;
	double of_time = (double)wakes->vain_ticks / (double)(timeline->range_ticks + 1);

	if ((double)wakes->in_vain < limit(detection, LIMIT_herd_least) ||
	    share < limit(detection, LIMIT_herd_share))
		return;
	struct finding finding = finding_make(
	    detection, FINDING_POOL_HERD,
	    of_time >= limit(detection, LIMIT_herd_time) ? SEVERITY_WARNING : SEVERITY_NOTE);
	finding_everywhere(detection, &finding);
	fact_whole(&finding, FACT_threads, timeline->pool_threads);
	fact_whole(&finding, FACT_wakes, wakes->count);
	fact_whole(&finding, FACT_in_vain, wakes->in_vain);
	fact_number(&finding, FACT_in_vain_share, share);
	fact_ticks(detection, &finding, FACT_in_vain_ns, wakes->vain_ticks);
	finding.confidence = confidence_of(timeline, 0.9);
	finding_add(detection, &finding);
}
