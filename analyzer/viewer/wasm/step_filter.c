/* SPDX-License-Identifier: Apache-2.0
 *
 * The filter by transactions: the polls and the work on the pool of one, or of all of some
 * signatures. The process is read once more for them.
 *
 * Rules: memory is bounded: of more than STEPS_MAX the first are shown, and that is told.
 */
#include <errno.h>
#include <stdlib.h>

#include "viewer.h"

#define STEPS_MAX 4000000u

static struct {
	struct lane_step *list;
	size_t count, room;
	uint64_t id; /* 0: by signature */
	uint64_t *hashes;
	size_t hash_count;
	bool left_out, failed;
} wanted;

void steps_forget(void)
{
	free(wanted.list);
	free(wanted.hashes);
	wanted.list = NULL;
	wanted.hashes = NULL;
	wanted.count = wanted.room = wanted.hash_count = 0;
	wanted.left_out = wanted.failed = false;
	viewer.filter.steps = NULL;
	viewer.filter.step_count = 0;
}

static void step_take(uint64_t tick, size_t worker)
{
	if (wanted.count >= STEPS_MAX) {
		wanted.left_out = true;
		return;
	}
	if (wanted.count == wanted.room) {
		size_t room = wanted.room ? wanted.room * 2 : 1024;
		struct lane_step *grown = realloc(wanted.list, room * sizeof(*grown));
		if (!grown) {
			wanted.failed = true;
			return;
		}
		wanted.list = grown;
		wanted.room = room;
	}
	wanted.list[wanted.count++] = (struct lane_step){tick, worker};
}

static int compare_hashes(const void *a, const void *b)
{
	const uint64_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

static bool is_wanted(const struct transaction *transaction)
{
	if (wanted.id)
		return transaction->id == wanted.id;
	return transaction->signature &&
	       bsearch(&transaction->signature, wanted.hashes, wanted.hash_count,
		       sizeof(*wanted.hashes), compare_hashes) != NULL;
}

static void over_take(void *arg, const struct transaction *transaction)
{
	(void)arg;
	for (size_t i = 0; is_wanted(transaction) && i < transaction->step_count; i++) {
		const struct transaction_step *step = &transaction->steps[i];
		if (step->tick > 0)
			step_take(step->tick, step->worker);
		if (step->run_end_tick > 0)
			step_take(step->run_tick,
				  pool_worker_of(step->run_tick, step->run_end_tick));
	}
}

static int by_tick(const void *a, const void *b)
{
	const struct lane_step *one = a, *other = b;

	return (one->tick > other->tick) - (one->tick < other->tick);
}

/* 1: too many, so not all; -ENOMEM. */
static int steps_find(void)
{
	int error = transactions_again(over_take, NULL);

	if (error == 0 && !wanted.list)
		wanted.list = calloc(1, sizeof(*wanted.list));
	if (error < 0 || wanted.failed || !wanted.list) {
		steps_forget();
		return -ENOMEM;
	}
	qsort(wanted.list, wanted.count, sizeof(*wanted.list), by_tick);
	viewer.filter.steps = wanted.list;
	viewer.filter.step_count = wanted.count;
	return wanted.left_out;
}

/* Before page_filter(): no steps are asked for any more. */
EXPORT(page_filter_no_steps) void page_filter_no_steps(void)
{
	steps_forget();
}

/* Before page_filter(): one transaction, by the two numbers of its id. */
EXPORT(page_filter_transaction) int page_filter_transaction(double id_ns, double id_worker)
{
	steps_forget();
	wanted.id = (uint64_t)id_ns << TRANSACTION_ID_WORKER_BITS | (uint64_t)id_worker;
	return steps_find();
}

/* Before page_filter(): signatures by their numbers, a byte each. */
EXPORT(page_filter_signatures)
int page_filter_signatures(const uint8_t *numbers, uint32_t count)
{
	const struct transactions *transactions = viewer.figures.transactions;

	steps_forget();
	wanted.id = 0;
	wanted.hashes = calloc(count + 1, sizeof(*wanted.hashes));
	if (!wanted.hashes)
		return -ENOMEM;
	for (uint32_t i = 0; i < count && i < transactions->signature_count; i++) {
		if (numbers[i])
			wanted.hashes[wanted.hash_count++] = transactions->signatures[i].hash;
	}
	qsort(wanted.hashes, wanted.hash_count, sizeof(*wanted.hashes), compare_hashes);
	return steps_find();
}
