/* SPDX-License-Identifier: Apache-2.0
 *
 * Callbacks that block a loop: what is told of each (blockers.c puts their runs together). How
 * grave one is goes by what others waited for it. (detect_outside.c: the program itself, outside
 * uv_run.)
 */
#include "blockers.h"
#include "findings/stall_scripts.h"
#include "timeline/poll_marks.h"

#include <stdlib.h>
#include <string.h>

#define STALLS_BESIDES 0.1 /* of the time that stall samples stand for is worth a word */

static bool is_of_run(const struct stall *stall, const struct timeline_span *span)
{
	return stall->poll_tick == span->tick && stall->worker == span->worker;
}

/* What runs waited in is known of those that ran a loop: samples tell their function alone, best
 * those of the longest run. */
static void nested_scripts(const struct blockers *blockers, struct blocker *blocker)
{
	for (size_t i = 0; i < blockers->stall_samples.count; i++) {
		const struct stall *stall = &blockers->stall_samples.list[i];
		const struct stall *best = blocker->scripts;
		bool of_worst = is_of_run(stall, &blocker->worst);
		bool best_of_worst = best && is_of_run(best, &blocker->worst);
		if (blocker_has_sample(blockers, blocker, i) && blocker_is_of(blocker, stall) &&
		    (!best || of_worst > best_of_worst ||
		     (of_worst == best_of_worst && stall->ticks > best->ticks)))
			blocker->scripts = stall;
	}
}

/* Of the samples that saw what it was in, the one that stands for most. Where none did (the kernel
 * did not let it run), samples of its longest run tell its functions all the same. */
static void blocker_stall(const struct blockers *blockers, struct blocker *blocker)
{
	enum stall_cause cause = blocker_most_seen(blockers, blocker);

	if (blocker->nested) {
		nested_scripts(blockers, blocker);
		return;
	}

	for (size_t i = 0; i < blockers->stall_samples.count; i++) {
		const struct stall *stall = &blockers->stall_samples.list[i];
		if (blocker_has_sample(blockers, blocker, i) &&
		    stall_same_kind(stall, blocker->kind) && stall->cause == cause &&
		    (!blocker->stall || stall_tells_more(stall, blocker->stall)))
			blocker->stall = stall;
	}
	blocker->scripts = blocker->stall;
	for (size_t i = 0; !blocker->stall && i < blockers->stall_samples.count; i++) {
		const struct stall *stall = &blockers->stall_samples.list[i];
		if (first_site(blockers, stall->site) == blocker->site && stall->script.user &&
		    stall->poll_tick == blocker->worst.tick &&
		    (!blocker->scripts || stall->ticks > blocker->scripts->ticks))
			blocker->scripts = stall;
	}
}

/* What it was seen in is told of the run in which it was: of the longest, nobody may have seen
 * that. */
static void blocker_choose(struct blocker *blocker)
{
	const struct stall *stall = blocker->nested ? blocker->scripts : blocker->stall;

	blocker->told = blocker->worst;
	if (!stall || is_of_run(stall, &blocker->worst))
		return;
	blocker->told.tick = stall->poll_tick;
	blocker->told.site = stall->site;
	blocker->told.worker = stall->worker;
	blocker->told.duration =
	    stall->poll_ticks ? stall->poll_ticks : stall->tick - stall->poll_tick;
}

/* A callback that the quota stopped took long by that. What it did itself in an average run, at
 * least, is its own. */
static bool quota_held(struct detection *detection, const struct blocker *blocker)
{
	double own = (blocker->cpu.least + blocker->asleep.least) / (double)blocker->runs;

	return own < limit(detection, LIMIT_blocked) && found(detection, FINDING_THROTTLED);
}

enum severity blocking_severity(const struct detection *detection, double longest, double total)
{
	double range = ns_of(detection->timeline, detection->timeline->range_ticks);

	if (longest < limit(detection, LIMIT_blocked))
		return SEVERITY_NOTE;
	if (longest >= limit(detection, LIMIT_blocked_error) ||
	    total >= limit(detection, LIMIT_blocked_share) * range)
		return SEVERITY_ERROR;
	return SEVERITY_WARNING;
}

/* Of what waited behind this callback, the part of these runs by the time that they took. */
static double blocker_share(const struct blockers *blockers, const struct blocker *blocker)
{
	double total = 0;

	for (size_t i = 0; i < blockers->count; i++)
		if (blockers->list[i].site == blocker->site && !blockers->list[i].exits)
			total += blockers->list[i].total;
	return total > 0 && !blocker->exits ? blocker->total / total : 0;
}

