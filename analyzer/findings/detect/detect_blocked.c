/* SPDX-License-Identifier: Apache-2.0
 *
 * Callbacks that block a loop. (detect_outside.c: the program itself, outside uv_run.)
 *
 * Runs of one callback are told apart by their stall samples: node, uvloop and others of their kind
 * run whatever the program wants in one callback, so each kind of cause has a finding of its own.
 * Runs without a sample go with the kind that took longest.
 */
#include "findings/findings_internal.h"
#include "findings/stall_samples.h"
#include "findings/stall_scripts.h"
#include "timeline/poll_marks.h"

#include <stdlib.h>

#define STALLS_BESIDES 0.1 /* of the time that stall samples stand for is worth a word */

/* ---- Callbacks that block a loop ------------------------------------------------------------- */

/* The long runs of one callback that were in the same. */
struct blocker {
	uint32_t site;
	const struct stall *kind;    /* any sample that saw that; NULL: none */
	uint64_t runs, open, unseen; /* unseen: nobody looked at them */
	bool worst_open;
	double total, longest; /* ns, without what the kernel may have kept it from running */
	double wall;	       /* ns, with that */
	struct timeline_span worst;
	double known;				  /* ns of its runs that samples cover ... */
	struct measures_bounds cpu, asleep, wait; /* ... and what it did in them */
	const struct stall *stall;		  /* what it was seen in */
	const struct stall *scripts;		  /* ... with functions of scripts */
	struct timeline_span told;		  /* the run that this was in, else the worst */
};

struct blockers {
	struct blocker *list;
	size_t count;
	struct stall_samples stall_samples;
};

/* Without a kind: where the site has some, the one that took longest. */
static struct blocker *blocker_of(struct blockers *blockers, uint32_t site,
				  const struct stall *kind)
{
	struct blocker *found = NULL;

	for (size_t i = 0; i < blockers->count; i++) {
		struct blocker *blocker = &blockers->list[i];
		bool fits = kind && blocker->kind ? stall_same_kind(blocker->kind, kind) : !kind;
		if (blocker->site == site && fits && (!found || blocker->total > found->total))
			found = blocker;
	}
	if (found)
		return found;
	blockers->list[blockers->count] = (struct blocker){.site = site, .kind = kind};
	return &blockers->list[blockers->count++];
}

/* What the kernel did not let run is not the callback's fault: only what is left may make it
 * blocking. That is the span's share of the wait, and all of it where it explains by how much this
 * run was longer than the callback's usual ones: a callback that was stopped takes long because of
 * that. */
static double own_ns(const struct detection *detection, const struct timeline_span *span,
		     const struct measures_time *time)
{
	const struct timeline *timeline = detection->timeline;
	double usual =
	    ns_of(timeline, histogram_quantile(&timeline->sites[span->site].callback, 0.5));
	double ns = (double)timeline_span_ns(timeline, span), excess = ns > usual ? ns - usual : 0;
	double stopped = time->wait_most < excess ? time->wait_most : excess;

	return time->known ? ns - (stopped > time->wait.about ? stopped : time->wait.about) : ns;
}

static void blocker_add(const struct detection *detection, struct blockers *blockers,
			const struct timeline_span *span, const struct stall *kind, bool open)
{
	const struct timeline *timeline = detection->timeline;
	struct measures_time time = measures_span(timeline, span);
	double own = own_ns(detection, span, &time);

	if (!is_loop(timeline, span->worker) || span->nested ||
	    own < limit(detection, LIMIT_blocked_note))
		return;
	struct blocker *blocker = blocker_of(blockers, span->site, kind);
	blocker->runs++;
	blocker->open += open;
	blocker->unseen += blocker->kind && !kind;
	blocker->total += own;
	blocker->wall += (double)timeline_span_ns(timeline, span);
	if (own > blocker->longest) {
		blocker->longest = own;
		blocker->worst = *span;
		blocker->worst_open = open;
	}
	if (!time.known)
		return;
	blocker->known += time.span_ns;
	blocker->cpu.least += time.cpu.least;
	blocker->cpu.about += time.cpu.about;
	blocker->asleep.least += time.asleep.least;
	blocker->asleep.about += time.asleep.about;
	blocker->wait.about += time.wait.about;
}

