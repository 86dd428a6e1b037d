/* SPDX-License-Identifier: Apache-2.0
 *
 * The detector that looks for callbacks that hold a loop. (findings_away.c: the program itself, outside of uv_run.)
 *
 * Runs of one callback are told apart by what looks at them saw: node, uvloop and others of their kind run whatever the
 * program wants in one callback, so each kind of cause has a finding of its own. Runs that nobody looked at go with the
 * kind that took longest.
 */
#include "findings_internal.h"
#include "timeline/poll_marks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define STALLS_BESIDES 0.1 /* of the time that looks stand for is worth a word */

/* ---- What a run was in ---------------------------------------------------------------------------------------- */

/* The looks at callbacks, and for each of them the one that stands for what its run was in for longest; NULL: looks at
 * that run did not tell. */
struct looks {
	const struct stall *list;
	const struct stall **seen;
	size_t count;
};

/* Computing is one kind, so is each system call, and waiting for locks. */
static bool same_kind(const struct stall *a, const struct stall *b)
{
	return a->cause == b->cause && (a->cause != STALL_SYSCALL || a->look->syscall == b->look->syscall);
}

static bool same_run(const struct stall *a, const struct stall *b)
{
	return a->poll_tick == b->poll_tick && a->worker == b->worker;
}

static bool names_cause(const struct stall *stall)
{
	return stall->cause == STALL_SYSCALL || stall->cause == STALL_LOCK || stall->cause == STALL_CPU;
}

/* Of the looks first to last, those at the run of the last: the heaviest look of the kind that most of it was spent in.
 */
static const struct stall *run_seen(const struct stall *list, size_t first, size_t last)
{
	const struct stall *best = NULL;
	uint64_t most = 0;

	for (size_t i = first; i <= last; i++) {
		uint64_t ticks = 0;
		if (!same_run(&list[i], &list[last]) || !names_cause(&list[i]))
			continue;
		for (size_t k = first; k <= last; k++)
			ticks += same_run(&list[k], &list[last]) && same_kind(&list[k], &list[i]) ? list[k].ticks : 0;
		if (!best || ticks > most || (ticks == most && list[i].ticks > best->ticks))
			best = &list[i];
		most = ticks > most ? ticks : most;
	}
	return best;
}

/* They are in the order of time: a run's looks lie behind its begin. */
static bool looks_judge(struct looks *looks)
{
	looks->seen = calloc(looks->count + 1, sizeof(*looks->seen));
	for (size_t last = looks->count; looks->seen && last-- > 0;) {
		size_t first = last;
		if (looks->seen[last])
			continue;
		while (first > 0 && looks->list[first - 1].tick >= looks->list[last].poll_tick)
			first--;
		const struct stall *seen = run_seen(looks->list, first, last);
		for (size_t i = first; i <= last; i++)
			if (same_run(&looks->list[i], &looks->list[last]))
				looks->seen[i] = seen;
	}
	return looks->seen != NULL;
}

static const struct stall *span_seen(const struct looks *looks, const struct timeline_span *span)
{
	for (size_t i = 0; i < looks->count; i++)
		if (looks->list[i].poll_tick == span->tick && looks->list[i].worker == span->worker)
			return looks->seen[i];
	return NULL;
}

/* ---- Callbacks that hold a loop ------------------------------------------------------------------------------- */

/* The long runs of one callback that were in the same. */
struct holder {
	uint32_t site;
	const struct stall *kind;    /* any look that saw that; NULL: nobody looked */
	uint64_t runs, open, unseen; /* unseen: nobody looked at them */
	bool worst_open;
	double total, longest; /* ns, without what the kernel may have kept it from running */
	struct timeline_span worst;
	double known;				  /* ns of its runs that samples cover ... */
	struct measures_bounds cpu, asleep, wait; /* ... and what it did in them */
	const struct stall *stall;		  /* what it was seen in */
	struct timeline_span told;		  /* the run that this was in, else the worst */
};

struct holders {
	struct holder *list;
	size_t count;
	struct looks looks;
};

/* Without a kind: where the site has some, the one that took longest. */
static struct holder *holder_of(struct holders *holders, uint32_t site, const struct stall *kind)
{
	struct holder *found = NULL;

