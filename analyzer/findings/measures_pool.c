/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool as it was, and what another number of threads would have done; see measures.h.
 *
 * Rules: requests that had not ended take part. Those that no thread had taken are thought to need
 * what others of their site did, those that ran at least what they ran. What the model says of a
 * request's wait is cut where the trace ends when it is held against what was observed.
 */
#include "measures.h"
#include "pool_model.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define COMPUTES   0.5 /* of its time: work that computes */
#define CPUS_STEPS 8   /* to find the number of CPUs that the pool had, to 1/256 */

static const uint32_t sizes[MEASURES_SIZES] = {1,  2,  3,  4,  5,  6,  7,  8,  10, 12, 14,  16,
					       20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128};

/* ---- As it was ------------------------------------------------------------------------------- */

struct change {
	uint64_t tick;
	int by;
};

static int compare_change(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	if (x->tick != y->tick)
		return x->tick < y->tick ? -1 : 1;
	return x->by - y->by; /* what ends makes room first */
}

/* How many lookups ran at once. */
static int lookups_measure(const struct timeline *timeline, struct measures_pool *pool)
{
	struct change *changes = calloc(timeline->arrival_count * 2 + 1, sizeof(*changes));
	size_t count = 0;
	int64_t running = 0;

	if (!changes)
		return -ENOMEM;
	for (size_t i = 0; i < timeline->arrival_count; i++) {
		const struct timeline_arrival *arrival = &timeline->arrivals[i];
		if (!arrival->lookup || arrival->unstarted)
			continue;
		uint64_t start = arrival->submit_tick + arrival->wait_ticks;
		changes[count++] = (struct change){start, 1};
		changes[count++] = (struct change){start + arrival->run_ticks, -1};
	}
	qsort(changes, count, sizeof(*changes), compare_change);
	for (size_t i = 0; i < count; i++) {
		running += changes[i].by;
		if (running > (int64_t)pool->lookups_most)
			pool->lookups_most = (uint64_t)running;
	}
	free(changes);
	pool->cap_reached = pool->lookups > 0 && pool->lookups_most >= (pool->threads + 1) / 2;
	return 0;
}

static void pool_sum(const struct timeline *timeline, struct measures_pool *pool)
{
	double run = 0, lookup_run = 0;

	for (size_t i = 0; i < timeline->arrival_count; i++) {
		const struct timeline_arrival *arrival = &timeline->arrivals[i];
		run += (double)arrival->run_ticks;
		lookup_run += arrival->lookup ? (double)arrival->run_ticks : 0;
		pool->lookups += arrival->lookup;
	}
	pool->lookup_run = run > 0 ? lookup_run / run : 0;
	pool->items = timeline->arrival_count;
	pool->threads = timeline->pool_threads;
	pool->wait_p99_ns = timeline_ns(timeline, histogram_quantile(&timeline->pool_wait, 0.99));
	pool->settled_p99_ns = timeline_ns(timeline, measures_pool_settled(timeline));
	pool->wait_total_ns = timeline_ns(timeline, timeline->pool_wait.sum);
}

/* What samples say of the pool's threads, in ns. */
struct sampled {
	double busy, on_cpu, ready; /* ready: to run, while the kernel ran somebody else */
};

/* Adds a worker's windows: run-queue wait counts as at most what it was not on a CPU, as in
 * measures_span(). */
static void sampled_add(const struct timeline *timeline, const struct timeline_worker *worker,
			struct sampled *sampled)
{
	for (size_t i = 0; i < worker->window_count; i++) {
		const struct timeline_window *window = &worker->windows[i];
		uint64_t wall = window->to_tick - window->from_tick;
		double busy = wall > window->parked_ticks
				  ? (double)timeline_ns(timeline, wall - window->parked_ticks)
				  : 0;
		double on_cpu = fmin((double)window->cpu_ns, busy);
		sampled->busy += busy;
		sampled->on_cpu += on_cpu;
		sampled->ready += fmin((double)window->wait_ns, busy - on_cpu);
	}
}

