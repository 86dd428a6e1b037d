/* SPDX-License-Identifier: Apache-2.0
 *
 * See findings.h: runs the detectors of findings.def, and puts in order what they find.
 */
#include "findings_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- The table ------------------------------------------------------------------------------- */

static const struct {
	const char *id;
	detector *detect;
	enum cost cost;
	const char *anchor, *thresholds;
} rows[FINDING_COUNT] = {
#define FINDING(name, id, detector_, cost, anchor, thresholds, ...)                                \
	{id, detector_, cost, anchor, thresholds},
#include "findings.def"
};

static const struct {
	const char *name;
	enum fact_unit unit;
} facts[FACT_COUNT] = {
#define FACT(name, unit) {#name, FACT_UNIT_##unit},
#include "facts.def"
#undef FACT
};

const char *finding_id_name(enum finding_id id)
{
	return rows[id].id;
}

enum cost finding_cost(enum finding_id id)
{
	return rows[id].cost;
}

const char *finding_anchor(enum finding_id id)
{
	return rows[id].anchor;
}

const char *finding_thresholds(enum finding_id id)
{
	return rows[id].thresholds;
}

const char *fact_name(enum fact_name name)
{
	return facts[name].name;
}

enum fact_unit fact_unit(enum fact_name name)
{
	return facts[name].unit;
}

/* ---- Severities ------------------------------------------------------------------------------ */

static const char *const severities[] = {"note", "warning", "error"};

const char *severity_name(enum severity severity)
{
	return severities[severity];
}