/* Whether a sample is of a run of this blocker's. */
static bool is_at(const struct blockers *blockers, const struct blocker *blocker,
		  size_t stall_sample)
{
	const struct stall *seen = blockers->stall_samples.seen[stall_sample];

	return blockers->stall_samples.list[stall_sample].site == blocker->site && seen &&
	       blocker->kind && stall_same_kind(seen, blocker->kind);
}

/* Of the samples that saw what it was in, the one that stands for most. Where none did (the kernel
 * did not let it run), samples of its longest run tell its functions all the same. */
static void blocker_stall(const struct blockers *blockers, struct blocker *blocker)
{
	for (size_t i = 0; i < blockers->stall_samples.count; i++) {
		const struct stall *stall = &blockers->stall_samples.list[i];
		if (is_at(blockers, blocker, i) && stall_same_kind(stall, blocker->kind) &&
		    (!blocker->stall || stall_tells_more(stall, blocker->stall)))
			blocker->stall = stall;
	}
	blocker->scripts = blocker->stall;
	for (size_t i = 0; !blocker->stall && i < blockers->stall_samples.count; i++) {
		const struct stall *stall = &blockers->stall_samples.list[i];
		if (stall->site == blocker->site && stall->script.user &&
		    stall->poll_tick == blocker->worst.tick &&
		    (!blocker->scripts || stall->ticks > blocker->scripts->ticks))
			blocker->scripts = stall;
	}
}

/* What it was seen in is told of the run in which it was: of the longest, nobody may have seen
 * that. */
static void blocker_choose(struct blocker *blocker)
{
	const struct stall *stall = blocker->stall;

	blocker->told = blocker->worst;
	if (!stall ||
	    (stall->poll_tick == blocker->worst.tick && stall->worker == blocker->worst.worker))
		return;
	blocker->told.tick = stall->poll_tick;
	blocker->told.worker = stall->worker;
	blocker->told.duration =
	    stall->poll_ticks ? stall->poll_ticks : stall->tick - stall->poll_tick;
}

/* Why a callback blocked: the finding that says so, and how sure it is. */
struct cause {
	enum finding_id id;
	double confidence;
};

#define SURE_BY_SAMPLE 1   /* a stall sample saw it */
#define SURE_ASLEEP    0.7 /* CPU time proves it */
#define SURE_CPU       0.8
#define SURE_HARDLY    0.5 /* CPU time suggests it, or the cause is unknown */

/* What one cause must have to be named: of the time that the kernel let it have. */
static double cause_least(const struct detection *detection, const struct blocker *blocker)
{
	return limit(detection, LIMIT_cause_share) * (blocker->known - blocker->wait.about);
}

/* Bounds prove what shares of a longer time only suggest. */
static struct cause cause_by_time(enum finding_id id, const struct measures_bounds *time,
				  double least, double sure)
{
	return (struct cause){id, time->least < least ? SURE_HARDLY : sure};
}

static struct cause blocker_cause(const struct detection *detection, const struct blocker *blocker)
{
	static const enum finding_id sampled[] = {[STALL_SYSCALL] = FINDING_BLOCKED_SYSCALL,
						  [STALL_LOCK] = FINDING_BLOCKED_LOCK,
						  [STALL_CPU] = FINDING_BLOCKED_CPU};
	double least = cause_least(detection, blocker);

	if (blocker->stall)
		return (struct cause){sampled[blocker->stall->cause], SURE_BY_SAMPLE};
	if (blocker->known > 0 && blocker->asleep.about > 0 && blocker->asleep.about >= least)
		return cause_by_time(FINDING_BLOCKED_SYSCALL, &blocker->asleep, least, SURE_ASLEEP);
	if (blocker->known > 0 && blocker->cpu.about > 0 && blocker->cpu.about >= least)
		return cause_by_time(FINDING_BLOCKED_CPU, &blocker->cpu, least, SURE_CPU);
	return (struct cause){FINDING_BLOCKED, SURE_HARDLY};
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

static enum severity blocker_severity(struct detection *detection, const struct blocker *blocker)
{
	return quota_held(detection, blocker)
		   ? SEVERITY_NOTE
		   : blocking_severity(detection, blocker->longest, blocker->total);
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
		if (!is_at(blockers, blocker, i))
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
		samples += is_at(blockers, blocker, i);
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
static void fact_of_reason(const struct blockers *blockers, const struct blocker *blocker,
			   struct finding *finding)
{
	uint64_t all = 0, ticks[REASON_COUNT] = {0};

