/* SPDX-License-Identifier: Apache-2.0
 *
 * Workers, loops and the machine that they run on.
 */
#include "report_json.h"

static json_t *worker_quantile(const struct timeline *timeline, const struct timeline_worker *facts,
			       double quantile)
{
	if (facts->polls.count == 0)
		return json_null();
	return json_ticks(timeline, histogram_quantile(&facts->polls, quantile));
}

static json_t *worker_utilization(const struct timeline_worker *facts)
{
	double utilization = report_utilization(facts);

	return utilization < 0 ? json_null() : json_real(utilization);
}

static json_t *worker_json(const struct timeline *timeline, size_t position)
{
	const struct trace_worker *worker = &timeline->process->workers[position];
	const struct timeline_worker *facts = &timeline->workers[position];
	const struct json_pair pairs[] = {
	    {"worker", json_number(worker->worker)},
	    {"role", json_text(report_role(timeline, position))},
	    {"tid", json_number(worker->tid)},
	    {"name", json_text(worker->name)},
	    {"events", json_number(worker->events)},
	    {"lost_events", json_number(worker->lost)},
	    {"missing_events", json_number(worker->missing)},
	    {"polls", json_number(facts->polls.count)},
	    {"nested_polls", json_number(facts->nested)},
	    {"unwound_polls", json_number(facts->unwound)},
	    {"unended_polls", json_number(facts->unended)},
	    {"items", json_number(facts->items)},
	    {"parks", json_number(facts->parks)},
	    {"busy_ns", json_ticks(timeline, timeline_busy_ticks(facts))},
	    {"parked_ns", json_ticks(timeline, facts->parked_ticks)},
	    {"polls_ns", json_ticks(timeline, facts->callback_ticks)},
	    {"utilization", worker_utilization(facts)},
	    {"cpu_ns", json_number_if(facts->sampled, facts->cpu_ns)},
	    {"sched_wait_ns", json_number_if(facts->sampled, facts->sched_wait_ns)},
	    {"sampled_ns", json_number_if(facts->sampled, facts->sampled_ns)},
	    {"voluntary_switches",
	     json_number_if(facts->switches.known, facts->switches.voluntary)},
	    {"involuntary_switches",
	     json_number_if(facts->switches.known, facts->switches.involuntary)},
	    {"poll_p50_ns", worker_quantile(timeline, facts, 0.5)},
	    {"poll_p99_ns", worker_quantile(timeline, facts, 0.99)},
	    {"poll_max_ns", worker_quantile(timeline, facts, 1)},
	    {"never_ran", json_boolean(report_never_ran(timeline, position))},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

const struct json_rows json_workers = {"workers", report_is_worker, worker_json};

static json_t *balance_json(const struct timeline *timeline, uint8_t role)
{
	struct report_balance balance = report_balance(timeline, role);
	double ratio = balance.mean_ticks > 0 ? (double)balance.max_ticks / balance.mean_ticks : 0;
	const struct json_pair pairs[] = {
	    {"role", json_text(trace_role_name(role))},
	    {"workers", json_number(balance.workers)},
	    {"busiest_worker", json_number(report_worker_number(timeline, balance.busiest))},
	    {"max_busy_ns", json_ticks(timeline, balance.max_ticks)},
	    {"mean_busy_ns", json_ticks(timeline, (uint64_t)balance.mean_ticks)},
	    {"max_over_mean", balance.mean_ticks > 0 ? json_real(ratio) : json_null()},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

json_t *imbalance_json(const struct timeline *timeline)
{
	static const uint8_t roles[] = {TRACE_ROLE_LOOP, TRACE_ROLE_POOL};
	json_t *imbalance = json_array();

	for (size_t i = 0; imbalance && i < sizeof(roles); i++) {
		if (report_balance(timeline, roles[i]).workers > 1)
			json_array_append_new(imbalance, balance_json(timeline, roles[i]));
	}
	return imbalance;
}

static bool is_loop(const struct timeline *timeline, size_t position)
{
	return timeline->process->workers[position].role == TRACE_ROLE_LOOP;
}

static json_t *loop_json(const struct timeline *timeline, size_t position)
{
	const struct timeline_worker *worker = &timeline->workers[position];
	double wanted = (double)worker->cpu_ns + (double)worker->sched_wait_ns;
	const struct json_pair pairs[] = {
	    {"worker", json_number(timeline->process->workers[position].worker)},
	    {"busy_share", timeline->range_ticks ? json_real((double)timeline_busy_ticks(worker) /
							     (double)timeline->range_ticks)
						 : json_null()},
	    {"connections", json_number(worker->connections)},
	    {"reads", json_number(worker->reads)},
	    {"runs", json_number(worker->runs)},
	    {"turns", json_number(worker->iterations)},
	    {"empty_turns", json_number(worker->empty_iterations)},
	    {"empty_turns_ns", json_ticks(timeline, worker->empty_ticks)},
	    {"on_cpu_of_wanted",
	     wanted > 0 ? json_real((double)worker->cpu_ns / wanted) : json_null()},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

const struct json_rows json_loops = {"loops", is_loop, loop_json};

json_t *machine_json(const struct timeline_machine *machine)
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
