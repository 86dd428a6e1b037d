/* SPDX-License-Identifier: Apache-2.0
 *
 * The timeline's frame: what it is made of, and how all parts come together. Reading a whole
 * process is in timeline_tasks.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timeline_internal.h"

#define PROMPT_NS                                                                                  \
	20000 /* a wait no longer than this found ready what came during the iteration before */
#define AT_ONCE_NS 2000 /* a loop's wait no longer than this did not sleep */

/* ---- Making, feeding, finishing -------------------------------------------------------------- */

const char *timeline_kind(const struct trace_process *process, uint32_t site)
{
	const struct trace_site *entry = site < process->site_count ? &process->sites[site] : NULL;

	return entry && entry->present && entry->kind < process->kind_count
		   ? process->kinds[entry->kind].name
		   : NULL;
}

static uint16_t class_traits(const struct trace_process *process, uint32_t site)
{
	static const uint16_t traits[] = {
	    [KIND_CLASS_REQUEST] = TRAIT_REQUEST,
	    [KIND_CLASS_POOL] = TRAIT_REQUEST | TRAIT_POOL,
	    [KIND_CLASS_WORKFN] = TRAIT_WORK,
	};
	uint8_t class = process->kinds[process->sites[site].kind].class;
	uint16_t found = class < sizeof(traits) / sizeof(*traits) ? traits[class] : 0;

	return process->sites[site].callback ? found : found & ~TRAIT_REQUEST;
}

static uint16_t name_traits(const char *kind)
{
	static const struct {
		const char *kind;
		uint16_t trait;
	} names[] = {
	    {"async", TRAIT_ASYNC},
	    {"timer", TRAIT_TIMER},
	    {"connection", TRAIT_CONNECTION},
	    {"getaddrinfo", TRAIT_LOOKUP},
	    {"getnameinfo", TRAIT_LOOKUP},
	    {"read", TRAIT_READ},
	    {"udp_recv", TRAIT_READ},
	    {"poll", TRAIT_READ | TRAIT_POLL},
	    {"idle", TRAIT_IDLE | TRAIT_WAITLESS},
	    {"prepare", TRAIT_WAITLESS},
	    {"check", TRAIT_WAITLESS},
	    {"alloc", TRAIT_WAITLESS},
	    {"close", TRAIT_WAITLESS},
	    {"process_exit", TRAIT_CHILD},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i].kind, kind) == 0)
			return names[i].trait;
	}
	return 0;
}

