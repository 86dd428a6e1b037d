/* SPDX-License-Identifier: Apache-2.0
 *
 * See profiler.h.
 */
#include "profiler.h"

#include <stdatomic.h>

#include "watchdog_internal.h"

#define SECOND_NS 1000000000ull

void profiler_init(struct profiler *profiler, struct shared *shared, struct segment *segment)
{
	uint32_t hz = shared->options.sample_hz;

	*profiler = (struct profiler){.shared = shared, .segment = segment};
	/* A loop whose callbacks cannot be seen has none that could be told apart. */
	if (hz > 0 && shared->tier != TRACE_TIER_LIBC)
		profiler->period_ns = SECOND_NS / hz;
}

/* A loop's thread, in a callback as it says itself. */
static bool is_busy(const struct profiler *profiler, uint32_t i)
{
	const struct shared_ring *ring = &profiler->shared->rings[i];

	return atomic_load_explicit(&ring->state, memory_order_acquire) == RING_LIVE &&
	       ring->role == TRACE_ROLE_LOOP &&
	       stall_sampler_in_callback(profiler->shared, profiler->segment->proc_pid, i);
}

/* The next busy ring after the one that was sampled last, by turns; *busy: how many there are. */
static uint32_t ring_choose(const struct profiler *profiler, uint32_t *busy)
{
	uint32_t count = profiler->shared->ring_count, chosen = 0;

	count = count < SHARED_RINGS_MAX ? count : SHARED_RINGS_MAX;
	*busy = 0;
	for (uint32_t k = 1; k <= count; k++) {
		uint32_t i = (profiler->ring + k) % count;

		if (!is_busy(profiler, i))
			continue;
		chosen = *busy == 0 ? i : chosen;
		++*busy;
	}
	return chosen;
}

/* ---- What a sample costs --------------------------------------------------------------------- */

/* After a sample that cost so much the next one has to wait. */
static void cost_add(struct profiler *profiler, uint64_t cost_ns)
{
	profiler->cost_ns += cost_ns;
	while (profiler->next_ns < profiler->asked_ns + profiler->cost_ns * PROFILER_COST_PART) {
		profiler->next_ns += profiler->period_ns;
		profiler->left_out++;
	}
}

/* False: the thread that was stopped still waits for a CPU. */
static bool wait_is_known(struct profiler *profiler)
{
	uint64_t wait_ns = 0;

	if (profiler->is_waiting &&
	    !stall_sampler_wait(profiler->segment->proc_pid, profiler->tid, &wait_ns))
		return false;
	profiler->is_waiting = false;
	cost_add(profiler, wait_ns);
	return true;
}

/* ---- Samples --------------------------------------------------------------------------------- */

static void sample_write(struct profiler *profiler, uint64_t now_ns)
{
	if (stall_sampler.sample.saw) {
		if (now_ns - profiler->modules_ns >= SECOND_NS) {
			segment_update_modules(profiler->segment, now_ns);
			profiler->modules_ns = now_ns;
		}
		thread_sample_write_profile(profiler->segment, &stall_sampler.sample,
					    profiler->left_out, now_ns);
		profiler->left_out = 0;
	} else if (stall_sampler.sample.probe.state == 'R' && !stall_sampler.sample.at.may_stop) {
		segment_put_note(profiler->segment, SEGMENT_NOTE_NO_STOPS, now_ns);
	}
	profiler->is_waiting = stall_sampler.is_waiting;
	profiler->cost_ns = 0;
	cost_add(profiler, stall_sampler.cost_ns);
	/* Release: pairs with the acquire of whoever asks next. */
	atomic_store_explicit(&stall_sampler.state, STALL_SAMPLER_IDLE, memory_order_release);
}

static void sample_ask(struct profiler *profiler, uint64_t now_ns)
{
	uint32_t busy, ring = ring_choose(profiler, &busy);

	if (busy == 0)
		return;
	profiler->left_out += busy - 1;
	profiler->ring = ring;
	profiler->asked_ns = now_ns;
	profiler->tid = profiler->shared->rings[ring].tid;
	stall_sampler_ask_profile(profiler->shared, profiler->segment->proc_pid, ring);
}

uint64_t profiler_step(struct profiler *profiler, uint64_t now_ns)
{
	uint32_t state = atomic_load_explicit(&stall_sampler.state, memory_order_acquire);

	if (state == STALL_SAMPLER_DONE && stall_sampler.is_profile) {
		sample_write(profiler, now_ns);
		state = STALL_SAMPLER_IDLE;
	}
	if (!atomic_load_explicit(&profiler->shared->enabled, memory_order_relaxed) ||
	    now_ns > profiler->next_ns + SECOND_NS) /* nothing ran for that long */
		profiler->next_ns = now_ns + profiler->period_ns;
	if (now_ns < profiler->next_ns)
		return profiler->next_ns;
	if (state != STALL_SAMPLER_IDLE || !wait_is_known(profiler)) {
		profiler->next_ns += profiler->period_ns;
		profiler->left_out++;
	} else if (now_ns >= profiler->next_ns) { /* the wait may have cost more */
		profiler->next_ns += profiler->period_ns;
		sample_ask(profiler, now_ns);
	}
	return profiler->next_ns;
}
