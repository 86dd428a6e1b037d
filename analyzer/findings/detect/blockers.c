/* SPDX-License-Identifier: Apache-2.0
 *
 * See blockers.h.
 *
 * Runs of one callback are told apart by their stall samples: node, uvloop and others of their kind
 * run whatever the program wants in one callback, so each kind of cause has a finding of its own.
 * Runs without a sample go with the kind that took longest, if what was seen speaks for them too:
 * samples cover most of the time, or many runs, or CPU time says the same of those that nobody saw.
 * Runs that waited in a loop of their own need no sample: the trace has it. Samples tell only which
 * function of a script ran that loop.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "blockers.h"
#include "findings/stall_scripts.h"

/* ---- What a run did -------------------------------------------------------------------------- */

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

static bool is_nested(const struct detection *detection, const struct timeline_span *span)
{
	return (double)span->nested_ticks >=
	       limit(detection, LIMIT_cause_share) * (double)span->duration;
}

/* Whether the median of its intervals says how often the timer is due. All timers of a JavaScript
 * program are one: its runs are mostly far apart from long ones, and no more regular than what they
 * serve; a chain of long runs has no time between them. */
static bool is_due_each(const struct detection *detection, uint32_t site, double own)
{
	const struct timeline_site *facts = &detection->timeline->sites[site];
	const struct histogram *interval = &facts->iterations.interval;
	uint64_t usual = histogram_quantile(interval, 0.5);

	if (usual == 0 || (double)interval->count < limit(detection, LIMIT_missed_least))
		return false;
	return timer_is_regular(interval) ||
	       (is_of_node(detection, site) && own >= 2 * ns_of(detection->timeline, usual) &&
		histogram_quantile(&facts->callback, 0.5) <= usual / 2);
}

/* A timer was due again while its own callback ran: whatever it serves waited, such as all timers
 * of a JavaScript program, which one handle stands for. What the kernel took is not its fault. */
static void missed_add(const struct detection *detection, struct blocker *blocker,
		       const struct timeline_span *span, double own)
{
	const struct histogram *interval =
	    &detection->timeline->sites[span->site].iterations.interval;
	double usual = ns_of(detection->timeline, histogram_quantile(interval, 0.5));

	if (!is_due_each(detection, span->site, own) || own <= usual)
		return;
	blocker->missed += (uint64_t)(own / usual);
	blocker->missed_ns += own - usual;
}

/* ---- Putting runs together ------------------------------------------------------------------- */

uint32_t first_site(const struct blockers *blockers, uint32_t site)
{
	uint32_t first = 0;

	if (blockers->firsts[site] > 0)
		return blockers->firsts[site] - 1;
	while (!sites_share_callback(blockers->process, first, site))
		first++;
	blockers->firsts[site] = first + 1;
	return first;
}

bool blocker_is_of(const struct blocker *blocker, const struct stall *kind)
{
	return blocker->nested ? kind->script.user && stall_same_function(blocker->kind, kind)
			       : stall_same_kind(blocker->kind, kind);
}

static struct blocker *blocker_of(struct blockers *blockers, const struct blocker *like)
{
	const struct stall *kind = like->kind;

	for (size_t i = 0; i < blockers->count; i++) {
		struct blocker *blocker = &blockers->list[i];
		if (blocker->site == like->site && blocker->nested == like->nested &&
		    blocker->exits == like->exits &&
		    (kind && blocker->kind ? blocker_is_of(blocker, kind) : kind == blocker->kind))
			return blocker;
	}
	blockers->list[blockers->count] = *like;
	return &blockers->list[blockers->count++];
}

/* By exit() or _exit(), if not by another thread's. */
static bool ended_itself(const struct trace_process *process)
{
	struct timeline_ending ending = timeline_ending(process);

	return process->seal_reason == TRACE_SEAL_EXIT || (ending.known && ending.signal == 0);
}

static void blocker_add(const struct detection *detection, struct blockers *blockers,
			const struct timeline_span *span, const struct stall *kind, bool open)
{
	const struct timeline *timeline = detection->timeline;
	struct measures_time time = measures_span(timeline, span);
	double own = own_ns(detection, span, &time);
	double wall = (double)timeline_span_ns(timeline, span);
	bool nested = is_nested(detection, span);

	if (!is_loop(timeline, span->worker) || span->nested ||
	    own < limit(detection, LIMIT_blocked_note))
		return;
	struct blocker *blocker = blocker_of(
	    blockers, &(struct blocker){.site = first_site(blockers, span->site),
					.kind = nested && kind && !kind->script.user ? NULL : kind,
					.nested = nested,
					.exits = open && (!kind || stall_is_exit(kind)) &&
						 ended_itself(timeline->process)});
	blocker->runs++;
	blocker->open += open;
	blocker->total += own;
	blocker->wall += wall;
	blocker->seen += kind || nested ? wall : 0;
	blocker->nested_ns += ns_of(timeline, span->nested_ticks);
	if (!blocker->exits)
		missed_add(detection, blocker, span, own);
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
			 const struct timeline_top *spans, bool open)
{
	for (size_t i = 0; i < spans->count; i++) {
		struct timeline_span span = spans->spans[i];
		if (!open || open_is_known(detection, &span))
			blocker_add(detection, blockers, &span,
				    stall_samples_seen(&blockers->stall_samples, &span), open);
	}
}

