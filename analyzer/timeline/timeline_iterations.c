/* SPDX-License-Identifier: Apache-2.0
 *
 * Turns (iterations) of a loop: from the end of a wait, or from uv_run, to the begin of the next
 * wait. All that an iteration found ready waits until it is its iteration; so a callback's start
 * minus the iteration's begin is its dispatch delay, and what ran before is what it stood behind.
 * An iteration is empty where it began with a wait with timeout 0 that found nothing; so is a call
 * of uv_run that neither waited nor ran a callback, since nothing was alive.
 *
 * A blocking callback is a poll of blocking_ns or more; timeline_delays.c has what it cost others.
 * Timers that start again on the same handle give the interval between. A loop that a callback runs
 * itself has iterations of its own (`inner`), of which only their number is kept.
 */
#include <errno.h>
#include <string.h>

#include "timeline_internal.h"

#define CROWDED_SHARE 4 /* no poll took more than this part of a crowded iteration */

static void timer_started(struct stream *stream, uint64_t tick, uint64_t ticks, uint64_t object,
			  uint32_t site)
{
	struct timer_start *last = &stream->timers[(object >> 4) & (TIMERS_KNOWN - 1)];
	struct iteration *iteration = &stream->iteration;

	iteration->facts.timers++;
	if (iteration->timers_tick == 0)
		iteration->timers_tick = tick;
	iteration->facts.timer_ticks += ticks;
	vote(&iteration->facts.timer_site, &iteration->timer_majority, site, ticks);
	if (last->object == object && tick > last->tick)
		histogram_add(&stream->partial->sites[site].iterations.interval, tick - last->tick);
	*last = (struct timer_start){object, tick};
}

static void delay_worst(struct stream *stream, uint64_t tick, uint64_t delay, uint32_t site)
{
	const struct iteration *iteration = &stream->iteration;

	stream->partial->sites[site].iterations.worst = (struct timeline_delay){
	    .tick = tick,
	    .delay = delay,
	    .polls = iteration->facts.polls,
	    .behind = iteration->longest_site,
	    .behind_ticks = iteration->facts.longest_ticks,
	    .worker = (uint32_t)stream->position,
	};
}

/* It is long: kept, and what comes after it in the iteration waits for it. */
static void iteration_block(struct stream *stream, uint64_t tick, uint64_t ticks, uint64_t object,
			    uint32_t site)
{
	struct timeline_span poll = {.tick = tick,
				     .duration = ticks,
				     .worker = stream->position,
				     .site = site,
				     .object = object};

	if (nested_same_ticks(stream, tick + ticks) > ticks / 2)
		return; /* its loop went on */
	nested_tell(stream, tick + ticks, &poll);
	delays_block(stream, &poll);
	if (timeline_top_add(&stream->partial->blocking, &poll) < 0)
		stream->error = -ENOMEM;
}

#define TRAITS_OF_ITERATIONS (TRAIT_TIMER | TRAIT_CONNECTION | TRAIT_IDLE | TRAIT_POLL)

static void iteration_traits(struct stream *stream, uint64_t tick, uint64_t ticks, uint64_t object,
			     uint32_t site)
{
	uint16_t traits = stream->traits[site];

	if (traits & TRAIT_TIMER)
		timer_started(stream, tick, ticks, object, site);
	if (traits & TRAIT_CONNECTION) {
		stream->facts->connections++;
		majority_add(&stream->facts->connection_site, site, 1);
	}
	if ((traits & TRAIT_IDLE) && !stream->iteration.idle) {
		stream->iteration.idle = true;
		stream->iteration.idle_site = site;
	}
	if (traits & TRAIT_POLL)
		spinning_poll(stream, ticks, object, site);
}

void iteration_poll(struct stream *stream, uint64_t tick, uint64_t ticks, uint64_t word,
		    uint32_t site, struct timeline_site_iterations *facts)
{
	struct iteration *iteration = &stream->iteration;
	uint16_t traits = stream->traits[site];

	if (iteration->wake_tick != 0 && tick >= iteration->wake_tick) {
		uint64_t delay = tick - iteration->wake_tick;
		histogram_add(&facts->delay, delay);
		if (__builtin_expect(delay > facts->worst.delay ||
					 (delay == facts->worst.delay && tick < facts->worst.tick),
				     0))
			delay_worst(stream, tick, delay, site);
	}
	iteration->facts.polls++;
	if (traits & TRAIT_READ) {
		stream->facts->reads++;
		majority_add(&stream->facts->read_site, site, 1);
	}
	iteration->facts.ticks += ticks;
	vote(&iteration->facts.site, &iteration->majority, site, ticks);
	if (ticks > iteration->facts.longest_ticks) {
		iteration->facts.longest_ticks = ticks;
		iteration->longest_site = site;
	}
	if (__builtin_expect(traits & TRAITS_OF_ITERATIONS, 0))
		iteration_traits(stream, tick, ticks, trace_word_object(word), site);
	if (__builtin_expect(ticks >= stream->blocking_ticks, 0))
		iteration_block(stream, tick, ticks, trace_word_object(word), site);
}

