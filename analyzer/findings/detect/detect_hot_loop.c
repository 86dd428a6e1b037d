/* SPDX-License-Identifier: Apache-2.0
 *
 * One hot loop among idle ones that do the same kind of work.
 */
#include "findings/findings_internal.h"

#include <stdlib.h>

struct loop_share {
	size_t worker;
	double share;
};

static int compare_share(const void *a, const void *b)
{
	const struct loop_share *x = a, *y = b;

	return x->share < y->share ? 1 : x->share > y->share ? -1 : 0;
}

struct loop_work {
	uint64_t did;
	uint32_t site; /* most of it */
};

static struct loop_work work_of(const struct timeline_worker *worker, bool accept)
{
	return accept ? (struct loop_work){worker->connections, worker->connection_site.site}
		      : (struct loop_work){worker->reads, worker->read_site.site};
}

/* Those that do what the busiest does, by the same callback. */
static size_t peers_keep(const struct detection *detection, bool accept, struct loop_share *loops,
			 size_t count)
{
	const struct timeline_worker *workers = detection->timeline->workers;
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (sites_share_callback(detection->timeline->process,
					 work_of(&workers[loops[i].worker], accept).site,
					 work_of(&workers[loops[0].worker], accept).site))
			loops[kept++] = loops[i];
	}
	return kept;
}

/* Loops that did one kind of work, the busiest first: who accepts nothing, or reads nothing, has no
 * part of that work to take over. Runtimes have loops of their own for timers and messages. */
static size_t loops_sort(const struct detection *detection, bool accept, struct loop_share *loops)
{
	const struct timeline *timeline = detection->timeline;
	double least = limit(detection, accept ? LIMIT_hot_loop_accepts : LIMIT_hot_loop_least);
	size_t count = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		const struct timeline_worker *worker = &timeline->workers[i];
		if (!is_loop(timeline, i) || (double)work_of(worker, accept).did < least)
			continue;
		loops[count++] = (struct loop_share){i, (double)timeline_busy_ticks(worker) /
							    (double)timeline->range_ticks};
	}
	qsort(loops, count, sizeof(*loops), compare_share);
	return peers_keep(detection, accept, loops, count);
}

static bool is_hot(const struct detection *detection, const struct loop_share *loops, size_t count)
{
	return count >= 2 && loops[0].share >= limit(detection, LIMIT_hot_loop) &&
	       loops[1].share <= limit(detection, LIMIT_idle_loop);
}

static void facts_of_others(const struct detection *detection, struct finding *finding,
			    const struct loop_share *loops, size_t count)
{
	const struct timeline_worker *workers = detection->timeline->workers;
	uint64_t connections = 0, reads = 0;
	double idle = 0;

	for (size_t i = 1; i < count; i++) {
		connections += workers[loops[i].worker].connections;
		reads += workers[loops[i].worker].reads;
		idle += 1 - loops[i].share;
	}
	fact_whole(finding, FACT_others, count - 1);
	fact_flag(finding, FACT_spread,
		  (double)connections >= limit(detection, LIMIT_cause_share) *
					     (double)workers[loops[0].worker].connections *
					     (double)(count - 1));
	fact_number(finding, FACT_next_busy_share, loops[1].share);
	fact_whole(finding, FACT_other_connections, connections);
	fact_whole(finding, FACT_other_reads, reads);
	fact_number(finding, FACT_idle_share, idle / (double)(count - 1));
}

static void hot_loop_tell(struct detection *detection, const struct loop_share *loops, size_t count,
			  bool accept)
{
	const struct timeline_worker *hot = &detection->timeline->workers[loops[0].worker];
	bool spins = found_spinning(detection, loops[0].worker);
	struct finding finding =
	    finding_make(detection, FINDING_HOT_LOOP, spins ? SEVERITY_NOTE : SEVERITY_WARNING);

	finding_worker(detection, &finding, loops[0].worker);
	finding_everywhere(detection, &finding);
	fact_number(&finding, FACT_busy_share, loops[0].share);
	fact_flag(&finding, FACT_accepts, accept);
	fact_whole(&finding, FACT_connections, hot->connections);
	fact_whole(&finding, FACT_reads, hot->reads);
	fact_whole(&finding, FACT_callbacks, hot->polls.count);
	facts_of_others(detection, &finding, loops, count);
	finding.confidence = 0.9;
	finding_add(detection, &finding);
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
