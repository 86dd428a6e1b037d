/* SPDX-License-Identifier: Apache-2.0
 *
 * Listeners that cannot accept: no descriptor is left for another client.
 */
#include "findings/findings_internal.h"

#include <string.h>

/* The callback that accepts on a worker: the one that called accept(), or the listener's that ran
 * most; where none ran there, the program's only one. site_count: nobody knows. */
static uint32_t listener_of(const struct detection *detection, const struct timeline_worker *worker)
{
	const struct trace_process *process = detection->timeline->process;
	uint32_t found = (uint32_t)process->site_count;

	if (worker->accept_failures.in_callbacks * 2 >= worker->accept_failures.count)
		return worker->accept_failures.site.site;
	if (worker->connections > 0)
		return worker->connection_site.site;
	for (uint32_t i = 0; i < process->site_count; i++) {
		if (strcmp(site_kind(detection, i), "connection") != 0)
			continue;
		if (found != process->site_count)
			return (uint32_t)process->site_count;
		found = i;
	}
	return found;
}

static void accept_tell(struct detection *detection, size_t position)
{
	const struct timeline *timeline = detection->timeline;
	const struct timeline_worker *worker = &timeline->workers[position];
	const struct timeline_accept_failures *failures = &worker->accept_failures;
	bool many = (double)failures->count >= limit(detection, LIMIT_accept_limit);
	uint32_t listener = listener_of(detection, worker);
	struct finding finding =
	    finding_make(detection, FINDING_ACCEPT_LIMIT, many ? SEVERITY_ERROR : SEVERITY_WARNING);

	finding_worker(detection, &finding, position);
	finding.from_ns = timeline_offset_ns(timeline, failures->first_tick);
	finding.to_ns = timeline_offset_ns(timeline, failures->last_tick);
	if (listener < timeline->process->site_count)
		finding_blame(detection, &finding, listener);
	fact_whole(&finding, FACT_failures, failures->count);
	if (failures->limit > 0)
		fact_whole(&finding, FACT_descriptor_limit, failures->limit);
	fact_flag(&finding, FACT_by_libuv, failures->in_callbacks * 2 < failures->count);
	fact_whole(&finding, FACT_connections, worker->connections);
	fact_ticks(detection, &finding, FACT_total_ns, failures->last_tick - failures->first_tick);
	finding_add(detection, &finding);
}

void detect_accept_limit(struct detection *detection)
{
	for (size_t i = 0; i < detection->timeline->process->worker_count; i++) {
		if (detection->timeline->workers[i].accept_failures.count > 0)
			accept_tell(detection, i);
	}
}
