/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread pool: its size, lookups that starve it, files that are polled. Who waited is told by
 * kind. A size is promised only where the model of the pool says of the present size what was
 * observed.
 */
#include "findings/findings_internal.h"
#include "pool_sites.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* The model says of the threads that there were what was observed. */
static bool model_holds(const struct detection *detection)
{
	return detection->findings->pool.model_error <= limit(detection, LIMIT_pool_model);
}

/* The place of that many threads, or of the next fewer ones. */
static size_t size_at(const struct measures_pool *pool, uint64_t threads)
{
	size_t at = 0;

	while (at + 1 < pool->size_count && pool->sizes[at + 1].threads <= threads)
		at++;
	return at;
}

/* The smallest whose wait is near the best that any larger pool brings without requests that take
 * longer; 0: none brings half of the present wait. */
static uint64_t nearest_size(const struct detection *detection)
{
	const struct measures_pool *pool = &detection->findings->pool;
	size_t present = size_at(pool, pool->threads);
	uint64_t done = pool->sizes[present].done_mean_ns;
	double half = (double)pool->sizes[present].worst_p99_ns / 2, best = half;
	uint64_t size = 0;

	for (size_t i = present + 1; i < pool->size_count; i++) {
		if (pool->sizes[i].done_mean_ns <= done)
			best = fmin(best, (double)pool->sizes[i].worst_p99_ns);
	}
	best = fmin(best * (1 + limit(detection, LIMIT_pool_near)), half);
	for (size_t i = pool->size_count; i > present + 1; i--) {
		if (pool->sizes[i - 1].done_mean_ns <= done &&
		    (double)pool->sizes[i - 1].worst_p99_ns <= best)
			size = pool->sizes[i - 1].threads;
	}
	return size;
}

/* The size to advise: where the work computes, no more than there are CPUs. 0: none is promised. */
static uint64_t pool_size(const struct detection *detection, enum pool_lack lack)
{
	const struct measures_pool *pool = &detection->findings->pool;
	uint32_t cpus = (uint32_t)pool->cpus;

	if (!model_holds(detection) || lack == LACK_CPUS)
		return 0;
	if (lack == LACK_THREADS_TO_CPUS && (pool->enough == 0 || pool->enough > cpus))
		return cpus;
	return pool->enough == 0	      ? nearest_size(detection)
	       : pool->enough > pool->threads ? pool->enough
					      : 0;
}

static bool is_uncertain(const struct timeline *timeline)
{
	return timeline->pool_uncertain || timeline->process->pool_items_unseen;
}

/* ---- Facts ----------------------------------------------------------------------------------- */

static void facts_of_model(const struct detection *detection, struct finding *finding,
			   enum pool_lack lack)
{
	const struct measures_pool *pool = &detection->findings->pool;

	uint64_t size = pool_size(detection, lack);

	if (size > 0) {
		fact_whole(finding, FACT_size, size);
		fact_whole(finding, FACT_size_p99_ns,
			   pool->sizes[size_at(pool, size)].about_p99_ns);
	} else if (!model_holds(detection) && lack != LACK_CPUS) {
		fact_flag(finding, FACT_model_fails, true);
		fact_whole(finding, FACT_model_p99_ns, pool->model_p99_ns);
	}
}

static void facts_of_lookups(struct finding *finding, const struct measures_pool *pool)
{
	fact_number(finding, FACT_lookup_share, pool->lookup_run);
	fact_whole(finding, FACT_lookups_max, pool->lookups_most);
	fact_flag(finding, FACT_lookups, pool->lookups > 0);
	fact_flag(finding, FACT_lookup_cap, pool->cap_reached);
}

static void facts_of_pool(const struct detection *detection, struct finding *finding,
			  enum pool_lack lack)
{
	const struct timeline *timeline = detection->timeline;
	const struct measures_pool *pool = &detection->findings->pool;

	fact_whole(finding, FACT_wait_p99_ns, pool->wait_p99_ns);
	fact_whole(finding, FACT_threads, pool->threads);
	fact_whole(finding, FACT_requests, timeline->pool_wait.count);
	fact_whole(finding, FACT_wait_total_ns, pool->wait_total_ns);
	fact_whole(finding, FACT_queued_max, timeline->pool_queued.max);
	if (timeline->pool_unended > 0)
		fact_whole(finding, FACT_unended, timeline->pool_unended);
	facts_of_lookups(finding, pool);
	if (pool->computing >= 0)
		fact_number(finding, FACT_computing_share, pool->computing);
	if (pool->cpus > 0)
		fact_number(finding, FACT_cpus, pool->cpus);
	fact_flag(finding, FACT_work_waits, lack == LACK_THREADS);
	fact_flag(finding, FACT_work_computes, lack == LACK_THREADS_TO_CPUS || lack == LACK_CPUS);
	facts_of_model(detection, finding, lack);
}

static void facts_of_kinds(const struct detection *detection, struct finding *finding,
			   const struct pool_sites *sites)
{
	static const struct {
		enum fact_name kind, wait, count;
	} names[POOL_KINDS_TOLD] = {
	    {FACT_kind_1, FACT_kind_1_p99_ns, FACT_kind_1_requests},
	    {FACT_kind_2, FACT_kind_2_p99_ns, FACT_kind_2_requests},
	    {FACT_kind_3, FACT_kind_3_p99_ns, FACT_kind_3_requests},
	};

	for (size_t i = 0; i < sites->kind_count; i++) {
		fact_text(finding, names[i].kind, sites->kinds[i].name);
		fact_ticks(detection, finding, names[i].wait, sites->kinds[i].p99);
		fact_whole(finding, names[i].count, sites->kinds[i].count);
	}
}

