/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions that begin and end within one loop iteration, added up where the iteration is read:
 * by several threads, before the engine is told of it. turns.c says which.
 */
#ifndef TURNS_H
#define TURNS_H

#include "transactions_internal.h"

/* What takes the place of a callback that is done with: a word with this code, whose object is how
 * long it took, above the bits of its site; and of what it submitted: the request. */
#define TURN_BRIEF     TIMELINE_OWN
#define TURN_PASS      (TIMELINE_OWN + 1)
#define TURN_SITE_BITS 14
#define TURN_TICKS_MAX (1ull << (48 - TURN_SITE_BITS))

static inline uint64_t turn_brief_word(uint64_t ticks, uint32_t site)
{
	return trace_word(ticks << TURN_SITE_BITS | site, TURN_BRIEF);
}

/* May iterations be taken from the engine? */
bool turns_wanted(const engine *e);
/* For struct timeline_watch; `arg` is the engine. */
void *turns_make(engine *e);
size_t turns_take(void *turns, const struct timeline_turn *turn);
/* Adds to the engine's statistics what is added up here, and frees it. */
void turns_merge(engine *e, void *turns);

/* ---- Of turns.c and turns_walk.c alone ---------------------------------------------------------
 */

#define TURN_SITES HISTORY_SITES
#define CHAIN_MAX  8
#define CHAINS	   64  /* slots: half of them may be used; a power of two */
#define SUBMITS	   256 /* slots for submissions of one iteration: half of them may be used */
#define NOBODY	   UINT16_MAX
#define FLOORS_MAX 64 /* the slowest of a signature that are left to the engine */

/* Transactions of one shape. */
struct chain {
	uint32_t sites[CHAIN_MAX];
	uint32_t count;
	struct spread spread;
	uint64_t floors[FLOORS_MAX]; /* a heap: the least of the slowest first */
	uint32_t floor_count;
};

struct poll {
	uint64_t tick, end_tick, object;
	uint64_t caused_tick; /* when it submitted its child */
	uint64_t alloc_ticks; /* of the read whose memory was asked for just before */
	struct chain *chain;  /* of roots */
	struct spread_bucket *bucket;
	uint32_t first, last; /* of its events */
	uint32_t site;
	uint16_t parent, child, root; /* child, itself: its callback has not run yet */
	uint16_t length;	      /* of the chain up to here; 0: of no transaction */
	uint8_t place, role;	      /* place: of its site in `sites` */
	bool engines;		      /* of roots: the transaction is the engine's */
};

struct submit {
	uint64_t object;
	uint32_t turn; /* of another iteration: a free slot */
	uint16_t poll; /* NOBODY: its callback has run */
};

struct turns {
	engine *e;
	uint64_t quiet_ticks;
	uint32_t floors;
	/* Of the iteration that is looked at. */
	uint64_t begin_tick;
	uint32_t poll_count, site_count, submit_count;
	uint32_t number;
	uint32_t sites[TURN_SITES];
	uint64_t sums[TURN_SITES];		   /* of what ran so far, by place */
	uint64_t after[HISTORY_POLLS][TURN_SITES]; /* sums at the end of some polls */
	struct poll polls[HISTORY_POLLS];
	struct submit submits[SUBMITS];
	/* Of all. */
	struct chain **single; /* by site */
	struct chain **newest; /* by site of the root: the one that was found last */
	struct chain *chains[CHAINS];
	uint32_t chain_count;
	int error;
};

/* ---- turns_walk.c ---- */

/* What happened in an iteration, into `polls`; false: it is not plain. */
bool turn_walk(struct turns *turns, const struct timeline_turn *turn);

#endif