	for (size_t i = 0; blocker->scripts && i < blockers->stall_samples.count; i++) {
		const struct stall *stall = &blockers->stall_samples.list[i];
		if (stall->site != blocker->site || !stall_same_kind(stall, blocker->scripts))
			continue;
		all += stall->ticks;
		ticks[stall->script.reason] += stall->ticks;
	}
	for (enum work_reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
		if (ticks[reason] > all / 2)
			fact_whole(finding, FACT_reason, reason);
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
		if (stall != blocker->scripts && is_at(blockers, blocker, i) &&
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

/* Of what waited behind this callback, the part of these runs by the time that they took. */
static double blocker_share(const struct blockers *blockers, const struct blocker *blocker)
{
	double total = 0;

	for (size_t i = 0; i < blockers->count; i++)
		total += blockers->list[i].site == blocker->site ? blockers->list[i].total : 0;
	return total > 0 ? blocker->total / total : 0;
}

static void blocker_tell(struct detection *detection, const struct blockers *blockers,
			 struct blocker *blocker)
{
	const struct timeline_site_iterations *iterations =
	    &detection->timeline->sites[blocker->site].iterations;

	blocker_stall(blockers, blocker);
	blocker_choose(blocker);
	struct cause cause = blocker_cause(detection, blocker);
	struct finding finding =
	    finding_make(detection, cause.id, blocker_severity(detection, blocker));

	finding_blame(detection, &finding, blocker->site);
	finding_place(detection, &finding, blocker->told.tick, blocker->told.duration,
		      blocker->told.worker);
	facts_of_runs(detection, blocker, &finding);
	fact_whole(&finding, FACT_delayed, iterations->delayed_polls);
	fact_flag(&finding, FACT_tier_libc, detection->timeline->process->tier == TRACE_TIER_LIBC);
	facts_of_end(detection, blocker, &finding);
	if (blocker->stall)
		facts_of_samples(detection, blockers, blocker, &finding);
	else
		facts_of_time(blocker, &finding);
	facts_of_callers(detection, blockers, blocker, &finding);
	fact_of_reason(blockers, blocker, &finding);
	facts_of_marks(detection, blocker, &finding);
	finding.confidence = cause.confidence;
	finding.cost_ns = whole_ns(ns_of(detection->timeline, iterations->delayed_ticks) *
				   blocker_share(blockers, blocker));
	finding_add(detection, &finding);
}

/* Of one that is open at the end: whether it was, and no longer than is sure. */
static bool open_is_known(const struct detection *detection, struct timeline_span *span)
{
	const struct findings_input *input = detection->input;

	if (!timeline_end_is_known(detection->timeline, span->worker))
		return false;
	if (timeline_died(detection->timeline->process))
		span->duration =
		    stalls_open_least(detection->timeline, input->stalls, input->stall_count, span);
	return true;
}

static void blockers_add(const struct detection *detection, struct blockers *blockers,
			 const struct timeline_top *spans, bool open, bool seen)
{
	for (size_t i = 0; i < spans->count; i++) {
		struct timeline_span span = spans->spans[i];
		const struct stall *kind = stall_samples_seen(&blockers->stall_samples, &span);
		if ((kind != NULL) == seen && (!open || open_is_known(detection, &span)))
			blocker_add(detection, blockers, &span, kind, open);
	}
}

void detect_blocked(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	struct blockers blockers = {
	    .list =
		calloc(timeline->blocking.count + timeline->open.count + 1, sizeof(*blockers.list)),
	    .stall_samples = {.list = detection->input->stalls,
			      .count = detection->input->stall_count}};

	if (stall_samples_judge(&blockers.stall_samples) && blockers.list) {
		for (int seen = 1; seen >= 0; seen--) {
			blockers_add(detection, &blockers, &timeline->blocking, false, seen);
			blockers_add(detection, &blockers, &timeline->open, true, seen);
		}
		for (size_t i = 0; i < blockers.count; i++)
			blocker_tell(detection, &blockers, &blockers.list[i]);
	} else {
		detection->findings->failed = true;
	}
	free(blockers.list);
	free(blockers.stall_samples.seen);
}
