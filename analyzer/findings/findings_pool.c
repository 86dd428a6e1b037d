/* SPDX-License-Identifier: Apache-2.0
 *
 * Detectors that look at the thread pool and at requests.
 */
#include "findings_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- The pool's size ------------------------------------------------------------------------------------------ */

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

static void pool_blame(struct detection *detection, struct finding *finding, uint32_t site)
{
	finding_blame(detection, finding, site);
	finding_say(detection, &finding->culprit, "%s for %s, submitted by %s", site_kind(detection, site),
		    site_text(detection, site), symbols_site(detection->input->symbols, site, true)->text);
}

/* What lacks: threads for work that waits, CPUs for work that computes. */
enum pool_lack { LACK_LOOKUPS, LACK_THREADS, LACK_THREADS_PERHAPS, LACK_THREADS_TO_CPUS, LACK_CPUS };

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

static void cpus_advice(struct detection *detection, struct finding *finding, enum pool_lack lack)
{
	const struct measures_pool *pool = &detection->findings->pool;
	uint32_t cpus = (uint32_t)pool->cpus, size = pool->enough > 0 && pool->enough < cpus ? pool->enough : cpus;

	if (lack == LACK_THREADS_TO_CPUS)
		finding_say(detection, &finding->advice,
			    "UV_THREADPOOL_SIZE=%" PRIu32
			    ": the work computes, so more threads than the %.3g CPUs of this process do not help.",
			    size, pool->cpus);
	else if (pool->cpus > 0)
		finding_say(detection, &finding->advice,
			    "Do not raise UV_THREADPOOL_SIZE: the work computes, and more threads would share the "
			    "same %.3g CPU%s. Make the work cheaper, submit less at once, or give the process more "
			    "CPUs.",
			    pool->cpus, pool->cpus > 1 ? "s" : "");
	else
		finding_say(detection, &finding->advice,
			    "Do not raise UV_THREADPOOL_SIZE above the number of CPUs: the work computes. Make it "
			    "cheaper, submit less at once, or give the process more CPUs.");
}

static void pool_advice(struct detection *detection, struct finding *finding, enum pool_lack lack)
{
	const struct measures_pool *pool = &detection->findings->pool;
	char size[160];
	struct texts texts = {0};

	if (lack == LACK_CPUS || lack == LACK_THREADS_TO_CPUS) {
		cpus_advice(detection, finding, lack);
		return;
	}
	if (pool->enough > 0)
		snprintf(size, sizeof(size), "UV_THREADPOOL_SIZE=%" PRIu32 " would have kept the p99 wait below %s",
			 pool->enough, say_ns(&texts, limit(detection, LIMIT_pool_wait_goal)));
	else
		snprintf(size, sizeof(size), "No number of threads up to 128 would have kept the p99 wait below %s",
			 say_ns(&texts, limit(detection, LIMIT_pool_wait_goal)));
	if (lack == LACK_LOOKUPS)
		finding_say(detection, &finding->advice,
			    "Resolve names elsewhere (c-ares, a cache, a resolver nearby). %s.", size);
	else if (lack == LACK_THREADS)
		finding_say(detection, &finding->advice, "%s: the work waits rather than computes.", size);
	else
		finding_say(detection, &finding->advice,
			    "%s, if the work waits rather than computes: threads that compute need CPUs.", size);
}

static bool is_uncertain(const struct timeline *timeline)
{
	return timeline->pool_uncertain || timeline->process->pool_items_unseen;
}

