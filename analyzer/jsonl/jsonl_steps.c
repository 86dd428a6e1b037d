/* SPDX-License-Identifier: Apache-2.0
 *
 * Which transaction each poll is part of (--transactions): found by a reading of the whole trace
 * beforehand, and looked up line by line.
 */
#include <errno.h>

#include "jsonl.h"

static void take(void *arg, const struct transaction *transaction)
{
	step_index_add(arg, transaction);
}

/* Lines are in the order of nanoseconds: among those of one nanosecond, ticks may go back. */
static uint64_t ticks_back(const struct trace_process *process)
{
	uint64_t rate = process->clock_ranges[0].rate;

	return rate > 0 ? ((uint64_t)1 << TRACE_RATE_BITS) / rate + 2 : 0;
}

int jsonl_steps_find(struct jsonl_process *process, struct trace *trace, size_t position)
{
	const struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	struct transactions_options wanted = {.over = take};
	struct timeline *timeline;
	struct transactions *transactions;
	int error = -ENOMEM;

	process->index = step_index_make(process->process);
	if (!process->index)
		return -ENOMEM;
	wanted.arg = process->index;
	transactions = transactions_read(trace, position, &options, &wanted, NULL, NULL, &timeline);
	if (transactions)
		error = step_index_finish(process->index);
	transactions_free(transactions);
	timeline_free(timeline);
	if (error == 0)
		process->steps = step_reader_open(process->index, ticks_back(process->process));
	return error || process->steps ? error : -ENOMEM;
}

const struct step_record *jsonl_step(const struct jsonl_process *process, size_t worker,
				     uint64_t tick)
{
	size_t count;
	const struct step_record *records = step_reader_at(process->steps, tick, &count);

	return step_record_find(records, count, worker);
}
