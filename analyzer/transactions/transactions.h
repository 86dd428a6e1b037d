/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions: what the program did because of one thing that arrived. docs/transactions.md has
 * the model and its limits.
 *
 * Words: a *step* is one poll (run of a callback) of a transaction; its *cause* is the moment in
 * another step that led to it. The first step, without one, is the *root*. The *critical path* is
 * the chain of causes of the poll that ends last; its segments add up to the transaction's
 * duration, exactly. A *signature* is the sequence of sites of a transaction's steps, folded.
 *
 * Rules: fed by the timeline's watch, in the order of time over all workers, in one pass and in
 * bounded memory. Times are ticks; timeline_ns() converts. What is not sure is cut: counted by
 * reason, in no figure else.
 */
#ifndef TRANSACTIONS_H
#define TRANSACTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "timeline/timeline.h"
#include "transaction_share.h"

enum transaction_cut {
#define CUT(name, key, words) CUT_##name,
#include "transaction_cuts.def"
#undef CUT
	TRANSACTION_CUTS
};

enum transaction_cause {
#define CAUSE(name, key) CAUSE_##name,
#include "transaction_causes.def"
#undef CAUSE
	TRANSACTION_CAUSES
};

/* "own_ns", "own callbacks"; "unended", "it had not ended when the trace did"; "request". */
extern const char *const transaction_part_keys[TRANSACTION_PARTS];
extern const char *const transaction_part_labels[TRANSACTION_PARTS];
extern const char *const transaction_cut_keys[TRANSACTION_CUTS];
extern const char *const transaction_cut_words[TRANSACTION_CUTS];
extern const char *const transaction_cause_keys[TRANSACTION_CAUSES];

#define TRANSACTION_NO_STEP UINT32_MAX

#define TRANSACTION_STEP_NAMES 4

struct transaction_step {
	uint32_t parent; /* index of the step that caused it; TRANSACTION_NO_STEP: the root */
	enum transaction_cause cause;
	uint32_t site, worker; /* worker: position in process->workers */
	uint64_t object;
	uint64_t caused_tick; /* submission, send, uv_close, spawn; of the root: the begin of its
				 iteration, or its submission outside any callback */
	uint64_t run_tick, run_end_tick; /* the request's work on the pool; 0: none, or not known */
	uint64_t ready_tick;		 /* since when the loop could have run it */
	uint64_t tick, end_tick;	 /* the poll */
	bool in_path;			 /* on the critical path */
	uint64_t parts[TRANSACTION_PARTS]; /* of [caused_tick, tick): they add up to it */
	/* Who had the loop (of parts[PART_BEHIND]); whose work the pool did meanwhile (of
	 * PART_POOL_WAIT). The longest first. */
	struct transaction_behind behind[TRANSACTION_STEP_NAMES];
	struct transaction_behind busy[TRANSACTION_STEP_NAMES];
	uint32_t coalesced; /* asynchronous sends that this run answered besides its cause */
	uint64_t linked_id; /* of another transaction that one of those came from; 0: none */
};

struct transaction {
	uint64_t id; /* transaction_id_print() */
	uint64_t begin_tick, end_tick;
	/* Where a wait found its root ready at once: so long at most its data may have lain there
	 * before begin_tick, while the loop was busy, mostly with that callback. 0: no time worth a
	 * word. Of those that are told whole (`over`, slowest, asked). */
	uint64_t before_ticks;
	uint32_t before_site; /* site_count: nobody */
	enum transaction_cut cut;
	uint64_t started_by; /* id of the transaction that started the timer, or the reading of the
				handle; 0: none, or not known */
	const struct transaction_step *steps; /* in the order of their causes; [0] is the root */
	size_t step_count;
	uint64_t parts[TRANSACTION_PARTS]; /* of the critical path; add up to end_tick - begin_tick;
					      of cut ones: all 0 */
	uint64_t signature;		   /* transaction_signature.hash; 0: cut, or there were too
					      many different ones */
};

#define TRANSACTION_SIGNATURE_SITES 64 /* sites of one that are told apart */
#define TRANSACTION_SLOWEST	    16 /* of each signature */

