/* SPDX-License-Identifier: Apache-2.0
 *
 * The trace itself: without events, events lost, parts not traced, callbacks left by exceptions.
 */
#include "findings/findings_internal.h"

/* Nothing to look at is no health. */
void detect_nothing(struct detection *detection)
{
	const struct trace_process *process = detection->timeline->process;

	if (process->events > 0)
		return;
	struct finding finding = finding_make(detection, FINDING_NO_EVENTS, SEVERITY_WARNING);
	fact_whole(&finding, FACT_workers, process->worker_count);
	fact_whole(&finding, FACT_files, process->segment_count);
	fact_whole(&finding, FACT_lost, process->lost);
	fact_whole(&finding, FACT_missing, process->missing);
	fact_flag(&finding, FACT_off, detection->timeline->off_ticks > 0);
	finding_add(detection, &finding);
}

/* A loop that spins makes more events than can be kept: that is told already. */
static bool spins(struct detection *detection)
{
	return found(detection, FINDING_SPINNING) || found(detection, FINDING_READY_SPIN);
}

static enum severity lost_severity(struct detection *detection, double share)
{
	if (spins(detection))
		return SEVERITY_NOTE;
	if (share >= limit(detection, LIMIT_lost_much))
		return SEVERITY_ERROR;
	return share >= limit(detection, LIMIT_lost_share) ? SEVERITY_WARNING : SEVERITY_NOTE;
}

/* The number of the worker that lost most; process->worker_count > 0. */
static uint32_t lost_most(const struct trace_process *process)
{
	size_t worst = 0;

	for (size_t i = 1; i < process->worker_count; i++) {
		if (process->workers[i].lost + process->workers[i].missing >
		    process->workers[worst].lost + process->workers[worst].missing)
			worst = i;
	}
	return process->workers[worst].worker;
}

void detect_lost(struct detection *detection)
{
	const struct trace_process *process = detection->timeline->process;
	uint64_t gone = process->lost + process->missing;

	if (gone == 0)
		return;
	double share = (double)gone / (double)(process->events + gone);
	struct finding finding =
	    finding_make(detection, FINDING_LOST_EVENTS, lost_severity(detection, share));
	if (process->worker_count > 0)
		fact_whole(&finding, FACT_worker, lost_most(process));
	fact_number(&finding, FACT_lost_share, share);
	fact_whole(&finding, FACT_lost, process->lost);
	fact_whole(&finding, FACT_missing, process->missing);
	fact_flag(&finding, FACT_ring_was_full, process->lost > 0);
	finding_add(detection, &finding);
}

void detect_untraced(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	bool libc = timeline->process->tier == TRACE_TIER_LIBC;
	bool some = timeline->untraced_callbacks > 0 || timeline->untraced_threads > 0;

	if (!libc && !some && timeline->off_ticks == 0)
		return;
	struct finding finding = finding_make(detection, FINDING_UNTRACED,
					      libc || some ? SEVERITY_WARNING : SEVERITY_NOTE);
	fact_flag(&finding, FACT_tier_libc, libc);
	fact_flag(&finding, FACT_off, !some);
	fact_whole(&finding, FACT_registrations, timeline->untraced_callbacks);
	fact_whole(&finding, FACT_untraced_threads, timeline->untraced_threads);
	fact_ticks(detection, &finding, FACT_off_ns, timeline->off_ticks);
	finding_add(detection, &finding);
}

void detect_unwound(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	uint64_t unwound = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++)
		unwound += timeline->workers[i].unwound;
	if (unwound == 0)
		return;
	struct finding finding = finding_make(detection, FINDING_UNWOUND, SEVERITY_NOTE);
	fact_whole(&finding, FACT_unwound, unwound);
	finding_add(detection, &finding);
}