static void pool_title(struct detection *detection, struct finding *finding, enum pool_lack lack)
{
	const struct measures_pool *pool = &detection->findings->pool;
	struct texts texts = {0};
	const char *wait = say_ns(&texts, (double)pool->wait_p99_ns);

	if (lack == LACK_LOOKUPS)
		finding_say(detection, &finding->title,
			    "Lookups of names starve the pool: %s waited for one of its %" PRIu64 " thread%s at p99.",
			    wait, pool->threads, plural(pool->threads));
	else if (lack == LACK_CPUS)
		finding_say(detection, &finding->title,
			    "The pool's work computes, and CPUs are what lacks: requests waited %s at p99 for one of "
			    "its %" PRIu64 " thread%s.",
			    wait, pool->threads, plural(pool->threads));
	else
		finding_say(detection, &finding->title,
			    "The pool is too small: requests waited %s at p99 for one of its %" PRIu64 " thread%s.",
			    wait, pool->threads, plural(pool->threads));
}

static void pool_evidence(struct detection *detection, struct finding *finding, uint32_t site)
{
	const struct timeline *timeline = detection->timeline;
	const struct measures_pool *pool = &detection->findings->pool;
	const struct histogram *run = &timeline->sites[site].pool_run;
	struct texts texts = {0};
	char computing[160] = "";

	if (pool->computing >= 0)
		snprintf(computing, sizeof(computing),
			 " By samples of CPU time its threads were on a CPU, or ready to run, for %.0f%% of their busy "
			 "time.",
			 100 * pool->computing);
	finding_say(detection, &finding->evidence,
		    "%" PRIu64 " request%s waited %s together, up to %" PRIu64
		    " at once; lookups took %.0f%% of the pool's working time, up to %" PRIu64 " at once%s. Most work: "
		    "%" PRIu64 " %s of %s each.%s",
		    timeline->pool_wait.count, plural(timeline->pool_wait.count),
		    say_ns(&texts, (double)pool->wait_total_ns), timeline->pool_queued.max, 100 * pool->lookup_run,
		    pool->lookups_most, pool->cap_reached ? " (libuv lets no more than half of the pool do these)" : "",
		    run->count, site_kind(detection, site),
		    say_ns(&texts, run->count ? ns_of(timeline, run->sum) / (double)run->count : 0), computing);
}

static void pool_tell(struct detection *detection, enum severity severity)
{
	static const char *const ids[] = {[LACK_LOOKUPS] = "pool_dns",
					  [LACK_THREADS] = "pool_small",
					  [LACK_THREADS_PERHAPS] = "pool_small",
					  [LACK_THREADS_TO_CPUS] = "pool_small",
					  [LACK_CPUS] = "pool_cpu"};
	const struct timeline *timeline = detection->timeline;
	enum pool_lack lack = pool_lacks(detection);
	struct finding *finding = finding_add(detection, ids[lack], severity);
	uint32_t site = most_work(detection, lack == LACK_LOOKUPS);

	pool_blame(detection, finding, site);
	pool_title(detection, finding, lack);
	pool_evidence(detection, finding, site);
	pool_advice(detection, finding, lack);
	finding->cost_ns = detection->findings->pool.wait_total_ns;
	finding->confidence = is_uncertain(timeline) ? 0.5 : 0.9;
	finding->from_ns = timeline_offset_ns(timeline, timeline->from_tick);
	finding->to_ns = timeline_offset_ns(timeline, timeline->end_tick);
}

/* With one thread for each request of the time, would they have waited as long? Then the threads are not what lacks. */
static bool size_helps(const struct measures_pool *pool)
{
	return pool->size_count > 0 && pool->sizes[pool->size_count - 1].p99_ns * 2 < pool->wait_p99_ns;
}

/* Requests that waited for threads that the kernel did not run do not ask for more threads. */
static bool threads_slept(const struct detection *detection)
{
	const struct findings *findings = detection->findings;

	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];
		if (strcmp(finding->id, "idle_with_work") == 0 &&
		    (double)(finding->to_ns - finding->from_ns) >=
			limit(detection, LIMIT_cause_share) * (double)findings->pool.wait_p99_ns)
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

