/* SPDX-License-Identifier: Apache-2.0
 *
 * Timers against the time that they were due: how late each run was, and where the time went, cut
 * in three as that of a wake-up is, and the wait's part in two: what libuv itself asked for beyond
 * the due time, since it reckons a wait from uv_now, and what the kernel added. How far each run
 * was from the one before, and how far it was to be. And runs that came before the time that was
 * asked for. That time is libuv's due time, unless the timer was started by a uv_now that was old:
 * then it is by so much later than libuv's, whose timer runs too early if something else wakes the
 * loop (nothing does: then the wait, which is reckoned from the old time too, lasts as much
 * longer).
 *
 * Rules: only what the trace says counts (TIMER_DUE, and for early runs LOOP_TIME, TIMER_DUE,
 * TIMER_START): nothing is inferred from intervals. libuv counts in whole milliseconds of
 * CLOCK_MONOTONIC, so a start less than one before the due time is on time.
 */
#include "timeline_internal.h"

#define NS_PER_MS 1000000ull

/* A damaged trace may have any number of them. */
static uint64_t ns_of_ms(uint64_t ms)
{
	return ms <= UINT64_MAX / NS_PER_MS ? ms * NS_PER_MS : UINT64_MAX;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static struct timer_set *set_of(struct stream *stream, uint64_t object)
{
	return &stream->timer_sets[(object >> 4) & (TIMER_SETS_KNOWN - 1)];
}

/* How long after that moment of CLOCK_MONOTONIC `tick` is. */
static uint64_t ticks_since(const struct timeline *timeline, uint64_t ms, uint64_t tick)
{
	uint64_t now_ns = trace_ns(timeline->process, tick), then_ns = ns_of_ms(ms);

	return now_ns > then_ns ? timeline_ticks(timeline, now_ns - then_ns) : 0;
}

/* The callback that runs, outermost: whoever started the timer. */
static uint32_t open_site(const struct stream *stream)
{
	for (uint32_t i = 0; i < stream->open.count; i++) {
		uint32_t code = trace_word_code(stream->open.list[i].word);
		if (trace_code_is_poll(code))
			return timeline_site_of(stream->site_count, code);
	}
	return stream->site_count;
}

void timer_set(struct stream *stream, uint64_t tick, uint64_t object)
{
	uint64_t due_ms = stream->due_ms, now_ms = stream->loop_ms;

	stream->due_ms = stream->loop_ms = 0;
	if (due_ms == 0 || now_ms == 0 || due_ms < now_ms)
		return;
	*set_of(stream, object) = (struct timer_set){
	    .object = object,
	    .due_ms = due_ms,
	    .tick = tick,
	    .stale_ticks = ticks_since(stream->timeline, now_ms, tick),
	    .asked_ticks = timeline_ticks(stream->timeline, ns_of_ms(due_ms - now_ms)),
	    .site = open_site(stream),
	};
}

static void worst_early(struct timeline_early *worst, const struct timer_set *set, uint64_t early,
			size_t worker)
{
	*worst = (struct timeline_early){
	    .tick = set->tick,
	    .early = early,
	    .asked = set->asked_ticks,
	    .site = set->site,
	    .worker = (uint32_t)worker,
	};
}

/* By how much libuv's time was behind when this run's timer was started; 0: it was not, as far as
 * is known. `set` is what is known of that. */
static uint64_t set_take(struct stream *stream, uint64_t object, uint64_t due_ms,
			 struct timer_set *set)
{
	struct timer_set *known = set_of(stream, object);

	if (known->object != object || known->due_ms != due_ms)
		return 0;
	*set = *known;
	known->object = 0;
	return set->stale_ticks;
}

/* It was to run later than that: libuv counted from a time before it was started. */
static void early_count(struct stream *stream, const struct timer_set *set, uint64_t early,
			struct timeline_timers *facts)
{
	histogram_add(&facts->early, early);
	if (early > facts->worst_early.early ||
	    (early == facts->worst_early.early && set->tick < facts->worst_early.tick))
		worst_early(&facts->worst_early, set, early, stream->position);
}

/* What blocked the loop while the timer was due: the longest callback of this iteration or of the
 * one before. */
static void late_worst(struct stream *stream, struct timeline_timers *facts, uint64_t tick,
		       uint64_t late)
{
	const struct iteration *iteration = iteration_now(stream);
	bool before = iteration->before_ticks > iteration->facts.longest_ticks;

	facts->worst = (struct timeline_late){
	    .tick = tick,
	    .late = late,
	    .behind = before ? iteration->before_site : iteration->longest_site,
	    .behind_ticks = before ? iteration->before_ticks : iteration->facts.longest_ticks,
	    .worker = (uint32_t)stream->position,
	};
}

/* The time from the last run's start until this one was due is what was asked for: in whole ms, as
 * libuv counts it. */
static void drift_count(struct stream *stream, uint64_t tick, uint64_t object, uint64_t due_ms,
			struct timeline_timers *facts)
{
	const struct timer_start *last = &stream->timers[(object >> 4) & (TIMERS_KNOWN - 1)];
	const struct timeline *timeline = stream->timeline;

	if (last->object != object || tick <= last->tick)
		return;
	uint64_t due_ns = ns_of_ms(due_ms), last_ns = trace_ns(timeline->process, last->tick);
	if (due_ns <= last_ns)
		return;
	uint64_t asked =
	    timeline_ticks(timeline, (due_ns - last_ns + NS_PER_MS - 1) / NS_PER_MS * NS_PER_MS);
	histogram_add(&facts->asked, asked);
	facts->drift_ticks += (int64_t)(tick - last->tick - asked);
}

void timer_fired(struct stream *stream, uint64_t tick, uint64_t object, uint32_t site)
{
	struct timeline_timers *facts = &stream->partial->sites[site].iterations.timers;
	const struct iteration *iteration = iteration_now(stream);
	uint64_t due_ms = stream->due_ms, late = ticks_since(stream->timeline, due_ms, tick), stale;
	struct timer_set set;

	stream->due_ms = stream->loop_ms = 0;
	if (!(stream->traits[site] & TRAIT_TIMER) || !stream->counted ||
	    !timeline_overlaps(stream->timeline, tick, tick))
		return;
	stale = set_take(stream, object, due_ms, &set);
	if (stale > late)
		early_count(stream, &set, stale - late, facts);
	late = late > stale ? late - stale : 0;
	stream->delays.since_tick = tick > late ? tick - late : 0;
	stream->delays.object = object;
	uint64_t queue = iteration->wake_tick && tick > iteration->wake_tick
			     ? least(tick - iteration->wake_tick, late)
			     : 0;
	uint64_t waited = iteration->wake_tick ? least(iteration->wait_ticks, late - queue) : 0;
	uint64_t old = least(iteration->old_ticks, waited);
	if (stream->outside.span.duration > 0)
		outside_timer(stream, late);
	histogram_add(&facts->late, late);
	if (delays_some(stream) && stream->open.polls == 0)
		facts->blocked_ticks += delays_of(stream, stream->delays.since_tick, tick);
	facts->queue_ticks += queue;
	facts->old_ticks += old;
	facts->kernel_ticks += waited - old;
	facts->busy_ticks += late - queue - waited;
	drift_count(stream, tick, object, due_ms, facts);
	if (late > facts->worst.late || (late == facts->worst.late && tick < facts->worst.tick))
		late_worst(stream, facts, tick, late);
}

void timers_merge(struct timeline_timers *into, const struct timeline_timers *from)
{
	histogram_merge(&into->late, &from->late);
	histogram_merge(&into->early, &from->early);
	histogram_merge(&into->asked, &from->asked);
	into->drift_ticks += from->drift_ticks;
	into->old_ticks += from->old_ticks;
	into->queue_ticks += from->queue_ticks;
	into->kernel_ticks += from->kernel_ticks;
	into->busy_ticks += from->busy_ticks;
	into->blocked_ticks += from->blocked_ticks;
	if (from->worst.late > into->worst.late ||
	    (from->worst.late == into->worst.late && from->worst.tick < into->worst.tick))
		into->worst = from->worst;
	if (from->worst_early.early > into->worst_early.early ||
	    (from->worst_early.early == into->worst_early.early &&
	     from->worst_early.tick < into->worst_early.tick))
		into->worst_early = from->worst_early;
}

void timers_clear(struct timeline_timers *timers)
{
	histogram_clear(&timers->late);
	histogram_clear(&timers->early);
	histogram_clear(&timers->asked);
}
