/* SPDX-License-Identifier: Apache-2.0
 *
 * Loop iterations: too many timers or callbacks in one, and loops that spin through empty ones.
 */
#include "findings/findings_internal.h"

#include <string.h>

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

void detect_storm(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_iteration *iteration = &timeline->most_timers;

	if ((double)iteration->timers >= limit(detection, LIMIT_storm_timers) &&
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

/* ---- Loops that never wait ------------------------------------------------------------------- */

/* The callback of this kind that ran most often; site_count: none. */
static uint32_t most_runs(const struct timeline *timeline, const char *const *kinds, size_t count)
{
	uint32_t most = (uint32_t)timeline->process->site_count;

	for (uint32_t i = 0; i < timeline->process->site_count; i++) {
		const char *kind = timeline_kind(timeline->process, i);
		bool fits = false;
		for (size_t k = 0; kind && k < count; k++)
			fits |= strcmp(kind, kinds[k]) == 0;
		if (fits &&
		    timeline->sites[i].callback.count > timeline->sites[most].callback.count)
			most = i;
	}
	return most;
}

/* How long the worker was there in the range and not parked: inside uv_run or not, a rate is over
 * that. */
static double awake_ns(const struct timeline *timeline, size_t position)
{
	const struct trace_worker *worker = &timeline->process->workers[position];
	uint64_t from =
	    worker->start_tick > timeline->from_tick ? worker->start_tick : timeline->from_tick;
	uint64_t end = worker->end_tick ? worker->end_tick : timeline->end_tick;
	uint64_t ticks =
	    end > from ? (end < timeline->end_tick ? end : timeline->end_tick) - from : 0;
	uint64_t parked = timeline->workers[position].parked_ticks + timeline->off_ticks;

	return ticks > parked ? ns_of(timeline, ticks - parked) : 0;
}

/* A few empty iterations are no spinning, and make no rate. */
static bool spins(const struct detection *detection, size_t position, double *rate)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_worker *worker = &timeline->workers[position];
	double awake = awake_ns(timeline, position);

	if (!is_loop(timeline, position) || awake <= 0 ||
	    (double)worker->empty_iterations < limit(detection, LIMIT_spinning_least) ||
	    ns_of(timeline, worker->empty_ticks) < limit(detection, LIMIT_spinning_time) ||
	    worker->empty_iterations * 2 < worker->iterations)
		return false;
	*rate = (double)worker->empty_iterations / awake * 1e9;
	return *rate >= limit(detection, LIMIT_spinning_rate);
}

/* Who spins: the program, by calling uv_run again and again, or a callback whose handle keeps the
 * loop from waiting. */
static void spinning_blame(const struct detection *detection, struct finding *finding, bool in_vain)
{
	static const char *const kinds[] = {"idle", "prepare", "check", "timer"};
	uint32_t site = most_runs(detection->timeline, kinds, sizeof(kinds) / sizeof(*kinds));

	fact_flag(finding, FACT_called_in_vain, in_vain);
	if (!in_vain && site != detection->timeline->process->site_count)
		finding_blame(detection, finding, site);
}

static void spinning_tell(struct detection *detection, size_t position, double rate)
{
	const struct timeline_worker *worker = &detection->timeline->workers[position];
	double inside = (double)worker->inside_ticks;
	struct finding finding = finding_make(detection, FINDING_SPINNING, SEVERITY_WARNING);

	finding_worker(detection, &finding, position);
	finding_everywhere(detection, &finding);
	spinning_blame(detection, &finding, worker->runs * 2 >= worker->empty_iterations);
	fact_whole(&finding, FACT_empty, worker->empty_iterations);
	fact_whole(&finding, FACT_iterations, worker->iterations);
	fact_number(&finding, FACT_empty_per_second, rate);
	fact_ticks(detection, &finding, FACT_empty_ns, worker->empty_ticks);
	fact_whole(&finding, FACT_uv_runs, worker->runs);
	fact_number(&finding, FACT_parked_share,
		    inside > 0 ? (double)worker->parked_ticks / inside : 0);
	finding.confidence = 0.9;
	finding_add(detection, &finding);
}

void detect_spinning(struct detection *detection)
{
	double rate;

	for (size_t i = 0; i < detection->timeline->process->worker_count; i++) {
		if (spins(detection, i, &rate))
			spinning_tell(detection, i, rate);
	}
}
