/* SPDX-License-Identifier: Apache-2.0
 *
 * Detectors that look at how busy loops are: with nothing (spinning), and one among others.
 */
#include "findings_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Loops that never wait ------------------------------------------------------------------------------------ */

/* The callback of this kind that ran most often; site_count: none. */
static uint32_t most_runs(const struct timeline *timeline, const char *const *kinds, size_t count)
{
	uint32_t most = (uint32_t)timeline->process->site_count;

	for (uint32_t i = 0; i < timeline->process->site_count; i++) {
		const char *kind = timeline_kind(timeline->process, i);
		bool fits = false;
		for (size_t k = 0; kind && k < count; k++)
			fits |= strcmp(kind, kinds[k]) == 0;
		if (fits && timeline->sites[i].callback.count > timeline->sites[most].callback.count)
			most = i;
	}
	return most;
}

/* How long the worker was there in the range and not parked: inside uv_run or not, a rate is over that. */
static double awake_ns(const struct timeline *timeline, size_t position)
{
	const struct trace_worker *worker = &timeline->process->workers[position];
	uint64_t from = worker->start_tick > timeline->from_tick ? worker->start_tick : timeline->from_tick;
	uint64_t end = worker->end_tick ? worker->end_tick : timeline->end_tick;
	uint64_t ticks = end > from ? (end < timeline->end_tick ? end : timeline->end_tick) - from : 0;
	uint64_t parked = timeline->workers[position].parked_ticks + timeline->off_ticks;

	return ticks > parked ? ns_of(timeline, ticks - parked) : 0;
}

/* A few empty iterations are no spinning, and make no rate. */
static bool spins(const struct detection *detection, size_t position, double *rate)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_worker *worker = &timeline->workers[position];
	double awake = awake_ns(timeline, position);

	if (!is_loop(timeline, position) || awake <= 0 ||
	    (double)worker->empty_turns < limit(detection, LIMIT_spinning_least) ||
	    ns_of(timeline, worker->empty_ticks) < limit(detection, LIMIT_spinning_time) ||
	    worker->empty_turns * 2 < worker->turns)
		return false;
	*rate = (double)worker->empty_turns / awake * 1e9;
	return *rate >= limit(detection, LIMIT_spinning_rate);
}

/* Who spins: the program, by calling uv_run again and again, or a callback whose handle keeps the loop from waiting. */
static void spinning_blame(struct detection *detection, struct finding *finding, size_t position, bool calls)
{
	static const char *const kinds[] = {"idle", "prepare", "check", "timer"};
	const struct timeline *timeline = detection->timeline;
	const struct trace_worker *worker = &timeline->process->workers[position];
	uint32_t site = most_runs(timeline, kinds, sizeof(kinds) / sizeof(*kinds));

	if (calls || site == timeline->process->site_count) {
		finding_say(detection, &finding->culprit, "worker %" PRIu32 " (%s)", worker->worker, worker->name);
		finding_say(detection, &finding->title, "Worker %" PRIu32 " (loop) spins: %s.", worker->worker,
			    calls ? "uv_run is called again and again, and finds nothing to do" : "it never waits");
	} else {
		finding_blame(detection, finding, site);
		finding_say(detection, &finding->title,
			    "Worker %" PRIu32 " (loop) spins: it never waits, because of %s.", worker->worker,
			    site_text(detection, site));
	}
	finding_say(detection, &finding->advice, "%s",
		    calls ? "Do not call uv_run in a loop with UV_RUN_NOWAIT, or with nothing alive: use "
			    "UV_RUN_DEFAULT, keep a referenced handle, or wait for what the program waits for."
			  : "Stop idle handles when there is nothing to do (an active one keeps libuv from "
			    "waiting); do not call uv_run with UV_RUN_NOWAIT in a loop.");
}

static void spinning_tell(struct detection *detection, size_t position, double rate)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_worker *worker = &timeline->workers[position];
	struct finding *finding = finding_add(detection, "spinning", SEVERITY_WARNING);
	struct texts texts = {0};

	spinning_blame(detection, finding, position, worker->runs * 2 >= worker->empty_turns);
	finding_say(detection, &finding->evidence,
		    "%" PRIu64 " of its %" PRIu64
		    " loop iterations found nothing to do, %.0f a second, %s in all; uv_run was called %" PRIu64
		    " time%s; the loop was parked for %.1f%% of the time inside it.",
		    worker->empty_turns, worker->turns, rate, say_ns(&texts, ns_of(timeline, worker->empty_ticks)),
		    worker->runs, plural(worker->runs),
		    worker->inside_ticks ? 100 * (double)worker->parked_ticks / (double)worker->inside_ticks : 0.0);
	finding->confidence = 0.9;
	finding_place(detection, finding, timeline->from_tick, timeline->range_ticks, position);
}