/* What others waited for its callback, and how many of them. */
static uint64_t delayed_by(const struct detection *detection, const struct blockers *blockers,
			   const struct blocker *blocker, uint64_t *polls)
{
	const struct timeline *timeline = detection->timeline;
	uint64_t ticks = *polls = 0;

	for (uint32_t i = 0; i <= timeline->process->site_count; i++) {
		if (first_site(blockers, i) != blocker->site)
			continue;
		ticks += timeline->sites[i].iterations.delayed_ticks;
		*polls += timeline->sites[i].iterations.delayed_polls;
	}
	return ticks;
}

/* What others waited for these runs, as far as the trace knows. */
static double blocker_cost(const struct detection *detection, const struct blockers *blockers,
			   const struct blocker *blocker)
{
	const struct timeline *timeline = detection->timeline;
	double delayed = ns_of(timeline, timeline->sites[blocker->site].iterations.delayed_ticks) *
			 blocker_share(blockers, blocker);

	return delayed > blocker->missed_ns ? delayed : blocker->missed_ns;
}

/* It held its loop until the recording ended: what waits for it had no turn any more. One that ends
 * its program by exit() keeps nobody. */
static bool holds_on(const struct blocker *blocker)
{
	return blocker->worst_open && !blocker->exits;
}

/* What the timer itself came late by that its callback took, where it did so as a rule. */
static double own_late_ns(const struct detection *detection, const struct blocker *blocker)
{
	const struct timeline_timers *timers =
	    &detection->timeline->sites[blocker->worst.site].iterations.timers;

	if (!timers_are_late(detection, timers))
		return 0;
	return ns_of(detection->timeline, timers->blocked_ticks);
}

/* libuv sets itself up: it makes the pool's threads with the first request, and waits until each of
 * them runs. That is once, and takes long only where the machine is busy. */
static bool sets_libuv_up(const struct blocker *blocker)
{
	const struct stall *stall = blocker->stall;

	if (!stall || blocker->runs != 1)
		return false;
	for (size_t i = 0; i < stall->frame_count; i++) {
		if (stall->frames[i].is_own || stall->frames[i].scanned)
			return false;
		if (strcmp(stall->frames[i].symbol->name, "uv_once") == 0)
			return true;
	}
	return false;
}

/* A worker thread of JavaScript may wait for its tasks in this way: that is what the call is for.
 */
static bool waits_as_a_worker(const struct detection *detection, const struct blocker *blocker)
{
	const struct trace_process *process = detection->timeline->process;
	const struct stall *stall = blocker->stall;

	return stall && stall->script.call_name &&
	       strcmp(stall->script.call_name, "Atomics.wait") == 0 &&
	       process->workers[blocker->worst.worker].tid != process->pid;
}

/* Nobody saw what it was in, and for most of the time it waited for a CPU: what is left may be a
 * wait for a thread that waited for one, too. */
static bool machine_held(const struct detection *detection, const struct blocker *blocker)
{
	return blocker->seen <= 0 && blocker->wall - blocker->total >=
					 limit(detection, LIMIT_cause_share) * blocker->wall;
}

/* What nobody waited for is a note however long it took; where timers cannot be seen, that is not
 * known. */
enum severity blocker_severity(struct detection *detection, const struct blocker *blocker,
			       double cost)
{
	enum severity severity = blocking_severity(detection, blocker->longest, blocker->total);
	bool unknown = detection->timeline->process->tier == TRACE_TIER_LIBC;

	if (severity == SEVERITY_NOTE || blocker->exits || sets_libuv_up(blocker) ||
	    quota_held(detection, blocker) || machine_held(detection, blocker) ||
	    waits_as_a_worker(detection, blocker))
		return SEVERITY_NOTE;
	if (own_late_ns(detection, blocker) > cost)
		cost = own_late_ns(detection, blocker);
	if (holds_on(blocker) || cost >= limit(detection, LIMIT_blocked_error))
		return severity;
	return cost >= limit(detection, LIMIT_delay_least) || unknown ? SEVERITY_WARNING
								      : SEVERITY_NOTE;
}

/* Of what samples saw beside the cause, that for which the one that stands for most was taken; NULL
 * where it is next to nothing. */
static const struct stall *stalls_besides(const struct blockers *blockers,
					  const struct blocker *blocker, uint64_t *ticks)
{
	const struct stall *besides = NULL;
	uint64_t all = 0;

	*ticks = 0;
	for (size_t i = 0; i < blockers->stall_samples.count; i++) {
		const struct stall *stall = &blockers->stall_samples.list[i];
		if (!blocker_has_sample(blockers, blocker, i))
			continue;
		all += stall->ticks;
		if (stall_same_kind(stall, blocker->stall) || stall->cause == STALL_UNKNOWN)
			continue;
		*ticks += stall->ticks;
		besides = !besides || stall->ticks > besides->ticks ? stall : besides;
	}
	return (double)*ticks >= STALLS_BESIDES * (double)all ? besides : NULL;
}

