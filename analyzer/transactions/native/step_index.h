/* SPDX-License-Identifier: Apache-2.0
 *
 * Which transaction a poll belongs to, and what it caused: told by a first reading of a trace, and
 * looked up in a second one, poll by poll in the order of time.
 *
 * Rules: memory does not grow with the trace, but with the polls that one poll caused at most
 * (tick_spill.h). A poll has the id of a transaction whose root it is, or would be
 * (transaction_id_print()). All that can fail returns -errno.
 */
#ifndef STEP_INDEX_H
#define STEP_INDEX_H

#include "transactions/transactions.h"

enum step_record_type {
	STEP_RECORD_POLL, /* at its begin */
	STEP_RECORD_FLOW, /* at its begin: it caused the poll `id` */
	STEP_RECORD_WORK, /* when the pool began to work on the request whose callback is the poll
			     `id` */
	STEP_RECORD_ITEM  /* ... and when that was done */
};

struct step_record {
	uint64_t tick;
	uint64_t id;	      /* of the poll */
	uint64_t transaction; /* id */
	uint64_t parent;    /* POLL: id of the poll that caused it; 0: none. ITEM: when it began */
	uint64_t signature; /* hash */
	uint32_t worker;    /* position; not of items */
	uint8_t type, cause, cut;
};

struct step_index;

/* NULL: no memory. */
struct step_index *step_index_make(const struct trace_process *process);
/* For transactions_options.over. */
void step_index_add(struct step_index *index, const struct transaction *transaction);
/* Once all are added; the first error of adding too. */
int step_index_finish(struct step_index *index);
void step_index_free(struct step_index *index);

/* The records at one tick, asked for in the order of time, or up to `back_ticks` back. Several may
 * read. */
struct step_reader;

struct step_reader *step_reader_open(const struct step_index *index, uint64_t back_ticks);
/* All records at this tick, until the next call. */
const struct step_record *step_reader_at(struct step_reader *reader, uint64_t tick, size_t *count);
int step_reader_error(const struct step_reader *reader);
void step_reader_close(struct step_reader *reader);

/* The poll itself among these; NULL: it is in no transaction that is known. */
const struct step_record *step_record_find(const struct step_record *records, size_t count,
					   size_t worker);

uint64_t step_poll_id(const struct trace_process *process, size_t worker, uint64_t tick);

#endif