void detect_idle(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_span *worst = NULL;
	uint64_t spans = 0, ticks = 0;

	for (size_t i = 0; i < timeline->idle.count; i++) {
		const struct timeline_span *span = &timeline->idle.spans[i];
		if (span->sure == 0 || ns_of(timeline, span->duration) < limit(detection, LIMIT_idle_with_work))
			continue;
		worst = worst ? worst : span;
		spans++;
		ticks += span->duration;
	}
	if (!worst)
		return;
	struct finding *finding = finding_add(detection, "idle_with_work", SEVERITY_WARNING);
	struct texts texts = {0};
	finding_say(detection, &finding->culprit, "worker %" PRIu32, timeline->process->workers[worst->worker].worker);
	finding_say(detection, &finding->title,
		    "Pool thread %" PRIu32 " slept for %s while up to %" PRIu64 " request%s waited for a thread.",
		    timeline->process->workers[worst->worker].worker, say_ns(&texts, ns_of(timeline, worst->duration)),
		    worst->sure, plural(worst->sure));
	finding_say(detection, &finding->evidence,
		    "%" PRIu64
		    " such sleep%s, %s together. libuv had woken the thread or was busy: it is the kernel that "
		    "did not run it.",
		    spans, plural(spans), say_ns(&texts, ns_of(timeline, ticks)));
	finding_say(
	    detection, &finding->advice,
	    "Look what else runs on the CPUs that pool threads may use (affinity, cgroup), and at their priority.");
	finding->cost_ns = whole_ns_of(timeline, ticks);
	finding->confidence = is_uncertain(timeline) ? 0.5 : 0.8;
	finding_place(detection, finding, worst->tick, worst->duration, worst->worker);
}

/* ---- Requests that never end ---------------------------------------------------------------------------------- */

struct waiting {
	uint32_t site;
	uint64_t pending, done, cancelled;
	struct timeline_span oldest;
	bool oldest_ended;
};

static void waiting_add(struct waiting *list, size_t *count, const struct timeline_span *span, bool done)
{
	size_t at = 0;

	while (at < *count && list[at].site != span->site)
		at++;
	if (at == *count)
		list[(*count)++] = (struct waiting){.site = span->site};
	list[at].pending += !done;
	list[at].done += done && !span->cancelled;
	list[at].cancelled += done && span->cancelled;
	if (span->duration > list[at].oldest.duration) {
		list[at].oldest = *span;
		list[at].oldest_ended = done;
	}
}

/* How the oldest ended. */
static const char *waiting_outcome(const struct timeline *timeline, const struct waiting *waiting)
{
	if (waiting->oldest_ended)
		return waiting->oldest.cancelled ? "was cancelled after" : "took";
	return timeline->process->running ? "has been pending for" : "was never done: it was submitted";
}

static void waiting_tell(struct detection *detection, const struct waiting *waiting)
{
	const struct timeline *timeline = detection->timeline;
	struct finding *finding =
	    finding_add(detection, "pending_request", waiting->pending ? SEVERITY_WARNING : SEVERITY_NOTE);
	struct texts texts = {0};

	finding_blame(detection, finding, waiting->site);
	finding_say(detection, &finding->title, "A request (%s) for %s %s %s%s by %s.",
		    site_kind(detection, waiting->site), site_text(detection, waiting->site),
		    waiting_outcome(timeline, waiting), say_ns(&texts, ns_of(timeline, waiting->oldest.duration)),
		    waiting->oldest_ended || timeline->process->running ? ", submitted" : " before the end,",
		    symbols_site(detection->input->symbols, waiting->site, true)->text);
	finding_say(
	    detection, &finding->evidence,
	    "Of those that were on their way for %s or longer, %" PRIu64 " had no end when the trace ended, "
	    "%" PRIu64 " completed late, %" PRIu64 " %s cancelled; of this sort %" PRIu64 " %s done, in %s at p99.",
	    say_ns(&texts, (double)timeline->options.pending_ns), waiting->pending, waiting->done, waiting->cancelled,
	    by_count(waiting->cancelled, "was", "were"), timeline->sites[waiting->site].life.count,
	    by_count(timeline->sites[waiting->site].life.count, "was", "were"),
	    say_ns(&texts, ns_of(timeline, histogram_quantile(&timeline->sites[waiting->site].life, 0.99))));
	finding_say(
	    detection, &finding->advice,
	    "Give it a time limit (a timer that closes the handle or calls uv_cancel), and look at the other side.");
	finding->confidence = 0.9;
	finding_place(detection, finding, waiting->oldest.tick, waiting->oldest.duration, waiting->oldest.worker);
}

