/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the engine share. Nobody else includes this.
 *
 * engine_events.c is told each event and follows what each worker has open; engine_polls.c finds
 * the cause of a poll that begins (causes.c keeps those on their way) and puts a step into a *live*
 * transaction (live.c). history.c knows what each loop ran and when it slept, pool_history.c whose
 * work the pool did. When nothing of a live one is outstanding, path.c measures it and
 * statistics.c adds it up under its signature (signature.c).
 *
 * Rules: a poll of a root kind has no live transaction until it causes something (`lazy`): most
 * never do, and cost little.
 */
#ifndef TRANSACTIONS_INTERNAL_H
#define TRANSACTIONS_INTERNAL_H

#include "causes.h"
#include "format/open_stack.h"
#include "spread.h"
#include "transactions.h"

/* What a site's polls are to the engine. */
enum site_role {
	ROLE_ROOT,	   /* begins a transaction where nothing caused it */
	ROLE_WAITLESS,	   /* the same, once it causes something */
	ROLE_ALLOC,	   /* belongs to the read that follows */
	ROLE_HOUSEKEEPING, /* a runtime's own, behind an asynchronous send: nobody waits for it */
	ROLE_REQUEST,
	ROLE_POOL, /* a request that the pool works on */
	ROLE_WORK, /* a request's work function */
	ROLE_ASYNC,
	ROLE_CLOSE,
	ROLE_EXIT,
};

/* ---- Live transactions ----------------------------------------------------------------------- */

#define NONE UINT32_MAX
/* In the place of a live one: of a transaction that was cut with all others. */
#define GONE	      (UINT32_MAX - 1)
#define STEPS_MAX     4096   /* of one transaction */
#define LIVE_MAX      65536  /* at once */
#define STEPS_AT_ONCE 262144 /* of all that are live */

struct step {
	uint64_t object;
	uint32_t parent, site, worker;
	uint32_t names; /* in the live one's list: behind_count, then busy_count of them */
	uint8_t cause;	/* enum transaction_cause */
	uint8_t behind_count, busy_count;
	bool nested;  /* its poll ran inside another */
	bool running; /* its poll has begun and not ended */
	uint32_t coalesced;
	uint64_t caused_tick, run_tick, run_end_tick, ready_tick, tick, end_tick;
	uint64_t own_first, own_later; /* of [caused, ready) and of [ready, tick) */
	uint64_t kernel;	       /* of [ready, tick) */
	uint64_t linked_tick; /* root of the other transaction that a coalesced send came from */
	uint32_t linked_worker;
};

struct live {
	struct step *steps;
	uint32_t count, capacity;
	struct transaction_behind *names;
	uint32_t name_count, name_capacity;
	uint32_t pending;	    /* causes on their way, and polls that run */
	uint32_t weak;		    /* of these, closes whose callback may not exist */
	uint32_t next, before;	    /* of those that are not cut; of free ones */
	uint32_t joined;	    /* it is part of that one now, by a span; NONE: it is not ... */
	uint32_t joined_step;	    /* ... where its root is that step */
	uint8_t cut;		    /* enum transaction_cut: goes on without steps */
	uint32_t worker, root_site; /* of the root */
	uint64_t root_tick;	    /* 0: its root has not run yet */
	uint64_t begin_tick, last_tick;
	uint64_t started_tick; /* root of the one that started the handle; 0: none */
	uint32_t started_worker;
};

/* ---- Workers --------------------------------------------------------------------------------- */

/* What an open poll or loop is to the engine, by its place in the open stack. */
struct run {
	uint32_t live, step; /* live NONE: lazy, or of no transaction; step NONE: it was cut */
	uint32_t epoch;	     /* as struct cause */
	bool lazy; /* of a root kind or waitless: becomes a root when it causes something */
	bool work; /* a request's work on the pool; live and step are the request's */
	uint8_t role;
	uint32_t site;
	uint64_t object;
	uint64_t begin_tick; /* of its iteration */
	uint64_t started_tick;
	uint32_t started_worker;
	uint64_t saved_wake; /* loops: of the loop around */
};

#define HISTORY_POLLS	   128
#define HISTORY_PARKS	   128
#define HISTORY_ITERATIONS 32
#define HISTORY_SITES	   8