/* The more of the two, the earlier of equal ones: neither the order in which threads take parts nor
 * that in which they end may matter. */
static void iteration_merge(struct timeline_iteration *into, const struct timeline_iteration *from,
			    uint64_t more, uint64_t than)
{
	if (more > than || (more == than && more > 0 &&
			    (from->tick < into->tick ||
			     (from->tick == into->tick && from->worker < into->worker))))
		*into = *from;
}

/* What the iterations of a thread's parts, or of a timeline, are added up in. */
struct iteration_sums {
	struct timeline_iteration *most_timers, *crowded;
	struct histogram *ticks, *timers;
};

static void iteration_keep(const struct timeline_watch *watch, const struct iteration_sums *sums,
			   const struct timeline_iteration *facts)
{
	if (facts->polls == 0)
		return;
	if (watch && watch->iteration)
		watch->iteration(watch->arg, facts);
	histogram_add(sums->ticks, facts->ticks);
	if (facts->timers > 0)
		histogram_add(sums->timers, facts->timers);
	iteration_merge(sums->most_timers, facts, facts->timers, sums->most_timers->timers);
	if (facts->longest_ticks * CROWDED_SHARE < facts->ticks)
		iteration_merge(sums->crowded, facts, facts->ticks, sums->crowded->ticks);
}

/* It began before this part of the worker's events. */
static inline bool is_first_piece(const struct stream *stream)
{
	return stream->later && stream->pieces && !stream->pieces->head.some;
}

/* What of it lies in this part. */
static struct iteration_piece piece_of(const struct stream *stream, bool over)
{
	const struct iteration *iteration = &stream->iteration;
	struct iteration_piece piece = {
	    .some = true,
	    .over = over,
	    .facts = iteration->facts,
	    .majority = iteration->majority,
	    .timer_majority = iteration->timer_majority,
	};

	piece.facts.tick = iteration->wake_tick;
	piece.facts.worker = (uint32_t)stream->position;
	return piece;
}

static void iteration_finish(struct stream *stream, uint64_t ready_at_once)
{
	struct timeline_partial *partial = stream->partial;
	struct iteration *iteration = &stream->iteration;

	if (__builtin_expect(is_first_piece(stream), 0)) {
		stream->pieces->head = piece_of(stream, true);
	} else if (iteration->facts.polls > 0 && iteration->wake_tick != 0) {
		const struct iteration_piece piece = piece_of(stream, true);
		iteration_keep(stream->timeline->options.watch,
			       &(struct iteration_sums){&partial->most_timers, &partial->crowded,
							&partial->iteration_ticks,
							&partial->iteration_timers},
			       &piece.facts);
	}
	if (__builtin_expect(delays_some(stream), 0))
		delays_next(stream, ready_at_once);
	iteration->before_site = iteration->longest_site;
	iteration->before_ticks = iteration->facts.longest_ticks;
	iteration->facts = (struct timeline_iteration){0};
	iteration->majority = iteration->timer_majority = 0;
	iteration->idle = false;
	iteration->timers_tick = 0;
}

static inline bool iteration_counts(const struct stream *stream, uint64_t tick)
{
	return stream->counted &&
	       (stream->whole || timeline_overlaps(stream->timeline, tick, tick));
}

/* Where the iteration was empty: it took until then. */
static inline void iteration_empty_over(struct stream *stream, uint64_t tick)
{
	struct iteration *iteration = iteration_now(stream);

	if (iteration->empty && stream->counted)
		spinning_empty(stream, iteration,
			       timeline_clip(stream->timeline, iteration->wake_tick, tick));
	iteration->empty = false;
}

void iteration_begin(struct stream *stream, uint64_t wake_tick, uint64_t wait_ticks, uint64_t ready)
{
	uint64_t ready_at_once = wait_ticks <= stream->timeline->hidden->prompt_ticks ? ready : 0;
	struct iteration *iteration = iteration_now(stream);
	uint64_t wait_tick = wake_tick - wait_ticks, timers_tick = iteration->timers_tick;

	iteration_empty_over(stream, wait_tick);
	if (__builtin_expect(iteration == &stream->inner, 0)) {
		nested_wait(stream, wait_ticks);
	} else {
		spinning_over(stream, wait_tick);
		iteration_finish(stream, ready_at_once);
		spinning_begin(stream, ready_at_once > 0);
	}
	if (__builtin_expect(stream->outside.span.duration > 0, 0))
		outside_end(stream, ready_at_once);
	stream->facts->iterations += iteration_counts(stream, wake_tick);
	iteration->wake_tick = wake_tick;
	iteration->wait_ticks = wait_ticks;
	/* libuv reckons how long to wait from uv_now, which is of before its timers ran. */
	iteration->old_ticks =
	    timers_tick > 0 && wait_tick > timers_tick ? wait_tick - timers_tick : 0;
	iteration->entered = false;
}