/* Callbacks by which a runtime does work of its own, which the program does not wait for. */
static uint16_t housekeeping_traits(const struct trace_site *site)
{
	static const char *const names[] = {
	    "PerIsolatePlatformData10FlushTasks", /* V8's tasks: garbage collection, compilation */
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (site->callback_symbol && strstr(site->callback_symbol, names[i]))
			return TRAIT_WAITLESS;
	return 0;
}

static uint16_t site_traits(const struct trace_process *process, uint32_t site)
{
	const char *kind = timeline_kind(process, site);

	return kind ? class_traits(process, site) | name_traits(kind) |
			  housekeeping_traits(&process->sites[site])
		    : 0;
}

bool timeline_waits_for_nothing(const struct timeline *timeline, uint32_t site)
{
	return (timeline->hidden->traits[site] & TRAIT_WAITLESS) != 0;
}

bool timeline_site_waits_for_nothing(const struct trace_process *process, uint32_t site)
{
	return (site_traits(process, site) & TRAIT_WAITLESS) != 0;
}

static void traits_fill(struct timeline *timeline)
{
	for (uint32_t i = 0; i < timeline->process->site_count; i++)
		timeline->hidden->traits[i] = site_traits(timeline->process, i);
}

/* How many of each list are kept; more are counted. */
static void lists_begin(struct timeline_top *lists, const struct timeline_options *options)
{
	const size_t most[TIMELINE_LISTS] = {
#define LIST(name, max) [TIMELINE_LIST_##name] = max,
#include "timeline_lists.def"
#undef LIST
	};

	for (size_t i = 0; i < TIMELINE_LISTS; i++)
		lists[i].max = most[i];
}

static void lists_free(struct timeline_top *lists)
{
	for (size_t i = 0; i < TIMELINE_LISTS; i++)
		free(lists[i].spans);
}

static int tables_make(struct timeline *timeline)
{
	const struct trace_process *process = timeline->process;
	struct timeline_private *hidden = timeline->hidden;

	timeline->workers = calloc(process->worker_count + 1, sizeof(*timeline->workers));
	timeline->sites = calloc(process->site_count + 1, sizeof(*timeline->sites));
	hidden->xevents = calloc(process->worker_count + 1, sizeof(*hidden->xevents));
	bool watched = timeline->options.watch && timeline->options.watch->events;
	if (watched)
		hidden->watched = calloc(process->worker_count + 1, sizeof(*hidden->watched));
	hidden->traits = calloc(process->site_count + 1, sizeof(*hidden->traits));
	hidden->requests = requests_make();
	hidden->wakeups = wakeups_make(timeline);
	hidden->spans = spans_make(timeline);
	timeline->names = calloc(process->name_count + 1, sizeof(*timeline->names));
	if (!timeline->workers || !timeline->sites || !hidden->xevents || !hidden->traits ||
	    (watched && !hidden->watched) || !hidden->requests || !hidden->wakeups ||
	    !hidden->spans || !timeline->names ||
	    timeline_partial_open(timeline, &hidden->partial) < 0)
		return -ENOMEM;
	traits_fill(timeline);
	hidden->pool = pool_make(timeline);
	hidden->merge = merge_make(timeline);
	return hidden->pool && hidden->merge ? windows_make(timeline) : -ENOMEM;
}

struct timeline *timeline_make(const struct trace_process *process,
			       const struct timeline_options *options)
{
	struct timeline *timeline = calloc(1, sizeof(*timeline));

	if (!timeline)
		return NULL;
	timeline->process = process;
	timeline->options = *options;
	timeline->hidden = calloc(1, sizeof(*timeline->hidden));
	lists_begin(timeline->lists, options);
	if (!timeline->hidden || tables_make(timeline) < 0 || range_set(timeline) < 0) {
		timeline_free(timeline);
		return NULL;
	}
	timeline->hidden->ns_per_tick = range_ns_per_tick(process);
	timeline->hidden->long_poll_ticks = timeline_ticks(timeline, options->long_poll_ns);
	timeline->hidden->idle_ticks = timeline_ticks(timeline, options->idle_ns);
	timeline->hidden->blocking_ticks = timeline_ticks(timeline, options->blocking_ns);
	timeline->hidden->sleep_ticks = timeline_ticks(timeline, options->sleep_ns);
	timeline->hidden->stuck_ticks = timeline_ticks(timeline, options->stuck_ns);
	if (timeline->options.pending_ns == 0)
		timeline->options.pending_ns =
		    process->pending_ns ? process->pending_ns : READER_PENDING_NS;
	timeline->hidden->pending_ticks = timeline_ticks(timeline, timeline->options.pending_ns);
	timeline->hidden->prompt_ticks = timeline_ticks(timeline, PROMPT_NS);
	timeline->hidden->at_once_ticks = timeline_ticks(timeline, AT_ONCE_NS);
	return timeline;
}

static int streams_make(struct timeline *timeline)
{
	struct timeline_private *hidden = timeline->hidden;

	hidden->streams = calloc(timeline->process->worker_count + 1, sizeof(*hidden->streams));
	hidden->request_partials =
	    calloc(timeline->process->worker_count + 1, sizeof(*hidden->request_partials));
	if (!hidden->streams || !hidden->request_partials)
		return -ENOMEM;
	for (size_t i = 0; i < timeline->process->worker_count; i++)
		stream_begin(&hidden->streams[i], timeline, i);
	return 0;
}

int timeline_feed(struct timeline *timeline, size_t worker, const struct trace_item *items,
		  size_t count, const struct trace_context *context, size_t context_count,
		  bool after_gap)
{
	if ((!timeline->hidden->streams || !timeline->hidden->request_partials) &&
	    streams_make(timeline) < 0)
		return -ENOMEM;
	int error = stream_feed(&timeline->hidden->streams[worker], items, count, context,
				context_count, after_gap);
	merge_wake(timeline->hidden->merge, worker);
	return error;
}

int timeline_end_worker(struct timeline *timeline, size_t worker)
{
	if (!timeline->hidden->streams)
		return 0;
	int error =
	    stream_end(&timeline->hidden->streams[worker], timeline_worker_end(timeline, worker));
	merge_wake(timeline->hidden->merge, worker);
	return error < 0 ? error
			 : requests_merge(timeline, &timeline->hidden->request_partials[worker]);
}

uint64_t timeline_worker_end(const struct timeline *timeline, size_t worker)
{
	uint64_t end = timeline->process->workers[worker].end_tick;

	return end ? end : timeline->process->last_tick;
}

int timeline_settle(struct timeline *timeline, uint64_t tick)
{
	return merge_settle(timeline->hidden->merge, tick);
}

/* ---- What threads have added up -------------------------------------------------------------- */

int timeline_partial_open(const struct timeline *timeline, struct timeline_partial *partial)
{
	lists_begin(partial->lists, &timeline->options);
	partial->sites = calloc(timeline->process->site_count + 1, sizeof(*partial->sites));
	return partial->sites ? 0 : -ENOMEM;
}

int timeline_partial_merge(struct timeline *timeline, struct timeline_partial *partial)
{
	int error = 0;

	for (size_t i = 0; partial->sites && i <= timeline->process->site_count; i++) {
		histogram_merge(&timeline->sites[i].callback, &partial->sites[i].callback);
		histogram_merge(&timeline->sites[i].life, &partial->sites[i].life);
		if (partial->sites[i].queue_bytes > timeline->sites[i].queue_bytes)
			timeline->sites[i].queue_bytes = partial->sites[i].queue_bytes;
	}
	if (partial->sites)
		iterations_merge(timeline, partial);
	for (size_t i = 0; error == 0 && i < TIMELINE_LISTS; i++)
		error = timeline_top_merge(&timeline->lists[i], &partial->lists[i]);
	timeline_partial_free(timeline, partial);
	return error;
}

void timeline_partial_free(const struct timeline *timeline, struct timeline_partial *partial)
{
	for (size_t i = 0; partial->sites && i <= timeline->process->site_count; i++) {
		histogram_clear(&partial->sites[i].callback);
		histogram_clear(&partial->sites[i].life);
		site_iterations_clear(&partial->sites[i].iterations);
	}
	free(partial->sites);
	histogram_clear(&partial->iteration_ticks);
	histogram_clear(&partial->iteration_timers);
	lists_free(partial->lists);
	*partial = (struct timeline_partial){0};
}

void timeline_worker_merge(struct timeline_worker *into, struct timeline_worker *from)
{
	histogram_merge(&into->polls, &from->polls);
	histogram_merge(&into->ready, &from->ready);
	if (timeline_span_compare(&from->slowest, &into->slowest) > 0)
		into->slowest = from->slowest;
	into->callback_ticks += from->callback_ticks;
	into->nested += from->nested;
	into->unwound += from->unwound;
	into->unended += from->unended;
	into->items += from->items;
	into->parks += from->parks;
	into->parked_ticks += from->parked_ticks;
	into->inside_ticks += from->inside_ticks;
	into->connections += from->connections;
	into->reads += from->reads;
	into->runs += from->runs;
	into->handles_made += from->handles_made;
	into->handles_closed += from->handles_closed;
	into->iterations += from->iterations;
	into->empty_iterations += from->empty_iterations;
	into->empty_ticks += from->empty_ticks;
	spinning_merge(into, from);
	into->lost_told += from->lost_told;
	into->lost_tick = from->lost_tick > into->lost_tick ? from->lost_tick : into->lost_tick;
	into->outside_late_ticks += from->outside_late_ticks;
	histogram_clear(&from->polls);
	histogram_clear(&from->ready);
}

int timeline_problem_add(struct timeline *timeline, const char *problem)
{
	char **problems =
	    realloc(timeline->problems, (timeline->problem_count + 1) * sizeof(*problems));

	if (!problems)
		return -ENOMEM;
	timeline->problems = problems;
	problems[timeline->problem_count] = strdup(problem);
	if (!problems[timeline->problem_count])
		return -ENOMEM;
	timeline->problem_count++;
	return 0;
}

static void ready_sum(struct timeline *timeline)
{
	uint64_t sum = 0;
	struct timeline_level *level = &timeline->ready_fds;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		const struct histogram *ready = &timeline->workers[i].ready;
		level->max = ready->max > level->max ? ready->max : level->max;
		level->count += ready->count;
		sum += ready->sum;
	}
	level->mean = level->count ? (double)sum / (double)level->count : 0;
}