struct history_poll {
	uint64_t tick, end_tick;
	uint32_t site;
};
/* A wait that slept. */
struct history_park {
	uint64_t tick, end_tick;
};
struct history_iteration {
	uint64_t tick, end_tick; /* end: of its last poll */
	struct transaction_behind sites[HISTORY_SITES];
	uint32_t site_count;
};
/* A long iteration whose next one, from `tick` on, began with what was ready at once. */
struct before {
	uint64_t tick, ticks;
	uint32_t site;
};
#define BEFORE_KEPT 64
/* What a loop did lately, the newest at [count - 1 modulo the size]. */
#define CLOSES_MAX 1024 /* whose callbacks may still come; of more the oldest do not */

struct closing {
	uint64_t handle, wait; /* wait: how many had ended when it was closed */
};

struct history {
	struct closing closes[CLOSES_MAX];
	uint32_t close_first, close_count;
	struct history_poll polls[HISTORY_POLLS];
	struct history_park parks[HISTORY_PARKS];
	struct history_iteration iterations[HISTORY_ITERATIONS];
	struct before before[BEFORE_KEPT];
	uint64_t poll_count, park_count, iteration_count, before_count;
};

struct worker {
	struct open_stack open;
	struct run runs[OPEN_STACK_MAX + 1]; /* the last: of what is deeper than the tracer
						records, and of nobody */
	struct history *history;	     /* made with its first poll; not for the pool's */
	bool pool;
	uint32_t resuming;  /* so many words follow of what was open */
	uint64_t wake_tick; /* of the iteration that the innermost loop is in; 0: none */
	uint64_t wait_tick; /* begin of the wait before that; 0: there is none */
	uint64_t waits;	    /* that ended */
	uint64_t alloc_tick, alloc_end, alloc_object; /* the poll before, if it was of alloc */
	struct mark_parts marks;
};

/* ---- Statistics ------------------------------------------------------------------------------ */

#define SIGNATURES_MAX 1024

struct slow {
	struct transaction_brief brief;
	struct transaction_behind behind[TRANSACTION_SHARE_NAMES], busy[TRANSACTION_SHARE_NAMES];
};

struct signature {
	struct transaction_signature facts;
	struct slow slow[TRANSACTION_SLOWEST]; /* the slowest first */
	size_t slow_count;
	struct spread spread;
};

struct statistics {
	struct signature **list;
	size_t count;
	uint32_t *by_hash; /* open addressing: index in the list + 1 */
	size_t slots;
	struct signature **single; /* by site: the one of it alone; NULL: not made yet */
	uint64_t *cut_by_root;	   /* by site, one more */
};

struct added_names {
	const struct transaction_behind *behind;
	uint32_t behind_count;
	const struct transaction_behind *busy;
	uint32_t busy_count;
};

struct kept {
	struct transaction *list; /* by ticks, the slowest first; each with steps of its own */
	size_t count, max;
};

struct pool_run {
	uint64_t tick, end_tick;
	uint32_t site;
};
#define POOL_RUNS 64

/* Whom the steps of a critical path waited for. */
struct path_names {
	struct transaction_behind behind[HISTORY_SITES], busy[HISTORY_SITES];
	uint32_t behind_count, busy_count;
};

#define SHAPES 512 /* a power of two */

/* A sequence of steps whose signature is known. */
struct shape {
	uint64_t hash;
	struct signature *signature;
};

struct transactions_private {
	const struct trace_process *process;
	struct transactions_options options;
	struct timeline_watch watch;
	const struct timeline_watch *next; /* who else watches; NULL: nobody */
	uint64_t from_tick, to_tick;
	uint32_t worker_asked;
	int error;
	uint32_t site_count;
	uint8_t *roles;		/* enum site_role, by site */
	uint16_t *work_offsets; /* of struct uv__work in the request, by site */
	uint16_t offsets[16];	/* the different ones */
	size_t offset_count;
	bool *makes; /* by site: its handle events say that it was made */
	struct worker *workers;
	struct causes causes;
	struct live *lives;
	uint32_t live_count, live_room, live_free, live_first; /* first: of those not cut */
	uint32_t epoch; /* one more with each time that all are cut; from 1 */
	uint32_t purged_epoch;
	uint64_t started_count; /* causes of CLASS_STARTED */
	uint64_t steps_at_once;
	uint64_t cut[TRANSACTION_CUTS];
	struct pool_run pool_runs[POOL_RUNS];
	uint64_t pool_run_count;
	uint64_t off_tick; /* the next time that recording is switched off; UINT64_MAX: never */
	size_t off_at;	   /* sample */
	bool lost_before;  /* events were lost somewhere before */
	struct statistics statistics;
	struct shape shapes[SHAPES];
	struct kept kept;
	struct transaction asked;
	uint64_t count, unsigned_count;
	/* Of the one that is measured: its steps, which are on the path, two numbers a step. */
	struct transaction_step *scratch;
	bool *on_path;
	uint32_t *order;
	uint32_t scratch_room;
	struct path_names path_names;
};

