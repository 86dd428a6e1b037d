/* SPDX-License-Identifier: Apache-2.0
 *
 * Detectors that look at loops: the callback that the program died in, turns that are too full, timers and wake-ups.
 */
#include "findings_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- The end -------------------------------------------------------------------------------------------------- */

/* How long it had run: when the program died nobody saw, the helper only noticed that it was gone. */
static const char *died_after(const struct detection *detection, const struct timeline_span *span, char *text,
			      size_t bytes)
{
	const struct findings_input *input = detection->input;
	const struct timeline *timeline = detection->timeline;
	uint64_t least = stalls_open_least(timeline, input->stalls, input->stall_count, span);
	bool noticed = timeline_death_was_noticed(timeline);
	struct texts texts = {0};
	const char *least_text = say_ns(&texts, ns_of(timeline, least));
	const char *most_text = say_ns(&texts, ns_of(timeline, span->duration));

	if (noticed && least > 0)
		snprintf(text, bytes, "It had run for %s at least, and for %s at most", least_text, most_text);
	else if (noticed)
		snprintf(text, bytes, "It had run for %s at most: by then the program was gone", most_text);
	else if (least > 0)
		snprintf(text, bytes, "It had run for %s at least", least_text);
	else
		snprintf(text, bytes, "How long it had run is not known");
	return text;
}

void detect_died(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	const struct trace_process *process = timeline->process;
	const struct timeline_span *span = NULL;

	if (!timeline_died(process))
		return;
	for (size_t i = 0; i < timeline->open.count; i++) {
		const struct timeline_span *open = &timeline->open.spans[i];
		if (!timeline_end_is_known(timeline, open->worker))
			continue;
		if (!span || (is_loop(timeline, open->worker) && !is_loop(timeline, span->worker)))
			span = open;
	}
	if (!span)
		return;
	/* Work on the pool goes on whoever ends the program. */
	struct finding *finding =
	    finding_add(detection, "died", is_loop(timeline, span->worker) ? SEVERITY_ERROR : SEVERITY_NOTE);
	bool is_site = span->site < process->site_count;
	char ran[160];
	finding_blame(detection, finding, span->site);
	finding_say(detection, &finding->title, "The program died while %s ran.", site_text(detection, span->site));
	finding_say(detection, &finding->evidence,
		    "Recording broke off without exit(): a signal, _exit or exec. %s.%s%s",
		    died_after(detection, span, ran, sizeof(ran)), is_site ? " Registered by " : "",
		    is_site ? symbols_site(detection->input->symbols, span->site, true)->text : "");
	finding_say(detection, &finding->advice, "Look at the core file or the log of that moment.");
	finding->confidence = 0.8;
	finding_place(detection, finding, span->tick, span->duration, span->worker);
}

/* ---- Turns ---------------------------------------------------------------------------------------------------- */

/* How much of a turn's time the kernel may have run somebody else. */
static double turn_own(const struct timeline *timeline, const struct timeline_turn *turn, uint64_t ticks)
{
	struct timeline_span span = {.tick = turn->tick, .duration = turn->ticks, .worker = turn->worker};
	struct measures_time time = measures_span(timeline, &span);

	return ns_of(timeline, ticks) - (time.known ? time.wait.about : 0);
}

void detect_storm(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_turn *turn = &timeline->most_timers;
	double took = ns_of(timeline, turn->timer_ticks);

	if ((double)turn->timers < limit(detection, LIMIT_storm_timers) ||
	    turn_own(timeline, turn, turn->timer_ticks) < limit(detection, LIMIT_storm_time))
		return;
	struct finding *finding = finding_add(detection, "timer_storm", SEVERITY_WARNING);
	struct texts texts = {0};
	finding_blame(detection, finding, turn->timer_site);
	finding_say(detection, &finding->title, "%" PRIu64 " timer%s fired in one turn, most of them %s: %s in a row.",
		    turn->timers, plural(turn->timers), site_text(detection, turn->timer_site), say_ns(&texts, took));
	finding_say(detection, &finding->evidence,
		    "Timers a turn: median %" PRIu64 ", most %" PRIu64
		    "; registered by %s. All else waits for the last "
		    "of them.",
		    histogram_quantile(&timeline->turn_timers, 0.5), turn->timers,
		    symbols_site(detection->input->symbols, turn->timer_site, true)->text);
	finding_say(detection, &finding->advice,
		    "Spread their times (add a random part), or let one timer serve many deadlines.");
	finding->cost_ns = whole_ns(took * (double)turn->timers / 2);
	finding->confidence = 0.9;
	finding_place(detection, finding, turn->tick, turn->ticks, turn->worker);
}