int severity_parse(const char *text, enum severity *severity)
{
	for (size_t i = 0; i < sizeof(severities) / sizeof(*severities); i++) {
		if (strcmp(text, severities[i]) == 0) {
			*severity = (enum severity)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* ---- Making a finding ------------------------------------------------------------------------ */

struct finding finding_make(const struct detection *detection, enum finding_id id,
			    enum severity severity)
{
	return (struct finding){
	    .id = id,
	    .severity = severity,
	    .file = "",
	    .site = (uint32_t)detection->timeline->process->site_count,
	    .confidence = 1,
	};
}

static void finding_clear(struct finding *finding)
{
	for (size_t i = 0; i < finding->fact_count; i++) {
		if (fact_unit(finding->facts[i].name) == FACT_UNIT_TEXT)
			free(finding->facts[i].text);
	}
	free(finding->text.title);
	free(finding->text.culprit);
	free(finding->text.evidence);
	free(finding->text.advice);
	free(finding->text.snippet);
}

void finding_add(struct detection *detection, struct finding *finding)
{
	struct findings *findings = detection->findings;
	struct finding *list = realloc(findings->list, (findings->count + 1) * sizeof(*list));

	findings->list = list ? list : findings->list;
	if (!list || finding->failed) {
		findings->failed = true;
		finding_clear(finding);
		return;
	}
	list[findings->count++] = *finding;
}

static struct fact *fact_add(struct finding *finding, enum fact_name name)
{
	if (finding->fact_count == FINDING_FACTS_MAX) {
		finding->failed = true;
		return NULL;
	}
	struct fact *fact = &finding->facts[finding->fact_count++];
	*fact = (struct fact){.name = name};
	return fact;
}

void fact_whole(struct finding *finding, enum fact_name name, uint64_t value)
{
	struct fact *fact = fact_add(finding, name);

	if (fact)
		fact->whole = value;
}

void fact_number(struct finding *finding, enum fact_name name, double value)
{
	struct fact *fact = fact_add(finding, name);

	if (fact)
		fact->number = value;
}

void fact_ns(struct finding *finding, enum fact_name name, double ns)
{
	fact_whole(finding, name, whole_ns(ns));
}

void fact_text(struct finding *finding, enum fact_name name, const char *text)
{
	struct fact *fact = fact_add(finding, name);

	if (!fact)
		return;
	fact->text = strdup(text);
	finding->failed |= fact->text == NULL;
}

void fact_stall(struct finding *finding, enum fact_name name, const struct stall *stall)
{
	struct fact *fact = stall->in.kind == STALL_IN_UNKNOWN ? NULL : fact_add(finding, name);

	if (fact)
		fact->stall = stall;
}

void fact_flag(struct finding *finding, enum fact_name name, bool holds)
{
	if (holds)
		fact_whole(finding, name, 1);
}

const struct fact *finding_fact(const struct finding *finding, enum fact_name name)
{
	for (size_t i = 0; i < finding->fact_count; i++) {
		if (finding->facts[i].name == name)
			return &finding->facts[i];
	}
	return NULL;
}

void finding_blame(const struct detection *detection, struct finding *finding, uint32_t site)
{
	const struct trace_process *process = detection->timeline->process;
	bool has_callback = site >= process->site_count || process->sites[site].callback;
	const struct symbol_info *info =
	    symbols_site(detection->input->symbols, site, !has_callback);

	finding->file = info->file;
	finding->line = info->line;
	finding->site = site;
	fact_whole(finding, FACT_site, site);
}

void finding_worker(const struct detection *detection, struct finding *finding, size_t worker)
{
	finding->worker = detection->timeline->process->workers[worker].worker;
	fact_whole(finding, FACT_worker, finding->worker);
}

void finding_place(const struct detection *detection, struct finding *finding, uint64_t tick,
		   uint64_t ticks, size_t worker)
{
	finding->from_ns = timeline_offset_ns(detection->timeline, tick);
	finding->to_ns = timeline_offset_ns(detection->timeline, tick + ticks);
	finding->has_moment = true;
	finding->position = worker;
	finding->tick = tick;
	finding_worker(detection, finding, worker);
}

void finding_everywhere(const struct detection *detection, struct finding *finding)
{
	finding->from_ns = timeline_offset_ns(detection->timeline, detection->timeline->from_tick);
	finding->to_ns = timeline_offset_ns(detection->timeline, detection->timeline->end_tick);
}

/* ---- Asking for others ----------------------------------------------------------------------- */

/* Once; findings of one detector come together. */
static void detector_run(struct detection *detection, enum finding_id id)
{
	if (detection->ran[id])
		return;
	for (size_t i = 0; i < FINDING_COUNT; i++)
		detection->ran[i] |= rows[i].detect == rows[id].detect;
	rows[id].detect(detection);
}

const struct finding *finding_next(struct detection *detection, enum finding_id id, size_t *at)
{
	detector_run(detection, id);
	while (*at < detection->findings->count) {
		const struct finding *finding = &detection->findings->list[(*at)++];
		if (finding->id == id)
			return finding;
	}
	return NULL;
}

/* One above a note of that callback and of that worker; NULL: any of them. */
static bool found_of(struct detection *detection, enum finding_id id, const uint32_t *site,
		     const uint32_t *worker)
{
	const struct finding *finding;

	for (size_t at = 0; (finding = finding_next(detection, id, &at)) != NULL;) {
		if (finding->severity > SEVERITY_NOTE && (!site || finding->site == *site) &&
		    (!worker || finding->worker == *worker))
			return true;
	}
	return false;
}

bool found(struct detection *detection, enum finding_id id)
{
	return found_of(detection, id, NULL, NULL);
}

bool found_blaming(struct detection *detection, enum finding_id id, uint32_t site)
{
	return found_of(detection, id, &site, NULL);
}

bool found_on_worker(struct detection *detection, enum finding_id id, size_t worker)
{
	return found_of(detection, id, NULL, &detection->timeline->process->workers[worker].worker);
}

bool found_blocking(struct detection *detection, uint32_t site)
{
	detector_run(detection, FINDING_BLOCKED);
	for (size_t i = 0; i < detection->findings->count; i++) {
		const struct finding *finding = &detection->findings->list[i];
		if (rows[finding->id].detect == detect_blocked && finding->site == site &&
		    finding->severity > SEVERITY_NOTE)
			return true;
	}
	return false;
}

bool found_blocking_meanwhile(struct detection *detection, size_t worker, uint64_t tick,
			      uint64_t ticks)
{
	const struct timeline_top *blocking = &detection->timeline->blocking;
	uint64_t blocked = 0;

	for (size_t i = 0; i < blocking->count; i++) {
		const struct timeline_span *span = &blocking->spans[i];
		uint64_t from = span->tick > tick ? span->tick : tick;
		uint64_t to = span->tick + span->duration < tick + ticks
				  ? span->tick + span->duration
				  : tick + ticks;
		if (span->worker == worker && to > from && found_blocking(detection, span->site))
			blocked += to - from;
	}
	return ticks > 0 && (double)blocked >= limit(detection, LIMIT_cause_share) * (double)ticks;
}

bool found_blocking_worker(struct detection *detection, size_t worker)
{
	uint32_t number = detection->timeline->process->workers[worker].worker;

	detector_run(detection, FINDING_BLOCKED);
	for (size_t i = 0; i < detection->findings->count; i++) {
		const struct finding *finding = &detection->findings->list[i];
		if (rows[finding->id].detect == detect_blocked && finding->worker == number &&
		    finding->severity > SEVERITY_NOTE)
			return true;
	}
	return false;
}

static bool found_any(struct detection *detection, enum finding_id id)
{
	size_t at = 0;

	return finding_next(detection, id, &at) != NULL;
}

bool found_not_run(struct detection *detection)
{
	return found_any(detection, FINDING_THROTTLED) || found_any(detection, FINDING_STEAL) ||
	       found_any(detection, FINDING_DESCHEDULED);
}

/* ---- What a trace does not have -------------------------------------------------------------- */

static bool always(const struct timeline *timeline)
{
	(void)timeline;
	return true;
}

/* Timers ran, and nothing says when they were due. */
static bool no_due_times(const struct timeline *timeline)
{
	for (size_t i = 0; i < timeline->process->site_count; i++) {
		if (timeline->sites[i].iterations.timers.late.count > 0)
			return false;
	}
	return timeline->iteration_timers.count > 0;
}

static bool no_machine(const struct timeline *timeline)
{
	return !timeline->machine.known;
}

static bool no_windows(const struct timeline *timeline)
{
	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		if (timeline->workers[i].window_count > 0)
			return false;
	}
	return true;
}

bool findings_unknown(const struct timeline *timeline, enum unknown unknown)
{
	static bool (*const predicates[UNKNOWN_COUNT])(const struct timeline *timeline) = {
#define UNKNOWN(name, predicate, text) predicate,
#include "findings.def"
	};

	return predicates[unknown](timeline);
}

/* ---- All of them ----------------------------------------------------------------------------- */

/* How long it took itself, where that is known. */
static uint64_t own_ns(const struct finding *finding)
{
	const struct fact *total = finding_fact(finding, FACT_total_ns);

	return total ? total->whole : 0;
}

/* The worst first; of equals what follows from another last, what others waited longest for first,
 * then what cost most, then what took longest, then the earlier. */
static int compare_worst_first(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->follows != y->follows)
		return x->follows ? 1 : -1;
	if (finding_waited_ns(x) != finding_waited_ns(y))
		return finding_waited_ns(x) > finding_waited_ns(y) ? -1 : 1;
	if (x->cost_ns != y->cost_ns)
		return x->cost_ns > y->cost_ns ? -1 : 1;
	if (own_ns(x) != own_ns(y))
		return own_ns(x) > own_ns(y) ? -1 : 1;
	if (x->from_ns != y->from_ns)
		return x->from_ns < y->from_ns ? -1 : 1;
	return strcmp(rows[x->id].id, rows[y->id].id); /* the same with every libc's qsort() */
}

struct findings *findings_make(const struct findings_input *input)
{
	struct findings *findings = calloc(1, sizeof(*findings));
	struct detection detection = {
	    .input = input, .timeline = input->timeline, .findings = findings};
	uint64_t goal_ns = (uint64_t)input->thresholds->values[LIMIT_pool_wait_goal];

	if (!findings)
		return NULL;
	findings->overhead = measures_overhead(input->timeline);
	if (measures_pool(input->timeline, goal_ns, &findings->pool) < 0)
		findings->failed = true;
	for (size_t i = 0; i < FINDING_COUNT; i++)
		detector_run(&detection, (enum finding_id)i);
	if (findings->failed) {
		findings_free(findings);
		return NULL;
	}
	transactions_count(&detection);
	if (findings->count > 1)
		qsort(findings->list, findings->count, sizeof(*findings->list),
		      compare_worst_first);
	return findings;
}

void findings_free(struct findings *findings)
{
	for (size_t i = 0; findings && i < findings->count; i++)
		finding_clear(&findings->list[i]);
	if (findings)
		free(findings->list);
	free(findings);
}

int findings_worst(const struct findings *findings)
{
	return findings->count > 0 ? (int)findings->list[0].severity : -1;
}
