/* SPDX-License-Identifier: Apache-2.0
 *
 * Detectors that look at the machine and at the trace itself: threads that were not run, what was lost, what was not
 * traced.
 */
#include "findings_internal.h"

#include <inttypes.h>

/* ---- The machine ---------------------------------------------------------------------------------------------- */

/* What the quota of its cgroup kept from the program looks like a busy machine to its threads. */
static bool quota_explains(const struct detection *detection, const struct timeline_worker *facts)
{
	return (double)detection->timeline->machine.throttled_ns >=
	       limit(detection, LIMIT_cause_share) * (double)facts->sched_wait_ns;
}

static const char *switches_text(const struct timeline_worker *facts, char *text, size_t bytes)
{
	text[0] = '\0';
	if (facts->switches.known)
		snprintf(text, bytes, " The kernel took the CPU from it %" PRIu64 " time%s.",
			 facts->switches.involuntary, plural(facts->switches.involuntary));
	return text;
}

static void descheduled_tell(struct detection *detection, size_t worker, double share)
{
	const struct timeline *timeline = detection->timeline;
	const struct trace_worker *entry = &timeline->process->workers[worker];
	const struct timeline_worker *facts = &timeline->workers[worker];
	bool much = share >= limit(detection, LIMIT_cpu_wait) && !quota_explains(detection, facts);
	struct finding *finding = finding_add(detection, "descheduled", much ? SEVERITY_WARNING : SEVERITY_NOTE);
	struct texts texts = {0};
	char switches[100];

	finding_say(detection, &finding->culprit, "worker %" PRIu32 " (%s)", entry->worker, entry->name);
	finding_say(detection, &finding->title,
		    "The kernel kept worker %" PRIu32
		    " (%s) waiting for a CPU for %s, %.0f%% of the time it wanted to run.",
		    entry->worker, is_loop(timeline, worker) ? "loop" : "pool",
		    say_ns(&texts, (double)facts->sched_wait_ns), 100 * share);
	finding_say(detection, &finding->evidence, "It was on a CPU for %s of %s, %" PRIu64 " time%s.%s",
		    say_ns(&texts, (double)facts->cpu_ns), say_ns(&texts, (double)facts->sampled_ns), facts->slices,
		    plural(facts->slices), switches_text(facts, switches, sizeof(switches)));
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

void detect_throttled(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_machine *machine = &timeline->machine;
	double share = machine->periods ? (double)machine->throttled_periods / (double)machine->periods : 0;
	bool much = share >= limit(detection, LIMIT_throttled);
	struct texts texts = {0};

	if (share < limit(detection, LIMIT_throttled_note) ||
	    (double)machine->throttled_ns < limit(detection, LIMIT_throttled_least))
		return;
	struct finding *finding = finding_add(detection, "throttled", much ? SEVERITY_WARNING : SEVERITY_NOTE);
	finding_say(detection, &finding->culprit, "the quota of the cgroup");
	finding_say(detection, &finding->title,
		    "The cgroup's quota of %.3g CPUs stopped the program in %.0f%% of the periods, for %s in all.",
		    (double)machine->quota / 1000, 100 * share, say_ns(&texts, (double)machine->throttled_ns));
	finding_say(detection, &finding->evidence,
		    "%" PRIu64 " of %" PRIu64
		    " period%s, counted over all processes of the cgroup and all CPUs; %s of it "
		    "at worst between two samples.",
		    machine->throttled_periods, machine->periods, plural(machine->periods),
		    say_ns(&texts, (double)machine->worst_ns));
	finding_say(
	    detection, &finding->advice,
	    "Raise the quota (cpu.max, cpu.cfs_quota_us, a container's CPU limit), or run fewer threads at once.");
	finding->cost_ns = machine->throttled_ns;
	finding->confidence = 0.9;
	finding->from_ns = timeline_offset_ns(timeline, machine->worst_from);
	finding->to_ns = timeline_offset_ns(timeline, machine->worst_to);
}

void detect_steal(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_machine *machine = &timeline->machine;
	double wanted = (double)machine->busy_ns + (double)machine->steal_ns;
	double share = wanted > 0 ? (double)machine->steal_ns / wanted : 0;
	bool much = share >= limit(detection, LIMIT_steal);
	struct texts texts = {0};
	uint64_t cpu_ns = 0;

	if (share < limit(detection, LIMIT_steal_note) ||
	    (double)machine->steal_ns < limit(detection, LIMIT_steal_least))
		return;
	for (size_t i = 0; i < timeline->process->worker_count; i++)
		cpu_ns += timeline->workers[i].cpu_ns;
	struct finding *finding = finding_add(detection, "steal", much ? SEVERITY_WARNING : SEVERITY_NOTE);
	finding_say(detection, &finding->culprit, "the hypervisor");
	finding_say(detection, &finding->title,
		    "The hypervisor ran somebody else for %.0f%% of the time that this machine wanted to run.",
		    100 * share);
	finding_say(detection, &finding->evidence,
		    "%s of steal beside %s of work, all CPUs together. Threads seem to be on a CPU meanwhile, and "
		    "callbacks to compute.",
		    say_ns(&texts, (double)machine->steal_ns), say_ns(&texts, (double)machine->busy_ns));
	finding_say(detection, &finding->advice,
		    "Take a machine with CPUs of its own, or one that is less crowded (and has CPU credits left).");
	finding->cost_ns = whole_ns(share * (double)cpu_ns);
	finding->confidence = 0.8;
	finding->from_ns = timeline_offset_ns(timeline, timeline->from_tick);
	finding->to_ns = timeline_offset_ns(timeline, timeline->end_tick);
}

/* ---- The trace ------------------------------------------------------------------------------------------------ */

/* Nothing to look at is no health. */
void detect_nothing(struct detection *detection)
{
	const struct trace_process *process = detection->timeline->process;

	if (process->events > 0)
		return;
	struct finding *finding = finding_add(detection, "no_events", SEVERITY_WARNING);
	finding_say(detection, &finding->title,
		    "This trace cannot tell how the program did: no event of it can be read.");
	finding_say(detection, &finding->evidence,
		    "Workers known: %zu; files: %" PRIu32 "; events lost: %" PRIu64 ", missing: %" PRIu64 "%s.",
		    process->worker_count, process->segment_count, process->lost, process->missing,
		    detection->timeline->off_ticks > 0 ? "; recording was switched off" : "");
	finding_say(detection, &finding->advice,
		    "Look at the warnings below, and record anew: a program that runs a loop leaves events.");
}

static enum severity lost_severity(const struct detection *detection, double share)
{
	if (share >= limit(detection, LIMIT_lost_much))
		return SEVERITY_ERROR;
	return share >= limit(detection, LIMIT_lost_share) ? SEVERITY_WARNING : SEVERITY_NOTE;
}

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
	struct finding *finding = finding_add(detection, "lost_events", lost_severity(detection, share));
	if (process->worker_count > 0)
		finding_say(detection, &finding->culprit, "worker %" PRIu32, process->workers[worst].worker);
	finding_say(detection, &finding->title, "%.2g%% of the events are not there: totals are too low.", 100 * share);
	finding_say(detection, &finding->evidence,
		    "%" PRIu64 " %s lost because a ring was full or an emit was interrupted, %" PRIu64
		    " %s missing from the files.",
		    process->lost, by_count(process->lost, "was", "were"), process->missing,
		    by_count(process->missing, "is", "are"));
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
		    "%" PRIu64 " registration%s of callbacks and %" PRIu64
		    " thread%s without a record; switched off for %s.",
		    timeline->untraced_callbacks, plural(timeline->untraced_callbacks), timeline->untraced_threads,
		    plural(timeline->untraced_threads), say_ns(&texts, ns_of(timeline, timeline->off_ticks)));
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
		    by_count(unwound, " was", "s were"));
	finding_say(detection, &finding->evidence, "Their ends were set to the thread's next event.");
	finding_say(detection, &finding->advice,
		    "libuv's own state may be left behind: catch exceptions inside the callback.");
}
