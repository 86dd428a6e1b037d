/* SPDX-License-Identifier: Apache-2.0
 *
 * Causes that blocking callbacks have in common, whichever callback they meet: Python's interpreter
 * lock, and garbage collection. Each is one finding, by stall samples; what it tells of a
 * callback's time and cost is not told of that callback again.
 */
#include <math.h>
#include <stdlib.h>

#include "blockers.h"
#include "findings/advice.h"

#define SURE_SEEN  0.7 /* samples saw it often */
#define SURE_LEAST 0.5

/* What samples say of one blocker's time, or of all. */
struct seen {
	uint64_t ticks, samples;	 /* in all */
	uint64_t for_ticks, for_samples; /* for the cause */
	const struct stall *heaviest;	 /* of those for the cause */
};

static void seen_add(struct seen *into, const struct seen *seen)
{
	into->ticks += seen->ticks;
	into->samples += seen->samples;
	into->for_ticks += seen->for_ticks;
	into->for_samples += seen->for_samples;
	if (seen->heaviest && (!into->heaviest || seen->heaviest->ticks > into->heaviest->ticks))
		into->heaviest = seen->heaviest;
}

/* Of a run that the kernel did not let run nobody knows the kind: it goes with its callback's
 * first.
 */
static bool is_of(const struct blockers *blockers, const struct blocker *blocker, size_t at)
{
	size_t first = 0;

	if (blockers->stall_samples.seen[at])
		return blocker_has_sample(blockers, blocker, at);
	while (first < blockers->count &&
	       blockers->list[first].site !=
		   first_site(blockers, blockers->stall_samples.list[at].site))
		first++;
	return blocker == &blockers->list[first];
}

static struct seen seen_of(const struct blockers *blockers, const struct blocker *blocker,
			   enum work_reason reason)
{
	struct seen seen = {0};

	for (size_t i = 0; i < blockers->stall_samples.count; i++) {
		const struct stall *stall = &blockers->stall_samples.list[i];
		if (!is_of(blockers, blocker, i))
			continue;
		seen.ticks += stall->ticks;
		seen.samples++;
		if (stall->script.reason != reason)
			continue;
		seen.for_ticks += stall->ticks;
		seen.for_samples++;
		if (!seen.heaviest || stall->ticks > seen.heaviest->ticks)
			seen.heaviest = stall;
	}
	return seen;
}

static double share_of(const struct seen *seen)
{
	return seen->ticks > 0 ? (double)seen->for_ticks / (double)seen->ticks : 0;
}

/* ---- Their parts of the callbacks ------------------------------------------------------------ */

/* What the finding tells, as if it were one callback's. */
struct joint {
	struct blocker sum;
	uint64_t callbacks;
	struct seen seen;
};

/* This share of the blocker's time is told by the joint finding. */
static void part_take(struct joint *joint, struct blocker *blocker, double share,
		      const struct seen *seen)
{
	struct blocker *sum = &joint->sum;

	if (blocker->longest > sum->longest) {
		sum->longest = blocker->longest;
		sum->worst = blocker->worst;
		sum->worst_open = blocker->worst_open;
	}
	sum->runs += blocker->runs;
	sum->unseen += blocker->kind ? blocker->unseen : blocker->runs;
	sum->total += blocker->total * share;
	sum->wall += blocker->wall * share;
	sum->seen += blocker->seen * share;
	sum->cpu.least += blocker->cpu.least * share;
	sum->asleep.least += blocker->asleep.least * share;
	sum->cost += blocker->cost * share;
	joint->callbacks++;
	blocker->cost -= blocker->cost * share;
	blocker->is_told = share >= 1;
	if (seen)
		seen_add(&joint->seen, seen);
}