	for (size_t i = 0; i < holders->count; i++) {
		struct holder *holder = &holders->list[i];
		bool fits = kind && holder->kind ? same_kind(holder->kind, kind) : !kind;
		if (holder->site == site && fits && (!found || holder->total > found->total))
			found = holder;
	}
	if (found)
		return found;
	holders->list[holders->count] = (struct holder){.site = site, .kind = kind};
	return &holders->list[holders->count++];
}

/* What the kernel did not let run is not the callback's fault: only what is left may make it a hold. That is the span's
 * share of the wait, and all of it where it explains by how much this run was longer than the callback's usual ones: a
 * callback that was stopped takes long because of that. */
static double own_ns(const struct detection *detection, const struct timeline_span *span,
		     const struct measures_time *time)
{
	const struct timeline *timeline = detection->timeline;
	double usual = ns_of(timeline, histogram_quantile(&timeline->sites[span->site].callback, 0.5));
	double ns = (double)timeline_span_ns(timeline, span), excess = ns > usual ? ns - usual : 0;
	double stopped = time->wait_most < excess ? time->wait_most : excess;

	return time->known ? ns - (stopped > time->wait.about ? stopped : time->wait.about) : ns;
}

static void holder_add(const struct detection *detection, struct holders *holders, const struct timeline_span *span,
		       const struct stall *kind, bool open)
{
	const struct timeline *timeline = detection->timeline;
	struct measures_time time = measures_span(timeline, span);
	double own = own_ns(detection, span, &time);

	if (!is_loop(timeline, span->worker) || span->nested || own < limit(detection, LIMIT_blocked_note))
		return;
	struct holder *holder = holder_of(holders, span->site, kind);
	holder->runs++;
	holder->open += open;
	holder->unseen += holder->kind && !kind;
	holder->total += own;
	if (own > holder->longest) {
		holder->longest = own;
		holder->worst = *span;
		holder->worst_open = open;
	}
	if (!time.known)
		return;
	holder->known += time.span_ns;
	holder->cpu.least += time.cpu.least;
	holder->cpu.about += time.cpu.about;
	holder->asleep.least += time.asleep.least;
	holder->asleep.about += time.asleep.about;
	holder->wait.about += time.wait.about;
}

/* Whether a look was one at a run of this holder's. */
static bool is_at(const struct holders *holders, const struct holder *holder, size_t look)
{
	const struct stall *seen = holders->looks.seen[look];

	return holders->looks.list[look].site == holder->site && seen && holder->kind && same_kind(seen, holder->kind);
}

/* Of the looks that saw what it was in, the one that stands for most. */
static void holder_stall(const struct holders *holders, struct holder *holder)
{
	for (size_t i = 0; i < holders->looks.count; i++) {
		const struct stall *stall = &holders->looks.list[i];
		if (is_at(holders, holder, i) && same_kind(stall, holder->kind) &&
		    (!holder->stall || stall->ticks > holder->stall->ticks))
			holder->stall = stall;
	}
}

/* What it was seen in is told of the run in which it was: of the longest, nobody may have seen that. */
static void holder_choose(struct holder *holder)
{
	const struct stall *stall = holder->stall;

	holder->told = holder->worst;
	if (!stall || (stall->poll_tick == holder->worst.tick && stall->worker == holder->worst.worker))
		return;
	holder->told.tick = stall->poll_tick;
	holder->told.worker = stall->worker;
	holder->told.duration = stall->poll_ticks ? stall->poll_ticks : stall->tick - stall->poll_tick;
}

struct cause {
	const char *id, *verb, *advice;
	double confidence;
};

enum {
	CAUSE_SYSCALL,
	CAUSE_LOCK,
	CAUSE_CPU,
	CAUSE_SYSCALL_SEEN,
	CAUSE_LOCK_SEEN,
	CAUSE_CPU_SEEN,
	CAUSE_NONE,
	CAUSE_NONE_OPEN,
	CAUSE_NONE_YET
};

#define LOOK_WHAT_IT_DOES                                                                                              \
	"Look what it does: a long computation, a blocking call or a lock. Longer recordings tell these apart."

