/* SPDX-License-Identifier: Apache-2.0
 *
 * Timers that run late or early, or come later with each run.
 */
#include "findings/findings_internal.h"

/* ---- Late timers ----------------------------------------------------------------------------- */

/* What came before its latest run. */
static void facts_of_delay(const struct detection *detection, struct finding *finding,
			   const struct timeline_delay *worst, bool kernel)
{
	fact_ticks(detection, finding, FACT_delay_ns, worst->delay);
	fact_flag(finding, FACT_kernel_late, kernel);
	if (kernel)
		return;
	fact_whole(finding, FACT_behind_count, worst->polls);
	fact_whole(finding, FACT_behind, worst->behind);
	fact_ticks(detection, finding, FACT_behind_ns, worst->behind_ticks);
}

/* Its loop was not run: that says why. */
static bool not_run_is_told(struct detection *detection, size_t worker)
{
	return found_on_worker(detection, FINDING_LOOP_NOT_RUN, worker);
}

/* By its intervals. */
static void interval_tell(struct detection *detection, uint32_t site)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_site_iterations *iterations = &timeline->sites[site].iterations;
	const struct timeline_delay *worst = &iterations->worst;
	uint64_t usual = histogram_quantile(&iterations->interval, 0.5),
		 late = histogram_quantile(&iterations->interval, 0.95);
	uint64_t sum = iterations->interval.sum, usual_sum = usual * iterations->interval.count;
	double inside_ticks = (double)timeline->workers[worst->worker].inside_ticks;
	bool inside = was_inside(timeline, worst->worker);
	bool kernel =
	    inside && worst->delay * 2 < late - usual; /* the loop was free: it was not run */
	bool explained = inside ? kernel || found_blocking(detection, worst->behind)
				: not_run_is_told(detection, worst->worker) ||
				      found(detection, FINDING_DESCHEDULED);
	struct finding finding = finding_make(detection, FINDING_LATE_TIMERS,
					      explained ? SEVERITY_NOTE : SEVERITY_WARNING);

	finding.follows = explained;
	finding_blame(detection, &finding, site);
	finding_place(detection, &finding, worst->tick, 0, worst->worker);
	fact_ticks(detection, &finding, FACT_interval_p50_ns, usual);
	fact_ticks(detection, &finding, FACT_interval_p95_ns, late);
	fact_flag(&finding, FACT_outside, !inside);
	if (inside)
		facts_of_delay(detection, &finding, worst, kernel);
	else
		fact_number(&finding, FACT_inside_share,
			    inside_ticks /
				(double)(worker_life_ticks(timeline, worst->worker) + 1));
	finding.cost_ns = whole_ns_of(timeline, sum > usual_sum ? sum - usual_sum : 0);
	finding.confidence = 0.6;
	finding_add(detection, &finding);
}

static bool late_by_interval(const struct detection *detection, const struct histogram *interval)
{
	uint64_t usual = histogram_quantile(interval, 0.5),
		 late = histogram_quantile(interval, 0.95);

	return (double)interval->count >= limit(detection, LIMIT_late_least) &&
	       timer_is_regular(interval) &&
	       ns_of(detection->timeline, late - usual) >= limit(detection, LIMIT_late);
}

/* The time outside uv_run after which this run came; NULL: it was none, or a short one. */
static const struct timeline_span *outside_before(const struct timeline *timeline,
						  const struct timeline_late *late)
{
	for (size_t i = 0; i < timeline->outside.count; i++) {
		const struct timeline_span *span = &timeline->outside.spans[i];
		if (span->worker == late->worker && span->tick < late->tick && span->depth > 0 &&
		    late->tick - span->tick <= span->duration + late->late / 2)
			return span;
	}
	return NULL;
}

/* What the latest run came after. */
static void facts_of_worst(const struct detection *detection, struct finding *finding,
			   const struct timeline_late *worst, const struct timeline_span *outside)
{
	if (outside) {
		fact_ticks(detection, finding, FACT_outside_ns, outside->duration);
	} else if (worst->behind_ticks > 0) {
		fact_whole(finding, FACT_behind, worst->behind);
		fact_ticks(detection, finding, FACT_behind_ns, worst->behind_ticks);
	}
}