static void facts_of_work(const struct detection *detection, struct finding *finding,
			  const struct pool_work_sum *work)
{
	fact_whole(finding, FACT_works, work->count);
	fact_ns(finding, FACT_work_mean_ns,
		work->count ? ns_of(detection->timeline, work->ticks) / (double)work->count : 0);
}

/* Other requests waited because of lookups: without these the model lets them wait half as long. */
static bool lookups_starve(const struct detection *detection)
{
	const struct measures_pool *pool = &detection->findings->pool;

	return model_holds(detection) &&
	       (double)pool->others_p99_ns >= limit(detection, LIMIT_pool_wait) &&
	       pool->others_alone_ns * 2 < pool->others_model_ns;
}

/* Others than those whose work fills the pool. */
static void facts_of_others(const struct detection *detection, struct finding *finding,
			    const struct pool_sites *sites)
{
	bool lookups = finding->id == FINDING_POOL_DNS, starve = lookups_starve(detection);

	fact_flag(finding, FACT_starves, lookups && starve);
	if (lookups && !starve)
		return;
	if (ns_of(detection->timeline, sites->others_p99) < limit(detection, LIMIT_pool_wait_goal))
		return;
	fact_ticks(detection, finding, FACT_others_p99_ns, sites->others_p99);
	fact_whole(finding, FACT_waiter, sites->others_site);
}

static void pool_tell(struct detection *detection, const struct pool_sites *sites,
		      enum severity severity)
{
	static const enum finding_id ids[] = {[LACK_LOOKUPS] = FINDING_POOL_DNS,
					      [LACK_THREADS] = FINDING_POOL_SMALL,
					      [LACK_THREADS_PERHAPS] = FINDING_POOL_SMALL,
					      [LACK_THREADS_TO_CPUS] = FINDING_POOL_SMALL,
					      [LACK_CPUS] = FINDING_POOL_CPU};
	enum pool_lack lack = pool_lacks(detection);
	struct finding finding = finding_make(detection, ids[lack], severity);
	const struct pool_work_sum *work =
	    lack == LACK_LOOKUPS ? &sites->most_lookups : &sites->most;

	finding_blame(detection, &finding, sites->polls ? sites->poller : work->site);
	finding_everywhere(detection, &finding);
	facts_of_pool(detection, &finding, lack);
	facts_of_kinds(detection, &finding, sites);
	facts_of_work(detection, &finding, sites->polls ? &sites->polled : work);
	facts_of_others(detection, &finding, sites);
	fact_flag(&finding, FACT_polls, sites->polls);
	finding.cost_ns = whole_ns_of(detection->timeline, sites->wait_ticks);
	finding.confidence = is_uncertain(detection->timeline) ? 0.5 : 0.9;
	finding_add(detection, &finding);
}

/* ---- Whether --------------------------------------------------------------------------------- */

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
	const struct measures_pool *pool = &detection->findings->pool;
	double most = limit(detection, LIMIT_cause_share) * (double)pool->wait_p99_ns;
	const struct finding *finding;

	for (size_t at = 0;
	     (finding = finding_next(detection, FINDING_IDLE_WITH_WORK, &at)) != NULL;) {
		if ((double)(finding->to_ns - finding->from_ns) >= most)
			return true;
	}
	return false;
}

/* Work that computes and waits for nothing but itself has as many threads as help: only others that
 * wait behind it are a reason to do something. Nor is the pool at fault where waits would be short
 * if other programs had left it the CPUs, or if its threads had been run when they were woken. */
static enum severity pool_severity(struct detection *detection, const struct pool_sites *sites)
{
	const struct measures_pool *pool = &detection->findings->pool;
	double others_ns = ns_of(detection->timeline, sites->others_p99);
	double most = limit(detection, sites->polls ? LIMIT_pool_wait_polls : LIMIT_pool_wait);
	bool batch = sites->polls || pool_lacks(detection) == LACK_CPUS;

	if (batch && others_ns < most)
		return SEVERITY_NOTE;
	if (!batch && (double)pool->settled_p99_ns < most)
		return SEVERITY_NOTE;
	if (sites->polls)
		return SEVERITY_WARNING;
	return (double)pool->calm_p99_ns < most || threads_slept(detection) ? SEVERITY_NOTE
									    : SEVERITY_WARNING;
}

/* What requests wait for the start of the pool's threads, once, no number of threads takes away. */
void detect_pool(struct detection *detection)
{
	const struct measures_pool *pool = &detection->findings->pool;
	struct pool_sites sites;

	if ((double)pool->items < limit(detection, LIMIT_pool_least) || !size_helps(pool) ||
	    (double)pool->settled_p99_ns < limit(detection, LIMIT_pool_wait_goal) ||
	    found(detection, FINDING_POOL_STUCK))
		return;
	if (pool_sites_sum(detection, &sites))
		pool_tell(detection, &sites, pool_severity(detection, &sites));
	else
		detection->findings->failed = true;
}
