/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread pool: its size, lookups that starve it, threads asleep while requests wait.
 */
#include "findings/findings_internal.h"

#include <string.h>

static bool is_lookup_kind(const char *kind)
{
	return strcmp(kind, "getaddrinfo") == 0 || strcmp(kind, "getnameinfo") == 0;
}

/* The submitting callback whose requests the pool worked on longest; of lookups only, if asked. */
static uint32_t most_work(const struct detection *detection, bool lookups)
{
	const struct timeline *timeline = detection->timeline;
	uint32_t most = (uint32_t)timeline->process->site_count;

	for (uint32_t i = 0; i < timeline->process->site_count; i++) {
		if ((!lookups || is_lookup_kind(site_kind(detection, i))) &&
		    timeline->sites[i].pool_run.sum > timeline->sites[most].pool_run.sum)
			most = i;
	}
	return most;
}

/* What lacks: threads for work that waits, CPUs for work that computes. */
enum pool_lack {
	LACK_LOOKUPS,
	LACK_THREADS,
	LACK_THREADS_PERHAPS,
	LACK_THREADS_TO_CPUS,
	LACK_CPUS
};

static enum pool_lack pool_lacks(const struct detection *detection)
{
	const struct measures_pool *pool = &detection->findings->pool;

	if (pool->lookup_run >= limit(detection, LIMIT_dns_share))
		return LACK_LOOKUPS;
	if (pool->computing < 0)
		return LACK_THREADS_PERHAPS;
	if (pool->computing < limit(detection, LIMIT_cause_share))
		return LACK_THREADS;
	return (double)pool->threads + 1 <= pool->cpus ? LACK_THREADS_TO_CPUS : LACK_CPUS;
}

/* The size to advise: where the work computes, no more than there are CPUs. 0: none helps. */
static uint64_t pool_size(const struct measures_pool *pool, enum pool_lack lack)
{
	uint32_t cpus = (uint32_t)pool->cpus;

	if (lack != LACK_THREADS_TO_CPUS)
		return pool->enough;
	return pool->enough > 0 && pool->enough < cpus ? pool->enough : cpus;
}

static bool is_uncertain(const struct timeline *timeline)
{
	return timeline->pool_uncertain || timeline->process->pool_items_unseen;
}

static void facts_of_work(const struct detection *detection, struct finding *finding, uint32_t site)
{
	const struct histogram *run = &detection->timeline->sites[site].pool_run;
	double sum = ns_of(detection->timeline, run->sum);

	fact_whole(finding, FACT_works, run->count);
	fact_ns(finding, FACT_work_mean_ns, run->count ? sum / (double)run->count : 0);
}

static void facts_of_pool(const struct detection *detection, struct finding *finding,
			  enum pool_lack lack)
{
	const struct measures_pool *pool = &detection->findings->pool;

	fact_whole(finding, FACT_wait_p99_ns, pool->wait_p99_ns);
	fact_whole(finding, FACT_threads, pool->threads);
	fact_whole(finding, FACT_requests, detection->timeline->pool_wait.count);
	fact_whole(finding, FACT_wait_total_ns, pool->wait_total_ns);
	fact_whole(finding, FACT_queued_max, detection->timeline->pool_queued.max);
	fact_number(finding, FACT_lookup_share, pool->lookup_run);
	fact_whole(finding, FACT_lookups_max, pool->lookups_most);
	fact_flag(finding, FACT_lookup_cap, pool->cap_reached);
	if (pool->computing >= 0)
		fact_number(finding, FACT_computing_share, pool->computing);
	if (pool->cpus > 0)
		fact_number(finding, FACT_cpus, pool->cpus);
	fact_flag(finding, FACT_work_waits, lack == LACK_THREADS);
	fact_flag(finding, FACT_work_computes, lack == LACK_THREADS_TO_CPUS || lack == LACK_CPUS);
	if (lack != LACK_CPUS && pool_size(pool, lack) > 0)
		fact_whole(finding, FACT_size, pool_size(pool, lack));
}

