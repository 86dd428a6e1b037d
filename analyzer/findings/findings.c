/* SPDX-License-Identifier: Apache-2.0
 *
 * See findings.h: thresholds, the table of detectors, and the order of what they find.
 */
#include "findings_internal.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- Thresholds ----------------------------------------------------------------------------------------------- */

enum unit { UNIT_TIME, UNIT_SHARE, UNIT_NUMBER };

static const struct {
	const char *name;
	double value;
	enum unit unit;
	const char *text;
} limits[LIMIT_COUNT] = {
#define THRESHOLD(name, value, unit, text) {#name, value, UNIT_##unit, text},
#include "thresholds.def"
#undef THRESHOLD
};

struct thresholds thresholds_default(void)
{
	struct thresholds thresholds;

	for (size_t i = 0; i < LIMIT_COUNT; i++)
		thresholds.values[i] = limits[i].value;
	return thresholds;
}

static int value_parse(enum unit unit, const char *text, double *value)
{
	uint64_t ns;
	char *end;

	if (unit == UNIT_TIME) {
		if (duration_parse(text, &ns) < 0)
			return -EINVAL;
		*value = (double)ns;
		return 0;
	}
	*value = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(*value) || *value < 0 || (unit == UNIT_SHARE && *value > 1))
		return -EINVAL;
	return 0;
}

int thresholds_set(struct thresholds *thresholds, const char *text)
{
	const char *equals = strchr(text, '=');
	size_t length = equals ? (size_t)(equals - text) : strlen(text);

	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		if (strlen(limits[i].name) != length || strncmp(limits[i].name, text, length) != 0)
			continue;
		return equals ? value_parse(limits[i].unit, equals + 1, &thresholds->values[i]) : -EINVAL;
	}
	return -ENOENT;
}

void thresholds_print(FILE *out)
{
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		char value[DURATION_TEXT_BYTES];
		if (limits[i].unit == UNIT_TIME)
			duration_format_limit((uint64_t)limits[i].value, value);
		else
			snprintf(value, sizeof(value), "%g", limits[i].value);
		fprintf(out, "  %-15s %9s  %s\n", limits[i].name, value, limits[i].text);
	}
}

void thresholds_apply(const struct thresholds *thresholds, struct timeline_options *options)
{
	double hold = thresholds->values[LIMIT_blocked_note];

	if (hold < (double)options->hold_ns)
		options->hold_ns = (uint64_t)hold;
	options->pending_ns = (uint64_t)thresholds->values[LIMIT_pending];
}

/* ---- Severities ----------------------------------------------------------------------------------------------- */

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

/* ---- Making a finding ----------------------------------------------------------------------------------------- */

struct finding *finding_add(struct detection *detection, const char *id, enum severity severity)
{
	static struct finding scratch;
	struct findings *findings = detection->findings;
	struct finding *list = realloc(findings->list, (findings->count + 1) * sizeof(*list));

	if (!list) {
		findings->failed = true;
		return &scratch;
	}
	findings->list = list;
	list += findings->count++;
	*list = (struct finding){
	    .id = id,
	    .severity = severity,
	    .file = "",
	    .site = (uint32_t)detection->timeline->process->site_count,
	    .confidence = 1,
	};
	return list;
}

void finding_say(struct detection *detection, char **text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	free(*text);
	if (vasprintf(text, format, arguments) < 0) {
		*text = NULL;
		detection->findings->failed = true;
	}
	va_end(arguments);
}

void finding_blame(struct detection *detection, struct finding *finding, uint32_t site)
{
	const struct symbol_info *callback = symbols_site(detection->input->symbols, site, false);

	finding_say(detection, &finding->culprit, "%s", callback->text);
	finding->file = callback->file;
	finding->line = callback->line;
	finding->site = site;
}

void finding_place(struct detection *detection, struct finding *finding, uint64_t tick, uint64_t ticks, size_t worker)
{
	finding->from_ns = timeline_offset_ns(detection->timeline, tick);
	finding->to_ns = timeline_offset_ns(detection->timeline, tick + ticks);
	finding->worker = detection->timeline->process->workers[worker].worker;
	finding->excerpt = excerpt_make(detection->input, worker, tick);
}

const struct finding *finding_of_site(const struct detection *detection, uint32_t site)
{
	for (size_t i = 0; i < detection->findings->count; i++) {
		const struct finding *finding = &detection->findings->list[i];
		if (finding->site == site && strncmp(finding->id, "blocked", 7) == 0 &&
		    finding->severity > SEVERITY_NOTE)
			return finding;
	}
	return NULL;
}

static bool has_warning(const struct detection *detection, const char *id)
{
	for (size_t i = 0; i < detection->findings->count; i++) {
		const struct finding *finding = &detection->findings->list[i];
		if (finding->severity > SEVERITY_NOTE && strcmp(finding->id, id) == 0)
			return true;
	}
	return false;
}

bool was_not_run(const struct detection *detection)
{
	return has_warning(detection, "throttled") || has_warning(detection, "steal") ||
	       has_warning(detection, "descheduled");
}

bool was_throttled(const struct detection *detection)
{
	return has_warning(detection, "throttled");
}

