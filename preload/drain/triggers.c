/* SPDX-License-Identifier: Apache-2.0
 *
 * See triggers.h.
 */
#include "triggers.h"

#include <stdio.h>

#include "ring/clock.h"
#include "ring/dump_request.h"
#include "rings.h"

/* Nanoseconds of a tick: by the counter's rate since the start. */
static double tick_ns(const struct drain *drain, uint64_t *now_tick)
{
	const struct shared *shared = drain->shared;
	struct trace_clock_pair now = clock_pair_read(shared->clock);
	uint32_t shift = drain->segment.header.unit_shift;
	double ticks = (double)(now.counter >> shift) - (double)(shared->start.counter >> shift);

	*now_tick = now.counter >> shift;
	return ticks > 0 ? (double)(now.mono_ns - shared->start.mono_ns) / ticks : 0;
}

static void fire(struct drain *drain, const char *what, uint64_t limit_ns, double ns,
		 uint32_t worker)
{
	char reason[TRACE_DUMP_REASON_BYTES];
	int used = snprintf(reason, sizeof(reason), "%s>%.6gms: %.6g ms", what,
			    (double)limit_ns / 1e6, ns / 1e6);

	if (worker != 0)
		snprintf(reason + used, sizeof(reason) - (size_t)used, " on worker %u", worker);
	dump_trigger(drain->shared, reason);
}

/* One that is over, or that is still open: began at `tick`, and lasts for `ticks`. */
struct stretch {
	uint64_t tick, ticks;
};

static struct stretch longer(struct encoder_longest *longest, struct stretch open)
{
	struct stretch over = {longest->end - longest->ticks, longest->ticks};

	longest->ticks = 0;
	return over.ticks > open.ticks ? over : open;
}

static struct stretch open_since(uint64_t tick, uint64_t now_tick)
{
	return (struct stretch){tick, tick != 0 && now_tick > tick ? now_tick - tick : 0};
}

/* The innermost open callback, unless it waits in a loop of its own. */
static struct stretch open_poll(const struct encoder *encoder, uint64_t now_tick)
{
	const struct open_stack *open = &encoder->open;

	if (open->parked || !open_top_is_poll(open))
		return (struct stretch){0};
	return open_since(open->list[open->count - 1].tick, now_tick);
}

static struct stretch open_turn(const struct encoder *encoder, uint64_t now_tick)
{
	if (encoder->open.parked || encoder->open.count == 0)
		return (struct stretch){0};
	return open_since(encoder->turn_tick, now_tick);
}

struct look {
	struct drain *drain;
	uint64_t now_tick;
	double tick_ns;
};

static void look_at(const struct look *look, enum shared_trigger trigger, const char *what,
		    struct stretch stretch, uint64_t *told, uint32_t worker)
{
	uint64_t limit_ns = look->drain->shared->options.triggers[trigger];
	double ns = (double)stretch.ticks * look->tick_ns;

	if (limit_ns == 0 || ns <= (double)limit_ns || stretch.tick == *told)
		return;
	*told = stretch.tick;
	fire(look->drain, what, limit_ns, ns, worker);
}

static void look_at_worker(const struct look *look, struct drain_worker *worker)
{
	struct encoder *encoder = &worker->encoder;
	/* What has not been encoded yet may have ended it. */
	bool whole = rings_pending(worker) == 0;
	uint64_t now_tick = whole ? look->now_tick : 0;
	struct stretch poll = longer(&encoder->poll, open_poll(encoder, now_tick));
	struct stretch turn = longer(&encoder->turn, open_turn(encoder, now_tick));

	look_at(look, SHARED_TRIGGER_STALL, "stall", poll, &worker->told_poll, worker->worker);
	look_at(look, SHARED_TRIGGER_LOOP_DELAY, "loop_delay", turn, &worker->told_turn,
		worker->worker);
}

/* ---- The pool -------------------------------------------------------------------------------- */

/* What was submitted in all, and what has at most left the queue. */
static void pool_count(const struct drain *drain, uint64_t *submitted, uint64_t *left)
{
	const struct shared *shared = drain->shared;

	*left = atomic_load(&shared->pool_cancelled) + atomic_load(&shared->pool_finished);
	*submitted = atomic_load(&shared->pool_submitted);
	for (uint32_t i = 0; i < drain->ring_count; i++) {
		const struct shared_ring *ring = &shared->rings[i];

		if (drain->workers[i].worker == 0)
			continue;
		*left += atomic_load(&ring->pool_cancelled) + atomic_load(&ring->pool_finished);
		*left += drain->workers[i].role == TRACE_ROLE_POOL &&
			 atomic_load(&ring->pool_parked) == 0;
		*submitted += atomic_load(&ring->pool_submitted);
	}
}

/* An item that had been submitted so long ago has not begun: the queue is first in, first out. */
static void look_at_pool(struct drain *drain, uint64_t limit_ns)
{
	struct triggers *triggers = &drain->triggers;
	uint64_t submitted, left, waited_ns = 0;
	uint32_t last = (triggers->noted - 1) % TRIGGERS_NOTES;

	pool_count(drain, &submitted, &left);
	for (uint32_t i = 0; i < TRIGGERS_NOTES && i < triggers->noted; i++)
		if (triggers->notes[i].submitted > left &&
		    drain->now_ns - triggers->notes[i].ns > waited_ns)
			waited_ns = drain->now_ns - triggers->notes[i].ns;
	if (waited_ns > limit_ns && !triggers->pool_is_told)
		fire(drain, "pool_wait", limit_ns, (double)waited_ns, 0);
	triggers->pool_is_told = waited_ns > limit_ns;
	if (triggers->noted > 0 &&
	    drain->now_ns - triggers->notes[last].ns < limit_ns / (TRIGGERS_NOTES / 2))
		return;
	last = triggers->noted++ % TRIGGERS_NOTES;
	triggers->notes[last].ns = drain->now_ns;
	triggers->notes[last].submitted = submitted;
}

void triggers_look(struct drain *drain)
{
	const uint64_t *limits = drain->shared->options.triggers;
	struct look look = {.drain = drain};

	if (!drain->dumps.on || drain_is_over(drain))
		return;
	if (limits[SHARED_TRIGGER_POOL_WAIT])
		look_at_pool(drain, limits[SHARED_TRIGGER_POOL_WAIT]);
	if (!limits[SHARED_TRIGGER_STALL] && !limits[SHARED_TRIGGER_LOOP_DELAY])
		return;
	look.tick_ns = tick_ns(drain, &look.now_tick);
	for (uint32_t i = 0; i < drain->ring_count; i++)
		if (drain->workers[i].worker != 0 && drain->workers[i].role == TRACE_ROLE_LOOP)
			look_at_worker(&look, &drain->workers[i]);
}
