/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose work the thread pool did lately: while a request waited for a thread, these had them.
 *
 * Rules: a ring of the newest. What each had of the wait is its share of all that is known to have
 * run meanwhile, so that the shares of several threads add up to the wait.
 */
#include "transactions_internal.h"

void pool_ran(engine *e, uint64_t tick, uint64_t end_tick, uint32_t site)
{
	e->pool_runs[e->pool_run_count++ % POOL_RUNS] = (struct pool_run){tick, end_tick, site};
}

/* What runs now is known where it is a work function. */
static void names_add_open(const engine *e, uint64_t from, uint64_t to,
			   struct transaction_behind *names, uint32_t *count)
{
	for (size_t i = 0; i < e->process->worker_count; i++) {
		const struct worker *worker = &e->workers[i];
		if (!worker->pool || worker->open.count == 0 || !worker->runs[0].work)
			continue;
		uint64_t since =
		    worker->open.list[0].tick > from ? worker->open.list[0].tick : from;
		if (since < to)
			names_add(names, count, HISTORY_SITES, worker->runs[0].site, to - since);
	}
}

uint32_t pool_names(const engine *e, uint64_t from, uint64_t to,
		    struct transaction_behind names[HISTORY_SITES])
{
	uint32_t count = 0;
	uint64_t sum = 0;

	for (uint64_t i = 0; i < POOL_RUNS && i < e->pool_run_count; i++) {
		const struct pool_run *run = &e->pool_runs[(e->pool_run_count - 1 - i) % POOL_RUNS];
		uint64_t since = run->tick > from ? run->tick : from;
		uint64_t until = run->end_tick < to ? run->end_tick : to;
		if (since < until)
			names_add(names, &count, HISTORY_SITES, run->site, until - since);
	}
	names_add_open(e, from, to, names, &count);
	for (uint32_t i = 0; i < count; i++)
		sum += names[i].ticks;
	for (uint32_t i = 0; sum > to - from && i < count; i++)
		names[i].ticks = (uint64_t)((unsigned __int128)names[i].ticks * (to - from) / sum);
	names_sort(names, count);
	return count;
}