static const struct cause causes[] = {
    [CAUSE_SYSCALL] = {"blocked_syscall", "it slept in a system call or on a lock",
		       "Find the call in it that waits (a file, a lock, a sleep, another service): use libuv's "
		       "asynchronous one, or uv_queue_work.",
		       0.7},
    [CAUSE_CPU] = {"blocked_cpu", "it computed on the loop's thread",
		   "Move the work to uv_queue_work or to a thread of its own, or do it in slices.", 0.8},
    [CAUSE_SYSCALL_SEEN] = {"blocked_syscall", "it was in", "Use libuv's asynchronous call for it, or uv_queue_work.",
			    1},
    [CAUSE_LOCK_SEEN] = {"blocked_lock", "it waited for a lock in",
			 "Hold that lock for shorter on other threads, or take it in uv_queue_work.", 1},
    [CAUSE_CPU_SEEN] = {"blocked_cpu", "it computed in",
			"Move the work to uv_queue_work or to a thread of its own, or do it in slices.", 1},
    [CAUSE_NONE] = {"blocked", "what it did is not known", LOOK_WHAT_IT_DOES, 0.5},
    [CAUSE_NONE_OPEN] = {"blocked", "it did not come back", LOOK_WHAT_IT_DOES, 0.5},
    [CAUSE_NONE_YET] = {"blocked", "it has not come back yet", LOOK_WHAT_IT_DOES, 0.5},
};

/* What one cause must have to be named: of the time that the kernel let it have. */
static double cause_least(const struct detection *detection, const struct holder *holder)
{
	return limit(detection, LIMIT_cause_share) * (holder->known - holder->wait.about);
}

/* That it did not come back is said of a run alone that was open at the end, with nothing lost since. */
static const struct cause *cause_none(const struct detection *detection, const struct holder *holder)
{
	if (!holder->worst_open || timeline_lost_after(detection->timeline, holder->worst.worker, holder->worst.tick))
		return &causes[CAUSE_NONE];
	return &causes[detection->timeline->process->running ? CAUSE_NONE_YET : CAUSE_NONE_OPEN];
}

static const struct cause *holder_cause(const struct detection *detection, const struct holder *holder)
{
	static const uint8_t seen[] = {
	    [STALL_SYSCALL] = CAUSE_SYSCALL_SEEN, [STALL_LOCK] = CAUSE_LOCK_SEEN, [STALL_CPU] = CAUSE_CPU_SEEN};
	double least = cause_least(detection, holder);

	if (holder->stall)
		return &causes[seen[holder->stall->cause]];
	if (holder->known > 0 && holder->asleep.about > 0 && holder->asleep.about >= least)
		return &causes[CAUSE_SYSCALL];
	if (holder->known > 0 && holder->cpu.about > 0 && holder->cpu.about >= least)
		return &causes[CAUSE_CPU];
	return cause_none(detection, holder);
}

/* Bounds prove what shares of a longer time only suggest. */
static double holder_confidence(const struct detection *detection, const struct holder *holder,
				const struct cause *cause)
{
	double proven = cause == &causes[CAUSE_CPU] ? holder->cpu.least : holder->asleep.least;

	return (cause == &causes[CAUSE_CPU] || cause == &causes[CAUSE_SYSCALL]) &&
		       proven < cause_least(detection, holder)
		   ? causes[CAUSE_NONE].confidence
		   : cause->confidence;
}

/* A callback that the quota stopped took long by that. What it did itself in an average run, at least, is its own. */
static bool quota_held(const struct detection *detection, const struct holder *holder)
{
	double own = (holder->cpu.least + holder->asleep.least) / (double)holder->runs;

	return was_throttled(detection) && own < limit(detection, LIMIT_blocked);
}

/* Of what held a loop for so long, at worst and in all. */
enum severity hold_severity(const struct detection *detection, double longest, double total)
{
	double range = ns_of(detection->timeline, detection->timeline->range_ticks);