/* ---- Runs that nobody saw -------------------------------------------------------------------- */

static void bounds_add(struct measures_bounds *into, const struct measures_bounds *from)
{
	into->least += from->least;
	into->about += from->about;
}

static void blocker_join(struct blocker *into, const struct blocker *from)
{
	into->runs += from->runs;
	into->unseen += from->runs;
	into->open += from->open;
	into->total += from->total;
	into->wall += from->wall;
	into->nested_ns += from->nested_ns;
	into->missed += from->missed;
	into->missed_ns += from->missed_ns;
	into->known += from->known;
	bounds_add(&into->cpu, &from->cpu);
	bounds_add(&into->asleep, &from->asleep);
	bounds_add(&into->wait, &from->wait);
	if (from->longest > into->longest) {
		into->longest = from->longest;
		into->worst = from->worst;
		into->worst_open = from->worst_open;
	}
}

bool blocker_has_sample(const struct blockers *blockers, const struct blocker *blocker,
			size_t stall_sample)
{
	const struct stall *seen = blockers->stall_samples.seen[stall_sample];

	return first_site(blockers, blockers->stall_samples.list[stall_sample].site) ==
		   blocker->site &&
	       seen && blocker->kind && blocker_is_of(blocker, seen);
}

enum stall_cause blocker_most_seen(const struct blockers *blockers, const struct blocker *blocker)
{
	static const enum stall_cause causes[] = {STALL_CPU, STALL_SYSCALL, STALL_LOCK};
	enum stall_cause most = blocker->kind ? blocker->kind->cause : STALL_UNKNOWN;
	uint64_t ticks[STALL_CAUSES] = {0};

	for (size_t i = 0; i < blockers->stall_samples.count; i++) {
		const struct stall *stall = &blockers->stall_samples.list[i];
		if (blocker_has_sample(blockers, blocker, i) &&
		    stall_same_kind(stall, blocker->kind))
			ticks[stall->cause] += stall->ticks;
	}
	for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++)
		most = ticks[causes[i]] > ticks[most] ? causes[i] : most;
	return most;
}

static enum finding_id cause_seen(enum stall_cause cause)
{
	static const enum finding_id seen[STALL_CAUSES] = {
	    [STALL_UNKNOWN] = FINDING_BLOCKED,	   [STALL_SYSCALL] = FINDING_BLOCKED_SYSCALL,
	    [STALL_LOCK] = FINDING_BLOCKED_LOCK,   [STALL_CPU] = FINDING_BLOCKED_CPU,
	    [STALL_DESCHEDULED] = FINDING_BLOCKED,
	};

	return seen[cause];
}

/* CPU time knows sleep alone: a lock is slept for as well. */
static bool time_agrees(enum finding_id by_time, enum finding_id seen)
{
	return by_time == seen ||
	       (by_time == FINDING_BLOCKED_SYSCALL && seen == FINDING_BLOCKED_LOCK);
}

/* What was seen of a callback's runs speaks for those that nobody saw. */
static bool speaks_for(const struct detection *detection, const struct blockers *blockers,
		       const struct blocker *most, const struct blocker *unseen)
{
	double seen = 0, runs = 0;

	for (size_t i = 0; i < blockers->count; i++) {
		const struct blocker *blocker = &blockers->list[i];
		if (blocker->site == unseen->site && blocker->kind && !blocker->exits &&
		    blocker->nested == unseen->nested) {
			seen += blocker->wall;
			runs += (double)blocker->runs;
		}
	}
	return seen >= limit(detection, LIMIT_cause_share) * (seen + unseen->wall) ||
	       runs >= limit(detection, LIMIT_sampled_runs) ||
	       (!unseen->nested && time_agrees(blocker_cause_by_time(detection, unseen).id,
					       cause_seen(blocker_most_seen(blockers, most))));
}

