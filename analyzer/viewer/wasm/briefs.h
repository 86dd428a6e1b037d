/* SPDX-License-Identifier: Apache-2.0
 *
 * Every transaction of the process in short, by begin: what the page's lists and its histogram are
 * made of, and where a transaction is looked for (page_transactions.c).
 *
 * Rules: memory is bounded: of more than BRIEFS_MAX, those that ended first are kept, and the rest
 * counted.
 */
#ifndef VIEWER_BRIEFS_H
#define VIEWER_BRIEFS_H

#include "transactions/transactions.h"

#define BRIEFS_MAX 1500000u

struct brief {
	uint64_t id, begin_tick, ticks;
	uint64_t signature; /* hash; 0: of a cut one */
	int32_t number;	    /* of its signature in transactions->signatures; -1: none */
};

struct briefs {
	struct brief *list;
	size_t count, room;
	uint64_t longest; /* ticks */
	uint64_t left_out;
};

void briefs_add(struct briefs *briefs, const struct transaction *transaction);
/* All are there: sorts them and numbers their signatures. */
void briefs_finish(struct briefs *briefs, const struct transactions *transactions);
void briefs_free(struct briefs *briefs);
/* NULL: it is not among them. */
const struct brief *briefs_find(const struct briefs *briefs, uint64_t id);

#endif
