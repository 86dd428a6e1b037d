/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool and the queues: depths, waits by kind and by site, idle workers, and other sizes of the
 * pool.
 */
#include "report_json.h"

/* ---- Queues ---------------------------------------------------------------------------------- */

static json_t *level_json(const struct timeline_level *level)
{
	const struct json_pair pairs[] = {
	    {"max", json_number(level->max)},
	    {"mean", json_real(level->mean)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

static json_t *pool_wait_json(const struct timeline *timeline)
{
	const struct histogram *wait = &timeline->pool_wait;
	const struct json_pair pairs[] = {
	    {"count", json_number(wait->count)},
	    {"p50_ns", json_ticks(timeline, histogram_quantile(wait, 0.5))},
	    {"p99_ns", json_ticks(timeline, histogram_quantile(wait, 0.99))},
	    {"max_ns", json_ticks(timeline, wait->max)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

json_t *queues_json(const struct timeline *timeline)
{
	bool seen = report_sees_calls(timeline);
	const struct json_pair pairs[] = {
	    {"pool_queued", seen ? level_json(&timeline->pool_queued) : json_null()},
	    {"pool_running", seen ? level_json(&timeline->pool_running) : json_null()},
	    {"pool_wait", seen ? pool_wait_json(timeline) : json_null()},
	    {"pool_uncertain", json_boolean(timeline->pool_uncertain)},
	    {"ready_fds", level_json(&timeline->ready_fds)},
	    {"active_requests", seen ? level_json(&timeline->active_requests) : json_null()},
	    {"active_handles", seen ? level_json(&timeline->active_handles) : json_null()},
	    {"samples", json_number(timeline->samples)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

json_t *idle_json(const struct timeline *timeline)
{
	json_t *periods = json_array();

	for (size_t i = 0; periods && i < timeline->idle.count; i++) {
		const struct timeline_span *span = &timeline->idle.spans[i];
		const struct json_pair depth = {"queue_depth", json_number(span->depth)};
		json_array_append_new(periods, json_add(span_json(timeline, span), &depth, 1));
	}
	return periods;
}

/* ---- The pool -------------------------------------------------------------------------------- */

static json_t *sizes_json(const struct measures_pool *pool)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < pool->size_count; i++) {
		const struct json_pair pairs[] = {
		    {"threads", json_number(pool->sizes[i].threads)},
		    {"wait_p50_ns", json_number(pool->sizes[i].p50_ns)},
		    {"wait_p99_ns", json_number(pool->sizes[i].p99_ns)},
		    {"wait_max_ns", json_number(pool->sizes[i].max_ns)},
		    {"about_p99_ns", json_number(pool->sizes[i].about_p99_ns)},
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
		if (timeline->process->sites[i].present &&
		    timeline->process->sites[i].kind == kind) {
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
		json_t *kind =
		    timeline->process->kinds[i].name ? pool_kind_json(timeline, (uint8_t)i) : NULL;
		if (kind)
			json_array_append_new(list, kind);
	}
	return list;
}

json_t *pool_json(const struct report *report)
{
	const struct measures_pool *pool = &report->findings->pool;
	const struct json_pair pairs[] = {
	    {"threads", json_number(pool->threads)},
	    {"wait", spread_json(report->timeline, &report->timeline->pool_wait)},
	    {"by_kind", pool_kinds_json(report->timeline)},
	    {"by_site", pool_sites_json(report)},
	    {"computing_share", pool->computing >= 0 ? json_real(pool->computing) : json_null()},
	    {"cpus_had", pool->cpus_had > 0 ? json_real(pool->cpus_had) : json_null()},
	    {"cpus", pool->cpus > 0 ? json_real(pool->cpus) : json_null()},
	    {"lookup_run_share", json_real(pool->lookup_run)},
	    {"lookups_at_once", json_number(pool->lookups_most)},
	    {"lookup_cap_reached", json_boolean(pool->cap_reached)},
	    {"unended", json_number(report->timeline->pool_unended)},
	    {"wakes", json_number(report->timeline->pool_wakes.count)},
	    {"wakes_in_vain", json_number(report->timeline->pool_wakes.in_vain)},
	    {"model_wait_p99_ns", pool->items ? json_number(pool->model_p99_ns) : json_null()},
	    {"wake_ns", pool->items ? json_number(pool->wake_ns) : json_null()},
	    {"calm_wait_p99_ns", pool->items ? json_number(pool->calm_p99_ns) : json_null()},
	    {"model_error", pool->items ? json_real(pool->model_error) : json_null()},
	    {"what_if_items", json_number(pool->items)},
	    {"what_if", sizes_json(pool)},
	    {"smallest_size", pool->enough ? json_number(pool->enough) : json_null()},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}
