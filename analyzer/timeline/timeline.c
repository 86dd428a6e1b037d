/* SPDX-License-Identifier: Apache-2.0
 *
 * The timeline's frame: the range asked for, what samples say, the lists of the longest, and how all parts come
 * together. Reading a whole process is in timeline_tasks.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timeline_internal.h"

#define OPEN_MAX  1000	/* polls open at the end of a trace: more are counted, not listed */
#define HOLDS_MAX 1024	/* the longest of them, and requests, are kept; more are counted */
#define PROMPT_NS 20000 /* a wait no longer than this found ready what came during the turn before */

/* ---- The range ------------------------------------------------------------------------------------------------ */

/* How many of the ranges begin before `tick`. */
static size_t off_begun_before(const struct timeline_private *hidden, uint64_t tick)
{
	size_t low = 0, high = hidden->off_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (hidden->off[middle].from < tick)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t off_ticks_before(const struct timeline_private *hidden, uint64_t tick)
{
	size_t count = off_begun_before(hidden, tick);
	const struct tick_range *last = count > 0 ? &hidden->off[count - 1] : NULL;

	if (!last)
		return 0;
	return last->before + (last->to < tick ? last->to : tick) - last->from;
}

uint64_t timeline_clip_slowly(const struct timeline *timeline, uint64_t from, uint64_t to)
{
	const struct timeline_private *hidden = timeline->hidden;

	if (from < timeline->from_tick)
		from = timeline->from_tick;
	if (to > timeline->to_tick)
		to = timeline->to_tick;
	if (to <= from)
		return 0;
	return to - from - (off_ticks_before(hidden, to) - off_ticks_before(hidden, from));
}

uint64_t timeline_off_between(const struct timeline *timeline, uint64_t from, uint64_t to)
{
	const struct timeline_private *hidden = timeline->hidden;
	size_t at = off_begun_before(hidden, from);

	return at < hidden->off_count && hidden->off[at].from < to ? hidden->off[at].from : from;
}

/* The first tick that lies `ns` or more after the process' start. */
static uint64_t tick_after(const struct trace_process *process, uint64_t ns)
{
	uint64_t low = process->start_tick, high = process->last_tick + 1;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (trace_ns(process, middle) - process->start_mono_ns < ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Returns how long it was. */
static uint64_t off_end(struct tick_range *range, uint64_t tick)
{
	range->to = tick;
	return tick - range->from;
}

static int off_read(struct timeline *timeline)
{
	const struct trace_process *process = timeline->process;
	struct timeline_private *hidden = timeline->hidden;
	bool off = false;
	uint64_t before = 0;

	hidden->off = calloc(process->sample_count + 1, sizeof(*hidden->off));
	if (!hidden->off)
		return -ENOMEM;
	for (size_t i = 0; i < process->sample_count; i++) {
		const struct trace_sample *sample = &process->samples[i];
		if (sample->type != TRACE_SAMPLE_RECORDING || off == (sample->a == 0))
			continue;
		off = sample->a == 0;
		if (off)
			hidden->off[hidden->off_count++] = (struct tick_range){sample->tick, UINT64_MAX, before};
		else
			before += off_end(&hidden->off[hidden->off_count - 1], sample->tick);
	}
	struct tick_range *fitting = realloc(hidden->off, (hidden->off_count + 1) * sizeof(*fitting));
	if (fitting)
		hidden->off = fitting;
	return 0;
}

static int range_set(struct timeline *timeline)
{
	const struct trace_process *process = timeline->process;
	const struct timeline_options *options = &timeline->options;
	bool whole = options->from_ns == 0 && options->to_ns == UINT64_MAX;

	timeline->from_tick = options->from_ns == 0 ? process->start_tick : tick_after(process, options->from_ns);
	timeline->to_tick = options->to_ns == UINT64_MAX ? UINT64_MAX : tick_after(process, options->to_ns);
	if (process->first_tick != 0 && process->first_tick < timeline->from_tick && options->from_ns == 0)
		timeline->from_tick = process->first_tick;
	timeline->end_tick = process->last_tick < timeline->to_tick ? process->last_tick : timeline->to_tick;
	if (timeline->end_tick < timeline->from_tick)
		timeline->end_tick = timeline->from_tick;
	if (off_read(timeline) < 0)
		return -ENOMEM;
	timeline->hidden->whole = whole && timeline->hidden->off_count == 0;
	timeline->range_ticks = timeline_clip_slowly(timeline, timeline->from_tick, timeline->end_tick);
	timeline->off_ticks = timeline->end_tick - timeline->from_tick - timeline->range_ticks;
	return 0;
}

/* ---- Units ---------------------------------------------------------------------------------------------------- */

static double ns_per_tick(const struct trace_process *process)
{
	uint64_t ticks = process->last_tick > process->start_tick ? process->last_tick - process->start_tick : 0;
	uint64_t ns = trace_ns(process, process->last_tick) - trace_ns(process, process->start_tick);

	if (ticks > 0 && ns > 0)
		return (double)ns / (double)ticks;
	return process->clock_range_count > 0
		   ? (double)process->clock_ranges[0].rate / (double)(1ull << TRACE_RATE_BITS)
		   : 1;
}

uint64_t timeline_ticks(const struct timeline *timeline, uint64_t ns)
{
	double ticks = (double)ns / timeline->hidden->ns_per_tick;

	return ticks < 1e18 ? (uint64_t)ticks + ((double)(uint64_t)ticks < ticks) : UINT64_MAX;
}

uint64_t timeline_ns(const struct timeline *timeline, uint64_t ticks)
{
	double ns = (double)ticks * timeline->hidden->ns_per_tick + 0.5;

	return ns < 0x1p64 ? (uint64_t)ns : UINT64_MAX;
}

double timeline_unit_ns(const struct timeline *timeline)
{
	return timeline->hidden->ns_per_tick;
}

int64_t timeline_offset_ns(const struct timeline *timeline, uint64_t tick)
{
	return (int64_t)(trace_ns(timeline->process, tick) - timeline->process->start_mono_ns);
}

uint64_t timeline_span_ns(const struct timeline *timeline, const struct timeline_span *span)
{
	return trace_ns(timeline->process, span->tick + span->duration) - trace_ns(timeline->process, span->tick);
}

bool timeline_end_is_known(const struct timeline *timeline, size_t worker)
{
	const struct trace_process *process = timeline->process;

	if (process->workers[worker].missing_last > 0)
		return false;
	if (process->running)
		return process->drained;
	return process->salvaged || process->seal_reason == TRACE_SEAL_EXIT || process->seal_reason == TRACE_SEAL_DIED;
}

bool timeline_lost_after(const struct timeline *timeline, size_t worker, uint64_t tick)
{
	const struct trace_worker *entry = &timeline->process->workers[worker];
	const struct timeline_worker *facts = &timeline->workers[worker];

	return facts->lost_tick > tick || (entry->missing == 0 && entry->lost > facts->lost_told);
}

uint64_t timeline_last_event(const struct timeline *timeline)
{
	uint64_t last = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		const struct trace_worker *worker = &timeline->process->workers[i];
		last = worker->last_tick > last ? worker->last_tick : last;
	}
	return last;
}

bool timeline_death_was_noticed(const struct timeline *timeline)
{
	const struct trace_process *process = timeline->process;

	return timeline_died(process) && !process->salvaged && process->seal_tick == process->last_tick &&
	       process->seal_tick > timeline_last_event(timeline);
}

uint64_t timeline_busy_ticks(const struct timeline_worker *worker)
{
	return worker->inside_ticks > worker->parked_ticks ? worker->inside_ticks - worker->parked_ticks : 0;
}

/* ---- The longest ---------------------------------------------------------------------------------------------- */

static int number_compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Longer is more; of two equal ones the earlier, and so on: the order in which they are found must not matter, and
 * short polls inside one another may well begin and end at the same ticks. */
static int span_compare(const struct timeline_span *a, const struct timeline_span *b)
{
	int order = number_compare(a->duration, b->duration);

	order = order ? order : number_compare(b->tick, a->tick);
	order = order ? order : number_compare(b->worker, a->worker);
	order = order ? order : number_compare(b->nested, a->nested);
	order = order ? order : number_compare(b->in_pool, a->in_pool);
	order = order ? order : number_compare(b->site, a->site);
	order = order ? order : number_compare(b->object, a->object);
	order = order ? order : number_compare(b->depth, a->depth);
	return order ? order : number_compare(b->sure, a->sure);
}

/* A heap with the least on top: what is listed is what is more than that. */
static void top_sink(struct timeline_top *top, size_t at)
{
	struct timeline_span moving = top->spans[at];

	for (;;) {
		size_t child = at * 2 + 1;
		if (child + 1 < top->count && span_compare(&top->spans[child + 1], &top->spans[child]) < 0)
			child++;
		if (child >= top->count || span_compare(&moving, &top->spans[child]) <= 0)
			break;
		top->spans[at] = top->spans[child];
		at = child;
	}
	top->spans[at] = moving;
}

static int top_append(struct timeline_top *top, const struct timeline_span *span)
{
	if ((top->count & (top->count - 1)) == 0) {
		size_t room = top->count ? top->count * 2 : 1;
		struct timeline_span *spans = realloc(top->spans, room * sizeof(*spans));
		if (!spans)
			return -ENOMEM;
		top->spans = spans;
	}
	size_t at = top->count++;
	for (; at > 0 && span_compare(&top->spans[(at - 1) / 2], span) > 0; at = (at - 1) / 2)
		top->spans[at] = top->spans[(at - 1) / 2];
	top->spans[at] = *span;
	return 0;
}

int timeline_top_add(struct timeline_top *top, const struct timeline_span *span)
{
	top->seen++;
	top->ticks += span->duration;
	if (top->count < top->max)
		return top_append(top, span);
	if (top->count > 0 && span_compare(span, &top->spans[0]) > 0) {
		top->spans[0] = *span;
		top_sink(top, 0);
	}
	return 0;
}

int timeline_note_poll(const struct timeline *timeline, struct timeline_worker *facts, struct timeline_top *long_polls,
		       const struct timeline_span *poll)
{
	if (facts->slowest.duration == 0 || span_compare(poll, &facts->slowest) > 0)
		facts->slowest = *poll;
	return poll->duration < timeline->hidden->long_poll_ticks ? 0 : timeline_top_add(long_polls, poll);
}

static int top_merge(struct timeline_top *into, struct timeline_top *from)
{
	uint64_t seen = into->seen + from->seen, ticks = into->ticks + from->ticks;
	int error = 0;

	for (size_t i = 0; i < from->count && error == 0; i++)
		error = timeline_top_add(into, &from->spans[i]);
	into->seen = seen;
	into->ticks = ticks;
	return error;
}

static int compare_longest_first(const void *a, const void *b)
{
	return -span_compare(a, b);
}

static void top_sort(struct timeline_top *top)
{
	if (top->count > 1)
		qsort(top->spans, top->count, sizeof(*top->spans), compare_longest_first);
}

/* ---- Making, feeding, finishing ------------------------------------------------------------------------------- */

const char *timeline_kind(const struct trace_process *process, uint32_t site)
{
	const struct trace_site *entry = site < process->site_count ? &process->sites[site] : NULL;

	return entry && entry->present && entry->kind < process->kind_count ? process->kinds[entry->kind].name : NULL;
}

static uint8_t class_traits(const struct trace_process *process, uint32_t site)
{
	static const uint8_t traits[] = {
	    [KIND_CLASS_REQUEST] = TRAIT_REQUEST,
	    [KIND_CLASS_POOL] = TRAIT_REQUEST | TRAIT_POOL,
	    [KIND_CLASS_WORKFN] = TRAIT_WORK,
	};
	uint8_t class = process->kinds[process->sites[site].kind].class;
	uint8_t found = class < sizeof(traits) ? traits[class] : 0;

	return process->sites[site].callback ? found : found & ~TRAIT_REQUEST;
}

static uint8_t name_traits(const char *kind)
{
	static const struct {
		const char *kind;
		uint8_t trait;
	} names[] = {
	    {"async", TRAIT_ASYNC},	   {"timer", TRAIT_TIMER},	  {"connection", TRAIT_CONNECTION},
	    {"getaddrinfo", TRAIT_LOOKUP}, {"getnameinfo", TRAIT_LOOKUP}, {"read", TRAIT_READ},
	    {"udp_recv", TRAIT_READ},	   {"poll", TRAIT_READ},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i].kind, kind) == 0)
			return names[i].trait;
	}
	return 0;
}

