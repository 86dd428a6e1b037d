/* SPDX-License-Identifier: Apache-2.0
 *
 * Loops that spin: through empty iterations, or by a descriptor that is always ready.
 *
 * Rules: a rate is over the time that the worker was there and did not wait, in uv_run or not. A
 * thread that was not on a CPU did not spin. Whoever keeps the loop from waiting ran in the empty
 * iterations themselves; where nobody did, that is a note.
 */
#include "findings/findings_internal.h"

#include <string.h>

/* The part of its events that is in the trace. */
static double recorded_share(const struct trace_worker *worker)
{
	double gone = (double)worker->lost + (double)worker->missing;

	return gone > 0 ? (double)worker->events / ((double)worker->events + gone) : 1;
}

/* How long the worker was there in the range and not parked; without what it waited for a CPU, and
 * what is missing. */
static double awake_ns(const struct timeline *timeline, size_t position)
{
	const struct trace_worker *worker = &timeline->process->workers[position];
	uint64_t from =
	    worker->start_tick > timeline->from_tick ? worker->start_tick : timeline->from_tick;
	uint64_t end = worker->end_tick ? worker->end_tick : timeline->end_tick;
	uint64_t ticks =
	    end > from ? (end < timeline->end_tick ? end : timeline->end_tick) - from : 0;
	uint64_t parked = timeline->workers[position].parked_ticks + timeline->off_ticks;

	double ns = ticks > parked ? ns_of(timeline, ticks - parked) : 0;
	double waited = (double)timeline->workers[position].sched_wait_ns;
	return ns > waited ? (ns - waited) * recorded_share(worker) : 0;
}

/* By samples, the thread was on a CPU or ready to run for that part of this time; true where there
 * are none. */
static bool ran_for(const struct detection *detection, size_t position, double ns)
{
	const struct timeline_worker *worker = &detection->timeline->workers[position];

	return !worker->sampled || (double)(worker->cpu_ns + worker->sched_wait_ns) >=
				       limit(detection, LIMIT_cause_share) * ns;
}

static double confidence_of(const struct detection *detection, size_t position)
{
	return detection->timeline->workers[position].sampled ? 0.9 : 0.7;
}

/* ---- A descriptor that is always ready ------------------------------------------------------- */

/* A callback that reads or writes takes longer than that, or most of the time. What gets an error
 * each time has read nothing. */
static bool does_nothing(const struct detection *detection,
			 const struct timeline_always_ready *ready)
{
	const struct timeline *timeline = detection->timeline;
	double callbacks = ns_of(timeline, ready->callback_ticks);

	return ready->failures >= ready->callbacks ||
	       callbacks <= limit(detection, LIMIT_cause_share) * ns_of(timeline, ready->ticks) ||
	       callbacks <= limit(detection, LIMIT_ready_spin_run) * (double)ready->callbacks;
}

/* Who cannot accept is woken for the same client again and again. */
static bool cannot_accept(struct detection *detection, size_t position)
{
	const struct timeline_worker *worker = &detection->timeline->workers[position];

	return found(detection, FINDING_ACCEPT_LIMIT) && worker->accept_failures.in_callbacks > 0;
}

static bool is_always_ready(const struct detection *detection, size_t position)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_always_ready *ready = &timeline->workers[position].always_ready;
	double ns = ns_of(timeline, ready->ticks);

	return is_loop(timeline, position) &&
	       (double)ready->iterations >= limit(detection, LIMIT_spinning_least) &&
	       ns >= limit(detection, LIMIT_ready_spin_time) &&
	       (double)ready->at_once >=
		   limit(detection, LIMIT_ready_spin) * (double)ready->iterations &&
	       (double)ready->callbacks * 1e9 >= limit(detection, LIMIT_spinning_rate) * ns &&
	       does_nothing(detection, ready) && ran_for(detection, position, ns);
}

static void ready_spin_tell(struct detection *detection, size_t position)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_worker *worker = &timeline->workers[position];
	const struct timeline_always_ready *ready = &worker->always_ready;
	double ns = ns_of(timeline, ready->ticks);
	struct finding finding = finding_make(detection, FINDING_READY_SPIN, SEVERITY_WARNING);

	finding_worker(detection, &finding, position);
	finding_everywhere(detection, &finding);
	finding_blame(detection, &finding, ready->site);
	fact_whole(&finding, FACT_runs, ready->callbacks);
	fact_number(&finding, FACT_runs_per_second, (double)ready->callbacks / ns * 1e9);
	fact_ns(&finding, FACT_total_ns, ns);
	fact_whole(&finding, FACT_iterations, ready->iterations);
	fact_flag(&finding, FACT_no_buffer, ready->failures > 0);
	fact_number(&finding, FACT_at_once_share,
		    (double)ready->at_once / (double)ready->iterations);
	fact_ns(&finding, FACT_run_mean_ns,
		ns_of(timeline, ready->callback_ticks) / (double)ready->callbacks);
	if (worker->sampled && worker->sampled_ns > 0)
		fact_number(&finding, FACT_cpu_share,
			    (double)worker->cpu_ns / (double)worker->sampled_ns);
	finding.confidence = confidence_of(detection, position);
	finding_add(detection, &finding);
}