void detect_spinning(struct detection *detection)
{
	double rate;

	for (size_t i = 0; i < detection->timeline->process->worker_count; i++) {
		if (spins(detection, i, &rate))
			spinning_tell(detection, i, rate);
	}
}

/* ---- Loops among each other ----------------------------------------------------------------------------------- */

struct loop_share {
	size_t worker;
	double share;
};

static int compare_share(const void *a, const void *b)
{
	const struct loop_share *x = a, *y = b;

	return x->share < y->share ? 1 : x->share > y->share ? -1 : 0;
}

/* Loops that did one kind of work, the busiest first: who accepts nothing, or reads nothing, has no part of that work
 * to take over. Runtimes have loops of their own for timers and messages. */
static size_t loops_sort(const struct detection *detection, bool accept, struct loop_share *loops)
{
	const struct timeline *timeline = detection->timeline;
	size_t count = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		const struct timeline_worker *worker = &timeline->workers[i];
		uint64_t did = accept ? worker->connections : worker->reads;
		if (!is_loop(timeline, i) || (double)did < limit(detection, LIMIT_hot_loop_least))
			continue;
		loops[count++] =
		    (struct loop_share){i, (double)timeline_busy_ticks(worker) / (double)timeline->range_ticks};
	}
	qsort(loops, count, sizeof(*loops), compare_share);
	return count;
}

static bool is_hot(const struct detection *detection, const struct loop_share *loops, size_t count)
{
	return count >= 2 && loops[0].share >= limit(detection, LIMIT_hot_loop) &&
	       loops[1].share <= limit(detection, LIMIT_idle_loop);
}

static void hot_loop_evidence(struct detection *detection, struct finding *finding, const struct loop_share *loops,
			      size_t count)
{
	const struct timeline_worker *workers = detection->timeline->workers, *hot = &workers[loops[0].worker];
	uint64_t connections = 0, reads = 0;
	double idle = 0;

	for (size_t i = 1; i < count; i++) {
		connections += workers[loops[i].worker].connections;
		reads += workers[loops[i].worker].reads;
		idle += 1 - loops[i].share;
	}
	finding_say(detection, &finding->evidence,
		    "It accepted %" PRIu64 " connection%s and read %" PRIu64 " time%s, the other%s %" PRIu64
		    " and %" PRIu64 "%s; it ran %" PRIu64 " callback%s; the other%s idled for %.0f%%%s.",
		    hot->connections, plural(hot->connections), hot->reads, plural(hot->reads), plural(count - 1),
		    connections, reads, by_count(count - 1, "", " together"), hot->polls.count,
		    plural(hot->polls.count), plural(count - 1), 100 * idle / (double)(count - 1),
		    by_count(count - 1, "", " on average"));
}

static void hot_loop_tell(struct detection *detection, const struct loop_share *loops, size_t count, bool accept)
{
	const struct timeline *timeline = detection->timeline;
	const struct trace_worker *hot = &timeline->process->workers[loops[0].worker];
	struct finding *finding = finding_add(detection, "hot_loop", SEVERITY_WARNING);

	finding_say(detection, &finding->culprit, "worker %" PRIu32 " (%s)", hot->worker, hot->name);
	finding_say(detection, &finding->title,
		    "Worker %" PRIu32 " (loop) was busy for %.0f%% of the time, %s %s for %.0f%%.", hot->worker,
		    100 * loops[0].share,
		    by_count(count - 1, "the other loop that", "the busiest of the other loops that"),
		    accept ? "accepts connections" : "reads", 100 * loops[1].share);
	hot_loop_evidence(detection, finding, loops, count);
	finding_say(detection, &finding->advice,
		    "Spread the work: let each loop accept (SO_REUSEPORT), or hand connections round.");
	finding->confidence = 0.9;
	finding_place(detection, finding, timeline->from_tick, timeline->range_ticks, loops[0].worker);
}

/* Where callbacks cannot be seen nobody knows what a loop does. */
void detect_hot_loop(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	struct loop_share *loops = calloc(timeline->process->worker_count + 1, sizeof(*loops));
	bool seen = timeline->process->tier != TRACE_TIER_LIBC && timeline->range_ticks > 0;

	if (!loops)
		detection->findings->failed = true;
	for (int accept = 1; loops && seen && accept >= 0; accept--) {
		size_t count = loops_sort(detection, accept, loops);
		if (!is_hot(detection, loops, count))
			continue;
		hot_loop_tell(detection, loops, count, accept);
		break;
	}
	free(loops);
}
