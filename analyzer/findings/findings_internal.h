/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of findings share: findings.c (the table, order), findings_blocked.c, findings_away.c,
 * findings_spin.c, findings_loop.c, findings_pool.c and findings_trace.c (detectors by what they look at), growth.c and
 * excerpt.c (a second look into the trace).
 */
#ifndef FINDINGS_INTERNAL_H
#define FINDINGS_INTERNAL_H

#include "base/durations.h"
#include "findings.h"
#include "base/report_table.h"

struct detection {
	const struct findings_input *input;
	const struct timeline *timeline;
	struct findings *findings;
};

typedef void detector(struct detection *detection);

/* A finding to be filled; never NULL (where memory is out it is a scratch one). */
struct finding *finding_add(struct detection *detection, const char *id, enum severity severity);
/* Sets a text of a finding. */
void finding_say(struct detection *detection, char **text, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Names a callback as the culprit. */
void finding_blame(struct detection *detection, struct finding *finding, uint32_t site);
void finding_place(struct detection *detection, struct finding *finding, uint64_t tick, uint64_t ticks, size_t worker);
/* The finding that blames this callback for holding a loop; NULL without one. */
const struct finding *finding_of_site(const struct detection *detection, uint32_t site);

/* Of what held a loop for so long, at worst and in all. */
enum severity hold_severity(const struct detection *detection, double longest, double total);

/* A warning says that the machine kept the program from running: what came late may have come late by that. */
bool was_not_run(const struct detection *detection);
bool was_throttled(const struct detection *detection);
/* A warning says that too much came at once. */
bool was_crowded(const struct detection *detection);

static inline double limit(const struct detection *detection, enum threshold threshold)
{
	return detection->input->thresholds->values[threshold];
}

/* "render_report demo.c:47" */
const char *site_text(const struct detection *detection, uint32_t site);
const char *site_kind(const struct detection *detection, uint32_t site);
bool is_loop(const struct timeline *timeline, size_t worker);
double ns_of(const struct timeline *timeline, uint64_t ticks);

/* Sums of what overlaps may be beyond what JSON's numbers hold: then as much as these do. */
static inline uint64_t whole_ns(double ns)
{
	return ns >= 0x1p63 ? INT64_MAX : ns > 0 ? (uint64_t)ns : 0;
}

static inline uint64_t whole_ns_of(const struct timeline *timeline, uint64_t ticks)
{
	return whole_ns(ns_of(timeline, ticks));
}

/* Durations for messages: several may be used in one call. */
struct texts {
	char text[6][DURATION_TEXT_BYTES];
	size_t count;
};

const char *say_ns(struct texts *texts, double ns);

/* A few lines around a moment of a worker, each ended by a newline; NULL where there is nothing to show. */
char *excerpt_make(const struct findings_input *input, size_t worker, uint64_t tick);
/* Whose callbacks ran on most of a loop's handles that were not closed; site_count: nobody's. */
uint32_t growth_culprit(const struct findings_input *input, size_t worker, uint64_t *handles);

detector detect_died, detect_blocked, detect_not_run, detect_crowded, detect_spinning, detect_hot_loop,
    detect_throttled, detect_steal, detect_descheduled, detect_storm, detect_late, detect_early, detect_wakeup,
    detect_pending, detect_growth, detect_pool, detect_idle, detect_nothing, detect_lost, detect_untraced,
    detect_unwound;

#endif
