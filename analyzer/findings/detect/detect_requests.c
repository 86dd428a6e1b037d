/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that never complete.
 */
#include "findings/findings_internal.h"

#include <stdlib.h>

/* ---- Requests that never end ----------------------------------------------------------------- */

struct waiting {
	uint32_t site;
	uint64_t pending, done, cancelled;
	struct timeline_span oldest;
	bool oldest_ended;
};

static void waiting_add(struct waiting *list, size_t *count, const struct timeline_span *span,
			bool done)
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
static void facts_of_oldest(const struct detection *detection, struct finding *finding,
			    const struct waiting *waiting)
{
	bool running = detection->timeline->process->running;

	fact_ticks(detection, finding, FACT_age_ns, waiting->oldest.duration);
	fact_flag(finding, FACT_ended, waiting->oldest_ended);
	fact_flag(finding, FACT_was_cancelled, waiting->oldest_ended && waiting->oldest.cancelled);
	fact_flag(finding, FACT_in_flight, !waiting->oldest_ended && running);
	fact_flag(finding, FACT_never_ended, !waiting->oldest_ended && !running);
}

/* Where they pile up, that tells of them: these are the oldest. */
static void waiting_tell(struct detection *detection, const struct waiting *waiting)
{
	const struct histogram *life = &detection->timeline->sites[waiting->site].life;
	const struct timeline_span *oldest = &waiting->oldest;
	bool grows = found_blaming(detection, FINDING_REQUEST_GROWTH, waiting->site);
	enum severity severity = waiting->pending && !grows ? SEVERITY_WARNING : SEVERITY_NOTE;
	struct finding finding = finding_make(detection, FINDING_PENDING_REQUEST, severity);

	finding_blame(detection, &finding, waiting->site);
	finding_place(detection, &finding, oldest->tick, oldest->duration, oldest->worker);
	facts_of_oldest(detection, &finding, waiting);
	fact_whole(&finding, FACT_limit_ns, detection->timeline->options.pending_ns);
	fact_whole(&finding, FACT_pending, waiting->pending);
	fact_whole(&finding, FACT_late, waiting->done);
	fact_whole(&finding, FACT_cancelled, waiting->cancelled);
	fact_whole(&finding, FACT_done, life->count);
	fact_ticks(detection, &finding, FACT_life_p99_ns, histogram_quantile(life, 0.99));
	finding.confidence = 0.9;
	finding_add(detection, &finding);
}

/* The pool says why its requests do not complete: its threads are stuck, or they wait for one. */
static bool is_explained(struct detection *detection, uint32_t site)
{
	const struct trace_process *process = detection->timeline->process;
	size_t at = 0;

	if (site >= process->site_count || process->sites[site].kind >= process->kind_count ||
	    process->kinds[process->sites[site].kind].class != KIND_CLASS_POOL)
		return false;
	if (finding_next(detection, FINDING_POOL_STUCK, &at))
		return true;
	return detection->timeline->pool_unstarted > 0 &&
	       (found(detection, FINDING_POOL_DNS) || found(detection, FINDING_POOL_SMALL) ||
		found(detection, FINDING_POOL_CPU));
}

void detect_pending(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	struct waiting *list =
	    calloc(timeline->pending.count + timeline->slow_requests.count + 1, sizeof(*list));
	size_t count = 0;

	if (!list) {
		detection->findings->failed = true;
		return;
	}
	for (size_t i = 0; i < timeline->pending.count; i++) {
		if (timeline_span_ns(timeline, &timeline->pending.spans[i]) >=
		    timeline->options.pending_ns)
			waiting_add(list, &count, &timeline->pending.spans[i], false);
	}
	for (size_t i = 0; i < timeline->slow_requests.count; i++)
		waiting_add(list, &count, &timeline->slow_requests.spans[i], true);
	for (size_t i = 0; i < count; i++) {
		if (!is_explained(detection, list[i].site) &&
		    !found_blaming(detection, FINDING_WRITE_QUEUE, list[i].site))
			waiting_tell(detection, &list[i]);
	}
	free(list);
}
