/* SPDX-License-Identifier: Apache-2.0
 *
 * All runs of a callback, and all iterations of the loops: as the analyzer counts them, of the
 * whole process or of a range, the longest first.
 *
 * Rules: they are what the timeline's own histograms are made of, told while it is read once more.
 * At most RUNS_MAX are kept, the longest; how many there were is known of all.
 */
#include <errno.h>
#include <stdlib.h>

#include "viewer/wasm/viewer.h"

#define RUNS_MAX 200000

struct runs {
	bool in_pool;
	int error;
	struct timeline_top top;
};

static struct runs taken;

static bool is_pool(size_t worker)
{
	return viewer.process->workers[worker].role == TRACE_ROLE_POOL;
}

/* A work function is a callback that runs on the pool: its row is no row of the pool's. */
static void run_take(void *arg, const struct timeline_span *span)
{
	struct runs *runs = arg;

	if (span->in_pool == runs->in_pool && viewer.find_sites[span->site] &&
	    timeline_top_add(&runs->top, span) < 0)
		runs->error = -ENOMEM;
}

static void iteration_take(void *arg, const struct timeline_iteration *facts)
{
	struct runs *runs = arg;
	const struct timeline_span span = {.tick = facts->tick,
					   .duration = facts->ticks,
					   .worker = facts->worker,
					   .site = facts->site,
					   .object = facts->polls};

	if (!is_pool(facts->worker) && timeline_top_add(&runs->top, &span) < 0)
		runs->error = -ENOMEM;
}

static void runs_progress(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	page_progress(PROGRESS_FIGURES, total ? (double)done / (double)total : 0);
}

/* How many are kept, or -ENOMEM. */
static int runs_read(struct timeline_watch *watch, double from_ns, double to_ns)
{
	struct timeline_options options = figure_options();

	watch->arg = &taken;
	options.watch = watch;
	options.from_ns = from_ns > 0 ? (uint64_t)from_ns : 0;
	options.to_ns = to_ns >= 0 ? (uint64_t)to_ns : UINT64_MAX;
	struct timeline *timeline =
	    timeline_read(viewer.trace, viewer.process_index, &options, runs_progress, NULL);
	int error = timeline ? taken.error : -ENOMEM;
	timeline_free(timeline);
	timeline_top_sort(&taken.top);
	return error < 0 ? error : (int)taken.top.count;
}

void runs_forget(void)
{
	free(taken.top.spans);
	taken = (struct runs){.top.max = RUNS_MAX};
}

/* Runs of the sites that are 1 in page_find_sites(); in_pool: of what their requests did on the
 * pool. to_ns < 0: to the end. How many are kept, or -ENOMEM. */
EXPORT(page_runs) int page_runs(int in_pool, double from_ns, double to_ns)
{
	struct timeline_watch watch = {.poll = run_take};

	runs_forget();
	taken.in_pool = in_pool;
	return runs_read(&watch, from_ns, to_ns);
}

/* The same of iterations in which callbacks ran. */
EXPORT(page_iterations) int page_iterations(double from_ns, double to_ns)
{
	struct timeline_watch watch = {.iteration = iteration_take};

	runs_forget();
	return runs_read(&watch, from_ns, to_ns);
}

/* How many there were, kept or not, and how long they took together. */
EXPORT(page_runs_seen) double page_runs_seen(void)
{
	return (double)taken.top.seen;
}

EXPORT(page_runs_ns) double page_runs_ns(void)
{
	return (double)timeline_ns(viewer.timeline, taken.top.ticks);
}

/* RUNS numbers each, as contract.def has them; for JavaScript to free. NULL: no memory. */
EXPORT(page_runs_table) double *page_runs_table(void)
{
	double *table = calloc(taken.top.count * RUNS + 1, sizeof(*table));

	for (size_t i = 0; table && i < taken.top.count; i++) {
		const struct timeline_span *span = &taken.top.spans[i];
		double *row = table + i * RUNS;
		row[RUN_BEGIN] = time_ns(span->tick);
		row[RUN_DURATION] = time_ns(span->tick + span->duration) - row[RUN_BEGIN];
		row[RUN_TICK] = time_tick(span->tick);
		row[RUN_WORKER] = (double)span->worker;
		row[RUN_SITE] = span->site;
		row[RUN_OBJECT] = (double)span->object;
	}
	runs_forget();
	return table;
}
