/* SPDX-License-Identifier: Apache-2.0
 *
 * See step_index.h.
 */
#include "step_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tick_spill.h"

#define PIECE_RECORDS (1u << 17) /* 7 MiB */

struct step_index {
	const struct trace_process *process;
	struct tick_spill *spill;
	int error;
};

struct step_reader {
	struct tick_spill_reader *spill;
	const struct step_record *next; /* behind those in memory; NULL: there is none */
	uint64_t back_ticks;
	struct step_record *records; /* by tick */
	size_t first, end, capacity;
	int error;
};

uint64_t step_poll_id(const struct trace_process *process, size_t worker, uint64_t tick)
{
	uint64_t ns = trace_ns(process, tick);

	ns -= ns < process->start_mono_ns ? ns : process->start_mono_ns;
	return ns << TRANSACTION_ID_WORKER_BITS | process->workers[worker].worker;
}

/* ---- Writing --------------------------------------------------------------------------------- */

struct step_index *step_index_make(const struct trace_process *process)
{
	struct step_index *index = calloc(1, sizeof(*index));

	if (!index)
		return NULL;
	index->process = process;
	index->spill = tick_spill_make(sizeof(struct step_record), PIECE_RECORDS);
	if (index->spill)
		return index;
	free(index);
	return NULL;
}

static void put(struct step_index *index, const struct step_record *record)
{
	if (index->error == 0)
		index->error = tick_spill_put(index->spill, record);
}

static void step_put(struct step_index *index, const struct transaction *transaction,
		     const struct transaction_step *step)
{
	const struct transaction_step *cause =
	    step->parent != TRANSACTION_NO_STEP ? &transaction->steps[step->parent] : NULL;
	struct step_record record = {
	    .tick = step->tick,
	    .id = step_poll_id(index->process, step->worker, step->tick),
	    .transaction = transaction->id,
	    .parent = cause ? step_poll_id(index->process, cause->worker, cause->tick) : 0,
	    .signature = transaction->signature,
	    .worker = step->worker,
	    .type = STEP_RECORD_POLL,
	    .cause = (uint8_t)step->cause,
	    .cut = (uint8_t)transaction->cut,
	};

	put(index, &record);
	if (cause && cause->tick > 0) {
		record.type = STEP_RECORD_FLOW;
		record.tick = cause->tick;
		record.worker = cause->worker;
		put(index, &record);
	}
	if (step->run_end_tick > 0) {
		record.type = STEP_RECORD_WORK;
		record.tick = step->run_tick;
		put(index, &record);
		record.type = STEP_RECORD_ITEM;
		record.tick = step->run_end_tick;
		record.parent = step->run_tick;
		put(index, &record);
	}
}

void step_index_add(struct step_index *index, const struct transaction *transaction)
{
	for (size_t i = 0; i < transaction->step_count; i++) {
		if (transaction->steps[i].tick > 0)
			step_put(index, transaction, &transaction->steps[i]);
	}
}

int step_index_finish(struct step_index *index)
{
	if (index->error == 0)
		index->error = tick_spill_finish(index->spill);
	return index->error;
}

void step_index_free(struct step_index *index)
{
	if (!index)
		return;
	tick_spill_free(index->spill);
	free(index);
}

/* ---- Reading --------------------------------------------------------------------------------- */

struct step_reader *step_reader_open(const struct step_index *index, uint64_t back_ticks)
{
	struct step_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->back_ticks = back_ticks;
	reader->spill = tick_spill_read(index->spill);
	if (reader->spill) {
		reader->next = tick_spill_next(reader->spill);
		return reader;
	}
	free(reader);
	return NULL;
}

static bool keep(struct step_reader *reader)
{
	if (reader->first > 0 && reader->end == reader->capacity) {
		reader->end -= reader->first;
		memmove(reader->records, reader->records + reader->first,
			reader->end * sizeof(*reader->records));
		reader->first = 0;
	}
	if (reader->end == reader->capacity) {
		size_t capacity = reader->capacity * 2 + 16;
		struct step_record *grown =
		    realloc(reader->records, capacity * sizeof(*reader->records));

		if (!grown) {
			reader->error = -ENOMEM;
			return false;
		}
		reader->records = grown;
		reader->capacity = capacity;
	}
	reader->records[reader->end++] = *reader->next;
	return true;
}

const struct step_record *step_reader_at(struct step_reader *reader, uint64_t tick, size_t *count)
{
	size_t at, end;

	while (reader->first < reader->end &&
	       reader->records[reader->first].tick + reader->back_ticks < tick)
		reader->first++;
	for (; reader->next && reader->next->tick <= tick;
	     reader->next = tick_spill_next(reader->spill)) {
		if (reader->next->tick + reader->back_ticks >= tick && !keep(reader))
			break;
	}
	for (end = reader->end; end > reader->first && reader->records[end - 1].tick > tick;)
		end--;
	for (at = end; at > reader->first && reader->records[at - 1].tick == tick;)
		at--;
	*count = end - at;
	return *count > 0 ? reader->records + at : NULL;
}

int step_reader_error(const struct step_reader *reader)
{
	return reader->error ? reader->error : tick_spill_error(reader->spill);
}

void step_reader_close(struct step_reader *reader)
{
	if (!reader)
		return;
	tick_spill_close(reader->spill);
	free(reader->records);
	free(reader);
}

const struct step_record *step_record_find(const struct step_record *records, size_t count,
					   size_t worker)
{
	for (size_t i = 0; i < count; i++) {
		if (records[i].type == STEP_RECORD_POLL && records[i].worker == worker)
			return &records[i];
	}
	return NULL;
}