void detect_ready_spin(struct detection *detection)
{
	for (size_t i = 0; i < detection->timeline->process->worker_count; i++) {
		if (is_always_ready(detection, i) && !cannot_accept(detection, i))
			ready_spin_tell(detection, i);
	}
}

/* ---- Empty iterations ------------------------------------------------------------------------ */

/* Short work in idle handles is work. */
static bool empty_ones_work(const struct detection *detection, const struct timeline_worker *worker)
{
	return ns_of(detection->timeline, worker->empty_callback_ticks) >
	       limit(detection, LIMIT_spinning_work) * (double)worker->empty_iterations;
}

/* The empty iterations took that part of the time, or came one so soon after the other that nothing
 * of use lies between. */
static bool is_most_of_it(const struct detection *detection, const struct timeline_worker *worker,
			  double empty, double awake)
{
	return empty >= limit(detection, LIMIT_spinning) * awake ||
	       awake <= limit(detection, LIMIT_spinning_gap) * (double)worker->empty_iterations;
}

/* A few empty iterations are no spinning, and make no rate. */
static bool spins(const struct detection *detection, size_t position, double *rate)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_worker *worker = &timeline->workers[position];
	double awake = awake_ns(timeline, position), empty = ns_of(timeline, worker->empty_ticks);

	if (!is_loop(timeline, position) || awake <= 0 ||
	    (double)worker->empty_iterations < limit(detection, LIMIT_spinning_least) ||
	    empty < limit(detection, LIMIT_spinning_time) ||
	    !is_most_of_it(detection, worker, empty, awake) ||
	    worker->empty_iterations * 2 < worker->iterations ||
	    empty_ones_work(detection, worker) || !ran_for(detection, position, awake))
		return false;
	*rate = (double)worker->empty_iterations / awake * 1e9;
	return *rate >= limit(detection, LIMIT_spinning_rate);
}

/* node keeps an idle handle active while there are immediates to run. */
static bool is_immediate(const struct detection *detection, uint32_t site)
{
	const struct symbol_info *callback = symbols_site(detection->input->symbols, site, false);

	return strstr(callback->name, "ToggleImmediateRef") != NULL ||
	       strncmp(callback->module, "libnode.so", 10) == 0 ||
	       strcmp(callback->module, "node") == 0;
}

/* Whoever ran in most of the empty iterations; site_count: nobody did. */
static uint32_t kept_awake_by(const struct timeline *timeline, const struct timeline_worker *worker)
{
	const struct {
		uint64_t iterations;
		uint32_t site;
	} candidates[] = {{worker->idle_iterations, worker->idle_site.site},
			  {worker->due_iterations, worker->due_site.site}};

	for (size_t i = 0; i < sizeof(candidates) / sizeof(*candidates); i++) {
		if (candidates[i].iterations * 2 >= worker->empty_iterations)
			return candidates[i].site;
	}
	return (uint32_t)timeline->process->site_count;
}

static void spinning_blame(const struct detection *detection, struct finding *finding,
			   uint32_t site, const struct timeline_worker *worker)
{
	if (site == detection->timeline->process->site_count)
		return;
	finding_blame(detection, finding, site);
	if (worker->idle_iterations * 2 < worker->empty_iterations)
		fact_flag(finding, FACT_by_timer, true);
	else
		fact_flag(finding, FACT_immediate, is_immediate(detection, site));
}

static void spinning_tell(struct detection *detection, size_t position, double rate)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_worker *worker = &timeline->workers[position];
	double inside = (double)worker->inside_ticks;
	uint32_t site = kept_awake_by(timeline, worker);
	bool blamed = site != timeline->process->site_count;
	bool in_vain = !blamed && worker->runs * 2 >= worker->empty_iterations;
	struct finding finding = finding_make(detection, FINDING_SPINNING,
					      blamed || in_vain ? SEVERITY_WARNING : SEVERITY_NOTE);

	finding_worker(detection, &finding, position);
	finding_everywhere(detection, &finding);
	fact_flag(&finding, FACT_called_in_vain, in_vain);
	spinning_blame(detection, &finding, site, worker);
	fact_whole(&finding, FACT_empty, worker->empty_iterations);
	fact_whole(&finding, FACT_iterations, worker->iterations);
	fact_number(&finding, FACT_empty_per_second, rate);
	fact_ticks(detection, &finding, FACT_empty_ns, worker->empty_ticks);
	fact_whole(&finding, FACT_uv_runs, worker->runs);
	fact_number(&finding, FACT_parked_share,
		    inside > 0 ? (double)worker->parked_ticks / inside : 0);
	if (worker->sampled && worker->sampled_ns > 0)
		fact_number(&finding, FACT_cpu_share,
			    (double)worker->cpu_ns / (double)worker->sampled_ns);
	finding.confidence = confidence_of(detection, position);
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

bool found_spinning(struct detection *detection, size_t worker)
{
	return found_on_worker(detection, FINDING_SPINNING, worker) ||
	       found_on_worker(detection, FINDING_READY_SPIN, worker) ||
	       found_on_worker(detection, FINDING_ACCEPT_LIMIT, worker);
}