/* What the samples saw, and what else. */
static void facts_of_samples(const struct detection *detection, const struct blockers *blockers,
			     const struct blocker *blocker, struct finding *finding)
{
	const struct stall *stall = blocker->stall, *besides;
	uint64_t ticks, samples = 0;

	for (size_t i = 0; i < blockers->stall_samples.count; i++)
		samples += blocker_has_sample(blockers, blocker, i);
	fact_whole(finding, FACT_samples, samples);
	fact_stall(finding, FACT_what, stall);
	fact_ticks(detection, finding, FACT_sampled_at_ns, stall->tick - stall->poll_tick);
	besides = stalls_besides(blockers, blocker, &ticks);
	if (!besides)
		return;
	fact_ticks(detection, finding, FACT_other_ns, ticks);
	fact_flag(finding, FACT_other_waited, besides->cause == STALL_DESCHEDULED);
	fact_flag(finding, FACT_other_computed, besides->cause == STALL_CPU);
	if (besides->cause != STALL_DESCHEDULED)
		fact_stall(finding, FACT_other, besides);
}

/* Why it computes, where most of what its samples stand for was for that. */
static void facts_of_reason(const struct blockers *blockers, const struct blocker *blocker,
			    struct finding *finding)
{
	uint64_t all = 0, ticks[REASON_COUNT] = {0};

	for (size_t i = 0; blocker->scripts && i < blockers->stall_samples.count; i++) {
		const struct stall *stall = &blockers->stall_samples.list[i];
		if (first_site(blockers, stall->site) != blocker->site ||
		    !stall_same_kind(stall, blocker->scripts))
			continue;
		all += stall->ticks;
		ticks[stall->script.reason] += stall->ticks;
	}
	enum work_reason reason = REASON_COUNT;
	while (--reason > REASON_NONE && ticks[reason] <= all / 2)
		;
	if (reason != REASON_NONE)
		fact_whole(finding, FACT_reason, reason);
	fact_of_remedy(finding, blocker->stall, reason);
}

/* The functions that most of its samples share. */
static void facts_of_callers(struct detection *detection, const struct blockers *blockers,
			     const struct blocker *blocker, struct finding *finding)
{
	const struct stall **samples = calloc(blockers->stall_samples.count + 1, sizeof(*samples));
	size_t count = 0;

	if (!samples) {
		detection->findings->failed = true;
		return;
	}
	if (blocker->scripts)
		samples[count++] = blocker->scripts;
	for (size_t i = 0; blocker->stall && i < blockers->stall_samples.count; i++) {
		const struct stall *stall = &blockers->stall_samples.list[i];
		if (stall != blocker->scripts && blocker_has_sample(blockers, blocker, i) &&
		    stall_same_kind(stall, blocker->kind))
			samples[count++] = stall;
	}
	facts_of_functions(detection, samples, count, blocker->site, finding);
	free(samples);
}

/* What samples of CPU time say where no stall was sampled. */
static void facts_of_time(const struct blocker *blocker, struct finding *finding)
{
	if (blocker->known <= 0)
		return;
	fact_number(finding, FACT_cpu_share, blocker->cpu.about / blocker->known);
	fact_number(finding, FACT_cpu_least_share, blocker->cpu.least / blocker->known);
	fact_number(finding, FACT_off_cpu_share, blocker->asleep.about / blocker->known);
	fact_number(finding, FACT_off_cpu_least_share, blocker->asleep.least / blocker->known);
}

/* All times are wall time, as the title's is; run-queue wait is told apart where it makes a
 * difference. */
static void facts_of_runs(const struct detection *detection, const struct blocker *blocker,
			  struct finding *finding)
{
	uint64_t longest_ns = timeline_span_ns(detection->timeline, &blocker->worst);
	uint64_t told_ns = timeline_span_ns(detection->timeline, &blocker->told);

