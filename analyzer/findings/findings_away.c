/* SPDX-License-Identifier: Apache-2.0
 *
 * The detector that looks for loops that nobody runs: what the program itself does between two calls of uv_run.
 */
#include "findings_internal.h"

#include <inttypes.h>
#include <string.h>

/* The long times that a program was outside of uv_run, of one loop. */
struct outside {
	uint64_t times, late, ready; /* timers that were late, descriptors that were ready */
	double total, longest;	     /* ns, without what the kernel may have kept it from running */
	double waited;		     /* ns, of what was ready: on average for half of it */
	double known, cpu;	     /* ns that samples cover, and how much of it was on a CPU */
	struct timeline_span worst;
};

/* Where nothing was late, the thread may have waited there for the loop itself: unless it computed. */
static void outside_add(const struct detection *detection, struct outside *outside, const struct timeline_span *span)
{
	struct measures_time time = measures_span(detection->timeline, span);
	double ns = (double)timeline_span_ns(detection->timeline, span);
	double own = time.known ? ns - time.wait.about : ns;

	if (own < limit(detection, LIMIT_blocked_note) ||
	    (span->depth == 0 && !(time.known && time.cpu.about >= limit(detection, LIMIT_cause_share) * ns)))
		return;
	outside->times++;
	outside->late += span->depth;
	outside->ready += span->sure;
	outside->total += own;
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

/* A warning says already that its timers ran late. */
static bool late_is_told(const struct detection *detection, uint32_t worker)
{
	for (size_t i = 0; i < detection->findings->count; i++) {
		const struct finding *finding = &detection->findings->list[i];
		if (finding->worker == worker && finding->severity > SEVERITY_NOTE &&
		    strcmp(finding->id, "late_timers") == 0)
			return true;
	}
	return false;
}

static void outside_tell(struct detection *detection, const struct outside *outside)
{
	const struct timeline *timeline = detection->timeline;
	size_t position = outside->worst.worker;
	const struct trace_worker *worker = &timeline->process->workers[position];
	double late = ns_of(timeline, timeline->workers[position].away_late_ticks);
	enum severity severity = late_is_told(detection, worker->worker)
				     ? SEVERITY_NOTE
				     : hold_severity(detection, outside->longest, outside->total);
	struct finding *finding = finding_add(detection, "loop_not_run", severity);
	struct texts texts = {0};
	char known[80] = "";

	if (outside->known > 0)
		snprintf(known, sizeof(known), " By samples of CPU time it computed for about %.0f%% of that.",
			 100 * outside->cpu / outside->known);
	finding_say(detection, &finding->culprit, "worker %" PRIu32 " (%s)", worker->worker, worker->name);
	finding_say(detection, &finding->title,
		    "Nobody ran the loop of worker %" PRIu32
		    " for %s: the program did something else outside of uv_run.",
		    worker->worker, say_ns(&texts, (double)timeline_span_ns(timeline, &outside->worst)));
	finding_say(detection, &finding->evidence,
		    "%" PRIu64 " time%s %s or longer between two calls of uv_run, %s together. Meanwhile %" PRIu64
		    " timer%s came to be late, by %s in all; descriptors that were ready then: %" PRIu64 ".%s",
		    outside->times, plural(outside->times), say_ns(&texts, limit(detection, LIMIT_blocked_note)),
		    say_ns(&texts, outside->total), outside->late, plural(outside->late), say_ns(&texts, late),
		    outside->ready, known);
	finding_say(detection, &finding->advice,
		    "Do that work in slices with uv_run between them, in uv_queue_work, or on a thread of its own.");
	finding->cost_ns = whole_ns(late + outside->waited);
	finding->confidence = outside->late > 0 ? 0.9 : 0.7;
	finding_place(detection, finding, outside->worst.tick, outside->worst.duration, position);
}

void detect_not_run(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;

	for (size_t worker = 0; worker < timeline->process->worker_count; worker++) {
		struct outside outside = {0};
		for (size_t i = 0; i < timeline->away.count; i++) {
			if (timeline->away.spans[i].worker == worker)
				outside_add(detection, &outside, &timeline->away.spans[i]);
		}
		if (outside.times > 0)
			outside_tell(detection, &outside);
	}
}