void detect_crowded(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_turn *turn = &timeline->crowded;
	double took = ns_of(timeline, turn->ticks);

	if (turn_own(timeline, turn, turn->ticks) < limit(detection, LIMIT_crowded) ||
	    turn->timer_ticks * 2 > turn->ticks)
		return;
	struct finding *finding = finding_add(detection, "crowded_turn", SEVERITY_WARNING);
	struct texts texts = {0};
	finding_blame(detection, finding, turn->site);
	finding_say(detection, &finding->title, "%" PRIu64 " callback%s ran in one turn for %s, most of that in %s.",
		    turn->polls, plural(turn->polls), say_ns(&texts, took), site_text(detection, turn->site));
	finding_say(detection, &finding->evidence,
		    "None of them took longer than %s; a turn's callbacks take %s in the median, %s at p99. What comes "
		    "last in such a turn waits for all others.",
		    say_ns(&texts, ns_of(timeline, turn->longest_ticks)),
		    say_ns(&texts, ns_of(timeline, histogram_quantile(&timeline->turn_ticks, 0.5))),
		    say_ns(&texts, ns_of(timeline, histogram_quantile(&timeline->turn_ticks, 0.99))));
	finding_say(
	    detection, &finding->advice,
	    "Make this callback cheaper, serve fewer descriptors by one loop, or put urgent work on another loop.");
	finding->cost_ns = whole_ns(took * (double)turn->polls / 2);
	finding->confidence = 0.8;
	finding_place(detection, finding, turn->tick, turn->ticks, turn->worker);
}

/* ---- Timers and wake-ups -------------------------------------------------------------------------------------- */

/* A regular timer: most intervals are near the median. */
static bool is_regular(const struct histogram *interval)
{
	return histogram_quantile(interval, 0.75) <= histogram_quantile(interval, 0.5) / 5 * 6;
}

/* Whether the loop itself was there for most of the time; programs may call uv_run only now and then. */
static bool was_inside(const struct timeline *timeline, size_t worker)
{
	return timeline->workers[worker].inside_ticks * 2 > timeline->range_ticks;
}

static void late_tell(struct detection *detection, uint32_t site)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_site_turns *turns = &timeline->sites[site].turns;
	const struct timeline_delay *worst = &turns->worst;
	uint64_t usual = histogram_quantile(&turns->interval, 0.5), late = histogram_quantile(&turns->interval, 0.95);
	bool inside = was_inside(timeline, worst->worker);
	bool kernel = inside && worst->delay * 2 < late - usual; /* the loop was free: it was not run */
	bool explained = inside && (kernel || finding_of_site(detection, worst->behind) != NULL);
	struct finding *finding = finding_add(detection, "late_timers", explained ? SEVERITY_NOTE : SEVERITY_WARNING);
	struct texts texts = {0};

	finding_blame(detection, finding, site);
	finding_say(detection, &finding->title, "The regular timer %s is late: %s instead of %s between runs at p95.",
		    site_text(detection, site), say_ns(&texts, ns_of(timeline, late)),
		    say_ns(&texts, ns_of(timeline, usual)));
	if (!inside)
		finding_say(
		    detection, &finding->evidence,
		    "Its loop was inside uv_run for %.0f%% of the time only: timers fire when somebody runs it.",
		    100 * (double)timeline->workers[worst->worker].inside_ticks / (double)timeline->range_ticks);
	else if (kernel)
		finding_say(
		    detection, &finding->evidence,
		    "No callback was in its way: at worst it started %s after its turn began. The kernel ran the "
		    "loop's thread late.",
		    say_ns(&texts, ns_of(timeline, worst->delay)));
	else
		finding_say(detection, &finding->evidence,
			    "At worst it started %s after its turn began, behind %" PRIu64
			    " callback%s, of which %s took longest: %s.",
			    say_ns(&texts, ns_of(timeline, worst->delay)), worst->polls, plural(worst->polls),
			    site_text(detection, worst->behind), say_ns(&texts, ns_of(timeline, worst->behind_ticks)));
	finding_say(detection, &finding->advice, "%s",
		    inside
			? "Make what runs before it shorter, or move it to another loop."
			: "Run the loop on a thread of its own, or wait on uv_backend_fd() with uv_backend_timeout().");
	finding->cost_ns = whole_ns_of(timeline, turns->interval.sum > usual * turns->interval.count
						     ? turns->interval.sum - usual * turns->interval.count
						     : 0);
	finding->confidence = 0.6;
	finding_place(detection, finding, worst->tick, 0, worst->worker);
}

