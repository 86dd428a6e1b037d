/* SPDX-License-Identifier: Apache-2.0
 *
 * See measures.h.
 */
#include "measures.h"

#include <errno.h>
#include <stdlib.h>

#define THREADS_MAX                                                                                \
	128 /* libuv 1.44 takes up to 1024; a pool that needs more than this has another problem   \
	     */

static double least(double a, double b)
{
	return a < b ? a : b;
}

static double not_negative(double number)
{
	return number > 0 ? number : 0;
}

/* ---- What a worker did ----------------------------------------------------------------------- */

/* The first window that ends after `tick`. */
static size_t window_after(const struct timeline_worker *worker, uint64_t tick)
{
	size_t low = 0, high = worker->window_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (worker->windows[middle].to_tick <= tick)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Of `amount` in `busy` ns of which `rest` were not the span. */
static struct measures_bounds bounds_of(const struct measures_time *time, double amount,
					double busy, double rest)
{
	return (struct measures_bounds){
	    .least = least(not_negative(amount - rest), time->span_ns),
	    .about = busy > 0 ? least(amount * time->span_ns / busy, time->span_ns) : 0,
	};
}

/* Waits in loops that the span ran itself are parked time, and none of it. In the windows around
 * the span the worker did other things too, `rest`: any part of each figure may be of that. A
 * worker that was woken waited for the CPU while it was parked still. */
struct measures_time measures_span(const struct timeline *timeline,
				   const struct timeline_span *span)
{
	const struct timeline_worker *worker = &timeline->workers[span->worker];
	uint64_t from = span->tick, to = span->tick + span->duration, covered = 0, wall = 0,
		 parked = 0;
	double cpu = 0, wait = 0;
	double nested = (double)timeline_ns(timeline, span->nested_ticks);
	struct measures_time time = {.span_ns =
					 (double)timeline_ns(timeline, span->duration) - nested};

	for (size_t i = window_after(worker, from);
	     i < worker->window_count && worker->windows[i].from_tick < to; i++) {
		const struct timeline_window *window = &worker->windows[i];
		uint64_t begin = window->from_tick > from ? window->from_tick : from;
		uint64_t end = window->to_tick < to ? window->to_tick : to;
		covered += end - begin;
		wall += window->to_tick - window->from_tick;
		parked += window->parked_ticks;
		cpu += (double)window->cpu_ns;
		wait += (double)window->wait_ns;
	}
	double uncovered = (double)timeline_ns(timeline, span->duration - covered);
	double parked_ns = (double)timeline_ns(timeline, parked);
	double busy = not_negative((double)timeline_ns(timeline, wall) - parked_ns);
	double rest = not_negative(busy - (time.span_ns - uncovered));
	time.known = span->duration > 0 && uncovered < (time.span_ns + nested) / 10;
	time.cpu = bounds_of(&time, cpu, busy, rest);
	time.wait = bounds_of(&time, not_negative(wait - parked_ns), busy, rest);
	time.wait.about = bounds_of(&time, least(wait, not_negative(busy - cpu)), busy, rest).about;
	time.wait_most = least(wait, time.span_ns);
	time.asleep = bounds_of(&time, not_negative(busy - cpu - wait), busy, rest);
	return time;
}

/* ---- The pool, if ---------------------------------------------------------------------------- */

/* Free times, the earliest on top. */
struct slots {
	uint64_t free[THREADS_MAX];
	uint32_t count;
};

static void slots_take(struct slots *slots, uint64_t until)
{
	uint32_t at = 0;

	for (;;) {
		uint32_t child = at * 2 + 1;
		if (child + 1 < slots->count && slots->free[child + 1] < slots->free[child])
			child++;
		if (child >= slots->count || until <= slots->free[child])
			break;
		slots->free[at] = slots->free[child];
		at = child;
	}
	slots->free[at] = until;
}

/* The next arrival of one sort from `at` on; `count` where there is none. */
static size_t next_of(const struct timeline_arrival *arrivals, size_t count, size_t at, bool lookup)
{
	while (at < count && arrivals[at].lookup != lookup)
		at++;
	return at;
}

static uint64_t latest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* First come, first served, by `threads` threads, of which half (rounded up) may do lookups; waits
 * are put down in the order of starts. */
static void simulate(const struct timeline *timeline, uint32_t threads, uint64_t *waits)
{
	const struct timeline_arrival *arrivals = timeline->arrivals;
	size_t count = timeline->arrival_count, fast = next_of(arrivals, count, 0, false);
	size_t slow = next_of(arrivals, count, 0, true);
	struct slots all = {.count = threads}, lookups = {.count = (threads + 1) / 2};

	for (size_t done = 0; done < count; done++) {
		uint64_t fast_at =
		    fast < count ? latest(all.free[0], arrivals[fast].submit_tick) : UINT64_MAX;
		uint64_t slow_at = slow < count ? latest(latest(all.free[0], lookups.free[0]),
							 arrivals[slow].submit_tick)
						: UINT64_MAX;
		bool lookup = slow_at < fast_at || (slow_at == fast_at && slow < fast);
		size_t *next = lookup ? &slow : &fast;
		uint64_t start = lookup ? slow_at : fast_at,
			 end = start + arrivals[*next].run_ticks;
		waits[done] = start - arrivals[*next].submit_tick;
		slots_take(&all, end);
		if (lookup)
			slots_take(&lookups, end);
		*next = next_of(arrivals, count, *next + 1, lookup);
	}
}

static int compare_ticks(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void size_measure(const struct timeline *timeline, struct measures_pool *pool,
			 uint32_t threads, uint64_t *waits, uint64_t limit_ns)
{
	size_t count = timeline->arrival_count, at = pool->size_count++;

	simulate(timeline, threads, waits);
	qsort(waits, count, sizeof(*waits), compare_ticks);
	pool->sizes[at].threads = threads;
	pool->sizes[at].p50_ns = timeline_ns(timeline, waits[count / 2]);
	pool->sizes[at].p99_ns = timeline_ns(timeline, waits[(count * 99 + 99) / 100 - 1]);
	pool->sizes[at].max_ns = timeline_ns(timeline, waits[count - 1]);
	if (pool->enough == 0 && pool->sizes[at].p99_ns < limit_ns)
		pool->enough = threads;
}

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
		if (!arrival->lookup)
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
	pool->wait_total_ns = timeline_ns(timeline, timeline->pool_wait.sum);
}

/* Adds a worker's windows: run-queue wait counts as at most what it was not on a CPU, as in
 * measures_span(). */
static void computing_add(const struct timeline *timeline, const struct timeline_worker *worker,
			  double *busy_ns, double *computing_ns)
{
	for (size_t i = 0; i < worker->window_count; i++) {
		const struct timeline_window *window = &worker->windows[i];
		uint64_t wall = window->to_tick - window->from_tick;
		double busy = wall > window->parked_ticks
				  ? (double)timeline_ns(timeline, wall - window->parked_ticks)
				  : 0;
		*busy_ns += busy;
		*computing_ns += least((double)window->cpu_ns + (double)window->wait_ns, busy);
	}
}

/* Samples must cover most of what the pool did. */
static void computing_measure(const struct timeline *timeline, struct measures_pool *pool)
{
	double sampled = 0, computing = 0, busy = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		if (timeline->process->workers[i].role != TRACE_ROLE_POOL)
			continue;
		busy += (double)timeline_ns(timeline, timeline_busy_ticks(&timeline->workers[i]));
		computing_add(timeline, &timeline->workers[i], &sampled, &computing);
	}
	pool->computing = sampled > 0 && sampled * 2 >= busy ? computing / sampled : -1;
}

