/* SPDX-License-Identifier: Apache-2.0
 *
 * What only grows: active handles and requests, by samples; handles that ended and were not closed.
 *
 * Rules: that peers join and stay is no fault of the program. Where streams that others opened go
 * on, they and what belongs to them (a timer for each) are not blamed.
 */
#include "findings/findings_internal.h"

#include "handle_lives.h"

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

static void growth_facts(struct finding *finding, const struct timeline_growth *growth)
{
	static const enum fact_name names[TIMELINE_QUARTERS] = {FACT_least_1, FACT_least_2,
								FACT_least_3, FACT_least_4};

	fact_whole(finding, FACT_growth, growth_of(growth));
	for (size_t i = 0; i < TIMELINE_QUARTERS; i++)
		fact_whole(finding, names[i], growth->least[i]);
}

static struct finding growth_make(const struct detection *detection, size_t worker,
				  enum finding_id id, const struct timeline_growth *growth)
{
	struct finding finding = finding_make(detection, id, SEVERITY_WARNING);

	finding_worker(detection, &finding, worker);
	finding_everywhere(detection, &finding);
	growth_facts(&finding, growth);
	finding.confidence = 0.7;
	return finding;
}

static bool grows(const struct detection *detection, const struct timeline_growth *growth)
{
	return (double)growth_of(growth) >= limit(detection, LIMIT_growth);
}

/* The site with the most; one that explains less than half of the growth is no culprit. */
static bool growth_blame(const struct detection *detection, struct finding *finding, uint32_t site,
			 uint64_t left)
{
	const struct fact *by = finding_fact(finding, FACT_growth);

	if (left * 2 < by->whole || site == detection->timeline->process->site_count)
		return false;
	finding_blame(detection, finding, site);
	fact_whole(finding, FACT_left, left);
	return true;
}

/* ---- Requests -------------------------------------------------------------------------------- */

/* Who submitted most of the requests that are left. */
static uint32_t requests_culprit(const struct timeline *timeline, uint64_t *most)
{
	uint32_t site = (uint32_t)timeline->process->site_count;

	for (uint32_t i = 0; i < timeline->process->site_count; i++) {
		if (timeline->sites[i].pending > *most) {
			*most = timeline->sites[i].pending;
			site = i;
		}
	}
	return site;
}

/* They pile up behind the pool's threads: that says why. */
static bool pool_explains(struct detection *detection, uint32_t site)
{
	static const enum finding_id ids[] = {FINDING_POOL_STUCK, FINDING_POOL_DNS,
					      FINDING_POOL_SMALL, FINDING_POOL_CPU};

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		if (found_blaming(detection, ids[i], site))
			return true;
	return false;
}

static void requests_look(struct detection *detection, size_t worker)
{
	const struct timeline_growth *growth = &detection->timeline->workers[worker].requests;
	uint64_t left = 0;
	uint32_t site;

	if (!grows(detection, growth))
		return;
	struct finding finding = growth_make(detection, worker, FINDING_REQUEST_GROWTH, growth);
	site = requests_culprit(detection->timeline, &left);
	if (growth_blame(detection, &finding, site, left) &&
	    detection->timeline->sites[site].queue_bytes > 0) {
		queue_facts(detection, &finding, worker, site);
		finding.cost_ns = queue_cost_ns(detection->timeline, site);
	}
	if (pool_explains(detection, finding.site))
		finding.severity = SEVERITY_NOTE;
	finding_add(detection, &finding);
}

/* ---- Active handles -------------------------------------------------------------------------- */

static uint32_t going_most(const struct timeline *timeline, const struct handle_lives *lives)
{
	uint32_t most = (uint32_t)timeline->process->site_count;

	for (uint32_t i = 0; i < timeline->process->site_count; i++) {
		if (lives->going[i] > 0 &&
		    (most == timeline->process->site_count || lives->going[i] > lives->going[most]))
			most = i;
	}
	return most;
}