static bool late_by_interval(const struct detection *detection, const struct histogram *interval)
{
	uint64_t usual = histogram_quantile(interval, 0.5), late = histogram_quantile(interval, 0.95);

	return (double)interval->count >= limit(detection, LIMIT_late_least) && is_regular(interval) &&
	       ns_of(detection->timeline, late - usual) >= limit(detection, LIMIT_late);
}

/* The time outside of uv_run after which this run came; NULL: it was none, or a short one. */
static const struct timeline_span *away_before(const struct timeline *timeline, const struct timeline_late *late)
{
	for (size_t i = 0; i < timeline->away.count; i++) {
		const struct timeline_span *span = &timeline->away.spans[i];
		if (span->worker == late->worker && span->tick < late->tick && span->depth > 0 &&
		    late->tick - span->tick <= span->duration + late->late / 2)
			return span;
	}
	return NULL;
}

/* What the latest run came after. */
static void late_before(const struct detection *detection, const struct timeline_late *late,
			const struct timeline_span *away, char *text, size_t bytes)
{
	struct texts texts = {0};

	*text = '\0';
	if (away)
		snprintf(text, bytes, " At worst the program had been outside of uv_run for %s.",
			 say_ns(&texts, ns_of(detection->timeline, away->duration)));
	else if (late->behind_ticks > 0)
		snprintf(text, bytes, " At worst the longest of these was %.300s: %s.",
			 site_text(detection, late->behind),
			 say_ns(&texts, ns_of(detection->timeline, late->behind_ticks)));
}

/* By the time that it was due. */
static void due_tell(struct detection *detection, uint32_t site)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_timers *timers = &timeline->sites[site].turns.timers;
	const struct timeline_late *worst = &timers->worst;
	bool inside = was_inside(timeline, worst->worker);
	double sum = (double)timers->late.sum;
	bool kernel = (double)timers->kernel_ticks >= limit(detection, LIMIT_cause_share) * sum;
	bool queued = (double)timers->queue_ticks >= limit(detection, LIMIT_cause_share) * sum;
	bool held = was_not_run(detection) || (queued && was_crowded(detection)) ||
		    finding_of_site(detection, worst->behind) != NULL;
	const struct timeline_span *away = away_before(timeline, worst);
	bool explained = inside && (kernel || held);
	struct finding *finding = finding_add(detection, "late_timers", explained ? SEVERITY_NOTE : SEVERITY_WARNING);
	struct texts texts = {0};
	char before[512];

	late_before(detection, worst, away, before, sizeof(before));
	finding_blame(detection, finding, site);
	finding_say(detection, &finding->title, "The timer %s runs late: %s after it was due at p95, %s at worst.",
		    site_text(detection, site),
		    say_ns(&texts, ns_of(timeline, histogram_quantile(&timers->late, 0.95))),
		    say_ns(&texts, ns_of(timeline, timers->late.max)));
	finding_say(detection, &finding->evidence,
		    "%" PRIu64
		    " run%s, %s late on average: %.0f%% of that before the loop waited (%s), %.0f%% until the "
		    "kernel ran it, %.0f%% behind other callbacks of the turn.%s",
		    timers->late.count, plural(timers->late.count),
		    say_ns(&texts, ns_of(timeline, timers->late.sum) / (double)timers->late.count),
		    100 * (double)timers->busy_ticks / sum,
		    away || !inside ? "mostly nobody ran it: uv_run had returned" : "it was busy",
		    100 * (double)timers->kernel_ticks / sum, 100 * (double)timers->queue_ticks / sum, before);
	finding_say(
	    detection, &finding->advice, "%s",
	    away || !inside
		? "Do what is done between two calls of uv_run in slices, run the loop on a thread of its own, or "
		  "wait on uv_backend_fd() with uv_backend_timeout()."
	    : kernel ? "The loop was free: see which other threads take the CPU, or its priority."
		     : "Make what runs before it shorter, or move it to another loop.");
	finding->cost_ns = whole_ns_of(timeline, timers->late.sum);
	finding->confidence = 0.9;
	finding_place(detection, finding, away ? away->tick : worst->tick, away ? away->duration : 0, worst->worker);
}

/* Where the trace says when timers were due, that counts; else how regular they are is all that is known. */
void detect_late(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;

	for (uint32_t i = 0; i < timeline->process->site_count; i++) {
		const struct timeline_site_turns *turns = &timeline->sites[i].turns;
		const struct histogram *late = &turns->timers.late;
		if (late->count == 0 && late_by_interval(detection, &turns->interval))
			late_tell(detection, i);
		if ((double)late->count >= limit(detection, LIMIT_late_least) &&
		    ns_of(timeline, histogram_quantile(late, 0.95)) >= limit(detection, LIMIT_late))
			due_tell(detection, i);
	}
}