static void traits_fill(struct timeline *timeline)
{
	const struct trace_process *process = timeline->process;

	for (uint32_t i = 0; i < process->site_count; i++) {
		const char *kind = timeline_kind(process, i);
		if (kind)
			timeline->hidden->traits[i] = class_traits(process, i) | name_traits(kind);
	}
}

static int tables_make(struct timeline *timeline)
{
	const struct trace_process *process = timeline->process;
	struct timeline_private *hidden = timeline->hidden;

	timeline->workers = calloc(process->worker_count + 1, sizeof(*timeline->workers));
	timeline->sites = calloc(process->site_count + 1, sizeof(*timeline->sites));
	hidden->crossings = calloc(process->worker_count + 1, sizeof(*hidden->crossings));
	hidden->traits = calloc(process->site_count + 1, sizeof(*hidden->traits));
	hidden->requests = requests_make();
	hidden->wakeups = wakeups_make(timeline);
	hidden->spans = spans_make(timeline);
	timeline->names = calloc(process->name_count + 1, sizeof(*timeline->names));
	if (!timeline->workers || !timeline->sites || !hidden->crossings || !hidden->traits || !hidden->requests ||
	    !hidden->wakeups || !hidden->spans || !timeline->names || timeline_share_open(timeline, &hidden->share) < 0)
		return -ENOMEM;
	traits_fill(timeline);
	hidden->pool = pool_make(timeline);
	return hidden->pool ? windows_make(timeline) : -ENOMEM;
}