/* Its loops were ready to run for that long, and the kernel ran others. */
static bool loops_waited(const struct timeline *timeline, double ns)
{
	uint64_t wait_ns = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++)
		wait_ns += is_loop(timeline, i) ? timeline->workers[i].sched_wait_ns : 0;
	return ns > 0 && (double)wait_ns >= ns;
}

/* Another finding says why. */
static bool late_is_explained(struct detection *detection, const struct timeline_timers *timers,
			      bool queued)
{
	bool crowded =
	    found(detection, FINDING_TIMER_STORM) || found(detection, FINDING_CROWDED_TURN);

	bool blocked = (double)timers->blocked_ticks >=
			   limit(detection, LIMIT_cause_share) * (double)timers->late.sum &&
		       found_blocking_worker(detection, timers->worst.worker);

	return found_not_run(detection) || (queued && crowded) || blocked ||
	       found_blocking(detection, timers->worst.behind);
}

/* By the time that it was due. */
static void due_tell(struct detection *detection, uint32_t site)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_timers *timers = &timeline->sites[site].iterations.timers;
	const struct timeline_late *worst = &timers->worst;
	const struct timeline_span *outside = outside_before(timeline, worst);
	bool inside = was_inside(timeline, worst->worker);
	double sum = (double)timers->late.sum, most = limit(detection, LIMIT_cause_share) * sum;
	/* What an old uv_now costs comes from the same timers: they ran before it was read. */
	bool kernel = (double)timers->kernel_ticks >= most,
	     queued = (double)(timers->queue_ticks + timers->old_ticks) >= most;
	bool not_run =
	    (double)timers->busy_ticks >= most && not_run_is_told(detection, worst->worker);
	bool explained = not_run || loops_waited(timeline, ns_of(timeline, most)) ||
			 (inside ? kernel || late_is_explained(detection, timers, queued)
				 : found(detection, FINDING_DESCHEDULED));
	struct finding finding = finding_make(detection, FINDING_LATE_TIMERS,
					      explained ? SEVERITY_NOTE : SEVERITY_WARNING);

	finding.follows = explained;
	finding_blame(detection, &finding, site);
	finding_place(detection, &finding, outside ? outside->tick : worst->tick,
		      outside ? outside->duration : 0, worst->worker);
	fact_ticks(detection, &finding, FACT_late_p95_ns, histogram_quantile(&timers->late, 0.95));
	fact_ticks(detection, &finding, FACT_late_max_ns, timers->late.max);
	fact_whole(&finding, FACT_runs, timers->late.count);
	fact_ns(&finding, FACT_late_mean_ns,
		ns_of(timeline, timers->late.sum) / (double)timers->late.count);
	facts_of_parts(&finding, timers->busy_ticks, timers->kernel_ticks, timers->queue_ticks,
		       sum);
	if (timers->old_ticks > 0)
		fact_number(&finding, FACT_old_now_share, (double)timers->old_ticks / sum);
	fact_flag(&finding, FACT_old_now, (double)timers->old_ticks >= most);
	fact_flag(&finding, FACT_outside, outside || !inside);
	fact_flag(&finding, FACT_kernel_late, kernel);
	facts_of_worst(detection, &finding, worst, outside);
	finding.cost_ns = whole_ns_of(timeline, timers->late.sum);
	finding.confidence = 0.9;
	finding_add(detection, &finding);
}

bool timers_are_late(const struct detection *detection, const struct timeline_timers *timers)
{
	return (double)timers->late.count >= limit(detection, LIMIT_late_least) &&
	       ns_of(detection->timeline, histogram_quantile(&timers->late, 0.95)) >=
		   limit(detection, LIMIT_late);
}

/* Where the trace says when timers were due, that counts; else how regular they are is all that is
 * known. */
void detect_late(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;

	for (uint32_t i = 0; i < timeline->process->site_count; i++) {
		const struct timeline_site_iterations *iterations = &timeline->sites[i].iterations;
		const struct histogram *late = &iterations->timers.late;
		if (late->count == 0 && late_by_interval(detection, &iterations->interval))
			interval_tell(detection, i);
		if (timers_are_late(detection, &iterations->timers))
			due_tell(detection, i);
	}
}