typedef struct transactions_private engine;

/* ---- live.c ---- */

void live_settle_far(const engine *e, uint32_t *live, uint32_t *step, uint32_t epoch);
/* Where a step is now: it may have joined another transaction, or have been cut with all. */
static inline void live_settle(const engine *e, uint32_t *live, uint32_t *step, uint32_t epoch)
{
	if (*live == NONE || (epoch == e->epoch && *live != GONE &&
			      e->lives[*live].joined == NONE && !e->lives[*live].cut))
		return;
	live_settle_far(e, live, step, epoch);
}
/* NONE: there are too many; or no memory: e->error. */
uint32_t live_make(engine *e, uint32_t site, size_t worker, uint64_t begin_tick);
/* A new step, all else 0; NULL: the transaction is cut, and the step outstanding all the same. */
struct step *live_add_step(engine *e, uint32_t live, uint32_t parent, enum transaction_cause cause,
			   uint64_t caused_tick);
static inline uint32_t live_place(const engine *e, uint32_t live, const struct step *step)
{
	return (uint32_t)(step - e->lives[live].steps);
}
/* It is part of another now, its root caused by that one's step. */
void live_join(engine *e, uint32_t live, uint32_t into, uint32_t step, uint64_t caused_tick);
void live_cut(engine *e, uint32_t live, enum transaction_cut cut);
void live_cut_all(engine *e, enum transaction_cut cut);
/* One that is not known otherwise. */
void cut_count(engine *e, enum transaction_cut cut, uint32_t root_site, size_t worker,
	       uint64_t tick);
/* As it was recorded: one of its causes is gone, or a poll over; it may be the last. */
void live_release(engine *e, uint32_t live, uint32_t epoch, bool weak);
/* Something is outstanding that is no step. */
void live_hold(engine *e, uint32_t live, uint32_t epoch);
/* The cause that came last may have no callback; as it was recorded: it had one. */
void live_weaken(engine *e, uint32_t live);
void live_firm(engine *e, uint32_t live, uint32_t epoch);
/* At the end of the trace. */
void live_end_all(engine *e);
void live_close(engine *e);

/* ---- history.c ---- */

struct history *history_of(engine *e, struct worker *worker); /* NULL: no memory */
void history_poll(engine *e, struct worker *worker, uint64_t tick, uint64_t end_tick,
		  uint32_t site);
void history_iteration_begin(engine *e, struct worker *worker, uint64_t tick);
void history_park(engine *e, struct worker *worker, uint64_t tick, uint64_t end_tick);
/* How much of [from, to) the loop slept. */
uint64_t history_parked(const struct worker *worker, uint64_t from, uint64_t to);
/* Whom it ran in [from, to), by site; returns how many of `names` are used, the longest first. */
uint32_t history_names(const struct worker *worker, uint64_t from, uint64_t to,
		       struct transaction_behind names[HISTORY_SITES]);
/* Adds to the entry of the site, or to a free one; false: all are taken. */
bool names_add(struct transaction_behind *names, uint32_t *count, uint32_t max, uint32_t site,
	       uint64_t ticks);
void names_sort(struct transaction_behind *names, uint32_t count);

/* ---- before.c ---- */

/* A wait begins; an iteration begins. */
void before_wait(struct worker *worker, uint64_t tick);
void before_note(engine *e, struct worker *worker, uint64_t tick);
/* Was an iteration [begin, wait) long, and did the next one, from `tick` on, find what was ready?
 */
bool before_counts(const engine *e, uint64_t begin, uint64_t wait, uint64_t tick);
/* May before_find() find something of one that begins then? */
bool before_may(const struct worker *worker, uint64_t begin_tick);
/* Sets before_ticks and before_site. */
void before_find(const engine *e, struct transaction *transaction);

/* ---- engine_polls.c ---- */