struct timeline *timeline_make(const struct trace_process *process, const struct timeline_options *options)
{
	struct timeline *timeline = calloc(1, sizeof(*timeline));

	if (!timeline)
		return NULL;
	timeline->process = process;
	timeline->options = *options;
	timeline->hidden = calloc(1, sizeof(*timeline->hidden));
	timeline->long_polls.max = timeline->idle.max = options->top;
	timeline->open.max = OPEN_MAX;
	timeline->holds.max = timeline->away.max = timeline->slow_requests.max = timeline->pending.max = HOLDS_MAX;
	if (!timeline->hidden || tables_make(timeline) < 0 || range_set(timeline) < 0) {
		timeline_free(timeline);
		return NULL;
	}
	timeline->hidden->ns_per_tick = ns_per_tick(process);
	timeline->hidden->long_poll_ticks = timeline_ticks(timeline, options->long_poll_ns);
	timeline->hidden->idle_ticks = timeline_ticks(timeline, options->idle_ns);
	timeline->hidden->hold_ticks = timeline_ticks(timeline, options->hold_ns);
	if (timeline->options.pending_ns == 0)
		timeline->options.pending_ns = process->pending_ns ? process->pending_ns : READER_PENDING_NS;
	timeline->hidden->pending_ticks = timeline_ticks(timeline, timeline->options.pending_ns);
	timeline->hidden->prompt_ticks = timeline_ticks(timeline, PROMPT_NS);
	return timeline;
}

