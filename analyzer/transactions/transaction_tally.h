/* SPDX-License-Identifier: Apache-2.0
 *
 * What findings must know of every transaction, taken while they go by: how many waited behind
 * each callback, and on whom the slowest of each signature spent its time.
 *
 * Rules: bounded memory: two counters a site, a row a signature, of which there are
 * TRANSACTION_TALLY_ROWS at most; what has no row is not named.
 */
#ifndef TRANSACTION_TALLY_H
#define TRANSACTION_TALLY_H

#include "transactions.h"

#define TRANSACTION_TALLY_ROWS 1024

struct transaction_delay {
	uint64_t transactions, ticks;
	/* More whose data may have lain there before their turn, and for how long at most. */
	uint64_t before, before_ticks;
};

/* The slowest transaction of a signature. */
struct transaction_worst {
	uint64_t signature; /* hash; 0: not used */
	uint64_t ticks;
	size_t worker;			   /* its root's, a position */
	uint32_t sites[TRANSACTION_PARTS]; /* on whom most of each part went */
	/* Of all of the signature: how many may have waited before their turn; the one that may
	 * have waited longest, and behind whom. */
	uint64_t before, before_ticks;
	uint32_t before_site;
};

struct transaction_tally {
	const struct trace_process *process;
	uint64_t least; /* ticks; who waited less was not delayed */
	/* By site: behind its callback on a loop; for a thread of the pool, behind its work. */
	struct transaction_delay *behind, *busy;
	struct transaction_delay pool; /* for a thread of the pool, whoever had it */
	struct transaction_worst *worst;
	uint32_t *touched; /* of the transaction that is looked at: sites, and what each cost it */
	uint64_t *cost;
};

/* NULL: no memory. */
struct transaction_tally *transaction_tally_make(const struct trace_process *process,
						 uint64_t least_ns);
void transaction_tally_free(struct transaction_tally *tally);
/* For transactions_options.over. */
void transaction_tally_take(void *tally, const struct transaction *transaction);
/* For transactions_options.wants: could the tally change by this one? */
bool transaction_tally_wants(const struct transaction_tally *tally,
			     const struct transaction_glance *glance);
/* NULL: it has no row. */
const struct transaction_worst *transaction_tally_worst(const struct transaction_tally *tally,
							uint64_t signature);

#endif