static double cpus_of(const struct timeline_machine *machine)
{
	double cpus = machine->allowed ? (double)machine->allowed : (double)machine->cpus;
	double quota = (double)machine->quota / 1000;

	return quota > 0 && (quota < cpus || cpus <= 0) ? quota : cpus;
}

int measures_pool(const struct timeline *timeline, uint64_t limit_ns, struct measures_pool *pool)
{
	static const uint32_t sizes[] = {1,  2,	 3,  4,	 5,  6,	 7,  8,	 10, 12, 14,  16,
					 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128};
	uint64_t *waits = calloc(timeline->arrival_count + 1, sizeof(*waits));

	*pool = (struct measures_pool){0};
	if (!waits)
		return -ENOMEM;
	pool_sum(timeline, pool);
	computing_measure(timeline, pool);
	pool->cpus = cpus_of(&timeline->machine);
	for (size_t i = 0; pool->items > 0 && i < MEASURES_SIZES; i++)
		size_measure(timeline, pool, sizes[i], waits, limit_ns);
	free(waits);
	return lookups_measure(timeline, pool);
}

/* ---- What tracing cost ----------------------------------------------------------------------- */

struct measures_overhead measures_overhead(const struct timeline *timeline)
{
	struct measures_overhead overhead = {0};

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		overhead.events += timeline->process->workers[i].events;
		overhead.busy_ns +=
		    (double)timeline_ns(timeline, timeline_busy_ticks(&timeline->workers[i]));
	}
	overhead.measured = timeline->machine.event_ps > 0;
	overhead.event_ns =
	    overhead.measured ? (double)timeline->machine.event_ps / 1000 : MEASURES_EVENT_NS;
	overhead.cost_ns = (double)overhead.events * overhead.event_ns;
	return overhead;
}