void detect_pending(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	struct waiting *list = calloc(timeline->pending.count + timeline->slow_requests.count + 1, sizeof(*list));
	size_t count = 0;

	if (!list) {
		detection->findings->failed = true;
		return;
	}
	for (size_t i = 0; i < timeline->pending.count; i++) {
		if (timeline_span_ns(timeline, &timeline->pending.spans[i]) >= timeline->options.pending_ns)
			waiting_add(list, &count, &timeline->pending.spans[i], false);
	}
	for (size_t i = 0; i < timeline->slow_requests.count; i++)
		waiting_add(list, &count, &timeline->slow_requests.spans[i], true);
	for (size_t i = 0; i < count; i++)
		waiting_tell(detection, &list[i]);
	free(list);
}

/* ---- Growth --------------------------------------------------------------------------------------------------- */

/* By how much a number grew from quarter to quarter without ever coming back; 0: it did. */
static uint64_t growth_of(const struct timeline_growth *growth)
{
	for (size_t i = 0; i < TIMELINE_QUARTERS; i++) {
		if (growth->samples[i] == 0 || (i > 0 && growth->least[i] <= growth->least[i - 1]))
			return 0;
	}
	uint64_t first = growth->most[0], last = growth->least[TIMELINE_QUARTERS - 1];
	return last > first ? last - first : 0;
}

static void growth_tell(struct detection *detection, size_t worker, bool handles, uint64_t by)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_growth *growth =
	    handles ? &timeline->workers[worker].handles : &timeline->workers[worker].requests;
	struct finding *finding =
	    finding_add(detection, handles ? "handle_growth" : "request_growth", SEVERITY_WARNING);
	uint64_t most = 0;
	uint32_t site = (uint32_t)timeline->process->site_count;

	if (handles)
		site = growth_culprit(detection->input, worker, &most);
	for (uint32_t i = 0; !handles && i < timeline->process->site_count; i++) {
		if (timeline->sites[i].pending > most) {
			most = timeline->sites[i].pending;
			site = i;
		}
	}
	if (most * 2 < by)
		site = (uint32_t)timeline->process->site_count; /* it explains too little */
	finding_blame(detection, finding, site);
	finding_say(detection, &finding->title,
		    "Worker %" PRIu32 "'s active %s only grow: %" PRIu64 " more at the end.",
		    timeline->process->workers[worker].worker, handles ? "handles" : "requests", by);
	finding_say(
	    detection, &finding->evidence,
	    "At least %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64
	    " in the quarters of the time. Most of those that are left: %" PRIu64 " of %s, kind %s, registered by %s.",
	    growth->least[0], growth->least[1], growth->least[2], growth->least[3], most, site_text(detection, site),
	    site_kind(detection, site), symbols_site(detection->input->symbols, site, true)->text);
	finding_say(detection, &finding->advice, "%s",
		    handles ? "Close what is no longer needed (uv_close), on errors too."
			    : "Wait for what was submitted before submitting more, and give requests time limits.");
	finding->confidence = 0.7;
	finding_place(detection, finding, timeline->from_tick, timeline->range_ticks, worker);
}

void detect_growth(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		uint64_t handles = growth_of(&timeline->workers[i].handles);
		uint64_t requests = growth_of(&timeline->workers[i].requests);
		if ((double)handles >= limit(detection, LIMIT_growth))
			growth_tell(detection, i, true, handles);
		if ((double)requests >= limit(detection, LIMIT_growth))
			growth_tell(detection, i, false, requests);
	}
}