	if (longest < limit(detection, LIMIT_blocked))
		return SEVERITY_NOTE;
	if (longest >= limit(detection, LIMIT_blocked_error) || total >= limit(detection, LIMIT_blocked_share) * range)
		return SEVERITY_ERROR;
	return SEVERITY_WARNING;
}

static enum severity holder_severity(const struct detection *detection, const struct holder *holder)
{
	return quota_held(detection, holder) ? SEVERITY_NOTE : hold_severity(detection, holder->longest, holder->total);
}

/* Of what looks saw beside the cause, that for which the one that stands for most was taken; NULL where it is next to
 * nothing. */
static const struct stall *stalls_besides(const struct holders *holders, const struct holder *holder, uint64_t *ticks)
{
	const struct stall *besides = NULL;
	uint64_t all = 0;

	*ticks = 0;
	for (size_t i = 0; i < holders->looks.count; i++) {
		const struct stall *stall = &holders->looks.list[i];
		if (!is_at(holders, holder, i))
			continue;
		all += stall->ticks;
		if (same_kind(stall, holder->stall) || stall->cause == STALL_UNKNOWN)
			continue;
		*ticks += stall->ticks;
		besides = !besides || stall->ticks > besides->ticks ? stall : besides;
	}
	return (double)*ticks >= STALLS_BESIDES * (double)all ? besides : NULL;
}

static const char *stall_what(const struct stall *stall)
{
	return stall->cause == STALL_DESCHEDULED ? "no CPU: the kernel ran somebody else"
	       : *stall->what			 ? stall->what
						 : "a computation";
}

/* What was seen, how long after the callback began, and what else. */
static void stalls_tell(const struct detection *detection, const struct holders *holders, const struct holder *holder,
			char *text, size_t bytes)
{
	const struct stall *stall = holder->stall, *besides;
	struct texts texts = {0};
	uint64_t ticks;
	size_t looks = 0;

	for (size_t i = 0; i < holders->looks.count; i++)
		looks += is_at(holders, holder, i);
	besides = stalls_besides(holders, holder, &ticks);
	snprintf(text, bytes, " Looked at %zu time%s; seen in %.300s %s after it began.", looks, plural(looks),
		 stall_what(stall), say_ns(&texts, ns_of(detection->timeline, stall->tick - stall->poll_tick)));
	if (besides)
		snprintf(text + strlen(text), bytes - strlen(text), " For %s something else held it, mostly %s%.300s.",
			 say_ns(&texts, ns_of(detection->timeline, ticks)),
			 besides->cause == STALL_CPU ? "computing in " : "", stall_what(besides));
}

/* "5 runs of 10.0 ms or longer, 643 ms together, the longest 222 ms" */
static void runs_tell(const struct detection *detection, const struct holder *holder, char *text, size_t bytes)
{
	struct texts texts = {0};
	const char *told = say_ns(&texts, (double)timeline_span_ns(detection->timeline, &holder->told));
	const char *longest = say_ns(&texts, (double)timeline_span_ns(detection->timeline, &holder->worst));
	bool is_told = strcmp(told, longest) == 0;
	size_t used;

	snprintf(text, bytes, "%" PRIu64 " run%s of %s or longer, %s together%s%s%s", holder->runs,
		 plural(holder->runs), say_ns(&texts, limit(detection, LIMIT_blocked_note)),
		 say_ns(&texts, holder->total), is_told ? "" : ", the longest ", is_told ? "" : longest,
		 holder->open ? ", one still running at the end" : "");
	used = strlen(text);
	if (holder->unseen > 0)
		snprintf(text + used, bytes - used, ", %" PRIu64 " of which nobody looked at", holder->unseen);
}

