/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings and the measures that they rest on, as JSON: keys of a process' object. docs/findings.md says how each
 * figure is reckoned. Where findings were not looked for, what rests on them is null.
 */
#include <inttypes.h>
#include <string.h>

#include "report/findings_text.h"
#include "report_json.h"
#include "trace/syscalls.h"

static json_t *fact_json(const struct report *report, const struct fact *fact)
{
	switch (fact_unit(fact->name)) {
	case FACT_UNIT_SHARE:
	case FACT_UNIT_NUMBER:
		return json_real(fact->number);
	case FACT_UNIT_SITE:
		return json_text(symbols_site(report->symbols, (uint32_t)fact->whole, false)->text);
	case FACT_UNIT_FLAG:
		return json_boolean(true);
	case FACT_UNIT_TEXT:
		return json_text(fact->text);
	default:
		return json_number(fact->whole);
	}
}

static json_t *facts_json(const struct report *report, const struct finding *finding)
{
	json_t *facts = json_object();

	for (size_t i = 0; facts && i < finding->fact_count; i++) {
		const struct fact *fact = &finding->facts[i];
		const struct json_pair pair = {fact_name(fact->name), fact_json(report, fact)};

		facts = json_add(facts, &pair, 1);
	}
	return facts;
}

static json_t *finding_json(const struct report *report, const struct finding *finding)
{
	const struct finding_text *text = &finding->text;
	const char *cost = cost_text(finding_cost(finding->id));
	const struct json_pair pairs[] = {
	    {"id", json_text(finding_id_name(finding->id))},
	    {"severity", json_text(severity_name(finding->severity))},
	    {"title", json_text(text->title)},
	    {"culprit", json_text(text->culprit)},
	    {"file", json_text(finding->file)},
	    {"line", json_integer(finding->line)},
	    {"evidence", json_text(text->evidence)},
	    {"cost_ns", json_number(finding->cost_ns)},
	    {"cost", cost ? json_text(cost) : json_null()},
	    {"confidence", json_real(finding->confidence)},
	    {"advice", json_text(text->advice)},
	    {"facts", facts_json(report, finding)},
	    {"anchor", json_text(finding_anchor(finding->id))},
	    {"from_ns", json_integer(finding->from_ns)},
	    {"to_ns", json_integer(finding->to_ns)},
	    {"worker", finding->worker ? json_number(finding->worker) : json_null()},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

static json_t *findings_json(const struct report *report)
{
	const struct findings *findings = report->findings;
	json_t *list = findings ? json_array() : json_null();

	for (size_t i = 0; list && findings && i < findings->count; i++)
		json_array_append_new(list, finding_json(report, &findings->list[i]));
	return list;
}

static json_t *checked_json(void)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < FINDING_COUNT; i++)
		json_array_append_new(list, json_text(finding_looks_for((enum finding_id)i)));
	return list;
}

static json_t *unknown_json(const struct timeline *timeline)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < UNKNOWN_COUNT; i++) {
		if (findings_unknown(timeline, (enum unknown)i))
			json_array_append_new(list, json_text(unknown_text((enum unknown)i)));
	}
	return list;
}

/* ---- Stalls --------------------------------------------------------------------------------------------------- */