bool was_crowded(const struct detection *detection)
{
	return has_warning(detection, "timer_storm") || has_warning(detection, "crowded_turn");
}

const char *site_text(const struct detection *detection, uint32_t site)
{
	return symbols_site(detection->input->symbols, site, false)->text;
}

const char *site_kind(const struct detection *detection, uint32_t site)
{
	const char *kind = timeline_kind(detection->timeline->process, site);

	return kind ? kind : "unknown";
}

bool is_loop(const struct timeline *timeline, size_t worker)
{
	return timeline->process->workers[worker].role == TRACE_ROLE_LOOP;
}

double ns_of(const struct timeline *timeline, uint64_t ticks)
{
	return (double)ticks * timeline_unit_ns(timeline);
}

const char *say_ns(struct texts *texts, double ns)
{
	char *text = texts->text[texts->count++ % (sizeof(texts->text) / sizeof(*texts->text))];

	return duration_format(whole_ns(ns), text);
}

/* ---- All of them ---------------------------------------------------------------------------------------------- */

/* Causes before what may follow from them: detect_pool(), detect_late(), detect_not_run() and detect_wakeup() look at
 * what was found. */
static const struct {
	detector *detect;
	const char *checked;
} detectors[] = {
    {detect_died, "a callback that the program died in"},
    {detect_throttled, "throttling by a cgroup's quota"},
    {detect_steal, "time that a hypervisor took"},
    {detect_blocked, "callbacks that held a loop"},
    {detect_descheduled, "threads that the kernel did not run"},
    {detect_storm, "timer storms"},
    {detect_crowded, "turns of too many callbacks"},
    {detect_spinning, "loops that spin"},
    {detect_hot_loop, "one hot loop among idle ones"},
    {detect_idle, "pool threads asleep while they had work"},
    {detect_pool, "the pool's size, and lookups that starve it"},
    {detect_late, "late timers"},
    {detect_not_run, "loops that nobody ran"},
    {detect_early, "timers that run too early"},
    {detect_wakeup, "slow wake-ups by uv_async_send"},
    {detect_pending, "requests that never end"},
    {detect_growth, "handles and requests that only grow"},
    {detect_unwound, "callbacks left by exceptions"},
    {detect_nothing, "traces without events"},
    {detect_lost, "lost events"},
    {detect_untraced, "parts that were not traced"},
};

#define DETECTORS (sizeof(detectors) / sizeof(*detectors))

const char *findings_checked(size_t at)
{
	return at < DETECTORS ? detectors[at].checked : NULL;
}

static bool always(const struct timeline *timeline)
{
	(void)timeline;
	return true;
}

/* Timers ran, and nothing says when they were due. */
static bool no_due_times(const struct timeline *timeline)
{
	for (size_t i = 0; i < timeline->process->site_count; i++) {
		if (timeline->sites[i].turns.timers.late.count > 0)
			return false;
	}
	return timeline->turn_timers.count > 0;
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

static const struct {
	bool (*holds)(const struct timeline *timeline);
	const char *text;
} unknowns[] = {
    {no_due_times, "when timers were due: lateness is seen in regular timers only"},
    {no_machine, "throttling by cgroups and time that a hypervisor took (steal)"},
    {always, "when a descriptor became ready: only when the loop asked"},
    {no_windows, "what workers did with their time: there are too few samples"},
};

const char *findings_unknown(const struct timeline *timeline, size_t at)
{
	for (size_t i = 0; i < sizeof(unknowns) / sizeof(*unknowns); i++) {
		if (unknowns[i].holds(timeline) && at-- == 0)
			return unknowns[i].text;
	}
	return NULL;
}

/* The worst first; of equals what cost most, then the earlier. */
static int compare_worst_first(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->cost_ns != y->cost_ns)
		return x->cost_ns > y->cost_ns ? -1 : 1;
	if (x->from_ns != y->from_ns)
		return x->from_ns < y->from_ns ? -1 : 1;
	return strcmp(x->id, y->id); /* so that the order is the same with every libc's qsort() */
}

struct findings *findings_make(const struct findings_input *input)
{
	struct findings *findings = calloc(1, sizeof(*findings));
	struct detection detection = {.input = input, .timeline = input->timeline, .findings = findings};

	if (!findings)
		return NULL;
	findings->overhead = measures_overhead(input->timeline);
	if (measures_pool(input->timeline, (uint64_t)input->thresholds->values[LIMIT_pool_wait_goal], &findings->pool) <
	    0)
		findings->failed = true;
	for (size_t i = 0; i < DETECTORS; i++)
		detectors[i].detect(&detection);
	if (findings->failed) {
		findings_free(findings);
		return NULL;
	}
	if (findings->count > 1)
		qsort(findings->list, findings->count, sizeof(*findings->list), compare_worst_first);
	return findings;
}

void findings_free(struct findings *findings)
{
	for (size_t i = 0; findings && i < findings->count; i++) {
		struct finding *finding = &findings->list[i];
		free(finding->title);
		free(finding->culprit);
		free(finding->evidence);
		free(finding->advice);
		free(finding->excerpt);
	}
	if (findings)
		free(findings->list);
	free(findings);
}

int findings_worst(const struct findings *findings)
{
	return findings->count > 0 ? (int)findings->list[0].severity : -1;
}
