/* SPDX-License-Identifier: Apache-2.0
 *
 * See transaction_tally.h.
 */
#include "transaction_tally.h"

#include <stdlib.h>

#define PROBES 32

struct transaction_tally *transaction_tally_make(const struct trace_process *process,
						 uint64_t least_ns)
{
	double rate = (double)process->clock_ranges[0].rate / (double)(1ull << TRACE_RATE_BITS);
	double ticks = rate > 0 ? (double)least_ns / rate : 0;
	size_t sites = process->site_count + 1;
	struct transaction_tally *tally = calloc(1, sizeof(*tally));

	if (!tally)
		return NULL;
	*tally = (struct transaction_tally){
	    .process = process,
	    .least = ticks < 0x1p63 ? (uint64_t)ticks : INT64_MAX,
	    .behind = calloc(sites, sizeof(*tally->behind)),
	    .busy = calloc(sites, sizeof(*tally->busy)),
	    .worst = calloc(TRANSACTION_TALLY_ROWS, sizeof(*tally->worst)),
	    .touched = calloc(sites, sizeof(*tally->touched)),
	    .cost = calloc(sites, sizeof(*tally->cost)),
	};
	if (tally->behind && tally->busy && tally->worst && tally->touched && tally->cost)
		return tally;
	transaction_tally_free(tally);
	return NULL;
}

void transaction_tally_free(struct transaction_tally *tally)
{
	if (!tally)
		return;
	free(tally->behind);
	free(tally->busy);
	free(tally->worst);
	free(tally->touched);
	free(tally->cost);
	free(tally);
}

/* ---- Who delayed it -------------------------------------------------------------------------- */

static void delay_add(const struct transaction_tally *tally, struct transaction_delay *delay,
		      uint64_t ticks)
{
	if (ticks == 0 || ticks < tally->least)
		return;
	delay->transactions++;
	delay->ticks += ticks;
}

/* Each site once, with what all steps of the critical path waited for it. */
static void delays_add(struct transaction_tally *tally, const struct transaction *transaction,
		       bool pool)
{
	struct transaction_delay *delays = pool ? tally->busy : tally->behind;
	size_t count = 0;

	for (size_t i = 0; i < transaction->step_count; i++) {
		const struct transaction_step *step = &transaction->steps[i];
		const struct transaction_behind *names = pool ? step->busy : step->behind;
		for (size_t n = 0; step->in_path && n < TRANSACTION_STEP_NAMES; n++) {
			uint32_t site = names[n].site;
			if (site > tally->process->site_count || names[n].ticks == 0)
				continue;
			if (tally->cost[site] == 0)
				tally->touched[count++] = site;
			tally->cost[site] += names[n].ticks;
		}
	}
	for (size_t i = 0; i < count; i++) {
		delay_add(tally, &delays[tally->touched[i]], tally->cost[tally->touched[i]]);
		tally->cost[tally->touched[i]] = 0;
	}
}

/* ---- The slowest of each signature ----------------------------------------------------------- */

static struct transaction_worst *row_of(const struct transaction_tally *tally, uint64_t signature)
{
	for (size_t i = 0; i < PROBES; i++) {
		struct transaction_worst *row =
		    &tally->worst[(signature + i) % TRANSACTION_TALLY_ROWS];
		if (row->signature == signature || row->signature == 0)
			return row;
	}
	return NULL;
}

/* The site on which most of one part of the critical path went. A step's wait is its own callback's
 * but where the loop ran something of the transaction itself meanwhile: that is its parent's. */
static uint32_t site_of_part(struct transaction_tally *tally, const struct transaction *transaction,
			     enum transaction_part part)
{
	uint32_t most = (uint32_t)tally->process->site_count, count = 0;
	uint64_t next = transaction->end_tick, best = 0;

	for (size_t i = transaction->step_count; i-- > 0;) {
		const struct transaction_step *step = &transaction->steps[i];
		uint64_t ran = next > step->tick ? next - step->tick : 0;
		if (!step->in_path || step->site > tally->process->site_count)
			continue;
		uint64_t ticks = step->parts[part] + (part == PART_OWN ? ran : 0);
		if (tally->cost[step->site] == 0 && ticks > 0)
			tally->touched[count++] = step->site;
		tally->cost[step->site] += ticks;
		next = step->caused_tick;
	}
	for (size_t i = 0; i < count; i++) {
		uint32_t site = tally->touched[i];
		if (tally->cost[site] > best) {
			best = tally->cost[site];
			most = site;
		}
		tally->cost[site] = 0;
	}
	return most;
}

static void before_take(const struct transaction_tally *tally,
			const struct transaction *transaction, struct transaction_worst *row)
{
	uint64_t ticks = transaction->before_ticks;

	if (ticks == 0 || ticks < tally->least)
		return;
	row->before++;
	if (ticks <= row->before_ticks)
		return;
	row->before_ticks = ticks;
	row->before_site = transaction->before_site;
}

static void worst_take(struct transaction_tally *tally, const struct transaction *transaction)
{
	uint64_t ticks = transaction->end_tick - transaction->begin_tick;
	struct transaction_worst *row =
	    transaction->signature ? row_of(tally, transaction->signature) : NULL;

	if (!row)
		return;
	before_take(tally, transaction, row);
	if (row->signature != 0 && ticks <= row->ticks)
		return;
	row->signature = transaction->signature;
	row->ticks = ticks;
	row->worker = transaction->steps[0].worker;
	for (size_t part = 0; part < TRANSACTION_PARTS; part++)
		row->sites[part] = site_of_part(tally, transaction, (enum transaction_part)part);
}

void transaction_tally_take(void *arg, const struct transaction *transaction)
{
	struct transaction_tally *tally = arg;

	if (transaction->cut != CUT_NONE || transaction->step_count == 0)
		return;
	delays_add(tally, transaction, false);
	delays_add(tally, transaction, true);
	delay_add(tally, &tally->pool, transaction->parts[PART_POOL_WAIT]);
	if (transaction->before_ticks >= tally->least && transaction->before_ticks > 0) {
		struct transaction_delay *delay = &tally->behind[transaction->before_site];
		delay->before++;
		delay->before_ticks += transaction->before_ticks;
	}
	worst_take(tally, transaction);
}

bool transaction_tally_wants(const struct transaction_tally *tally,
			     const struct transaction_glance *glance)
{
	const struct transaction_worst *row;

	if (glance->before || (glance->behind_ticks > 0 && glance->behind_ticks >= tally->least) ||
	    (glance->pool_wait_ticks > 0 && glance->pool_wait_ticks >= tally->least))
		return true;
	row = glance->signature ? row_of(tally, glance->signature) : NULL;
	return row && (row->signature == 0 || glance->ticks > row->ticks);
}

const struct transaction_worst *transaction_tally_worst(const struct transaction_tally *tally,
							uint64_t signature)
{
	const struct transaction_worst *row = signature ? row_of(tally, signature) : NULL;

	return row && row->signature == signature ? row : NULL;
}