static double confidence_of(const struct detection *detection, const struct joint *joint)
{
	const struct blocker *sum = &joint->sum;
	double cover = sum->wall > 0 ? sum->seen / sum->wall : 0;
	double sure = SURE_LEAST + (1 - SURE_LEAST) * (cover < 1 ? cover : 1);

	if (sure < SURE_SEEN &&
	    (double)joint->seen.for_samples >= limit(detection, LIMIT_sampled_runs))
		sure = SURE_SEEN;
	return floor(sure * 100) / 100;
}

static void joint_tell(struct detection *detection, const struct joint *joint, enum finding_id id,
		       enum advice advice)
{
	const struct blocker *sum = &joint->sum;
	const struct stall *stall = joint->seen.heaviest;
	struct finding finding =
	    finding_make(detection, id, blocker_severity(detection, sum, sum->cost));

	finding_blame(detection, &finding, stall->site);
	finding_place(detection, &finding, stall->poll_tick,
		      stall->poll_ticks ? stall->poll_ticks : stall->tick - stall->poll_tick,
		      stall->worker);
	fact_ns(&finding, FACT_longest_ns, sum->longest);
	fact_whole(&finding, FACT_runs, sum->runs);
	fact_ns(&finding, FACT_total_ns, sum->wall);
	if (sum->unseen > 0)
		fact_whole(&finding, FACT_not_sampled, sum->unseen);
	fact_whole(&finding, FACT_callbacks, joint->callbacks);
	fact_whole(&finding, FACT_samples, joint->seen.for_samples);
	fact_whole(&finding, FACT_all_samples, joint->seen.samples);
	fact_number(&finding, FACT_sampled_share, share_of(&joint->seen));
	facts_of_functions(detection, &stall, 1, stall->site, &finding);
	fact_whole(&finding, FACT_remedy, advice);
	finding.confidence = confidence_of(detection, joint);
	finding.cost_ns = whole_ns(sum->cost);
	finding_add(detection, &finding);
}

/* ---- Python's interpreter lock --------------------------------------------------------------- */

/* What nobody looked at slept for it too where most of what was seen did. */
static bool slept_unseen(const struct detection *detection, const struct blocker *blocker)
{
	return !blocker->kind && !blocker->nested && !blocker->exits &&
	       blocker_cause_by_time(detection, blocker).id == FINDING_BLOCKED_SYSCALL;
}

static void gil_find(struct detection *detection, struct blockers *blockers)
{
	struct joint joint = {0};
	struct seen all = {0};

	for (size_t i = 0; i < blockers->count; i++) {
		struct seen seen = seen_of(blockers, &blockers->list[i], REASON_GIL);
		seen_add(&all, &seen);
		if (share_of(&seen) > limit(detection, LIMIT_cause_share))
			part_take(&joint, &blockers->list[i], 1, &seen);
	}
	for (size_t i = 0; i < blockers->count; i++)
		if (share_of(&all) > limit(detection, LIMIT_cause_share) &&
		    slept_unseen(detection, &blockers->list[i]))
			part_take(&joint, &blockers->list[i], 1, NULL);
	if (joint.seen.heaviest)
		joint_tell(detection, &joint, FINDING_GIL, ADVICE_GIL);
}

/* ---- Garbage collection ---------------------------------------------------------------------- */

/* False: too few samples. */
static bool gc_is_seen(const struct detection *detection, const struct seen *seen)
{
	return (double)seen->for_samples >=
		   limit(detection, LIMIT_gc_share) * (double)seen->samples &&
	       (double)seen->for_samples >= limit(detection, LIMIT_gc_least);
}

/* The function of a script that a callback began in, else the callback. */
static bool is_same_place(const struct stall *a, const struct stall *b)
{
	return a->site == b->site && a->script.label == b->script.label;
}

/* What samples of the profile saw of a worker's callbacks, however short these were. Its heaviest
 * is one in the place where most of those for the cause were, if most were in one. */
static struct seen seen_in_profile(const struct findings_input *input, size_t worker,
				   enum work_reason reason)
{
	const uint32_t unknown = (uint32_t)input->timeline->process->site_count;
	struct seen seen = {0};
	uint64_t votes = 0;

