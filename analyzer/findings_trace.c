/* SPDX-License-Identifier: Apache-2.0
 *
 * Detectors that look at the machine and at the trace itself: threads that were not run, what was lost, what was not
 * traced.
 */
#include "findings_parts.h"

#include <inttypes.h>

/* ---- The machine ---------------------------------------------------------------------------------------------- */

static void descheduled_tell(struct detection *detection, size_t worker, double share)
{
	const struct timeline *timeline = detection->timeline;
	const struct trace_worker *entry = &timeline->process->workers[worker];
	const struct timeline_worker *facts = &timeline->workers[worker];
	struct finding *finding = finding_add(
	    detection, "descheduled", share >= limit(detection, LIMIT_cpu_wait) ? SEVERITY_WARNING : SEVERITY_NOTE);
	struct texts texts = {0};

	finding_say(detection, &finding->culprit, "worker %" PRIu32 " (%s)", entry->worker, entry->name);
	finding_say(detection, &finding->title,
		    "The kernel kept worker %" PRIu32
		    " (%s) waiting for a CPU for %s, %.0f%% of the time it wanted to run.",
		    entry->worker, is_loop(timeline, worker) ? "loop" : "pool",
		    say_ns(&texts, (double)facts->sched_wait_ns), 100 * share);
	finding_say(detection, &finding->evidence, "It was on a CPU for %s of %s, %" PRIu64 " times.",
		    say_ns(&texts, (double)facts->cpu_ns), say_ns(&texts, (double)facts->sampled_ns), facts->slices);
	finding_say(
	    detection, &finding->advice,
	    "Other threads take its CPU: see what else runs there, give the program more CPUs, or change priorities.");
	finding->cost_ns = facts->sched_wait_ns;
	finding->confidence = 0.9;
	finding_place(detection, finding, timeline->from_tick, timeline->range_ticks, worker);
}

/* Loops only: who waits for a pool thread is found by its wait. */
void detect_descheduled(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		const struct timeline_worker *facts = &timeline->workers[i];
		double wait = (double)facts->sched_wait_ns, wanted = wait + (double)facts->cpu_ns;
		if (is_loop(timeline, i) && facts->sampled && wait >= limit(detection, LIMIT_cpu_wait_least) &&
		    wait >= limit(detection, LIMIT_cpu_wait_note) * wanted)
			descheduled_tell(detection, i, wait / wanted);
	}
}

/* ---- The trace ------------------------------------------------------------------------------------------------ */

void detect_lost(struct detection *detection)
{
	const struct trace_process *process = detection->timeline->process;
	uint64_t gone = process->lost + process->missing;
	size_t worst = 0;

	if (gone == 0)
		return;
	for (size_t i = 1; i < process->worker_count; i++) {
		if (process->workers[i].lost + process->workers[i].missing >
		    process->workers[worst].lost + process->workers[worst].missing)
			worst = i;
	}
	double share = (double)gone / (double)(process->events + gone);
	struct finding *finding = finding_add(
	    detection, "lost_events", share >= limit(detection, LIMIT_lost_share) ? SEVERITY_WARNING : SEVERITY_NOTE);
	if (process->worker_count > 0)
		finding_say(detection, &finding->culprit, "worker %" PRIu32, process->workers[worst].worker);
	finding_say(detection, &finding->title, "%.2g%% of the events are not there: totals are too low.", 100 * share);
	finding_say(detection, &finding->evidence,
		    "%" PRIu64 " were lost because a ring was full or an emit was interrupted, %" PRIu64
		    " are missing from the files.",
		    process->lost, process->missing);
	finding_say(detection, &finding->advice, "%s",
		    process->lost ? "Record with a larger UVTRACE_RING_SIZE, or leave the helper a core."
				  : "Record with a larger UVTRACE_TOTAL_SIZE.");
}

void detect_untraced(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	bool libc = timeline->process->tier == TRACE_TIER_LIBC;
	bool some = timeline->untraced_callbacks > 0 || timeline->untraced_threads > 0;

	if (!libc && !some && timeline->off_ticks == 0)
		return;
	struct finding *finding = finding_add(detection, "untraced", libc || some ? SEVERITY_WARNING : SEVERITY_NOTE);
	struct texts texts = {0};
	finding_say(detection, &finding->title, "%s",
		    libc   ? "Only waits can be seen: libuv is linked into this program."
		    : some ? "Not everything was traced."
			   : "Recording was switched off for a part of the time.");
	finding_say(detection, &finding->evidence,
		    "%" PRIu64 " registrations of callbacks and %" PRIu64
		    " threads without a record; switched off for %s.",
		    timeline->untraced_callbacks, timeline->untraced_threads,
		    say_ns(&texts, ns_of(timeline, timeline->off_ticks)));
	finding_say(detection, &finding->advice, "%s",
		    libc ? "Use a build with libuv as a shared library to see callbacks."
			 : "What is said here holds for the rest only.");
}

void detect_unwound(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	uint64_t unwound = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++)
		unwound += timeline->workers[i].unwound;
	if (unwound == 0)
		return;
	struct finding *finding = finding_add(detection, "unwound", SEVERITY_NOTE);
	finding_say(detection, &finding->title,
		    "%" PRIu64 " callback%s left by an exception, longjmp or the thread's end, through libuv.", unwound,
		    unwound == 1 ? " was" : "s were");
	finding_say(detection, &finding->evidence, "Their ends were set to the thread's next event.");
	finding_say(detection, &finding->advice,
		    "libuv's own state may be left behind: catch exceptions inside the callback.");
}