void poll_begins(engine *e, size_t position, uint64_t tick, uint64_t word);
/* Of a loop, outside any other poll: begins, and ends with nothing between. */
void poll_passes(engine *e, size_t position, uint64_t tick, uint64_t end_tick, uint64_t word);
/* The innermost poll ends; it is still on the stack. lost: its end was not seen. */
void poll_ends(engine *e, size_t position, uint64_t tick, bool lost);
/* The trace ends: polls that are open, and have no transaction yet, did not end. */
void polls_end_all(engine *e);
/* Where a cause recorded now comes from: the innermost poll, whose transaction begins here where it
 * has none. *live NONE: from outside any; GONE: from one that was cut. As it is now, not settled.
 */
struct source {
	uint32_t live, step;
};
struct source source_find(engine *e, size_t position);
/* The root of the transaction that runs now, without making one. False: none does. */
bool source_root(const engine *e, size_t position, uint64_t *tick, uint32_t *worker);
/* The innermost poll is the root of a transaction of its own: that becomes a part of the step's. */
void source_join(engine *e, size_t position, const struct cause *cause);

/* ---- engine_causes.c ---- */

void cause_submit(engine *e, size_t position, uint64_t tick, uint64_t word);
/* A request was submitted and done in an iteration of which no more is known. */
void cause_pass(engine *e, uint64_t object);
void cause_send(engine *e, size_t position, uint64_t tick, uint64_t object);
void cause_close(engine *e, size_t position, uint64_t tick, uint64_t object);
void cause_start(engine *e, size_t position, uint64_t tick, uint64_t word);
void cause_mark(engine *e, size_t position, uint64_t tick, uint64_t word);
/* What was on its way there will not run. */
void cause_drop_key(engine *e, enum cause_class class, uint64_t object);
void started_drop(engine *e, uint64_t object);
/* Closes of this worker whose callback would have come. */
void closes_expire(engine *e, struct worker *worker);

/* ---- measure.c ---- */

/* What the step waited for, when its poll begins. */
void step_measure(engine *e, uint32_t live, uint32_t step, uint64_t wake_tick);
/* Adds what [caused, to) was spent on; `to` is when its poll began, or a moment of its work on the
 * pool before. */
void step_parts_add(const struct step *step, uint64_t to, uint64_t parts[TRANSACTION_PARTS]);

/* ---- pool_history.c ---- */

void pool_ran(engine *e, uint64_t tick, uint64_t end_tick, uint32_t site);
/* Whose work the pool did in [from, to); returns how many, the longest first. */
uint32_t pool_names(const engine *e, uint64_t from, uint64_t to,
		    struct transaction_behind names[HISTORY_SITES]);

/* ---- path.c ---- */

/* Measures a transaction that is over, and adds it up; or tells of one that is cut. */
void transaction_over(engine *e, const struct live *live);
/* A root that caused nothing. */
void transaction_single(engine *e, size_t position, uint64_t tick, uint64_t end_tick,
			const struct run *run);

/* ---- signature.c ---- */

struct folding {
	uint32_t sites[TRANSACTION_SIGNATURE_SITES];
	size_t count;
};
void fold_add(struct folding *folding, uint32_t site);
uint64_t fold_hash(const struct folding *folding);
/* NULL: there are too many different ones. */
struct signature *signature_of(engine *e, const struct live *live);

/* ---- statistics.c ---- */

int statistics_open(engine *e);
void statistics_close(engine *e);
struct signature *statistics_signature(engine *e, const struct folding *folding);
struct signature *statistics_single(engine *e, uint32_t site);
bool slowest_wants(const struct signature *signature, uint64_t ticks);
/* signature NULL: there were too many. */
void statistics_add(engine *e, struct signature *signature, const struct transaction *transaction,
		    const struct added_names *names);
int statistics_finish(engine *e, struct transactions *result);
/* Would be among the slowest, with its steps? */
bool kept_wants(const engine *e, uint64_t ticks);
void kept_add(engine *e, const struct transaction *transaction);
void asked_keep(engine *e, const struct transaction *transaction);

uint64_t transaction_id(const engine *e, uint64_t root_tick, size_t position);

static inline uint32_t engine_site(const engine *e, uint64_t word)
{
	uint32_t code = trace_word_code(word);
	uint32_t site = code - TRACE_CODE_POLL < TRACE_CODE_END - TRACE_CODE_POLL
			    ? (code - TRACE_CODE_POLL) % TRACE_SITES_MAX
			    : e->site_count;

	return site < e->site_count ? site : e->site_count;
}

#endif
