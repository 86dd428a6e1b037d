/* SPDX-License-Identifier: Apache-2.0
 *
 * Timers, and wake-ups by uv_async_send: how late they ran, and why.
 */
#include "report_json.h"

static json_t *late_worst_json(const struct report *report, const struct timeline_timers *timers)
{
	const struct timeline *timeline = report->timeline;
	const struct timeline_late *worst = &timers->worst;
	const struct json_pair pairs[] = {
	    {"start_ns", json_integer(timeline_offset_ns(timeline, worst->tick))},
	    {"late_ns", json_ticks(timeline, worst->late)},
	    {"worker", json_number(report_worker_number(timeline, worst->worker))},
	    {"behind", worst->behind_ticks ? site_add(report, json_object(), worst->behind, false)
					   : json_null()},
	    {"behind_ns", json_ticks(timeline, worst->behind_ticks)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

static json_t *early_worst_json(const struct report *report, const struct timeline_timers *timers)
{
	const struct timeline *timeline = report->timeline;
	const struct timeline_early *worst = &timers->worst_early;
	const struct json_pair pairs[] = {
	    {"started_ns", json_integer(timeline_offset_ns(timeline, worst->tick))},
	    {"early_ns", json_ticks(timeline, worst->early)},
	    {"asked_ns", json_ticks(timeline, worst->asked)},
	    {"worker", json_number(report_worker_number(timeline, worst->worker))},
	    {"started_by", worst->site < timeline->process->site_count
			       ? site_add(report, json_object(), worst->site, false)
			       : json_null()},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

/* `late` is null where the trace does not say when timers were due, and `early` where no run was.
 */
static json_t *timer_json(const struct report *report, uint32_t site)
{
	const struct timeline *timeline = report->timeline;
	const struct timeline_site_iterations *iterations = &timeline->sites[site].iterations;
	const struct timeline_timers *timers = &iterations->timers;
	bool known = timers->late.count > 0, early = timers->early.count > 0;
	const struct json_pair pairs[] = {
	    {"interval", spread_json(timeline, &iterations->interval)},
	    {"late", known ? spread_json(timeline, &timers->late) : json_null()},
	    {"late_loop_busy_ns", known ? json_ticks(timeline, timers->busy_ticks) : json_null()},
	    {"late_kernel_ns", known ? json_ticks(timeline, timers->kernel_ticks) : json_null()},
	    {"late_queue_ns", known ? json_ticks(timeline, timers->queue_ticks) : json_null()},
	    {"latest",
	     known && timers->worst.late > 0 ? late_worst_json(report, timers) : json_null()},
	    {"early", early ? spread_json(timeline, &timers->early) : json_null()},
	    {"earliest", early ? early_worst_json(report, timers) : json_null()},
	};

	return json_add(site_add(report, json_object(), site, false), pairs, COUNT(pairs));
}

static json_t *timer_sites_json(const struct report *report)
{
	const struct timeline *timeline = report->timeline;
	json_t *list = json_array();

	for (uint32_t i = 0; list && i <= timeline->process->site_count; i++) {
		const struct timeline_site_iterations *iterations = &timeline->sites[i].iterations;
		if (iterations->interval.count > 0 || iterations->timers.late.count > 0)
			json_array_append_new(list, timer_json(report, i));
	}
	return list;
}

json_t *timers_json(const struct report *report)
{
	const struct timeline *timeline = report->timeline;
	const struct timeline_iteration *most = &timeline->most_timers;
	const struct json_pair pairs[] = {
	    {"turns_with_timers", json_number(timeline->iteration_timers.count)},
	    {"most_in_turn", json_number(most->timers)},
	    {"most_in_turn_ns", json_ticks(timeline, most->timer_ticks)},
	    {"most_in_turn_start_ns",
	     most->timers ? json_integer(timeline_offset_ns(timeline, most->tick)) : json_null()},
	    {"by_site", timer_sites_json(report)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

/* ---- Wake-ups -------------------------------------------------------------------------------- */

static json_t *wakeup_json(const struct report *report, uint32_t site)
{
	const struct timeline *timeline = report->timeline;
	const struct timeline_wakeups *wakeups = &timeline->sites[site].wakeups;
	const struct json_pair pairs[] = {
	    {"latency", spread_json(timeline, &wakeups->latency)},
	    {"loop_busy_ns", json_ticks(timeline, wakeups->busy_ticks)},
	    {"kernel_ns", json_ticks(timeline, wakeups->kernel_ticks)},
	    {"queue_ns", json_ticks(timeline, wakeups->queue_ticks)},
	    {"sends", json_number(wakeups->sends)},
	    {"coalesced", json_number(wakeups->coalesced)},
	};

	return json_add(site_add(report, json_object(), site, false), pairs, COUNT(pairs));
}

json_t *wakeups_json(const struct report *report)
{
	json_t *list = json_array();

	for (uint32_t i = 0; list && i <= report->timeline->process->site_count; i++) {
		if (report->timeline->sites[i].wakeups.latency.count > 0)
			json_array_append_new(list, wakeup_json(report, i));
	}
	return list;
}
