/* SPDX-License-Identifier: Apache-2.0
 *
 * Turns (iterations) of a loop: from the end of a wait, or from uv_run, to the begin of the next wait. All that a turn
 * found ready waits until it is its turn; so a callback's start minus the turn's begin is its dispatch delay, and what
 * ran before is what it stood behind. A turn is empty where it began with a wait with timeout 0 that found nothing; so
 * is a call of uv_run that neither waited nor ran a callback, since nothing was alive.
 *
 * A hold is a poll of hold_ns or more. What it cost others: its duration for each poll that came after it in the
 * turn, and half of it for each descriptor that the next wait found ready at once (it became ready some time during
 * the turn). Timers that start again on the same handle give the interval between.
 */
#include <errno.h>
#include <string.h>

#include "timeline_internal.h"

#define CROWDED_SHARE 4 /* no poll took more than this part of a crowded turn */

static void hold_add(struct turn *turn, const struct timeline_span *poll)
{
	if (turn->hold_count == TURN_HOLDS) {
		turn->holds[TURN_HOLDS - 1].ticks += poll->duration;
		return;
	}
	turn->holds[turn->hold_count++] =
	    (struct turn_hold){.ticks = poll->duration, .after = turn->facts.polls, .site = poll->site};
}

/* Boyer-Moore majority vote, weighted by ticks: finds the site that has more than half of them, if
 * one has. */
static inline void vote(uint32_t *site, uint64_t *votes, uint32_t for_site, uint64_t ticks)
{
	if (*site == for_site) {
		*votes += ticks;
	} else if (*votes >= ticks) {
		*votes -= ticks;
	} else {
		*site = for_site;
		*votes = ticks - *votes;
	}
}

static void timer_started(struct stream *stream, uint64_t tick, uint64_t ticks, uint64_t object, uint32_t site)
{
	struct timer_start *last = &stream->timers[(object >> 4) & (TIMERS_KNOWN - 1)];
	struct turn *turn = &stream->turn;

	turn->facts.timers++;
	turn->facts.timer_ticks += ticks;
	vote(&turn->facts.timer_site, &turn->timer_majority, site, ticks);
	if (last->object == object && tick > last->tick)
		histogram_add(&stream->share->sites[site].turns.interval, tick - last->tick);
	*last = (struct timer_start){object, tick};
}

static void delay_worst(struct stream *stream, uint64_t tick, uint64_t delay, uint32_t site)
{
	const struct turn *turn = &stream->turn;

	stream->share->sites[site].turns.worst = (struct timeline_delay){
	    .tick = tick,
	    .delay = delay,
	    .polls = turn->facts.polls,
	    .behind = turn->longest_site,
	    .behind_ticks = turn->facts.longest_ticks,
	    .worker = (uint32_t)stream->position,
	};
}

/* It is long: kept, and what comes after it in the turn waits for it. */
static void turn_hold(struct stream *stream, uint64_t tick, uint64_t ticks, uint64_t object, uint32_t site)
{
	struct timeline_span poll = {
	    .tick = tick, .duration = ticks, .worker = stream->position, .site = site, .object = object};

	hold_add(&stream->turn, &poll);
	if (timeline_top_add(&stream->share->holds, &poll) < 0)
		stream->error = -ENOMEM;
}

void turn_poll(struct stream *stream, uint64_t tick, uint64_t ticks, uint64_t word, uint32_t site,
	       struct timeline_site_turns *facts)
{
	struct turn *turn = &stream->turn;
	uint8_t traits = stream->traits[site];

	if (turn->wake_tick != 0 && tick >= turn->wake_tick) {
		uint64_t delay = tick - turn->wake_tick;
		histogram_add(&facts->delay, delay);
		if (__builtin_expect(
			delay > facts->worst.delay || (delay == facts->worst.delay && tick < facts->worst.tick), 0))
			delay_worst(stream, tick, delay, site);
	}
	turn->facts.polls++;
	stream->facts->reads += (traits & TRAIT_READ) != 0;
	turn->facts.ticks += ticks;
	vote(&turn->facts.site, &turn->majority, site, ticks);
	if (ticks > turn->facts.longest_ticks) {
		turn->facts.longest_ticks = ticks;
		turn->longest_site = site;
	}
	if (__builtin_expect(traits & (TRAIT_TIMER | TRAIT_CONNECTION), 0)) {
		if (traits & TRAIT_TIMER)
			timer_started(stream, tick, ticks, trace_word_object(word), site);
		stream->facts->connections += (traits & TRAIT_CONNECTION) != 0;
	}
	if (__builtin_expect(ticks >= stream->hold_ticks, 0))
		turn_hold(stream, tick, ticks, trace_word_object(word), site);
}

static void holds_cost(struct stream *stream, uint64_t ready_at_once)
{
	const struct turn *turn = &stream->turn;

	for (uint32_t i = 0; i < turn->hold_count; i++) {
		const struct turn_hold *hold = &turn->holds[i];
		struct timeline_site_turns *facts = &stream->share->sites[hold->site].turns;
		uint64_t behind = turn->facts.polls - hold->after;
		facts->held_ticks += hold->ticks * behind + hold->ticks / 2 * ready_at_once;
		facts->held_polls += behind + ready_at_once;
	}
}

