/* SPDX-License-Identifier: Apache-2.0
 *
 * What the detectors share. Each family of them has a file detect/detect_*.c.
 *
 * A detector makes a finding by value, sets its facts, and adds it. What another detector found it
 * asks for by id: that one runs then, so no order of detectors matters. Two must not ask for each
 * other.
 */
#ifndef FINDINGS_INTERNAL_H
#define FINDINGS_INTERNAL_H

#include "base/durations.h"
#include "findings.h"
#include "trace/same_callback.h"

struct detection {
	const struct findings_input *input;
	const struct timeline *timeline;
	struct findings *findings;
	bool ran[FINDING_COUNT]; /* the detector of that finding did, or does now */
};

typedef void detector(struct detection *detection);

/* ---- Making one ---- */

struct finding finding_make(const struct detection *detection, enum finding_id id,
			    enum severity severity);
/* The list takes it, with its texts. */
void finding_add(struct detection *detection, struct finding *finding);

void fact_whole(struct finding *finding, enum fact_name name, uint64_t value);
void fact_number(struct finding *finding, enum fact_name name, double value);
void fact_ns(struct finding *finding, enum fact_name name, double ns);
/* Copies it. */
void fact_text(struct finding *finding, enum fact_name name, const char *text);
/* Nothing where the sample saw nothing. */
void fact_stall(struct finding *finding, enum fact_name name, const struct stall *stall);
/* Sets it where it holds. */
void fact_flag(struct finding *finding, enum fact_name name, bool holds);

/* Names a callback as the culprit. */
void finding_blame(const struct detection *detection, struct finding *finding, uint32_t site);
/* A worker as the culprit, or as the place. */
void finding_worker(const struct detection *detection, struct finding *finding, size_t worker);
/* The function that explains what these stall samples of a callback were in (stall_scripts.h), the
 * first of which is the one that is told. Of scripts: the title names the program's own function
 * that waited or called something that is not its own; of one that computes by itself, who called
 * it. */
void facts_of_functions(struct detection *detection, const struct stall *const *samples,
			size_t count, uint32_t site, struct finding *finding);
/* What to do about what this sample saw (NULL: nobody looked), and what that was for. */
void fact_of_remedy(struct finding *finding, const struct stall *stall, enum work_reason reason);
/* It is about these ticks of a worker; the report shows the timeline around the first. */
void finding_place(const struct detection *detection, struct finding *finding, uint64_t tick,
		   uint64_t ticks, size_t worker);
/* It is about all of the range. */
void finding_everywhere(const struct detection *detection, struct finding *finding);

/* ---- Asking for others ---- */

/* The next finding of this id from *at on, which then is behind it; NULL: no more. *at is 0 at
 * first. */
const struct finding *finding_next(struct detection *detection, enum finding_id id, size_t *at);
/* There is one above a note. */
bool found(struct detection *detection, enum finding_id id);
/* ... that blames this callback, or is about this worker (position). */
bool found_blaming(struct detection *detection, enum finding_id id, uint32_t site);
bool found_on_worker(struct detection *detection, enum finding_id id, size_t worker);
/* There is one above a note that blames this callback for blocking a loop. */
bool found_blocking(struct detection *detection, uint32_t site);
/* For most of that time of a worker ran callbacks of which one above a note says that they block.
 */
bool found_blocking_meanwhile(struct detection *detection, size_t worker, uint64_t tick,
			      uint64_t ticks);
/* There is one above a note that says that callbacks block this worker's loop. */
bool found_blocking_worker(struct detection *detection, size_t worker);
/* The machine kept the program from running, as a note says at least: what came late may have come
 * late by that. */
bool found_not_run(struct detection *detection);

#define WAIT_BESIDES                                                                               \
	0.01 /* of the time of blocking runs, spent in the run queue, is worth a word */

/* Of what blocked a loop for so long, at worst and in all. */
enum severity blocking_severity(const struct detection *detection, double longest, double total);

/* ---- Figures ---- */

static inline double limit(const struct detection *detection, enum threshold threshold)
{
	return detection->input->thresholds->values[threshold];
}

uint64_t worker_life_ticks(const struct timeline *timeline, size_t worker);
/* Whether the loop itself was there for most of its life; programs may call uv_run only now and
 * then. */
bool was_inside(const struct timeline *timeline, size_t worker);
/* What a delay is made of: before the loop waited, until its wait returned, behind other callbacks.
 */
void facts_of_parts(struct finding *finding, uint64_t busy, uint64_t kernel, uint64_t queue,
		    double sum);
bool is_loop(const struct timeline *timeline, size_t worker);
/* Often enough, and by enough, to be told: where the trace has due times. */
bool timers_are_late(const struct detection *detection, const struct timeline_timers *timers);
/* Most intervals between its runs are near the median. */
bool timer_is_regular(const struct histogram *interval);
double ns_of(const struct timeline *timeline, uint64_t ticks);
/* The callback is one of node's own. */
bool is_of_node(const struct detection *detection, uint32_t site);
/* "timer"; "unknown" for sites that the trace does not explain. */
const char *site_kind(const struct detection *detection, uint32_t site);

/* Sums of what overlaps may be beyond what JSON's numbers hold: then as much as these do. */
static inline uint64_t whole_ns(double ns)
{
	return ns >= 0x1p63 ? INT64_MAX : ns > 0 ? (uint64_t)ns : 0;
}

static inline uint64_t whole_ns_of(const struct timeline *timeline, uint64_t ticks)
{
	return whole_ns(ns_of(timeline, ticks));
}

static inline void fact_ticks(const struct detection *detection, struct finding *finding,
			      enum fact_name name, uint64_t ticks)
{
	fact_ns(finding, name, ns_of(detection->timeline, ticks));
}

/* ---- detect_spinning.c ---- */

/* This worker (position) is busy because it spins, as one above a note says. */
bool found_spinning(struct detection *detection, size_t worker);

/* ---- detect_queues.c ---- */

/* How long all writes of a site took. */
uint64_t queue_cost_ns(const struct timeline *timeline, uint32_t site);
/* What is known of the queues of the writes of a site. */
void queue_facts(const struct detection *detection, struct finding *finding, size_t worker,
		 uint32_t site);

/* ---- detect/transaction_cost.c ---- */

/* Says of each finding how many transactions it delayed, once all are found. */
void transactions_count(struct detection *detection);
/* How long somebody waited: transactions, where it is known how many did; half of what they may
 * have waited before their turn. */
uint64_t finding_waited_ns(const struct finding *finding);

#define FINDING(name, id, detector_, ...) detector detector_;
#include "findings.def"

#endif