/* Others opened most of the streams that go on, and there are as many of them as of what grows. */
static bool peers_explain(const struct timeline *timeline, size_t worker,
			  const struct handle_lives *lives, uint64_t left)
{
	return lives->streams * 2 >= left &&
	       timeline->workers[worker].connections * 2 >= lives->streams;
}

static void handles_look(struct detection *detection, size_t worker)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_growth *growth = &timeline->workers[worker].handles;

	if (!grows(detection, growth))
		return;
	struct finding finding = growth_make(detection, worker, FINDING_HANDLE_GROWTH, growth);
	struct handle_lives lives = handle_lives_read(detection->input, worker);
	uint32_t site =
	    lives.failed ? (uint32_t)timeline->process->site_count : going_most(timeline, &lives);
	uint64_t left = site < timeline->process->site_count ? lives.going[site] : 0;
	bool is_healthy = left > 0 && peers_explain(timeline, worker, &lives, left);

	if (!is_healthy) {
		growth_blame(detection, &finding, site, left);
		finding_add(detection, &finding);
	}
	handle_lives_free(&lives);
}

void detect_growth(struct detection *detection)
{
	for (size_t i = 0; i < detection->timeline->process->worker_count; i++) {
		handles_look(detection, i);
		requests_look(detection, i);
	}
}

/* ---- Handles that ended and were not closed -------------------------------------------------- */

static void ends_facts(struct finding *finding, const struct handle_group *group)
{
	static const enum fact_name names[HANDLE_ENDS] = {
	    [HANDLE_TOLD] = FACT_told_end, [HANDLE_STOPPED] = FACT_stopped,
	    [HANDLE_FIRED] = FACT_fired,   [HANDLE_EXITED] = FACT_exited,
	    [HANDLE_PAUSED] = FACT_paused,
	};

	for (size_t i = HANDLE_GOES_ON + 1; i < HANDLE_ENDS; i++) {
		if (group->ended[i] > 0)
			fact_whole(finding, names[i], group->ended[i]);
	}
}

static void unclosed_tell(struct detection *detection, size_t worker, uint32_t site,
			  const struct handle_group *group)
{
	struct finding finding =
	    growth_make(detection, worker, FINDING_UNCLOSED_HANDLES, &group->growth);

	finding_blame(detection, &finding, site);
	fact_whole(&finding, FACT_left, group->unclosed);
	fact_whole(&finding, FACT_made, group->made);
	fact_whole(&finding, FACT_closed, group->closed);
	fact_flag(&finding, FACT_made_there, trace_site_makes(detection->timeline->process, site));
	ends_facts(&finding, group);
	if (group->end_votes > 0 && group->end_site < detection->timeline->process->site_count)
		fact_whole(&finding, FACT_end_seen_by, group->end_site);
	finding.confidence = 0.9;
	if (group->ended[HANDLE_PAUSED] * 2 > group->unclosed) {
		finding.severity = SEVERITY_NOTE;
		finding.confidence = 0.5;
	}
	finding_add(detection, &finding);
}

static void unclosed_look(struct detection *detection, size_t worker)
{
	struct handle_lives lives = handle_lives_read(detection->input, worker);

	for (uint32_t i = 0; !lives.failed && i < detection->timeline->process->site_count; i++) {
		if (grows(detection, &lives.groups[i].growth))
			unclosed_tell(detection, worker, i, &lives.groups[i]);
	}
	handle_lives_free(&lives);
}

void detect_unclosed(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	double range_ns = ns_of(timeline, timeline->end_tick - timeline->from_tick);

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		const struct timeline_worker *worker = &timeline->workers[i];
		double open = (double)worker->handles_made - (double)worker->handles_closed;
		if (open >= limit(detection, LIMIT_growth) &&
		    range_ns >= limit(detection, LIMIT_unclosed_time))
			unclosed_look(detection, i);
	}
}
