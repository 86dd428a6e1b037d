/* SPDX-License-Identifier: Apache-2.0
 *
 * See samples.h.
 *
 * Rules: rings come first. While many threads wait for theirs to be freed, nothing is read from
 * /proc.
 */
#include "samples.h"

#define MILLISECOND_NS 1000000ull

static void pool_add(struct sampler_pool *pool, const struct shared_ring *ring,
		     const struct drain_worker *worker)
{
	pool->submitted += atomic_load_explicit(&ring->pool_submitted, memory_order_relaxed);
	pool->cancelled += atomic_load_explicit(&ring->pool_cancelled, memory_order_relaxed);
	pool->finished += atomic_load_explicit(&ring->pool_finished, memory_order_relaxed);
	if (worker->role != TRACE_ROLE_POOL)
		return;
	pool->threads++;
	pool->running += atomic_load_explicit(&ring->pool_parked, memory_order_relaxed) == 0;
}

/* So many threads have ended since rings were last freed that theirs are wanted back before
 * anything is read for samples: where threads come and go by the thousand, /proc would cost more
 * time than there are rings for. */
static bool rings_are_wanted(const struct drain *drain)
{
	return (int32_t)atomic_load_explicit(&drain->shared->ended_rings, memory_order_relaxed) >=
	       SHARED_ENDED_RINGS;
}

void samples_begin(struct drain *drain, bool ended)
{
	for (uint32_t i = 0; i < drain->ring_count; i++) {
		struct drain_worker *worker = &drain->workers[i];

		if (worker->worker == 0 || worker->worker == worker->samples.worker ||
		    worker->has_ended != ended)
			continue;
		if (!ended && rings_are_wanted(drain))
			return;
		sampler_begin_worker(&drain->sampler, &worker->samples, &drain->shared->rings[i],
				     !ended, drain->now_ns);
	}
}

static void sample_worker(struct drain *drain, uint32_t i, bool survey)
{
	struct drain_worker *worker = &drain->workers[i];

	if (worker->samples.worker != worker->worker || rings_are_wanted(drain))
		return;
	if (worker->head != worker->sampled || rings_worker_is_busy(worker))
		sampler_sample_worker(&drain->sampler, &worker->samples, &drain->shared->rings[i],
				      drain->now_ns);
	if (survey)
		sampler_sample_switches(&drain->sampler, &worker->samples, drain->now_ns);
	worker->sampled = worker->head;
}

static void samples_take(struct drain *drain, bool survey)
{
	struct shared *shared = drain->shared;
	struct sampler_pool pool = {
	    .submitted = atomic_load(&shared->pool_submitted),
	    .cancelled = atomic_load(&shared->pool_cancelled),
	    .finished = atomic_load(&shared->pool_finished),
	};

	for (uint32_t i = 0; i < drain->ring_count; i++) {
		if (drain->workers[i].worker == 0)
			continue;
		pool_add(&pool, &shared->rings[i], &drain->workers[i]);
		sample_worker(drain, i, survey);
	}
	if (survey)
		sampler_sample_machine(&drain->sampler, drain->now_ns);
	sampler_sample_process(&drain->sampler, &pool, drain->now_ns);
	sampler_sample_stalls(&drain->sampler, watchdog_totals(&drain->watchdog), drain->now_ns);
}

/* What costs more to read is read when there is something to write anyway, and not of a program
 * that lives for some milliseconds. */
void samples_take_due(struct drain *drain, bool flushes)
{
	uint64_t tick_ns = DRAIN_TICK_MS * MILLISECOND_NS;
	bool survey = flushes && drain->active_ns >= drain->flushed_ns &&
		      drain->now_ns - drain->surveyed_ns >= tick_ns;

	if (!flushes && drain->now_ns - drain->sampled_ns < tick_ns)
		return;
	drain->sampled_ns = drain->now_ns;
	if (survey)
		drain->surveyed_ns = drain->now_ns;
	samples_take(drain, survey);
}
