/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine: loops that waited in the run queue, throttling by a cgroup's quota, steal time.
 */
#include "findings/findings_internal.h"

/* What the quota of its cgroup kept from the program looks like a busy machine to its threads. */
static bool quota_explains(const struct detection *detection, const struct timeline_worker *facts)
{
	return (double)detection->timeline->machine.throttled_ns >=
	       limit(detection, LIMIT_cause_share) * (double)facts->sched_wait_ns;
}

static void descheduled_tell(struct detection *detection, size_t worker, double share)
{
	const struct timeline_worker *facts = &detection->timeline->workers[worker];
	bool much = share >= limit(detection, LIMIT_cpu_wait) && !quota_explains(detection, facts);
	struct finding finding =
	    finding_make(detection, FINDING_DESCHEDULED, much ? SEVERITY_WARNING : SEVERITY_NOTE);

	finding_worker(detection, &finding, worker);
	finding_everywhere(detection, &finding);
	fact_whole(&finding, FACT_wait_ns, facts->sched_wait_ns);
	fact_number(&finding, FACT_wait_share, share);
	fact_whole(&finding, FACT_cpu_ns, facts->cpu_ns);
	fact_whole(&finding, FACT_sampled_ns, facts->sampled_ns);
	fact_whole(&finding, FACT_slices, facts->slices);
	if (facts->switches.known)
		fact_whole(&finding, FACT_preemptions, facts->switches.involuntary);
	finding.cost_ns = facts->sched_wait_ns;
	finding.confidence = 0.9;
	finding_add(detection, &finding);
}

/* Loops only: who waits for a pool thread is found by its wait. */
void detect_descheduled(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		const struct timeline_worker *facts = &timeline->workers[i];
		double wait = (double)facts->sched_wait_ns, wanted = wait + (double)facts->cpu_ns;
		if (is_loop(timeline, i) && facts->sampled &&
		    wait >= limit(detection, LIMIT_cpu_wait_least) &&
		    wait >= limit(detection, LIMIT_cpu_wait_note) * wanted)
			descheduled_tell(detection, i, wait / wanted);
	}
}

static void throttled_tell(struct detection *detection, double share)
{
	const struct timeline_machine *machine = &detection->timeline->machine;
	bool much = share >= limit(detection, LIMIT_throttled);
	struct finding finding =
	    finding_make(detection, FINDING_THROTTLED, much ? SEVERITY_WARNING : SEVERITY_NOTE);

	fact_number(&finding, FACT_quota_cpus, (double)machine->quota / 1000);
	fact_number(&finding, FACT_throttled_share, share);
	fact_whole(&finding, FACT_throttled_ns, machine->throttled_ns);
	fact_whole(&finding, FACT_throttled_periods, machine->throttled_periods);
	fact_whole(&finding, FACT_periods, machine->periods);
	fact_whole(&finding, FACT_worst_ns, machine->worst_ns);
	finding.cost_ns = machine->throttled_ns;
	finding.confidence = 0.9;
	finding.from_ns = timeline_offset_ns(detection->timeline, machine->worst_from);
	finding.to_ns = timeline_offset_ns(detection->timeline, machine->worst_to);
	finding_add(detection, &finding);
}

void detect_throttled(struct detection *detection)
{
	const struct timeline_machine *machine = &detection->timeline->machine;
	double share =
	    machine->periods ? (double)machine->throttled_periods / (double)machine->periods : 0;

	if (share >= limit(detection, LIMIT_throttled_note) &&
	    (double)machine->throttled_ns >= limit(detection, LIMIT_throttled_least))
		throttled_tell(detection, share);
}

static void steal_tell(struct detection *detection, double share)
{
	const struct timeline *timeline = detection->timeline;
	bool much = share >= limit(detection, LIMIT_steal);
	struct finding finding =
	    finding_make(detection, FINDING_STEAL, much ? SEVERITY_WARNING : SEVERITY_NOTE);
	uint64_t cpu_ns = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++)
		cpu_ns += timeline->workers[i].cpu_ns;
	finding_everywhere(detection, &finding);
	fact_number(&finding, FACT_steal_share, share);
	fact_whole(&finding, FACT_steal_ns, timeline->machine.steal_ns);
	fact_whole(&finding, FACT_busy_ns, timeline->machine.busy_ns);
	finding.cost_ns = whole_ns(share * (double)cpu_ns);
	finding.confidence = 0.8;
	finding_add(detection, &finding);
}

void detect_steal(struct detection *detection)
{
	const struct timeline_machine *machine = &detection->timeline->machine;
	double wanted = (double)machine->busy_ns + (double)machine->steal_ns;
	double share = wanted > 0 ? (double)machine->steal_ns / wanted : 0;

	if (share >= limit(detection, LIMIT_steal_note) &&
	    (double)machine->steal_ns >= limit(detection, LIMIT_steal_least))
		steal_tell(detection, share);
}
