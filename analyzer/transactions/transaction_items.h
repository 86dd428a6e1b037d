/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the time of transactions went, as a list that people read: by part and by the callback
 * that is named for it, the longest first. Reports and detectors take it from here.
 */
#ifndef TRANSACTION_ITEMS_H
#define TRANSACTION_ITEMS_H

#include "transactions.h"

struct transaction_item {
	enum transaction_part part;
	uint32_t site; /* who is named; the process' site_count: nobody */
	double ticks;  /* of one transaction, on average */
};

#define TRANSACTION_ITEMS_MAX (TRANSACTION_PARTS * (TRANSACTION_SHARE_NAMES + 1))

struct transaction_items {
	struct transaction_item list[TRANSACTION_ITEMS_MAX];
	size_t count;
	double ticks; /* of a transaction, on average: the sum of all */
};

/* Sites that share a callback are one. */
void transaction_items_make(const struct trace_process *process,
			    const struct transaction_share *share, struct transaction_items *items);
/* Of that part and callback. */
double transaction_items_ticks(const struct trace_process *process,
			       const struct transaction_items *items,
			       const struct transaction_item *like);
/* What of `tail` is more than in `median`, by the same parts and callbacks. */
void transaction_items_subtract(const struct trace_process *process, struct transaction_items *tail,
				const struct transaction_items *median);

#endif