	fact_whole(finding, FACT_duration_ns, told_ns);
	fact_whole(finding, FACT_runs, blocker->runs);
	fact_ns(finding, FACT_total_ns, blocker->wall);
	if (blocker->wall - blocker->total >= WAIT_BESIDES * blocker->wall)
		fact_ns(finding, FACT_run_queue_ns, blocker->wall - blocker->total);
	if (longest_ns != told_ns)
		fact_whole(finding, FACT_longest_ns, longest_ns);
	fact_flag(finding, FACT_open, blocker->open > 0);
	fact_flag(finding, FACT_after_work,
		  strcmp(site_kind(detection, blocker->site), "after_work") == 0);
	if (blocker->unseen > 0)
		fact_whole(finding, FACT_not_sampled, blocker->unseen);
}

/* That it did not return is said of a run alone that was open at the end, with nothing lost since.
 */
static void facts_of_end(const struct detection *detection, const struct blocker *blocker,
			 struct finding *finding)
{
	bool running = detection->timeline->process->running;

	if (!blocker->worst_open ||
	    timeline_lost_after(detection->timeline, blocker->worst.worker, blocker->worst.tick))
		return;
	fact_flag(finding, FACT_did_not_return, !running);
	fact_flag(finding, FACT_exits, blocker->exits && blocker->kind);
	fact_flag(finding, FACT_still_running, running);
}

static void facts_of_marks(const struct detection *detection, const struct blocker *blocker,
			   struct finding *finding)
{
	struct poll_marks marks =
	    poll_marks_read(detection->input->trace, detection->timeline, &blocker->worst);
	char *said = poll_marks_text(detection->timeline->process, &marks);

	if (said)
		fact_text(finding, FACT_marks, said);
	free(said);
}

/* What it waited for in loops of its own: of the run that is told. */
static void facts_of_nested(const struct blocker *blocker, const struct detection *detection,
			    struct finding *finding)
{
	const struct timeline_span *worst = &blocker->worst;

	fact_ns(finding, FACT_nested_ns, blocker->nested_ns);
	fact_flag(finding, FACT_nested_child, worst->nested_child);
	if (worst->nested_site < detection->timeline->process->site_count)
		fact_whole(finding, FACT_nested_site, worst->nested_site);
}

/* Who waited, where that can be seen. */
static void facts_of_delay(const struct detection *detection, const struct blockers *blockers,
			   const struct blocker *blocker, struct finding *finding)
{
	const struct timeline_site *site = &detection->timeline->sites[blocker->worst.site];
	uint64_t polls;

	if (detection->timeline->process->tier == TRACE_TIER_LIBC) {
		fact_flag(finding, FACT_tier_libc, true);
		return;
	}
	delayed_by(detection, blockers, blocker, &polls);
	fact_whole(finding, FACT_delayed, polls);
	if (blocker->missed == 0)
		return;
	fact_whole(finding, FACT_missed, blocker->missed);
	fact_ticks(detection, finding, FACT_usual_ns,
		   histogram_quantile(&site->iterations.interval, 0.5));
}

static void blocker_tell(struct detection *detection, const struct blockers *blockers,
			 struct blocker *blocker)
{
	double cost = blocker->cost;
	struct blocker_cause cause = blocker_cause(detection, blocker);
	struct finding finding =
	    finding_make(detection, cause.id, blocker_severity(detection, blocker, cost));

	finding_blame(detection, &finding, blocker->told.site);
	finding_place(detection, &finding, blocker->told.tick, blocker->told.duration,
		      blocker->told.worker);
	facts_of_runs(detection, blocker, &finding);
	facts_of_delay(detection, blockers, blocker, &finding);
	facts_of_end(detection, blocker, &finding);
	if (blocker->nested)
		facts_of_nested(blocker, detection, &finding);
	if (blocker->stall)
		facts_of_samples(detection, blockers, blocker, &finding);
	else if (!blocker->nested)
		facts_of_time(blocker, &finding);
	facts_of_callers(detection, blockers, blocker, &finding);
	facts_of_reason(blockers, blocker, &finding);
	facts_of_marks(detection, blocker, &finding);
	finding.confidence = cause.confidence;
	finding.cost_ns = whole_ns(cost);
	finding_add(detection, &finding);
}

void detect_blocked(struct detection *detection)
{
	struct blockers blockers;

	if (blockers_make(detection, &blockers)) {
		for (size_t i = 0; i < blockers.count; i++) {
			struct blocker *blocker = &blockers.list[i];
			blocker_stall(&blockers, blocker);
			blocker_choose(blocker);
			blocker->cost = blocker_cost(detection, &blockers, blocker);
		}
		joint_find(detection, &blockers);
		for (size_t i = 0; i < blockers.count; i++)
			if (!blockers.list[i].is_told)
				blocker_tell(detection, &blockers, &blockers.list[i]);
	} else {
		detection->findings->failed = true;
	}
	blockers_free(&blockers);
}
