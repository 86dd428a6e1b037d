/* SPDX-License-Identifier: Apache-2.0
 *
 * See pool_sites.h. uv_fs_poll looks at files by requests that libuv itself submits, with one
 * callback of its own for all: the one that uv_fs_poll_start submits first.
 */
#include "pool_sites.h"

#include <stdlib.h>
#include <string.h>

static bool is_of_kind(const struct detection *detection, uint32_t site, const char *kind)
{
	return strcmp(site_kind(detection, site), kind) == 0;
}

static bool is_lookup(const struct detection *detection, uint32_t site)
{
	return is_of_kind(detection, site, "getaddrinfo") ||
	       is_of_kind(detection, site, "getnameinfo");
}

/* ---- Files that are polled ------------------------------------------------------------------- */

/* The address of libuv's own callback for them; 0: none are. */
static uint64_t polls_callback(const struct detection *detection)
{
	const struct trace_process *process = detection->timeline->process;

	for (uint32_t i = 0; i < process->site_count; i++) {
		const char *by = symbols_site(detection->input->symbols, i, true)->name;
		if (is_of_kind(detection, i, "fs_stat") && strcmp(by, "uv_fs_poll_start") == 0)
			return process->sites[i].callback;
	}
	return 0;
}

/* Who polls: of several the one that was told most. */
static uint32_t polls_site(const struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	uint32_t none = (uint32_t)timeline->process->site_count, site = none;

	for (uint32_t i = 0; i < none; i++) {
		if (is_of_kind(detection, i, "fs_poll") &&
		    (site == none ||
		     timeline->sites[i].callback.count > timeline->sites[site].callback.count))
			site = i;
	}
	return site;
}

/* ---- Sums ------------------------------------------------------------------------------------ */

/* By site; what runs at the end too. */
static struct pool_work_sum *works_sum(const struct timeline *timeline)
{
	struct pool_work_sum *works = calloc(timeline->process->site_count + 1, sizeof(*works));

	for (uint32_t i = 0; works && i <= timeline->process->site_count; i++)
		works[i] = (struct pool_work_sum){.site = i,
						  .count = timeline->sites[i].pool_run.count,
						  .ticks = timeline->sites[i].pool_run.sum};
	for (size_t i = 0; works && i < timeline->arrival_count; i++) {
		const struct timeline_arrival *arrival = &timeline->arrivals[i];
		works[arrival->site].count += arrival->unended && !arrival->unstarted;
		works[arrival->site].ticks += arrival->unended ? arrival->run_ticks : 0;
	}
	return works;
}

static void most_keep(struct pool_work_sum *most, const struct pool_work_sum *work)
{
	if (work->ticks > most->ticks)
		*most = *work;
}

static uint64_t wait_p99(const struct timeline *timeline, uint32_t site)
{
	return histogram_quantile(&timeline->sites[site].pool_wait, 0.99);
}

/* Those that wait behind the work of others: theirs is little. */
static void others_find(const struct detection *detection, const struct pool_work_sum *works,
			uint64_t polls, struct pool_sites *sites)
{
	const struct timeline *timeline = detection->timeline;
	double all = 0;

	for (uint32_t i = 0; i < timeline->process->site_count; i++)
		all += (double)works[i].ticks;
	for (uint32_t i = 0; i < timeline->process->site_count; i++) {
		bool polled = polls != 0 && timeline->process->sites[i].callback == polls;
		if (polled || works[i].count == 0 ||
		    (double)works[i].ticks > limit(detection, LIMIT_pool_others) * all ||
		    wait_p99(timeline, i) <= sites->others_p99)
			continue;
		sites->others_p99 = wait_p99(timeline, i);
		sites->others_site = i;
	}
}

static void sites_add(const struct detection *detection, const struct pool_work_sum *works,
		      uint64_t polls, struct pool_sites *sites)
{
	const struct timeline *timeline = detection->timeline;
	uint64_t all = 0;

	for (uint32_t i = 0; i < timeline->process->site_count; i++) {
		all += works[i].count;
		most_keep(&sites->most, &works[i]);
		if (is_lookup(detection, i))
			most_keep(&sites->most_lookups, &works[i]);
		if (polls != 0 && timeline->process->sites[i].callback == polls) {
			sites->polled.count += works[i].count;
			sites->polled.ticks += works[i].ticks;
		} else {
			sites->wait_ticks += timeline->sites[i].pool_wait.sum;
		}
	}
	sites->polls =
	    (double)sites->polled.count > limit(detection, LIMIT_cause_share) * (double)all;
}

/* ---- Kinds ----------------------------------------------------------------------------------- */

static void kind_keep(struct pool_sites *sites, struct pool_kind kind)
{
	size_t at = sites->kind_count;

	while (at > 0 && sites->kinds[at - 1].ticks < kind.ticks)
		at--;
	for (size_t i = POOL_KINDS_TOLD - 1; i > at; i--)
		sites->kinds[i] = sites->kinds[i - 1];
	if (at < POOL_KINDS_TOLD)
		sites->kinds[at] = kind;
	if (sites->kind_count < POOL_KINDS_TOLD)
		sites->kind_count++;
}

/* Waits of one kind; those of uv_fs_poll apart. */
static void kind_sum(const struct timeline *timeline, uint8_t kind, uint64_t polls, bool polled,
		     struct pool_sites *sites)
{
	struct histogram wait = {0};
	const char *name = timeline->process->kinds[kind].name;

	for (size_t i = 0; i < timeline->process->site_count; i++) {
		const struct trace_site *site = &timeline->process->sites[i];
		if (site->present && site->kind == kind &&
		    (polls != 0 && site->callback == polls) == polled)
			histogram_merge(&wait, &timeline->sites[i].pool_wait);
	}
	if (wait.count > 0)
		kind_keep(sites, (struct pool_kind){
				     .name = polled			       ? "uv_fs_poll"
					     : strcmp(name, "after_work") == 0 ? "work"
									       : name,
				     .count = wait.count,
				     .p99 = histogram_quantile(&wait, 0.99),
				     .ticks = wait.sum,
				 });
	histogram_clear(&wait);
}

/* ---- The interface --------------------------------------------------------------------------- */

bool pool_sites_sum(const struct detection *detection, struct pool_sites *sites)
{
	const struct timeline *timeline = detection->timeline;
	uint32_t none = (uint32_t)timeline->process->site_count;
	struct pool_work_sum *works = works_sum(timeline);
	uint64_t polls = polls_callback(detection);

	*sites = (struct pool_sites){
	    .most.site = none, .most_lookups.site = none, .poller = none, .others_site = none};
	if (!works)
		return false;
	sites_add(detection, works, polls, sites);
	others_find(detection, works, polls, sites);
	sites->poller = sites->polls ? polls_site(detection) : none;
	for (size_t i = 0; i < timeline->process->kind_count; i++) {
		if (!timeline->process->kinds[i].name)
			continue;
		kind_sum(timeline, (uint8_t)i, polls, false, sites);
		kind_sum(timeline, (uint8_t)i, polls, true, sites);
	}
	free(works);
	return true;
}