/* Samples must cover most of what the pool did. */
static void computing_measure(const struct timeline *timeline, struct measures_pool *pool)
{
	struct sampled sampled = {0};
	double busy = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		if (timeline->process->workers[i].role != TRACE_ROLE_POOL)
			continue;
		busy += (double)timeline_ns(timeline, timeline_busy_ticks(&timeline->workers[i]));
		sampled_add(timeline, &timeline->workers[i], &sampled);
	}
	bool known = sampled.busy > 0 && sampled.busy * 2 >= busy;
	pool->computing = known ? (sampled.on_cpu + sampled.ready) / sampled.busy : -1;
	pool->on_cpu = known ? sampled.on_cpu / sampled.busy : -1;
}

static double cpus_of(const struct timeline_machine *machine)
{
	double cpus = machine->allowed ? (double)machine->allowed : (double)machine->cpus;
	double quota = (double)machine->quota / 1000;

	return quota > 0 && (quota < cpus || cpus <= 0) ? quota : cpus;
}

/* ---- What each request needs ----------------------------------------------------------------- */

/* Of those that ended; of those that only began. */
struct mean {
	double sum, count, begun_sum, begun_count;
};

static void mean_add(struct mean *mean, const struct timeline_arrival *arrival)
{
	if (arrival->unended) {
		mean->begun_sum += (double)arrival->run_ticks;
		mean->begun_count++;
	} else {
		mean->sum += (double)arrival->run_ticks;
		mean->count++;
	}
}

/* By site, and one more: all of them. */
static struct mean *run_means(const struct timeline *timeline)
{
	size_t sites = timeline->process->site_count + 1;
	struct mean *means = calloc(sites + 1, sizeof(*means));

	for (size_t i = 0; means && i < timeline->arrival_count; i++) {
		const struct timeline_arrival *arrival = &timeline->arrivals[i];
		if (arrival->unstarted)
			continue;
		mean_add(&means[arrival->site], arrival);
		mean_add(&means[sites], arrival);
	}
	return means;
}

/* What requests of a site need, or, if none of it ran, what all do. */
static double mean_of(const struct mean *of_site, const struct mean *of_all)
{
	const struct mean *mean = of_site->count + of_site->begun_count > 0 ? of_site : of_all;

	if (mean->count > 0)
		return mean->sum / mean->count;
	return mean->begun_count > 0 ? mean->begun_sum / mean->begun_count : 0;
}

/* Without what its thread stood ready and was not run. */
static double *demands_make(const struct timeline *timeline, const struct measures_pool *pool)
{
	size_t sites = timeline->process->site_count + 1;
	double *demands = calloc(timeline->arrival_count + 1, sizeof(*demands));
	struct mean *means = run_means(timeline);
	double own = pool->computing >= 0 ? 1 - (pool->computing - pool->on_cpu) : 1;

	for (size_t i = 0; demands && means && i < timeline->arrival_count; i++) {
		const struct timeline_arrival *arrival = &timeline->arrivals[i];
		double run = (double)arrival->run_ticks;
		demands[i] = own * (arrival->unended
					? fmax(run, mean_of(&means[arrival->site], &means[sites]))
					: run);
	}
	if (!means) {
		free(demands);
		demands = NULL;
	}
	free(means);
	return demands;
}

/* ---- What the model says --------------------------------------------------------------------- */

struct what_if {
	const struct timeline *timeline;
	struct measures_pool *pool;
	struct pool_model model;
	struct pool_outcome *outcomes;
	double *waits;
};

