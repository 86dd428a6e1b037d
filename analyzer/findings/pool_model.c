/* SPDX-License-Identifier: Apache-2.0
 *
 * See pool_model.h. Running requests are kept by the work that is done when they end ("passed"
 * counts it): all progress at one rate, so that the order in which they end stays the same whatever
 * the rate does.
 */
#include "pool_model.h"

#include <math.h>

struct running {
	double ends; /* of `passed` */
	size_t at;
};

struct simulation {
	const struct pool_model *model;
	struct pool_outcome *outcomes;
	uint32_t threads, count, lookups;
	struct running heap[POOL_MODEL_THREADS_MAX]; /* the first to end on top */
	double now, passed;
	size_t fast, slow; /* next ones: no lookups, and lookups */
};

static size_t next_of(const struct pool_model *model, size_t at, bool lookup)
{
	while (at < model->count && model->arrivals[at].lookup != lookup)
		at++;
	return at;
}

static double came(const struct simulation *simulation, size_t at)
{
	return (double)(simulation->model->arrivals[at].submit_tick -
			simulation->model->arrivals[0].submit_tick);
}

/* ---- What runs ------------------------------------------------------------------------------- */

static void heap_push(struct simulation *simulation, struct running running)
{
	uint32_t at = simulation->count++;

	for (; at > 0 && simulation->heap[(at - 1) / 2].ends > running.ends; at = (at - 1) / 2)
		simulation->heap[at] = simulation->heap[(at - 1) / 2];
	simulation->heap[at] = running;
}

static void heap_pop(struct simulation *simulation)
{
	struct running last = simulation->heap[--simulation->count];
	uint32_t at = 0;

	for (;;) {
		uint32_t child = at * 2 + 1;
		if (child + 1 < simulation->count &&
		    simulation->heap[child + 1].ends < simulation->heap[child].ends)
			child++;
		if (child >= simulation->count || last.ends <= simulation->heap[child].ends)
			break;
		simulation->heap[at] = simulation->heap[child];
		at = child;
	}
	simulation->heap[at] = last;
}

/* How much of its work each does in a tick. */
static double rate(const struct simulation *simulation)
{
	double computing = (double)simulation->count * simulation->model->computing;
	double cpus = simulation->model->cpus;

	return cpus > 0 && computing > cpus ? cpus / computing : 1;
}

static void start(struct simulation *simulation, size_t at)
{
	simulation->outcomes[at].wait = simulation->now - came(simulation, at);
	simulation->lookups += simulation->model->arrivals[at].lookup;
	heap_push(simulation,
		  (struct running){simulation->passed + simulation->model->demands[at], at});
}

/* The first to end ends. */
static void end(struct simulation *simulation, double now)
{
	size_t at = simulation->heap[0].at;

	simulation->passed = simulation->heap[0].ends;
	simulation->now = now;
	simulation->outcomes[at].done = now - came(simulation, at);
	simulation->lookups -= simulation->model->arrivals[at].lookup;
	heap_pop(simulation);
}

/* ---- What comes ------------------------------------------------------------------------------ */

static bool may_look_up(const struct simulation *simulation)
{
	return simulation->lookups < (simulation->threads + 1) / 2;
}

/* The next one that may start when it has come; count: none. */
static size_t next_to_start(const struct simulation *simulation)
{
	size_t fast = simulation->fast, slow = simulation->slow;

	if (simulation->count == simulation->threads)
		return simulation->model->count;
	return slow < fast && may_look_up(simulation) ? slow : fast;
}

static void start_all(struct simulation *simulation)
{
	const struct pool_model *model = simulation->model;
	size_t at;

	while ((at = next_to_start(simulation)) < model->count) {
		if (came(simulation, at) > simulation->now)
			return;
		if (model->arrivals[at].lookup)
			simulation->slow = next_of(model, at + 1, true);
		else
			simulation->fast = next_of(model, at + 1, false);
		start(simulation, at);
	}
}

/* Goes on to the next end, or to the next request that finds a thread. False: there is nothing
 * more. */
static bool advance(struct simulation *simulation)
{
	size_t at = next_to_start(simulation);
	double comes = at < simulation->model->count ? came(simulation, at) : INFINITY;
	double speed = rate(simulation), ends = INFINITY;

	if (simulation->count > 0)
		ends = simulation->now + (simulation->heap[0].ends - simulation->passed) / speed;
	if (comes == INFINITY && ends == INFINITY)
		return false;
	if (ends <= comes) {
		end(simulation, ends);
		return true;
	}
	simulation->passed += (comes - simulation->now) * speed;
	simulation->now = comes;
	return true;
}

void pool_model_run(const struct pool_model *model, uint32_t threads, struct pool_outcome *outcomes)
{
	struct simulation simulation = {
	    .model = model,
	    .outcomes = outcomes,
	    .threads = threads < POOL_MODEL_THREADS_MAX ? threads : POOL_MODEL_THREADS_MAX,
	    .fast = next_of(model, 0, false),
	    .slow = model->no_lookups ? model->count : next_of(model, 0, true),
	};

	for (size_t i = 0; i < model->count; i++)
		outcomes[i] = (struct pool_outcome){-1, -1};
	do
		start_all(&simulation);
	while (simulation.threads > 0 && advance(&simulation));
}

/* ---- Waking threads -------------------------------------------------------------------------- */

static bool starts_pool(const struct pool_model *model, size_t at)
{
	return at == 0 && model->start > 0;
}

size_t pool_model_woken(const struct pool_model *model, const struct pool_outcome *outcomes,
			double *waits)
{
	size_t count = 0;

	for (size_t i = 0; i < model->count; i++) {
		if (outcomes[i].wait == 0 && !starts_pool(model, i))
			waits[count++] = (double)model->arrivals[i].wait_ticks;
	}
	return count;
}

static double start_ticks(const struct pool_model *model, uint32_t threads)
{
	double more = ((double)threads - (double)model->started) * model->start_each;

	return fmax(model->start + more, model->wake);
}

void pool_model_wake(const struct pool_model *model, uint32_t threads,
		     struct pool_outcome *outcomes)
{
	double each = model->wake / fmax(model->cpus, 1), woken = 0;

	for (size_t i = 0; i < model->count; i++) {
		double came =
		    (double)(model->arrivals[i].submit_tick - model->arrivals[0].submit_tick);
		if (starts_pool(model, i)) {
			outcomes[i].wait += start_ticks(model, threads);
		} else if (outcomes[i].wait == 0) {
			woken = fmax(woken, came) + each;
			outcomes[i].wait = fmax(woken - came, model->wake);
		}
	}
}
