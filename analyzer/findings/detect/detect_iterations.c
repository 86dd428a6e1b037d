/* SPDX-License-Identifier: Apache-2.0
 *
 * Loop iterations with too many timers or callbacks in one.
 */
#include "findings/findings_internal.h"

/* ---- Iterations that are too full ------------------------------------------------------------ */

/* Of a part of a loop iteration's time: without what it may have waited in the run queue. */
static double iteration_own(const struct timeline *timeline,
			    const struct timeline_iteration *iteration, uint64_t ticks)
{
	struct timeline_span span = {
	    .tick = iteration->tick, .duration = iteration->ticks, .worker = iteration->worker};
	struct measures_time time = measures_span(timeline, &span);

	return ns_of(timeline, ticks) - (time.known ? time.wait.about : 0);
}

static void storm_tell(struct detection *detection, const struct timeline_iteration *iteration,
		       double took)
{
	struct finding finding = finding_make(detection, FINDING_TIMER_STORM, SEVERITY_WARNING);

	finding_blame(detection, &finding, iteration->timer_site);
	finding_place(detection, &finding, iteration->tick, iteration->ticks, iteration->worker);
	fact_whole(&finding, FACT_timers, iteration->timers);
	fact_ns(&finding, FACT_total_ns, took);
	fact_whole(&finding, FACT_timers_p50,
		   histogram_quantile(&detection->timeline->iteration_timers, 0.5));
	finding.cost_ns = whole_ns(took * (double)iteration->timers / 2);
	finding.confidence = 0.9;
	finding_add(detection, &finding);
}

/* One timer took half of it: that is told by itself, the iteration is not long by their number. */
static bool is_of_one(const struct timeline_iteration *iteration)
{
	uint64_t others = iteration->ticks - iteration->timer_ticks;

	return iteration->longest_ticks > others &&
	       iteration->longest_ticks * 2 > iteration->timer_ticks;
}

void detect_storm(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_iteration *iteration = &timeline->most_timers;

	if ((double)iteration->timers >= limit(detection, LIMIT_storm_timers) &&
	    !is_of_one(iteration) &&
	    iteration_own(timeline, iteration, iteration->timer_ticks) >=
		limit(detection, LIMIT_storm_time))
		storm_tell(detection, iteration, ns_of(timeline, iteration->timer_ticks));
}

static void crowded_tell(struct detection *detection, const struct timeline_iteration *iteration,
			 double took)
{
	const struct histogram *usual = &detection->timeline->iteration_ticks;
	struct finding finding = finding_make(detection, FINDING_CROWDED_TURN, SEVERITY_WARNING);

	finding_blame(detection, &finding, iteration->site);
	finding_place(detection, &finding, iteration->tick, iteration->ticks, iteration->worker);
	fact_whole(&finding, FACT_callbacks, iteration->polls);
	fact_ns(&finding, FACT_total_ns, took);
	fact_ticks(detection, &finding, FACT_longest_ns, iteration->longest_ticks);
	fact_ticks(detection, &finding, FACT_iteration_p50_ns, histogram_quantile(usual, 0.5));
	fact_ticks(detection, &finding, FACT_iteration_p99_ns, histogram_quantile(usual, 0.99));
	finding.cost_ns = whole_ns(took * (double)iteration->polls / 2);
	finding.confidence = 0.8;
	finding_add(detection, &finding);
}

/* Of timers it would be a storm. */
void detect_crowded(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_iteration *iteration = &timeline->crowded;

	if (iteration_own(timeline, iteration, iteration->ticks) >=
		limit(detection, LIMIT_crowded) &&
	    iteration->timer_ticks * 2 <= iteration->ticks)
		crowded_tell(detection, iteration, ns_of(timeline, iteration->ticks));
}
