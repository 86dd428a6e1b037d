/* SPDX-License-Identifier: Apache-2.0
 *
 * For how long a root's data may have lain there before its turn: the iteration before, where the
 * wait between them found something ready at once. Long iterations alone are kept, the newest of
 * each loop; of what ran in them the callback that took most.
 */
#include "transactions_internal.h"

#define FOUND_READY_NS 20000   /* a wait no longer than this found what was ready already */
#define LONG_NS	       1000000 /* an iteration that is worth a word */

static uint64_t ticks_ns(const engine *e, uint64_t ticks)
{
	return (uint64_t)((unsigned __int128)ticks * e->process->clock_ranges[0].rate >>
			  TRACE_RATE_BITS);
}

void before_wait(struct worker *worker, uint64_t tick)
{
	worker->wait_tick = tick;
}

bool before_counts(const engine *e, uint64_t begin, uint64_t wait, uint64_t tick)
{
	return !(begin == 0 || wait <= begin || tick < wait ||
		 ticks_ns(e, tick - wait) > FOUND_READY_NS || ticks_ns(e, wait - begin) < LONG_NS);
}

void before_note(engine *e, struct worker *worker, uint64_t tick)
{
	struct history *history = worker->history;
	uint64_t begin = worker->wake_tick, wait = worker->wait_tick;
	struct transaction_behind names[HISTORY_SITES];

	if (!history || !before_counts(e, begin, wait, tick))
		return;
	uint32_t count = history_names(worker, begin, wait, names);
	history->before[history->before_count++ % BEFORE_KEPT] =
	    (struct before){tick, wait - begin, count > 0 ? names[0].site : e->site_count};
}

/* The kinds that a wait finds: not those that a time or another thread begins. */
static bool is_found(const engine *e, uint32_t site)
{
	static const uint8_t found[] = {KIND_READ, KIND_CONNECTION, KIND_UDP_RECV,
					KIND_POLL, KIND_SIGNAL,	    KIND_FS_EVENT};

	for (size_t i = 0; i < sizeof(found) && site < e->site_count; i++) {
		if (e->process->sites[site].kind == found[i])
			return true;
	}
	return false;
}

bool before_may(const struct worker *worker, uint64_t begin_tick)
{
	const struct history *history = worker->history;

	return history && history->before_count > 0 &&
	       history->before[(history->before_count - 1) % BEFORE_KEPT].tick >= begin_tick;
}

void before_find(const engine *e, struct transaction *transaction)
{
	const struct transaction_step *root = transaction->steps;
	const struct history *history = e->workers[root->worker].history;

	transaction->before_site = e->site_count;
	if (!history || !is_found(e, root->site))
		return;
	for (uint64_t i = 1; i <= history->before_count && i <= BEFORE_KEPT; i++) {
		const struct before *before =
		    &history->before[(history->before_count - i) % BEFORE_KEPT];
		if (before->tick < transaction->begin_tick)
			return;
		if (before->tick != transaction->begin_tick)
			continue;
		transaction->before_ticks = before->ticks;
		transaction->before_site = before->site;
		return;
	}
}
