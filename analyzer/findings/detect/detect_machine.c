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

/* What a loop wanted: to run, on a CPU or ready to. */
static double wanted_ns(const struct timeline_worker *facts)
{
	return (double)facts->sched_wait_ns + (double)facts->cpu_ns;
}

static bool waits_much(const struct detection *detection, size_t worker)
{
	const struct timeline_worker *facts = &detection->timeline->workers[worker];
	double wait = (double)facts->sched_wait_ns;

	return is_loop(detection->timeline, worker) && facts->sampled &&
	       wait >= limit(detection, LIMIT_cpu_wait_least) &&
	       wait >= limit(detection, LIMIT_cpu_wait_note) * wanted_ns(facts);
}

/* A loop that seldom runs, and waits a little each time, is not starved: that takes a share of the
 * time, too. */
static bool is_starved(const struct detection *detection, const struct timeline_worker *facts)
{
	double wait = (double)facts->sched_wait_ns;

	return wait >= limit(detection, LIMIT_cpu_wait) * wanted_ns(facts) &&
	       wait >= limit(detection, LIMIT_cpu_wait_wall) * (double)facts->sampled_ns &&
	       wait >= limit(detection, LIMIT_cpu_wait_slice) * (double)facts->slices &&
	       !quota_explains(detection, facts);
}

/* The program takes a CPU for nothing, or has one loop do it all: more of a CPU is no remedy. */
static bool burns_a_cpu(struct detection *detection)
{
	static const enum finding_id ids[] = {FINDING_SPINNING, FINDING_READY_SPIN,
					      FINDING_ACCEPT_LIMIT, FINDING_HOT_LOOP,
					      FINDING_UNEVEN_PROCESSES};

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		if (found(detection, ids[i]))
			return true;
	}
	return false;
}

/* Of the CPU time that was spent meanwhile, what the program's workers had. */
static double own_share(const struct timeline *timeline)
{
	uint64_t cpu_ns = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++)
		cpu_ns += timeline->workers[i].cpu_ns;
	return timeline->machine.busy_ns ? (double)cpu_ns / (double)timeline->machine.busy_ns : 1;
}

/* All CPUs were busy, and with others' work: the program has its share, as it would anywhere. It is
 * not the program's affinity, either. */
static bool machine_is_full(const struct detection *detection)
{
	const struct timeline_machine *machine = &detection->timeline->machine;
	double all = (double)machine->busy_ns + (double)machine->idle_ns;

	return machine->known && machine->allowed == machine->cpus &&
	       (double)machine->idle_ns <= limit(detection, LIMIT_machine_idle) * all &&
	       own_share(detection->timeline) < limit(detection, LIMIT_cause_share);
}

/* Of all loops, by the one that waited longest: the machine is one cause. */
static void descheduled_tell(struct detection *detection, size_t worst, size_t loops,
			     uint64_t total_ns)
{
	const struct timeline_worker *facts = &detection->timeline->workers[worst];
	bool full = machine_is_full(detection);
	bool starved = is_starved(detection, facts) && !burns_a_cpu(detection) && !full;
	struct finding finding = finding_make(detection, FINDING_DESCHEDULED,
					      starved ? SEVERITY_WARNING : SEVERITY_NOTE);

	finding_worker(detection, &finding, worst);
	finding_everywhere(detection, &finding);
	fact_flag(&finding, FACT_machine_full, full);
	fact_whole(&finding, FACT_wait_ns, facts->sched_wait_ns);
	fact_number(&finding, FACT_wait_share, (double)facts->sched_wait_ns / wanted_ns(facts));
	fact_whole(&finding, FACT_cpu_ns, facts->cpu_ns);
	fact_whole(&finding, FACT_sampled_ns, facts->sampled_ns);
	fact_whole(&finding, FACT_slices, facts->slices);
	if (facts->switches.known)
		fact_whole(&finding, FACT_preemptions, facts->switches.involuntary);
	if (loops > 1) {
		fact_whole(&finding, FACT_others, loops - 1);
		fact_whole(&finding, FACT_total_ns, total_ns);
	}
	finding.cost_ns = total_ns;
	finding.confidence = 0.9;
	finding_add(detection, &finding);
}

/* Loops only: who waits for a pool thread is found by its wait. */
void detect_descheduled(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	size_t loops = 0, worst = 0;
	uint64_t total_ns = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		if (!waits_much(detection, i))
			continue;
		total_ns += timeline->workers[i].sched_wait_ns;
		if (loops++ == 0 ||
		    timeline->workers[i].sched_wait_ns > timeline->workers[worst].sched_wait_ns)
			worst = i;
	}
	if (loops > 0)
		descheduled_tell(detection, worst, loops, total_ns);
}

/* A machine's part of the time of the recording. */
static bool is_much_of_it(const struct detection *detection, double ns, enum threshold share)
{
	const struct timeline *timeline = detection->timeline;

	return ns >= limit(detection, share) * ns_of(timeline, timeline->range_ticks);
}

/* By the periods that were stopped, where that is a part of the time, too. */
static enum severity throttled_severity(const struct detection *detection, double share)
{
	double ns = (double)detection->timeline->machine.throttled_ns;

	if (share < limit(detection, LIMIT_throttled) ||
	    !is_much_of_it(detection, ns, LIMIT_throttled_wall))
		return SEVERITY_NOTE;
	return share >= limit(detection, LIMIT_throttled_error) ? SEVERITY_ERROR : SEVERITY_WARNING;
}

static void throttled_tell(struct detection *detection, double share)
{
	const struct timeline_machine *machine = &detection->timeline->machine;
	struct finding finding =
	    finding_make(detection, FINDING_THROTTLED, throttled_severity(detection, share));

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

/* What of the workers' CPU time was stolen; -1: nobody knows how much they had. */
static double stolen_ns(const struct timeline *timeline, double share)
{
	uint64_t cpu_ns = 0;
	bool sampled = false;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		sampled |= timeline->workers[i].sampled;
		cpu_ns += timeline->workers[i].cpu_ns;
	}
	return sampled ? share * (double)cpu_ns : -1;
}

static void steal_tell(struct detection *detection, double share)
{
	const struct timeline *timeline = detection->timeline;
	double stolen = stolen_ns(timeline, share);
	bool much = share >= limit(detection, LIMIT_steal) &&
		    (stolen < 0 || is_much_of_it(detection, stolen, LIMIT_steal_wall));
	struct finding finding =
	    finding_make(detection, FINDING_STEAL, much ? SEVERITY_WARNING : SEVERITY_NOTE);

	finding_everywhere(detection, &finding);
	fact_number(&finding, FACT_steal_share, share);
	fact_whole(&finding, FACT_steal_ns, timeline->machine.steal_ns);
	fact_whole(&finding, FACT_busy_ns, timeline->machine.busy_ns);
	finding.cost_ns = whole_ns(stolen);
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