struct transaction_brief {
	uint64_t id, begin_tick, ticks;
	uint64_t parts[TRANSACTION_PARTS];
};

struct transaction_signature {
	uint64_t hash;
	uint32_t *sites; /* the root first; runs that repeat are folded */
	size_t site_count;
	uint64_t count;		/* whole ones */
	uint64_t cut;		/* those with the same root callback that are cut, told with the
				   first signature of that root */
	struct histogram ticks; /* durations: p50, p99, max */
	struct transaction_share all, median, tail; /* median: those about the median; tail: the
						       slowest 1 %, at least one; it may have more
						       where they cannot be told apart: see count */
	struct transaction_brief slowest[TRANSACTION_SLOWEST]; /* the slowest first */
	size_t slowest_count;
};

struct transactions {
	struct transaction_signature *signatures; /* those that took the most time together first */
	size_t signature_count;
	const struct transaction *slowest; /* whole ones, with their steps, the slowest first */
	size_t slowest_count;
	const struct transaction *asked; /* options.id; NULL: not seen */
	uint64_t count;			 /* whole ones in the range */
	uint64_t cut[TRANSACTION_CUTS];	 /* [CUT_NONE] is 0 */
	uint64_t cut_count;		 /* their sum */
	uint64_t unsigned_count; /* whole ones without a signature: there were too many different
				    ones */
	struct transactions_private *hidden;
};

/* What is known of a whole one before it is told. */
struct transaction_glance {
	uint64_t signature, ticks;
	uint64_t behind_ticks; /* of all names of its steps together */
	uint64_t pool_wait_ticks;
	bool before; /* before_ticks may not be 0 */
};

struct transactions_options {
	uint32_t keep; /* so many of the slowest are kept with their steps */
	uint64_t id;   /* this one is kept; 0: none */
	/* Told each transaction of the range that is over, the cut ones too, by their ends; its
	 * steps are there until it returns. NULL: nobody. */
	void (*over)(void *arg, const struct transaction *transaction);
	/* For a listener that needs few of them: where it says no, `over` is not told, unless the
	 * transaction is kept anyway; of cut ones it is not told at all. NULL: it is told all. */
	bool (*wants)(void *arg, const struct transaction_glance *glance);
	/* Of those that take less than this and are not among the slowest of their signature nobody
	 * is told: where all of one loop iteration are such, they are added up where the iteration
	 * is read (turns.c). 0: there are none such. */
	uint64_t quiet_ticks;
	void *arg;
};

#define TRANSACTIONS_OPTIONS_DEFAULT                                                               \
	{                                                                                          \
		.keep = 10                                                                         \
	}

/* timeline_read() and the transactions, in one pass. What options->watch asks for is told too.
 * NULL, and *timeline NULL: memory is out. The timeline must outlive the transactions. */
struct transactions *transactions_read(struct trace *trace, size_t process,
				       const struct timeline_options *options,
				       const struct transactions_options *wanted,
				       trace_progress progress, void *arg,
				       struct timeline **timeline);
void transactions_free(struct transactions *transactions);

/* The parts of transactions_read(), for callers that have a timeline of their own: make one, give
 * its watch to the timeline (which hands on to options->watch), finish after timeline_finish().
 * `options` are the timeline's. Errors: -ENOMEM. */
struct transactions *transactions_make(const struct trace_process *process,
				       const struct timeline_options *options,
				       const struct transactions_options *wanted);
const struct timeline_watch *transactions_watch(struct transactions *transactions);
int transactions_finish(struct transactions *transactions, const struct timeline *timeline);

/* An id is when the root's callback began, in ns after the process' start, and the number of its
 * worker: "4123456789.1". The same in every reading of a trace. */
#define TRANSACTION_ID_WORKER_BITS 12
#define TRANSACTION_ID_CHARS	   32
void transaction_id_print(uint64_t id, char text[TRANSACTION_ID_CHARS]);
/* False: the text is no id. */
bool transaction_id_read(const char *text, uint64_t *id);

#endif
