/* SPDX-License-Identifier: Apache-2.0
 *
 * Who waited for a blocking callback, and for how long. Of what comes after it in its iteration,
 * and in the next one: a timer from when it was due, as far as that was while the callback ran, and
 * as far as the loop overslept because uv_now was old; a request's callback in the same way from
 * its submission, in the next iteration half of that: when it was done nobody saw; another callback
 * for as long as the blocking one took; in the next iteration for half of it, if the wait between
 * found its descriptor at once: that became ready some time meanwhile.
 *
 * Rules: what waits for nothing (prepare, check, idle, alloc and close callbacks, a runtime's own
 * housekeeping) did not wait. Where callbacks cannot be seen, descriptors are all that is known.
 */
#include "timeline_internal.h"

void delays_block(struct stream *stream, const struct timeline_span *poll)
{
	struct iteration_blocks *blocks = &stream->iteration.blocking;

	if (blocks->count == TURN_HOLDS)
		blocks->list[TURN_HOLDS - 1].ticks += poll->duration;
	else
		blocks->list[blocks->count++] = (struct iteration_block){
		    .tick = poll->tick,
		    .ticks = poll->duration,
		    .object = poll->object,
		    .site = poll->site,
		};
}

static void count(struct stream *stream, const struct iteration_block *block, uint64_t ticks,
		  uint64_t polls)
{
	struct timeline_site_iterations *facts = &stream->partial->sites[block->site].iterations;

	if (ticks == 0 || polls == 0)
		return;
	facts->delayed_ticks += ticks * polls;
	facts->delayed_polls += polls;
}

/* The poll at a tick waited for it. */
static void count_poll(struct stream *stream, const struct iteration_block *block, uint64_t ticks,
		       uint64_t tick)
{
	const struct timeline_watch *watch = stream->timeline->options.watch;
	const struct timeline_span span = {.tick = block->tick,
					   .duration = block->ticks,
					   .worker = stream->position,
					   .site = block->site,
					   .object = block->object};

	count(stream, block, ticks, 1);
	if (ticks > 0 && watch && watch->delayed)
		watch->delayed(watch->arg, &span, tick, ticks);
}

void delays_clear(struct stream *stream)
{
	stream->iteration.blocking.count = 0;
	stream->delays = (struct delays){0};
}

void delays_next(struct stream *stream, uint64_t ready_at_once)
{
	struct iteration *iteration = &stream->iteration;
	struct iteration_blocks *blocks = &iteration->blocking;

	stream->delays.ready = ready_at_once;
	/* uv_run has just been called again: the first wait is still the one behind them. */
	if (blocks->count == 0 && iteration->entered)
		return;
	if (stream->timeline->process->tier == TRACE_TIER_LIBC) {
		for (uint32_t i = 0; i < blocks->count; i++)
			count(stream, &blocks->list[i], blocks->list[i].ticks / 2, ready_at_once);
		blocks->count = 0;
	}
	stream->delays.before.count = blocks->count;
	for (uint32_t i = 0; i < blocks->count; i++)
		stream->delays.before.list[i] = blocks->list[i];
	blocks->count = 0;
}

static uint64_t overlap(const struct iteration_block *block, uint64_t since, uint64_t tick)
{
	uint64_t from = since > block->tick ? since : block->tick;
	uint64_t to = tick < block->tick + block->ticks ? tick : block->tick + block->ticks;

	return to > from ? to - from : 0;
}

/* A timer of the next iteration also waited for as long as the loop overslept: libuv reckons its
 * wait from uv_now, which was old by what the callback took. */
static uint64_t timer_waited(const struct stream *stream, const struct iteration_block *block,
			     uint64_t since, uint64_t tick)
{
	uint64_t end = block->tick + block->ticks, awake = stream->iteration.wake_tick;
	uint64_t during = overlap(block, since, tick), from = since > end ? since : end;
	uint64_t overslept = awake > from ? awake - from : 0;

	return during + (overslept < block->ticks - during ? overslept : block->ticks - during);
}

/* How long it waited for a block of the iteration before. That a timer's own callback makes the
 * loop oversleep keeps nobody else. */
static uint64_t waited_before(struct stream *stream, const struct iteration_block *block,
			      uint16_t traits, uint64_t tick)
{
	uint64_t since = stream->delays.since_tick;

	if ((traits & TRAIT_TIMER) && since && block->object == stream->delays.object)
		return overlap(block, since, tick);
	if (traits & TRAIT_TIMER)
		return since ? timer_waited(stream, block, since, tick) : 0;
	if (stream->delays.ready == 0)
		return 0;
	return (since ? overlap(block, since, tick) : block->ticks) / 2;
}

void delays_poll(struct stream *stream, uint64_t tick, uint32_t site)
{
	const struct iteration_blocks *now = &stream->iteration.blocking;
	struct delays *delays = &stream->delays;
	uint16_t traits = stream->traits[site];
	uint64_t since = delays->since_tick;

	if ((traits & TRAIT_WAITLESS) || !stream->counted)
		return;
	for (uint32_t i = 0; i < now->count; i++)
		count_poll(stream, &now->list[i],
			   since ? overlap(&now->list[i], since, tick) : now->list[i].ticks, tick);
	for (uint32_t i = 0; i < delays->before.count; i++)
		count_poll(stream, &delays->before.list[i],
			   waited_before(stream, &delays->before.list[i], traits, tick), tick);
	if (since == 0 && !(traits & TRAIT_TIMER) && delays->ready > 0)
		delays->ready--;
}

uint64_t delays_of(const struct stream *stream, uint64_t since, uint64_t tick)
{
	const struct iteration_blocks *now = &stream->iteration.blocking;
	const struct iteration_blocks *before = &stream->delays.before;
	uint64_t ticks = 0;

	for (uint32_t i = 0; i < now->count; i++)
		ticks += overlap(&now->list[i], since, tick);
	for (uint32_t i = 0; i < before->count; i++)
		ticks += timer_waited(stream, &before->list[i], since, tick);
	return ticks < tick - since ? ticks : tick - since;
}
