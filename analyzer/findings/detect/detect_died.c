/* SPDX-License-Identifier: Apache-2.0
 *
 * The callback in which the program died.
 */
#include "findings/findings_internal.h"

/* How long it had run: when the program died nobody saw, the helper only noticed that it was gone.
 */
static void facts_of_death(const struct detection *detection, const struct timeline_span *span,
			   struct finding *finding)
{
	const struct findings_input *input = detection->input;
	uint64_t least =
	    stalls_open_least(detection->timeline, input->stalls, input->stall_count, span);

	if (least > 0)
		fact_ticks(detection, finding, FACT_at_least_ns, least);
	if (timeline_death_was_noticed(detection->timeline))
		fact_ticks(detection, finding, FACT_at_most_ns, span->duration);
	fact_flag(finding, FACT_registered, span->site < detection->timeline->process->site_count);
}

/* One of a loop rather than one of the pool. */
static const struct timeline_span *open_at_death(const struct timeline *timeline)
{
	const struct timeline_span *span = NULL;

	for (size_t i = 0; i < timeline->open.count; i++) {
		const struct timeline_span *open = &timeline->open.spans[i];
		if (!timeline_end_is_known(timeline, open->worker))
			continue;
		if (!span || (is_loop(timeline, open->worker) && !is_loop(timeline, span->worker)))
			span = open;
	}
	return span;
}

void detect_died(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_span *span =
	    timeline_died(timeline->process) ? open_at_death(timeline) : NULL;

	if (!span)
		return;
	/* Work on the pool goes on whoever ends the program. */
	enum severity severity = is_loop(timeline, span->worker) ? SEVERITY_ERROR : SEVERITY_NOTE;
	struct finding finding = finding_make(detection, FINDING_DIED, severity);
	finding_blame(detection, &finding, span->site);
	finding_place(detection, &finding, span->tick, span->duration, span->worker);
	facts_of_death(detection, span, &finding);
	finding.confidence = 0.8;
	finding_add(detection, &finding);
}