/* ---- Early timers ---------------------------------------------------------------------------- */

static void early_tell(struct detection *detection, uint32_t site)
{
	const struct timeline_timers *timers = &detection->timeline->sites[site].iterations.timers;
	const struct timeline_early *worst = &timers->worst_early;
	bool much =
	    (double)worst->early >= limit(detection, LIMIT_early_share) * (double)worst->asked;
	bool warns = much && !found_blocking(detection, worst->site);
	struct finding finding =
	    finding_make(detection, FINDING_EARLY_TIMERS, warns ? SEVERITY_WARNING : SEVERITY_NOTE);

	finding_blame(detection, &finding, site);
	finding_place(detection, &finding, worst->tick, 0, worst->worker);
	fact_ticks(detection, &finding, FACT_early_ns, worst->early);
	fact_ticks(detection, &finding, FACT_asked_ns, worst->asked);
	fact_whole(&finding, FACT_runs, timers->early.count);
	fact_ticks(detection, &finding, FACT_early_p50_ns, histogram_quantile(&timers->early, 0.5));
	fact_whole(&finding, FACT_starter, worst->site);
	finding.confidence = 0.9;
	finding_add(detection, &finding);
}

/* node starts its one timer with what is left for the next of its own: reckoned from the same old
 * uv_now, so that nothing runs early. */
void detect_early(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;

	for (uint32_t i = 0; i < timeline->process->site_count; i++) {
		const struct histogram *early = &timeline->sites[i].iterations.timers.early;
		if (!is_of_node(detection, i) &&
		    (double)early->count >= limit(detection, LIMIT_early_least) &&
		    ns_of(timeline, histogram_quantile(early, 0.5)) >=
			limit(detection, LIMIT_early))
			early_tell(detection, i);
	}
}

/* ---- Drift ----------------------------------------------------------------------------------- */

static void drift_tell(struct detection *detection, uint32_t site)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_site_iterations *iterations = &timeline->sites[site].iterations;
	struct finding finding = finding_make(detection, FINDING_DRIFT, SEVERITY_NOTE);

	finding_blame(detection, &finding, site);
	finding_everywhere(detection, &finding);
	fact_ticks(detection, &finding, FACT_interval_p50_ns,
		   histogram_quantile(&iterations->interval, 0.5));
	fact_ticks(detection, &finding, FACT_asked_ns,
		   histogram_quantile(&iterations->timers.asked, 0.5));
	fact_ticks(detection, &finding, FACT_total_ns, iterations->timers.drift_ticks);
	fact_whole(&finding, FACT_runs, iterations->timers.asked.count);
	finding.confidence = 0.9;
	finding_add(detection, &finding);
}

static bool is_late(struct detection *detection, uint32_t site)
{
	const struct finding *finding;

	for (size_t at = 0;
	     (finding = finding_next(detection, FINDING_LATE_TIMERS, &at)) != NULL;) {
		if (finding->site == site)
			return true;
	}
	return false;
}

/* A callback that blocks the loop says why already. */
static bool is_blocked(struct detection *detection, uint32_t site)
{
	const struct timeline_timers *timers = &detection->timeline->sites[site].iterations.timers;

	return found_blocking(detection, site) ||
	       (double)timers->blocked_ticks >=
		   limit(detection, LIMIT_cause_share) * (double)timers->drift_ticks;
}

/* Each run is asked for from the one before: what that was late by is never made up for. */
void detect_drift(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;

	for (uint32_t i = 0; i < timeline->process->site_count; i++) {
		const struct timeline_site_iterations *iterations = &timeline->sites[i].iterations;
		const struct histogram *asked = &iterations->timers.asked;
		double most = limit(detection, LIMIT_drift_share) * (double)asked->sum;
		if ((double)asked->count >= limit(detection, LIMIT_drift_least) &&
		    timer_is_regular(asked) && timer_is_regular(&iterations->interval) &&
		    (double)iterations->timers.drift_ticks >= most && !is_late(detection, i) &&
		    !is_blocked(detection, i))
			drift_tell(detection, i);
	}
}