static json_t *frame_json(const struct stall_frame *frame)
{
	const struct symbol_info *symbol = frame->symbol;
	const struct json_pair pairs[] = {
	    {"function", json_text(symbol->name)},
	    {"file", *symbol->file ? json_text(symbol->file) : json_null()},
	    {"line", *symbol->file ? json_integer(symbol->line) : json_null()},
	    {"module", json_text(symbol->module)},
	    {"scanned", json_boolean(frame->scanned)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

static json_t *frames_json(const struct stall *stall)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < stall->frame_count; i++)
		json_array_append_new(list, frame_json(&stall->frames[i]));
	return list;
}

/* An address as others print it: numbers of JSON are not exact to 64 bits everywhere. */
static json_t *arguments_json(const struct trace_stall *look)
{
	json_t *list = look->syscall >= 0 ? json_array() : json_null();

	for (size_t i = 0; list && look->syscall >= 0 && i < COUNT(look->arguments); i++) {
		char text[24];

		snprintf(text, sizeof(text), "0x%" PRIx64, look->arguments[i]);
		json_array_append_new(list, json_text(text));
	}
	return list;
}

static json_t *measured_json(const struct stall *stall, uint64_t ns)
{
	return stall->measured ? json_number(ns) : json_null();
}

static json_t *stall_json(const struct report *report, const struct stall *stall)
{
	const struct timeline *timeline = report->timeline;
	const struct trace_stall *look = stall->look;
	const char *name = syscall_name(look->machine, look->syscall);
	const char state[2] = {(char)(look->state >= ' ' && look->state < 127 ? look->state : '?'), '\0'};
	const struct json_pair pairs[] = {
	    {"worker", json_number(report_worker_number(timeline, stall->worker))},
	    {"start_ns", json_integer(timeline_offset_ns(timeline, stall->poll_tick))},
	    {"at_ns", json_integer(timeline_offset_ns(timeline, stall->tick))},
	    {"so_far_ns", json_ticks(timeline, stall->tick - stall->poll_tick)},
	    {"duration_ns", stall->poll_ticks ? json_ticks(timeline, stall->poll_ticks) : json_null()},
	    {"stands_for_ns", json_ticks(timeline, stall->ticks)},
	    {"cause", json_text(stall_cause_name(stall->cause))},
	    {"what", json_text(stall->what)},
	    {"state", look->state ? json_text(state) : json_null()},
	    {"syscall", name		     ? json_text(name)
			: look->syscall >= 0 ? json_integer(look->syscall)
					     : json_null()},
	    {"args", arguments_json(look)},
	    {"object", *look->object ? json_text(look->object) : json_null()},
	    {"measured_ns", measured_json(stall, stall->measured_ns)},
	    {"on_cpu_ns", measured_json(stall, stall->cpu_ns)},
	    {"wait_ns", measured_json(stall, stall->wait_ns)},
	    {"asleep_ns", measured_json(stall, stall->asleep_ns)},
	    {"stopped", json_boolean(look->register_count > 0)},
	    {"error", look->error ? json_text(strerror((int)look->error)) : json_null()},
	    {"suppressed", json_number(look->suppressed)},
	    {"frames", frames_json(stall)},
	};

	return json_add(site_add(report, json_object(), stall->site, false), pairs, COUNT(pairs));
}

static json_t *stalls_json(const struct report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; list && report->stalls && i < report->stalls->count && i < report->timeline->options.top;
	     i++)
		json_array_append_new(list, stall_json(report, &report->stalls->list[i]));
	return list;
}

