/* SPDX-License-Identifier: Apache-2.0
 *
 * Figures that several detectors need; findings_internal.h.
 */
#include "findings_internal.h"

#include <string.h>

bool is_loop(const struct timeline *timeline, size_t worker)
{
	return timeline->process->workers[worker].role == TRACE_ROLE_LOOP;
}

/* From its first event to its last one, within the range. */
uint64_t worker_life_ticks(const struct timeline *timeline, size_t worker)
{
	const struct trace_worker *facts = &timeline->process->workers[worker];
	uint64_t from =
	    facts->first_tick > timeline->from_tick ? facts->first_tick : timeline->from_tick;
	uint64_t to = facts->last_tick < timeline->end_tick ? facts->last_tick : timeline->end_tick;

	return to > from ? to - from : 0;
}

bool was_inside(const struct timeline *timeline, size_t worker)
{
	return timeline->workers[worker].inside_ticks * 2 > worker_life_ticks(timeline, worker);
}

void facts_of_parts(struct finding *finding, uint64_t busy, uint64_t kernel, uint64_t queue,
		    double sum)
{
	fact_number(finding, FACT_before_wait_share, (double)busy / sum);
	fact_number(finding, FACT_kernel_share, (double)kernel / sum);
	fact_number(finding, FACT_queue_share, (double)queue / sum);
}

double ns_of(const struct timeline *timeline, uint64_t ticks)
{
	return (double)ticks * timeline_unit_ns(timeline);
}

bool timer_is_regular(const struct histogram *interval)
{
	return histogram_quantile(interval, 0.75) <= histogram_quantile(interval, 0.5) / 5 * 6;
}

bool is_of_node(const struct detection *detection, uint32_t site)
{
	return strncmp(symbols_site(detection->input->symbols, site, false)->name, "node::", 6) ==
	       0;
}

const char *site_kind(const struct detection *detection, uint32_t site)
{
	const char *kind = timeline_kind(detection->timeline->process, site);

	return kind ? kind : "unknown";
}
