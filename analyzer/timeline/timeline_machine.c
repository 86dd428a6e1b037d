/* SPDX-License-Identifier: Apache-2.0
 *
 * What samples say of the machine: throttling by the quota of a cgroup, time that a hypervisor
 * took, CPUs, context switches, the price of an event.
 *
 * Rules: running totals become differences between two samples of the range, the last one before it
 * included. A total that went back is another one's (the process was moved to another cgroup):
 * counting begins anew.
 */
#include "timeline_internal.h"

static bool went_back(const struct trace_sample *before, const struct trace_sample *sample)
{
	return sample->a < before->a || sample->b < before->b || sample->c < before->c;
}

/* The sample that later ones of its sort are compared with. False: this is one, or tells nothing.
 */
static bool sample_follows(const struct timeline *timeline, struct trace_sample *first,
			   const struct trace_sample *sample)
{
	if (first->type != 0 && sample->tick > timeline->from_tick && !went_back(first, sample))
		return sample->tick > first->tick;
	*first = *sample;
	return false;
}

static void time_sample(struct timeline *timeline, const struct trace_sample *sample)
{
	struct trace_sample *first = &timeline->hidden->first_machine;
	struct timeline_machine *machine = &timeline->machine;

	if (!sample_follows(timeline, first, sample))
		return;
	machine->known = true;
	machine->busy_ns = sample->a - first->a;
	machine->idle_ns = sample->b - first->b;
	machine->steal_ns = sample->c - first->c;
}

/* Also the stretch between two samples in which it was throttled most. */
static void cgroup_sample(struct timeline *timeline, const struct trace_sample *sample)
{
	struct trace_sample *first = &timeline->hidden->first_cgroup,
			    *last = &timeline->hidden->last_cgroup;
	struct timeline_machine *machine = &timeline->machine;

	if (sample_follows(timeline, first, sample)) {
		uint64_t since = last->c > first->c ? last->c : first->c, from = last->tick;
		machine->periods = sample->a - first->a;
		machine->throttled_periods = sample->b - first->b;
		machine->throttled_ns = sample->c - first->c;
		if (sample->c - since > machine->worst_ns) {
			machine->worst_ns = sample->c - since;
			machine->worst_from = from;
			machine->worst_to = sample->tick;
		}
	}
	*last = *sample;
}

static void cpus_sample(struct timeline *timeline, const struct trace_sample *sample)
{
	timeline->machine.cpus = sample->a;
	timeline->machine.allowed = sample->b;
	timeline->machine.quota = sample->c;
}

void machine_sample(struct timeline *timeline, const struct trace_sample *sample)
{
	switch (sample->type) {
	case TRACE_SAMPLE_MACHINE:
		time_sample(timeline, sample);
		break;
	case TRACE_SAMPLE_CGROUP:
		cgroup_sample(timeline, sample);
		break;
	case TRACE_SAMPLE_CPUS:
		cpus_sample(timeline, sample);
		break;
	case TRACE_SAMPLE_PRICE:
		timeline->machine.event_ps = sample->a;
		break;
	}
}

void switches_sample(const struct timeline *timeline, struct timeline_worker *worker,
		     const struct trace_sample *sample)
{
	struct timeline_switches *switches = &worker->switches;

	if (!switches->begun || sample->tick <= timeline->from_tick) {
		switches->begun = true;
		switches->voluntary_before = sample->a;
		switches->involuntary_before = sample->b;
		return;
	}
	if (sample->a < switches->voluntary_before || sample->b < switches->involuntary_before)
		return;
	switches->known = true;
	switches->voluntary = sample->a - switches->voluntary_before;
	switches->involuntary = sample->b - switches->involuntary_before;
}