static json_t *stall_totals_json(const struct stalls *stalls)
{
	if (!stalls)
		return json_null();
	const struct json_pair pairs[] = {
	    {"looks", json_number(stalls->count)},
	    {"suppressed", json_number(stalls->suppressed)},
	    {"blind", json_number(stalls->blind)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

/* How often, and how long: null where it never was. */
static json_t *spread_json(const struct timeline *timeline, const struct histogram *histogram)
{
	const struct json_pair pairs[] = {
	    {"count", json_number(histogram->count)},
	    {"total_ns", json_ticks(timeline, histogram->sum)},
	    {"p50_ns", json_ticks(timeline, histogram_quantile(histogram, 0.5))},
	    {"p99_ns", json_ticks(timeline, histogram_quantile(histogram, 0.99))},
	    {"max_ns", json_ticks(timeline, histogram->max)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

/* ---- The pool ------------------------------------------------------------------------------------------------- */

static json_t *sizes_json(const struct measures_pool *pool)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < pool->size_count; i++) {
		const struct json_pair pairs[] = {
		    {"threads", json_number(pool->sizes[i].threads)},
		    {"wait_p50_ns", json_number(pool->sizes[i].p50_ns)},
		    {"wait_p99_ns", json_number(pool->sizes[i].p99_ns)},
		    {"wait_max_ns", json_number(pool->sizes[i].max_ns)},
		};
		json_array_append_new(list, json_add(json_object(), pairs, COUNT(pairs)));
	}
	return list;
}

static json_t *pool_site_json(const struct report *report, uint32_t site)
{
	const struct timeline *timeline = report->timeline;
	const struct json_pair pairs[] = {
	    {"wait", spread_json(timeline, &timeline->sites[site].pool_wait)},
	    {"run", spread_json(timeline, &timeline->sites[site].pool_run)},
	};

	return json_add(site_add(report, json_object(), site, true), pairs, COUNT(pairs));
}

static json_t *pool_sites_json(const struct report *report)
{
	json_t *list = json_array();

	for (uint32_t i = 0; list && i <= report->timeline->process->site_count; i++) {
		if (report->timeline->sites[i].pool_run.count > 0)
			json_array_append_new(list, pool_site_json(report, i));
	}
	return list;
}

/* One kind's sites together. */
static json_t *pool_kind_json(const struct timeline *timeline, uint8_t kind)
{
	struct histogram wait = {0}, run = {0};

	for (size_t i = 0; i < timeline->process->site_count; i++) {
		if (timeline->process->sites[i].present && timeline->process->sites[i].kind == kind) {
			histogram_merge(&wait, &timeline->sites[i].pool_wait);
			histogram_merge(&run, &timeline->sites[i].pool_run);
		}
	}
	const struct json_pair pairs[] = {
	    {"kind", json_text(timeline->process->kinds[kind].name)},
	    {"wait", spread_json(timeline, &wait)},
	    {"run", spread_json(timeline, &run)},
	};
	json_t *object = run.count > 0 ? json_add(json_object(), pairs, COUNT(pairs)) : NULL;
	for (size_t i = 0; !object && i < COUNT(pairs); i++)
		json_decref(pairs[i].value);
	histogram_clear(&wait);
	histogram_clear(&run);
	return object;
}

static json_t *pool_kinds_json(const struct timeline *timeline)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < timeline->process->kind_count; i++) {
		json_t *kind = timeline->process->kinds[i].name ? pool_kind_json(timeline, (uint8_t)i) : NULL;
		if (kind)
			json_array_append_new(list, kind);
	}
	return list;
}

static json_t *pool_json(const struct report *report)
{
	const struct measures_pool *pool = &report->findings->pool;
	const struct json_pair pairs[] = {
	    {"threads", json_number(pool->threads)},
	    {"wait", spread_json(report->timeline, &report->timeline->pool_wait)},
	    {"by_kind", pool_kinds_json(report->timeline)},
	    {"by_site", pool_sites_json(report)},
	    {"computing_share", pool->computing >= 0 ? json_real(pool->computing) : json_null()},
	    {"cpus", pool->cpus > 0 ? json_real(pool->cpus) : json_null()},
	    {"lookup_run_share", json_real(pool->lookup_run)},
	    {"lookups_at_once", json_number(pool->lookups_most)},
	    {"lookup_cap_reached", json_boolean(pool->cap_reached)},
	    {"what_if_items", json_number(pool->items)},
	    {"what_if", sizes_json(pool)},
	    {"smallest_size", pool->enough ? json_number(pool->enough) : json_null()},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

/* ---- Timers, wake-ups, requests ------------------------------------------------------------------------------- */

static json_t *late_worst_json(const struct report *report, const struct timeline_timers *timers)
{
	const struct timeline *timeline = report->timeline;
	const struct timeline_late *worst = &timers->worst;
	const struct json_pair pairs[] = {
	    {"start_ns", json_integer(timeline_offset_ns(timeline, worst->tick))},
	    {"late_ns", json_ticks(timeline, worst->late)},
	    {"worker", json_number(report_worker_number(timeline, worst->worker))},
	    {"behind", worst->behind_ticks ? site_add(report, json_object(), worst->behind, false) : json_null()},
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

/* `late` is null where the trace does not say when timers were due, and `early` where no run was. */
static json_t *timer_json(const struct report *report, uint32_t site)
{
	const struct timeline *timeline = report->timeline;
	const struct timeline_site_turns *turns = &timeline->sites[site].turns;
	const struct timeline_timers *timers = &turns->timers;
	bool known = timers->late.count > 0, early = timers->early.count > 0;
	const struct json_pair pairs[] = {
	    {"interval", spread_json(timeline, &turns->interval)},
	    {"late", known ? spread_json(timeline, &timers->late) : json_null()},
	    {"late_loop_busy_ns", known ? json_ticks(timeline, timers->busy_ticks) : json_null()},
	    {"late_kernel_ns", known ? json_ticks(timeline, timers->kernel_ticks) : json_null()},
	    {"late_queue_ns", known ? json_ticks(timeline, timers->queue_ticks) : json_null()},
	    {"latest", known && timers->worst.late > 0 ? late_worst_json(report, timers) : json_null()},
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
		const struct timeline_site_turns *turns = &timeline->sites[i].turns;
		if (turns->interval.count > 0 || turns->timers.late.count > 0)
			json_array_append_new(list, timer_json(report, i));
	}
	return list;
}

static json_t *timers_json(const struct report *report)
{
	const struct timeline *timeline = report->timeline;
	const struct timeline_turn *most = &timeline->most_timers;
	const struct json_pair pairs[] = {
	    {"turns_with_timers", json_number(timeline->turn_timers.count)},
	    {"most_in_turn", json_number(most->timers)},
	    {"most_in_turn_ns", json_ticks(timeline, most->timer_ticks)},
	    {"most_in_turn_start_ns",
	     most->timers ? json_integer(timeline_offset_ns(timeline, most->tick)) : json_null()},
	    {"by_site", timer_sites_json(report)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

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

static json_t *wakeups_json(const struct report *report)
{
	json_t *list = json_array();

	for (uint32_t i = 0; list && i <= report->timeline->process->site_count; i++) {
		if (report->timeline->sites[i].wakeups.latency.count > 0)
			json_array_append_new(list, wakeup_json(report, i));
	}
	return list;
}

/* Requests, the oldest first, and what became of them. `ended`: with a callback. */
static json_t *request_spans_json(const struct report *report, const struct timeline_top *top, bool ended)
{
	const char *open = report->timeline->process->running ? "pending" : "never";
	json_t *list = json_array();

	for (size_t i = 0; list && i < top->count && i < report->timeline->options.top; i++) {
		const struct timeline_span *span = &top->spans[i];
		const struct json_pair pairs[] = {
		    {"object", json_address(span->object)},
		    {"outcome", json_text(!ended	    ? open
					  : span->cancelled ? "cancelled"
							    : "completed")},
		};
		json_array_append_new(list,
				      json_add(site_add(report, span_json(report->timeline, span), span->site, false),
					       pairs, COUNT(pairs)));
	}
	return list;
}

static json_t *requests_json(const struct report *report)
{
	const struct timeline *timeline = report->timeline;
	json_t *list = json_array();

	for (uint32_t i = 0; list && i <= timeline->process->site_count; i++) {
		if (timeline->sites[i].life.count == 0 && timeline->sites[i].pending == 0)
			continue;
		const struct json_pair pairs[] = {
		    {"life", spread_json(timeline, &timeline->sites[i].life)},
		    {"pending", json_number(timeline->sites[i].pending)},
		};
		json_array_append_new(list, json_add(site_add(report, json_object(), i, false), pairs, COUNT(pairs)));
	}
	return list;
}

/* ---- Dispatch ------------------------------------------------------------------------------------------------- */

static json_t *dispatch_site_json(const struct report *report, uint32_t site)
{
	const struct timeline *timeline = report->timeline;
	const struct timeline_site_turns *turns = &timeline->sites[site].turns;
	const struct json_pair pairs[] = {
	    {"delay", spread_json(timeline, &turns->delay)},
	    {"worst_start_ns",
	     turns->worst.delay > 0 ? json_integer(timeline_offset_ns(timeline, turns->worst.tick)) : json_null()},
	    {"worst_polls_before", json_number(turns->worst.polls)},
	    {"worst_behind",
	     turns->worst.polls ? site_add(report, json_object(), turns->worst.behind, false) : json_null()},
	    {"worst_behind_ns", json_ticks(timeline, turns->worst.behind_ticks)},
	    {"held_ns", json_ticks(timeline, turns->held_ticks)},
	    {"held_polls", json_number(turns->held_polls)},
	};

	return json_add(site_add(report, json_object(), site, false), pairs, COUNT(pairs));
}

static json_t *dispatch_json(const struct report *report)
{
	json_t *list = json_array();

	for (uint32_t i = 0; list && i <= report->timeline->process->site_count; i++) {
		if (report->timeline->sites[i].turns.delay.count > 0)
			json_array_append_new(list, dispatch_site_json(report, i));
	}
	return list;
}

static json_t *loops_json(const struct timeline *timeline)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < timeline->process->worker_count; i++) {
		const struct timeline_worker *worker = &timeline->workers[i];
		if (timeline->process->workers[i].role != TRACE_ROLE_LOOP)
			continue;
		double wanted = (double)worker->cpu_ns + (double)worker->sched_wait_ns;
		const struct json_pair pairs[] = {
		    {"worker", json_number(timeline->process->workers[i].worker)},
		    {"busy_share", timeline->range_ticks
				       ? json_real((double)timeline_busy_ticks(worker) / (double)timeline->range_ticks)
				       : json_null()},
		    {"connections", json_number(worker->connections)},
		    {"reads", json_number(worker->reads)},
		    {"runs", json_number(worker->runs)},
		    {"turns", json_number(worker->turns)},
		    {"empty_turns", json_number(worker->empty_turns)},
		    {"empty_turns_ns", json_ticks(timeline, worker->empty_ticks)},
		    {"on_cpu_of_wanted", wanted > 0 ? json_real((double)worker->cpu_ns / wanted) : json_null()},
		};
		json_array_append_new(list, json_add(json_object(), pairs, COUNT(pairs)));
	}
	return list;
}

static json_t *machine_json(const struct timeline_machine *machine)
{
	bool limited = machine->quota > 0;
	const struct json_pair pairs[] = {
	    {"cpus", machine->cpus ? json_number(machine->cpus) : json_null()},
	    {"cpus_allowed", machine->allowed ? json_number(machine->allowed) : json_null()},
	    {"quota_cpus", limited ? json_real((double)machine->quota / 1000) : json_null()},
	    {"busy_ns", machine->known ? json_number(machine->busy_ns) : json_null()},
	    {"idle_ns", machine->known ? json_number(machine->idle_ns) : json_null()},
	    {"steal_ns", machine->known ? json_number(machine->steal_ns) : json_null()},
	    {"periods", limited ? json_number(machine->periods) : json_null()},
	    {"throttled_periods", limited ? json_number(machine->throttled_periods) : json_null()},
	    {"throttled_ns", limited ? json_number(machine->throttled_ns) : json_null()},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

static json_t *overhead_json(const struct measures_overhead *overhead)
{
	const struct json_pair pairs[] = {
	    {"events", json_number(overhead->events)},
	    {"event_ns", json_real(overhead->event_ns)},
	    {"event_measured", json_boolean(overhead->measured)},
	    {"cost_ns", json_number((uint64_t)overhead->cost_ns)},
	    {"share_of_busy", overhead->busy_ns > 0 ? json_real(overhead->cost_ns / overhead->busy_ns) : json_null()},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

static json_t *baseline_row_json(const struct baseline_row *row)
{
	const struct json_pair pairs[] = {
	    {"kind", json_text(row->kind)},
	    {"callback", json_text(row->callback)},
	    {"in_pool", json_boolean(row->in_pool)},
	    {"count", json_number(row->count)},
	    {"old_count", json_number(row->old_count)},
	    {"p50_ns", json_number(row->p50_ns)},
	    {"old_p50_ns", json_number(row->old_p50_ns)},
	    {"p99_ns", json_number(row->p99_ns)},
	    {"old_p99_ns", json_number(row->old_p99_ns)},
	    {"worse_p50", json_boolean(row->worse_p50)},
	    {"worse_p99", json_boolean(row->worse_p99)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

static json_t *baseline_json(const struct report *report)
{
	json_t *list = report->baseline ? json_array() : json_null();

	for (size_t i = 0; list && report->baseline && i < report->baseline_count; i++)
		json_array_append_new(list, baseline_row_json(&report->baseline[i]));
	return list;
}

json_t *json_measures(json_t *object, const struct report *report)
{
	const struct findings *findings = report->findings;
	const struct json_pair pairs[] = {
	    {"findings", findings_json(report)},
	    {"checked", checked_json()},
	    {"cannot_tell", unknown_json(report->timeline)},
	    {"pool", findings ? pool_json(report) : json_null()},
	    {"timers", timers_json(report)},
	    {"wakeups", wakeups_json(report)},
	    {"pending", request_spans_json(report, &report->timeline->pending, false)},
	    {"late_requests", request_spans_json(report, &report->timeline->slow_requests, true)},
	    {"late_request_count", json_number(report->timeline->slow_requests.seen)},
	    {"pending_limit_ns", json_number(report->timeline->options.pending_ns)},
	    {"pending_count", json_number(report->timeline->pending.seen)},
	    {"requests", requests_json(report)},
	    {"marks", marks_json(report->timeline)},
	    {"spans", spans_json(report->timeline)},
	    {"stalls", stalls_json(report)},
	    {"stall_totals", stall_totals_json(report->stalls)},
	    {"dispatch", dispatch_json(report)},
	    {"turn", spread_json(report->timeline, &report->timeline->turn_ticks)},
	    {"loops", loops_json(report->timeline)},
	    {"machine", machine_json(&report->timeline->machine)},
	    {"baseline", baseline_json(report)},
	    {"overhead", findings ? overhead_json(&findings->overhead) : json_null()},
	};

	return json_add(object, pairs, COUNT(pairs));
}