void iteration_is_empty(struct stream *stream, uint64_t tick)
{
	stream->facts->empty_iterations += iteration_counts(stream, tick);
	iteration_now(stream)->empty = true;
}

/* What blocked is kept: timers that were due meanwhile run when the loop is run again. */
static void iteration_over(struct stream *stream)
{
	struct iteration *iteration = &stream->iteration;

	if (iteration->wake_tick != 0 || delays_some(stream) || is_first_piece(stream))
		iteration_finish(stream, 0);
	iteration->wake_tick = 0;
	iteration->entered = iteration->empty = false;
}

void iteration_end(struct stream *stream)
{
	iteration_over(stream);
	delays_clear(stream);
	stream->inner = (struct iteration){0};
}

void iteration_leave(struct stream *stream, uint64_t tick)
{
	struct iteration *iteration = iteration_now(stream);

	if (iteration->entered && iteration->facts.polls == 0) {
		stream->facts->iterations += iteration_counts(stream, tick);
		iteration_is_empty(stream, tick);
	}
	iteration_empty_over(stream, tick);
	if (iteration == &stream->inner) {
		stream->inner = (struct iteration){0};
		return;
	}
	spinning_over(stream, tick);
	iteration_over(stream);
}

/* The iteration of the loop around a callback goes on while the callback runs one of its own. */
void iteration_enter(struct stream *stream, uint64_t tick)
{
	struct iteration *iteration = iteration_now(stream);

	if (iteration == &stream->inner)
		*iteration = (struct iteration){0};
	else if (iteration->wake_tick != 0 || is_first_piece(stream))
		iteration_over(stream);
	iteration->wake_tick = tick;
	iteration->wait_ticks = iteration->old_ticks = 0;
	iteration->entered = stream->open.polls == 0;
}

/* ---- Iterations that lie in several parts ---------------------------------------------------- */

void iteration_suspend(struct stream *stream)
{
	if (is_first_piece(stream))
		stream->pieces->head = piece_of(stream, false);
	else if (stream->iteration.wake_tick != 0)
		stream->pieces->tail = piece_of(stream, false);
	stream->iteration.facts = (struct timeline_iteration){0};
}

static void piece_add(struct iteration_piece *into, const struct iteration_piece *from)
{
	into->facts.polls += from->facts.polls;
	into->facts.ticks += from->facts.ticks;
	into->facts.timers += from->facts.timers;
	into->facts.timer_ticks += from->facts.timer_ticks;
	if (from->facts.longest_ticks > into->facts.longest_ticks)
		into->facts.longest_ticks = from->facts.longest_ticks;
	vote(&into->facts.site, &into->majority, from->facts.site, from->majority);
	vote(&into->facts.timer_site, &into->timer_majority, from->facts.timer_site,
	     from->timer_majority);
}

void iteration_join(struct timeline *timeline, struct iteration_piece *open,
		    const struct iteration_pieces *pieces)
{
	if (open->some)
		piece_add(open, &pieces->head);
	if (pieces->head.some && !pieces->head.over)
		return;
	if (open->some)
		iteration_keep(timeline->options.watch,
			       &(struct iteration_sums){&timeline->most_timers, &timeline->crowded,
							&timeline->iteration_ticks,
							&timeline->iteration_timers},
			       &open->facts);
	*open = pieces->tail;
}

/* ---- What threads have added up -------------------------------------------------------------- */

static void site_iterations_merge(struct timeline_site_iterations *into,
				  const struct timeline_site_iterations *from)
{
	histogram_merge(&into->delay, &from->delay);
	histogram_merge(&into->interval, &from->interval);
	timers_merge(&into->timers, &from->timers);
	into->delayed_ticks += from->delayed_ticks;
	into->delayed_polls += from->delayed_polls;
	if (from->worst.delay > into->worst.delay ||
	    (from->worst.delay == into->worst.delay && from->worst.tick < into->worst.tick))
		into->worst = from->worst;
}

void site_iterations_clear(struct timeline_site_iterations *iterations)
{
	histogram_clear(&iterations->delay);
	histogram_clear(&iterations->interval);
	timers_clear(&iterations->timers);
}

int iterations_merge(struct timeline *timeline, struct timeline_partial *partial)
{
	for (size_t i = 0; i <= timeline->process->site_count; i++)
		site_iterations_merge(&timeline->sites[i].iterations,
				      &partial->sites[i].iterations);
	iteration_merge(&timeline->most_timers, &partial->most_timers, partial->most_timers.timers,
			timeline->most_timers.timers);
	iteration_merge(&timeline->crowded, &partial->crowded, partial->crowded.ticks,
			timeline->crowded.ticks);
	histogram_merge(&timeline->iteration_ticks, &partial->iteration_ticks);
	histogram_merge(&timeline->iteration_timers, &partial->iteration_timers);
	return 0;
}