static void pool_tell(struct detection *detection, enum severity severity)
{
	static const enum finding_id ids[] = {[LACK_LOOKUPS] = FINDING_POOL_DNS,
					      [LACK_THREADS] = FINDING_POOL_SMALL,
					      [LACK_THREADS_PERHAPS] = FINDING_POOL_SMALL,
					      [LACK_THREADS_TO_CPUS] = FINDING_POOL_SMALL,
					      [LACK_CPUS] = FINDING_POOL_CPU};
	enum pool_lack lack = pool_lacks(detection);
	uint32_t site = most_work(detection, lack == LACK_LOOKUPS);
	struct finding finding = finding_make(detection, ids[lack], severity);

	finding_blame(detection, &finding, site);
	finding_everywhere(detection, &finding);
	facts_of_pool(detection, &finding, lack);
	facts_of_work(detection, &finding, site);
	finding.cost_ns = detection->findings->pool.wait_total_ns;
	finding.confidence = is_uncertain(detection->timeline) ? 0.5 : 0.9;
	finding_add(detection, &finding);
}

/* With one thread for each request of the time, would they have waited as long? Then the threads
 * are not what lacks. */
static bool size_helps(const struct measures_pool *pool)
{
	return pool->size_count > 0 &&
	       pool->sizes[pool->size_count - 1].p99_ns * 2 < pool->wait_p99_ns;
}

/* Requests that waited for threads that the kernel did not run do not ask for more threads. */
static bool threads_slept(struct detection *detection)
{
	double most =
	    limit(detection, LIMIT_cause_share) * (double)detection->findings->pool.wait_p99_ns;
	const struct finding *finding;

	for (size_t at = 0;
	     (finding = finding_next(detection, FINDING_IDLE_WITH_WORK, &at)) != NULL;) {
		if ((double)(finding->to_ns - finding->from_ns) >= most)
			return true;
	}
	return false;
}

void detect_pool(struct detection *detection)
{
	const struct measures_pool *pool = &detection->findings->pool;

	if ((double)pool->items < limit(detection, LIMIT_pool_least) || !size_helps(pool))
		return;
	if ((double)pool->wait_p99_ns >= limit(detection, LIMIT_pool_wait))
		pool_tell(detection, threads_slept(detection) ? SEVERITY_NOTE : SEVERITY_WARNING);
	else if ((double)pool->wait_p99_ns >= limit(detection, LIMIT_pool_wait_goal))
		pool_tell(detection, SEVERITY_NOTE);
}

static void idle_tell(struct detection *detection, const struct timeline_span *worst,
		      uint64_t sleeps, uint64_t ticks)
{
	const struct timeline *timeline = detection->timeline;
	struct finding finding = finding_make(detection, FINDING_IDLE_WITH_WORK, SEVERITY_WARNING);

	finding_place(detection, &finding, worst->tick, worst->duration, worst->worker);
	fact_ticks(detection, &finding, FACT_duration_ns, worst->duration);
	fact_whole(&finding, FACT_requests, worst->sure);
	fact_whole(&finding, FACT_runs, sleeps);
	fact_ticks(detection, &finding, FACT_total_ns, ticks);
	finding.cost_ns = whole_ns_of(timeline, ticks);
	finding.confidence = is_uncertain(timeline) ? 0.5 : 0.8;
	finding_add(detection, &finding);
}

/* The longest come first in the list. */
void detect_idle(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_span *worst = NULL;
	uint64_t sleeps = 0, ticks = 0;

	for (size_t i = 0; i < timeline->idle.count; i++) {
		const struct timeline_span *span = &timeline->idle.spans[i];
		if (span->sure == 0 ||
		    ns_of(timeline, span->duration) < limit(detection, LIMIT_idle_with_work))
			continue;
		worst = worst ? worst : span;
		sleeps++;
		ticks += span->duration;
	}
	if (worst)
		idle_tell(detection, worst, sleeps, ticks);
}