/* ---- Timers that run too early -------------------------------------------------------------------------------- */

static void early_tell(struct detection *detection, uint32_t site)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_timers *timers = &timeline->sites[site].turns.timers;
	const struct timeline_early *worst = &timers->worst_early;
	bool much = (double)worst->early >= limit(detection, LIMIT_early_share) * (double)worst->asked;
	bool explained = finding_of_site(detection, worst->site) != NULL;
	struct finding *finding =
	    finding_add(detection, "early_timers", much && !explained ? SEVERITY_WARNING : SEVERITY_NOTE);
	struct texts texts = {0};

	finding_blame(detection, finding, site);
	finding_say(detection, &finding->title, "The timer %s runs too early: %s before the %s that were asked for.",
		    site_text(detection, site), say_ns(&texts, ns_of(timeline, worst->early)),
		    say_ns(&texts, ns_of(timeline, worst->asked)));
	finding_say(detection, &finding->evidence,
		    "%" PRIu64
		    " run%s came early, by %s in the median. libuv counts from uv_now, which was old when %s "
		    "started the timer: the loop had run callbacks since.",
		    timers->early.count, plural(timers->early.count),
		    say_ns(&texts, ns_of(timeline, histogram_quantile(&timers->early, 0.5))),
		    site_text(detection, worst->site));
	finding_say(detection, &finding->advice,
		    "Call uv_update_time() before uv_timer_start() after long work, and make that work shorter.");
	finding->confidence = 0.9;
	finding_place(detection, finding, worst->tick, 0, worst->worker);
}

void detect_early(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;

	for (uint32_t i = 0; i < timeline->process->site_count; i++) {
		const struct histogram *early = &timeline->sites[i].turns.timers.early;
		if ((double)early->count >= limit(detection, LIMIT_early_least) &&
		    ns_of(timeline, histogram_quantile(early, 0.5)) >= limit(detection, LIMIT_early))
			early_tell(detection, i);
	}
}

static void wakeup_tell(struct detection *detection, uint32_t site)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_wakeups *wakeups = &timeline->sites[site].wakeups;
	const struct timeline_delay *worst = &timeline->sites[site].turns.worst;
	bool inside = was_inside(timeline, wakeups->worst_worker);
	bool held = was_not_run(detection) || finding_of_site(detection, worst->behind) != NULL;
	bool explained = inside && held;
	struct finding *finding = finding_add(detection, "slow_wakeup", explained ? SEVERITY_NOTE : SEVERITY_WARNING);
	double sum = (double)wakeups->latency.sum;
	struct texts texts = {0};

	finding_blame(detection, finding, site);
	finding_say(detection, &finding->title, "From uv_async_send() to %s it took %s at p99, %s at worst.",
		    site_text(detection, site),
		    say_ns(&texts, ns_of(timeline, histogram_quantile(&wakeups->latency, 0.99))),
		    say_ns(&texts, ns_of(timeline, wakeups->latency.max)));
	finding_say(detection, &finding->evidence,
		    "%" PRIu64 " send%s, %" PRIu64
		    " coalesced; of the time %.0f%% before the loop waited (%s), %.0f%% until the kernel had woken it, "
		    "%.0f%% behind other callbacks of the turn.",
		    wakeups->sends, plural(wakeups->sends), wakeups->coalesced, 100 * (double)wakeups->busy_ticks / sum,
		    inside ? "it was busy" : "mostly nobody ran it: uv_run had returned",
		    100 * (double)wakeups->kernel_ticks / sum, 100 * (double)wakeups->queue_ticks / sum);
	finding_say(detection, &finding->advice, "%s",
		    !inside ? "Run the loop on a thread of its own, or wait on uv_backend_fd()."
		    : wakeups->kernel_ticks * 2 > wakeups->latency.sum
			? "The thread was ready and not run: see which other threads take the CPU, or its priority."
			: "Shorten the callbacks that run before it.");
	finding->cost_ns = whole_ns_of(timeline, wakeups->latency.sum);
	finding->confidence = 0.8;
	finding_place(detection, finding, wakeups->worst_tick, wakeups->worst_ticks, wakeups->worst_worker);
}

void detect_wakeup(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;

	for (uint32_t i = 0; i < timeline->process->site_count; i++) {
		const struct histogram *latency = &timeline->sites[i].wakeups.latency;
		if ((double)latency->count >= limit(detection, LIMIT_wakeup_least) &&
		    ns_of(timeline, histogram_quantile(latency, 0.99)) >= limit(detection, LIMIT_wakeup))
			wakeup_tell(detection, i);
	}
}