static void holder_evidence(struct detection *detection, struct finding *finding, const struct holders *holders,
			    const struct holder *holder)
{
	const struct timeline_site_turns *turns = &detection->timeline->sites[holder->site].turns;
	char runs[256], known[800] = "";

	runs_tell(detection, holder, runs, sizeof(runs));
	if (holder->stall)
		stalls_tell(detection, holders, holder, known, sizeof(known));
	else if (holder->known > 0)
		snprintf(known, sizeof(known),
			 " By samples of CPU time, about %.0f%% on the CPU (%.0f%% at least) and %.0f%% asleep (%.0f%% "
			 "at least).",
			 100 * holder->cpu.about / holder->known, 100 * holder->cpu.least / holder->known,
			 100 * holder->asleep.about / holder->known, 100 * holder->asleep.least / holder->known);
	struct poll_marks marks = poll_marks_read(detection->input->trace, detection->timeline, &holder->worst);
	char *said = poll_marks_text(detection->timeline->process, &marks);
	finding_say(detection, &finding->evidence,
		    "%s; kind %s, registered by %s. Behind it %" PRIu64 " callback%s waited.%s%s%s%s", runs,
		    site_kind(detection, holder->site),
		    symbols_site(detection->input->symbols, holder->site, true)->text, turns->held_polls,
		    plural(turns->held_polls), known, said ? " In the longest the program said: " : "",
		    said ? said : "", said ? "." : "");
	free(said);
}

/* Of what waited behind this callback, the part of these runs by the time that they took. */
static double holder_share(const struct holders *holders, const struct holder *holder)
{
	double total = 0;

	for (size_t i = 0; i < holders->count; i++)
		total += holders->list[i].site == holder->site ? holders->list[i].total : 0;
	return total > 0 ? holder->total / total : 0;
}

static void holder_tell(struct detection *detection, const struct holders *holders, struct holder *holder)
{
	double held = ns_of(detection->timeline, detection->timeline->sites[holder->site].turns.held_ticks);

	holder_stall(holders, holder);
	holder_choose(holder);
	const struct cause *cause = holder_cause(detection, holder);
	struct finding *finding = finding_add(detection, cause->id, holder_severity(detection, holder));
	struct texts texts = {0};

	finding_blame(detection, finding, holder->site);
	finding_say(detection, &finding->title, "%s held worker %" PRIu32 " (loop) for %s: %s%s%s.",
		    site_text(detection, holder->site),
		    detection->timeline->process->workers[holder->told.worker].worker,
		    say_ns(&texts, (double)timeline_span_ns(detection->timeline, &holder->told)), cause->verb,
		    holder->stall ? " " : "",
		    !holder->stall	   ? ""
		    : *holder->stall->what ? holder->stall->what
					   : "its own code");
	holder_evidence(detection, finding, holders, holder);
	finding_say(detection, &finding->advice, "%s", cause->advice);
	finding->confidence = holder_confidence(detection, holder, cause);
	finding->cost_ns = whole_ns(held * holder_share(holders, holder));
	finding_place(detection, finding, holder->told.tick, holder->told.duration, holder->told.worker);
}

/* Of one that is open at the end: whether it was, and no longer than is sure. */
static bool open_is_known(const struct detection *detection, struct timeline_span *span)
{
	const struct findings_input *input = detection->input;

	if (!timeline_end_is_known(detection->timeline, span->worker))
		return false;
	if (timeline_died(detection->timeline->process))
		span->duration = stalls_open_least(detection->timeline, input->stalls, input->stall_count, span);
	return true;
}

static void holders_add(const struct detection *detection, struct holders *holders, const struct timeline_top *spans,
			bool open, bool seen)
{
	for (size_t i = 0; i < spans->count; i++) {
		struct timeline_span span = spans->spans[i];
		const struct stall *kind = span_seen(&holders->looks, &span);
		if ((kind != NULL) == seen && (!open || open_is_known(detection, &span)))
			holder_add(detection, holders, &span, kind, open);
	}
}

void detect_blocked(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	struct holders holders = {.list =
				      calloc(timeline->holds.count + timeline->open.count + 1, sizeof(*holders.list)),
				  .looks = {.list = detection->input->stalls, .count = detection->input->stall_count}};

	if (looks_judge(&holders.looks) && holders.list) {
		for (int seen = 1; seen >= 0; seen--) {
			holders_add(detection, &holders, &timeline->holds, false, seen);
			holders_add(detection, &holders, &timeline->open, true, seen);
		}
		for (size_t i = 0; i < holders.count; i++)
			holder_tell(detection, &holders, &holders.list[i]);
	} else {
		detection->findings->failed = true;
	}
	free(holders.list);
	free(holders.looks.seen);
}