/* Runs without a sample go with the kind that took longest. */
static void unseen_join(const struct detection *detection, struct blockers *blockers, size_t at)
{
	struct blocker unseen = blockers->list[at], *most = NULL;

	for (size_t i = 0; i < blockers->count; i++) {
		struct blocker *blocker = &blockers->list[i];
		if (blocker->site == unseen.site && blocker->kind && !blocker->exits &&
		    blocker->nested == unseen.nested && (!most || blocker->total > most->total))
			most = blocker;
	}
	if (!most || !speaks_for(detection, blockers, most, &unseen))
		return;
	blocker_join(most, &unseen);
	memmove(&blockers->list[at], &blockers->list[at + 1],
		(--blockers->count - at) * sizeof(*blockers->list));
}

bool blockers_make(const struct detection *detection, struct blockers *blockers)
{
	const struct timeline *timeline = detection->timeline;

	*blockers = (struct blockers){
	    .list = calloc(timeline->blocking.count + timeline->open.count + 1,
			   sizeof(*blockers->list)),
	    .process = timeline->process,
	    .firsts = calloc(timeline->process->site_count + 1, sizeof(*blockers->firsts)),
	    .stall_samples = {.list = detection->input->stalls,
			      .count = detection->input->stall_count}};
	if (!stall_samples_judge(&blockers->stall_samples) || !blockers->list || !blockers->firsts)
		return false;
	blockers_add(detection, blockers, &timeline->blocking, false);
	blockers_add(detection, blockers, &timeline->open, true);
	for (size_t i = blockers->count; i-- > 0;)
		if (!blockers->list[i].kind && !blockers->list[i].exits)
			unseen_join(detection, blockers, i);
	return true;
}

void blockers_free(struct blockers *blockers)
{
	free(blockers->list);
	free(blockers->firsts);
	free(blockers->stall_samples.seen);
}

/* ---- Why ------------------------------------------------------------------------------------- */

#define SURE_ASLEEP 0.7 /* CPU time proves it */
#define SURE_CPU    0.8
#define SURE_RUNS   0.7 /* samples saw it in many runs */
#define SURE_HARDLY 0.5 /* CPU time suggests it, or the cause is unknown */

/* What one cause must have to be named: of the time that the kernel let it have. */
static double cause_least(const struct detection *detection, const struct blocker *blocker)
{
	return limit(detection, LIMIT_cause_share) * (blocker->known - blocker->wait.about);
}

/* Bounds prove what shares of a longer time only suggest. */
static struct blocker_cause by_bounds(enum finding_id id, const struct measures_bounds *time,
				      double least, double sure)
{
	return (struct blocker_cause){id, time->least < least ? SURE_HARDLY : sure};
}

struct blocker_cause blocker_cause_by_time(const struct detection *detection,
					   const struct blocker *blocker)
{
	double least = cause_least(detection, blocker);

	if (blocker->known > 0 && blocker->asleep.about > 0 && blocker->asleep.about >= least)
		return by_bounds(FINDING_BLOCKED_SYSCALL, &blocker->asleep, least, SURE_ASLEEP);
	if (blocker->known > 0 && blocker->cpu.about > 0 && blocker->cpu.about >= least)
		return by_bounds(FINDING_BLOCKED_CPU, &blocker->cpu, least, SURE_CPU);
	return (struct blocker_cause){FINDING_BLOCKED, SURE_HARDLY};
}

/* How sure samples make it: by the share of the runs' time that they saw, or by many runs. */
static double sure_by_samples(const struct detection *detection, const struct blocker *blocker)
{
	double share = blocker->wall > 0 ? blocker->seen / blocker->wall : 0;
	double sure = SURE_HARDLY + (1 - SURE_HARDLY) * (share < 1 ? share : 1);
	double runs = (double)(blocker->runs - blocker->unseen);

	return runs >= limit(detection, LIMIT_sampled_runs) && sure < SURE_RUNS ? SURE_RUNS : sure;
}

static double rounded(double confidence)
{
	return floor(confidence * 100) / 100;
}

struct blocker_cause blocker_cause(const struct detection *detection, const struct blocker *blocker)
{
	struct blocker_cause by_time = blocker_cause_by_time(detection, blocker);
	double sure = sure_by_samples(detection, blocker);

	if (blocker->nested) /* that they waited so is certain; in which function, samples say */
		return (struct blocker_cause){FINDING_NESTED_LOOP,
					      blocker->kind ? rounded(sure) : 1};
	if (!blocker->stall)
		return by_time;
	struct blocker_cause cause = {cause_seen(blocker->stall->cause), sure};
	if (time_agrees(by_time.id, cause.id) && by_time.confidence > sure)
		cause.confidence = by_time.confidence;
	cause.confidence = rounded(cause.confidence);
	return cause;
}
