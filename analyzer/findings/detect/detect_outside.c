/* SPDX-License-Identifier: Apache-2.0
 *
 * Loops with work that are not run: what the program itself does outside uv_run, between two calls
 * of it.
 */
#include "findings/findings_internal.h"

/* The long times that a program was outside uv_run, of one loop. */
struct outside {
	uint64_t times, late, ready; /* timers that were late, descriptors that were ready */
	double total, longest;	     /* ns, without what the kernel may have kept it from running */
	double wall;		     /* ns, with that */
	double waited;		     /* ns, of what was ready: on average for half of it */
	double known, cpu;	     /* ns that samples cover, and how much of it was on a CPU */
	struct timeline_span worst;
};

/* One that sleeps there, such as until the next timer is due, and then waits for a CPU is late by
 * the kernel: all that it can have waited for one meanwhile is not the program's. */
static double own_ns(const struct measures_time *time, double ns)
{
	if (!time->known)
		return ns;
	return ns - (time->asleep.about > time->cpu.about ? time->wait_most : time->wait.about);
}

/* Where nothing was late, the thread may have waited there for the loop itself: unless it computed.
 */
static void outside_add(const struct detection *detection, struct outside *outside,
			const struct timeline_span *span)
{
	struct measures_time time = measures_span(detection->timeline, span);
	double ns = (double)timeline_span_ns(detection->timeline, span);
	double own = own_ns(&time, ns);

	if (own < limit(detection, LIMIT_blocked_note) ||
	    (span->depth == 0 &&
	     !(time.known && time.cpu.about >= limit(detection, LIMIT_cause_share) * own)))
		return;
	outside->times++;
	outside->late += span->depth;
	outside->ready += span->sure;
	outside->total += own;
	outside->wall += ns;
	outside->waited += own / 2 * (double)span->sure;
	if (own > outside->longest) {
		outside->longest = own;
		outside->worst = *span;
	}
	if (!time.known)
		return;
	outside->known += time.span_ns;
	outside->cpu += time.cpu.about;
}

static void outside_tell(struct detection *detection, const struct outside *outside)
{
	const struct timeline *timeline = detection->timeline;
	size_t position = outside->worst.worker;
	double late = ns_of(timeline, timeline->workers[position].outside_late_ticks);
	struct finding finding =
	    finding_make(detection, FINDING_LOOP_NOT_RUN,
			 late + outside->waited >= limit(detection, LIMIT_delay_least)
			     ? blocking_severity(detection, outside->longest, outside->total)
			     : SEVERITY_NOTE);

	finding_place(detection, &finding, outside->worst.tick, outside->worst.duration, position);
	fact_whole(&finding, FACT_duration_ns, timeline_span_ns(timeline, &outside->worst));
	fact_whole(&finding, FACT_runs, outside->times);
	fact_ns(&finding, FACT_total_ns, outside->wall);
	if (outside->wall - outside->total >= WAIT_BESIDES * outside->wall)
		fact_ns(&finding, FACT_run_queue_ns, outside->wall - outside->total);
	fact_whole(&finding, FACT_late_timers, outside->late);
	fact_ns(&finding, FACT_late_ns, late);
	fact_whole(&finding, FACT_ready, outside->ready);
	if (outside->known > 0)
		fact_number(&finding, FACT_cpu_share, outside->cpu / outside->known);
	finding.cost_ns = whole_ns(late + outside->waited);
	finding.confidence = outside->late > 0 ? 0.9 : 0.7;
	finding_add(detection, &finding);
}

void detect_not_run(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;

	for (size_t worker = 0; worker < timeline->process->worker_count; worker++) {
		struct outside outside = {0};
		for (size_t i = 0; i < timeline->outside.count; i++) {
			if (timeline->outside.spans[i].worker == worker)
				outside_add(detection, &outside, &timeline->outside.spans[i]);
		}
		if (outside.times > 0)
			outside_tell(detection, &outside);
	}
}