static int compare_numbers(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* As histogram_quantile(); sorts them. 0: there are none. */
static double quantile(double *numbers, size_t count, size_t hundredths)
{
	qsort(numbers, count, sizeof(*numbers), compare_numbers);
	return count > 0 ? numbers[(count * hundredths + 99) / 100 - 1] : 0;
}

static uint64_t ns_of_ticks(const struct timeline *timeline, double ticks)
{
	return timeline_ns(timeline, ticks > 0 ? (uint64_t)ticks : 0);
}

/* The waits that the model gave, cut where the trace ended; of others than lookups, if asked. */
static size_t waits_of_model(struct what_if *what_if, bool others)
{
	const struct timeline *timeline = what_if->timeline;
	size_t count = 0;

	for (size_t i = 0; i < what_if->model.count; i++) {
		const struct timeline_arrival *arrival = &what_if->model.arrivals[i];
		double most = timeline->end_tick > arrival->submit_tick
				  ? (double)(timeline->end_tick - arrival->submit_tick)
				  : 0;
		if (!(others && arrival->lookup))
			what_if->waits[count++] = fmin(what_if->outcomes[i].wait, most);
	}
	return count;
}

static size_t waits_observed(struct what_if *what_if, bool others)
{
	size_t count = 0;

	for (size_t i = 0; i < what_if->model.count; i++) {
		if (!(others && what_if->model.arrivals[i].lookup))
			what_if->waits[count++] = (double)what_if->model.arrivals[i].wait_ticks;
	}
	return count;
}

static double mean_wait(const double *waits, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += waits[i];
	return count > 0 ? sum / (double)count : 0;
}

static double error_of(double said, double observed)
{
	return observed > 0 ? fabs(said - observed) / observed : said > 0;
}

/* Holds what the model says of the present size against what was observed. */
static void model_check(struct what_if *what_if)
{
	const struct timeline *timeline = what_if->timeline;
	struct measures_pool *pool = what_if->pool;
	double *waits = what_if->waits;
	uint32_t threads = (uint32_t)pool->threads;

	pool_model_run(&what_if->model, threads, what_if->outcomes);
	size_t count = waits_of_model(what_if, false);
	double said_mean = mean_wait(waits, count), said_p99 = quantile(waits, count, 99);
	size_t woken = pool_model_woken(&what_if->model, what_if->outcomes, waits);
	what_if->model.wake = quantile(waits, woken, 50);
	pool->wake_ns = ns_of_ticks(timeline, what_if->model.wake);
	waits_observed(what_if, false);
	double mean = mean_wait(waits, count), p99 = quantile(waits, count, 99);
	pool->model_p99_ns = ns_of_ticks(timeline, said_p99);
	pool->model_error = fmax(error_of(said_p99, p99), error_of(said_mean, mean));

	count = waits_of_model(what_if, true);
	pool->others_model_ns = ns_of_ticks(timeline, quantile(waits, count, 99));
	waits_observed(what_if, true);
	pool->others_p99_ns = ns_of_ticks(timeline, quantile(waits, count, 99));
	what_if->model.no_lookups = true;
	pool_model_run(&what_if->model, threads, what_if->outcomes);
	waits_of_model(what_if, true);
	pool->others_alone_ns = ns_of_ticks(timeline, quantile(waits, count, 99));
	what_if->model.no_lookups = false;
}

/* By how much longer requests run, for want of CPUs, than they need. */
static double stretch(struct what_if *what_if, double cpus)
{
	double needed = 0, took = 0;

	what_if->model.cpus = cpus;
	pool_model_run(&what_if->model, (uint32_t)what_if->pool->threads, what_if->outcomes);
	for (size_t i = 0; i < what_if->model.count; i++) {
		needed += what_if->model.demands[i];
		took += what_if->outcomes[i].done - what_if->outcomes[i].wait;
	}
	return needed > 0 ? took / needed : 1;
}

/* How many CPUs others left the pool: so many that its requests took as long as they did. Of work
 * that mostly waits that cannot be told. */
static void cpus_measure(struct what_if *what_if)
{
	struct measures_pool *pool = what_if->pool;
	double own = 1 - (pool->computing - pool->on_cpu), few = 0, many = pool->cpus;

	if (pool->computing < COMPUTES || pool->cpus <= 0)
		return;
	if (stretch(what_if, many) * own < 1) {
		for (int i = 0; i < CPUS_STEPS; i++) {
			double middle = (few + many) / 2;
			if (stretch(what_if, middle) * own < 1)
				many = middle;
			else
				few = middle;
		}
	}
	pool->cpus_had = what_if->model.cpus = many;
}

/* The same threads, had they had all CPUs that the process may use. */
static void calm_measure(struct what_if *what_if)
{
	struct pool_model model = what_if->model;

	model.cpus = what_if->pool->cpus;
	pool_model_run(&model, (uint32_t)what_if->pool->threads, what_if->outcomes);
	size_t count = waits_of_model(what_if, false);
	what_if->pool->calm_p99_ns =
	    ns_of_ticks(what_if->timeline, quantile(what_if->waits, count, 99));
}

/* Of lookups, or of all others. */
static double p99_of_sort(struct what_if *what_if, bool lookup)
{
	size_t count = 0;

	for (size_t i = 0; i < what_if->model.count; i++) {
		if (what_if->model.arrivals[i].lookup == lookup)
			what_if->waits[count++] = what_if->outcomes[i].wait;
	}
	return quantile(what_if->waits, count, 99);
}

/* Returns how long the mean request takes, from submission to its end. */
static double size_measure(struct what_if *what_if, uint32_t threads)
{
	const struct timeline *timeline = what_if->timeline;
	struct measures_pool *pool = what_if->pool;
	size_t count = what_if->model.count, at = pool->size_count++;
	double done = 0;

	pool_model_run(&what_if->model, threads, what_if->outcomes);
	pool->sizes[at].threads = threads;
	pool->sizes[at].worst_p99_ns =
	    ns_of_ticks(timeline, fmax(p99_of_sort(what_if, true), p99_of_sort(what_if, false)));
	for (size_t i = 0; i < count; i++) {
		what_if->waits[i] = what_if->outcomes[i].wait;
		done += what_if->outcomes[i].done / (double)count;
	}
	pool->sizes[at].p99_ns = ns_of_ticks(timeline, quantile(what_if->waits, count, 99));
	pool->sizes[at].p50_ns = ns_of_ticks(timeline, what_if->waits[count / 2]);
	pool->sizes[at].max_ns = ns_of_ticks(timeline, what_if->waits[count - 1]);
	pool->sizes[at].done_mean_ns = ns_of_ticks(timeline, done);
	pool_model_wake(&what_if->model, threads, what_if->outcomes);
	for (size_t i = 0; i < count; i++)
		what_if->waits[i] = what_if->outcomes[i].wait;
	pool->sizes[at].about_p99_ns = ns_of_ticks(timeline, quantile(what_if->waits, count, 99));
	return done;
}

static void sizes_measure(struct what_if *what_if, uint64_t limit_ns)
{
	struct measures_pool *pool = what_if->pool;
	double present = INFINITY;

	for (size_t i = 0; i < MEASURES_SIZES; i++) {
		double done = size_measure(what_if, sizes[i]);
		if (sizes[i] <= pool->threads)
			present = done;
		if (pool->enough == 0 && pool->sizes[i].worst_p99_ns < limit_ns && done <= present)
			pool->enough = sizes[i];
	}
}

/* ---- The interface --------------------------------------------------------------------------- */

static int what_if_measure(const struct timeline *timeline, uint64_t limit_ns,
			   struct measures_pool *pool)
{
	double *demands = demands_make(timeline, pool);
	struct what_if what_if = {
	    .timeline = timeline,
	    .pool = pool,
	    .model = {.arrivals = timeline->arrivals,
		      .demands = demands,
		      .count = timeline->arrival_count,
		      .computing = pool->computing > 0
				       ? pool->on_cpu / (1 - (pool->computing - pool->on_cpu))
				       : -1,
		      .cpus = pool->cpus,
		      .start = (double)measures_pool_start(timeline),
		      .started = (uint32_t)pool->threads,
		      .start_each = measures_pool_start_each(timeline)},
	    .outcomes = calloc(timeline->arrival_count + 1, sizeof(*what_if.outcomes)),
	    .waits = calloc(timeline->arrival_count + 1, sizeof(*what_if.waits)),
	};
	int error = demands && what_if.outcomes && what_if.waits ? 0 : -ENOMEM;

	if (error == 0) {
		cpus_measure(&what_if);
		model_check(&what_if);
		calm_measure(&what_if);
		sizes_measure(&what_if, limit_ns);
	}
	free(demands);
	free(what_if.outcomes);
	free(what_if.waits);
	return error;
}

int measures_pool(const struct timeline *timeline, uint64_t limit_ns, struct measures_pool *pool)
{
	*pool = (struct measures_pool){0};
	pool_sum(timeline, pool);
	computing_measure(timeline, pool);
	pool->cpus = cpus_of(&timeline->machine);
	if (pool->items > 0 && what_if_measure(timeline, limit_ns, pool) < 0)
		return -ENOMEM;
	return lookups_measure(timeline, pool);
}
