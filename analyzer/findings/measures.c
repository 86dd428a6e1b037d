/* SPDX-License-Identifier: Apache-2.0
 *
 * See measures.h.
 */
#include "measures.h"
#include "pool_model.h"

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

/* ---- The start of the pool ------------------------------------------------------------------- */

uint64_t measures_pool_start(const struct timeline *timeline)
{
	const struct timeline_arrival *first = timeline->arrivals;
	const struct trace_process *process = timeline->process;
	bool threads = false;

	if (timeline->arrival_count == 0 || first->unstarted)
		return 0;
	for (size_t i = 0; i < process->worker_count; i++) {
		if (process->workers[i].role != TRACE_ROLE_POOL)
			continue;
		if (process->workers[i].start_tick <= first->submit_tick)
			return 0;
		threads = true;
	}
	return threads ? first->wait_ticks : 0;
}

/* The start of the pool's next thread after that tick; 0: there is none. */
static uint64_t next_start(const struct trace_process *process, uint64_t tick)
{
	uint64_t next = 0;

	for (size_t i = 0; i < process->worker_count; i++) {
		uint64_t start = process->workers[i].start_tick;
		if (process->workers[i].role == TRACE_ROLE_POOL && start > tick &&
		    (next == 0 || start < next))
			next = start;
	}
	return next;
}

double measures_pool_start_each(const struct timeline *timeline)
{
	struct histogram gaps = {0};
	uint64_t from = next_start(timeline->process, 0), to;

	for (; from > 0 && gaps.count < POOL_MODEL_THREADS_MAX &&
	       (to = next_start(timeline->process, from)) > 0;
	     from = to)
		histogram_add(&gaps, to - from);
	double each = gaps.count > 0 ? (double)histogram_quantile(&gaps, 0.5) : 0;
	histogram_clear(&gaps);
	return each;
}

uint64_t measures_pool_settled(const struct timeline *timeline)
{
	struct histogram waits = {0};
	uint64_t start = measures_pool_start(timeline);
	uint64_t started = start > 0 ? timeline->arrivals[0].submit_tick + start : 0;

	if (started == 0)
		return histogram_quantile(&timeline->pool_wait, 0.99);
	for (size_t i = 0; i < timeline->arrival_count; i++) {
		const struct timeline_arrival *arrival = &timeline->arrivals[i];
		uint64_t before =
		    started > arrival->submit_tick ? started - arrival->submit_tick : 0;
		histogram_add(&waits,
			      arrival->wait_ticks > before ? arrival->wait_ticks - before : 0);
	}
	uint64_t p99 = histogram_quantile(&waits, 0.99);
	histogram_clear(&waits);
	return p99;
}