static int streams_make(struct timeline *timeline)
{
	struct timeline_private *hidden = timeline->hidden;

	hidden->streams = calloc(timeline->process->worker_count + 1, sizeof(*hidden->streams));
	hidden->request_shares = calloc(timeline->process->worker_count + 1, sizeof(*hidden->request_shares));
	if (!hidden->streams || !hidden->request_shares)
		return -ENOMEM;
	for (size_t i = 0; i < timeline->process->worker_count; i++)
		stream_begin(&hidden->streams[i], timeline, i);
	return 0;
}

int timeline_feed(struct timeline *timeline, size_t worker, const struct trace_item *items, size_t count,
		  const struct trace_context *context, size_t context_count, bool after_gap)
{
	if ((!timeline->hidden->streams || !timeline->hidden->request_shares) && streams_make(timeline) < 0)
		return -ENOMEM;
	int error = stream_feed(&timeline->hidden->streams[worker], items, count, context, context_count, after_gap);
	pool_wake(timeline->hidden->pool, worker);
	return error;
}

int timeline_end_worker(struct timeline *timeline, size_t worker)
{
	if (!timeline->hidden->streams)
		return 0;
	int error = stream_end(&timeline->hidden->streams[worker], timeline_worker_end(timeline, worker));
	pool_wake(timeline->hidden->pool, worker);
	return error < 0 ? error : requests_merge(timeline, &timeline->hidden->request_shares[worker]);
}

uint64_t timeline_worker_end(const struct timeline *timeline, size_t worker)
{
	uint64_t end = timeline->process->workers[worker].end_tick;

	return end ? end : timeline->process->last_tick;
}

int timeline_settle(struct timeline *timeline, uint64_t tick)
{
	return pool_settle(timeline->hidden->pool, tick);
}

/* ---- What threads have added up ------------------------------------------------------------------------------- */

int timeline_share_open(const struct timeline *timeline, struct timeline_share *share)
{
	share->long_polls.max = timeline->options.top;
	share->open.max = OPEN_MAX;
	share->holds.max = share->away.max = share->slow_requests.max = HOLDS_MAX;
	share->sites = calloc(timeline->process->site_count + 1, sizeof(*share->sites));
	return share->sites ? 0 : -ENOMEM;
}