	for (size_t i = 0; i < input->profile_count; i++) {
		const struct stall *sample = &input->profile[i];
		if (sample->worker != worker || sample->site == unknown)
			continue;
		seen.ticks += sample->ticks;
		seen.samples++;
		if (sample->script.reason != reason)
			continue;
		seen.for_ticks += sample->ticks;
		seen.for_samples++;
		if (votes == 0)
			seen.heaviest = sample;
		votes += is_same_place(seen.heaviest, sample) ? 1 : -1ull;
	}
	return seen;
}

/* Most samples for the cause were in the place of the heaviest. */
static bool is_mostly_there(const struct findings_input *input, const struct seen *seen,
			    enum work_reason reason)
{
	uint64_t there = 0;

	for (size_t i = 0; i < input->profile_count; i++) {
		const struct stall *sample = &input->profile[i];
		there += sample->worker == seen->heaviest->worker &&
			 sample->script.reason == reason && is_same_place(seen->heaviest, sample);
	}
	return there * 2 > seen->for_samples;
}

static void gc_profile_tell(struct detection *detection, const struct seen *seen)
{
	const struct stall *sample = seen->heaviest;
	struct finding finding = finding_make(detection, FINDING_GC, SEVERITY_NOTE);

	finding_worker(detection, &finding, sample->worker);
	finding_everywhere(detection, &finding);
	fact_flag(&finding, FACT_profiled, true);
	fact_whole(&finding, FACT_samples, seen->for_samples);
	fact_whole(&finding, FACT_all_samples, seen->samples);
	fact_number(&finding, FACT_sampled_share, share_of(seen));
	fact_ticks(detection, &finding, FACT_total_ns, seen->for_ticks);
	if (is_mostly_there(detection->input, seen, REASON_GARBAGE)) {
		fact_whole(&finding, FACT_site, sample->site);
		facts_of_functions(detection, &sample, 1, sample->site, &finding);
	}
	fact_whole(&finding, FACT_remedy, ADVICE_GARBAGE);
	finding.confidence = (double)seen->for_samples >= limit(detection, LIMIT_sampled_runs)
				 ? SURE_SEEN
				 : SURE_LEAST;
	finding_add(detection, &finding);
}

/* Where no blocking callback shows it: of the worker whose callbacks it took most of. */
static void gc_find_in_profile(struct detection *detection)
{
	struct seen worst = {0};

	for (size_t i = 0; i < detection->timeline->process->worker_count; i++) {
		struct seen seen = seen_in_profile(detection->input, i, REASON_GARBAGE);
		if (gc_is_seen(detection, &seen) && seen.for_ticks > worst.for_ticks)
			worst = seen;
	}
	if (worst.heaviest)
		gc_profile_tell(detection, &worst);
}

static void gc_find(struct detection *detection, struct blockers *blockers)
{
	struct joint joint = {0};
	struct seen all = {0};

	for (size_t i = 0; i < blockers->count; i++) {
		struct seen seen = seen_of(blockers, &blockers->list[i], REASON_GARBAGE);
		seen_add(&all, &seen);
	}
	if (!gc_is_seen(detection, &all)) {
		gc_find_in_profile(detection);
		return;
	}
	for (size_t i = 0; i < blockers->count; i++) {
		struct seen seen = seen_of(blockers, &blockers->list[i], REASON_GARBAGE);
		double share = share_of(&seen);
		if (share > 0)
			part_take(&joint, &blockers->list[i],
				  share > limit(detection, LIMIT_cause_share) ? 1 : share, &seen);
	}
	joint.seen = all;
	joint_tell(detection, &joint, FINDING_GC, ADVICE_GARBAGE);
}

void joint_find(struct detection *detection, struct blockers *blockers)
{
	gil_find(detection, blockers);
	gc_find(detection, blockers);
}