int timeline_finish(struct timeline *timeline)
{
	if (timeline->hidden->finished)
		return 0;
	timeline->hidden->finished = true;
	if (timeline_partial_merge(timeline, &timeline->hidden->partial) < 0 ||
	    samples_read(timeline) < 0 || merge_settle(timeline->hidden->merge, UINT64_MAX) < 0 ||
	    pool_finish(timeline->hidden->pool, timeline->end_tick) < 0 ||
	    requests_finish(timeline) < 0)
		return -ENOMEM;
	spans_finish(timeline);
	ready_sum(timeline);
	for (size_t i = 0; i < TIMELINE_LISTS; i++)
		timeline_top_sort(&timeline->lists[i]);
	return 0;
}

static void site_clear(struct timeline_site *site)
{
	struct histogram *const histograms[] = {&site->callback, &site->pool,
						&site->life,	 &site->pool_wait,
						&site->pool_run, &site->wakeups.latency};

	for (size_t i = 0; i < sizeof(histograms) / sizeof(*histograms); i++)
		histogram_clear(histograms[i]);
	site_iterations_clear(&site->iterations);
}

static void facts_free(struct timeline *timeline)
{
	for (size_t i = 0; timeline->workers && i < timeline->process->worker_count; i++) {
		histogram_clear(&timeline->workers[i].polls);
		histogram_clear(&timeline->workers[i].ready);
		free(timeline->workers[i].windows);
	}
	for (size_t i = 0; timeline->sites && i <= timeline->process->site_count; i++)
		site_clear(&timeline->sites[i]);
	for (size_t i = 0; timeline->names && i <= timeline->process->name_count; i++)
		name_clear(&timeline->names[i]);
	free(timeline->names);
	histogram_clear(&timeline->pool_wait);
	histogram_clear(&timeline->iteration_ticks);
	histogram_clear(&timeline->iteration_timers);
	free(timeline->arrivals);
	free(timeline->workers);
	free(timeline->sites);
	lists_free(timeline->lists);
	for (size_t i = 0; i < timeline->problem_count; i++)
		free(timeline->problems[i]);
	free(timeline->problems);
}

static void private_free(struct timeline *timeline)
{
	struct timeline_private *hidden = timeline->hidden;

	if (!hidden)
		return;
	for (size_t i = 0; hidden->xevents && i < timeline->process->worker_count; i++)
		free(hidden->xevents[i].entries);
	for (size_t i = 0; hidden->watched && i < timeline->process->worker_count; i++)
		free(hidden->watched[i].entries);
	timeline_partial_free(timeline, &hidden->partial);
	pool_free(hidden->pool);
	merge_free(hidden->merge);
	for (size_t i = 0; hidden->request_partials && i < timeline->process->worker_count; i++)
		request_partial_clear(&hidden->request_partials[i]);
	requests_free(hidden->requests);
	wakeups_free(hidden->wakeups);
	spans_free(hidden->spans);
	free(hidden->request_partials);
	free(hidden->xevents);
	free(hidden->watched);
	free(hidden->streams);
	free(hidden->traits);
	free(hidden->off);
	free(hidden);
}

void timeline_free(struct timeline *timeline)
{
	if (!timeline)
		return;
	private_free(timeline);
	facts_free(timeline);
	free(timeline);
}