int timeline_share_merge(struct timeline *timeline, struct timeline_share *share)
{
	struct timeline_top *const into[] = {&timeline->long_polls, &timeline->open, &timeline->holds, &timeline->away,
					     &timeline->slow_requests};
	struct timeline_top *const from[] = {&share->long_polls, &share->open, &share->holds, &share->away,
					     &share->slow_requests};
	int error = 0;

	for (size_t i = 0; share->sites && i <= timeline->process->site_count; i++) {
		histogram_merge(&timeline->sites[i].callback, &share->sites[i].callback);
		histogram_merge(&timeline->sites[i].life, &share->sites[i].life);
	}
	if (share->sites)
		turns_merge(timeline, share);
	for (size_t i = 0; error == 0 && i < sizeof(into) / sizeof(*into); i++)
		error = top_merge(into[i], from[i]);
	timeline_share_free(timeline, share);
	return error;
}

void timeline_share_free(const struct timeline *timeline, struct timeline_share *share)
{
	for (size_t i = 0; share->sites && i <= timeline->process->site_count; i++) {
		histogram_clear(&share->sites[i].callback);
		histogram_clear(&share->sites[i].life);
		site_turns_clear(&share->sites[i].turns);
	}
	free(share->sites);
	histogram_clear(&share->turn_ticks);
	histogram_clear(&share->turn_timers);
	free(share->long_polls.spans);
	free(share->open.spans);
	free(share->holds.spans);
	free(share->away.spans);
	free(share->slow_requests.spans);
	*share = (struct timeline_share){0};
}

void timeline_worker_merge(struct timeline_worker *into, struct timeline_worker *from)
{
	histogram_merge(&into->polls, &from->polls);
	histogram_merge(&into->ready, &from->ready);
	if (span_compare(&from->slowest, &into->slowest) > 0)
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
	into->turns += from->turns;
	into->empty_turns += from->empty_turns;
	into->empty_ticks += from->empty_ticks;
	into->lost_told += from->lost_told;
	into->lost_tick = from->lost_tick > into->lost_tick ? from->lost_tick : into->lost_tick;
	into->away_late_ticks += from->away_late_ticks;
	histogram_clear(&from->polls);
	histogram_clear(&from->ready);
}

int timeline_problem_add(struct timeline *timeline, const char *problem)
{
	char **problems = realloc(timeline->problems, (timeline->problem_count + 1) * sizeof(*problems));

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
	if (timeline_share_merge(timeline, &timeline->hidden->share) < 0 || samples_read(timeline) < 0 ||
	    pool_finish(timeline->hidden->pool, timeline->end_tick) < 0 || requests_finish(timeline) < 0)
		return -ENOMEM;
	spans_finish(timeline);
	ready_sum(timeline);
	struct timeline_top *const tops[] = {&timeline->long_polls, &timeline->idle, &timeline->open,
					     &timeline->holds,	    &timeline->away, &timeline->slow_requests,
					     &timeline->pending};
	for (size_t i = 0; i < sizeof(tops) / sizeof(*tops); i++)
		top_sort(tops[i]);
	return 0;
}

static void site_clear(struct timeline_site *site)
{
	struct histogram *const histograms[] = {&site->callback,  &site->pool,	   &site->life,
						&site->pool_wait, &site->pool_run, &site->wakeups.latency};

	for (size_t i = 0; i < sizeof(histograms) / sizeof(*histograms); i++)
		histogram_clear(histograms[i]);
	site_turns_clear(&site->turns);
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
	histogram_clear(&timeline->turn_ticks);
	histogram_clear(&timeline->turn_timers);
	free(timeline->arrivals);
	free(timeline->holds.spans);
	free(timeline->away.spans);
	free(timeline->slow_requests.spans);
	free(timeline->pending.spans);
	free(timeline->workers);
	free(timeline->sites);
	free(timeline->long_polls.spans);
	free(timeline->idle.spans);
	free(timeline->open.spans);
	for (size_t i = 0; i < timeline->problem_count; i++)
		free(timeline->problems[i]);
	free(timeline->problems);
}

static void private_free(struct timeline *timeline)
{
	struct timeline_private *hidden = timeline->hidden;

	if (!hidden)
		return;
	for (size_t i = 0; hidden->crossings && i < timeline->process->worker_count; i++)
		free(hidden->crossings[i].entries);
	timeline_share_free(timeline, &hidden->share);
	pool_free(hidden->pool);
	for (size_t i = 0; hidden->request_shares && i < timeline->process->worker_count; i++)
		request_share_clear(&hidden->request_shares[i]);
	requests_free(hidden->requests);
	wakeups_free(hidden->wakeups);
	spans_free(hidden->spans);
	free(hidden->request_shares);
	free(hidden->crossings);
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