/* The more of the two, the earlier of equal ones: neither the order in which threads take parts nor that in which they
 * end may matter. */
static void turn_merge(struct timeline_turn *into, const struct timeline_turn *from, uint64_t more, uint64_t than)
{
	if (more > than || (more == than && more > 0 &&
			    (from->tick < into->tick || (from->tick == into->tick && from->worker < into->worker))))
		*into = *from;
}

static void turn_keep(struct stream *stream)
{
	struct timeline_share *share = stream->share;
	struct timeline_turn *facts = &stream->turn.facts;

	facts->tick = stream->turn.wake_tick;
	facts->worker = (uint32_t)stream->position;
	histogram_add(&share->turn_ticks, facts->ticks);
	if (facts->timers > 0)
		histogram_add(&share->turn_timers, facts->timers);
	turn_merge(&share->most_timers, facts, facts->timers, share->most_timers.timers);
	if (facts->longest_ticks * CROWDED_SHARE < facts->ticks)
		turn_merge(&share->crowded, facts, facts->ticks, share->crowded.ticks);
}

static void turn_finish(struct stream *stream, uint64_t ready_at_once)
{
	struct turn *turn = &stream->turn;

	if (turn->facts.polls > 0 && turn->wake_tick != 0)
		turn_keep(stream);
	if (turn->hold_count > 0)
		holds_cost(stream, ready_at_once);
	turn->before_site = turn->longest_site;
	turn->before_ticks = turn->facts.longest_ticks;
	turn->facts = (struct timeline_turn){0};
	turn->majority = turn->timer_majority = 0;
	turn->hold_count = 0;
}

static inline bool turn_counts(const struct stream *stream, uint64_t tick)
{
	return stream->counted && (stream->whole || timeline_overlaps(stream->timeline, tick, tick));
}

/* Where the turn was empty: it took until then. */
static inline void turn_empty_over(struct stream *stream, uint64_t tick)
{
	if (stream->turn.empty && stream->counted)
		stream->facts->empty_ticks += timeline_clip(stream->timeline, stream->turn.wake_tick, tick);
	stream->turn.empty = false;
}

void turn_begin(struct stream *stream, uint64_t wake_tick, uint64_t wait_ticks, uint64_t ready)
{
	uint64_t ready_at_once = wait_ticks <= stream->timeline->hidden->prompt_ticks ? ready : 0;

	turn_empty_over(stream, wake_tick - wait_ticks);
	turn_finish(stream, ready_at_once);
	if (__builtin_expect(stream->away.span.duration > 0, 0))
		away_end(stream, ready_at_once);
	stream->facts->turns += turn_counts(stream, wake_tick);
	stream->turn.wake_tick = wake_tick;
	stream->turn.wait_ticks = wait_ticks;
	stream->turn.entered = false;
}

void turn_is_empty(struct stream *stream, uint64_t tick)
{
	stream->facts->empty_turns += turn_counts(stream, tick);
	stream->turn.empty = true;
}

void turn_end(struct stream *stream)
{
	turn_finish(stream, 0);
	stream->turn.wake_tick = 0;
	stream->turn.entered = stream->turn.empty = false;
}

void turn_leave(struct stream *stream, uint64_t tick)
{
	struct turn *turn = &stream->turn;

	if (turn->entered && turn->facts.polls == 0) {
		stream->facts->turns += turn_counts(stream, tick);
		turn_is_empty(stream, tick);
	}
	turn_empty_over(stream, tick);
	turn_end(stream);
}

/* What a loop inside a callback does is not told from the callback's other polls. */
void turn_enter(struct stream *stream, uint64_t tick)
{
	turn_end(stream);
	stream->turn.wake_tick = tick;
	stream->turn.wait_ticks = 0;
	stream->turn.entered = stream->open.polls == 0;
}

/* ---- What threads have added up ------------------------------------------------------------------------------- */

static void site_turns_merge(struct timeline_site_turns *into, const struct timeline_site_turns *from)
{
	histogram_merge(&into->delay, &from->delay);
	histogram_merge(&into->interval, &from->interval);
	timers_merge(&into->timers, &from->timers);
	into->held_ticks += from->held_ticks;
	into->held_polls += from->held_polls;
	if (from->worst.delay > into->worst.delay ||
	    (from->worst.delay == into->worst.delay && from->worst.tick < into->worst.tick))
		into->worst = from->worst;
}

void site_turns_clear(struct timeline_site_turns *turns)
{
	histogram_clear(&turns->delay);
	histogram_clear(&turns->interval);
	timers_clear(&turns->timers);
}

int turns_merge(struct timeline *timeline, struct timeline_share *share)
{
	for (size_t i = 0; i <= timeline->process->site_count; i++)
		site_turns_merge(&timeline->sites[i].turns, &share->sites[i].turns);
	turn_merge(&timeline->most_timers, &share->most_timers, share->most_timers.timers,
		   timeline->most_timers.timers);
	turn_merge(&timeline->crowded, &share->crowded, share->crowded.ticks, timeline->crowded.ticks);
	histogram_merge(&timeline->turn_ticks, &share->turn_ticks);
	histogram_merge(&timeline->turn_timers, &share->turn_timers);
	return 0;
}
